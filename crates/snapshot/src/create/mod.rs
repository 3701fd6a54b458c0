//! Taking a snapshot: sources in, contents, directories and a manifest for each source out.
//!
//! Every worker is a whole pipeline on data it has just touched: it reads a directory, takes over what an earlier snapshot
//! has unchanged, reads small files of many directories into one batch and hashes them side by side, or takes a chunk of a
//! large file. Each has its own pack, so nothing is locked while data is sealed. A directory is stored by the worker that
//! completes its last entry.
//!
//! A manifest is published after everything it refers to is stored. An upload that is stopped leaves no manifest, but what
//! it published on the way is found again by the next one.

mod actions;
mod batch;
mod checkpoint;
mod compare;
mod confirm;
mod directory;
mod estimate;
mod extended;
mod lanes;
mod node;
mod previous;
mod queue;
mod request;
mod stream;
mod upload;
mod worker;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use holdfast_files::{Root, RootNode, SourceTree};
use holdfast_planning::ignore::{RelativePath, Rules};
use holdfast_repository::directory::{DirectoryEntry, EntryKind};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::manifest::{Manifest, ManifestEdits, ManifestId, Manifests};
use holdfast_repository::object::ObjectId;
use holdfast_repository::policy::PolicyTree;
use holdfast_repository::snapshot::{self, SnapshotExtras, SnapshotManifest};
use holdfast_repository::{ContentWriter, Repository, Session};

pub(crate) use confirm::{SAFE_AGE, lasts, lost_objects};
pub(crate) use directory::file_policy;
pub use request::{SavedSnapshot, SnapshotReport, SnapshotRequest, Source, SourceReport};

use self::actions::FolderActions;
use self::compare::Earlier;
use self::directory::{DirectoryTask, Open};
use self::extended::Carried;
use self::node::{Node, Slot};
use self::stream::{LargeFile, LazyFile};
use self::upload::{Settings, Upload, Uploaded};
use self::worker::Worker;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// How often a source is read again because data went away meanwhile.
const UPLOADS: usize = 3;

/// Takes a snapshot of each source, one after the other.
///
/// # Errors
/// What stops everything: a failing store, cancellation, an error when `fail_fast` is set; unless a snapshot exists by
/// then, in which case it is in the report. A source whose root cannot be read is reported in its [`SourceReport`] instead,
/// and the others go on.
pub fn create(repo: &Arc<Repository>, request: &SnapshotRequest) -> Result<SnapshotReport> {
    let began = Instant::now();
    let progress = &request.progress;
    watch_uploads(repo, progress);
    let session = repo.session()?;
    let manifests = repo.manifests()?;
    let policies = request
        .sources
        .iter()
        .map(|source| request.policies_of(&manifests, &source.identity))
        .collect::<Result<Vec<PolicyTree>>>()?;
    let workers = request.workers(policies.first());
    let mut writers: Vec<ContentWriter> = (0..workers).map(|_| session.writer()).collect();
    let ended = AtomicBool::new(false);
    let mut sources = Vec::with_capacity(request.sources.len());
    let result = std::thread::scope(|scope| {
        if request.estimate {
            scope.spawn(|| set_totals(request, &policies, &ended));
        }
        let result = request
            .sources
            .iter()
            .zip(&policies)
            .try_for_each(|(source, policies)| {
                let report = Run {
                    repo,
                    session: &session,
                    manifests: &manifests,
                    request,
                    source,
                }
                .run(policies, &mut writers)?;
                sources.push(report);
                Ok(())
            });
        ended.store(true, Ordering::Relaxed);
        // Workers leave their packs open when the root of a source turns out to be unreadable in the middle.
        result.and_then(|()| {
            Ok(writers
                .iter_mut()
                .try_for_each(ContentWriter::finish_packs)?)
        })
    });
    drop(writers);
    let stopped = match result {
        Ok(()) => session.close().err().map(Error::from),
        Err(error) => {
            // What is stored is published, so that the next upload does not send it again; the error stays the one above.
            if let Err(error) = session.close_interrupted() {
                tracing::debug!(%error, "the interrupted session was not closed");
            }
            Some(error)
        }
    };
    let stopped = stopped.map(|error| request.cancelled_or(error));
    match stopped {
        Some(error) if sources.iter().all(|source| source.result.is_err()) => Err(error),
        stopped => Ok(SnapshotReport {
            sources,
            stopped,
            seconds: began.elapsed().as_secs_f64(),
        }),
    }
}

/// Lets the progress show what reaches the store from now on.
fn watch_uploads(repo: &Arc<Repository>, progress: &Progress) {
    let store = Arc::clone(repo.store());
    let before = store.counters().uploaded();
    progress.set_uploaded(move || store.counters().uploaded().saturating_sub(before));
}

fn set_totals(request: &SnapshotRequest, policies: &[PolicyTree], ended: &AtomicBool) {
    let stop = || ended.load(Ordering::Relaxed) || request.cancel.is_cancelled();
    let mut bytes = 0;
    let mut files = 0;
    for (source, policies) in request.sources.iter().zip(policies) {
        let Some(estimate) = estimate::estimate(source.tree.as_ref(), policies, &stop) else {
            return;
        };
        bytes += estimate.bytes;
        files += estimate.files;
    }
    request.progress.set_totals(bytes, files);
}

/// The snapshot of one source.
struct Run<'a> {
    repo: &'a Arc<Repository>,
    session: &'a Session,
    manifests: &'a Manifests,
    request: &'a SnapshotRequest,
    source: &'a Source,
}

impl Run<'_> {
    fn run(&self, policies: &PolicyTree, writers: &mut [ContentWriter]) -> Result<SourceReport> {
        let began = Instant::now();
        let progress = &self.request.progress;
        let before = Figures::of(progress);
        let earlier = previous::select(snapshot::list(self.manifests, Some(&self.source.identity)));
        let now = self.now();
        let start_time = self.start_time(&earlier, now);
        let keep_identical = !policies
            .root()
            .retention
            .ignore_identical_snapshots
            .unwrap_or(false);
        let uploaded = actions::around(self.request, self.source, policies.root(), |tree| {
            self.upload_lasting(tree, policies, &earlier, (start_time, now), writers)
        });
        let uploaded = match uploaded {
            Err(error @ (Error::Source { .. } | Error::Action { .. })) => Err(error),
            other => Ok(other?),
        };
        let (result, stats, problems) = match uploaded {
            Err(error) => (Err(error), Default::default(), Vec::new()),
            Ok((
                Uploaded {
                    root,
                    companion,
                    stats,
                    mut problems,
                    checkpoints,
                },
                complaints,
            )) => {
                problems.extend(complaints);
                let mut manifest = self.manifest(start_time);
                manifest.root_entry = Some(root);
                manifest.stats = stats;
                let latest = earlier.iter().map(|snapshot| snapshot.start_time).max();
                manifest.extras = Some(SnapshotExtras {
                    known_before: extended::known_before(now, latest),
                });
                manifest.end_time = self.now().max(start_time);
                let same = earlier
                    .first()
                    .is_some_and(|last| last.root_object() == manifest.root_object());
                let manifest_to_save = (!same || keep_identical).then_some(&manifest);
                let id = self.save(manifest_to_save, companion, &checkpoints, writers)?;
                manifest.id = id.clone().unwrap_or_default();
                (Ok(SavedSnapshot { manifest, id }), stats, problems)
            }
        };
        let figures = Figures::of(progress);
        Ok(SourceReport {
            source: self.source.identity.clone(),
            result,
            stats,
            bytes_read: figures.read - before.read,
            bytes_new: figures.new - before.new,
            bytes_uploaded: figures.uploaded - before.uploaded,
            problems,
            seconds: began.elapsed().as_secs_f64(),
        })
    }

    /// Stores and publishes the manifest, after everything it refers to; the checkpoints before it go with the same
    /// write. When this fails, the manifest is not published later either.
    fn save(
        &self,
        manifest: Option<&SnapshotManifest>,
        companion: Option<DirectoryEntry>,
        checkpoints: &[Manifest],
        writers: &mut [ContentWriter],
    ) -> Result<Option<ManifestId>> {
        self.session.ensure_complete()?;
        let mut edits = ManifestEdits::new(Arc::clone(self.repo.clock()));
        let id = manifest
            .map(|manifest| Ok::<_, Error>(edits.put(manifest.labels()?, manifest)?))
            .transpose()?;
        if let (Some(manifest), Some(root)) = (manifest, companion) {
            let companion = extended::companion(manifest, root);
            edits.put(companion.labels()?, &companion)?;
        }
        checkpoints.iter().for_each(|old| edits.delete(old));
        if manifest.is_some() {
            self.superseded()
                .for_each(|old| edits.delete_id(self.manifests, &old));
        }
        let writer = &mut writers[0];
        let Some(container) = edits.write(writer)? else {
            self.session.commit_index()?;
            return Ok(id);
        };
        let published = writer
            .finish_packs()
            .and_then(|()| self.session.commit_index());
        let Err(error) = published else {
            return Ok(id);
        };
        match self.session.withdraw(&container) {
            Ok(true) => {
                tracing::warn!(%error, "the store reported an error, but it has the snapshot");
                Ok(id)
            }
            Ok(false) => Err(error.into()),
            Err(unknown) => {
                tracing::warn!(error = %unknown, "whether the snapshot was saved could not be found out");
                Err(error.into())
            }
        }
    }

    /// What earlier uploads of the source left incomplete. Once there is a complete snapshot, retention keeps none of it
    /// (format 2 §7.7); what somebody pinned stays.
    fn superseded(&self) -> impl Iterator<Item = ManifestId> {
        snapshot::list(self.manifests, Some(&self.source.identity))
            .into_iter()
            .filter(|old| !old.is_complete() && old.pins.is_empty())
            .map(|old| old.id)
    }

    /// Uploads the source. After a long time, what the tree refers to is looked for again, and what went away meanwhile is
    /// read and stored anew.
    fn upload_lasting(
        &self,
        tree: &dyn SourceTree,
        policies: &PolicyTree,
        earlier: &[SnapshotManifest],
        (start_time, now): (UnixNanos, UnixNanos),
        writers: &mut [ContentWriter],
    ) -> Result<Uploaded> {
        let clock = self.repo.clock();
        let began = clock.monotonic();
        let progress = &self.request.progress;
        let fresh = || Pass {
            start_time,
            now,
            lost: HashSet::new(),
            progress: Arc::clone(progress),
        };
        let mut uploaded = self.upload(tree, policies, earlier, fresh(), writers)?;
        if clock.monotonic().saturating_sub(began) < SAFE_AGE {
            return Ok(uploaded);
        }
        let mut objects = 0;
        for _ in 0..UPLOADS {
            self.session.commit_index()?;
            self.repo.refresh()?;
            let cancel = &self.request.cancel;
            let lost = lost_objects(self.repo, &uploaded.root, writers.len(), cancel)?;
            if lost.is_empty() {
                return Ok(uploaded);
            }
            objects = lost.len();
            tracing::warn!(objects, source = %self.source.identity, "data went away during the upload and is stored anew");
            // Everything else is taken over from the tree that was just made. It was counted already.
            let made = SnapshotManifest {
                root_entry: Some(uploaded.root),
                extras: Some(SnapshotExtras {
                    known_before: extended::known_before(now, None),
                }),
                ..SnapshotManifest::default()
            };
            let again = Arc::new(Progress::new());
            let pass = Pass {
                lost,
                progress: Arc::clone(&again),
                ..fresh()
            };
            let repeated = self.upload(tree, policies, &[made], pass, writers)?;
            progress.add_new(again.bytes_new());
            uploaded.root = repeated.root;
            uploaded.companion = repeated.companion;
            uploaded.problems = repeated.problems;
            uploaded.checkpoints.extend(repeated.checkpoints);
        }
        Err(Error::DataLost {
            path: self.source.identity.path.clone(),
            objects,
        })
    }

    fn now(&self) -> UnixNanos {
        self.repo.clock().now().into()
    }

    /// A snapshot starts after every earlier one of its source, also when the clock was set back: the order of starts is
    /// all that tells which is newer.
    fn start_time(&self, earlier: &[SnapshotManifest], now: UnixNanos) -> UnixNanos {
        let latest = earlier.iter().map(|snapshot| snapshot.start_time).max();
        latest.map_or(now, |latest| now.max(UnixNanos(latest.0.saturating_add(1))))
    }

    fn manifest(&self, start_time: UnixNanos) -> SnapshotManifest {
        SnapshotManifest {
            source: self.source.identity.clone(),
            description: self.request.description.clone(),
            tags: self.request.tags.clone(),
            pins: self.request.pins.clone(),
            start_time,
            ..SnapshotManifest::default()
        }
    }

    fn upload(
        &self,
        tree: &dyn SourceTree,
        policies: &PolicyTree,
        earlier: &[SnapshotManifest],
        pass: Pass,
        writers: &mut [ContentWriter],
    ) -> Result<Uploaded> {
        let path = self.source.identity.path.clone();
        let failed = |error: std::io::Error| Error::Source {
            path: path.clone(),
            reason: error.to_string(),
        };
        let root = tree.root().map_err(failed)?;
        let latest = earlier.iter().map(|snapshot| snapshot.start_time).max();
        let extras = Some(SnapshotExtras {
            known_before: extended::known_before(pass.now, latest),
        });
        let settings = Settings {
            workers: writers.len(),
            memory_budget: self.request.memory_budget,
            fail_fast: self.request.fail_fast,
            lost: pass.lost,
            root_device: root.metadata.device,
            checkpoint: SnapshotManifest {
                source: self.source.identity.clone(),
                start_time: pass.start_time,
                extras,
                ..SnapshotManifest::default()
            },
        };
        let shared = (pass.progress, self.request.cancel.clone());
        let entry = root_entry(&root);
        let upload = Upload::new(
            self.repo,
            self.session,
            policies.clone(),
            settings,
            (entry, path),
            shared,
        )?
        .with_actions(FolderActions::new(self.request, tree));
        begin(&upload, root, earlier, pass.now)?;
        let queue = Arc::clone(upload.queue());
        let _wake = self.request.cancel.on_cancel(move || queue.close());
        std::thread::scope(|scope| {
            for writer in writers.iter_mut() {
                scope.spawn(|| {
                    let _guard = CloseOnPanic(&upload);
                    if let Err(error) = Worker::new(&upload, writer).run() {
                        upload.stop(error.into());
                    }
                });
            }
        });
        upload.actions().after_all(&upload);
        let companion = match upload.is_stopped() || upload.held().is_empty() {
            true => None,
            false => Some(Worker::new(&upload, &mut writers[0]).store_companion()?),
        };
        Ok(Uploaded {
            companion,
            ..upload.finish()?
        })
    }
}

/// One reading of a source.
struct Pass {
    /// When the first one began; later than every earlier snapshot.
    start_time: UnixNanos,
    /// The same by the clock.
    now: UnixNanos,
    /// Objects that are not taken over.
    lost: HashSet<ObjectId>,
    progress: Arc<Progress>,
}

/// Lets the other workers end when one of them panics.
struct CloseOnPanic<'a>(&'a Upload<'a>);

impl Drop for CloseOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.queue().close();
        }
    }
}

fn root_entry(root: &Root) -> DirectoryEntry {
    let kind = match root.node {
        RootNode::Directory(_) => EntryKind::Directory,
        RootNode::File(_) => EntryKind::File,
    };
    let text = holdfast_repository::directory::lossy_text(&root.name).into_bytes();
    let listed = holdfast_files::Listed {
        name: &root.name,
        metadata: &root.metadata,
    };
    let mut entry = directory::describe(text, kind, listed, root.metadata.device);
    // The root's own extras have another place in the format.
    entry.extras = None;
    entry
}

/// Queues the root.
fn begin(
    upload: &Upload<'_>,
    root: Root,
    earlier: &[SnapshotManifest],
    now: UnixNanos,
) -> Result<()> {
    match root.node {
        RootNode::Directory(directory) => {
            let mut previous = Vec::new();
            for snapshot in earlier {
                let root = snapshot.root_entry.as_ref();
                if let Some(object) = root
                    .filter(|root| root.is_directory())
                    .and_then(|r| r.object)
                {
                    let settled = extended::settled(snapshot, now);
                    Earlier { object, settled }.add(&mut previous);
                }
            }
            let task = DirectoryTask {
                node: Node::new(None, String::new(), root.metadata),
                open: Open::Root(directory),
                path: RelativePath::root(),
                rules: Rules::none(),
                previous,
                carried: Carried::Unknown,
            };
            upload.queue().push(Vec::new(), vec![task]);
        }
        RootNode::File(file) => {
            let node = Node::new(None, String::new(), upload::stand_in(root.metadata));
            let listed = holdfast_files::Listed {
                name: &root.name,
                metadata: &root.metadata,
            };
            let text = holdfast_repository::directory::lossy_text(&root.name);
            let policy = upload.policies().root();
            let size = root.metadata.size;
            let compression =
                holdfast_repository::policy::compressor_for(&policy.compression, &text, size)
                    .and_then(upload::compression_by_name);
            node.set_entries(
                vec![directory::describe(
                    text.clone().into_bytes(),
                    EntryKind::File,
                    listed,
                    root.metadata.device,
                )],
                0,
                Vec::new(),
            );
            let slot = Slot { node, index: 0 };
            let file = LazyFile::opened(file, &root.metadata);
            let large = LargeFile::new(slot, text, Some(size), file, compression, false);
            let part_size = policy
                .upload
                .parallel_upload_above_size
                .and_then(|size| u64::try_from(size).ok());
            let streams = large.streams(part_size, &upload.splitter(&policy.splitter.algorithm)?);
            upload
                .checkpoints()
                .begin_directory(&streams[0].file.slot.node);
            upload.checkpoints().begin_file(&streams);
            upload.queue().push(streams, Vec::new());
        }
    }
    Ok(())
}

/// Counters that sources share, at one moment.
struct Figures {
    read: u64,
    new: u64,
    uploaded: u64,
}

impl Figures {
    fn of(progress: &Progress) -> Self {
        Self {
            read: progress.bytes_read(),
            new: progress.bytes_new(),
            uploaded: progress.bytes_uploaded(),
        }
    }
}
