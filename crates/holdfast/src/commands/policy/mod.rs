//! `policy`: what snapshots contain and how long they are kept.

mod change;
mod show;
mod transfer;

use std::sync::Arc;

use anyhow::Result;
use holdfast_host::Cancel;
use holdfast_repository::Repository;
use holdfast_repository::manifest::{ManifestEdits, Manifests};
use holdfast_repository::policy::{self, PolicyDocument, PolicyTarget};
use holdfast_repository::source::SourceIdentity;
use serde::Serialize;
use serde_json::Value;

use super::source;
use crate::arguments::{
    DeletePolicyArguments, ListPolicyArguments, PolicyCommand, PolicyTargets, SetPolicyArguments,
};
use crate::console::Console;
use crate::failure::UsageError;
use crate::outcome::Outcome;
use crate::repository::{self, Access};

pub(super) fn run(command: PolicyCommand, console: &Console) -> Result<Outcome> {
    match command {
        PolicyCommand::Show(arguments) => show::run(&arguments, console),
        PolicyCommand::Set(arguments) => set(&arguments, console),
        PolicyCommand::List(arguments) => list(&arguments, console),
        PolicyCommand::Delete(arguments) => delete(&arguments, console),
        PolicyCommand::Export(arguments) => transfer::export(&arguments, console),
        PolicyCommand::Import(arguments) => transfer::import(&arguments, console),
    }
}

/// What the command line names; there must be something.
fn targets(arguments: &PolicyTargets, manifests: &Manifests) -> Result<Vec<PolicyTarget>> {
    if arguments.global {
        return Ok(vec![PolicyTarget::default()]);
    }
    if arguments.targets.is_empty() {
        return Err(UsageError::new("no target is named")
            .hint("Name a path, USER@HOST:PATH, USER@HOST or @HOST, or give --global.")
            .into());
    }
    let stored = policy::list(manifests);
    let target = |text: &String| {
        let by_id = stored.iter().find(|policy| policy.id.as_str() == text);
        by_id.map_or_else(|| source::target(text), |policy| Ok(policy.target.clone()))
    };
    arguments.targets.iter().map(target).collect()
}

/// A policy with what it is for, with the names that stock clients print.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    target: &'a SourceIdentity,
    #[serde(flatten)]
    policy: Value,
    /// Why the policy cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn document(document: &PolicyDocument) -> Result<Value> {
    Ok(serde_json::to_value(document)?)
}

fn list(arguments: &ListPolicyArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::read(&Cancel::new()))?;
    let stored = policy::list(&repo.manifests()?);
    let mut listed = Vec::with_capacity(stored.len());
    let mut text = String::new();
    let mut damaged = 0;
    for policy in &stored {
        let (content, error) = match &policy.document {
            Ok(content) => (document(content)?, None),
            Err(error) => (
                Value::Object(serde_json::Map::new()),
                Some(error.to_string()),
            ),
        };
        damaged += usize::from(error.is_some());
        text += &format!("{} {}\n", policy.id, policy.target);
        if let Some(error) = &error {
            text += &format!("  {error}\n");
        }
        listed.push(Listed {
            id: Some(policy.id.as_str()),
            target: &policy.target,
            policy: content,
            error,
        });
    }
    console.result(&listed, || {
        if stored.is_empty() {
            "no policies: the defaults apply".to_owned()
        } else {
            text
        }
    })?;
    Ok(Outcome::of_items(damaged))
}

fn set(arguments: &SetPolicyArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::write(&Cancel::new()))?;
    let manifests = repo.manifests()?;
    let mut edits = edits(&repo);
    let mut changed = Vec::new();
    for target in targets(&arguments.targets, &manifests)? {
        let present = policy::defined_document(&manifests, &target)?.unwrap_or_default();
        let policy = change::apply(arguments, &present.policy)?;
        policy::validate_change(&target, &present.policy, &policy)
            .map_err(|error| UsageError::new(format!("the policy of {target}: {error}")))?;
        let document = present.with_policy(policy);
        policy::set_document(&mut edits, &manifests, &target, &document)?;
        changed.push((target, document));
    }
    edits.publish(&repo)?;
    let mut listed = Vec::new();
    let mut text = String::new();
    for (target, content) in &changed {
        text += &format!("set the policy of {target}\n");
        for field in content.unknown_fields() {
            text += &format!("  {field} is not known to this version and has no effect\n");
        }
        listed.push(Listed {
            id: None,
            target,
            policy: document(content)?,
            error: None,
        });
    }
    console.result(&listed, || text)?;
    Ok(Outcome::Done)
}

fn delete(arguments: &DeletePolicyArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::write(&Cancel::new()))?;
    let manifests = repo.manifests()?;
    let mut edits = edits(&repo);
    let mut removed = Vec::new();
    let mut text = String::new();
    let what = if arguments.dry_run {
        "would remove"
    } else {
        "removed"
    };
    for target in targets(&arguments.targets, &manifests)? {
        if policy::remove(&mut edits, &manifests, &target) {
            text += &format!("{what} the policy of {target}\n");
            removed.push(target);
        } else {
            text += &format!("{target} has no policy of its own\n");
        }
    }
    if !arguments.dry_run {
        edits.publish(&repo)?;
    }
    console.result(&removed, || text)?;
    Ok(Outcome::Done)
}

fn edits(repo: &Arc<Repository>) -> ManifestEdits {
    ManifestEdits::new(Arc::clone(repo.clock()))
}
