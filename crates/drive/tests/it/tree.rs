//! The tree without anything that mounts it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_drive::{Failure, Kind, Options, ROOT, Tree};
use holdfast_files::{Extended, MemoryTree};
use holdfast_repository::SourceIdentity;
use holdfast_testkit::tree::random_bytes;
use proptest::prelude::*;

use crate::support::{Place, content, find, list, no_report};

/// What an entry is and, for files, the seed and length of its content.
#[derive(Clone, Debug)]
enum Planned {
    File(u64, usize),
    Link(String),
    Folder,
}

fn planned() -> impl Strategy<Value = Planned> {
    let length = prop_oneof![4 => 0..2000usize, 1 => 300_000..900_000usize];
    prop_oneof![
        6 => (0..6u64, length).prop_map(|(seed, length)| Planned::File(seed, length)),
        1 => "[a-z/]{1,10}".prop_map(Planned::Link),
        1 => Just(Planned::Folder),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof!["[a-d]", "[A-Z]{1,3}\\.txt", "é[0-9]", "\\.[a-c]"];
    proptest::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

/// What must be seen: an entry below a file or link turns that into a folder.
fn effective(entries: &BTreeMap<String, Planned>) -> BTreeMap<String, Planned> {
    let mut all = BTreeMap::new();
    for (path, planned) in entries {
        let cuts = path.match_indices('/').map(|(at, _)| at);
        all.extend(cuts.map(|at| (path[..at].to_owned(), Planned::Folder)));
        all.entry(path.clone()).or_insert_with(|| planned.clone());
    }
    all
}

fn build(entries: &BTreeMap<String, Planned>) -> MemoryTree {
    let mut tree = MemoryTree::new("data");
    for (path, planned) in entries {
        match planned {
            Planned::File(seed, length) => tree.file(path, random_bytes(*seed, *length)),
            Planned::Link(target) => tree.symlink(path, target.as_bytes()),
            Planned::Folder => tree.directory(path),
        };
        tree.metadata(path, |metadata| {
            metadata.modified = path.len() as i64 * 1_000_000_007;
            metadata.mode = 0o640 + path.len() as u32 % 8;
            metadata.uid = path.len() as u32;
        });
    }
    tree
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn the_tree_is_what_was_backed_up(
        entries in proptest::collection::btree_map(path(), planned(), 0..25),
        at_a_time in 1..8usize,
        reads in proptest::collection::vec((any::<u64>(), 0..400_000u64), 12),
    ) {
        let place = Place::new();
        let entries = effective(&entries);
        let id = place.snapshot(&build(&entries), "/data");
        let tree = place.tree(&id);
        let mut seen = BTreeMap::new();
        let mut pending = vec![(String::new(), ROOT)];
        while let Some((folder, number)) = pending.pop() {
            let told = list(&tree, number, at_a_time, true);
            prop_assert_eq!(&list(&tree, number, 1000, false), &told);
            for (name, attributes) in told {
                prop_assert_eq!(tree.lookup(number, &name), Ok(attributes));
                prop_assert_eq!(tree.attributes(attributes.number), Ok(attributes));
                let name = String::from_utf8(name).expect("text");
                let path = match folder.as_str() {
                    "" => name,
                    folder => format!("{folder}/{name}"),
                };
                if attributes.kind == Kind::Folder {
                    pending.push((path.clone(), attributes.number));
                }
                prop_assert!(seen.insert(path, attributes).is_none(), "a name twice");
            }
        }
        prop_assert!(seen.keys().eq(entries.keys()), "{:?} {:?}", seen.keys(), entries.keys());
        for (path, planned) in &entries {
            let found = seen[path];
            prop_assert_eq!(found.modified, path.len() as i64 * 1_000_000_007);
            prop_assert_eq!(found.mode, 0o640 + path.len() as u32 % 8);
            prop_assert_eq!(found.user, path.len() as u32);
            match planned {
                Planned::Folder => {
                    prop_assert_eq!(found.kind, Kind::Folder);
                    prop_assert_eq!(tree.open(found.number).err(), Some(Failure::IsAFolder));
                }
                Planned::Link(target) => {
                    prop_assert_eq!(found.size, target.len() as u64);
                    prop_assert_eq!(&tree.target(found.number).expect("a link")[..], target.as_bytes());
                }
                Planned::File(seed, length) => {
                    let bytes = random_bytes(*seed, *length);
                    prop_assert_eq!(found.size, *length as u64);
                    let file = tree.open(found.number).expect("open");
                    for (offset, size) in &reads {
                        let offset = offset % (*length as u64 + 10);
                        let read = tree.read(&file, offset, *size).expect("read");
                        let from = bytes.len().min(offset as usize);
                        let to = bytes.len().min((offset + size) as usize);
                        prop_assert!(read == bytes[from..to], "{} {} {}", path, offset, size);
                    }
                    prop_assert!(tree.read(&file, 0, u64::MAX).expect("read") == bytes);
                }
            }
        }
        // The system was told of each twice, and forgets all.
        for attributes in seen.values() {
            tree.forget(attributes.number, 2);
        }
        prop_assert_eq!(tree.remembered(), 1);
    }
}

#[test]
fn numbers_are_the_same_in_every_mount() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    source.file("a/b/c", "1").file("a/d", "2");
    let id = place.snapshot(&source, "/data");
    let numbers = |tree: &Tree| ["a", "a/b", "a/b/c", "a/d"].map(|path| find(tree, path).number);
    let tree = place.tree(&id);
    let before = numbers(&tree);
    assert_eq!(numbers(&place.tree(&id)), before);
    for number in before {
        tree.forget(number, 10);
    }
    assert_eq!(tree.attributes(before[0]), Err(Failure::NotFound));
    assert_eq!(numbers(&tree), before);
}

#[test]
fn names_of_one_file_have_one_number() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    for path in ["one", "folder/other"] {
        source.file(path, "linked").metadata(path, |metadata| {
            metadata.inode = 77;
            metadata.links = 2;
        });
    }
    source.file("alone", "linked");
    let tree = place.tree(&place.snapshot(&source, "/data"));
    let (one, other, alone) = (
        find(&tree, "one"),
        find(&tree, "folder/other"),
        find(&tree, "alone"),
    );
    assert_eq!(one, other);
    assert_eq!((one.links, alone.links), (2, 1));
    assert_ne!(one.number, alone.number);
    // Forgetting one name leaves the other.
    tree.forget(one.number, 1);
    assert_eq!(tree.attributes(one.number), Ok(one));
}

#[test]
fn a_hundred_thousand_names_are_listed_piece_by_piece() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    for number in 0..100_000 {
        source.file(format!("many/{number:05}"), "x");
    }
    let id = place.snapshot(&source, "/data");
    let tree = place.tree(&id);
    let folder = find(&tree, "many").number;
    let began = std::time::Instant::now();
    let names = list(&tree, folder, 25, true);
    println!("100,000 names in {:.3} s", began.elapsed().as_secs_f64());
    assert_eq!(names.len(), 100_000);
    assert!(names.is_sorted_by(|(a, _), (b, _)| a < b));
    assert_eq!(tree.remembered(), 100_002);
    assert_eq!(tree.lookup(folder, b"99999"), Ok(names[99_999].1));
    assert_eq!(tree.lookup(folder, b"100000"), Err(Failure::NotFound));
}

#[test]
fn many_threads_read_at_once_with_little_memory() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    let bytes: Vec<Vec<u8>> = (0..4).map(|seed| random_bytes(seed, 3 << 20)).collect();
    for (number, bytes) in bytes.iter().enumerate() {
        source.file(format!("file-{number}"), bytes.clone());
    }
    let id = place.snapshot(&source, "/data");
    let options = Options {
        cache: 1 << 20,
        ..Options::default()
    };
    let tree = place.tree_with(&id, options, no_report());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (tree, bytes) = (&tree, &bytes);
            scope.spawn(move || {
                let number = thread % 4;
                let file = tree
                    .open(find(tree, &format!("file-{number}")).number)
                    .expect("open");
                for step in 0..24_u64 {
                    // Half of them from the beginning, the others backwards.
                    let place = if thread < 4 { step } else { 23 - step };
                    let offset = place * (128 << 10);
                    let read = tree.read(&file, offset, 128 << 10).expect("read");
                    let from = offset as usize;
                    assert!(read == bytes[number][from..from + (128 << 10)]);
                }
            });
        }
    });
}

#[test]
fn what_is_damaged_is_named_once_and_the_rest_is_read() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    source
        .file("folder/bad", random_bytes(1, 500_000))
        .file("folder/good", random_bytes(2, 500_000));
    let id = place.snapshot(&source, "/data");
    place.damage(&id, "folder/bad");
    let reports = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&reports);
    let report = Box::new(move |unreadable: &_| {
        told.lock().expect("a list").push(Clone::clone(unreadable));
    });
    let tree = place.tree_with(&id, Options::default(), report);
    let file = tree.open(find(&tree, "folder/bad").number).expect("open");
    for _ in 0..3 {
        let failure = tree.read(&file, 0, 10).expect_err("it is damaged");
        assert!(matches!(failure, Failure::Unreadable(_)), "{failure:?}");
    }
    // Behind the damage it can be read.
    assert!(tree.read(&file, 499_990, 10).is_ok());
    assert_eq!(content(&tree, "folder/good"), random_bytes(2, 500_000));
    let reports = reports.lock().expect("a list");
    assert_eq!((reports.len(), tree.unreadable()), (1, 1), "{reports:?}");
    assert_eq!(reports[0].path, "folder/bad");
    let object = holdfast_snapshot::locate(&place.repo, &id, "folder/bad").expect("find");
    let parts = place
        .repo
        .object_parts(&object.entry.object.expect("an object"));
    let content = parts.expect("parts")[0].content;
    let info = place.repo.content_info(&content).expect("look up");
    let info = info.expect("it exists");
    for part in [content.to_string(), info.pack.to_string()] {
        assert!(reports[0].reason.contains(&part), "{}", reports[0].reason);
    }
}

#[test]
fn extended_attributes_are_those_of_the_entry() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    let with = |attributes: &[(&str, &[u8])]| Extended {
        attributes: attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
            .collect(),
        ..Extended::default()
    };
    let large = random_bytes(1, 60_000);
    source.file("file", "x").extended(
        "file",
        with(&[
            ("user.large", &large),
            ("user.small", b"\0\xff"),
            ("system.posix_acl_access", b"list"),
        ]),
    );
    source.extended("", with(&[("user.root", b"r")]));
    source.file("plain", "x");
    let tree = place.tree(&place.snapshot(&source, "/data"));
    let file = find(&tree, "file").number;
    let names = tree.attribute_names(file).expect("names");
    assert_eq!(names, b"user.large\0user.small\0system.posix_acl_access\0");
    assert_eq!(tree.attribute(file, b"user.large"), Ok(large));
    assert_eq!(tree.attribute(file, b"user.small"), Ok(b"\0\xff".to_vec()));
    let list = tree.attribute(file, b"system.posix_acl_access");
    assert_eq!(list, Ok(b"list".to_vec()));
    assert_eq!(
        tree.attribute(file, b"user.none"),
        Err(Failure::NoAttribute)
    );
    assert_eq!(tree.attribute_names(ROOT), Ok(b"user.root\0".to_vec()));
    let plain = find(&tree, "plain").number;
    assert_eq!(tree.attribute_names(plain), Ok(Vec::new()));
}

#[test]
fn all_snapshots_are_one_tree_that_grows() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    source.file("text", "one");
    place.snapshot(&source, "/data");
    let options = Options {
        list_lasts: Duration::ZERO,
        ..Options::default()
    };
    let tree = Tree::snapshots(&place.repo, None, options, no_report()).expect("list");
    let names = |path: &str| -> Vec<String> {
        let names = list(&tree, find(&tree, path).number, 100, false).into_iter();
        names
            .map(|(name, _)| String::from_utf8(name).expect("text"))
            .collect()
    };
    assert_eq!(names(""), ["host"]);
    assert_eq!(names("host"), ["user"]);
    assert_eq!(names("host/user"), ["data"]);
    let first = names("host/user/data");
    assert_eq!((first.len(), first[1].as_str()), (2, "latest"));
    assert_eq!(
        content(&tree, &format!("host/user/data/{}/text", first[0])),
        b"one"
    );
    let totals = tree.totals();
    assert_eq!((totals.bytes, totals.entries), (3, 2));

    source.file("text", "second");
    place.snapshot(&source, "/data");
    place.snapshot(&source, "/other");
    assert_eq!(names("host/user"), ["data", "other"]);
    let second = names("host/user/data");
    assert_eq!(second.len(), 3);
    let latest = tree
        .target(find(&tree, "host/user/data/latest").number)
        .expect("a link");
    let latest = String::from_utf8(latest.to_vec()).expect("text");
    let newest = format!("host/user/data/{latest}");
    assert_eq!(content(&tree, &format!("{newest}/text")), b"second");
    // Only entries of snapshots never change.
    assert!(!find(&tree, &newest).lasting);
    assert!(find(&tree, &format!("{newest}/text")).lasting);

    let of = |source| Tree::snapshots(&place.repo, Some(source), options, no_report());
    let tree = of(SourceIdentity::new("user", "host", "/other")).expect("list");
    assert_eq!(list(&tree, ROOT, 100, false).len(), 2);
    let nobody = of(SourceIdentity::new("nobody", "host", "")).expect_err("nothing is there");
    assert!(nobody.to_string().contains("nobody@host"), "{nobody}");
}

#[test]
fn a_file_is_shown_in_a_folder() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    source.file("folder/text", "one");
    let id = place.snapshot(&source, "/data");
    let open = |path| {
        Tree::snapshot(&place.repo, &id, path, Options::default(), no_report()).expect("find")
    };
    assert_eq!(content(&open("folder"), "text"), b"one");
    let tree = open("folder/text");
    assert_eq!(list(&tree, ROOT, 100, false).len(), 1);
    assert_eq!(content(&tree, "text"), b"one");
}
