//! Passwords and parameters that change, also under clients at work, and places where two things are mixed.

use std::sync::Arc;
use std::time::Duration;

use holdfast_host::{Clock, SystemClock};
use holdfast_repository::check::{CheckOptions, check};
use holdfast_repository::format::{
    BlobConfiguration, EpochChanges, FormatBlob, FormatKey, ParameterChanges, RetentionChange,
    RetentionSetting,
};
use holdfast_repository::kdf::KeyDerivation;
use holdfast_repository::{CreateOptions, Error, OpenOptions, Repository};
use holdfast_storage::{BlobId, BlobStore, MemoryStore, PutOptions, RetentionMode};
use holdfast_testkit::blobs::{FaultyStore, Trigger};
use secrecy::SecretString;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn old() -> SecretString {
    SecretString::from("old password")
}

fn blob_id(name: &str) -> BlobId {
    BlobId::new(name).expect("id")
}

fn new() -> SecretString {
    SecretString::from("new password")
}

fn locked() -> BlobConfiguration {
    BlobConfiguration {
        retention: Some(RetentionSetting {
            mode: RetentionMode::Governance,
            period: 7 * DAY,
        }),
    }
}

/// A store in memory that locks blobs.
fn lockable() -> Arc<dyn BlobStore> {
    Arc::new(MemoryStore::with_object_lock(Arc::new(SystemClock::new())))
}

fn create(options: &CreateOptions) -> Arc<dyn BlobStore> {
    let store = lockable();
    let open = OpenOptions::default();
    Repository::create(store.clone(), &old(), options, &open).expect("create");
    store
}

fn open(store: &Arc<dyn BlobStore>, password: &SecretString) -> Result<Arc<Repository>, Error> {
    Repository::open(store.clone(), password, &OpenOptions::default())
}

fn change(store: &Arc<dyn BlobStore>) -> Result<(), Error> {
    Repository::change_password(store.as_ref(), &old(), &new(), &SystemClock::new())
}

fn assert_clean(repository: &Arc<Repository>) {
    let options = CheckOptions {
        strict: true,
        read_data: true,
        ..CheckOptions::default()
    };
    let report = check(repository, &options).expect("check");
    assert!(report.is_clean(), "{:#?}", report.problems);
}

/// A copy of a store, so that one repository is created once and broken often.
fn copy(store: &Arc<dyn BlobStore>) -> Arc<dyn BlobStore> {
    let copy = lockable();
    add(copy.as_ref(), store, |_| true);
    copy
}

fn add(to: &dyn BlobStore, from: &Arc<dyn BlobStore>, wanted: impl Fn(&str) -> bool) {
    for blob in from.list_all("").expect("list") {
        if wanted(blob.id.as_str()) {
            let bytes = from.get(&blob.id).expect("get");
            to.put(&blob.id, bytes, &PutOptions::default())
                .expect("put");
        }
    }
}

fn write(repository: &Arc<Repository>, data: &[u8]) {
    let session = repository.session().expect("session");
    let mut writer = session.writer();
    writer.write(None, data, None).expect("write");
    writer.finish_packs().expect("packs");
    session.close().expect("close");
}

#[test]
fn the_new_password_opens_and_the_old_one_does_not() {
    for key_derivation in KeyDerivation::ALL {
        for format_version in [2, 3] {
            let store = create(&CreateOptions {
                format_version,
                key_derivation,
                ..CreateOptions::default()
            });
            let before = open(&store, &old()).expect("open");
            write(&before, b"before");
            change(&store).expect("change");
            assert!(matches!(
                open(&store, &old()),
                Err(Error::WrongPassword { .. })
            ));
            let after = open(&store, &new()).expect("open");
            assert_eq!(after.unique_id(), before.unique_id());
            assert_eq!(after.format(), before.format());
            // A client that is still at work goes on until it looks at the format blob again.
            write(&before, b"still");
            after.refresh().expect("refresh");
            assert_eq!(
                after.contents().expect("contents").len(),
                before.contents().expect("contents").len()
            );
            assert_clean(&after);
        }
    }
}

/// At every cut one of the keys opens a repository that knows its object lock, and the change can be completed.
#[test]
fn a_change_can_be_interrupted_anywhere() {
    let clock = SystemClock::new();
    for blobs in [BlobConfiguration::default(), locked()] {
        let whole = create(&CreateOptions {
            blobs,
            ..CreateOptions::default()
        });
        let format = whole.get(&blob_id("kopia.repository")).expect("get");
        let format = FormatBlob::parse(&format).expect("format blob");
        // Deriving a key takes longer than all the rest.
        let key = |password: SecretString| format.derive_key(&password).expect("key");
        let (old, new) = (key(old()), key(new()));
        let open = |store: &Arc<dyn BlobStore>, key: &FormatKey| {
            Repository::open_with_key(store.clone(), key, &OpenOptions::default())
        };
        let mut cuts = 0;
        for trigger in [Trigger::Kill, Trigger::KillAfter] {
            for nth in 1.. {
                let store = copy(&whole);
                let faulty = FaultyStore::new(store.clone());
                faulty.plan(None, "", nth, trigger);
                let result = Repository::change_key(&faulty, &old, &new, &clock);
                if faulty.hits().is_empty() {
                    result.expect("no call was hit");
                    break;
                }
                cuts += 1;
                let repository = match (open(&store, &old), open(&store, &new)) {
                    (Ok(repository), Err(Error::WrongPassword { .. }))
                    | (Err(Error::WrongPassword { .. }), Ok(repository)) => repository,
                    other => panic!("cut {nth} by {trigger:?}: {other:?}"),
                };
                let kept = repository.blob_configuration();
                assert_eq!(kept, blobs, "cut {nth} by {trigger:?}");
                // The first session puts the configuration back where other programs look for it.
                write(&repository, b"after the cut");
                if blobs.retention.is_some() {
                    store.stat(&blob_id("kopia.blobcfg")).expect("blobcfg");
                }
                Repository::change_key(store.as_ref(), &old, &new, &clock).expect("completed");
                let repository = open(&store, &new).expect("open");
                assert_eq!(repository.blob_configuration(), blobs);
                assert_clean(&repository);
                let format = store.get(&blob_id("kopia.repository")).expect("get");
                assert!(!String::from_utf8_lossy(&format).contains("holdfastBlobcfg"));
            }
        }
        assert!(cuts >= 8, "{cuts}");
    }
}

#[test]
fn what_another_program_left_halfway_is_explained_and_completed() {
    let store = create(&CreateOptions::default());
    let other = copy(&store);
    change(&other).expect("change");
    // The other order: first the configuration, then the format blob.
    let blobcfg = blob_id("kopia.blobcfg");
    let sealed = other.get(&blobcfg).expect("get");
    store
        .put(&blobcfg, sealed, &PutOptions::default())
        .expect("put");
    let error = open(&store, &old()).expect_err("sealed under the new password");
    assert!(
        matches!(error, Error::ConfigurationUnreadable { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("change-password"), "{error}");
    change(&store).expect("completed");
    assert_clean(&open(&store, &new()).expect("open"));
}

#[test]
fn some_passwords_cannot_be_changed() {
    let store = create(&CreateOptions {
        format_version: 1,
        ..CreateOptions::default()
    });
    let error = change(&store).expect_err("version 1");
    assert!(matches!(error, Error::PasswordFixed { .. }), "{error}");
    open(&store, &old()).expect("nothing happened");

    let store = create(&CreateOptions::default());
    let clock = SystemClock::new();
    let attempt = |from: &SecretString, to: &SecretString| {
        Repository::change_password(store.as_ref(), from, to, &clock).expect_err("refused")
    };
    let wrong = SecretString::from("wrong");
    assert!(matches!(
        attempt(&wrong, &new()),
        Error::WrongPassword { .. }
    ));
    for to in [old(), SecretString::from("")] {
        assert!(matches!(
            attempt(&old(), &to),
            Error::InvalidParameter { .. }
        ));
    }
    open(&store, &old()).expect("nothing happened");
}

#[test]
fn parameters_are_changed_for_everybody() {
    let store = create(&CreateOptions::default());
    let repository = open(&store, &old()).expect("open");
    let changes = ParameterChanges {
        max_pack_size: Some(32 << 20),
        retention: Some(RetentionChange::On {
            mode: Some(RetentionMode::Governance),
            period: Some(7 * DAY),
        }),
        epochs: EpochChanges {
            advance_on_count: Some(30),
            ..EpochChanges::default()
        },
        ..ParameterChanges::default()
    };
    assert!(repository.set_parameters(&changes).expect("set"));
    assert!(!repository.set_parameters(&changes).expect("nothing to do"));
    for client in [&repository, &open(&store, &old()).expect("open")] {
        let format = client.format();
        assert_eq!(format.max_pack_size, 32 << 20);
        assert_eq!(format.epoch_parameters.epoch_advance_on_count_threshold, 30);
        assert_eq!(client.blob_configuration(), locked());
    }
    write(&repository, b"goes on");
    let off = ParameterChanges {
        retention: Some(RetentionChange::Off),
        ..ParameterChanges::default()
    };
    assert!(repository.set_parameters(&off).expect("set"));
    let reopened = open(&store, &old()).expect("open");
    assert_eq!(reopened.blob_configuration(), BlobConfiguration::default());
    assert_clean(&reopened);
}

#[test]
fn two_repositories_in_one_place_are_refused() {
    let (one, other) = (
        create(&CreateOptions::default()),
        create(&CreateOptions::default()),
    );
    for store in [&one, &other] {
        let repository = open(store, &old()).expect("open");
        for n in 0..4_u8 {
            write(&repository, &[n; 100]);
        }
    }
    // All of another one: only the format blob is that of the first.
    let swapped = copy(&other);
    add(swapped.as_ref(), &one, |name| name.starts_with("kopia."));
    // Both in one folder.
    let mixed = copy(&one);
    add(mixed.as_ref(), &other, |name| !name.starts_with("kopia."));
    for store in [swapped, mixed] {
        let error = open(&store, &old()).expect_err("mixed");
        assert!(matches!(error, Error::RepositoriesMixed { .. }), "{error}");
    }
    // One damaged index blob is not another repository.
    let damaged = copy(&one);
    let index = damaged.list_all("xn").expect("list").remove(0).id;
    let mut bytes = damaged.get(&index).expect("get").to_vec();
    bytes[30] ^= 1;
    damaged
        .put(&index, bytes.into(), &PutOptions::default())
        .expect("put");
    if let Err(error) = open(&damaged, &old()) {
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
}

#[test]
fn a_repository_that_was_copied_in_part_is_refused() {
    let whole = create(&CreateOptions::default());
    for left_out in ["kopia.repository", "x"] {
        let part = MemoryStore::new();
        add(&part, &whole, |name| !name.starts_with(left_out));
        let part: Arc<dyn BlobStore> = Arc::new(part);
        let error = open(&part, &old()).expect_err("incomplete");
        assert!(
            matches!(error, Error::RepositoryIncomplete { .. }),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.contains("copy all of it again"), "{text}");
    }
    // A first session that never ended has packs and a marker.
    let begun: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let options = OpenOptions::default();
    let repository =
        Repository::initialize(begun.clone(), &old(), &CreateOptions::default(), &options)
            .expect("initialize");
    let session = repository.session().expect("session");
    let mut writer = session.writer();
    writer.write(None, b"data", None).expect("write");
    writer.finish_packs().expect("packs");
    drop((writer, session));
    open(&begun, &old()).expect("nothing is lost");
}

/// A clock whose steady time jumps, as when a client sleeps over a change.
#[derive(Debug)]
struct Later(SystemClock, std::sync::atomic::AtomicBool);

impl Clock for Later {
    fn now(&self) -> jiff::Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        let later = self.1.load(std::sync::atomic::Ordering::Relaxed);
        self.0.monotonic() + if later { DAY } else { Duration::ZERO }
    }

    fn sleep(&self, duration: Duration) {
        self.0.sleep(duration);
    }
}

#[test]
fn a_client_at_work_learns_that_the_password_was_changed() {
    let store = create(&CreateOptions::default());
    let clock = Arc::new(Later(SystemClock::new(), false.into()));
    let options = OpenOptions {
        clock: clock.clone(),
        ..OpenOptions::default()
    };
    let client = Repository::open(store.clone(), &old(), &options).expect("open");
    change(&store).expect("change");
    client.contents().expect("the view is fresh");
    clock.1.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = client.refresh().expect_err("changed");
    assert!(matches!(error, Error::PasswordChanged { .. }), "{error}");
}
