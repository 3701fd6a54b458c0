//! Copying snapshots to another repository, which may have another password and other parameters.
//!
//! Contents are read, decrypted and authenticated, and stored anew under the hash and cipher of the destination, cut where
//! they were cut before. Snapshots of a source are copied oldest first, each compared with the one before it: what did not
//! change between them is taken over from the copy of the earlier one without reading its data, once that copy is proven to
//! be one (`present`). A snapshot that the destination has is left alone, so a second run copies nothing, and an interrupted
//! one goes on with the snapshot at which it ended. Companions, which hold the extended metadata of a snapshot, come with it.

mod contents;
mod present;
mod select;
mod tree;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use holdfast_host::Cancel;
use holdfast_repository::directory::DirectoryEntry;
use holdfast_repository::json::UnixNanos;
use holdfast_repository::manifest::{ManifestEdits, ManifestId};
use holdfast_repository::snapshot::{self, COMPANION_TAG, SnapshotManifest};
use holdfast_repository::{Repository, SourceIdentity};

use self::contents::Contents;
use self::present::Present;
use self::select::{Selection, select};
use self::tree::{Copied, copy_tree};
use crate::create::{SAFE_AGE, lost_objects};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::workers::workers;

/// How often a snapshot is copied from its beginning because the destination lost data meanwhile.
const ATTEMPTS: u32 = 3;

/// What to copy.
#[derive(Clone, Debug)]
pub struct CopyRequest {
    /// Snapshots, by their ids or those of their root objects.
    pub snapshots: Vec<String>,
    /// Sources of which all complete snapshots are meant; empty parts widen them. When neither snapshots nor sources are
    /// named, all complete snapshots of the repository.
    pub sources: Vec<SourceIdentity>,
    /// Only say what would be copied.
    pub dry_run: bool,
    /// Number of workers; without it one for each processor.
    pub parallelism: Option<NonZeroUsize>,
    /// Counters to watch.
    pub progress: Arc<Progress>,
    /// Stops the copy; what is stored by then is used again by the next one.
    pub cancel: Cancel,
}

impl CopyRequest {
    fn workers(&self) -> usize {
        workers(self.parallelism)
    }
}

/// A snapshot of the source repository and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedSnapshot {
    /// Its id in the source repository.
    pub old_id: ManifestId,
    /// Its id in the destination; none when it is not there.
    pub id: Option<ManifestId>,
    /// Whose data it is.
    pub source: SourceIdentity,
    /// When it was taken.
    pub start_time: UnixNanos,
}

impl CopiedSnapshot {
    fn new(snapshot: &SnapshotManifest, id: Option<ManifestId>) -> Self {
        Self {
            old_id: snapshot.id.clone(),
            id,
            source: snapshot.source.clone(),
            start_time: snapshot.start_time,
        }
    }
}

/// What a copy did.
#[derive(Clone, Debug, Default)]
pub struct CopyReport {
    /// Snapshots that were copied, or would be.
    pub copied: Vec<CopiedSnapshot>,
    /// Snapshots that the destination had already.
    pub present: Vec<CopiedSnapshot>,
    /// Snapshots that cannot be copied because data of theirs cannot be read, and why.
    pub failed: Vec<(CopiedSnapshot, String)>,
    /// Bytes of contents that were read, after decompression.
    pub bytes_read: u64,
    /// Bytes of contents among them that the destination did not have, before compression.
    pub bytes_new: u64,
    /// Bytes of those as they are stored.
    pub bytes_stored: u64,
    /// Duration.
    pub seconds: f64,
}

/// Copies snapshots with their trees, sources, times, descriptions, tags and pins.
///
/// # Errors
/// What stops everything: an unknown snapshot, a failing store, cancellation. Snapshots that are damaged are in the report.
pub fn copy(
    from: &Arc<Repository>,
    to: &Arc<Repository>,
    request: &CopyRequest,
) -> Result<CopyReport> {
    let began = Instant::now();
    let selection = select(
        &from.manifests()?,
        &to.manifests()?,
        &request.snapshots,
        &request.sources,
    )?;
    let mut run = Run {
        from,
        to,
        request,
        earlier: selection.earlier(),
        roots: HashMap::new(),
        present: None,
        report: CopyReport::default(),
    };
    run.all(&selection)?;
    run.report.seconds = began.elapsed().as_secs_f64();
    Ok(run.report)
}

/// The roots of one snapshot in both repositories.
#[derive(Clone, Debug)]
struct Roots {
    old: DirectoryEntry,
    new: DirectoryEntry,
}

struct Run<'a> {
    from: &'a Arc<Repository>,
    to: &'a Arc<Repository>,
    request: &'a CopyRequest,
    /// Of each source, the snapshot that the next one is compared with.
    earlier: HashMap<SourceIdentity, Roots>,
    /// Root objects of the source repository and what they are in the destination.
    roots: HashMap<String, String>,
    /// What is known of the destination; nothing before the first snapshot that is copied, and after data went away in it.
    present: Option<Present<'a>>,
    report: CopyReport,
}

impl Run<'_> {
    fn all(&mut self, selection: &Selection) -> Result<()> {
        for snapshot in &selection.snapshots {
            self.request.cancel.check()?;
            let told = |id| CopiedSnapshot::new(snapshot, id);
            if let Some(there) = selection.counterpart(snapshot) {
                self.report.present.push(told(Some(there.id.clone())));
                self.remember(snapshot, there.root_entry.as_ref());
                continue;
            }
            if self.request.dry_run {
                self.report.copied.push(told(None));
                continue;
            }
            match self.one(snapshot)? {
                Ok((id, root)) => {
                    self.report.copied.push(told(Some(id)));
                    self.remember(snapshot, Some(&root));
                }
                Err(reason) => self.report.failed.push((told(None), reason)),
            }
        }
        Ok(())
    }

    fn remember(&mut self, snapshot: &SnapshotManifest, new: Option<&DirectoryEntry>) {
        let (Some(old), Some(new)) = (&snapshot.root_entry, new) else {
            return;
        };
        if let (Some(old), Some(new)) = (old.object, new.object) {
            self.roots.insert(old.to_string(), new.to_string());
        }
        let roots = Roots {
            old: old.clone(),
            new: new.clone(),
        };
        self.earlier.insert(snapshot.source.clone(), roots);
    }

    /// Copies one snapshot and saves it. `Err` says in words why it cannot be copied.
    fn one(
        &mut self,
        snapshot: &SnapshotManifest,
    ) -> Result<Result<(ManifestId, DirectoryEntry), String>> {
        let Some(root) = &snapshot.root_entry else {
            return Ok(Err("it has no root".to_owned()));
        };
        self.request
            .progress
            .set_current(&format!("{} {}", snapshot.source, snapshot.start_time));
        let mut earlier = self.earlier.get(&snapshot.source).cloned();
        let mut lost = 0;
        for _ in 0..ATTEMPTS {
            let mut present = match self.present.take() {
                Some(present) => present,
                None => Present::new(self.from, self.to, self.request)?,
            };
            let contents = Contents::new(self.from, self.to, self.request)?;
            let copied = self.attempt(snapshot, root, earlier.take(), &mut present, &contents);
            let figures = contents.figures();
            self.report.bytes_read += figures.read;
            self.report.bytes_new += figures.new;
            self.report.bytes_stored += figures.stored;
            match copied {
                Ok(Attempt::Stored { root, edits, id }) => {
                    contents.close(edits)?;
                    self.present = Some(present);
                    return Ok(Ok((id, *root)));
                }
                Ok(Attempt::Damaged(reason)) => {
                    contents.abandon();
                    self.present = Some(present);
                    return Ok(Err(reason));
                }
                Ok(Attempt::Lost(objects)) => {
                    tracing::warn!(objects, snapshot = %snapshot.id, "data went away in the destination and is copied anew");
                    contents.abandon();
                    lost = objects;
                }
                Err(error) => {
                    contents.abandon();
                    return Err(error);
                }
            }
        }
        Err(Error::DataLost {
            path: snapshot.source.path.clone(),
            objects: lost,
        })
    }

    fn attempt(
        &self,
        snapshot: &SnapshotManifest,
        root: &DirectoryEntry,
        earlier: Option<Roots>,
        present: &mut Present<'_>,
        contents: &Contents<'_>,
    ) -> Result<Attempt> {
        let clock = self.to.clock();
        let began = clock.monotonic();
        let root = match copy_tree(self.from, self.to, root, earlier, present, contents)? {
            Copied::Whole(root) => root,
            Copied::Damaged(reason) => return Ok(Attempt::Damaged(reason)),
        };
        if clock.monotonic().saturating_sub(began) >= SAFE_AGE {
            contents.publish()?;
            self.to.refresh()?;
            let lost = lost_objects(self.to, &root, self.request.workers(), &self.request.cancel)?;
            if !lost.is_empty() {
                return Ok(Attempt::Lost(lost.len()));
            }
        }
        let mut manifest = SnapshotManifest {
            root_entry: Some(root.clone()),
            ..snapshot.clone()
        };
        // A companion names the root whose extras it holds.
        if let Some(of) = manifest.tags.get_mut(COMPANION_TAG)
            && let Some(new) = self.roots.get(of)
        {
            of.clone_from(new);
        }
        let mut edits = ManifestEdits::new(Arc::clone(clock));
        let id = snapshot::save(&mut edits, &manifest)?;
        Ok(Attempt::Stored {
            root: Box::new(root),
            edits,
            id,
        })
    }
}

/// How an attempt to copy a snapshot ended.
enum Attempt {
    /// The tree is stored; what is left is to publish the manifest.
    Stored {
        root: Box<DirectoryEntry>,
        edits: ManifestEdits,
        id: ManifestId,
    },
    /// Data of the snapshot cannot be read.
    Damaged(String),
    /// So many objects are no longer in the destination.
    Lost(usize),
}
