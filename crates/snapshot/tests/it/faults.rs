//! Sources that misbehave, stores that fail, and uploads that are stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_files::{Fault, MemoryTree};
use holdfast_host::{Cancel, Clock as _, ManualClock};
use holdfast_repository::directory::DirectorySummary;
use holdfast_snapshot::{
    Error, ProblemCode, RestoreRequest, Severity, Source, SourceReport, create, read_file,
};

use holdfast_storage::{ErrorKind, MemoryStore};
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};

use crate::support::{Call, Place, Watched, id, identity, policy, random, request, saved};

fn summary(report: &SourceReport) -> DirectorySummary {
    let root = saved(report).manifest.root_entry.clone().expect("a root");
    *root.summary.expect("a summary")
}

fn problems(report: &SourceReport) -> Vec<(String, ProblemCode, Severity)> {
    let mut problems: Vec<_> = report
        .problems
        .iter()
        .map(|p| (p.path.clone(), p.code, p.severity))
        .collect();
    problems.sort_by(|a, b| a.0.cmp(&b.0));
    problems
}

#[test]
fn entries_that_cannot_be_read_are_named_and_the_rest_is_stored() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("fine", b"fine")
        .file("dir/locked", b"1")
        .file("gone", b"1")
        .file("hidden", b"1");
    tree.file("closed/inside", b"1")
        .file("large", random(1, 3 << 20))
        .symlink("link", "fine");
    tree.fault("dir/locked", Fault::Unreadable)
        .fault("gone", Fault::Vanishes)
        .fault("hidden", Fault::NoMetadata)
        .fault("closed", Fault::Unreadable)
        .fault("large", Fault::FailsAt(2 << 20))
        .fault("link", Fault::Unreadable);
    let report = place.snapshot(&tree);
    let found: Vec<_> = problems(&report)
        .into_iter()
        .map(|(path, code, _)| (path, code))
        .collect();
    let expected = [
        ("closed", ProblemCode::AccessDenied),
        ("dir/locked", ProblemCode::AccessDenied),
        ("gone", ProblemCode::Vanished),
        ("hidden", ProblemCode::AccessDenied),
        ("large", ProblemCode::ReadFailed),
        ("link", ProblemCode::AccessDenied),
    ];
    assert_eq!(found, expected.map(|(path, code)| (path.to_owned(), code)));
    assert_eq!(report.errors(), 6);
    let summary = summary(&report);
    assert_eq!(
        (summary.failed, summary.ignored_errors, summary.files),
        (6, 0, 1)
    );
    let paths: Vec<_> = summary
        .errors
        .iter()
        .map(|error| error.path.as_str())
        .collect();
    assert_eq!(paths, expected.map(|(path, _)| path));
    assert!(
        saved(&report).manifest.is_complete(),
        "errors of entries do not make a snapshot incomplete"
    );
    assert_eq!(
        (report.stats.error_count, report.stats.ignored_error_count),
        (6, 0)
    );
}

#[test]
fn ignored_errors_are_counted_apart() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("locked", b"1")
        .file("closed/inside", b"1")
        .file("fine", b"1");
    tree.fault("locked", Fault::Unreadable)
        .fault("closed", Fault::Unreadable);
    let report = place.snapshot_with(&tree, |request| {
        request.policy = policy(|policy| {
            policy.error_handling.ignore_file_errors = Some(true);
            policy.error_handling.ignore_directory_errors = Some(true);
        });
    });
    assert_eq!(report.errors(), 0);
    assert!(
        report
            .problems
            .iter()
            .all(|problem| problem.severity == Severity::Ignored)
    );
    assert_eq!(
        (summary(&report).failed, summary(&report).ignored_errors),
        (0, 2)
    );
}

#[test]
fn files_that_change_size_while_they_are_read_are_stored_as_read() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    let large = random(2, 3 << 20);
    tree.file("grown", b"0123456789")
        .fault("grown", Fault::ListedSize(3));
    tree.file("shrunk", b"012")
        .fault("shrunk", Fault::ListedSize(10));
    tree.file("now-empty", b"")
        .fault("now-empty", Fault::ListedSize(10));
    tree.file("large", large.clone())
        .fault("large", Fault::ListedSize(1 << 20));
    let report = place.snapshot(&tree);
    assert_eq!(report.errors(), 0);
    let named: Vec<_> = problems(&report);
    assert_eq!(named.len(), 4, "{named:?}");
    assert!(
        named
            .iter()
            .all(|p| p.1 == ProblemCode::ChangedWhileRead && p.2 == Severity::Warning)
    );
    for (name, content) in [
        ("grown", &b"0123456789"[..]),
        ("shrunk", b"012"),
        ("now-empty", b""),
        ("large", &large),
    ] {
        let mut read = Vec::new();
        read_file(&place.repo, &id(&report), name, &mut read, &Cancel::new()).expect("read");
        assert!(read == content, "{name}");
    }
    assert_eq!(summary(&report).total_size, 13 + large.len() as i64);
}

#[test]
fn what_a_snapshot_cannot_hold_is_skipped_or_an_error_as_the_policy_says() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.other("pipe").file("file", b"1");
    let lenient = place.snapshot(&tree);
    assert_eq!(
        problems(&lenient),
        [(
            "pipe".to_owned(),
            ProblemCode::UnsupportedType,
            Severity::Ignored
        )]
    );
    assert_eq!(
        (lenient.errors(), lenient.stats.ignored_error_count),
        (0, 0)
    );
    let strict = place.snapshot_with(&tree, |request| {
        request.policy = policy(|policy| policy.error_handling.ignore_unknown_types = Some(false));
    });
    assert_eq!(
        problems(&strict),
        [(
            "pipe".to_owned(),
            ProblemCode::UnsupportedType,
            Severity::Error
        )]
    );
}

#[test]
fn a_malformed_ignore_file_fails_its_directory_only() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("dir/.kopiaignore", b"[a\n")
        .file("dir/a", b"1")
        .file("b", b"1");
    let report = place.snapshot(&tree);
    assert_eq!(
        problems(&report),
        [(
            "dir".to_owned(),
            ProblemCode::DirectoryUnreadable,
            Severity::Error
        )]
    );
    assert_eq!(summary(&report).files, 1);
    tree.file(".kopiaignore", b"[a\n");
    let report = create(&place.repo, &request(&tree)).expect("the run itself goes on");
    assert!(matches!(
        report.sources[0].result,
        Err(Error::Source { .. })
    ));
}

#[test]
fn an_unreadable_root_leaves_no_snapshot() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.fault("", Fault::Unreadable);
    let report = create(&place.repo, &request(&tree)).expect("the run itself goes on");
    assert!(matches!(
        report.sources[0].result,
        Err(Error::Source { .. })
    ));
    assert!(place.snapshots().is_empty());
}

#[test]
fn fail_fast_stops_at_the_first_error() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("locked", b"1").fault("locked", Fault::Unreadable);
    let mut request = request(&tree);
    request.fail_fast = true;
    assert!(matches!(
        create(&place.repo, &request),
        Err(Error::FailedFast { .. })
    ));
    assert!(place.snapshots().is_empty());
}

#[test]
fn a_cancelled_upload_ends_at_once_and_lists_nothing() {
    for at in [b"file-50".to_vec(), b"large".to_vec()] {
        let place = Place::new();
        let mut tree = MemoryTree::new("data");
        for number in 0..100 {
            tree.file(format!("dir/file-{number}"), random(number, 1000));
        }
        tree.file("large", random(1000, 30 << 20));
        let cancel = Cancel::new();
        let raised = Arc::new(parking_lot::Mutex::new(None));
        let (hook, when) = (cancel.clone(), Arc::clone(&raised));
        let tree = tree.on_read(move |name, offset| {
            if name == at && (at != b"large" || offset > 10 << 20) {
                when.lock().get_or_insert_with(Instant::now);
                hook.cancel();
            }
        });
        let mut request = request(&tree);
        request.cancel = cancel;
        assert!(matches!(
            create(&place.repo, &request),
            Err(Error::Cancelled)
        ));
        let since = raised.lock().expect("it was cancelled").elapsed();
        assert!(since < Duration::from_secs(10), "{since:?}");
        assert!(place.snapshots().is_empty());
    }
}

#[test]
fn an_upload_cancelled_before_it_began_does_nothing() {
    let place = Place::new();
    let request = request(&MemoryTree::new("data"));
    request.cancel.cancel();
    assert!(matches!(
        create(&place.repo, &request),
        Err(Error::Cancelled)
    ));
    assert!(place.snapshots().is_empty());
}

#[test]
fn a_source_that_fails_in_the_middle_leaves_the_others_stored() {
    let place = Place::new();
    let mut fine = MemoryTree::new("fine");
    fine.file("file", b"1");
    let mut broken = MemoryTree::new("broken");
    broken
        .file("", random(1, 12 << 20))
        .fault("", Fault::FailsAt(10 << 20));
    let mut request = request(&fine);
    request.sources.push(Source {
        tree: Arc::new(broken),
        identity: identity("/broken"),
    });
    let report = create(&place.repo, &request).expect("the run itself goes on");
    assert!(report.sources[0].result.is_ok());
    assert!(matches!(
        report.sources[1].result,
        Err(Error::Source { .. })
    ));
    assert_eq!(place.snapshots().len(), 1);
    assert!(place.repo.active_sessions().expect("sessions").is_empty());
}

#[test]
fn what_was_deleted_meanwhile_is_stored_anew() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("dir/small", b"small")
        .file("large", random(1, 9 << 20))
        .symlink("link", "dir");
    place.snapshot(&tree);
    let mut ids = Vec::new();
    let session = place.repo.session().expect("a session");
    let mut writer = session.writer();
    for info in place.repo.contents().expect("the index") {
        if info.id.prefix() != Some(b'm') {
            writer.delete_content(&info.id).expect("delete");
            ids.push(info.id);
        }
    }
    writer.finish_packs().expect("finish");
    drop(writer);
    session.close().expect("publish");
    assert_eq!(place.snapshot(&tree).stats.cached_files, 0);
    for id in ids {
        let info = place.repo.content_info(&id).expect("the index");
        assert!(info.is_some_and(|info| !info.deleted), "{id}");
    }
}

#[test]
fn contents_that_moved_since_the_index_was_read_are_restored() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("file", b"some content");
    let report = place.snapshot(&tree);
    let other = Place::open(Arc::clone(&place.store));
    let all = other.repo.contents().expect("the index");
    let old = all.iter().find(|info| info.id.prefix().is_none());
    let old = old.expect("the content of the file");
    let session = other.repo.session().expect("a session");
    let mut writer = session.writer();
    writer.delete_content(&old.id).expect("delete");
    writer.finish_packs().expect("finish");
    session.commit_index().expect("publish");
    writer.write(None, b"some content", None).expect("write");
    writer.finish_packs().expect("finish");
    drop(writer);
    session.close().expect("publish");
    place.store.delete(&old.pack).expect("delete the old pack");

    let target = tempfile::tempdir().expect("a directory");
    let mut restore = RestoreRequest::new(id(&report), "", target.path());
    restore.owners = false;
    let restored = holdfast_snapshot::restore(&place.repo, &restore).expect("restore");
    assert_eq!(restored.problems, []);
    let content = std::fs::read(target.path().join("file")).expect("read");
    assert_eq!(content, b"some content");
}

/// A repository whose clock stands still until it is moved, and the clock.
fn place_with_clock() -> (Place, Arc<ManualClock>) {
    let store = Place::new().store;
    let clock = Arc::new(ManualClock::new(jiff::Timestamp::now()));
    (Place::open_with(store, clock.clone()), clock)
}

/// Marks everything that is not a manifest as deleted, as garbage collection does with what no snapshot refers to.
fn delete_all(place: &Place) {
    let session = place.repo.session().expect("a session");
    let mut writer = session.writer();
    for info in place.repo.contents().expect("the index") {
        if info.id.prefix() != Some(b'm') {
            writer.delete_content(&info.id).expect("delete");
        }
    }
    writer.finish_packs().expect("finish");
    drop(writer);
    session.close().expect("publish");
}

#[test]
fn what_goes_away_during_a_long_upload_is_stored_anew() {
    let (place, clock) = place_with_clock();
    let mut tree = MemoryTree::new("data");
    tree.file("dir/small", b"small")
        .file("large", random(1, 9 << 20))
        .symlink("link", "dir")
        .file("changed", b"old");
    place.snapshot(&tree);
    tree.file("changed", b"new one");
    let store = Arc::clone(&place.store);
    let once = std::sync::Once::new();
    let tree = tree.on_read(move |name, _| {
        if name == b"changed" {
            once.call_once(|| {
                delete_all(&Place::open(Arc::clone(&store)));
                clock.advance(Duration::from_secs(4 * 3600));
            });
        }
    });
    let report = place.snapshot(&tree);
    assert_eq!(report.problems, []);
    let fresh = Place::open(Arc::clone(&place.store));
    for (path, content) in [
        ("dir/small", b"small".to_vec()),
        ("large", random(1, 9 << 20)),
        ("changed", b"new one".to_vec()),
    ] {
        let located = holdfast_snapshot::locate(&fresh.repo, &id(&report), path).expect(path);
        let object = located.entry.object.expect("an object");
        for part in fresh.repo.object_parts(&object).expect("parts") {
            let info = fresh.repo.content_info(&part.content).expect("the index");
            assert!(info.is_some_and(|info| !info.deleted), "{path}");
        }
        let mut read = Vec::new();
        read_file(&fresh.repo, &id(&report), path, &mut read, &Cancel::new()).expect("read");
        assert!(read == content, "{path}");
    }
}

#[test]
fn data_that_goes_away_again_and_again_fails_the_upload() {
    let store = Place::new().store;
    let maintenance = Place::open(Arc::clone(&store));
    let clock = Arc::new(ManualClock::new(jiff::Timestamp::now()));
    let hostile = {
        let clock = Arc::clone(&clock);
        Watched::over(&store, move |call| {
            if call == Call::List && clock.monotonic() > Duration::ZERO {
                maintenance.repo.refresh().expect("refresh");
                delete_all(&maintenance);
            }
        })
    };
    let place = Place::open_with(hostile, clock.clone());
    let mut tree = MemoryTree::new("data");
    tree.file("file", b"content");
    let tree = tree.on_read(move |_, _| clock.advance(Duration::from_secs(4 * 3600)));
    let error = create(&place.repo, &request(&tree)).expect_err("it does not last");
    assert!(matches!(error, Error::DataLost { .. }), "{error}");
    assert!(Place::open(store).snapshots().is_empty());
}

// Requirements: ENG-KOPIA-7, ENG-KOPIA-8
#[test]
fn a_snapshot_is_reported_exactly_when_it_exists() {
    // The index blob with the manifest is the last one that is put.
    for (trigger, exists) in [
        (Trigger::Fail(ErrorKind::Unavailable), false),
        (Trigger::LoseAnswer, true),
    ] {
        for sources in [1, 2] {
            let store = FaultyStore::new(Arc::new(MemoryStore::new()));
            let place = Place::on(Arc::new(store.clone()));
            let mut request = request(MemoryTree::new("data").file("a", b"1"));
            if sources == 2 {
                let tree = MemoryTree::new("more").file("b", b"2").clone();
                request.sources.push(Source {
                    tree: Arc::new(tree),
                    identity: identity("/more"),
                });
            }
            store.plan(Some(BlobOperation::Put), "x", sources, trigger);
            let result = create(&place.repo, &request);
            store.reset();
            let visible = Place::open(Arc::new(store.clone())).snapshots();
            match (sources, exists) {
                (1, false) => assert!(result.is_err(), "{result:?}"),
                (_, exists) => {
                    let report = result.expect("there is a snapshot to report");
                    assert_eq!(report.stopped.is_none(), exists, "{report:?}");
                    let mut reported: Vec<_> = report.sources.iter().map(id).collect();
                    let mut there: Vec<_> = visible
                        .iter()
                        .map(|snapshot| snapshot.id.to_string())
                        .collect();
                    reported.sort();
                    there.sort();
                    assert_eq!(reported, there);
                }
            }
            let expected = if exists { sources } else { sources - 1 };
            assert_eq!(visible.len(), expected, "{trigger:?} {sources}");
        }
    }
}
