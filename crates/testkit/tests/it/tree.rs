use std::fs;
use std::path::Path;

use holdfast_testkit::tree::{
    Compare, RandomTree, assert_same, compare_trees, golden, set_modified, source_like,
};
use tempfile::tempdir;

fn found(a: &Path, b: &Path) -> Vec<String> {
    compare_trees(a, b, Compare::ALL).unwrap().differences
}

#[test]
fn the_golden_tree_is_always_the_same() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    golden(a.path()).unwrap();
    golden(b.path()).unwrap();
    // Only the directories that hold what has no fixed time show when it was made.
    let compare = Compare {
        times: false,
        root: false,
        ..Compare::default()
    };
    assert_same(a.path(), b.path(), &compare);
    let times = fs::metadata(a.path().join("times")).unwrap();
    let others = fs::metadata(b.path().join("times")).unwrap();
    assert_eq!(times.modified().unwrap(), others.modified().unwrap());
}

#[test]
fn random_trees_follow_their_seed() {
    let trees = [tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap()];
    for (tree, seed) in trees.iter().zip([7, 7, 8]) {
        let spec = RandomTree {
            max_file_size: 64 << 10,
            ..RandomTree::new(seed)
        };
        spec.create(tree.path()).unwrap();
    }
    assert_same(trees[0].path(), trees[1].path(), &Compare::default());
    assert!(!found(trees[0].path(), trees[2].path()).is_empty());
}

#[test]
fn source_like_trees_have_the_size_that_was_asked_for() {
    let tree = tempdir().unwrap();
    source_like(tree.path(), 1, 130, 500_000).unwrap();
    let (mut files, mut bytes) = (0, 0);
    let mut open = vec![tree.path().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                files += 1;
                bytes += entry.metadata().unwrap().len();
            }
        }
    }
    assert_eq!((files, bytes), (130, 500_000));
}

#[test]
fn the_comparison_sees_each_kind_of_difference() {
    let changes: [(&str, Change); 5] = [
        ("differs from byte 3", |path| {
            fs::write(path.join("file"), "012x4").unwrap()
        }),
        ("has 6 bytes", |path| {
            fs::write(path.join("file"), "012345").unwrap()
        }),
        ("is missing", |path| {
            fs::remove_file(path.join("file")).unwrap()
        }),
        ("should not be", |path| {
            fs::write(path.join("more"), "").unwrap()
        }),
        ("is a directory instead", |path| {
            fs::remove_file(path.join("file")).unwrap();
            fs::create_dir(path.join("file")).unwrap();
        }),
    ];
    for (expected, change) in changes {
        assert_difference(expected, change);
    }
    assert_difference("was modified at 5.0", |path| {
        set_modified(&path.join("file"), 5, 0).unwrap();
    });
}

#[cfg(unix)]
#[test]
fn the_comparison_sees_modes_links_and_owners() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    assert_difference("has mode 0640", |path| {
        fs::set_permissions(path.join("file"), fs::Permissions::from_mode(0o640)).unwrap();
    });
    assert_difference("points to", |path| {
        fs::remove_file(path.join("link")).unwrap();
        symlink("elsewhere", path.join("link")).unwrap();
    });
    assert_difference("was modified at 9.000000001", |path| {
        set_modified(&path.join("link"), 9, 1).unwrap();
    });
    if rustix::process::geteuid().is_root() {
        assert_difference("belongs to", |path| {
            std::os::unix::fs::lchown(path.join("link"), Some(12), Some(34)).unwrap();
        });
    }
}

/// What is done to one of two equal trees.
type Change = fn(&Path);

fn assert_difference(expected: &str, change: Change) {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    for root in [a.path(), b.path()] {
        fs::write(root.join("file"), "01234").unwrap();
        set_modified(&root.join("file"), 1_000_000_000, 5).unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("target", root.join("link")).unwrap();
            set_modified(&root.join("link"), 1_000_000_000, 5).unwrap();
        }
        set_modified(root, 1_000_000_000, 5).unwrap();
    }
    assert_eq!(found(a.path(), b.path()), Vec::<String>::new());
    change(b.path());
    let lines = found(a.path(), b.path());
    assert!(
        lines.iter().any(|line| line.contains(expected)),
        "{expected:?} not in {lines:?}"
    );
}
