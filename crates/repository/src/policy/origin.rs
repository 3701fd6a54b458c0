//! Which level gives each value of an effective policy.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Policy, PolicyTarget, default_policy};

/// A level that takes part in an effective policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// For what it is defined.
    pub target: PolicyTarget,
    /// What it says.
    pub policy: Policy,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A policy.
    Defined(PolicyTarget),
    /// The defaults of the format.
    Default,
}

/// Lists that join the values of several levels; of everything else the most specific level counts.
const JOINED: [&str; 3] = [
    "compression.onlyCompress",
    "compression.neverCompress",
    "scheduling.timeOfDay",
];

/// The origins of the fields of a merged policy by names such as `retention.keepLatest`; several for joined lists only.
///
/// `levels` are those that were merged, most specific first.
pub fn origins(levels: &[Level], merged: &Policy) -> BTreeMap<String, Vec<Origin>> {
    let counting = match levels.iter().position(|level| level.policy.no_parent) {
        Some(last) => &levels[..=last],
        None => levels,
    };
    let mut sources: Vec<(Origin, BTreeMap<String, Value>)> = counting
        .iter()
        .map(|level| (Origin::Defined(level.target.clone()), fields(&level.policy)))
        .collect();
    if counting.len() == levels.len() && !levels.last().is_some_and(|level| level.policy.no_parent)
    {
        sources.push((Origin::Default, fields(&default_policy())));
    }
    let mut origins = BTreeMap::new();
    for (name, value) in fields(merged) {
        let having = sources
            .iter()
            .filter(|(_, fields)| {
                fields
                    .get(&name)
                    .is_some_and(|own| contributes(&name, own, &value))
            })
            .map(|(origin, _)| origin.clone());
        let most = if JOINED.contains(&name.as_str()) {
            usize::MAX
        } else {
            1
        };
        let having = having.take(most).collect();
        origins.insert(name, having);
    }
    origins
}

/// Whether a level's value is part of the merged one. A joined list ends at a level that says so, and what lies beyond may
/// be lacking.
fn contributes(name: &str, own: &Value, merged: &Value) -> bool {
    if !JOINED.contains(&name) {
        return true;
    }
    let (Value::Array(own), Value::Array(merged)) = (own, merged) else {
        return false;
    };
    own.iter().any(|value| merged.contains(value))
}

/// The fields that are set, by `section.field` or `section.part.field`; an action is one field.
fn fields(policy: &Policy) -> BTreeMap<String, Value> {
    fn collect(prefix: &str, value: Value, out: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(members)
                if prefix.split('.').next() != Some("actions") || prefix == "actions" =>
            {
                for (name, value) in members {
                    let name = if prefix.is_empty() {
                        name
                    } else {
                        format!("{prefix}.{name}")
                    };
                    collect(&name, value, out);
                }
            }
            value => {
                out.insert(prefix.to_owned(), value);
            }
        }
    }
    let mut out = BTreeMap::new();
    collect(
        "",
        serde_json::to_value(policy).unwrap_or_default(),
        &mut out,
    );
    out
}
