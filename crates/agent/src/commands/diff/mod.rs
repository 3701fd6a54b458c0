//! `diff`: what differs between two snapshots, folder by folder.

mod collect;

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use holdfast_host::Cancel;
use holdfast_protocol::agent::VaultContext;
use holdfast_protocol::agent::commands::{Comparison, Diff, LARGEST_DIFF_PAGE};
use holdfast_protocol::agent::failures;
use holdfast_repository::Repository;
use holdfast_repository::directory::{DirectoryEntry, EntryKind};
use holdfast_snapshot::{Error, Located, locate};

use self::collect::{Collected, Collector, amount, state};
use super::Partials;
use crate::failure::{Failure, WorkError};
use crate::state::VaultFolders;
use crate::vaults::{Access, open_repository};

/// Between two parts of a comparison.
const PAUSE: Duration = Duration::from_millis(500);

/// Entries of a part: the largest changes so far.
const PART_ENTRIES: usize = 200;

/// Compares a folder of two snapshots. Memory is bounded by what is listed, whatever differs.
///
/// # Errors
/// `snapshot_not_found`, `path_not_found` where neither snapshot has the folder, and those of the storage.
pub fn diff(
    request: &Diff,
    vault: &VaultContext,
    folders: &VaultFolders,
    cancel: &Cancel,
    partials: &Partials,
) -> Result<Comparison, WorkError> {
    let access = Access::reading(cancel);
    let repository = open_repository(vault, folders, None, &access)?;
    let start = match &request.cursor {
        None => 0,
        Some(cursor) => cursor
            .parse::<usize>()
            .map_err(|_| Failure::new(failures::BAD_REQUEST, "the cursor is not valid"))?,
    };
    let limit = request
        .limit
        .unwrap_or(LARGEST_DIFF_PAGE)
        .clamp(1, LARGEST_DIFF_PAGE) as usize;
    let (before, after) = sides(&repository, request)?;
    let mut collector = Collector::new(request.list, &request.changes, request.name.as_deref());
    let totals_before = files_below(&before);
    let mut told = Instant::now();
    let counted = holdfast_snapshot::diff(
        &repository,
        &before,
        &after,
        cancel,
        &mut |path, difference| {
            collector.take(path, &difference);
            if told.elapsed() >= PAUSE {
                told = Instant::now();
                let part = Comparison {
                    path: request.path.clone(),
                    totals: collector.totals(None),
                    entries: collector.largest(PART_ENTRIES),
                    ..Comparison::default()
                };
                partials.send(serde_json::to_value(part).map_err(io::Error::other)?);
            }
            Ok(())
        },
    )?;
    let totals = collector.totals(totals_before);
    let Collected {
        mut entries,
        left_out,
    } = collector.finish();
    let count = entries.len();
    let end = count.min(start.saturating_add(limit));
    let mut entries: Vec<_> = entries.drain(start.min(end)..end).collect();
    let sizes = [
        sizes_in(&repository, &before)?,
        sizes_in(&repository, &after)?,
    ];
    for entry in &mut entries {
        // A folder in which something changed says nothing of itself.
        for (side, sizes) in [&mut entry.before, &mut entry.after]
            .into_iter()
            .zip(&sizes)
        {
            if side.is_none()
                && let Some(child) = sizes.get(&entry.path)
            {
                *side = Some(state(child));
            }
        }
    }
    Ok(Comparison {
        path: request.path.clone(),
        totals,
        entries,
        count: amount(count),
        left_out,
        unreadable: counted.unreadable,
        next_cursor: (end < count).then(|| end.to_string()),
        complete: true,
    })
}

/// The folder in both snapshots; where one has none, nothing stands in for it.
fn sides(repository: &Repository, request: &Diff) -> Result<(Located, Located), WorkError> {
    let find = |manifest: &str| match locate(repository, manifest, &request.path) {
        Ok(found) => Ok(Some(found)),
        Err(Error::PathNotFound { .. }) => Ok(None),
        Err(error) => Err(WorkError::from(error)),
    };
    let nothing = || Located {
        entry: DirectoryEntry::new("", EntryKind::Directory),
        path: String::new(),
        snapshot: None,
    };
    match (find(&request.before)?, find(&request.after)?) {
        (None, None) => Err(Failure::of_code(failures::PATH_NOT_FOUND).into()),
        (before, after) => Ok((
            before.unwrap_or_else(nothing),
            after.unwrap_or_else(nothing),
        )),
    }
}

/// Files and links below a folder, as the snapshot itself counted them.
fn files_below(folder: &Located) -> Option<u64> {
    match &folder.entry.summary {
        Some(summary) => u64::try_from(summary.files.checked_add(summary.symlinks)?).ok(),
        None => folder.entry.object.is_none().then_some(0),
    }
}

/// The folders right in a folder by their names. One that cannot be read has none; the comparison says so.
fn sizes_in(
    repository: &Repository,
    folder: &Located,
) -> Result<HashMap<String, DirectoryEntry>, WorkError> {
    let Some(object) = folder.entry.object.filter(|_| folder.entry.is_directory()) else {
        return Ok(HashMap::new());
    };
    let entries = match repository.read_directory(&object) {
        Ok(directory) => directory.entries,
        Err(error) => match WorkError::from(error) {
            WorkError::Failed(failure) if failure.code == failures::REPOSITORY_DAMAGED => {
                Vec::new()
            }
            error => return Err(error),
        },
    };
    Ok(entries
        .into_iter()
        .filter(DirectoryEntry::is_directory)
        .map(|entry| (entry.name_text().into_owned(), entry))
        .collect())
}
