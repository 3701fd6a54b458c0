//! Random trees come back as they were, through any number of snapshots.

use std::collections::BTreeMap;

use holdfast_files::MemoryTree;
use holdfast_host::Cancel;
use holdfast_repository::directory::EntryKind;
use holdfast_snapshot::{list_content, read_file};
use holdfast_testkit::tree::RandomTree;
use proptest::prelude::*;

use crate::support::{Place, id, random, saved};

/// What an entry is and, for files, the seed and length of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Planned {
    File(u64, usize),
    Link(String),
    Folder,
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-d]",
        "[A-Z]{1,3}\\.txt",
        "é[0-9]",
        "\\.[a-c]",
        "[ -.0-~]{1,12}"
    ]
    .prop_filter("a name", |name| {
        name != "." && name != ".." && !name.starts_with(".kopia")
    })
}

fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(name(), 1..4).prop_map(|names| names.join("/"))
}

fn planned() -> impl Strategy<Value = Planned> {
    let length =
        prop_oneof![4 => 0..2000usize, 1 => 500_000..600_000usize, 1 => 2_000_000..2_500_000usize];
    prop_oneof![
        6 => (0..6u64, length).prop_map(|(seed, length)| Planned::File(seed, length)),
        1 => "[a-z/]{1,10}".prop_map(Planned::Link),
        1 => Just(Planned::Folder),
    ]
}

fn build(entries: &BTreeMap<String, Planned>, time: i64) -> MemoryTree {
    let mut tree = MemoryTree::new("data");
    for (path, planned) in entries {
        match planned {
            Planned::File(seed, length) => tree.file(path, random(*seed, *length)),
            Planned::Link(target) => tree.symlink(path, target.as_bytes()),
            Planned::Folder => tree.directory(path),
        };
        if let Planned::File(seed, length) = planned {
            tree.metadata(path, |m| {
                m.modified = time + *seed as i64 * 1_000_000 + *length as i64
            });
        }
    }
    tree
}

/// Reads a snapshot back.
fn stored(place: &Place, id: &str) -> BTreeMap<String, Planned> {
    let mut found = BTreeMap::new();
    let mut pending = vec![String::new()];
    while let Some(folder) = pending.pop() {
        let page = list_content(&place.repo, id, &folder, None, usize::MAX).expect("list");
        for entry in page.entries {
            let name = entry.name_text();
            let path = if folder.is_empty() {
                name.into_owned()
            } else {
                format!("{folder}/{name}")
            };
            match entry.kind {
                EntryKind::Directory => pending.push(path),
                EntryKind::File => {
                    let mut content = Vec::new();
                    read_file(&place.repo, id, &path, &mut content, &Cancel::new()).expect("read");
                    let beginning = content.len().min(64);
                    let seed = (0..6)
                        .find(|seed| random(*seed, beginning) == content[..beginning])
                        .filter(|seed| random(*seed, content.len()) == content)
                        .expect("what was written");
                    found.insert(path, Planned::File(seed, content.len()));
                }
                EntryKind::Symlink => {
                    let target = place
                        .repo
                        .read_object(&entry.object.expect("an object"))
                        .expect("read");
                    found.insert(
                        path,
                        Planned::Link(String::from_utf8(target.to_vec()).expect("text")),
                    );
                }
                EntryKind::Other(_) => panic!("{path} has an unknown type"),
            }
        }
    }
    found
}

/// The files and links of a plan, where an entry below a file turns that into a folder.
fn effective(entries: &BTreeMap<String, Planned>) -> BTreeMap<String, Planned> {
    let is_above = |path: &str| {
        entries
            .keys()
            .any(|other| other.starts_with(&format!("{path}/")))
    };
    let kept = entries
        .iter()
        .filter(|(path, planned)| **planned != Planned::Folder && !is_above(path));
    kept.map(|(path, planned)| match planned {
        // Contents of length 0 are the same whatever their seed.
        Planned::File(_, 0) => (path.clone(), Planned::File(0, 0)),
        planned => (path.clone(), planned.clone()),
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn what_goes_in_comes_out(
        first in proptest::collection::btree_map(path(), planned(), 0..25),
        changes in proptest::collection::btree_map(path(), planned(), 0..6),
    ) {
        let place = Place::new();
        let report = place.snapshot(&build(&first, 1_000));
        prop_assert_eq!(stored(&place, &id(&report)), effective(&first));

        let mut second = first.clone();
        second.extend(changes);
        let report = place.snapshot(&build(&second, 1_000));
        prop_assert_eq!(stored(&place, &id(&report)), effective(&second));

        let tree = build(&second, 1_000);
        let third = place.snapshot(&tree);
        prop_assert_eq!(third.bytes_new, 0);
        prop_assert_eq!(tree.opened(), 0);
        prop_assert_eq!(saved(&third).manifest.root_object(), saved(&report).manifest.root_object());
    }
}

#[test]
fn random_trees_on_disk_are_restored() {
    for seed in 0..3 {
        println!("seed {seed}");
        let disk = tempfile::tempdir().expect("a temporary directory");
        RandomTree::new(seed).create(disk.path()).expect("fill it");
        let place = Place::new();
        let first = place.snapshot_dir(disk.path());
        place.assert_restores(&id(&first), disk.path());
        let second = place.snapshot_dir(disk.path());
        assert_eq!((second.bytes_new, second.bytes_read), (0, 0));
    }
}
