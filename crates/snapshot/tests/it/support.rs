//! Repositories and sources for the tests of this crate.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_files::{MemoryTree, SourceTree};
use holdfast_host::{Clock, SystemClock};
use holdfast_repository::policy::Policy;
use holdfast_repository::snapshot::{SnapshotManifest, list};
use holdfast_repository::{CreateOptions, OpenOptions, Repository, SourceIdentity};
use holdfast_snapshot::{
    RestoreRequest, SavedSnapshot, SnapshotRequest, Source, SourceReport, create,
};
use holdfast_storage::{
    BlobId, BlobInfo, BlobStore, BlobWriter, Capabilities, MemoryStore, PutOptions,
    Result as StoreResult, Retention, TransferCounters,
};
use holdfast_testkit::tree::{Compare, assert_same};
use secrecy::SecretString;

/// A repository and the store below it.
pub(crate) struct Place {
    pub(crate) store: Arc<dyn BlobStore>,
    pub(crate) repo: Arc<Repository>,
}

pub(crate) fn password() -> SecretString {
    SecretString::from("correct horse battery staple")
}

impl Place {
    /// A new repository in memory.
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    /// A new repository on a store.
    pub(crate) fn on(store: Arc<dyn BlobStore>) -> Self {
        Self::with(store, &CreateOptions::default())
    }

    /// A new repository with parameters of its own.
    pub(crate) fn with(store: Arc<dyn BlobStore>, options: &CreateOptions) -> Self {
        Repository::initialize(
            Arc::clone(&store),
            &password(),
            options,
            &OpenOptions::default(),
        )
        .expect("create a repository");
        Self::open(store)
    }

    /// An existing repository, as another process would open it.
    pub(crate) fn open(store: Arc<dyn BlobStore>) -> Self {
        Self::open_with(store, Arc::new(SystemClock::new()))
    }

    /// The same with another clock.
    pub(crate) fn open_with(store: Arc<dyn BlobStore>, clock: Arc<dyn Clock>) -> Self {
        let options = OpenOptions {
            clock,
            user: "user".to_owned(),
            host: "host".to_owned(),
            ..OpenOptions::default()
        };
        let repo = Repository::open(Arc::clone(&store), &password(), &options)
            .expect("open the repository");
        Self { store, repo }
    }

    /// All snapshots.
    pub(crate) fn snapshots(&self) -> Vec<SnapshotManifest> {
        list(&self.repo.manifests().expect("read the manifests"), None)
    }

    /// All snapshots that another process would see.
    pub(crate) fn snapshots_now(&self) -> Vec<SnapshotManifest> {
        Self::open(Arc::clone(&self.store)).snapshots()
    }

    /// Takes a snapshot that must succeed.
    pub(crate) fn snapshot(&self, tree: &MemoryTree) -> SourceReport {
        self.snapshot_with(tree, |_| {})
    }

    /// Takes a snapshot that must succeed, with a changed request.
    pub(crate) fn snapshot_with(
        &self,
        tree: &MemoryTree,
        change: impl FnOnce(&mut SnapshotRequest),
    ) -> SourceReport {
        let mut request = request(tree);
        change(&mut request);
        let mut report = create(&self.repo, &request).expect("take a snapshot");
        assert_eq!(report.sources.len(), 1);
        report.sources.remove(0)
    }

    /// Takes a snapshot of a directory on disk that must succeed without errors.
    pub(crate) fn snapshot_dir(&self, path: &Path) -> SourceReport {
        let request = SnapshotRequest::new(vec![Source::local(path, identity("/data"))]);
        let mut report = create(&self.repo, &request).expect("take a snapshot");
        assert!(report.is_clean(), "{report:?}");
        report.sources.remove(0)
    }

    /// Restores a snapshot into a new directory and compares it with its source.
    pub(crate) fn assert_restores(&self, id: &str, source: &Path) {
        let target = tempfile::tempdir().expect("a temporary directory");
        let request = RestoreRequest::new(id, "", target.path().join("restored"));
        let report = holdfast_snapshot::restore(&self.repo, &request).expect("restore");
        assert_eq!(report.problems, []);
        assert_same(source, &target.path().join("restored"), &Compare::default());
    }
}

pub(crate) fn identity(path: &str) -> SourceIdentity {
    SourceIdentity::new("user", "host", path)
}

pub(crate) fn request(tree: &MemoryTree) -> SnapshotRequest {
    let tree: Arc<dyn SourceTree> = Arc::new(tree.clone());
    SnapshotRequest::new(vec![Source {
        tree,
        identity: identity("/data"),
    }])
}

/// The saved snapshot of a source.
pub(crate) fn saved(report: &SourceReport) -> &SavedSnapshot {
    report.result.as_ref().expect("a snapshot")
}

/// The id of a saved snapshot.
pub(crate) fn id(report: &SourceReport) -> String {
    saved(report).id.as_ref().expect("it is saved").to_string()
}

/// A policy with one change.
pub(crate) fn policy(change: impl FnOnce(&mut Policy)) -> Option<Policy> {
    let mut policy = Policy::default();
    change(&mut policy);
    Some(policy)
}

/// Parts of about 128 KiB, so that a long file has many.
pub(crate) fn fine_cuts() -> Option<Policy> {
    policy(|policy| policy.splitter.algorithm = "DYNAMIC-128K-BUZHASH".to_owned())
}

/// Bytes that do not compress.
pub(crate) fn random(seed: u64, length: usize) -> Vec<u8> {
    holdfast_testkit::tree::random_bytes(seed, length)
}

/// Chance that can be repeated.
pub(crate) struct Dice {
    seed: u64,
    bytes: Vec<u8>,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let bytes = Vec::new();
        Self { seed, bytes }
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        if self.bytes.len() < 4 {
            self.bytes = random(self.seed, 4096);
            self.seed = self.seed.wrapping_add(1 << 32);
        }
        let rest = self.bytes.split_off(self.bytes.len() - 4);
        rest.iter()
            .fold(0, |sum, &byte| sum << 8 | usize::from(byte))
            % limit
    }

    /// One of several.
    pub(crate) fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// What a [`Watched`] store is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call<'a> {
    /// A part of this blob.
    Read(&'a BlobId),
    /// A listing.
    List,
}

/// A store that tells when something is about to be read or listed.
pub(crate) struct Watched {
    store: Arc<dyn BlobStore>,
    on_call: Box<dyn Fn(Call<'_>) + Send + Sync>,
}

impl Watched {
    pub(crate) fn over(
        store: &Arc<dyn BlobStore>,
        on_call: impl Fn(Call<'_>) + Send + Sync + 'static,
    ) -> Arc<dyn BlobStore> {
        Arc::new(Self {
            store: Arc::clone(store),
            on_call: Box::new(on_call),
        })
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.store.fmt(f)
    }
}

impl BlobStore for Watched {
    fn put(&self, id: &BlobId, data: Bytes, options: &PutOptions) -> StoreResult<()> {
        self.store.put(id, data, options)
    }

    fn create(&self, id: &BlobId, options: &PutOptions) -> StoreResult<Box<dyn BlobWriter>> {
        self.store.create(id, options)
    }

    fn get(&self, id: &BlobId) -> StoreResult<Bytes> {
        self.store.get(id)
    }

    fn get_range(&self, id: &BlobId, offset: u64, buffer: &mut [u8]) -> StoreResult<()> {
        (self.on_call)(Call::Read(id));
        self.store.get_range(id, offset, buffer)
    }

    /// Leaves time enough for a loaded machine.
    fn finish_within(&self, time: Duration) {
        self.store.finish_within(time.max(Duration::from_secs(60)));
    }

    fn stat(&self, id: &BlobId) -> StoreResult<BlobInfo> {
        self.store.stat(id)
    }

    fn delete(&self, id: &BlobId) -> StoreResult<()> {
        self.store.delete(id)
    }

    fn extend_retention(&self, id: &BlobId, retention: Retention) -> StoreResult<()> {
        self.store.extend_retention(id, retention)
    }

    fn retention(&self, id: &BlobId) -> StoreResult<Option<Retention>> {
        self.store.retention(id)
    }

    fn list(
        &self,
        prefix: &str,
        each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>,
    ) -> StoreResult<()> {
        (self.on_call)(Call::List);
        self.store.list(prefix, each)
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn location(&self) -> String {
        self.store.location()
    }

    fn counters(&self) -> &TransferCounters {
        self.store.counters()
    }
}
