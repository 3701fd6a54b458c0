//! `policy show`: the effective policy of a source.

use std::collections::BTreeMap;

use anyhow::Result;
use comfy_table::{Table, presets};
use holdfast_host::Cancel;
use holdfast_repository::json::UnixNanos;
use holdfast_repository::manifest::Manifests;
use holdfast_repository::policy::{self, Level, Origin, Policy, PolicyTarget};
use holdfast_repository::snapshot;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use crate::arguments::ShowPolicyArguments;
use crate::console::Console;
use crate::outcome::Outcome;
use crate::repository::{self, Access};

/// An effective policy, with the names that stock clients print, and what explains it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    policy: Value,
    /// Where each value comes from.
    origins: BTreeMap<String, Vec<String>>,
    /// When the next snapshot is due by the schedule.
    #[serde(rename = "nextSnapshotTime")]
    next_snapshot_time: Option<String>,
}

pub(super) fn run(arguments: &ShowPolicyArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::read(&Cancel::new()))?;
    let manifests = repo.manifests()?;
    let now = repo.clock().now().into();
    for target in super::targets(&arguments.targets, &manifests)? {
        let levels = policy::levels(&manifests, &target)?;
        let merged = policy::effective(levels.iter().map(|level| &level.policy));
        let origins = named_origins(&levels, &merged, &target);
        let next = next_snapshot(&manifests, &target, &merged, now);
        let shown = Shown {
            policy: serde_json::to_value(&merged)?,
            origins,
            next_snapshot_time: next.map(|time| time.to_string()),
        };
        console.result(&shown, || text(&target, &shown))?;
    }
    Ok(Outcome::Done)
}

fn named_origins(
    levels: &[Level],
    merged: &Policy,
    target: &PolicyTarget,
) -> BTreeMap<String, Vec<String>> {
    let name = |origin: Origin| match origin {
        Origin::Defined(level) if level == *target => "(defined for this target)".to_owned(),
        Origin::Defined(level) => format!("inherited from {level}"),
        Origin::Default => "default".to_owned(),
    };
    policy::origins(levels, merged)
        .into_iter()
        .map(|(field, origins)| (field, origins.into_iter().map(name).collect()))
        .collect()
}

/// When a stock server would take the next snapshot; of sources only.
fn next_snapshot(
    manifests: &Manifests,
    target: &PolicyTarget,
    policy: &Policy,
    now: UnixNanos,
) -> Option<UnixNanos> {
    if target.path.is_empty() {
        return None;
    }
    let last = snapshot::list(manifests, Some(target));
    let previous = last.iter().map(|snapshot| snapshot.start_time).max();
    let previous = previous.unwrap_or(UnixNanos::EPOCH);
    let schedule = policy.scheduling.schedule();
    let next = schedule.next_run(previous.0, now.0, &TimeZone::system());
    next.map(UnixNanos)
}

fn text(target: &PolicyTarget, shown: &Shown) -> String {
    let mut text = format!("policy of {target}\n");
    let Value::Object(sections) = &shown.policy else {
        return text;
    };
    for (section, content) in sections {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        rows(&mut table, section, section, content, &shown.origins);
        if table.is_empty() {
            continue;
        }
        text += &format!("\n{section}\n{}\n", table.trim_fmt());
    }
    if let Some(next) = &shown.next_snapshot_time {
        text += &format!("\nnext snapshot by this schedule: {next}\n");
    }
    text
}

/// A row for each field that has an origin.
fn rows(
    table: &mut Table,
    section: &str,
    name: &str,
    value: &Value,
    origins: &BTreeMap<String, Vec<String>>,
) {
    if let Some(from) = origins.get(name) {
        let field = name
            .strip_prefix(section)
            .unwrap_or(name)
            .trim_start_matches('.');
        table.add_row([format!("  {field}"), plain(value), from.join(", ")]);
    } else if let Value::Object(fields) = value {
        for (field, value) in fields {
            rows(table, section, &format!("{name}.{field}"), value, origins);
        }
    }
}

/// A value as a person reads it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.escape_debug().to_string(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => match (fields.get("hour"), fields.get("min")) {
            (Some(Value::Number(hour)), Some(Value::Number(minute))) => {
                format!("{hour}:{:0>2}", minute.to_string())
            }
            _ => {
                let parts = fields.iter().map(|(name, value)| match value {
                    Value::Array(_) => format!("{name}: {value}"),
                    value => format!("{name}: {}", plain(value)),
                });
                parts.collect::<Vec<_>>().join("\n")
            }
        },
        other => other.to_string(),
    }
}
