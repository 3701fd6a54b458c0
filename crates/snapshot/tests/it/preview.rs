//! What a backup would take and leave out, before it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_files::{Fault, MemoryTree, SourceTree};
use holdfast_host::Cancel;
use holdfast_repository::policy::{Files, Policy};
use holdfast_snapshot::{Amount, Cause, Error, Preview, PreviewSource, Verdict, explain, preview};

use crate::support::{Place, saved};

const TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n";

fn policy(rules: &[&str]) -> Policy {
    Policy {
        files: Files {
            ignore: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            ..Files::default()
        },
        ..Policy::default()
    }
}

/// A tree with something for every cause.
fn mixed() -> MemoryTree {
    let mut tree = MemoryTree::new("data");
    tree.file(".kopiaignore", b"*.log\n")
        .file("a.txt", b"12345")
        .file("a.log", b"1234567")
        .file("b.tmp", b"12")
        .file("big.iso", vec![0; 5000])
        .file("cache/one", b"1")
        .file("cache/deep/two.tmp", b"22")
        .file("docs/c.txt", b"123")
        .file("docs/keep.tmp", b"1234")
        .file("thumbs/CACHEDIR.TAG", TAG)
        .file("thumbs/t1", b"123456")
        .file("mounted/far", b"123")
        .symlink("link", "a.txt")
        .metadata("mounted", |metadata| metadata.device = 2)
        .metadata("mounted/far", |metadata| metadata.device = 2);
    tree
}

fn sources(tree: &MemoryTree) -> Vec<PreviewSource> {
    let tree: Arc<dyn SourceTree> = Arc::new(tree.clone());
    vec![PreviewSource {
        prefix: "/data/".to_owned(),
        tree,
    }]
}

fn count(tree: &MemoryTree, policy: &Policy) -> Preview {
    preview(&sources(tree), policy, &Cancel::new(), &mut |_| ()).expect("count")
}

fn amount(files: u64, bytes: u64) -> Amount {
    Amount { files, bytes }
}

// Requirements: UI-10
#[test]
fn every_cause_has_its_files_bytes_and_examples() {
    let mut policy = policy(&["*.tmp", "cache/", "nothing"]);
    policy.files.max_file_size = 4000;
    policy.files.one_file_system = Some(true);
    let found = count(&mixed(), &policy);
    let left: BTreeMap<Cause, (Amount, u64, Vec<&str>)> = found
        .left_out
        .iter()
        .map(|(cause, left)| {
            let examples = left.examples.iter().map(String::as_str).collect();
            (*cause, (left.amount, left.directories, examples))
        })
        .collect();
    let separator = std::path::MAIN_SEPARATOR;
    let keep = format!("/data/docs{separator}keep.tmp");
    let expected = BTreeMap::from([
        (
            Cause::Pattern(0),
            (amount(2, 6), 0, vec!["/data/b.tmp", keep.as_str()]),
        ),
        // With what the folders in it hold, whatever other rules say.
        (Cause::Pattern(1), (amount(2, 3), 2, vec!["/data/cache"])),
        (Cause::IgnoreFile, (amount(1, 7), 0, vec!["/data/a.log"])),
        (Cause::TooLarge, (amount(1, 5000), 0, vec!["/data/big.iso"])),
        (
            Cause::OtherFileSystem,
            (amount(0, 0), 1, vec!["/data/mounted"]),
        ),
        (
            Cause::Cache,
            (amount(2, 6 + TAG.len() as u64), 1, vec!["/data/thumbs"]),
        ),
    ]);
    assert_eq!(left, expected);
    let taken = &found.sources[0];
    assert_eq!((taken.amount.files, taken.directories), (4, 3));
    assert_eq!(found.unreadable, 0);
}

#[test]
fn rules_that_take_say_what_they_took() {
    let found = count(
        &mixed(),
        &policy(&["*", "!*/", "!*.txt", "!*.tmp", "docs/c.*"]),
    );
    assert_eq!(
        found.taken_back,
        BTreeMap::from([(2, amount(1, 5)), (3, amount(3, 8))])
    );
    assert_eq!(found.sources[0].amount, amount(4, 13));
    assert_eq!(found.left_out[&Cause::Pattern(4)].amount, amount(1, 3));
}

/// The count is that of the upload itself.
#[test]
fn a_backup_takes_what_was_counted() {
    let policies = [
        policy(&[]),
        policy(&["*.tmp"]),
        policy(&["/docs/", "!docs/keep.tmp"]),
        policy(&["*", "!*/", "!*.txt"]),
        policy(&["*.tmp", "!keep.tmp"]),
    ];
    for (index, mut policy) in policies.into_iter().enumerate() {
        policy.files.max_file_size = if index % 2 == 0 { 100 } else { 0 };
        policy.files.one_file_system = Some(index % 3 == 0);
        let tree = mixed();
        let found = count(&tree, &policy);
        let report = Place::new().snapshot_with(&tree, |request| request.policy = Some(policy));
        let summary = saved(&report)
            .manifest
            .root_entry
            .as_ref()
            .and_then(|entry| entry.summary.clone())
            .expect("a summary");
        let taken = &found.sources[0];
        assert_eq!(
            (taken.amount.files, taken.directories),
            (
                summary.files as u64 + summary.symlinks as u64,
                summary.dirs as u64
            ),
            "policy {index}"
        );
        let links = "a.txt".len() as u64 * summary.symlinks as u64;
        assert!(
            summary.total_size as u64 == taken.amount.bytes
                || summary.total_size as u64 == taken.amount.bytes + links,
            "policy {index}: {summary:?} {taken:?}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_counted_and_named() {
    let mut tree = mixed();
    tree.fault("docs", Fault::Unreadable);
    let found = count(&tree, &policy(&[]));
    assert_eq!(
        (found.unreadable, found.unreadable_examples),
        (1, vec!["/data/docs".to_owned()])
    );
    let missing: Arc<dyn SourceTree> =
        Arc::new(holdfast_files::LocalTree::new("/no/such/folder/anywhere"));
    let source = PreviewSource {
        prefix: "/".to_owned(),
        tree: missing,
    };
    let found = preview(&[source], &policy(&[]), &Cancel::new(), &mut |_| ()).expect("count");
    assert!(found.sources[0].error.is_some());
}

#[test]
fn a_count_tells_how_far_it_is_and_stops_when_asked() {
    let cancel = Cancel::new();
    let mut told = 0;
    let mut tell = |_: &Preview| {
        told += 1;
        if told == 2 {
            cancel.cancel();
        }
    };
    let result = preview(&sources(&mixed()), &policy(&[]), &cancel, &mut tell);
    assert!(matches!(result, Err(Error::Cancelled)));
    assert_eq!(told, 2);
}

#[test]
fn one_path_is_explained() {
    let mut policy = policy(&["*.tmp", "cache/", "!keep.tmp"]);
    policy.files.max_file_size = 4000;
    policy.files.one_file_system = Some(true);
    let tree = mixed();
    let ask = |path: &str| {
        let names: Vec<&[u8]> = path
            .split('/')
            .filter(|name| !name.is_empty())
            .map(str::as_bytes)
            .collect();
        let found = explain(&tree, &policy, &names, path.ends_with('/')).expect("explain");
        (found.verdict, found.depth, found.exists)
    };
    let taken = |by| Verdict::Taken { by };
    for (path, expected) in [
        ("", (taken(None), 0, true)),
        ("a.txt", (taken(None), 1, true)),
        ("docs", (taken(None), 1, true)),
        ("b.tmp", (Verdict::LeftOut(Cause::Pattern(0)), 1, true)),
        ("docs/keep.tmp", (taken(Some(2)), 2, true)),
        ("a.log", (Verdict::LeftOut(Cause::IgnoreFile), 1, true)),
        // The folder above decides.
        (
            "cache/deep/two.tmp",
            (Verdict::LeftOut(Cause::Pattern(1)), 1, true),
        ),
        ("big.iso", (Verdict::LeftOut(Cause::TooLarge), 1, true)),
        (
            "mounted/far",
            (Verdict::LeftOut(Cause::OtherFileSystem), 1, true),
        ),
        ("thumbs/t1", (Verdict::LeftOut(Cause::Cache), 1, true)),
        // What does not exist is judged by its name.
        ("new/x.tmp", (Verdict::LeftOut(Cause::Pattern(0)), 2, false)),
        (
            "new/cache/",
            (Verdict::LeftOut(Cause::Pattern(1)), 2, false),
        ),
        ("new/cache", (taken(None), 2, false)),
        ("new/keep.tmp", (taken(Some(2)), 2, false)),
        ("a.txt/below", (taken(None), 2, false)),
    ] {
        assert_eq!(ask(path), expected, "{path}");
    }
}
