//! `list_points`, `list_content` and `find_path`.

use holdfast_host::Cancel;
use holdfast_protocol::agent::VaultContext;
use holdfast_protocol::agent::commands::{
    ContentEntry, ContentListing, EntryKind, FindPath, LARGEST_CONTENT_PAGE, LARGEST_POINT_PAGE,
    ListContent, ListPoints, ListedPoint, NamedSnapshot, PathFound, PointListing,
};
use holdfast_protocol::agent::failures;
use holdfast_repository::directory::{self, DirectoryEntry};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::snapshot::{self, SnapshotManifest};
use holdfast_snapshot::{PathSearch, list_content as read_page};
use jiff::Timestamp;
use uuid::Uuid;

use super::Partials;
use crate::failure::{Failure, WorkError};
use crate::state::VaultFolders;
use crate::tags::{JOB_TAG, RUN_TAG};
use crate::vaults::{Access, open_repository};

/// Entries of one part of a listing.
const ENTRIES_A_PART: usize = 200;

/// Lists the snapshots of a vault, oldest first. The cursor says where the page before ended, so that it does not matter when
/// snapshots come or go meanwhile.
pub fn list_points(
    request: &ListPoints,
    vault: &VaultContext,
    folders: &VaultFolders,
    cancel: &Cancel,
) -> Result<PointListing, WorkError> {
    let access = Access::reading(cancel);
    let repository = open_repository(vault, folders, None, &access)?;
    let mut snapshots = snapshot::list(&repository.manifests()?, None);
    snapshots.retain(|snapshot| !snapshot.is_companion());
    let limit = request
        .limit
        .unwrap_or(LARGEST_POINT_PAGE)
        .clamp(1, LARGEST_POINT_PAGE) as usize;
    snapshots.sort_by(|left, right| place(left).cmp(&place(right)));
    let start = match &request.cursor {
        None => 0,
        Some(cursor) => {
            let after = read_cursor(cursor)
                .ok_or_else(|| Failure::new(failures::BAD_REQUEST, "the cursor cannot be read"))?;
            snapshots.partition_point(|snapshot| place(snapshot) <= after)
        }
    };
    let rest = snapshots.get(start..).unwrap_or_default();
    let page = rest.get(..limit).unwrap_or(rest);
    let last = page.last().filter(|_| rest.len() > page.len());
    Ok(PointListing {
        next_cursor: last.map(cursor_after),
        points: page.iter().map(listed_point).collect(),
    })
}

/// Where a snapshot stands in a listing: by its start, then by its id.
fn place(snapshot: &SnapshotManifest) -> (i64, &str) {
    (snapshot.start_time.0, snapshot.id.as_str())
}

fn cursor_after(snapshot: &SnapshotManifest) -> String {
    let (start, id) = place(snapshot);
    format!("{start}.{id}")
}

fn read_cursor(cursor: &str) -> Option<(i64, &str)> {
    let (start, id) = cursor.split_once('.')?;
    Some((start.parse().ok()?, id))
}

fn listed_point(snapshot: &SnapshotManifest) -> ListedPoint {
    let summary = snapshot
        .root_entry
        .as_ref()
        .and_then(|entry| entry.summary.as_ref());
    let uuid = |tag: &str| snapshot.tag(tag).and_then(|text| text.parse().ok());
    ListedPoint {
        manifest_id: snapshot.id.to_string(),
        source_user: snapshot.source.user_name.clone(),
        source_host: snapshot.source.host.clone(),
        source_path: snapshot.source.path.clone(),
        start_time: timestamp(snapshot.start_time),
        end_time: timestamp(snapshot.end_time),
        root_object: snapshot
            .root_object()
            .map(|object| object.to_string())
            .unwrap_or_default(),
        files: summary.map_or(1, |summary| count(summary.files)),
        dirs: summary.map_or(0, |summary| count(summary.dirs)),
        bytes: summary.map_or_else(
            || {
                snapshot
                    .root_entry
                    .as_ref()
                    .map_or(0, |entry| count(entry.size))
            },
            |summary| count(summary.total_size),
        ),
        errors: count(snapshot.stats.error_count),
        incomplete: Some(snapshot.incomplete_reason.clone()).filter(|reason| !reason.is_empty()),
        description: snapshot.description.clone(),
        pins: snapshot.pins.clone(),
        job_uuid: uuid(JOB_TAG),
        run_uuid: uuid(RUN_TAG),
    }
}

/// A stored counter; other programs may write negative ones.
fn count(value: impl TryInto<u64>) -> u64 {
    value.try_into().unwrap_or(0)
}

/// A stored time; one outside of the calendar becomes the epoch.
pub(crate) fn timestamp(time: UnixNanos) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(time.0)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Lists a page of a folder of a snapshot; parts of it are sent as they are ready.
pub fn list_content(
    request: &ListContent,
    vault: &VaultContext,
    folders: &VaultFolders,
    cancel: &Cancel,
    partials: &Partials,
) -> Result<ContentListing, WorkError> {
    let access = Access::reading(cancel);
    let repository = open_repository(vault, folders, None, &access)?;
    let limit = request
        .limit
        .unwrap_or(LARGEST_CONTENT_PAGE)
        .clamp(1, LARGEST_CONTENT_PAGE) as usize;
    let page = read_page(
        &repository,
        &request.manifest_id,
        &request.path,
        request.cursor.as_deref(),
        limit,
    )?;
    let entries: Vec<ContentEntry> = page.entries.iter().map(content_entry).collect();
    if entries.len() > ENTRIES_A_PART {
        for part in entries.chunks(ENTRIES_A_PART) {
            cancel.check()?;
            let part = ContentListing {
                path: request.path.clone(),
                entries: part.to_vec(),
                next_cursor: None,
            };
            partials.send(serde_json::to_value(part).unwrap_or_default());
        }
    }
    Ok(ContentListing {
        path: request.path.clone(),
        entries,
        next_cursor: page.next_cursor,
    })
}

/// What an entry is.
pub(super) fn kind(entry: &DirectoryEntry) -> EntryKind {
    match entry.kind {
        directory::EntryKind::File => EntryKind::File,
        directory::EntryKind::Directory => EntryKind::Directory,
        directory::EntryKind::Symlink => EntryKind::Symlink,
        directory::EntryKind::Other(_) => EntryKind::Special,
    }
}

/// Bytes of an entry; of a folder those of all files below it.
pub(super) fn size(entry: &DirectoryEntry) -> u64 {
    let summary = entry.summary.as_ref();
    summary.map_or_else(|| count(entry.size), |summary| count(summary.total_size))
}

/// Permissions in octal digits.
pub(super) fn mode(entry: &DirectoryEntry) -> String {
    format!("{:04o}", entry.mode.to_unix() & 0o7777)
}

pub(super) fn content_entry(entry: &DirectoryEntry) -> ContentEntry {
    let summary = entry.summary.as_ref();
    ContentEntry {
        name: String::from_utf8_lossy(&entry.name).into_owned(),
        kind: kind(entry),
        size: size(entry),
        modified: Some(timestamp(entry.mtime)),
        mode: Some(mode(entry)),
        object_id: entry
            .object
            .map(|object| object.to_string())
            .unwrap_or_default(),
        files: summary.map(|summary| count(summary.files)),
    }
}

/// Says which snapshot after and which one before a moment has a path.
pub fn find_path(
    request: &FindPath,
    vault: &VaultContext,
    folders: &VaultFolders,
    cancel: &Cancel,
) -> Result<PathFound, WorkError> {
    let access = Access::reading(cancel);
    let repository = open_repository(vault, folders, None, &access)?;
    let mut search = PathSearch::new(&repository, &request.path)?;
    let mut first = |snapshots: &[NamedSnapshot]| -> Result<Option<Uuid>, WorkError> {
        for snapshot in snapshots {
            cancel.check()?;
            if search.is_in(&snapshot.manifest_id)? {
                return Ok(Some(snapshot.point));
            }
        }
        Ok(None)
    };
    Ok(PathFound {
        later: first(&request.later)?,
        earlier: first(&request.earlier)?,
    })
}
