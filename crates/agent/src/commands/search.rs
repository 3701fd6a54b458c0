//! `search`: files in all snapshots of a vault, by the search index in the vault's cache.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use holdfast_host::Cancel;
use holdfast_planning::find::NamePattern;
use holdfast_protocol::agent::commands::{
    Deleted, FileVersion, LARGEST_SEARCH_PAGE, MOST_VERSIONS, SEARCH_PAGE, Search, SearchHit,
    SearchResult, SearchedSource, SeenIn,
};
use holdfast_protocol::agent::{VaultContext, failures};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::snapshot::{self, SnapshotManifest};
use holdfast_repository::{Repository, SourceIdentity};
use holdfast_snapshot::{FindProgress, FindRequest, Found, FoundVersion, find};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::Partials;
use super::points::{content_entry, timestamp};
use crate::failure::{Failure, WorkError};
use crate::state::VaultFolders;
use crate::vaults::{Access, open_repository};

/// Between two parts of an answer. Each also learns whether anybody still waits for it.
const PAUSE: Duration = Duration::from_millis(250);

/// Largest part, in bytes of JSON, but for its last path.
const LARGEST_PART: usize = 128 << 10;

/// A page ends behind the path with which it has so many bytes of JSON.
const LARGEST_PAGE: usize = 4 << 20;

/// Looks for files and tells what it found so far on the way.
///
/// # Errors
/// `bad_request` for a pattern or a cursor that cannot be read, what opening a vault may answer, `Cancelled`.
pub fn search(
    request: &Search,
    vault: &VaultContext,
    folders: &VaultFolders,
    cancel: &Cancel,
    partials: &Partials,
) -> Result<SearchResult, WorkError> {
    let pattern = match &request.path {
        Some(path) => NamePattern::exact(path),
        None => NamePattern::parse(&request.pattern, !request.match_case)
            .map_err(|error| Failure::new(failures::BAD_REQUEST, error.to_string()))?,
    };
    let after = request.cursor.as_deref().map(Place::read).transpose()?;
    let access = Access::reading(cancel);
    let repository = open_repository(vault, folders, None, &access)?;
    let newest = newest_of_sources(&repository)?;
    let is_wanted = |source: &&SourceIdentity| {
        after.as_ref().is_none_or(|after| **source >= after.source)
            && (request.sources.is_empty()
                || request.sources.iter().any(|wanted| is_of(source, wanted)))
    };
    let sources: Vec<SourceIdentity> = newest.keys().filter(is_wanted).cloned().collect();
    if sources.is_empty() {
        return Ok(SearchResult::default());
    }
    let mut order = FindRequest::new(pattern);
    order.cancel = cancel.clone();
    // A search of everything also tidies up after sources that are gone.
    if sources.len() < newest.len() {
        order.sources = sources;
    }
    if let Some((folder, _)) = request
        .path
        .as_deref()
        .and_then(|path| path.rsplit_once('/'))
    {
        order.path = folder.to_owned();
    }
    let page = Mutex::new(Page::new(request, after, newest));
    let progress = order.progress.clone();
    let (over, is_over) = mpsc::channel::<()>();
    let found = std::thread::scope(|scope| {
        let (page, progress) = (&page, &progress);
        scope.spawn(move || {
            while is_over.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                let parts = page.lock().parts(progress);
                for part in parts {
                    partials.send(serde_json::to_value(part).unwrap_or_default());
                }
            }
        });
        let found = find(&repository, &order, &mut |found| page.lock().take(found));
        drop(over);
        found
    });
    let page = page.into_inner();
    let unreadable = match found {
        Ok(report) => report.unreadable.len() as u64,
        Err(holdfast_snapshot::Error::Output(_)) if page.is_full => 0,
        Err(error) => return Err(error.into()),
    };
    Ok(SearchResult {
        points: progress.points(),
        points_done: progress.points_done(),
        unreadable,
        next_cursor: page.next_cursor(),
        hits: page.hits,
    })
}

/// When the newest snapshot of each source began that a search looks at.
fn newest_of_sources(
    repository: &Repository,
) -> Result<BTreeMap<SourceIdentity, UnixNanos>, WorkError> {
    let mut newest: BTreeMap<SourceIdentity, UnixNanos> = BTreeMap::new();
    for snapshot in snapshot::list(&repository.manifests()?, None) {
        if snapshot.is_complete() && !snapshot.is_companion() {
            let at = newest.entry(snapshot.source).or_insert(snapshot.start_time);
            *at = (*at).max(snapshot.start_time);
        }
    }
    Ok(newest)
}

fn is_of(source: &SourceIdentity, wanted: &SearchedSource) -> bool {
    let fits = |part: &str, wanted: &str| wanted.is_empty() || part == wanted;
    fits(&source.user_name, &wanted.user)
        && fits(&source.host, &wanted.host)
        && fits(&source.path, &wanted.path)
}

/// Where a page ended: in the order in which paths are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    source: SourceIdentity,
    path: String,
}

impl Place {
    fn read(cursor: &str) -> Result<Self, Failure> {
        let bytes = BASE64.decode(cursor).ok();
        bytes
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or_else(|| Failure::new(failures::BAD_REQUEST, "the cursor is not valid"))
    }

    fn write(&self) -> String {
        BASE64.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Whether something found comes behind it.
    fn is_before(&self, found: &Found<'_>) -> bool {
        let names = found.path.split('/').cmp(self.path.split('/'));
        found.source.cmp(&self.source).then(names) == Ordering::Greater
    }
}

/// What was found so far.
struct Page<'a> {
    request: &'a Search,
    after: Option<Place>,
    newest: BTreeMap<SourceIdentity, UnixNanos>,
    limit: usize,
    versions: usize,
    hits: Vec<SearchHit>,
    /// Bytes of JSON of each of them.
    sizes: Vec<usize>,
    bytes: usize,
    /// So many of them are in parts already.
    told: usize,
    /// There is more.
    is_full: bool,
}

impl<'a> Page<'a> {
    fn new(
        request: &'a Search,
        after: Option<Place>,
        newest: BTreeMap<SourceIdentity, UnixNanos>,
    ) -> Self {
        let limit = request.limit.unwrap_or(SEARCH_PAGE);
        let versions = request.versions.unwrap_or(MOST_VERSIONS);
        Self {
            request,
            after,
            newest,
            limit: limit.clamp(1, LARGEST_SEARCH_PAGE) as usize,
            versions: versions.clamp(1, MOST_VERSIONS) as usize,
            hits: Vec::new(),
            sizes: Vec::new(),
            bytes: 0,
            told: 0,
            is_full: false,
        }
    }

    /// Takes what was found, or ends the search when there is no place for it.
    fn take(&mut self, found: &Found<'_>) -> io::Result<()> {
        if self
            .after
            .as_ref()
            .is_some_and(|after| !after.is_before(found))
        {
            return Ok(());
        }
        let Some(hit) = self.hit(found) else {
            return Ok(());
        };
        if self.hits.len() >= self.limit || self.bytes >= LARGEST_PAGE {
            self.is_full = true;
            return Err(io::Error::other("the page is full"));
        }
        let size = serde_json::to_vec(&hit).map_or(0, |json| json.len());
        self.bytes += size;
        self.sizes.push(size);
        self.hits.push(hit);
        Ok(())
    }

    /// What is told of something found; `None` when it is not meant.
    fn hit(&self, found: &Found<'_>) -> Option<SearchHit> {
        let ends = found
            .versions
            .iter()
            .filter_map(|version| version.snapshots.last());
        let last = ends.map(|snapshot| snapshot.start_time).max()?;
        let deleted = self
            .newest
            .get(found.source)
            .is_some_and(|newest| last < *newest);
        let is_meant = match self.request.deleted {
            Deleted::Include => true,
            Deleted::Exclude => !deleted,
            Deleted::Only => deleted,
        };
        if !is_meant {
            return None;
        }
        let mut versions: Vec<FileVersion> = found
            .versions
            .iter()
            .filter_map(|version| self.version(version))
            .collect();
        if versions.is_empty() {
            return None;
        }
        versions.sort_by(|a, b| {
            let by_last = b.last.time.cmp(&a.last.time);
            by_last.then_with(|| b.first.time.cmp(&a.first.time))
        });
        let version_count = versions.len() as u64;
        versions.truncate(self.versions);
        Some(SearchHit {
            source_user: found.source.user_name.clone(),
            source_host: found.source.host.clone(),
            source_path: found.source.path.clone(),
            path: found.path.to_owned(),
            deleted,
            version_count,
            versions,
        })
    }

    /// A version with the snapshots of the wanted time; `None` when there are none.
    fn version(&self, version: &FoundVersion<'_>) -> Option<FileVersion> {
        let within: Vec<&&SnapshotManifest> = version
            .snapshots
            .iter()
            .filter(|snapshot| self.is_within(snapshot))
            .collect();
        let (first, last) = (within.first()?, within.last()?);
        let entry = content_entry(&version.entry);
        Some(FileVersion {
            kind: entry.kind,
            size: entry.size,
            modified: entry.modified,
            object_id: entry.object_id,
            points: within.len() as u64,
            pinned: within.iter().any(|snapshot| !snapshot.pins.is_empty()),
            first: seen_in(first),
            last: seen_in(last),
        })
    }

    fn is_within(&self, snapshot: &SnapshotManifest) -> bool {
        let at = timestamp(snapshot.start_time).as_millisecond();
        let (from, to) = (self.request.from, self.request.to);
        from.is_none_or(|from| from.as_millisecond() <= at)
            && to.is_none_or(|to| at <= to.as_millisecond())
    }

    /// What was found since the last time, in parts; one at least, for the progress.
    fn parts(&mut self, progress: &FindProgress) -> Vec<SearchResult> {
        let mut parts = Vec::new();
        loop {
            let mut bytes = 0;
            let mut end = self.told;
            // All versions of one path are one answer, which comes as a whole.
            while self.request.path.is_none() && end < self.hits.len() && bytes < LARGEST_PART {
                bytes += self.sizes[end];
                end += 1;
            }
            parts.push(SearchResult {
                hits: self.hits[self.told..end].to_vec(),
                points: progress.points(),
                points_done: progress.points_done(),
                unreadable: 0,
                next_cursor: None,
            });
            self.told = end;
            if self.request.path.is_some() || end == self.hits.len() {
                return parts;
            }
        }
    }

    fn next_cursor(&self) -> Option<String> {
        let last = self.hits.last().filter(|_| self.is_full)?;
        let place = Place {
            source: SourceIdentity::new(
                &last.source_user,
                &last.source_host,
                last.source_path.as_str(),
            ),
            path: last.path.clone(),
        };
        Some(place.write())
    }
}

fn seen_in(snapshot: &SnapshotManifest) -> SeenIn {
    SeenIn {
        time: timestamp(snapshot.start_time),
        point_id: None,
        snapshot_id: None,
    }
}
