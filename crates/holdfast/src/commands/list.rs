//! `snapshot list` and `snapshot delete`.

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use holdfast_host::Cancel;
use holdfast_repository::snapshot::SnapshotManifest;
use holdfast_repository::source::SourceIdentity;
use indicatif::HumanBytes;
use serde_json::json;

use super::source;
use crate::arguments::{DeleteArguments, ListArguments};
use crate::console::Console;
use crate::outcome::Outcome;
use crate::repository::{self, Access};

pub(super) fn run(arguments: &ListArguments, console: &Console) -> Result<Outcome> {
    let wanted = match &arguments.path {
        Some(path) => source::local(path, None, None)?,
        None => SourceIdentity::new(holdfast_host::user_name(), holdfast_host::host_name(), ""),
    };
    let repo = repository::open(&arguments.repository, Access::read(&Cancel::new()))?;
    let mut snapshots = holdfast_repository::snapshot::list(&repo.manifests()?, None);
    snapshots.retain(|snapshot| is_wanted(snapshot, &wanted, arguments.all));
    console.result(&snapshots, || table(&snapshots))?;
    Ok(Outcome::Done)
}

/// Without `all`, only complete snapshots of this user and host; a path narrows either.
fn is_wanted(snapshot: &SnapshotManifest, wanted: &SourceIdentity, all: bool) -> bool {
    let source = &snapshot.source;
    let own = source.user_name == wanted.user_name && source.host == wanted.host;
    let path = wanted.path.is_empty() || source.path == wanted.path;
    path && (all || own && snapshot.is_complete())
}

fn table(snapshots: &[SnapshotManifest]) -> String {
    if snapshots.is_empty() {
        return "no snapshots (--all shows those of other users and hosts)".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["SNAPSHOT", "TIME", "SOURCE", "FILES", "SIZE", ""]);
    for snapshot in snapshots {
        let summary = snapshot
            .root_entry
            .as_ref()
            .and_then(|root| root.summary.as_deref());
        let mut remarks = Vec::new();
        if !snapshot.is_complete() {
            remarks.push(format!("incomplete: {}", snapshot.incomplete_reason));
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
