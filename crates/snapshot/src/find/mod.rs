//! Finding files in all snapshots at once.
//!
//! With a cache, each source has an [`index`] there, which is brought up to date and looked through. Without one, or when it
//! is not to be used, every distinct folder is read once, however many snapshots have it, to learn below which of them
//! something can match; then the snapshots of each source are walked together, path by path, through those folders only.
//! Memory grows then with the number of distinct folders and with what one path has in all snapshots, not with the number
//! of files.

mod index;
mod progress;
mod survey;
mod walk;

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use holdfast_host::Cancel;
use holdfast_planning::find::NamePattern;
use holdfast_repository::directory::{DirectoryEntry, EntryKind};
use holdfast_repository::snapshot::{self, SnapshotManifest};
use holdfast_repository::{Repository, SourceIdentity};

pub use self::progress::FindProgress;

use self::index::{Failure, Indexes};
use self::survey::Survey;
use self::walk::walk;
use crate::error::{Error, Result};
use crate::workers::workers;

/// What to look for, and where.
#[derive(Clone, Debug)]
pub struct FindRequest {
    /// What names or paths have to be.
    pub pattern: NamePattern,
    /// Kinds of entries; empty for all.
    pub kinds: Vec<EntryKind>,
    /// Files of at least so many bytes.
    pub min_size: Option<u64>,
    /// Files of at most so many bytes.
    pub max_size: Option<u64>,
    /// Only below this folder of each snapshot; `/` between its parts, empty for all.
    pub path: String,
    /// Only in snapshots of these sources, of which empty parts widen; empty for all.
    pub sources: Vec<SourceIdentity>,
    /// Number of workers; without it one for each processor.
    pub parallelism: Option<NonZeroUsize>,
    /// Whether the search index in the cache of the repository is used, and kept up to date. Without a cache there is none.
    pub index: bool,
    /// Counters to watch.
    pub progress: Arc<FindProgress>,
    /// Stops the search.
    pub cancel: Cancel,
}

impl FindRequest {
    /// Everything that a pattern means.
    pub fn new(pattern: NamePattern) -> Self {
        Self {
            pattern,
            kinds: Vec::new(),
            min_size: None,
            max_size: None,
            path: String::new(),
            sources: Vec::new(),
            parallelism: None,
            index: true,
            progress: Arc::default(),
            cancel: Cancel::new(),
        }
    }

    fn workers(&self) -> usize {
        workers(self.parallelism)
    }

    /// Whether an entry can be meant as far as its path does not matter.
    fn may_match(&self, entry: &DirectoryEntry) -> bool {
        let size = u64::try_from(entry.size).unwrap_or(0);
        let sized = self.min_size.is_none() && self.max_size.is_none()
            || entry.kind == EntryKind::File
                && self.min_size.is_none_or(|least| size >= least)
                && self.max_size.is_none_or(|most| size <= most);
        sized
            && (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && self
                .pattern
                .may_match(&entry.name_text(), entry.is_directory())
    }

    /// Whether an entry is meant.
    fn is_meant(&self, path: &str, entry: &DirectoryEntry) -> bool {
        self.may_match(entry) && self.pattern.matches(path, entry.is_directory())
    }
}

/// A state of an entry and the snapshots that have it.
#[derive(Clone, Debug)]
pub struct FoundVersion<'a> {
    /// The entry. From the index it comes without what a search does not tell: extended metadata but a raw name, failures
    /// below a folder, keys of later versions. States that differ only in that are told apart all the same.
    pub entry: DirectoryEntry,
    /// The snapshots, oldest first; at least one.
    pub snapshots: Vec<&'a SnapshotManifest>,
}

impl FoundVersion<'_> {
    /// The order in which states first appeared.
    fn by_first(&self, other: &Self) -> std::cmp::Ordering {
        let first = |version: &Self| version.snapshots.first().map(|first| first.start_time);
        let id = |version: &Self| version.snapshots.first().map(|first| first.id.clone());
        first(self)
            .cmp(&first(other))
            .then_with(|| id(self).cmp(&id(other)))
    }
}

/// A path that was found in snapshots of one source.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// Whose snapshots they are.
    pub source: &'a SourceIdentity,
    /// The path below their roots, `/` between its parts.
    pub path: &'a str,
    /// Its states, in the order in which they first appeared.
    pub versions: Vec<FoundVersion<'a>>,
}

/// What a search looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindReport {
    /// Snapshots that were searched.
    pub snapshots: u64,
    /// Folders that were read from the repository: with an index those that it did not know yet, else every distinct one.
    pub folders: u64,
    /// What was compared with the pattern: with an index paths, else the entries of distinct folders.
    pub entries: u64,
    /// Paths that were found, each source on its own.
    pub paths: u64,
    /// States of them.
    pub versions: u64,
    /// Folders that cannot be read: their objects, and why. What is below them was not searched.
    pub unreadable: BTreeMap<String, String>,
}

/// Looks for entries in all complete snapshots, and hands each path to `each`, in the order of sources and paths.
///
/// # Errors
/// What stops everything: a source without snapshots, a failing store, cancellation, or an error of `each` as
/// [`Error::Output`]. Folders that are missing or damaged are in the report. An index that cannot be used is none, unless
/// its disk fails half-way ([`Error::SearchIndex`]).
pub fn find(
    repo: &Repository,
    request: &FindRequest,
    each: &mut dyn FnMut(&Found<'_>) -> io::Result<()>,
) -> Result<FindReport> {
    let by_source = selected(repo, request)?;
    let mut report = FindReport {
        snapshots: by_source.values().map(|all| all.len() as u64).sum(),
        ..FindReport::default()
    };
    request.progress.begin(report.snapshots);
    let (mut paths, mut versions) = (0, 0);
    let mut tell = |found: &Found<'_>| {
        paths += 1;
        versions += found.versions.len() as u64;
        each(found).map_err(Error::Output)
    };
    match Indexes::of(repo).filter(|_| request.index) {
        Some(indexes) => {
            for (source, snapshots) in &by_source {
                let searched = indexes.search(request, source, snapshots, &mut report, &mut tell);
                match searched {
                    Ok(()) => {}
                    Err(Failure::Stop(error)) => return Err(error),
                    Err(Failure::Unusable(reason)) => {
                        tracing::warn!(%source, reason, "searching without the search index");
                        walk_through(repo, request, [(source, snapshots)], &mut report, &mut tell)?;
                    }
                }
                request.progress.add_points(snapshots.len() as u64);
            }
            if request.sources.is_empty() {
                indexes.keep_only(by_source.keys(), request);
            }
        }
        None => {
            walk_through(repo, request, &by_source, &mut report, &mut tell)?;
            request.progress.add_points(report.snapshots);
        }
    }
    (report.paths, report.versions) = (paths, versions);
    Ok(report)
}

/// Searches the folders themselves.
fn walk_through<'s>(
    repo: &Repository,
    request: &FindRequest,
    by_source: impl IntoIterator<Item = (&'s SourceIdentity, &'s Vec<SnapshotManifest>)>,
    report: &mut FindReport,
    each: &mut dyn FnMut(&Found<'_>) -> Result<()>,
) -> Result<()> {
    let mut started = Vec::new();
    for (source, snapshots) in by_source {
        let roots = walk::start(repo, request, snapshots, report)?;
        started.push((source, snapshots, roots));
    }
    let folders = started
        .iter()
        .flat_map(|(_, _, roots)| roots.iter().map(|root| &root.entry));
    let survey = Survey::of(repo, request, folders, report)?;
    for (source, snapshots, roots) in started {
        walk(repo, request, &survey, (source, snapshots), roots, each)?;
    }
    Ok(())
}

/// The complete snapshots to search, oldest first. Those that only hold what belongs to others are not searched.
fn selected(
    repo: &Repository,
    request: &FindRequest,
) -> Result<BTreeMap<SourceIdentity, Vec<SnapshotManifest>>> {
    let manifests = repo.manifests()?;
    let everything = [SourceIdentity::default()];
    let sources: &[SourceIdentity] = match request.sources.is_empty() {
        true => &everything,
        false => &request.sources,
    };
    let mut by_source: BTreeMap<SourceIdentity, Vec<SnapshotManifest>> = BTreeMap::new();
    for source in sources {
        let found = snapshot::list(&manifests, Some(source));
        if found.is_empty() && !request.sources.is_empty() {
            return Err(Error::SnapshotNotFound(source.to_string()));
        }
        let searched =
            |snapshot: &SnapshotManifest| snapshot.is_complete() && !snapshot.is_companion();
        for snapshot in found.into_iter().filter(searched) {
            let of_source = by_source.entry(snapshot.source.clone()).or_default();
            if of_source.iter().all(|other| other.id != snapshot.id) {
                of_source.push(snapshot);
            }
        }
    }
    for snapshots in by_source.values_mut() {
        snapshots.sort_by(SnapshotManifest::list_order);
    }
    Ok(by_source)
}
