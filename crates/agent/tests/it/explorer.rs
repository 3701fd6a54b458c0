//! Looking into many points of a directory vault.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;

use holdfast_agent::commands::{
    Partials, delete_points, diff, find_path, maintain, pin, preview_deletion,
};
use holdfast_agent::failure::WorkError;
use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{
    Change, ChangeTotals, ComparedEntry, Comparison, DeletePoints, Diff, DiffList, EntryKind,
    FindPath, Maintain, NamedSnapshot, PathFound, Pin, RefusalReason,
};
use holdfast_protocol::agent::failures;
use holdfast_repository::maintenance::{Mode, Safety};
use holdfast_testkit::tree;
use uuid::Uuid;

use crate::engines::{Place, condemned};
use crate::maintenance;

fn name(number: usize) -> Uuid {
    Uuid::from_u128(number as u128 + 1)
}

// Requirements: TM-4
#[test]
fn the_nearest_points_that_have_a_path_are_found() {
    let place = Place::new();
    let file = place.source().join("deep/er/file");
    // In which of six points the file is.
    let present = [false, true, true, false, false, true];
    for (number, is_there) in present.into_iter().enumerate() {
        std::fs::write(place.source().join("other"), number.to_string()).unwrap();
        if is_there {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "x").unwrap();
        } else {
            let _ = std::fs::remove_dir_all(place.source().join("deep"));
        }
        place.back_up(place.work(1)).0.unwrap();
    }
    let mut snapshots: Vec<NamedSnapshot> = place
        .points()
        .into_iter()
        .enumerate()
        .map(|(number, listed)| NamedSnapshot {
            point: name(number),
            manifest_id: listed.manifest_id,
        })
        .collect();
    assert_eq!(snapshots.len(), present.len());
    // One that is not there any more has nothing.
    snapshots[4].manifest_id = "none".to_owned();
    let find = |path: &str, from: usize| -> PathFound {
        let request = FindPath {
            path: path.to_owned(),
            later: snapshots[from + 1..].to_vec(),
            earlier: snapshots[..from].iter().rev().cloned().collect(),
        };
        find_path(&request, &place.vault(), &place.folders(), &Cancel::new()).unwrap()
    };
    for from in 0..present.len() {
        let later = (from + 1..present.len()).find(|at| present[*at]).map(name);
        let earlier = (0..from).rev().find(|at| present[*at]).map(name);
        for path in ["deep/er/file", "deep"] {
            assert_eq!(
                find(path, from),
                PathFound { later, earlier },
                "{path} from {from}"
            );
        }
    }
    assert_eq!(find("deep/er/file/below", 0), PathFound::default());
    assert_eq!(find("never", 3), PathFound::default());
}

#[test]
fn all_paths_of_a_point_are_pinned_and_unpinned() {
    let place = Place::new();
    let second = place.at("second");
    std::fs::create_dir(&second).unwrap();
    for folder in [&place.source(), &second] {
        std::fs::write(folder.join("file"), "x").unwrap();
    }
    let mut work = place.work(1);
    work.source_paths.push(second.to_str().unwrap().to_owned());
    place.back_up(work).0.unwrap();
    let listed = place.points();
    let change = |name: Option<&str>| {
        // As the catalogue had it before any pin.
        let order = Pin {
            point: self::name(0),
            snapshots: condemned(self::name(0), &listed).snapshots,
            pin: name.map(str::to_owned),
        };
        pin(&order, &place.vault(), &place.folders(), &Cancel::new())
    };
    let pins = || -> Vec<Vec<String>> {
        place
            .points()
            .into_iter()
            .map(|listed| listed.pins)
            .collect()
    };
    for _ in 0..2 {
        let pinned = change(Some("Before the move")).unwrap();
        assert_eq!(pinned.pins, ["Before the move"]);
        let now: Vec<String> = place
            .points()
            .into_iter()
            .map(|listed| listed.manifest_id)
            .collect();
        assert_eq!(pinned.manifests.len(), 2);
        assert!(
            pinned
                .manifests
                .iter()
                .all(|manifest| now.contains(manifest))
        );
        assert_eq!(pins(), [["Before the move"], ["Before the move"]]);
    }
    change(Some("audit")).unwrap();
    let order = DeletePoints {
        job_uuid: None,
        points: vec![condemned(name(0), &listed)],
    };
    let kept = preview_deletion(&order, &place.vault(), &place.folders(), &Cancel::new()).unwrap();
    assert_eq!(kept.would.refused[0].reason, RefusalReason::Pinned);
    for _ in 0..2 {
        assert_eq!(change(None).unwrap().pins, [""; 0]);
        assert_eq!(pins(), [[""; 0], [""; 0]]);
    }
    let gone = delete_points(&order, &place.vault(), &place.folders(), &Cancel::new()).unwrap();
    assert_eq!(gone.deleted, [name(0)]);
    let Err(WorkError::Failed(failure)) = change(Some("too late")) else {
        panic!("nothing is left to pin")
    };
    assert_eq!(failure.code, failures::SNAPSHOT_NOT_FOUND);
}

#[test]
fn a_preview_bounds_what_a_deletion_frees() {
    let place = Place::new();
    let shared = place.source().join("shared");
    tree::write_random_file(&shared, 1, 3 << 20).unwrap();
    for number in 0..3u64 {
        let data = place.source().join("data");
        tree::write_random_file(&data, 10 + number, (2 + number) << 20).unwrap();
        place.back_up(place.work(1)).0.unwrap();
    }
    let listed = place.points();
    let order = |points: &[usize]| DeletePoints {
        job_uuid: None,
        points: points
            .iter()
            .map(|number| condemned(name(*number), &listed[*number..=*number]))
            .collect(),
    };
    let preview = |points: &[usize]| {
        let order = order(points);
        preview_deletion(&order, &place.vault(), &place.folders(), &Cancel::new()).unwrap()
    };
    let mib = |points: &[usize]| preview(points).at_most_bytes.unwrap() >> 20;
    // What each has alone, and what neighbours of one have together.
    assert_eq!([mib(&[0]), mib(&[1]), mib(&[2])], [2, 3, 4]);
    assert_eq!((mib(&[0, 1]), mib(&[0, 1, 2])), (5, 12));
    assert_eq!(preview(&[1]).lock_seconds, None);
    assert_eq!(place.points().len(), 3, "nothing was deleted");

    let promised = preview(&[1]).at_most_bytes.unwrap();
    let order = order(&[1]);
    let gone = delete_points(&order, &place.vault(), &place.folders(), &Cancel::new()).unwrap();
    assert_eq!(gone.deleted, [name(1)]);
    let again = preview(&[1]);
    assert_eq!(
        (again.would.missing, again.at_most_bytes),
        (vec![name(1)], Some(0))
    );
    let before = maintenance::bytes_below(&place.at("vault"));
    let owner = Maintain {
        measure: false,
        ..maintenance::order("web-01", &[])
    };
    // What was deleted in this very second is seen as deleted in the next one.
    let mut freed = 0;
    for _ in 0..20 {
        let (vault, folders) = (place.vault(), place.folders());
        maintain(
            Mode::Full,
            &owner,
            &vault,
            &folders,
            Safety::None,
            &Cancel::new(),
        )
        .unwrap();
        freed = before.saturating_sub(maintenance::bytes_below(&place.at("vault")));
        if freed > 2 << 20 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert!(freed > 2 << 20, "{freed} bytes are free");
    // Indexes and logs of maintenance come and go beside.
    assert!(freed < promised + (1 << 20), "{freed} of {promised} bytes");
}

/// A folder as the disk has it: contents and times of files by their paths, and the paths of folders.
#[derive(Clone, Default)]
struct Tree {
    files: BTreeMap<String, (Vec<u8>, SystemTime)>,
    folders: BTreeSet<String>,
}

fn read_tree(root: &Path) -> Tree {
    let mut tree = Tree::default();
    let mut open = vec![String::new()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            if entry.file_type().unwrap().is_dir() {
                tree.folders.insert(path.clone());
                open.push(path);
            } else {
                let modified = entry.metadata().unwrap().modified().unwrap();
                let content = std::fs::read(entry.path()).unwrap();
                tree.files.insert(path, (content, modified));
            }
        }
    }
    tree
}

/// Differences of files below a folder, by comparing every byte.
fn brute_force(
    before: &Tree,
    after: &Tree,
    folder: &str,
) -> (ChangeTotals, BTreeMap<String, Change>) {
    let prefix = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    let mut totals = ChangeTotals {
        unchanged: Some(0),
        ..ChangeTotals::default()
    };
    let mut changes = BTreeMap::new();
    let paths: BTreeSet<&String> = before.files.keys().chain(after.files.keys()).collect();
    for path in paths {
        let Some(below) = path.strip_prefix(&prefix) else {
            continue;
        };
        match (before.files.get(path), after.files.get(path)) {
            (Some(old), Some(new)) if old == new => *totals.unchanged.as_mut().unwrap() += 1,
            (Some(old), Some(new)) => {
                totals.changed += 1;
                totals.changed_bytes += new.0.len() as i64 - old.0.len() as i64;
                changes.insert(below.to_owned(), Change::Changed);
            }
            (Some(old), None) => {
                totals.deleted += 1;
                totals.deleted_bytes += old.0.len() as u64;
                changes.insert(below.to_owned(), Change::Deleted);
            }
            (None, Some(new)) => {
                totals.added += 1;
                totals.added_bytes += new.0.len() as u64;
                changes.insert(below.to_owned(), Change::Added);
            }
            (None, None) => {}
        }
    }
    (totals, changes)
}

struct Compared<'a> {
    place: &'a Place,
    manifests: [String; 2],
}

impl Compared<'_> {
    fn ask(&self, request: Diff) -> Result<Comparison, WorkError> {
        let request = Diff {
            before: self.manifests[0].clone(),
            after: self.manifests[1].clone(),
            ..request
        };
        let (vault, folders) = (self.place.vault(), self.place.folders());
        let (partials, _parts) = Partials::channel();
        diff(&request, &vault, &folders, &Cancel::new(), &partials)
    }

    /// All pages together.
    fn all(&self, request: &Diff) -> Comparison {
        let mut all = self.ask(request.clone()).unwrap();
        while let Some(cursor) = all.next_cursor.take() {
            let request = Diff {
                cursor: Some(cursor),
                ..request.clone()
            };
            let page = self.ask(request).unwrap();
            assert_eq!((page.totals, page.count), (all.totals, all.count));
            all.entries.extend(page.entries);
            all.next_cursor = page.next_cursor;
        }
        assert_eq!(all.entries.len() as u64, all.count);
        all
    }
}

/// Changes a folder here and there.
fn mutate(root: &Path, seed: u64) {
    let mut state = seed;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..25 {
        let folder = format!("d{}/e{}", random(3), random(3));
        let path = root.join(match random(4) {
            0 => format!("f{}", random(4)),
            1 => format!("d{}/f{}", random(3), random(4)),
            _ => format!("{folder}/f{}", random(6)),
        });
        match random(8) {
            0 => {
                let _ = std::fs::remove_dir_all(root.join(&folder));
            }
            // A file where a folder was, or the other way round.
            1 => {
                let _ = std::fs::remove_dir_all(&path);
                let _ = std::fs::remove_file(&path);
                let _ = std::fs::create_dir_all(&path);
            }
            2 | 3 => {
                let _ = std::fs::remove_file(&path);
            }
            _ => {
                let _ = std::fs::create_dir_all(path.parent().unwrap());
                let content = vec![b'a' + random(4) as u8; 1 + random(3000) as usize];
                let _ = std::fs::write(&path, content);
            }
        }
    }
}

// Requirements: TM-8
#[test]
fn comparisons_of_random_folders_equal_a_comparison_of_every_byte() {
    let place = Place::new();
    let rounds = if holdfast_testkit::soak() { 50 } else { 2 };
    for seed in 0..rounds {
        let _ = std::fs::remove_dir_all(place.source());
        std::fs::create_dir(place.source()).unwrap();
        mutate(&place.source(), seed);
        let old = read_tree(&place.source());
        let first = place.back_up(place.work(1)).0.unwrap().points[0]
            .manifest_id
            .clone();
        mutate(&place.source(), seed + 1_000);
        let new = read_tree(&place.source());
        let second = place.back_up(place.work(1)).0.unwrap().points[0]
            .manifest_id
            .clone();
        let compared = Compared {
            place: &place,
            manifests: [first, second],
        };
        let folders: BTreeSet<String> = old
            .folders
            .union(&new.folders)
            .cloned()
            .chain([String::new()])
            // A path that is a file in one of them is no folder of both.
            .filter(|path| !old.files.contains_key(path) && !new.files.contains_key(path))
            // Each question opens the repository anew, which takes its time.
            .take(if holdfast_testkit::soak() {
                usize::MAX
            } else {
                3
            })
            .collect();
        for folder in &folders {
            let (totals, changes) = brute_force(&old, &new, folder);
            let files = Diff {
                path: folder.clone(),
                list: DiffList::Files,
                limit: Some(7),
                ..Diff::default()
            };
            let told = compared.all(&files);
            assert_eq!(told.totals, totals, "seed {seed}, {folder:?}");
            let listed: BTreeMap<String, Change> = told
                .entries
                .iter()
                .map(|entry| (entry.path.clone(), entry.change))
                .collect();
            assert_eq!(listed, changes, "seed {seed}, {folder:?}");

            // Folder by folder: what lies below adds up to the totals.
            let children = compared.all(&Diff {
                list: DiffList::Children,
                ..files.clone()
            });
            let mut sum = ChangeTotals {
                unchanged: totals.unchanged,
                ..ChangeTotals::default()
            };
            for child in &children.entries {
                assert!(!child.path.contains('/'));
                let (below, _) = brute_force(&old, &new, &join(folder, &child.path));
                let told = child.below.unwrap_or_default();
                assert_eq!(
                    (told.added, told.deleted, told.changed),
                    (below.added, below.deleted, below.changed),
                    "seed {seed}, {folder:?}, {}",
                    child.path
                );
                sum.added += below.added;
                sum.deleted += below.deleted;
                sum.changed += below.changed;
                let path = join(folder, &child.path);
                let size = |tree: &Tree| -> u64 {
                    let prefix = format!("{path}/");
                    let below = tree
                        .files
                        .iter()
                        .filter(|(name, _)| **name == path || name.starts_with(&prefix));
                    below.map(|(_, file)| file.0.len() as u64).sum()
                };
                assert_eq!(
                    child.before.as_ref().map_or(0, |state| state.size),
                    size(&old)
                );
                assert_eq!(
                    child.after.as_ref().map_or(0, |state| state.size),
                    size(&new)
                );
                if old.files.contains_key(&path) || new.files.contains_key(&path) {
                    let own = changes.get(&child.path);
                    sum.added += u64::from(own == Some(&Change::Added));
                    sum.deleted += u64::from(own == Some(&Change::Deleted));
                    sum.changed += u64::from(own == Some(&Change::Changed));
                }
            }
            assert_eq!(
                (sum.added, sum.deleted, sum.changed),
                (totals.added, totals.deleted, totals.changed),
                "seed {seed}, {folder:?}"
            );

            // What is missing covers everything that is gone, and nothing twice.
            let missing = compared.all(&Diff {
                list: DiffList::Missing,
                ..files.clone()
            });
            for (path, change) in &changes {
                let covers = |entry: &&ComparedEntry| {
                    let is_folder = entry.kind == EntryKind::Directory;
                    entry.path == *path
                        || is_folder && path.starts_with(&format!("{}/", entry.path))
                };
                let covering = missing.entries.iter().filter(covers).count();
                assert_eq!(
                    covering,
                    usize::from(*change == Change::Deleted),
                    "seed {seed}, {path}"
                );
            }
            let named = compared.all(&Diff {
                name: Some("F1".to_owned()),
                changes: vec![Change::Added, Change::Deleted],
                ..files.clone()
            });
            let expected: BTreeSet<&String> = changes
                .iter()
                .filter(|(path, change)| path.ends_with("f1") && **change != Change::Changed)
                .map(|(path, _)| path)
                .collect();
            assert_eq!(
                named
                    .entries
                    .iter()
                    .map(|entry| &entry.path)
                    .collect::<BTreeSet<_>>(),
                expected
            );
        }
        let Err(WorkError::Failed(failure)) = compared.ask(Diff {
            path: "never".into(),
            ..Diff::default()
        }) else {
            panic!("there is no such folder")
        };
        assert_eq!(failure.code, failures::PATH_NOT_FOUND);
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
