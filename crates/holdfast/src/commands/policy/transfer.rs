//! `policy export` and `policy import`: policies as one document, by their targets.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

use anyhow::{Context, Result, bail};
use holdfast_host::Cancel;
use holdfast_repository::policy::{self, PolicyTarget};
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::source;
use crate::arguments::{ExportPolicyArguments, ImportPolicyArguments, PolicyTargets};
use crate::console::Console;
use crate::failure::UsageError;
use crate::outcome::Outcome;
use crate::repository::{self, Access};

/// Scripts of actions may hold secrets.
const MODE: u32 = 0o600;

pub(super) fn export(arguments: &ExportPolicyArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::read(&Cancel::new()))?;
    let manifests = repo.manifests()?;
    let mut documents: BTreeMap<String, Value> = BTreeMap::new();
    if names_any(&arguments.targets) {
        for target in super::targets(&arguments.targets, &manifests)? {
            let Some(document) = policy::defined_document(&manifests, &target)? else {
                bail!("{target} has no policy of its own; `policy list` shows which have");
            };
            documents.insert(target.to_string(), super::document(&document)?);
        }
    } else {
        // Of several for one target the newest counts, as everywhere.
        for stored in policy::list(&manifests) {
            documents.insert(
                stored.target.to_string(),
                super::document(&stored.document?)?,
            );
        }
    }
    let Some(file) = &arguments.to_file else {
        let text = serde_json::to_string_pretty(&documents)?;
        console.result(&documents, || text)?;
        return Ok(Outcome::Done);
    };
    if !arguments.overwrite && file.exists() {
        let message = format!("{} exists", file.display());
        return Err(UsageError::new(message)
            .hint("Give --overwrite to replace it.")
            .into());
    }
    let text = serde_json::to_string_pretty(&documents)? + "\n";
    holdfast_host::fs::atomic_write(file, text.as_bytes(), MODE)
        .with_context(|| format!("write {}", file.display()))?;
    console.result(
        &serde_json::json!({"file": file, "policies": documents.len()}),
        || format!("wrote {} policies to {}", documents.len(), file.display()),
    )?;
    Ok(Outcome::Done)
}

pub(super) fn import(arguments: &ImportPolicyArguments, console: &Console) -> Result<Outcome> {
    let mut text = String::new();
    match &arguments.from_file {
        Some(file) => {
            text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        }
        None => {
            std::io::stdin()
                .read_to_string(&mut text)
                .context("read standard input")?;
        }
    }
    let given: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).map_err(|error| {
        UsageError::new(format!("this is no document of `policy export`: {error}"))
    })?;
    let repo = repository::open(&arguments.repository, Access::write(&Cancel::new()))?;
    let manifests = repo.manifests()?;
    let only = if names_any(&arguments.targets) {
        Some(super::targets(&arguments.targets, &manifests)?)
    } else {
        None
    };
    let mut edits = super::edits(&repo);
    let mut imported: Vec<PolicyTarget> = Vec::new();
    for (name, document) in &given {
        let target = source::target(name)?;
        if only.as_ref().is_some_and(|only| !only.contains(&target)) {
            continue;
        }
        let refused = |reason: String| UsageError::new(format!("the policy of {target}: {reason}"));
        let document = policy::validate_document(&target, document.get().as_bytes())
            .map_err(|error| refused(error.to_string()))?;
        let unknown: Vec<String> = document.unknown_fields().collect();
        if !unknown.is_empty() && !arguments.allow_unknown_fields {
            let reason = format!("this version does not know {}", unknown.join(", "));
            return Err(refused(reason)
                .hint("Give --allow-unknown-fields to store them without effect.")
                .into());
        }
        policy::set_document(&mut edits, &manifests, &target, &document)?;
        imported.push(target);
    }
    let mut removed: Vec<PolicyTarget> = Vec::new();
    if arguments.delete_other_policies {
        for stored in policy::list(&manifests) {
            if !imported.contains(&stored.target)
                && policy::remove(&mut edits, &manifests, &stored.target)
            {
                removed.push(stored.target);
            }
        }
        removed.dedup();
    }
    edits.publish(&repo)?;
    let result = serde_json::json!({"imported": imported, "removed": removed});
    console.result(&result, || {
        let lines = imported
            .iter()
            .map(|target| format!("set the policy of {target}\n"));
        let gone = removed
            .iter()
            .map(|target| format!("removed the policy of {target}\n"));
        lines.chain(gone).collect()
    })?;
    Ok(Outcome::Done)
}

fn names_any(targets: &PolicyTargets) -> bool {
    targets.global || !targets.targets.is_empty()
}
