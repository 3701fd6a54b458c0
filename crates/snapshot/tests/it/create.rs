//! What an upload stores.

use std::num::NonZeroUsize;
use std::sync::Arc;

use holdfast_files::MemoryTree;
use holdfast_repository::CompressionAlgorithm;
use holdfast_repository::directory::EntryKind;
use holdfast_repository::splitter::SplitterKind;
use holdfast_snapshot::{
    Error, Progress, SnapshotRequest, Source, SourceReport, create, list_content,
};
use holdfast_storage::LocalStore;

use crate::support::{Place, id, identity, policy, random, request, saved};

fn small_tree() -> MemoryTree {
    let mut tree = MemoryTree::new("data");
    tree.file("a", b"alpha")
        .file("dir/b", b"beta")
        .file("dir/sub/c", b"")
        .symlink("dir/link", "b")
        .directory("empty");
    tree
}

#[test]
fn a_golden_tree_comes_back_and_costs_nothing_the_second_time() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let source = place.path().join("source");
    std::fs::create_dir(&source).expect("make a directory");
    holdfast_testkit::tree::golden(&source).expect("fill it");
    let store = place.path().join("repository");
    std::fs::create_dir(&store).expect("make a directory");
    let repository = Place::on(Arc::new(
        LocalStore::create_directory(&store).expect("a store"),
    ));

    let first = repository.snapshot_dir(&source);
    assert!(first.bytes_new > 0 && first.bytes_uploaded > 0);
    repository.assert_restores(&id(&first), &source);

    let again = Place::open(Arc::clone(&repository.store));
    let second = again.snapshot_dir(&source);
    assert_eq!((second.bytes_new, second.bytes_read), (0, 0));
    assert_eq!(
        saved(&second).manifest.root_object(),
        saved(&first).manifest.root_object()
    );
    assert_eq!(second.stats.cached_files as i64, {
        let summary = saved(&second)
            .manifest
            .root_entry
            .as_ref()
            .and_then(|root| root.summary.as_ref())
            .expect("one");
        summary.files + summary.symlinks
    });
}

#[test]
fn an_unchanged_file_is_not_opened_and_a_changed_one_is() {
    let place = Place::new();
    let mut tree = small_tree();
    place.snapshot(&tree);
    let before = tree.opened();
    let second = place.snapshot(&tree);
    assert_eq!(tree.opened(), before);
    assert_eq!(
        (
            second.stats.cached_files,
            second.stats.file_count,
            second.bytes_new
        ),
        (4, 0, 0)
    );

    tree.file("dir/b", b"gamma")
        .metadata("dir/b", |metadata| metadata.modified += 1);
    let third = place.snapshot(&tree);
    assert_eq!(tree.opened(), before + 1);
    assert_eq!(
        (
            third.stats.cached_files,
            third.stats.file_count,
            third.bytes_read
        ),
        (3, 1, 5)
    );
}

#[test]
fn every_kind_of_metadata_change_is_noticed() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    for name in ["mode", "uid", "gid", "time", "same"] {
        tree.file(name, name);
    }
    place.snapshot(&tree);
    tree.metadata("mode", |m| m.mode = 0o4755)
        .metadata("uid", |m| m.uid = 7)
        .metadata("gid", |m| m.gid = 7)
        .metadata("time", |m| m.modified += 1);
    let second = place.snapshot(&tree);
    assert_eq!((second.stats.file_count, second.stats.cached_files), (4, 1));
}

#[test]
fn contents_are_stored_once() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    let large = random(1, 5 << 20);
    tree.file("one", large.clone())
        .file("dir/two", large.clone())
        .file("three", b"small")
        .file("four", b"small");
    let report = place.snapshot(&tree);
    assert_eq!(report.bytes_read, 2 * large.len() as u64 + 10);
    assert!(
        report.bytes_new < large.len() as u64 + 10_000,
        "{}",
        report.bytes_new
    );
}

#[test]
fn the_manifest_says_what_was_asked_for() {
    let place = Place::new();
    let report = place.snapshot_with(&small_tree(), |request| {
        request.description = "first".to_owned();
        request
            .tags
            .insert("tag:holdfast-job".to_owned(), "j".to_owned());
        request.pins = vec!["keep".to_owned()];
    });
    let listed = place.snapshots();
    assert_eq!(listed.len(), 1);
    let manifest = &listed[0];
    assert_eq!(manifest.id.as_str(), id(&report));
    assert_eq!(
        (manifest.description.as_str(), manifest.pins.as_slice()),
        ("first", &["keep".to_owned()][..])
    );
    assert_eq!(manifest.tag("holdfast-job"), Some("j"));
    assert_eq!(manifest.source, identity("/data"));
    assert!(manifest.is_complete() && manifest.start_time <= manifest.end_time);
    let root = manifest.root_entry.as_ref().expect("a root");
    assert_eq!(
        (root.name.as_slice(), &root.kind),
        (&b"data"[..], &EntryKind::Directory)
    );
    let summary = root.summary.as_ref().expect("a summary");
    assert_eq!(
        (
            summary.files,
            summary.symlinks,
            summary.dirs,
            summary.total_size
        ),
        (3, 1, 4, 9)
    );
    assert_eq!(manifest.stats.dir_count, 4);
}

#[test]
fn later_snapshots_start_later_even_when_the_clock_stands_still() {
    let place = Place::new();
    let tree = small_tree();
    let starts: Vec<_> = (0..3)
        .map(|_| saved(&place.snapshot(&tree)).manifest.start_time)
        .collect();
    assert!(starts.is_sorted_by(|a, b| a < b), "{starts:?}");
}

#[test]
fn identical_snapshots_are_left_out_where_the_policy_says_so() {
    let place = Place::new();
    let mut tree = small_tree();
    let ignore = policy(|policy| policy.retention.ignore_identical_snapshots = Some(true));
    let with_policy = |request: &mut SnapshotRequest| request.policy = ignore.clone();
    assert!(saved(&place.snapshot_with(&tree, with_policy)).id.is_some());
    assert!(saved(&place.snapshot_with(&tree, with_policy)).id.is_none());
    tree.file("new", b"1");
    assert!(saved(&place.snapshot_with(&tree, with_policy)).id.is_some());
    assert_eq!(place.snapshots().len(), 2);
}

// Requirements: ENG-KOPIA-5
#[test]
fn each_source_has_a_snapshot_and_a_missing_one_does_not_stop_the_others() {
    let place = Place::new();
    let mut request = request(&small_tree());
    request.sources.insert(
        0,
        Source::local("/no/such/place", identity("/no/such/place")),
    );
    request.sources.push(Source {
        tree: Arc::new(small_tree()),
        identity: identity("/other"),
    });
    let report = create(&place.repo, &request).expect("take snapshots");
    assert!(!report.is_clean());
    let error = report.sources[0]
        .result
        .as_ref()
        .expect_err("missing")
        .to_string();
    assert!(error.contains("/no/such/place"), "{error}");
    assert!(report.sources[1].result.is_ok() && report.sources[2].result.is_ok());
    let paths: Vec<_> = place
        .snapshots()
        .into_iter()
        .map(|s| s.source.path)
        .collect();
    assert_eq!(paths.len(), 2);
}

#[test]
fn very_large_files_are_stored_in_parts() {
    let place = Place::new();
    let part = 3 << 20;
    for (length, parts) in [(7 << 20, 3), (6 << 20, 3), (part, 1)] {
        let mut tree = MemoryTree::new("data");
        let content = random(length as u64, length);
        tree.file("large", content.clone());
        let report = place.snapshot_with(&tree, |request| {
            request.policy =
                policy(|policy| policy.upload.parallel_upload_above_size = Some(part as i64));
        });
        let page = list_content(&place.repo, &id(&report), "", None, 10).expect("list");
        let object = page.entries[0].object.expect("an object");
        assert!(object.is_indirect() || parts == 1, "{length}");
        let mut read = Vec::new();
        holdfast_snapshot::read_file(
            &place.repo,
            &id(&report),
            "large",
            &mut read,
            &Default::default(),
        )
        .expect("read");
        assert!(read == content, "{length}");
        assert_eq!(page.entries[0].size, length as i64);
    }
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let mut tree = small_tree();
    for number in 0..40u64 {
        tree.file(
            format!("many/{}/{number}", number % 7),
            random(number, number as usize * 997),
        );
        tree.file(
            format!("large-{}", number % 4),
            random(number, 1_500_000 + number as usize),
        );
    }
    let roots: Vec<_> = [1, 2, 5]
        .map(|workers| {
            let report = Place::new().snapshot_with(&tree, |request| {
                request.parallelism = NonZeroUsize::new(workers)
            });
            let root = saved(&report).manifest.root_entry.clone().expect("a root");
            root.summary
        })
        .into();
    assert!(roots.windows(2).all(|pair| pair[0] == pair[1]), "{roots:?}");
    let place = Place::new();
    let first = place.snapshot_with(&tree, |request| request.parallelism = NonZeroUsize::new(1));
    let second = place.snapshot_with(&tree.clone().on_read(|_, _| {}), |request| {
        request.sources[0].identity = identity("/elsewhere");
        request.parallelism = NonZeroUsize::new(4);
    });
    assert_eq!(
        saved(&first).manifest.root_object(),
        saved(&second).manifest.root_object()
    );
    assert_eq!(second.bytes_new, 0);
}

#[test]
fn compression_follows_the_policy() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("text", b"line of text\n".repeat(100_000))
        .file("picture.jpg", b"line of text\n".repeat(50_000));
    let compressed = place.snapshot_with(&tree, |request| {
        request.policy = policy(|policy| {
            policy.compression.compressor_name = "zstd".to_owned();
            policy.compression.never_compress = vec![".jpg".to_owned()];
        });
    });
    assert!(
        compressed.bytes_uploaded < 750_000 && compressed.bytes_uploaded > 650_000,
        "{compressed:?}"
    );
    assert_eq!(
        read(&place, &compressed, "text"),
        b"line of text\n".repeat(100_000)
    );
    // An unknown compressor stores data as it is.
    let unknown = Place::new().snapshot_with(&tree, |request| {
        request.policy =
            policy(|policy| policy.compression.compressor_name = "none-such".to_owned());
    });
    assert!(unknown.bytes_uploaded > 1_900_000, "{unknown:?}");
}

/// Whatever a policy names, the run is complete and the data comes back.
#[test]
fn every_compressor_of_a_policy_works() {
    let place = Place::new();
    let text = b"line of text\n".repeat(10_000);
    let mut names: Vec<&str> = CompressionAlgorithm::ALL
        .map(CompressionAlgorithm::name)
        .into();
    names.extend(["none", "none-such"]);
    for (number, name) in names.into_iter().enumerate() {
        let mut tree = MemoryTree::new("data");
        // No two contents are equal, or the second would not be written.
        tree.file(name, [name.as_bytes(), &text].concat());
        let report = place.snapshot_with(&tree, |request| {
            request.sources[0].identity = identity(&format!("/{number}"));
            request.policy = policy(|policy| {
                policy.compression.compressor_name = name.to_owned();
                policy.metadata_compression.compressor_name = name.to_owned();
            });
        });
        assert_eq!(report.errors(), 0, "{name}");
        let writable = CompressionAlgorithm::by_name(name).is_some_and(|a| a.is_writable());
        assert_eq!(
            report.bytes_uploaded < 30_000,
            writable,
            "{name}: {report:?}"
        );
        assert_eq!(
            read(&place, &report, name),
            [name.as_bytes(), &text].concat()
        );
    }
}

#[test]
fn every_splitter_of_a_policy_cuts() {
    let place = Place::new();
    let data = random(7, 1_300_000);
    let names = SplitterKind::NAMES.into_iter().chain(["none-such"]);
    for (number, name) in names.enumerate() {
        let mut tree = MemoryTree::new("data");
        tree.file("file", data.clone());
        let report = place.snapshot_with(&tree, |request| {
            request.sources[0].identity = identity(&format!("/{number}"));
            request.policy = policy(|policy| name.clone_into(&mut policy.splitter.algorithm));
        });
        assert_eq!(read(&place, &report, "file"), data, "{name}");
        let entry = list_content(&place.repo, &id(&report), "", None, 10).expect("list");
        let object = entry.entries[0].object.expect("an object");
        let mut lengths = Vec::new();
        let (mut splitter, mut rest) = (place.repo.splitter(name).expect("a splitter"), &data[..]);
        while let Some(length) = splitter.next_cut(rest) {
            lengths.push(length as u64);
            rest = &rest[length..];
        }
        if !rest.is_empty() {
            lengths.push(rest.len() as u64);
        }
        let parts = place.repo.object_parts(&object).expect("parts");
        let stored: Vec<u64> = parts.iter().map(|part| part.length).collect();
        assert_eq!(stored, lengths, "{name}");
    }
}

fn read(place: &Place, report: &SourceReport, path: &str) -> Vec<u8> {
    let mut read = Vec::new();
    let options = Default::default();
    holdfast_snapshot::read_file(&place.repo, &id(report), path, &mut read, &options)
        .expect("read");
    read
}

#[test]
fn ignore_rules_apply_and_are_counted() {
    let place = Place::new();
    let mut tree = small_tree();
    tree.file(".kopiaignore", b"*.log\nempty/\n")
        .file("x.log", b"12345")
        .file("dir/y.log", b"1");
    let report = place.snapshot(&tree);
    let names: Vec<_> = list_content(&place.repo, &id(&report), "", None, 10)
        .expect("list")
        .entries;
    let names: Vec<_> = names
        .iter()
        .map(|entry| entry.name_text().into_owned())
        .collect();
    assert_eq!(names, ["dir", ".kopiaignore", "a"]);
    let stats = report.stats;
    assert_eq!(
        (
            stats.excluded_file_count,
            stats.excluded_total_size,
            stats.excluded_dir_count
        ),
        (2, 6, 1)
    );
}

#[test]
fn names_that_are_not_text_are_told_apart() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file(b"\xff", b"one")
        .file(b"\xfe", b"two")
        .file("\u{fffd}", b"three");
    let report = place.snapshot(&tree);
    let page = list_content(&place.repo, &id(&report), "", None, 10).expect("list");
    let mut names: Vec<_> = page
        .entries
        .iter()
        .map(|entry| entry.file_name().to_vec())
        .collect();
    names.sort();
    assert_eq!(names, [&b"\xef\xbf\xbd"[..], b"\xfe", b"\xff"]);
    let before = tree.opened();
    assert_eq!(place.snapshot(&tree).stats.cached_files, 3);
    assert_eq!(tree.opened(), before, "raw names are compared");
}

#[test]
fn a_single_file_is_a_snapshot() {
    let place = Place::new();
    let disk = tempfile::tempdir().expect("a temporary directory");
    for (name, length) in [("small", 5), ("large", 9 << 20), ("empty", 0)] {
        let path = disk.path().join(name);
        std::fs::write(&path, random(1, length)).expect("write");
        let request = SnapshotRequest::new(vec![Source::local(
            &path,
            identity(&path.display().to_string()),
        )]);
        let report = create(&place.repo, &request).expect("take a snapshot");
        let saved = saved(&report.sources[0]);
        let root = saved.manifest.root_entry.as_ref().expect("a root");
        assert_eq!(
            (&root.kind, root.size, root.name.as_slice()),
            (&EntryKind::File, length as i64, name.as_bytes())
        );
        let summary = root.summary.as_ref().expect("a summary");
        assert_eq!(
            (summary.files, summary.dirs, summary.total_size),
            (1, 0, length as i64)
        );
    }
}

// Requirements: PRG-8
#[test]
fn progress_has_a_constant_total_and_reaches_it() {
    let place = Place::new();
    let mut tree = small_tree();
    tree.file("large", random(3, 20 << 20));
    let progress = Arc::new(Progress::new());
    place.snapshot_with(&tree, |request| {
        request.estimate = true;
        request.progress = Arc::clone(&progress);
    });
    assert_eq!(progress.bytes_total(), Some((20 << 20) + 9));
    assert_eq!(progress.bytes_processed(), (20 << 20) + 9);
    assert_eq!(
        (progress.files_total(), progress.files_done()),
        (Some(5), 5)
    );
    assert!(progress.bytes_uploaded() > 20 << 20);

    let progress = Arc::new(Progress::new());
    place.snapshot_with(&tree, |request| {
        request.estimate = true;
        request.progress = Arc::clone(&progress);
    });
    assert_eq!(
        (progress.bytes_processed(), progress.bytes_new()),
        ((20 << 20) + 9, 0)
    );
    assert_eq!((progress.bytes_read(), progress.cached_files()), (0, 5));
}

#[test]
fn a_source_without_an_identity_is_refused() {
    let place = Place::new();
    let mut request = request(&small_tree());
    request.sources[0].identity.path.clear();
    assert!(matches!(
        create(&place.repo, &request),
        Err(Error::InvalidSnapshot(_) | Error::Repository(_))
    ));
    assert!(place.snapshots().is_empty());
}
