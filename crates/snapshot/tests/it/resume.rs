//! Uploads that were cut off: what they published is not sent again.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use holdfast_files::MemoryTree;
use holdfast_host::{Cancel, ManualClock};
use holdfast_repository::policy::Policy;
use holdfast_snapshot::{Error, VerifyRequest, create, verify};
use holdfast_storage::{BlobStore, Governed};

use crate::support::{Place, Watched, id, policy, random, request};

const MIB: u64 = 1 << 20;

/// The store obeys the same request to stop as the upload, as it does in the programs.
#[test]
fn what_a_cancelled_upload_has_stored_is_not_sent_again() {
    let mut tree = MemoryTree::new("data");
    for number in 0..6 {
        tree.file(format!("large-{number}"), random(number, 30 << 20));
    }
    let place = Place::new();
    let cancel = Cancel::new();
    let governed: Arc<dyn BlobStore> = Arc::new(Governed::new(
        Arc::clone(&place.store),
        cancel.clone(),
        None,
        None,
    ));
    let hook = cancel.clone();
    let read = std::sync::atomic::AtomicU64::new(0);
    let cut_off = tree.clone().on_read(move |_, _| {
        // Of 180 MiB some 108 are read then. Each worker has filled a pack, with more in its lanes and its open pack, and
        // together they are less than what is published in the middle of an upload.
        if read.fetch_add(1, Ordering::Relaxed) == 270 {
            hook.cancel();
        }
    });
    let first = Place::open(Watched::over(&governed, |_| {}));
    let mut cancelled = request(&cut_off);
    cancelled.cancel = cancel;
    assert!(matches!(
        create(&first.repo, &cancelled),
        Err(Error::Cancelled)
    ));
    let sent = cancelled.progress.bytes_uploaded();
    assert!(sent >= 20 * MIB, "{sent}");

    let again = Place::open(Arc::clone(&place.store));
    assert!(again.snapshots().is_empty());
    let second = again.snapshot(&tree);
    let found = 180 * MIB - second.bytes_new;
    // All that was sent, but for its overhead.
    assert!(found >= sent - MIB, "{found} of {sent} were found again");
}

#[test]
fn a_cut_off_upload_sends_little_twice() {
    let mut tree = MemoryTree::new("data");
    for number in 0..6 {
        tree.file(format!("large-{number}"), random(number, 40 << 20));
    }
    let total = 240 * MIB;
    let place = Place::new();
    let cancel = Cancel::new();
    let hook = cancel.clone();
    let read = std::sync::atomic::AtomicU64::new(0);
    let cut_off = tree.clone().on_read(move |_, _| {
        // Each read is 2 MiB at the beginning of a chunk and 256 KiB after that: about 180 MiB are read in the end.
        if read.fetch_add(1, Ordering::Relaxed) == 450 {
            hook.cancel();
        }
    });
    let mut first = request(&cut_off);
    first.cancel = cancel;
    assert!(matches!(create(&place.repo, &first), Err(Error::Cancelled)));
    let sent = first.progress.bytes_uploaded();
    assert!(sent > 80 * MIB && sent < total, "{sent}");

    // Another process, which knows only what was published.
    let again = Place::open(Arc::clone(&place.store));
    assert!(again.snapshots().is_empty());
    let second = again.snapshot(&tree);
    let published = total - second.bytes_new;
    assert!(
        published >= 64 * MIB,
        "{published} of {sent} were found again"
    );
    // What is sent twice is what came after the last time that 64 MiB were together, and packs that were not full.
    assert!(
        sent + second.bytes_uploaded < total + 64 * MIB + 50 * MIB,
        "{sent} + {}",
        second.bytes_uploaded
    );
    let mut content = Vec::new();
    holdfast_snapshot::read_file(
        &again.repo,
        &id(&second),
        "large-5",
        &mut content,
        &Cancel::new(),
    )
    .expect("read");
    assert!(content == random(5, 40 << 20));
}

/// Small chunks, so that little of a large file is in work at a time.
fn fine_cuts() -> Option<Policy> {
    policy(|policy| policy.splitter.algorithm = "DYNAMIC-128K-BUZHASH".to_owned())
}

/// A tree with a large file, during the reading of which `at` is called with the offset.
fn long_tree(at: impl Fn(u64) + Send + Sync + 'static) -> MemoryTree {
    let mut tree = MemoryTree::new("data");
    for number in 0..20 {
        tree.file(
            format!("dir-{}/file-{number}", number % 3),
            random(number, 3000),
        );
    }
    tree.directory("hollow")
        .file("large", random(100, 60 << 20));
    tree.on_read(move |name, offset| {
        if name == b"large" {
            at(offset);
        }
    })
}

#[test]
fn a_long_upload_leaves_a_checkpoint_and_the_next_one_goes_on_from_there() {
    for workers in [1, 3] {
        let store = Place::new().store;
        let clock = Arc::new(ManualClock::new(jiff::Timestamp::now()));
        let place = Place::open_with(Arc::clone(&store), clock.clone());
        let cancel = Cancel::new();
        let (late, hook) = (AtomicBool::new(false), cancel.clone());
        let tree = long_tree(move |offset| {
            if offset > 20 << 20 && !late.swap(true, Ordering::SeqCst) {
                clock.advance(Duration::from_secs(46 * 60));
            }
            if offset > 50 << 20 {
                hook.cancel();
            }
        });
        let mut stopped = request(&tree);
        stopped.cancel = cancel;
        stopped.parallelism = NonZeroUsize::new(workers);
        stopped.policy = fine_cuts();
        assert!(matches!(
            create(&place.repo, &stopped),
            Err(Error::Cancelled)
        ));

        let place = Place::open(store);
        let snapshots = place.snapshots();
        assert_eq!(snapshots.len(), 1, "{workers}");
        assert_eq!(snapshots[0].incomplete_reason, "checkpoint");
        let root = snapshots[0].root_object().expect("a root");
        let root = place.repo.read_directory(&root).expect("read");
        assert_eq!(root.summary.incomplete, "checkpoint");
        let partial = root
            .entries
            .iter()
            .find(|entry| entry.name.starts_with(b".checkpointed.large."));
        let partial = partial.expect("the part of the large file");
        assert_eq!(partial.size, 60 << 20);
        let object = partial.object.expect("an object");
        let length = place.repo.read_object(&object).expect("read").len();
        assert!((1..60 << 20).contains(&length), "{length}");
        let report = verify(&place.repo, &VerifyRequest::new(Vec::new(), true)).expect("verify");
        assert_eq!(report.damaged, []);

        // What the checkpoint holds is not stored again, and it goes when the snapshot is there.
        let report =
            place.snapshot_with(&long_tree(|_| {}), |request| request.policy = fine_cuts());
        assert!(report.bytes_new < 50 << 20, "{}", report.bytes_new);
        let snapshots = place.snapshots();
        assert_eq!(snapshots.len(), 1);
        assert!(snapshots[0].is_complete());
        let report = verify(&place.repo, &VerifyRequest::new(Vec::new(), true)).expect("verify");
        assert_eq!((report.damaged.as_slice(), report.files), (&[][..], 21));
    }
}

#[test]
fn a_long_upload_that_ends_well_leaves_no_checkpoint() {
    let store = Place::new().store;
    let clock = Arc::new(ManualClock::new(jiff::Timestamp::now()));
    let place = Place::open_with(Arc::clone(&store), clock.clone());
    let fresh = Place::open(Arc::clone(&store));
    let seen = Arc::new(AtomicUsize::new(0));
    let most = Arc::clone(&seen);
    let tree = long_tree(move |_| {
        clock.advance(Duration::from_secs(60));
        fresh.repo.refresh().expect("refresh");
        most.fetch_max(fresh.snapshots().len(), Ordering::SeqCst);
    });
    let report = place.snapshot_with(&tree, |request| request.policy = fine_cuts());
    assert_eq!(
        seen.load(Ordering::SeqCst),
        2,
        "there are never more than two"
    );
    let snapshots = Place::open(store).snapshots();
    let ids: Vec<_> = snapshots
        .iter()
        .map(|snapshot| snapshot.id.to_string())
        .collect();
    assert_eq!(ids, [id(&report)]);
    assert!(snapshots[0].is_complete());
}

#[test]
fn a_long_upload_of_a_single_file_leaves_a_checkpoint() {
    let store = Place::new().store;
    let clock = Arc::new(ManualClock::new(jiff::Timestamp::now()));
    let place = Place::open_with(Arc::clone(&store), clock.clone());
    let mut tree = MemoryTree::new("image");
    tree.file("", random(1, 60 << 20));
    let cancel = Cancel::new();
    let hook = cancel.clone();
    let late = AtomicBool::new(false);
    let tree = tree.on_read(move |_, offset| {
        if offset > 20 << 20 && !late.swap(true, Ordering::SeqCst) {
            clock.advance(Duration::from_secs(46 * 60));
        }
        if offset > 50 << 20 {
            hook.cancel();
        }
    });
    let mut stopped = request(&tree);
    stopped.cancel = cancel;
    stopped.policy = fine_cuts();
    assert!(matches!(
        create(&place.repo, &stopped),
        Err(Error::Cancelled)
    ));
    let place = Place::open(store);
    let snapshots = place.snapshots();
    assert_eq!(snapshots.len(), 1);
    assert!(!snapshots[0].is_complete());
    let report = verify(&place.repo, &VerifyRequest::new(Vec::new(), true)).expect("verify");
    assert_eq!((report.damaged.as_slice(), report.files), (&[][..], 1));
}
