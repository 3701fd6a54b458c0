//! What every store of blobs must do. [`blob_store_conformance!`](crate::blob_store_conformance)
//! makes a test of each case; `Capabilities` decide what a case may ask.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_storage::{
    BlobId, BlobStore, ErrorKind, PutOptions, Result, Retention, RetentionMode,
};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::tree::random_bytes;

/// A store to test, and whatever must live as long.
pub struct Subject {
    /// The store; empty.
    pub store: Arc<dyn BlobStore>,
    /// Its directory or server.
    pub keep: Box<dyn Send>,
}

/// Makes a test of each case of the suite. The argument is a function that returns a [`Subject`].
#[macro_export]
macro_rules! blob_store_conformance {
    ($open:path) => {
        $crate::blob_store_conformance!(@ $open:
            blobs_come_back, putting_again_replaces, what_is_missing_is_not_found,
            ranges_are_exact, listing_follows_the_prefix, listing_may_use_the_store_and_stop,
            removed_blobs_are_gone, streams_appear_when_committed,
            odd_names_are_names, retention_is_obeyed_or_refused, many_threads_at_once,
            a_blob_is_never_seen_in_part, bytes_are_counted, random_histories_match_a_map);
    };
    (@ $open:path: $($case:ident),*) => {
        $(
            #[test]
            fn $case() {
                let subject = $open();
                $crate::blobs::conformance::$case(&*subject.store);
            }
        )*
    };
}

fn id(name: &str) -> BlobId {
    BlobId::new(name).expect("a legal name")
}

fn put(store: &dyn BlobStore, name: &str, data: impl Into<Bytes>) {
    store
        .put(&id(name), data.into(), &PutOptions::default())
        .unwrap_or_else(|error| panic!("put {name}: {error}"));
}

fn names(store: &dyn BlobStore, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    store
        .list(prefix, &mut |info| {
            names.push(info.id.to_string());
            ControlFlow::Continue(())
        })
        .unwrap_or_else(|error| panic!("list {prefix:?}: {error}"));
    if store.capabilities().ordered_list {
        assert!(names.is_sorted(), "not in order: {names:?}");
    }
    names.sort();
    names
}

fn assert_kind<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind) {
    let error = result.expect_err("an error");
    assert_eq!(error.kind(), kind, "{error}");
}

/// The name of a pack, as the format makes them.
fn pack(number: u128) -> String {
    format!("p{number:032x}-s{:016x}139", number as u64)
}

/// Contents of all sizes come back, with their lengths and times.
pub fn blobs_come_back(store: &dyn BlobStore) {
    for (number, size) in [0, 1, 1000, 65_536, 65_537, 3_000_001]
        .into_iter()
        .enumerate()
    {
        let (name, data) = (pack(number as u128), random_bytes(number as u64, size));
        put(store, &name, data.clone());
        assert!(store.get(&id(&name)).unwrap() == data, "{size} bytes");
        let info = store.stat(&id(&name)).unwrap();
        assert_eq!((info.id.as_str(), info.length), (&*name, size as u64));
        let age = Timestamp::now()
            .duration_since(info.modified)
            .unsigned_abs();
        assert!(age < Duration::from_secs(300), "stored {age:?} from now");
    }
}

/// A second put wins, whether longer or shorter.
pub fn putting_again_replaces(store: &dyn BlobStore) {
    for data in ["first", "the second is longer", "3"] {
        put(store, "kopia.repository", data);
        assert_eq!(store.get(&id("kopia.repository")).unwrap(), data);
        assert_eq!(
            store.stat(&id("kopia.repository")).unwrap().length,
            data.len() as u64
        );
    }
    assert_eq!(names(store, ""), ["kopia.repository"]);
}

/// Reading what is not there says so and names it; removing it is fine.
pub fn what_is_missing_is_not_found(store: &dyn BlobStore) {
    for name in ["short", &pack(1)] {
        let missing = id(name);
        let error = store.get(&missing).unwrap_err();
        assert!(error.is_not_found(), "{error}");
        assert_eq!(error.subject(), Some(name));
        assert!(error.to_string().contains(name), "{error}");
        assert_kind(
            store.get_range(&missing, 0, &mut [0; 4]),
            ErrorKind::NotFound,
        );
        assert_kind(store.stat(&missing), ErrorKind::NotFound);
        store.delete(&missing).unwrap();
    }
    assert_eq!(names(store, ""), [""; 0]);
}

/// A range is filled to the last byte or refused.
pub fn ranges_are_exact(store: &dyn BlobStore) {
    let (name, data) = (pack(7), random_bytes(7, 200_000));
    put(store, &name, data.clone());
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..20 {
        let start = random.random_range(0..data.len());
        let end = random.random_range(start + 1..=data.len());
        let mut buffer = vec![0; end - start];
        store
            .get_range(&id(&name), start as u64, &mut buffer)
            .unwrap();
        assert!(buffer == data[start..end], "{start}..{end}");
    }
    let length = data.len() as u64;
    for (offset, size) in [
        (length, 1),
        (length - 1, 2),
        (length + 5, 1),
        (0, data.len() + 1),
        (1 << 60, 1),
    ] {
        let result = store.get_range(&id(&name), offset, &mut vec![0; size]);
        assert_kind(result, ErrorKind::InvalidRange);
    }
    store.get_range(&id(&name), 0, &mut []).unwrap();
    put(store, "empty", "");
    assert_kind(
        store.get_range(&id("empty"), 0, &mut [0]),
        ErrorKind::InvalidRange,
    );
}

/// Every prefix, inside and across what may be directories, finds exactly what begins with it.
pub fn listing_follows_the_prefix(store: &dyn BlobStore) {
    let mut all = vec![
        "kopia.repository".to_owned(),
        "kopia.blobcfg".to_owned(),
        "kopia.repository.backup.someone-at-host".to_owned(),
        "xe1".to_owned(),
        "xe12".to_owned(),
        "xw1700000000".to_owned(),
        "_log_20260101000000_ab12_1700000000_1700000001_1_acac86c0e609ca906f632b0e2dacccb2"
            .to_owned(),
    ];
    for number in 0..9_u128 {
        all.push(pack(number << 120));
        all.push(format!("q{}", &pack(number)[1..]));
        all.push(format!("xn{number}_{number:032x}-s{number:016x}139-c1"));
    }
    all.sort();
    for name in &all {
        put(store, name, name.clone());
    }
    let prefixes = [
        "",
        "p",
        "q",
        "x",
        "xn",
        "xn1_",
        "xn8_0000",
        "kopia.",
        "kopia.repository",
        "xe",
        "xe1",
        "xe12",
        "_",
        "_log_",
        "p0000",
        "p00000000000000000000000000000000",
        "pp",
        "z",
        "xn1_00000000000000000000000000000001-s",
    ];
    for prefix in prefixes {
        let expected: Vec<_> = all.iter().filter(|name| name.starts_with(prefix)).collect();
        assert!(
            names(store, prefix).iter().eq(expected),
            "prefix {prefix:?}"
        );
    }
    store
        .list("", &mut |info| {
            assert_eq!(info.length, info.id.as_str().len() as u64);
            ControlFlow::Continue(())
        })
        .unwrap();
}

/// The callback may read and remove, and ends the listing when it has enough.
pub fn listing_may_use_the_store_and_stop(store: &dyn BlobStore) {
    for number in 0..10 {
        put(store, &pack(number), "x");
    }
    let mut seen = 0;
    store
        .list("p", &mut |info| {
            assert_eq!(store.get(&info.id).unwrap(), "x");
            seen += 1;
            if seen == 4 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    assert_eq!(seen, 4);
    store
        .list("p", &mut |info| {
            store.delete(&info.id).unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(names(store, ""), [""; 0]);
}

/// What was removed is neither read nor listed, and can be stored again.
pub fn removed_blobs_are_gone(store: &dyn BlobStore) {
    let (first, second) = (pack(1), pack(2));
    put(store, &first, "one");
    put(store, &second, "two");
    store.delete(&id(&first)).unwrap();
    store.delete(&id(&first)).unwrap();
    assert_kind(store.get(&id(&first)), ErrorKind::NotFound);
    assert_eq!(names(store, ""), [second]);
    put(store, &first, "again");
    assert_eq!(store.get(&id(&first)).unwrap(), "again");
}

/// A stream shows nothing before its commit, everything after it, and nothing at all when dropped.
pub fn streams_appear_when_committed(store: &dyn BlobStore) {
    let name = pack(3);
    let data = random_bytes(3, 2_500_000);
    let mut writer = store.create(&id(&name), &PutOptions::default()).unwrap();
    writer.write(&[]).unwrap();
    let (head, tail) = data.split_at(1_000_003);
    writer
        .write(&[
            IoSlice::new(&head[..10]),
            IoSlice::new(&[]),
            IoSlice::new(&head[10..]),
        ])
        .unwrap();
    assert_kind(store.get(&id(&name)), ErrorKind::NotFound);
    assert_eq!(names(store, ""), [""; 0]);
    writer.write(&[IoSlice::new(tail)]).unwrap();
    writer.commit().unwrap();
    assert!(store.get(&id(&name)).unwrap() == data);

    let mut writer = store.create(&id(&name), &PutOptions::default()).unwrap();
    writer.write(&[IoSlice::new(b"something else")]).unwrap();
    drop(writer);
    assert_eq!(store.stat(&id(&name)).unwrap().length, data.len() as u64);

    let writer = store.create(&id("empty"), &PutOptions::default()).unwrap();
    writer.commit().unwrap();
    assert_eq!(store.get(&id("empty")).unwrap(), "");
    assert_eq!(names(store, ""), ["empty", &*name]);
}

/// Everything that may be a name is one: no escape is taken for what it stands for, nothing is folded.
pub fn odd_names_are_names(store: &dyn BlobStore) {
    let longest = "n".repeat(BlobId::MAX_LENGTH);
    let mut all = vec![
        "a",
        "-",
        "~",
        "a.f",
        "a.f.f",
        "%41",
        "%2Fx",
        "a+b",
        "a&b=c",
        "a#b",
        "a;b,c",
        "it's",
        "(x)",
        "[y]{z}",
        "100%",
        "user@host",
        "$HOME",
        "!bang",
        "`tick`",
        "^",
        "x.tmp.0011223344556677",
        "exactly-20-letters-x",
        "exactly-21-letters-xx",
        "+++++++++++++++++++++++++",
        "a...............................b",
        &longest,
    ];
    for name in &all {
        put(store, name, (*name).to_owned());
    }
    all.sort_unstable();
    assert_eq!(names(store, ""), all);
    for name in &all {
        assert_eq!(store.get(&id(name)).unwrap(), *name);
        store.delete(&id(name)).unwrap();
    }
    assert_eq!(names(store, ""), [""; 0]);
    for bad in [
        "",
        ".",
        "..",
        ".hidden",
        "a/b",
        "a b",
        "a\\b",
        "ü",
        "a\nb",
        "a:b",
        "a*",
        &"n".repeat(BlobId::MAX_LENGTH + 1),
    ] {
        assert!(BlobId::new(bad).is_err(), "{bad:?}");
    }
}

/// A store either locks a blob or says that it cannot; it never drops the wish in silence.
pub fn retention_is_obeyed_or_refused(store: &dyn BlobStore) {
    let until = Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let options = PutOptions {
        retention: Some(Retention {
            mode: RetentionMode::Governance,
            until,
        }),
    };
    let result = store.put(&id(&pack(1)), Bytes::from_static(b"locked"), &options);
    if store.capabilities().object_lock {
        result.unwrap();
        locks_are_kept_and_extended(store, until);
    } else {
        assert_kind(result, ErrorKind::Unsupported);
        put(store, &pack(3), "free");
        assert_kind(
            store.extend_retention(&id(&pack(3)), options.retention.unwrap()),
            ErrorKind::Unsupported,
        );
        assert_eq!(store.retention(&id(&pack(3))).unwrap(), None);
        store.delete(&id(&pack(3))).unwrap();
        assert_kind(
            store.create(&id(&pack(2)), &options).map(drop),
            ErrorKind::Unsupported,
        );
        assert_eq!(names(store, ""), [""; 0]);
    }
}

/// `pack(1)` is locked until `until`.
fn locks_are_kept_and_extended(store: &dyn BlobStore, until: Timestamp) {
    let name = id(&pack(1));
    let lock = |id: &BlobId| store.retention(id).unwrap();
    // Stores count in seconds, and a lock never ends early.
    let lasts = |id: &BlobId, until: Timestamp| {
        let end = lock(id).expect("a lock").until;
        assert!(
            until <= end && end.duration_since(until).as_secs() < 1,
            "{end} {until}"
        );
    };
    let hour = jiff::SignedDuration::from_hours(1);
    let governed = |until| Retention {
        mode: RetentionMode::Governance,
        until,
    };
    lasts(&name, until);
    assert_eq!(lock(&name).unwrap().mode, RetentionMode::Governance);
    store
        .extend_retention(&name, governed(until + hour))
        .unwrap();
    lasts(&name, until + hour);
    // What is locked for longer stays so, without an error.
    store.extend_retention(&name, governed(until)).unwrap();
    lasts(&name, until + hour);
    // What was stored without a lock gets one.
    let late = id(&pack(4));
    put(store, &pack(4), "late");
    assert_eq!(lock(&late), None);
    store.extend_retention(&late, governed(until)).unwrap();
    lasts(&late, until);
    let missing = id(&pack(5));
    assert_kind(
        store.extend_retention(&missing, governed(until)),
        ErrorKind::NotFound,
    );
    assert_kind(store.retention(&missing).map(drop), ErrorKind::NotFound);
    // A lock that nobody may end early stays one.
    let strict = Retention {
        mode: RetentionMode::Compliance,
        until: until + 2 * hour,
    };
    store.extend_retention(&name, strict).unwrap();
    store
        .extend_retention(&name, governed(until + 3 * hour))
        .unwrap();
    lasts(&name, until + 3 * hour);
    assert_eq!(lock(&name).unwrap().mode, RetentionMode::Compliance);
    // And one that somebody may end becomes strict without becoming shorter.
    store
        .extend_retention(&late, governed(until + 4 * hour))
        .unwrap();
    store.extend_retention(&late, strict).unwrap();
    lasts(&late, until + 4 * hour);
    assert_eq!(lock(&late).unwrap().mode, RetentionMode::Compliance);
    // Removing takes it out of sight, and another blob of the name may come.
    store.delete(&name).unwrap();
    assert_kind(store.get(&name), ErrorKind::NotFound);
    put(store, &pack(1), "again");
    assert_eq!(store.get(&name).unwrap(), "again");
    assert_eq!(lock(&name), None);
}

/// Threads that write, read and list at once do not disturb each other.
pub fn many_threads_at_once(store: &dyn BlobStore) {
    std::thread::scope(|scope| {
        for thread in 0..6_u64 {
            scope.spawn(move || {
                for number in 0..12 {
                    let name = pack(u128::from(thread) << 64 | u128::from(number));
                    let data = random_bytes(thread << 8 | number, 5_000);
                    put(store, &name, data.clone());
                    assert!(store.get(&id(&name)).unwrap() == data);
                    assert!(names(store, "p").contains(&name));
                }
            });
        }
    });
    assert_eq!(names(store, "p").len(), 72);
}

/// While a blob is replaced again and again, every reader sees one of its contents as a whole.
pub fn a_blob_is_never_seen_in_part(store: &dyn BlobStore) {
    let name = pack(9);
    let content = |letter: u8| vec![letter; 100_000 + 1_000 * usize::from(letter)];
    put(store, &name, content(b'a'));
    std::thread::scope(|scope| {
        for letter in [b'a', b'b'] {
            let name = &name;
            scope.spawn(move || {
                for _ in 0..8 {
                    put(store, name, content(letter));
                }
            });
        }
        let name = &name;
        scope.spawn(move || {
            for _ in 0..25 {
                let data = store.get(&id(name)).unwrap();
                assert!(
                    data == content(data[0]),
                    "a mixture of {} bytes",
                    data.len()
                );
            }
        });
    });
    assert_eq!(names(store, ""), [name]);
}

/// The counters tell what went through.
pub fn bytes_are_counted(store: &dyn BlobStore) {
    let counters = store.counters();
    let (uploaded, downloaded, puts) =
        (counters.uploaded(), counters.downloaded(), counters.puts());
    put(store, &pack(1), vec![1; 300_000]);
    let mut writer = store.create(&id(&pack(2)), &PutOptions::default()).unwrap();
    writer.write(&[IoSlice::new(&[2; 50_000])]).unwrap();
    writer.commit().unwrap();
    store.get(&id(&pack(1))).unwrap();
    store.get_range(&id(&pack(2)), 10, &mut [0; 1_000]).unwrap();
    assert_eq!(counters.uploaded() - uploaded, 350_000);
    assert_eq!(counters.downloaded() - downloaded, 301_000);
    assert_eq!(counters.puts() - puts, 2);
}

/// Any sequence of calls has the same results as on a map. Prints the seed that fails.
pub fn random_histories_match_a_map(store: &dyn BlobStore) {
    let seed = std::env::var("HOLDFAST_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random::<u64>);
    println!("HOLDFAST_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut model: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let pool: Vec<String> = (0..8)
        .map(pack)
        .chain(["xe1", "xe10", "kopia.maintenance"].map(str::to_owned))
        .collect();
    for _ in 0..150 {
        let name = &pool[random.random_range(0..pool.len())];
        match random.random_range(0..6) {
            0 | 1 => {
                let size = random.random_range(0..20_000);
                let data = random_bytes(random.random(), size);
                put(store, name, data.clone());
                model.insert(name.clone(), data);
            }
            2 => {
                store.delete(&id(name)).unwrap();
                model.remove(name);
            }
            3 => match model.get(name) {
                Some(data) => assert!(store.get(&id(name)).unwrap() == *data),
                None => assert_kind(store.get(&id(name)), ErrorKind::NotFound),
            },
            4 => {
                let offset = random.random_range(0..25_000_usize);
                let mut buffer = vec![0; random.random_range(1..5_000)];
                let result = store.get_range(&id(name), offset as u64, &mut buffer);
                match model
                    .get(name)
                    .map(|data| data.get(offset..offset + buffer.len()))
                {
                    Some(Some(expected)) => {
                        result.unwrap();
                        assert!(buffer == expected);
                    }
                    Some(None) => assert_kind(result, ErrorKind::InvalidRange),
                    None => assert_kind(result, ErrorKind::NotFound),
                }
            }
            _ => {
                let prefix = &name[..random.random_range(0..=name.len().min(4))];
                let expected = model.keys().filter(|name| name.starts_with(prefix));
                assert!(
                    names(store, prefix).iter().eq(expected),
                    "prefix {prefix:?}"
                );
            }
        }
    }
}
