//! Differences between snapshots.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use holdfast_files::MemoryTree;
use holdfast_host::Cancel;
use holdfast_repository::directory::{DirectoryEntry, DirectorySummary};
use holdfast_snapshot::{DiffCounts, Difference, Error, diff, locate};
use holdfast_storage::PutOptions;

use crate::history::History;
use crate::support::{Place, id, saved};

/// The differences, a line each: a mark, the path, and what changed.
fn lines(place: &Place, before: (&str, &str), after: (&str, &str)) -> (Vec<String>, DiffCounts) {
    let find = |(id, path)| locate(&place.repo, id, path).expect("find");
    let (before, after) = (find(before), find(after));
    let mut lines = Vec::new();
    let counts = diff(
        &place.repo,
        &before,
        &after,
        &Cancel::new(),
        &mut |path, found| {
            lines.push(match found {
                Difference::Added(_) => format!("+{path}"),
                Difference::Removed(_) => format!("-{path}"),
                Difference::Changed { aspects, .. } => {
                    let aspects: Vec<&str> = aspects.iter().map(|aspect| aspect.as_str()).collect();
                    format!("~{path} {}", aspects.join(","))
                }
                Difference::Unreadable { .. } => format!("!{path}"),
            });
            Ok(())
        },
    );
    (lines, counts.expect("compare"))
}

fn tree() -> MemoryTree {
    let mut tree = MemoryTree::new("data");
    tree.file("docs/readme", b"old")
        .file("docs/same", b"same")
        .file("gone/a", b"1")
        .file("gone/b", b"22")
        .file("kind", b"file")
        .file("quiet/deep/down", b"1")
        .symlink("link", "docs");
    tree
}

#[test]
fn every_kind_of_change_is_told() {
    let place = Place::new();
    let mut tree = tree();
    let first = id(&place.snapshot(&tree));
    tree.file("docs/readme", b"newer")
        .metadata("docs/same", |metadata| {
            metadata.mode = 0o600;
            metadata.modified += 1;
            metadata.uid = 5;
            metadata.gid = 6;
        })
        .remove("gone")
        .remove("kind")
        .file("kind/inside", b"1")
        .symlink("link", "elsewhere")
        .file("new/x", b"333");
    let second = id(&place.snapshot(&tree));
    let (found, counts) = lines(&place, (&first, ""), (&second, ""));
    assert_eq!(
        found,
        [
            "~docs/readme content",
            "~docs/same mode,mtime,owner,group",
            "-gone",
            "-gone/a",
            "-gone/b",
            "~kind type,mode",
            "+kind/inside",
            "~link content",
            "+new",
            "+new/x",
        ]
    );
    assert_eq!((counts.added, counts.removed, counts.changed), (3, 3, 4));
    assert_eq!((counts.added_bytes, counts.removed_bytes), (4, 3));
    let (back, _) = lines(&place, (&second, ""), (&first, ""));
    assert!(back.contains(&"-kind/inside".to_owned()), "{back:?}");
}

#[test]
fn equal_folders_are_not_read() {
    let place = Place::new();
    let mut tree = tree();
    let first = id(&place.snapshot(&tree));
    tree.file("docs/readme", b"new!");
    let second = id(&place.snapshot(&tree));
    let (found, counts) = lines(&place, (&first, ""), (&second, ""));
    assert_eq!(found, ["~docs/readme content"]);
    assert_eq!(counts.read, 4, "the two roots and `docs` of both");
    let (found, counts) = lines(&place, (&first, ""), (&first, ""));
    assert_eq!((found.len(), counts), (0, DiffCounts::default()));
}

#[test]
fn parts_and_bare_objects_can_be_compared() {
    let place = Place::new();
    let mut tree = tree();
    let first = place.snapshot(&tree);
    tree.file("docs/extra", b"1");
    tree.metadata("docs", |metadata| metadata.mode = 0o700);
    let second = place.snapshot(&tree);
    let (first_id, second_id) = (id(&first), id(&second));
    assert_eq!(
        lines(&place, (&first_id, "docs"), (&second_id, "docs")).0,
        ["~. mode", "+extra"]
    );
    assert_eq!(
        lines(&place, (&first_id, "docs/readme"), (&second_id, "kind")).0,
        ["~. content"]
    );
    let docs = locate(&place.repo, &first_id, "docs").expect("find");
    let object = docs.entry.object.expect("an object").to_string();
    assert_eq!(
        lines(&place, (&object, ""), (&second_id, "docs")).0,
        ["+extra"],
        "nothing is known of the permissions of an object"
    );
    let root = saved(&first).manifest.root_object().expect("a root");
    assert_eq!(
        lines(&place, (&root.to_string(), ""), (&first_id, "")).0,
        Vec::<String>::new()
    );
}

#[test]
fn a_damaged_folder_is_named_and_the_rest_compared() {
    let place = Place::new();
    let mut tree = tree();
    let first = id(&place.snapshot(&tree));
    tree.file("docs/readme", b"new!").file("zoo", b"1");
    let second = id(&place.snapshot(&tree));
    let docs = locate(&place.repo, &second, "docs").expect("find");
    let content = docs.entry.object.expect("an object").content();
    let info = place.repo.content_info(&content).expect("look up");
    let info = info.expect("it is there");
    let mut pack = place.store.get(&info.pack).expect("read").to_vec();
    pack[info.offset as usize + 20] ^= 1;
    place
        .store
        .put(&info.pack, pack.into(), &PutOptions::default())
        .expect("write");
    let place = Place::open(Arc::clone(&place.store));
    let (found, counts) = lines(&place, (&first, ""), (&second, ""));
    assert_eq!(found, ["!docs", "+zoo"]);
    assert_eq!(counts.unreadable, 1);
}

#[test]
fn a_receiver_that_fails_and_a_request_to_stop_end_it() {
    let place = Place::new();
    let mut tree = tree();
    let first = id(&place.snapshot(&tree));
    tree.file("docs/readme", b"new!");
    let second = id(&place.snapshot(&tree));
    let find = |id| locate(&place.repo, id, "").expect("find");
    let (before, after) = (find(&first), find(&second));
    let stopped = diff(&place.repo, &before, &after, &Cancel::new(), &mut |_, _| {
        Err(std::io::ErrorKind::BrokenPipe.into())
    });
    assert!(matches!(stopped, Err(Error::Output(_))), "{stopped:?}");
    let cancel = Cancel::new();
    cancel.cancel();
    let stopped = diff(&place.repo, &before, &after, &cancel, &mut |_, _| Ok(()));
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
}

/// Every entry of a tree by its path, without what is only true of what lies below.
fn everything(place: &Place, id: &str) -> BTreeMap<String, DirectoryEntry> {
    let root = locate(&place.repo, id, "").expect("find").entry;
    let mut all = BTreeMap::new();
    let walked = place.repo.walk_tree(&root, &mut |item| {
        let mut entry = item.entry.clone();
        if entry.is_directory() {
            entry.object = None;
            entry.summary = Some(Box::<DirectorySummary>::default());
        }
        all.insert(item.path.to_owned(), entry);
        Ok(ControlFlow::Continue(()))
    });
    walked.expect("walk");
    all
}

#[test]
fn random_trees_differ_as_two_full_listings_do() {
    for seed in 0..6 {
        let place = Place::new();
        let mut history = History::new(seed, 60);
        let first = id(&place.snapshot(&history.tree()));
        history.step(12);
        let second = id(&place.snapshot(&history.tree()));
        let (before, after) = (everything(&place, &first), everything(&place, &second));
        let mut expected: Vec<String> = Vec::new();
        for (path, entry) in &before {
            match after.get(path) {
                None => expected.push(format!("-{path}")),
                Some(other) if other != entry => expected.push(format!("~{path}")),
                Some(_) => {}
            }
        }
        let new = after.keys().filter(|path| !before.contains_key(*path));
        expected.extend(new.map(|path| format!("+{path}")));
        let (found, counts) = lines(&place, (&first, ""), (&second, ""));
        let mut found: Vec<String> = found
            .into_iter()
            .map(|line| match line.strip_prefix('~') {
                Some(_) => line.rsplit_once(' ').expect("aspects").0.to_owned(),
                None => line,
            })
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "seed {seed}");
        assert_eq!(
            counts.added + counts.removed + counts.changed,
            expected.len() as u64
        );
    }
}
