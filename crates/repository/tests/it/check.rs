//! Checking whole repositories: what stock wrote is clean, and each kind of damage is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_repository::check::{CheckOptions, CheckReport, check};
use holdfast_repository::{OpenOptions, Repository};
use holdfast_testkit::Fixture;

use crate::fixture_trees::{READ, open};

fn run(fixture: &Fixture, strict: bool, read_data: bool) -> CheckReport {
    run_on(&open(fixture), strict, read_data)
}

fn run_on(repository: &Arc<Repository>, strict: bool, read_data: bool) -> CheckReport {
    let options = CheckOptions {
        strict,
        read_data,
        ..CheckOptions::default()
    };
    check(repository, &options).expect("check")
}

#[test]
fn repositories_of_the_reference_are_clean() {
    for name in READ {
        let fixture = Fixture::open(name);
        let report = run(&fixture, true, true);
        let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
        // Two files of this fixture have names that became equal when they were stored.
        let expected = usize::from(*name == "oddities");
        assert_eq!(problems.len(), expected, "{name}: {problems:#?}");
        let expected_snapshots = fixture.description()["snapshots"]
            .as_array()
            .expect("snapshots")
            .len();
        assert_eq!(
            report.counts.snapshots as usize, expected_snapshots,
            "{name}"
        );
        assert_eq!(
            report.counts.contents_read, report.counts.contents,
            "{name}"
        );
    }
}

/// Every file of a repository whose blob name begins with `prefix`.
fn blobs(fixture: &Fixture, prefix: &str) -> Vec<PathBuf> {
    fn visit(folder: &Path, name: &str, found: &mut Vec<(String, PathBuf)>) {
        for entry in fs::read_dir(folder).expect("folder") {
            let entry = entry.expect("entry");
            let name = format!("{name}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                visit(&entry.path(), &name, found);
            } else if let Some(id) = name.strip_suffix(".f") {
                found.push((id.to_owned(), entry.path()));
            }
        }
    }
    let mut found = Vec::new();
    visit(&fixture.repository(), "", &mut found);
    found.sort();
    let wanted = found.into_iter().filter(|(id, _)| id.starts_with(prefix));
    let paths: Vec<PathBuf> = wanted.map(|(_, path)| path).collect();
    assert!(!paths.is_empty(), "no blob {prefix}…");
    paths
}

fn name(path: &Path) -> String {
    let name = path.file_stem().expect("name").to_string_lossy();
    // The first characters of the id are directories.
    name.into_owned()
}

/// Flips one bit of a file.
fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("read");
    bytes[at] ^= 0x10;
    fs::write(path, bytes).expect("write");
}

fn length(path: &Path) -> usize {
    fs::metadata(path).expect("metadata").len() as usize
}

/// The subjects of all problems that name the blob.
fn naming(report: &CheckReport, blob: &Path) -> usize {
    let name = name(blob);
    report
        .problems
        .iter()
        .filter(|problem| problem.to_string().contains(&name))
        .count()
}

#[test]
fn damage_in_the_end_of_a_pack_is_named_without_reading_data() {
    let fixture = Fixture::open("multiuser");
    let repository = open(&fixture);
    let pack = &blobs(&fixture, "p")[0];
    // The postamble is some 30 bytes; the local index is before it.
    for from_end in [1, 5, 12, 20, 60, 100] {
        let at = length(pack) - from_end;
        flip(pack, at);
        let report = run_on(&repository, true, false);
        assert!(
            naming(&report, pack) > 0,
            "{from_end} from the end: {:?}",
            report.problems
        );
        // What is in the pack can still be read.
        let read = run_on(&repository, false, true);
        assert_eq!(
            read.counts.contents_read, read.counts.contents,
            "{from_end}"
        );
        flip(pack, at);
    }
    assert!(run_on(&repository, true, true).is_clean());
}

#[test]
fn damage_where_nothing_is_stored_is_no_problem() {
    let fixture = Fixture::open("multiuser");
    let pack = &blobs(&fixture, "p")[0];
    flip(pack, 3);
    // Some way before the local index, which begins on a multiple of 4096, lies only padding.
    let local = length(pack) / 4096 * 4096;
    flip(pack, local - 1);
    let report = run(&fixture, true, true);
    assert!(report.is_clean(), "{:?}", report.problems);
}

#[test]
fn damage_in_data_is_found_when_data_is_read() {
    let fixture = Fixture::open("multiuser");
    let pack = &blobs(&fixture, "p")[0];
    flip(pack, 40);
    assert!(run(&fixture, true, false).is_clean());
    let report = run(&fixture, false, true);
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert_eq!(naming(&report, pack), 1, "{:?}", report.problems);
}

#[test]
fn a_missing_pack_is_named_with_what_it_held() {
    let fixture = Fixture::open("multiuser");
    let pack = &blobs(&fixture, "p")[0];
    fs::remove_file(pack).expect("remove");
    let report = run(&fixture, false, false);
    assert_eq!(naming(&report, pack), 1, "{:?}", report.problems);
    assert!(
        report.problems[0].reason.contains("missing"),
        "{:?}",
        report.problems
    );
}

#[test]
fn a_shortened_pack_is_named() {
    let fixture = Fixture::open("multiuser");
    let pack = &blobs(&fixture, "p")[0];
    let bytes = fs::read(pack).expect("read");
    fs::write(pack, &bytes[..40]).expect("write");
    let report = run(&fixture, false, false);
    assert!(naming(&report, pack) >= 2, "{:?}", report.problems);
}

#[test]
fn a_damaged_session_marker_is_named() {
    let fixture = Fixture::open("multiuser");
    let marker = fixture
        .repository()
        .join("s")
        .join("012")
        .join("3456789abcdef0123456789abcdef01-s0123456789abcdef147.f");
    fs::create_dir_all(marker.parent().expect("parent")).expect("folder");
    fs::write(&marker, b"no marker").expect("write");
    let report = run(&fixture, false, false);
    assert_eq!(naming(&report, &marker), 1, "{:?}", report.problems);
    assert_eq!(report.counts.session_markers, 1);
}

#[test]
fn an_unreadable_index_blob_keeps_the_repository_from_opening() {
    let fixture = Fixture::open("multiuser");
    let index = &blobs(&fixture, "xn0_")[0];
    flip(index, 20);
    let store = Arc::new(holdfast_storage::LocalStore::open(fixture.repository()).expect("store"));
    let password = secrecy::SecretString::from(fixture.password());
    let error = Repository::open(store, &password, &OpenOptions::default()).expect_err("opened");
    assert!(error.to_string().contains(&name(index)[3..]), "{error}");
}

#[test]
fn a_cancelled_check_ends() {
    let fixture = Fixture::open("multiuser");
    let options = CheckOptions::default();
    options.cancel.cancel();
    assert!(check(&open(&fixture), &options).is_err());
}
