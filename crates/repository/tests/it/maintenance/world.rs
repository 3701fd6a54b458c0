//! A repository, its clients and the time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holdfast_host::{Cancel, Clock, ManualClock};
use holdfast_repository::check::{CheckOptions, check};
use holdfast_repository::format::BlobConfiguration;
use holdfast_repository::maintenance::{self, Mode, RunOptions, RunReport, Safety, Task};
use holdfast_repository::manifest::{ManifestEdits, ManifestId};
use holdfast_repository::snapshot;
use holdfast_repository::{
    ContentFilter, ContentId, CreateOptions, Error, OpenOptions, Repository, Result,
};
use holdfast_storage::{BlobInfo, BlobStore, MemoryStore};
use holdfast_testkit::blobs::FaultyStore;
use secrecy::SecretString;

use crate::written::{noise, save, write_snapshot};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// A generator with a seed that a failure prints.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// Files of a snapshot: name and seed of the content.
pub(crate) type Files = Vec<(String, u64)>;

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    /// What every client sees.
    pub(crate) store: FaultyStore,
    /// What lies behind it.
    pub(crate) memory: MemoryStore,
    pub(crate) repository: Arc<Repository>,
    /// Snapshots that must be there, with their files.
    pub(crate) alive: BTreeMap<ManifestId, Files>,
    locks: tempfile::TempDir,
}

/// The content of a file: the size depends on the seed, so that packs differ.
pub(crate) fn content(seed: u64) -> Vec<u8> {
    noise(100 + (seed as usize * 7919) % 6000, seed)
}

pub(crate) fn files(seeds: impl IntoIterator<Item = u64>) -> Files {
    seeds
        .into_iter()
        .map(|seed| (format!("file-{seed}"), seed))
        .collect()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&CreateOptions::default())
    }

    pub(crate) fn with(create: &CreateOptions) -> Self {
        Self::of(MemoryStore::with_clock, create)
    }

    /// On a store that locks blobs.
    pub(crate) fn locked(blobs: BlobConfiguration) -> Self {
        let create = CreateOptions {
            blobs,
            ..CreateOptions::default()
        };
        Self::of(MemoryStore::with_object_lock, &create)
    }

    fn of(store: fn(Arc<dyn Clock>) -> MemoryStore, create: &CreateOptions) -> Self {
        let start = "2026-03-01T00:00:00Z".parse().expect("time");
        let clock = Arc::new(ManualClock::new(start));
        let memory = store(clock.clone());
        let store = FaultyStore::new(Arc::new(memory.clone()));
        let repository = Repository::create(
            Arc::new(store.clone()),
            &SecretString::from("password"),
            create,
            &options(&clock, "owner"),
        )
        .expect("create");
        Self {
            clock,
            store,
            memory,
            repository,
            alive: BTreeMap::new(),
            locks: tempfile::tempdir().expect("directory"),
        }
    }

    /// Another client of the same repository.
    pub(crate) fn client(&self, user: &str) -> Arc<Repository> {
        Repository::open(
            Arc::new(self.store.clone()),
            &SecretString::from("password"),
            &options(&self.clock, user),
        )
        .expect("open")
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Takes a snapshot that must be there from now on.
    pub(crate) fn snapshot(&mut self, files: Files) -> ManifestId {
        let client = self.repository.clone();
        self.snapshot_by(&client, files)
    }

    pub(crate) fn snapshot_by(&mut self, client: &Arc<Repository>, files: Files) -> ManifestId {
        client.refresh().expect("refresh");
        let session = client.session().expect("session");
        let data: Vec<(&[u8], Vec<u8>)> = files
            .iter()
            .map(|(name, seed)| (name.as_bytes(), content(*seed)))
            .collect();
        let start = self.clock.now().as_nanosecond() as i64;
        let (manifest, _) = write_snapshot(&session, &data, start);
        let id = save(session, &[manifest]).remove(0);
        self.alive.insert(id.clone(), files);
        id
    }

    pub(crate) fn delete(&mut self, id: &ManifestId) {
        self.repository.refresh().expect("refresh");
        let manifests = self.repository.manifests().expect("manifests");
        let mut edits = ManifestEdits::new(self.clock.clone());
        let known = snapshot::delete(&mut edits, &manifests, std::slice::from_ref(id));
        assert_eq!(known.expect("delete"), 1);
        edits.publish(&self.repository).expect("publish");
        self.alive.remove(id);
    }

    pub(crate) fn options(&self) -> RunOptions {
        RunOptions {
            mode: Some(Mode::Full),
            safety: Safety::Full,
            force: false,
            dry_run: false,
            lock_directory: self.locks.path().to_owned(),
            cancel: Cancel::new(),
        }
    }

    pub(crate) fn try_run(&self, options: &RunOptions) -> Result<Option<RunReport>> {
        maintenance::run(&self.repository, options)
    }

    /// A run that must succeed.
    pub(crate) fn run(&self, options: &RunOptions) -> RunReport {
        let report = self.try_run(options).expect("run").expect("it ran");
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        report
    }

    /// Full maintenance.
    pub(crate) fn maintain(&self) -> RunReport {
        self.run(&self.options())
    }

    /// Strictly clean, and every snapshot that must be there gives its files.
    pub(crate) fn assert_whole(&self) {
        self.repository.refresh().expect("refresh");
        let options = CheckOptions {
            strict: true,
            ..CheckOptions::default()
        };
        let report = check(&self.repository, &options).expect("check");
        assert!(report.is_clean(), "{:#?}", report.problems);
        let manifests = self.repository.manifests().expect("manifests");
        let listed = snapshot::list(&manifests, None);
        assert_eq!(listed.len(), self.alive.len());
        for snapshot in listed {
            let files = &self.alive[&snapshot.id];
            let root = snapshot.root_object().expect("root");
            let directory = self.repository.read_directory(&root).expect("directory");
            assert_eq!(directory.entries.len(), files.len());
            for (name, seed) in files {
                let entry = directory
                    .entries
                    .iter()
                    .find(|entry| entry.name == name.as_bytes())
                    .expect("entry");
                let object = entry.object.expect("object");
                let data = self.repository.read_object(&object).expect("file");
                assert_eq!(data, content(*seed), "{name}");
            }
        }
    }

    /// Contents in the index, except those of manifests.
    pub(crate) fn contents(&self, include_deleted: bool) -> Vec<ContentId> {
        self.repository.refresh().expect("refresh");
        let filter = ContentFilter {
            include_deleted,
            prefix: None,
        };
        let mut ids = Vec::new();
        self.repository
            .for_each_content(filter, &mut |info| {
                if info.id.prefix() != Some(b'm') {
                    ids.push(info.id);
                }
                Ok(())
            })
            .expect("contents");
        ids
    }

    /// Contents that the snapshots stand on.
    pub(crate) fn needed(&self) -> Vec<ContentId> {
        let manifests = self.repository.manifests().expect("manifests");
        let mut ids = Vec::new();
        for snapshot in snapshot::list(&manifests, None) {
            let root = snapshot.root_object().expect("root");
            let directory = self.repository.read_directory(&root).expect("directory");
            let objects = directory.entries.iter().filter_map(|entry| entry.object);
            for object in objects.chain([root]) {
                self.repository
                    .for_each_object_content(&object, &mut |id| {
                        ids.push(id);
                        Ok(())
                    })
                    .expect("contents");
            }
        }
        ids.sort();
        ids.dedup();
        ids
    }

    pub(crate) fn blobs(&self, prefix: &str) -> Vec<BlobInfo> {
        let store: &dyn BlobStore = &self.store;
        store.list_all(prefix).expect("list")
    }

    pub(crate) fn bytes(&self, prefix: &str) -> u64 {
        self.blobs(prefix).iter().map(|blob| blob.length).sum()
    }
}

pub(crate) fn options(clock: &Arc<ManualClock>, user: &str) -> OpenOptions {
    OpenOptions {
        cache_dir: None,
        cache_min_length: 0,
        clock: clock.clone(),
        user: user.to_owned(),
        host: "host".to_owned(),
    }
}

/// The figure of a task in a report.
pub(crate) fn figure(report: &RunReport, task: Task, name: &str) -> u64 {
    let done = report
        .tasks
        .iter()
        .find(|done| done.task == task)
        .expect("task");
    let statistics = done.statistics.as_ref().expect("it ran");
    statistics.data.to_value()[name].as_u64().expect("figure")
}

/// The error of a run that must fail.
pub(crate) fn refused(result: Result<Option<RunReport>>) -> Error {
    match result {
        Err(error) => error,
        Ok(report) => panic!("it ran: {report:?}"),
    }
}
