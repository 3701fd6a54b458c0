//! `ls` and `cat`: looking into a snapshot.

use std::io;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use holdfast_host::Cancel;
use holdfast_repository::directory::DirectoryEntry;
use indicatif::HumanBytes;
use serde::Serialize;

use crate::arguments::{CatArguments, LsArguments};
use crate::console::Console;
use crate::outcome::Outcome;
use crate::repository::Access;
use crate::{interrupt, repository};

/// An entry with the names of the format (format 2 §4.2).
#[derive(Serialize)]
pub(super) struct Entry {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    mode: String,
    size: i64,
    mtime: String,
    uid: u32,
    gid: u32,
    obj: Option<String>,
}

impl From<&DirectoryEntry> for Entry {
    fn from(entry: &DirectoryEntry) -> Self {
        let below = entry.summary.as_ref().map(|summary| summary.total_size);
        Self {
            name: String::from_utf8_lossy(entry.file_name()).into_owned(),
            kind: entry.kind.as_str().to_owned(),
            mode: entry.mode.to_string(),
            size: below.unwrap_or(entry.size),
            mtime: entry.mtime.to_string(),
            uid: entry.uid,
            gid: entry.gid,
            obj: entry.object.map(|object| object.to_string()),
        }
    }
}

pub(super) fn ls(arguments: &LsArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::read(&Cancel::new()))?;
    let page = holdfast_snapshot::list_content(
        &repo,
        &arguments.from.id,
        &arguments.from.path,
        None,
        usize::MAX,
    )?;
    let entries: Vec<Entry> = page.entries.iter().map(Entry::from).collect();
    console.result(&entries, || table(&entries))?;
    Ok(Outcome::Done)
}

fn table(entries: &[Entry]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for entry in entries {
        let slash = if entry.kind == "d" { "/" } else { "" };
        table.add_row([
            entry.mode.clone(),
            HumanBytes(entry.size.unsigned_abs()).to_string(),
            entry.mtime.clone(),
            format!("{}{slash}", entry.name.escape_debug()),
        ]);
    }
    if let Some(sizes) = table.column_mut(1) {
        sizes.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

pub(super) fn cat(arguments: &CatArguments) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let repo = repository::open(&arguments.repository, Access::read(&cancel))?;
    let mut output = io::stdout().lock();
    holdfast_snapshot::read_file(
        &repo,
        &arguments.from.id,
        &arguments.from.path,
        &mut output,
        &cancel,
    )?;
    Ok(Outcome::Done)
}
