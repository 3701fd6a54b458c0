//! `manifest list` and `manifest show`.

use std::fmt::Write;

use anyhow::{Context, Result};
use holdfast_host::Cancel;
use holdfast_repository::manifest::{Labels, Manifest};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::arguments::{ListManifestsArguments, ShowManifestsArguments};
use crate::console::Console;
use crate::failure::NotThere;
use crate::outcome::Outcome;
use crate::repository::{self, Access};

/// A manifest, with the names that a stock client prints.
#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    /// Bytes of the payload.
    length: usize,
    labels: &'a Labels,
    mtime: String,
}

impl<'a> From<&'a Manifest> for Listed<'a> {
    fn from(manifest: &'a Manifest) -> Self {
        Self {
            id: manifest.id.as_str(),
            length: manifest.data.get().len(),
            labels: &manifest.labels,
            mtime: manifest.modified.to_string(),
        }
    }
}

pub(super) fn list(arguments: &ListManifestsArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::read(&Cancel::new()))?;
    let manifests = repo.manifests()?;
    let mut found = manifests.find(&arguments.filter.iter().cloned().collect());
    // Sorting keeps the order of time among equals.
    found.sort_by(|left, right| {
        let keys = arguments.sort.iter();
        keys.map(|key| left.labels.get(key).cmp(&right.labels.get(key)))
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let documents: Vec<Listed<'_>> = found.into_iter().map(Listed::from).collect();
    console.result(&documents, || {
        let mut text = String::new();
        for listed in &documents {
            let kind = listed.labels.get("type").map_or("", String::as_str);
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{} {:>10} {} type:{}",
                listed.id,
                listed.length,
                listed.mtime,
                kind.escape_debug()
            );
            for (key, value) in listed.labels.iter().filter(|(key, _)| *key != "type") {
                let _ = write!(text, " {}:{}", key.escape_debug(), value.escape_debug());
            }
            text.push('\n');
        }
        text
    })?;
    Ok(Outcome::Done)
}

/// A manifest with its payload.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    manifest: Listed<'a>,
    data: &'a RawValue,
}

pub(super) fn show(arguments: &ShowManifestsArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::read(&Cancel::new()))?;
    let manifests = repo.manifests()?;
    let find = |id: &String| {
        let found = manifests.get(&id.as_str().into());
        let missing = || NotThere::manifest(format!("there is no manifest {id:?}"));
        Ok(found.ok_or_else(missing)?)
    };
    let found = arguments.ids.iter().map(find).collect::<Result<Vec<_>>>()?;
    let documents: Vec<Shown<'_>> = found
        .into_iter()
        .map(|manifest| Shown {
            manifest: manifest.into(),
            data: &manifest.data,
        })
        .collect();
    let text = documents.iter().map(text).collect::<Result<String>>()?;
    console.result(&documents, || text)?;
    Ok(Outcome::Done)
}

fn text(shown: &Shown<'_>) -> Result<String> {
    let manifest = &shown.manifest;
    let payload: Value = serde_json::from_str(shown.data.get())
        .with_context(|| format!("read the payload of manifest {}", manifest.id))?;
    let payload = serde_json::to_string_pretty(&payload).context("print the payload")?;
    let mut text = format!(
        "// id: {}\n// length: {}\n// modified: {}\n",
        manifest.id, manifest.length, manifest.mtime
    );
    for (key, value) in manifest.labels {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "// label {}:{}",
            key.escape_debug(),
            value.escape_debug()
        );
    }
    Ok(text + &payload + "\n")
}
