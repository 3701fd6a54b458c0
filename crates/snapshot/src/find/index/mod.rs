//! The search index: all paths of all snapshots of a source with their states, in a file of the cache.
//!
//! The cache of a repository has one file for each source. It holds the paths in order, in blocks that are compressed and
//! sealed, and with each path its states and the points that have them. A point is the root of snapshots, so that
//! snapshots of which nothing changed are one. A new point is read only where its folders differ from those of the point
//! before; that one need not exist any more, because the file itself knows its folders. Points that have gone cost a little
//! room until blocks are written anew.
//!
//! Nothing here is authoritative. A file that is missing, damaged, about something else or of another version is made
//! anew; one that cannot be written leaves the search to walk through the folders.

mod block;
mod codec;
mod extend;
mod file;
mod folder;
mod harvest;
mod key;
mod plan;
mod scan;
mod sorter;
mod spans;
mod state;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use holdfast_host::Cancelled;
use holdfast_host::fs::CacheFile;
use holdfast_repository::directory::DirectoryEntry;
use holdfast_repository::snapshot::SnapshotManifest;
use holdfast_repository::{CacheSeal, ObjectId, Repository, SourceIdentity};
use parking_lot::Mutex;

use self::file::{Broken, Header, Segment, Source, Unread, Writer, Written};
use self::folder::Folder;
use self::harvest::harvest;
use self::plan::{Plan, plan};
use self::scan::{Scanned, Snapshots, scan};
use self::sorter::Sorter;
use self::state::Digest;
use super::{FindReport, FindRequest, Found};
use crate::error::{Error, Result};
use crate::read::each_directory;

/// Why a search in the index ended early.
pub(super) enum Failure {
    /// The search is over.
    Stop(Error),
    /// The index cannot be used, and nothing was told yet.
    Unusable(String),
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::Unusable(broken.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<Cancelled> for Failure {
    fn from(cancelled: Cancelled) -> Self {
        Self::Stop(cancelled.into())
    }
}

/// The points that an index has to be about.
struct Wanted<'a> {
    /// What each is known by, in the order in which they first come.
    identities: Vec<Digest>,
    roots: Vec<&'a DirectoryEntry>,
    /// For each snapshot with a root: the place of its point above, and its own place.
    snapshots: Vec<(usize, u32)>,
}

impl<'a> Wanted<'a> {
    fn of(repo: &Repository, snapshots: &'a [SnapshotManifest]) -> Self {
        let mut wanted = Self {
            identities: Vec::new(),
            roots: Vec::new(),
            snapshots: Vec::new(),
        };
        let mut places = HashMap::new();
        for (number, snapshot) in (0..).zip(snapshots) {
            let Some(root) = &snapshot.root_entry else {
                continue;
            };
            let identity = identity(repo, root);
            let place = *places.entry(identity).or_insert_with(|| {
                wanted.identities.push(identity);
                wanted.roots.push(root);
                wanted.roots.len() - 1
            });
            wanted.snapshots.push((place, number));
        }
        wanted
    }

    /// The places of the snapshots by the number that an index gave their points.
    fn by_point(&self, header: &Header) -> Vec<(u32, u32)> {
        let known = header
            .points
            .iter()
            .map(|(number, identity)| (identity, *number));
        let numbers: HashMap<&Digest, u32> = known.collect();
        let snapshots = self.snapshots.iter();
        let mut by_point: Vec<(u32, u32)> = snapshots
            .filter_map(|(place, snapshot)| {
                Some((*numbers.get(&self.identities[*place])?, *snapshot))
            })
            .collect();
        by_point.sort_unstable();
        by_point
    }
}

/// What tells a point from others: of a folder its object is enough, whatever the snapshot says besides.
fn identity(repo: &Repository, root: &DirectoryEntry) -> Digest {
    let mut bytes = Vec::new();
    match root.object.filter(|_| root.is_directory()) {
        Some(object) => {
            bytes.push(b'd');
            state::push_object(&mut bytes, &object);
        }
        None => {
            bytes.push(b'f');
            codec::push_bytes(&mut bytes, &root.name);
            bytes.extend(state::encode(repo.hasher(), root));
        }
    }
    state::digest(repo.hasher(), "point of a search index", &bytes)
}

/// The search indexes of a repository.
pub(super) struct Indexes<'r> {
    repo: &'r Repository,
    folder: Folder,
    seal: CacheSeal,
}

impl<'r> Indexes<'r> {
    /// The indexes in the cache; nothing where the repository was opened without one.
    pub(super) fn of(repo: &'r Repository) -> Option<Self> {
        Some(Self {
            repo,
            folder: Folder::of(repo)?,
            seal: repo.cache_seal("search index"),
        })
    }

    /// Looks for what is meant in the snapshots of a source, whose index is brought up to date first.
    pub(super) fn search(
        &self,
        request: &FindRequest,
        source: &SourceIdentity,
        snapshots: &[SnapshotManifest],
        report: &mut FindReport,
        each: &mut dyn FnMut(&Found<'_>) -> Result<()>,
    ) -> Result<(), Failure> {
        let wanted = Wanted::of(self.repo, snapshots);
        let index = Index {
            indexes: self,
            request,
            source: source.to_string(),
            path: self.path(source),
            wanted: &wanted,
        };
        let mut scanned = Scanned::default();
        let mut told = false;
        let mut segment = index.up_to_date(report)?;
        let mut first = true;
        loop {
            let snapshots = Snapshots {
                source,
                all: snapshots,
                by_point: wanted.by_point(&segment.header),
            };
            let mut tell = |found: &Found<'_>| {
                told = true;
                each(found)
            };
            match scan(&segment, request, &snapshots, &mut scanned, &mut tell) {
                Ok(()) => break,
                Err(Failure::Unusable(reason)) if first => {
                    tracing::warn!(reason, path = %index.path.display(), "the search index is damaged and is made anew");
                    first = false;
                    // What was told already must not be told again by a walk.
                    let lock = self
                        .folder
                        .lock(&request.cancel)
                        .map_err(|failure| index.after(told, failure))?;
                    drop(segment);
                    segment = index
                        .rebuilt(report)
                        .map_err(|failure| index.after(told, failure))?;
                    drop(lock);
                }
                Err(failure) => return Err(index.after(told, failure)),
            }
        }
        report.entries += scanned.compared;
        let base = key::of_path(&request.path);
        for unread in &segment.header.unread {
            let concerns = unread.key == base
                || key::is_below(&unread.key, &base)
                || key::is_below(&base, &unread.key);
            if concerns {
                report
                    .unreadable
                    .insert(unread.object.clone(), unread.reason.clone());
            }
        }
        Ok(())
    }

    /// Removes the indexes of all other sources.
    pub(super) fn keep_only<'s>(
        &self,
        sources: impl Iterator<Item = &'s SourceIdentity>,
        request: &FindRequest,
    ) {
        let files: Vec<PathBuf> = sources.map(|source| self.path(source)).collect();
        if self.folder.has_others(&files)
            && let Ok(_lock) = self.folder.lock(&request.cancel)
        {
            self.folder.keep_only(&files);
        }
    }

    fn path(&self, source: &SourceIdentity) -> PathBuf {
        self.folder.file(self.repo, &source.to_string())
    }
}

/// The index of one source.
struct Index<'a> {
    indexes: &'a Indexes<'a>,
    request: &'a FindRequest,
    source: String,
    path: PathBuf,
    wanted: &'a Wanted<'a>,
}

impl Index<'_> {
    /// What a failure means once paths were told: the search cannot begin anew.
    fn after(&self, told: bool, failure: Failure) -> Failure {
        match failure {
            Failure::Unusable(reason) if told => Failure::Stop(Error::SearchIndex {
                path: self.path.display().to_string(),
                reason,
            }),
            other => other,
        }
    }

    /// The index with all points that are wanted.
    fn up_to_date(&self, report: &mut FindReport) -> Result<Segment, Failure> {
        let present = self.present();
        if let (Plan::UpToDate, Some(segment)) = (self.plan(present.as_ref())?, present) {
            return Ok(segment);
        }
        let _lock = self.indexes.folder.lock(&self.request.cancel)?;
        // Another process may have done it while this one waited.
        let present = self.present();
        match (self.plan(present.as_ref())?, present) {
            (Plan::UpToDate, Some(segment)) => return Ok(segment),
            (Plan::Extend(new), Some(segment)) => match self.extended_by_all(segment, &new, report)
            {
                Err(Failure::Unusable(reason)) => {
                    tracing::warn!(reason, path = %self.path.display(), "the search index cannot be added to and is made anew");
                }
                extended => return extended,
            },
            _ => {}
        }
        self.rebuilt(report)
    }

    fn present(&self) -> Option<Segment> {
        folder::open(&self.path, &self.indexes.seal)
    }

    fn plan(&self, present: Option<&Segment>) -> Result<Plan, Failure> {
        let header = present.map(|segment| &segment.header);
        let plan = plan(header, &self.source, &self.wanted.identities);
        match header {
            Some(header) if plan == Plan::UpToDate && self.can_be_read(&header.unread)? => {
                Ok(Plan::Rebuild)
            }
            _ => Ok(plan),
        }
    }

    /// Whether one of these folders can be read now, because the repository was repaired.
    fn can_be_read(&self, unread: &[Unread]) -> Result<bool, Failure> {
        let parsed = unread.iter().map(|unread| unread.object.parse());
        let Ok(objects) = parsed.collect::<Result<Vec<ObjectId>, _>>() else {
            return Ok(true);
        };
        let numbered: Vec<(usize, ObjectId)> = objects.into_iter().enumerate().collect();
        let read = Mutex::new(false);
        each_directory(
            self.indexes.repo,
            &numbered,
            self.request.workers(),
            &self.request.cancel,
            &|_, directory| {
                *read.lock() |= directory.is_ok();
                Ok(())
            },
        )
        .map_err(Failure::Stop)?;
        Ok(read.into_inner())
    }

    fn sorter(&self) -> Sorter<'_> {
        let Indexes { repo, folder, seal } = self.indexes;
        Sorter::new(folder.path(), seal, repo.hasher())
    }

    fn writer(&self) -> Result<Writer<'_, CacheFile>, Failure> {
        let Indexes { repo, seal, .. } = self.indexes;
        Ok(Writer::new(
            folder::create(&self.path)?,
            seal,
            repo.hasher(),
        ))
    }

    fn extended_by_all(
        &self,
        old: Segment,
        new: &[usize],
        report: &mut FindReport,
    ) -> Result<Segment, Failure> {
        let mut points = new.iter();
        points.try_fold(old, |old, place| self.extended(old, *place, report))
    }

    /// The index with one more point.
    fn extended(
        &self,
        old: Segment,
        place: usize,
        report: &mut FindReport,
    ) -> Result<Segment, Failure> {
        let new = old.header.next;
        let mut sorter = self.sorter();
        let point = [(new, self.wanted.roots[place])];
        let harvested = harvest(
            self.indexes.repo,
            self.request,
            &point,
            &old.folders()?,
            &mut sorter,
        )?;
        report.folders += harvested.folders;
        if let Some(unread) = harvested.unread.first() {
            return Err(Failure::Unusable(unread.reason.clone()));
        }
        let mut points = old.header.points.clone();
        points.retain(|(_, identity)| self.wanted.identities.contains(identity));
        let gone = old.header.gone as usize + old.header.points.len() - points.len();
        points.push((new, self.wanted.identities[place]));
        let left: Vec<u32> = points.iter().map(|(number, _)| *number).collect();
        let open_all = plan::is_time_to_tidy_up(gone, left.len());
        let mut writer = self.writer()?;
        let numbers = extend::Points {
            new,
            left: &left,
            open_all,
        };
        extend::extend(
            &old,
            sorter.finish()?,
            &numbers,
            &mut writer,
            &self.request.cancel,
        )?;
        let next = new.checked_add(1).filter(|next| *next < spans::OPEN);
        let written = writer.finish(Header {
            source: self.source.clone(),
            points,
            next: next.ok_or_else(|| Failure::Unusable("its numbers are used up".to_owned()))?,
            gone: if open_all { 0 } else { gone as u32 },
            unread: Vec::new(),
        })?;
        // What is open keeps its place on Windows.
        drop(old);
        self.placed(written)
    }

    /// The index, read from nothing but the repository.
    fn rebuilt(&self, report: &mut FindReport) -> Result<Segment, Failure> {
        let roots = self.wanted.roots.iter().copied();
        let points: Vec<(u32, &DirectoryEntry)> = (0..).zip(roots).collect();
        let mut sorter = self.sorter();
        let harvested = harvest(self.indexes.repo, self.request, &points, &[], &mut sorter)?;
        report.folders += harvested.folders;
        let next = points.len() as u32;
        let mut writer = self.writer()?;
        extend::first(
            sorter.finish()?,
            next.saturating_sub(1),
            &mut writer,
            &self.request.cancel,
        )?;
        self.placed(writer.finish(Header {
            source: self.source.clone(),
            points: (0..).zip(self.wanted.identities.iter().copied()).collect(),
            next,
            gone: 0,
            unread: harvested.unread,
        })?)
    }

    /// Gives what was written its place in the cache. Where that is impossible it serves this search alone.
    fn placed(&self, written: Written<CacheFile>) -> Result<Segment, Failure> {
        let place = |file: CacheFile| {
            let (file, placed) = file.finish()?;
            if let Err(error) = placed {
                tracing::warn!(%error, "the search index cannot be kept");
            }
            Ok(Source::Named(file))
        };
        Ok(written.into_segment(place, &self.indexes.seal)?)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use holdfast_repository::{CreateOptions, HashAlgorithm, Hasher, OpenOptions};
    use holdfast_storage::MemoryStore;
    use secrecy::SecretString;

    use super::*;

    pub(super) fn hasher() -> Hasher {
        Hasher::new(HashAlgorithm::default(), b"secret").unwrap()
    }

    pub(super) fn seal() -> CacheSeal {
        Repository::create(
            Arc::new(MemoryStore::new()),
            &SecretString::from("password"),
            &CreateOptions::default(),
            &OpenOptions::default(),
        )
        .unwrap()
        .cache_seal("test")
    }

    /// Blocks are as large as they should be and stay so, and every row comes back, whatever is copied and what is not.
    #[test]
    fn a_file_that_grows_row_by_row_keeps_its_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let (seal, hasher) = (seal(), hasher());
        let row = |number: u32, state: u8| block::Row {
            key: key::of_path(&format!("folder/{number:06}")),
            states: vec![block::State {
                bytes: [&[4, state][..], &[7; 100]].concat(),
                spans: spans::Spans::of(0, spans::OPEN),
            }],
            unchanged_below: false,
        };
        let placed = |written: Written<CacheFile>| {
            let place = |file: CacheFile| Ok(Source::Named(file.finish()?.0));
            written.into_segment(place, &seal).unwrap()
        };
        let mut writer = Writer::new(folder::create(&path).unwrap(), &seal, &hasher);
        for number in 0..20_000 {
            writer.push(row(number * 2, 0)).unwrap();
        }
        let mut segment = placed(writer.finish(Header::default()).unwrap());
        let blocks = segment.blocks.len();
        assert!(blocks > 10, "{blocks}");
        for round in 0..30_u32 {
            // One row more in one of the blocks; all others are copied.
            let mut writer = Writer::new(folder::create(&path).unwrap(), &seal, &hasher);
            let (mut copied, at) = (0, round as usize * 7 % segment.blocks.len());
            for (number, block) in segment.blocks.iter().enumerate() {
                if number != at && writer.may_copy() {
                    writer.copy(&segment, block).unwrap();
                    copied += 1;
                    continue;
                }
                let mut rows = segment.rows(block).unwrap();
                if number == at {
                    let mut added = rows[0].clone();
                    added.key.push(b'a' + round as u8);
                    rows.push(added);
                    rows.sort_by(|left, right| left.key.cmp(&right.key));
                }
                rows.into_iter().for_each(|row| writer.push(row).unwrap());
            }
            assert!(
                copied + 3 >= segment.blocks.len(),
                "round {round}: {copied}"
            );
            drop(segment);
            segment = placed(writer.finish(Header::default()).unwrap());
        }
        assert!(
            segment.blocks.len() <= blocks + 2,
            "{}",
            segment.blocks.len()
        );
        let reopened = folder::open(&path, &seal).unwrap();
        let rows = reopened
            .blocks
            .iter()
            .map(|block| reopened.rows(block).unwrap());
        let keys: Vec<Vec<u8>> = rows.flatten().map(|row| row.key).collect();
        assert_eq!(keys.len(), 20_030);
        assert!(keys.is_sorted());
    }

    #[test]
    fn a_file_with_any_byte_changed_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let (seal, hasher) = (seal(), hasher());
        let mut writer = Writer::new(folder::create(&path).unwrap(), &seal, &hasher);
        for number in 0..5 {
            let key = key::of_path(&format!("secret-name-{number}"));
            writer
                .push(block::Row {
                    key,
                    states: Vec::new(),
                    unchanged_below: false,
                })
                .unwrap();
        }
        let (_, placed) = writer
            .finish(Header::default())
            .unwrap()
            .out
            .finish()
            .unwrap();
        placed.unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
        let read = |path: &Path| {
            let segment = folder::open(path, &seal)?;
            segment.folders().ok()?;
            let rows = segment.blocks.iter().map(|block| segment.rows(block));
            rows.collect::<Result<Vec<_>, _>>().ok()
        };
        assert_eq!(read(&path).unwrap()[0].len(), 5);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(read(&path).is_none(), "byte {at}");
            std::fs::write(&path, &bytes[..at]).unwrap();
            assert!(read(&path).is_none(), "{at} bytes");
        }
        std::fs::write(&path, &bytes).unwrap();
        assert!(
            folder::open(&path, &tests::seal()).is_none(),
            "another repository"
        );
    }
}
