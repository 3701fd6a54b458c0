//! `snapshot list`, `snapshot delete` and `snapshot pin`.

use std::collections::BTreeSet;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use holdfast_host::Cancel;
use holdfast_planning::retention::compact;
use holdfast_repository::snapshot::{self, SnapshotManifest};
use holdfast_repository::source::SourceIdentity;
use holdfast_snapshot::Retained;
use indicatif::HumanBytes;
use serde::Serialize;
use serde_json::json;

use super::source;
use crate::arguments::{DeleteArguments, ListArguments, PinArguments};
use crate::console::Console;
use crate::outcome::Outcome;
use crate::repository::{self, Access};

/// A snapshot with the names that stock clients print.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    snapshot: &'a SnapshotManifest,
    #[serde(rename = "retentionReason", skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

pub(super) fn run(arguments: &ListArguments, console: &Console) -> Result<Outcome> {
    let wanted = match &arguments.path {
        Some(path) => source::local(path, None, None)?,
        None => SourceIdentity::new(holdfast_host::user_name(), holdfast_host::host_name(), ""),
    };
    let repo = repository::open(&arguments.repository, Access::read(&Cancel::new()))?;
    let manifests = repo.manifests()?;
    let mut snapshots = snapshot::list(&manifests, None);
    snapshots.retain(|snapshot| is_wanted(snapshot, &wanted, arguments));
    let sources: BTreeSet<&SourceIdentity> = snapshots.iter().map(|found| &found.source).collect();
    let mut listed = Vec::with_capacity(snapshots.len());
    let mut unjudged = 0;
    for source in sources {
        match holdfast_snapshot::retained(&manifests, source) {
            Ok(judged) => listed.extend(judged),
            // The list is still good for finding a snapshot; only its reasons are not known.
            Err(error) => {
                unjudged += 1;
                console.failure(&error.into());
                let own = snapshots
                    .iter()
                    .filter(|snapshot| snapshot.source == *source);
                listed.extend(own.map(|snapshot| Retained {
                    snapshot: snapshot.clone(),
                    reasons: Vec::new(),
                    expired: false,
                }));
            }
        }
    }
    listed.retain(|judged| is_wanted(&judged.snapshot, &wanted, arguments));
    listed.sort_by(|left, right| left.snapshot.list_order(&right.snapshot));
    let documents: Vec<Listed<'_>> = listed
        .iter()
        .map(|judged| Listed {
            snapshot: &judged.snapshot,
            reasons: judged.reasons.iter().map(ToString::to_string).collect(),
        })
        .collect();
    console.result(&documents, || table(&listed))?;
    Ok(Outcome::of_items(unjudged))
}

/// Without `--all`, only snapshots of this user and host, without `--incomplete` only complete ones; a path narrows either.
fn is_wanted(
    snapshot: &SnapshotManifest,
    wanted: &SourceIdentity,
    arguments: &ListArguments,
) -> bool {
    let source = &snapshot.source;
    let own = source.user_name == wanted.user_name && source.host == wanted.host;
    let path = wanted.path.is_empty() || source.path == wanted.path;
    path && (arguments.all || own)
        && (arguments.incomplete || snapshot.is_complete())
        && !snapshot.is_companion()
}

fn table(snapshots: &[Retained]) -> String {
    if snapshots.is_empty() {
        return "no snapshots (--all shows those of other users and hosts)".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["SNAPSHOT", "TIME", "SOURCE", "FILES", "SIZE", ""]);
    for judged in snapshots {
        let snapshot = &judged.snapshot;
        let summary = snapshot
            .root_entry
            .as_ref()
            .and_then(|root| root.summary.as_deref());
        let mut remarks = Vec::new();
        if !snapshot.is_complete() {
            remarks.push(format!("incomplete: {}", snapshot.incomplete_reason));
        }
        if !judged.reasons.is_empty() && snapshot.is_complete() {
            remarks.push(compact(&judged.reasons).join(", "));
        }
        if judged.expired {
            remarks.push("expired".to_owned());
        }
        if !snapshot.pins.is_empty() {
            remarks.push(format!("pinned: {}", snapshot.pins.join(", ")));
        }
        if !snapshot.description.is_empty() {
            remarks.push(snapshot.description.escape_debug().to_string());
        }
        table.add_row([
            snapshot.id.to_string(),
            snapshot.start_time.to_string(),
            snapshot.source.to_string(),
            summary.map_or_else(String::new, |summary| summary.files.to_string()),
            summary.map_or_else(String::new, |summary| {
                HumanBytes(summary.total_size.unsigned_abs()).to_string()
            }),
            remarks.join("; "),
        ]);
    }
    for column in [3, 4] {
        if let Some(numbers) = table.column_mut(column) {
            numbers.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

pub(super) fn delete(arguments: &DeleteArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::write(&Cancel::new()))?;
    holdfast_snapshot::delete(&repo, &[arguments.id.as_str().into()])?;
    console.result(&json!({"id": arguments.id}), || {
        format!("deleted snapshot {}", arguments.id)
    })?;
    Ok(Outcome::Done)
}

pub(super) fn pin(arguments: &PinArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::write(&Cancel::new()))?;
    let changed =
        holdfast_snapshot::change_pins(&repo, &arguments.ids, &arguments.add, &arguments.remove)?;
    let documents: Vec<_> = changed
        .iter()
        .map(|pinned| json!({"id": pinned.id, "oldId": pinned.old_id, "pins": pinned.pins}))
        .collect();
    console.result(&documents, || {
        changed
            .iter()
            .map(|pinned| match pinned.old_id == pinned.id {
                true => format!("snapshot {}: nothing to change\n", pinned.id),
                false => format!(
                    "snapshot {} is now {}, pins: {}\n",
                    pinned.old_id,
                    pinned.id,
                    if pinned.pins.is_empty() {
                        "none".to_owned()
                    } else {
                        pinned.pins.join(", ")
                    }
                ),
            })
            .collect()
    })?;
    Ok(Outcome::Done)
}
