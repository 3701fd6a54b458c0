//! Repositories that are created and written here: round trips, layout, order of writing, failures.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use holdfast_host::ManualClock;
use holdfast_repository::index::InvalidIndex;
use holdfast_repository::pack::read_local_index;
use holdfast_repository::{
    Compression, CompressionAlgorithm, ContentFilter, ContentId, CreateOptions, Error, OpenOptions,
    Repository, Session,
};
use holdfast_storage::{
    BlobId, BlobInfo, BlobStore, BlobWriter, Capabilities, ErrorKind, LocalStore, MemoryStore,
    PutOptions, Retention, TransferCounters,
};
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};
use parking_lot::Mutex;
use proptest::prelude::*;
use secrecy::SecretString;

use crate::index::{decode_all, encode_all};

const PASSWORD: &str = "round trip";

fn password() -> SecretString {
    SecretString::from(PASSWORD)
}

fn create(store: Arc<dyn BlobStore>, open: &OpenOptions) -> Arc<Repository> {
    Repository::initialize(store, &password(), &CreateOptions::default(), open).expect("creates")
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        out.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    out.truncate(length);
    out
}

/// A store that notes the order of what is put and deleted, and can fail.
#[derive(Debug)]
struct Watched {
    inner: MemoryStore,
    streaming: bool,
    log: Arc<Mutex<Vec<String>>>,
    refuse_packs: AtomicBool,
    /// The next piece of a stream is written by half only.
    tear_write: Arc<AtomicBool>,
    panic_at_packs: AtomicBool,
    /// The epoch that others begin as soon as the next index blob is put; 0 for none.
    next_epoch: AtomicUsize,
}

impl Watched {
    fn new(streaming: bool) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(),
            streaming,
            log: Arc::default(),
            refuse_packs: AtomicBool::new(false),
            tear_write: Arc::default(),
            panic_at_packs: AtomicBool::new(false),
            next_epoch: AtomicUsize::new(0),
        })
    }

    fn begin_epoch(&self, epoch: usize) -> holdfast_storage::Result<()> {
        let id = BlobId::new(format!("xe{epoch}")).expect("blob id");
        self.inner.put(
            &id,
            Bytes::from_static(b"epoch-marker"),
            &PutOptions::default(),
        )
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().clone()
    }
}

struct WatchedWriter {
    store: MemoryStore,
    id: BlobId,
    bytes: Vec<u8>,
    log: Arc<Mutex<Vec<String>>>,
    tear_write: Arc<AtomicBool>,
}

impl BlobWriter for WatchedWriter {
    fn write(&mut self, parts: &[IoSlice<'_>]) -> holdfast_storage::Result<()> {
        if self.tear_write.swap(false, Ordering::Relaxed) {
            self.bytes
                .extend_from_slice(&parts[0][..parts[0].len() / 2]);
            return Err(holdfast_storage::Error::new(
                ErrorKind::Full,
                "write",
                "watched",
                "no space",
            ));
        }
        parts
            .iter()
            .for_each(|part| self.bytes.extend_from_slice(part));
        Ok(())
    }

    fn commit(self: Box<Self>) -> holdfast_storage::Result<()> {
        self.log.lock().push(format!("put {}", self.id));
        self.store
            .put(&self.id, Bytes::from(self.bytes), &PutOptions::default())
    }
}

impl BlobStore for Watched {
    fn put(&self, id: &BlobId, data: Bytes, options: &PutOptions) -> holdfast_storage::Result<()> {
        if id.as_str().starts_with("xn") {
            let epoch = self.next_epoch.swap(0, Ordering::Relaxed);
            if epoch > 0 {
                self.begin_epoch(epoch)?;
            }
        }
        if self.panic_at_packs.load(Ordering::Relaxed) && id.as_str().starts_with('p') {
            panic!("a store with a defect");
        }
        if self.refuse_packs.load(Ordering::Relaxed) && id.as_str().starts_with(['p', 'q']) {
            return Err(holdfast_storage::Error::new(
                ErrorKind::Full,
                "write",
                "watched",
                "no space",
            )
            .blob(id));
        }
        self.log.lock().push(format!("put {id}"));
        self.inner.put(id, data, options)
    }

    fn create(
        &self,
        id: &BlobId,
        options: &PutOptions,
    ) -> holdfast_storage::Result<Box<dyn BlobWriter>> {
        assert_eq!(*options, PutOptions::default());
        Ok(Box::new(WatchedWriter {
            store: self.inner.clone(),
            id: id.clone(),
            bytes: Vec::new(),
            log: self.log.clone(),
            tear_write: self.tear_write.clone(),
        }))
    }

    fn get(&self, id: &BlobId) -> holdfast_storage::Result<Bytes> {
        self.inner.get(id)
    }

    fn get_range(
        &self,
        id: &BlobId,
        offset: u64,
        buffer: &mut [u8],
    ) -> holdfast_storage::Result<()> {
        self.inner.get_range(id, offset, buffer)
    }

    fn stat(&self, id: &BlobId) -> holdfast_storage::Result<BlobInfo> {
        self.inner.stat(id)
    }

    fn delete(&self, id: &BlobId) -> holdfast_storage::Result<()> {
        self.log.lock().push(format!("delete {id}"));
        self.inner.delete(id)
    }

    fn extend_retention(&self, id: &BlobId, retention: Retention) -> holdfast_storage::Result<()> {
        self.inner.extend_retention(id, retention)
    }

    fn retention(&self, id: &BlobId) -> holdfast_storage::Result<Option<Retention>> {
        self.inner.retention(id)
    }

    fn list(
        &self,
        prefix: &str,
        each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>,
    ) -> holdfast_storage::Result<()> {
        self.inner.list(prefix, each)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            streaming_writes: self.streaming,
            ..self.inner.capabilities()
        }
    }

    fn location(&self) -> String {
        "watched".to_owned()
    }

    fn counters(&self) -> &TransferCounters {
        self.inner.counters()
    }
}

/// Checks every pack of a repository against the index: layout, alignment, local index in stable form.
fn check_packs(repository: &Repository) {
    let mut by_pack: BTreeMap<BlobId, Vec<_>> = BTreeMap::new();
    let all = ContentFilter {
        include_deleted: true,
        ..ContentFilter::default()
    };
    repository
        .for_each_content(all, &mut |info| {
            by_pack.entry(info.pack.clone()).or_default().push(info);
            Ok(())
        })
        .expect("lists");
    let packs: Vec<BlobInfo> = ["p", "q"]
        .iter()
        .flat_map(|class| repository.store().list_all(class).expect("list"))
        .collect();
    assert_eq!(packs.len(), by_pack.len());
    for pack in packs {
        let local = read_local_index(
            repository.store().as_ref(),
            repository.cipher(),
            &pack.id,
            pack.length,
        )
        .expect("local index");
        let entries = decode_all(&local.plaintext);
        assert_eq!(entries, by_pack[&pack.id], "{}", pack.id);
        let stable = local.plaintext.len() - 32;
        assert_eq!(encode_all(&entries), local.plaintext[..stable]);
        assert_eq!(
            repository.hasher().hash(&local.plaintext).as_bytes(),
            local.item
        );
        let mut spans: Vec<(u64, u64)> = entries
            .iter()
            .map(|e| (u64::from(e.offset), u64::from(e.offset + e.packed_length)))
            .collect();
        spans.sort_unstable();
        assert_eq!(spans.first().expect("contents").0, 32);
        assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0));
        let end = spans.last().expect("contents").1;
        assert_eq!(local.offset % 4096, 0);
        assert!((1..=4096).contains(&(local.offset - end)));
        assert!(pack.length - local.offset - local.length < 100);
    }
}

#[test]
fn contents_survive_in_every_kind_of_store() {
    let directory = tempfile::tempdir().expect("directory");
    let stores: [Arc<dyn BlobStore>; 3] = [
        Watched::new(false),
        Watched::new(true),
        Arc::new(LocalStore::open(directory.path()).expect("store")),
    ];
    for store in stores {
        let repository = create(store.clone(), &OpenOptions::default());
        let session = repository.session().expect("session");
        let mut written: Vec<(ContentId, Vec<u8>)> = Vec::new();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..3u64)
                .map(|worker| {
                    let session = &session;
                    scope.spawn(move || {
                        let mut writer = session.writer();
                        let mut written = Vec::new();
                        let compression: Compression = Some(CompressionAlgorithm::Zstd);
                        for number in 0..40u64 {
                            // Numbers below 10 are the same for all workers.
                            let seed = if number < 10 {
                                number
                            } else {
                                worker << 32 | number
                            };
                            let data = noise(seed, (number * number * 37) as usize);
                            let id = writer.write(None, &data, None).expect("writes").id;
                            written.push((id, data));
                            let text = format!("entry {seed} ")
                                .repeat(number as usize + 1)
                                .into_bytes();
                            let id = writer
                                .write(Some(b'k'), &text, compression)
                                .expect("writes")
                                .id;
                            written.push((id, text));
                        }
                        let mut large = noise(worker, 9 << 20);
                        let id = writer.repository().hasher().content_id(None, &large);
                        written.push((id, large.clone()));
                        assert!(
                            writer
                                .write_in_place(id, &mut large, None)
                                .expect("writes")
                                .new
                        );
                        writer.finish_packs().expect("stores");
                        written
                    })
                })
                .collect();
            for worker in workers {
                written.extend(worker.join().expect("worker"));
            }
        });
        assert!(session.unpublished_bytes() > 27 << 20);
        assert!(repository.contents().expect("index").is_empty());
        assert_eq!(repository.active_sessions().expect("markers").len(), 1);
        let report = session.close().expect("closes");
        assert_eq!(report.index_blobs.len(), 1);
        assert!(repository.active_sessions().expect("markers").is_empty());

        let again = Repository::open(store, &password(), &OpenOptions::default()).expect("opens");
        for repository in [&repository, &again] {
            let contents = repository.contents().expect("index");
            assert_eq!(contents.len(), report.entries);
            assert!(contents.iter().any(|info| info.compression == 0x1100));
            for (id, data) in &written {
                assert_eq!(repository.read_content(id).expect("reads"), data.as_slice());
            }
        }
        check_packs(&again);
        let session = again.session().expect("session");
        let mut writer = session.writer();
        assert!(!writer.write(None, &written[2].1, None).expect("known").new);
        writer.finish_packs().expect("nothing to store");
        let report = session.close().expect("closes");
        assert_eq!(report.entries, 0);
    }
}

fn write_one(session: &Session, data: &[u8]) -> ContentId {
    let mut writer = session.writer();
    let written = writer.write(None, data, None).expect("writes");
    writer.finish_packs().expect("stores");
    written.id
}

#[test]
fn blobs_are_written_in_the_order_that_is_safe() {
    for streaming in [false, true] {
        let store = Watched::new(streaming);
        let repository = create(store.clone(), &OpenOptions::default());
        assert_eq!(store.log(), ["put kopia.blobcfg", "put kopia.repository"]);
        let session = repository.session().expect("session");
        write_one(&session, b"one");
        session.commit_index().expect("publishes");
        write_one(&session, b"two");
        let id = session.id().to_string();
        session.close().expect("closes");
        let log = store.log();
        let kinds: Vec<String> = log[2..]
            .iter()
            .map(|line| line.chars().take(6).collect())
            .collect();
        let mut expected = vec!["put s", "put p", "put xn", "put p", "put xn", "delete"];
        for (line, expected) in kinds.iter().zip(expected.drain(..)) {
            assert!(line.starts_with(expected), "{log:?}");
        }
        assert_eq!(kinds.len(), 6, "{log:?}");
        assert!(
            log[2..7]
                .iter()
                .all(|line| line.contains(&format!("-{id}"))),
            "{log:?}"
        );
        assert!(log[4].ends_with("-c1"));
    }
}

#[test]
fn nothing_behind_a_torn_write_is_published() {
    let store = Watched::new(true);
    let repository = create(store.clone(), &OpenOptions::default());
    let session = repository.session().expect("session");
    let mut writer = session.writer();
    let before = writer.write(None, &noise(1, 3 << 20), None);
    let before = before.expect("stores").id;
    store.tear_write.store(true, Ordering::Relaxed);
    assert!(writer.write(None, &noise(2, 3 << 20), None).is_err());
    // Space has become free, and whoever wrote goes on.
    let after = noise(3, 3 << 20);
    let id = writer.write(None, &after, None).expect("stores").id;
    writer.finish_packs().expect("stores");
    assert!(session.ensure_complete().is_err());
    session.close_interrupted().expect("publishes");
    assert!(repository.content_info(&before).expect("index").is_none());
    assert_eq!(repository.read_content(&id).expect("readable"), after);
    check_packs(&repository);
}

#[test]
fn a_panic_in_the_store_ends_the_session_and_not_the_wait() {
    let store = Watched::new(false);
    let repository = create(store.clone(), &OpenOptions::default());
    let session = repository.session().expect("session");
    let mut writer = session.writer();
    store.panic_at_packs.store(true, Ordering::Relaxed);
    writer.write(None, b"data", None).expect("packs");
    assert!(writer.finish_packs().is_err());
    assert!(session.ensure_complete().is_err());
}

#[test]
fn deleted_and_written_again_in_one_session_it_is_stored_again() {
    let store: Arc<dyn BlobStore> = Watched::new(true);
    let repository = create(store.clone(), &OpenOptions::default());
    let publish = |session: Session, mut writer: holdfast_repository::ContentWriter| {
        writer.finish_packs().expect("packs");
        session.close().expect("close");
    };
    let session = repository.session().expect("session");
    let mut writer = session.writer();
    let id = writer.write(None, b"again", None).expect("write").id;
    publish(session, writer);
    let before = repository
        .content_info(&id)
        .expect("look up")
        .expect("it is there");

    let session = repository.session().expect("session");
    let mut writer = session.writer();
    writer.delete_content(&id).expect("delete");
    assert!(!writer.is_known(&id).expect("look up"));
    assert!(writer.write(None, b"again", None).expect("write").new);
    assert!(!writer.write(None, b"again", None).expect("write").new);
    publish(session, writer);
    let open = Repository::open(store, &password(), &OpenOptions::default()).expect("open");
    for repository in [&repository, &open] {
        let after = repository
            .content_info(&id)
            .expect("look up")
            .expect("it is there");
        assert!(!after.deleted && after.time > before.time && after.pack != before.pack);
        assert_eq!(
            repository.read_content(&id).expect("read"),
            b"again".as_slice()
        );
    }
}

#[test]
fn a_mark_is_not_published_when_what_it_stands_for_is_lost() {
    for streaming in [true, false] {
        let watched = Watched::new(streaming);
        let repository = create(watched.clone(), &OpenOptions::default());
        let session = repository.session().expect("session");
        let mut writer = session.writer();
        let old = writer.write(Some(b'm'), b"old", None).expect("write").id;
        writer.finish_packs().expect("packs");
        drop(writer);
        session.close().expect("close");

        // The old content is to be replaced by a new one, whose pack is refused.
        let session = repository.session().expect("session");
        let mut writer = session.writer();
        writer.delete_content(&old).expect("delete");
        watched.tear_write.store(streaming, Ordering::Relaxed);
        watched.refuse_packs.store(true, Ordering::Relaxed);
        let written = writer.write(Some(b'm'), b"new", None);
        let finished = writer.finish_packs();
        assert!(written.is_err() || finished.is_err(), "{streaming}");
        watched.refuse_packs.store(false, Ordering::Relaxed);
        drop(writer);
        session.commit_index().expect("publish");
        session.close_interrupted().expect("close");
        repository.refresh().expect("refresh");
        let info = repository
            .content_info(&old)
            .expect("look up")
            .expect("it is there");
        assert!(!info.deleted, "{streaming}");
    }
}

#[test]
fn tombstones_are_later_than_what_they_delete() {
    let clock = Arc::new(ManualClock::new(
        "2026-01-01T00:00:00Z".parse().expect("time"),
    ));
    let options = OpenOptions {
        clock: clock.clone(),
        ..OpenOptions::default()
    };
    let store = Watched::new(true);
    let repository = create(store.clone(), &options);
    let session = repository.session().expect("session");
    let id = write_one(&session, b"data");
    session.commit_index().expect("publishes");
    let first = repository
        .content_info(&id)
        .expect("index")
        .expect("exists");

    // The clock was set back meanwhile.
    clock.set_wall_clock("2025-01-01T00:00:00Z".parse().expect("time"));
    let mut writer = session.writer();
    writer.delete_content(&id).expect("deletes");
    writer.delete_content(&id).expect("deletes once");
    writer.finish_packs().expect("stores");
    assert_eq!(session.commit_index().expect("publishes").entries, 1);
    let deleted = repository
        .content_info(&id)
        .expect("index")
        .expect("still readable");
    assert!(deleted.deleted && deleted.time == first.time + 1 && deleted.pack == first.pack);
    assert_eq!(
        repository.read_content(&id).expect("still readable"),
        b"data".as_slice()
    );
    writer.delete_content(&id).expect("already deleted");

    let again = writer.write(None, b"data", None).expect("writes again");
    assert!(again.new);
    writer.finish_packs().expect("stores");
    session.close().expect("closes");
    let live = repository
        .content_info(&id)
        .expect("index")
        .expect("exists");
    assert!(!live.deleted && live.time == first.time + 2 && live.pack != first.pack);

    // A watermark above makes a tombstone final; a new content must be later than it.
    let session = repository.session().expect("session");
    let mut writer = session.writer();
    writer.delete_content(&id).expect("deletes");
    writer.finish_packs().expect("stores");
    session.commit_index().expect("publishes");
    let mark = BlobId::new(format!("xw{}", first.time + 3)).expect("blob id");
    store
        .put(
            &mark,
            Bytes::from_static(b"deletion-watermark"),
            &PutOptions::default(),
        )
        .expect("put");
    repository.refresh().expect("loads");
    assert!(repository.content_info(&id).expect("index").is_none());
    assert!(matches!(
        repository.read_content(&id),
        Err(Error::ContentMissing { .. })
    ));
    assert!(writer.write(None, b"data", None).expect("writes").new);
    writer.finish_packs().expect("stores");
    session.close().expect("closes");
    let last = repository
        .content_info(&id)
        .expect("index")
        .expect("exists");
    assert_eq!(last.time, first.time + 4);
}

#[test]
fn lost_contents_make_a_session_incomplete() {
    let store = Watched::new(false);
    let repository = create(store.clone(), &OpenOptions::default());
    let session = repository.session().expect("session");
    let kept = write_one(&session, b"kept");
    let mut writer = session.writer();
    let lost = writer.write(None, b"lost", None).expect("writes").id;
    assert!(matches!(
        session.ensure_complete(),
        Err(Error::SessionIncomplete { .. })
    ));
    store.refuse_packs.store(true, Ordering::Relaxed);
    let error = writer.finish_packs().expect_err("no space");
    assert!(
        matches!(&error, Error::Storage(e) if e.kind() == ErrorKind::Full),
        "{error}"
    );
    let error = session.ensure_complete().expect_err("incomplete");
    assert!(error.to_string().contains("no space"), "{error}");
    assert!(matches!(
        session.close(),
        Err(Error::SessionIncomplete { .. })
    ));

    let session = repository.session().expect("session");
    let mut dropped = session.writer();
    store.refuse_packs.store(false, Ordering::Relaxed);
    dropped.write(None, b"dropped", None).expect("writes");
    drop(dropped);
    let other = write_one(&session, b"other");
    session
        .close_interrupted()
        .expect("publishes what is stored");
    repository.refresh().expect("loads");
    assert!(repository.content_info(&lost).expect("index").is_none());
    assert!(repository.content_info(&other).expect("index").is_some());
    // The first session was never published; its content is stored but invisible.
    assert!(repository.content_info(&kept).expect("index").is_none());
}

#[test]
fn a_content_is_taken_back_only_when_the_store_says_that_it_is_not_published() {
    let store = FaultyStore::new(Arc::new(MemoryStore::new()));
    let repository = create(Arc::new(store.clone()), &OpenOptions::default());
    let session = repository.session().expect("session");
    let id = write_one(&session, b"data");
    store.plan(Some(BlobOperation::Put), "xn", 1, Trigger::LoseAnswer);
    store.plan(
        Some(BlobOperation::Stat),
        "xn",
        1,
        Trigger::Fail(ErrorKind::Unreachable),
    );
    session.commit_index().expect_err("the answer is lost");
    session.withdraw(&id).expect_err("it cannot be asked");
    assert!(session.withdraw(&id).expect("asks again"), "it is there");

    let other = write_one(&session, b"other");
    let failure = Trigger::Fail(ErrorKind::Unreachable);
    store.plan(Some(BlobOperation::Put), "xn", 1, failure);
    session.commit_index().expect_err("not stored");
    assert!(!session.withdraw(&other).expect("asks"), "it is not there");

    let torn = write_one(&session, b"torn");
    store.plan(Some(BlobOperation::Put), "xn", 1, Trigger::Tear);
    session.commit_index().expect_err("half of it is stored");
    assert!(!session.withdraw(&torn).expect("asks"), "half is nothing");
    store.reset();
    Repository::open(Arc::new(store), &password(), &OpenOptions::default()).expect("opens");
}

#[test]
fn publishing_follows_the_epoch_and_gives_up_when_it_runs_away() {
    let store = Watched::new(true);
    let repository = create(store.clone(), &OpenOptions::default());
    store.begin_epoch(3).expect("put");
    let session = repository.session().expect("session");
    let id = write_one(&session, b"data");
    store.next_epoch.store(5, Ordering::Relaxed);
    assert!(matches!(session.commit_index(), Err(Error::PublishTooSlow)));
    let log = store.log();
    let blob = log
        .last()
        .and_then(|line| line.strip_prefix("delete "))
        .expect("taken back");
    assert!(
        blob.starts_with("xn3_") && log.contains(&format!("put {blob}")),
        "{log:?}"
    );
    assert!(
        (store.as_ref() as &dyn BlobStore)
            .list_all("xn")
            .expect("list")
            .is_empty()
    );

    store.next_epoch.store(6, Ordering::Relaxed);
    let report = session.close().expect("one epoch is no harm");
    assert!(report.index_blobs[0].as_str().starts_with("xn5_"));
    let again =
        Repository::open(store.clone(), &password(), &OpenOptions::default()).expect("opens");
    assert_eq!(again.read_content(&id).expect("reads"), b"data".as_slice());
}

#[test]
fn views_are_renewed_after_fifteen_minutes() {
    let clock = Arc::new(ManualClock::new(
        "2026-01-01T00:00:00Z".parse().expect("time"),
    ));
    let options = OpenOptions {
        clock: clock.clone(),
        ..OpenOptions::default()
    };
    let store = Watched::new(true);
    let reader = create(store.clone(), &options);
    let writer = Repository::open(store, &password(), &options).expect("opens");
    let session = writer.session().expect("session");
    let id = write_one(&session, b"data");
    session.close().expect("closes");
    clock.advance(Duration::from_secs(14 * 60));
    assert!(reader.content_info(&id).expect("index").is_none());
    clock.advance(Duration::from_secs(2 * 60));
    assert!(reader.content_info(&id).expect("index").is_some());
}

#[test]
fn a_location_that_is_in_use_is_refused() {
    let store: Arc<dyn BlobStore> = Watched::new(true);
    let initialize = |options: &CreateOptions, password: &str| {
        Repository::initialize(
            store.clone(),
            &SecretString::from(password),
            options,
            &OpenOptions::default(),
        )
    };
    let put = |name: &str| {
        store
            .put(
                &BlobId::new(name).expect("blob id"),
                Bytes::from_static(b"x"),
                &PutOptions::default(),
            )
            .expect("put");
    };
    assert!(matches!(
        initialize(&CreateOptions::default(), ""),
        Err(Error::InvalidParameter { .. })
    ));
    let small = CreateOptions {
        max_pack_size: 1 << 20,
        ..CreateOptions::default()
    };
    assert!(matches!(
        initialize(&small, "x"),
        Err(Error::InvalidParameter { .. })
    ));
    let unknown = CreateOptions {
        splitter: "DYNAMIC-16M-BUZHASH".to_owned(),
        ..CreateOptions::default()
    };
    let refused = initialize(&unknown, "x").expect_err("no such splitter");
    assert!(refused.to_string().contains("DYNAMIC-8M-RABINKARP"));
    let absurd = CreateOptions {
        ecc_overhead_percent: 101,
        ..CreateOptions::default()
    };
    assert!(matches!(
        initialize(&absurd, "x"),
        Err(Error::InvalidParameter { .. })
    ));
    put("something");
    assert!(matches!(
        initialize(&CreateOptions::default(), "x"),
        Err(Error::LocationNotEmpty { .. })
    ));
    put("kopia.blobcfg");
    assert!(matches!(
        initialize(&CreateOptions::default(), "x"),
        Err(Error::RepositoryHalfWritten { .. })
    ));
    put("kopia.repository");
    assert!(matches!(
        initialize(&CreateOptions::default(), "x"),
        Err(Error::LocationNotEmpty { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn damaged_packs_never_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>(), from_end in 0usize..200) {
        thread_local! {
            static PREPARED: (Arc<Watched>, Arc<Repository>, BlobId, Bytes) = {
                let store = Watched::new(true);
                let repository = create(store.clone(), &OpenOptions::default());
                let session = repository.session().expect("session");
                let id = write_one(&session, b"data of a content");
                session.close().expect("closes");
                let pack = repository.content_info(&id).expect("index").expect("exists").pack;
                let bytes = store.get(&pack).expect("get");
                (store, repository, pack, bytes)
            };
        }
        PREPARED.with(|(store, repository, pack, bytes)| {
            let mut damaged = bytes.to_vec();
            let tail = damaged.len() - from_end.min(damaged.len());
            for (at, value) in &changes {
                let at = at.index(damaged.len() - tail + 1) + tail;
                let last = damaged.len() - 1;
                damaged[at.min(last)] ^= value;
            }
            damaged.truncate(cut.index(2 * damaged.len()));
            let length = damaged.len() as u64;
            store.inner.put(pack, Bytes::from(damaged), &PutOptions::default()).expect("put");
            if let Ok(local) = read_local_index(store.as_ref(), repository.cipher(), pack, length) {
                let reader = holdfast_repository::index::IndexReader::new(local.plaintext.as_slice()).expect("authentic");
                reader.for_each::<InvalidIndex>(|_| Ok(())).expect("authentic");
            }
        });
    }
}
