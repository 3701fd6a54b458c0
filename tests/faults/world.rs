//! A repository in memory with everything that is known about it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use holdfast_host::{Clock, ManualClock};
use holdfast_repository::check::{CheckOptions, check};
use holdfast_repository::format::{FormatBlob, FormatKey};
use holdfast_repository::repair::{RepairOptions, RepairReport, repair_with_key};
use holdfast_repository::snapshot::list;
use holdfast_repository::{CreateOptions, OpenOptions, Repository};
use holdfast_snapshot::RestoreRequest;
use holdfast_storage::{BlobId, BlobStore, MemoryStore};
use holdfast_testkit::blobs::FaultyStore;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::files::{Files, scratch};

const PASSWORD: &str = "password of the faults";

/// The time that all share, as one client shows it.
#[derive(Debug)]
struct SkewedClock {
    time: Arc<ManualClock>,
    skew: SignedDuration,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        self.time.now() + self.skew
    }

    fn monotonic(&self) -> Duration {
        self.time.monotonic()
    }

    fn sleep(&self, duration: Duration) {
        self.time.sleep(duration);
    }
}

/// A machine that uses the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Its host name.
    pub(crate) name: &'static str,
    /// How far its clock is ahead of the storage's.
    pub(crate) skew: SignedDuration,
}

impl Machine {
    /// The same with a clock that is so many minutes ahead.
    #[must_use]
    pub(crate) const fn ahead(self, minutes: i64) -> Self {
        Self {
            skew: SignedDuration::from_mins(minutes),
            ..self
        }
    }

    /// A machine whose clock is right.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            skew: SignedDuration::ZERO,
        }
    }
}

/// A snapshot as it must be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Saved {
    /// Path of its source.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) files: Files,
}

impl Saved {
    /// A snapshot of `files` under a path.
    pub(crate) fn new(path: &str, files: &Files) -> Self {
        Self {
            path: path.to_owned(),
            files: files.clone(),
        }
    }
}

/// A repository, what must be in it, and what may be.
pub(crate) struct World {
    time: Arc<ManualClock>,
    blobs: MemoryStore,
    root: FaultyStore,
    key: FormatKey,
    /// Snapshots that were reported done, by id.
    pub(crate) saved: BTreeMap<String, Saved>,
    /// Snapshots whose operation failed: they are there as a whole or not at all.
    pub(crate) attempted: Vec<Saved>,
    /// Ids of snapshots whose deletion failed: they may be gone.
    pub(crate) perhaps_deleted: Vec<String>,
    /// Blobs that a fault has damaged for good.
    pub(crate) damaged: Vec<BlobId>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("time", &self.time.now())
            .field("saved", &self.saved.keys())
            .finish_non_exhaustive()
    }
}

/// The blobs of a new repository and its key: made once, because deriving a key is slow.
fn empty_repository() -> &'static (MemoryStore, FormatKey) {
    static EMPTY: OnceLock<(MemoryStore, FormatKey)> = OnceLock::new();
    EMPTY.get_or_init(|| {
        let time = Arc::new(ManualClock::new(first_moment()));
        let store = MemoryStore::with_clock(time.clone());
        let options = CreateOptions {
            // Short contents, so that a small file already has several.
            splitter: "FIXED-128K".to_owned(),
            ..CreateOptions::default()
        };
        let password = SecretString::from(PASSWORD);
        let open = options_of(&time, Machine::new("first"));
        Repository::create(Arc::new(store.clone()), &password, &options, &open)
            .expect("create a repository");
        let id = BlobId::new("kopia.repository").expect("a name");
        let blob = FormatBlob::parse(&store.get(&id).expect("the format")).expect("a format");
        (store, blob.derive_key(&password).expect("derive the key"))
    })
}

fn first_moment() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a time")
}

fn options_of(time: &Arc<ManualClock>, machine: Machine) -> OpenOptions {
    OpenOptions {
        cache_dir: None,
        cache_min_length: 0,
        clock: Arc::new(SkewedClock {
            time: Arc::clone(time),
            skew: machine.skew,
        }),
        user: "user".to_owned(),
        host: machine.name.to_owned(),
    }
}

impl World {
    /// A new repository.
    pub(crate) fn new() -> Self {
        let (store, key) = empty_repository();
        Self::of(store, key)
    }

    /// A world around the blobs of some repository; nothing is known of its snapshots.
    pub(crate) fn of(store: &MemoryStore, key: &FormatKey) -> Self {
        let time = Arc::new(ManualClock::new(first_moment()));
        let blobs = store.fork(time.clone());
        let root = FaultyStore::with_clock(Arc::new(blobs.clone()), time.clone());
        Self {
            time,
            blobs,
            root,
            key: key.clone(),
            saved: BTreeMap::new(),
            attempted: Vec::new(),
            perhaps_deleted: Vec::new(),
            damaged: Vec::new(),
        }
    }

    /// The same world, which goes its own way from here on.
    pub(crate) fn fork(&self) -> Self {
        let time = Arc::new(self.time.fork());
        let blobs = self.blobs.fork(time.clone());
        Self {
            root: self.root.fork(Arc::new(blobs.clone()), time.clone()),
            time,
            blobs,
            key: self.key.clone(),
            saved: self.saved.clone(),
            attempted: self.attempted.clone(),
            perhaps_deleted: self.perhaps_deleted.clone(),
            damaged: self.damaged.clone(),
        }
    }

    /// The same repository at the same time, for a step that happens in the middle of another one.
    pub(crate) fn beside(&self) -> Self {
        Self {
            time: Arc::clone(&self.time),
            blobs: self.blobs.clone(),
            root: self.root.clone(),
            key: self.key.clone(),
            saved: BTreeMap::new(),
            attempted: Vec::new(),
            perhaps_deleted: Vec::new(),
            damaged: Vec::new(),
        }
    }

    /// Takes over what a step did that happened [`World::beside`].
    pub(crate) fn adopt_what_happened_in(&mut self, other: Self) {
        self.saved.extend(other.saved);
        self.attempted.extend(other.attempted);
    }

    /// Lets time pass for everybody.
    pub(crate) fn wait(&self, time: Duration) {
        self.time.advance(time);
    }

    /// The store as a new process of some machine meets it, ready for faults.
    pub(crate) fn store(&self) -> FaultyStore {
        self.root.beside()
    }

    /// The blobs themselves.
    pub(crate) fn blobs(&self) -> &MemoryStore {
        &self.blobs
    }

    /// Notes the blobs of which the store kept only a part.
    pub(crate) fn note_torn(&mut self, store: &FaultyStore) {
        for call in store.hits() {
            let id = BlobId::new(call.name).ok();
            let info = id.and_then(|id| self.blobs.stat(&id).ok());
            self.damaged.extend(
                info.filter(|info| info.length < call.bytes)
                    .map(|info| info.id),
            );
        }
    }

    /// Repairs the repository.
    pub(crate) fn repair(&self, repair: &RepairOptions) -> Result<RepairReport> {
        let store = Arc::new(self.blobs.clone());
        let options = options_of(&self.time, Machine::new("repairer"));
        repair_with_key(store, &self.key, &options, repair).context("repair the repository")
    }

    /// Opens the repository as a new process.
    pub(crate) fn open(&self, store: &FaultyStore, machine: Machine) -> Result<Arc<Repository>> {
        self.open_on(Arc::new(store.clone()), machine)
    }

    fn open_on(&self, store: Arc<dyn BlobStore>, machine: Machine) -> Result<Arc<Repository>> {
        let options = options_of(&self.time, machine);
        Repository::open_with_key(store, &self.key, &options).context("open the repository")
    }

    /// Looks at everything as a new process without faults; what was in doubt is settled by what is found.
    ///
    /// # Errors
    /// A property that does not hold, in words.
    pub(crate) fn audit(&mut self) -> Result<()> {
        let repo = self.open_for_audit()?;
        let manifests = repo.manifests().context("read the manifests")?;
        let mut listed: BTreeMap<String, String> = BTreeMap::new();
        for snapshot in list(&manifests, None) {
            listed.insert(snapshot.id.to_string(), snapshot.source.path);
        }
        for id in self.perhaps_deleted.drain(..) {
            if !listed.contains_key(&id) {
                self.saved.remove(&id);
            }
        }
        for (id, saved) in &self.saved {
            ensure!(
                listed.remove(id).is_some(),
                "snapshot {id} of {} was reported done and is not listed",
                saved.path
            );
            restores(&repo, id, &saved.files)?;
        }
        for (id, path) in listed {
            self.adopt(&repo, id, &path)?;
        }
        self.attempted.clear();
        self.check_strict(&repo)
    }

    /// Opens the repository. A torn index blob keeps it from opening, names itself, and can be deleted, since nothing
    /// that it published was reported done.
    fn open_for_audit(&mut self) -> Result<Arc<Repository>> {
        let open =
            |world: &Self| world.open_on(Arc::new(world.blobs.clone()), Machine::new("auditor"));
        let error = match open(self) {
            Err(error) => format!("{error:#}"),
            opened => return opened,
        };
        for id in &self.damaged {
            if error.contains(id.as_str()) {
                self.blobs.delete(id)?;
            }
        }
        open(self)
    }

    /// A listed snapshot that nobody reported done: it must be what one of the failed operations would have saved.
    fn adopt(&mut self, repo: &Arc<Repository>, id: String, path: &str) -> Result<()> {
        let mut reasons = Vec::new();
        for attempt in self.attempted.iter().filter(|attempt| attempt.path == path) {
            match restores(repo, &id, &attempt.files) {
                Ok(()) => {
                    self.saved.insert(id, attempt.clone());
                    return Ok(());
                }
                Err(error) => reasons.push(format!("{error:#}")),
            }
        }
        bail!("snapshot {id} of {path} is listed and nobody reported it done: {reasons:?}")
    }

    fn check_strict(&self, repo: &Arc<Repository>) -> Result<()> {
        let options = CheckOptions {
            strict: true,
            read_data: true,
            ..CheckOptions::default()
        };
        let report = check(repo, &options).context("check")?;
        let problems: Vec<String> = report
            .problems
            .iter()
            .map(ToString::to_string)
            .filter(|text| !self.damaged.iter().any(|id| text.contains(id.as_str())))
            .collect();
        ensure!(problems.is_empty(), "check --strict: {problems:#?}");
        Ok(())
    }
}

/// A snapshot comes back as a whole and byte for byte.
fn restores(repo: &Arc<Repository>, id: &str, files: &Files) -> Result<()> {
    let target = scratch()?;
    let mut request = RestoreRequest::new(id, "", target.path());
    request.owners = false;
    request.permissions = false;
    request.parallelism = std::num::NonZeroUsize::new(1);
    let report = holdfast_snapshot::restore(repo, &request)
        .with_context(|| format!("restore snapshot {id}"))?;
    ensure!(
        report.problems.is_empty(),
        "restore snapshot {id}: {:?}",
        report.problems
    );
    let differences = files.differences(target.path())?;
    ensure!(differences.is_empty(), "snapshot {id}: {differences:?}");
    Ok(())
}
