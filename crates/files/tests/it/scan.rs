//! Directories with ignore rules.

use std::sync::Arc;

use holdfast_files::{
    Excluded, Fault, MemoryTree, RootNode, Scan, ScanError, ScanRequest, SourceTree, scan_directory,
};
use holdfast_planning::ignore::{FilePolicy, RelativePath, Rules};

fn policy() -> FilePolicy {
    FilePolicy {
        ignore_files: vec![".ignore".to_owned()],
        ..FilePolicy::default()
    }
}

fn scan(tree: &MemoryTree, policy: &FilePolicy) -> Result<Scan, ScanError> {
    let RootNode::Directory(root) = tree.root().expect("open").node else {
        panic!("a directory")
    };
    let request = ScanRequest {
        path: &RelativePath::root(),
        rules: &Rules::none(),
        policy: Some(policy),
        skip_caches: true,
        device: 1,
    };
    scan_directory(root.as_ref(), request)
}

fn names(scan: &Scan) -> Vec<String> {
    scan.listing
        .iter()
        .map(|entry| String::from_utf8_lossy(entry.name).into_owned())
        .collect()
}

#[test]
fn rules_of_files_and_policies_apply() {
    let mut tree = MemoryTree::new("root");
    tree.file(".ignore", b"*.log\n")
        .file("a.log", b"12345")
        .file("b", b"1")
        .directory("tmp")
        .directory("keep");
    let policy = FilePolicy {
        ignore: vec!["/tmp/".to_owned()],
        ..policy()
    };
    let scan = scan(&tree, &policy).expect("scan");
    assert_eq!(names(&scan), ["keep", ".ignore", "b"]);
    assert_eq!(
        scan.excluded,
        Excluded {
            files: 1,
            bytes: 5,
            directories: 1
        }
    );
}

#[test]
fn an_ignore_file_may_be_a_link_but_not_a_dangling_one() {
    let mut tree = MemoryTree::new("root");
    tree.symlink(".ignore", "rules")
        .file("rules", b"b\n")
        .file("b", b"1");
    assert_eq!(
        names(&scan(&tree, &policy()).expect("scan")),
        [".ignore", "rules"]
    );
    tree.remove("rules");
    assert!(matches!(
        scan(&tree, &policy()),
        Err(ScanError::IgnoreFile { .. })
    ));
    tree.remove(".ignore").directory(".ignore");
    assert_eq!(
        names(&scan(&tree, &policy()).expect("scan")),
        [".ignore", "b"]
    );
}

#[test]
fn a_malformed_rule_is_an_error() {
    let mut tree = MemoryTree::new("root");
    tree.file(".ignore", b"[a\n");
    let error = scan(&tree, &policy()).expect_err("malformed");
    assert!(error.to_string().contains("[a"), "{error}");
}

#[test]
fn caches_appear_empty() {
    let mut tree = MemoryTree::new("root");
    tree.file(
        "CACHEDIR.TAG",
        b"Signature: 8a477f597d28d172789f06886806bc55\nx",
    )
    .file("b", b"1");
    let scanned = scan(&tree, &policy()).expect("scan");
    assert!(scanned.is_cache && scanned.listing.is_empty());
    tree.fault("CACHEDIR.TAG", Fault::Unreadable);
    assert_eq!(
        names(&scan(&tree, &policy()).expect("scan")),
        ["CACHEDIR.TAG", "b"]
    );
}

#[test]
fn other_devices_and_large_files_are_left_out() {
    let mut tree = MemoryTree::new("root");
    tree.file("large", b"12345")
        .file("fits", b"1234")
        .directory("mount")
        .metadata("mount", |m| m.device = 2);
    let all = scan(&tree, &policy()).expect("scan");
    assert_eq!(names(&all), ["mount", "fits", "large"]);
    let policy = FilePolicy {
        max_file_size: 4,
        one_file_system: Some(true),
        ..policy()
    };
    let some = scan(&tree, &policy).expect("scan");
    assert_eq!(names(&some), ["fits"]);
    assert_eq!(
        some.excluded,
        Excluded::default(),
        "these are not counted as excluded"
    );
    assert!(Arc::strong_count(&some.rules) >= 1);
}
