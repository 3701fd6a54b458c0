//! Random histories and random damage: what a repair promises, whatever happened before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use holdfast_host::Cancel;
use holdfast_repository::check::{CheckOptions, check};
use holdfast_repository::maintenance::{self, Mode, RunOptions, Safety};
use holdfast_repository::manifest::{ManifestEdits, ManifestId, read_container};
use holdfast_repository::repair::{LostManifests, RepairOptions, RepairReport};
use holdfast_repository::{ContentFilter, ContentId, ContentInfo, ObjectId, Repository, snapshot};
use holdfast_storage::{BlobId, BlobStore, MemoryStore, PutOptions};
use holdfast_testkit::blobs::{BlobOperation, FaultyStore};
use holdfast_testkit::soak;

use super::{Damage, FORMAT, Original, apply, assert_clean, take};
use crate::maintenance::world::{Dice, Files, content, files};
use crate::written::write_snapshot;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A repository after some days of use.
struct History {
    original: Original,
    repository: Arc<Repository>,
    alive: BTreeMap<ManifestId, Files>,
    gone: BTreeSet<ManifestId>,
    locks: tempfile::TempDir,
}

impl History {
    fn random(format_version: u32, dice: &mut Dice) -> Self {
        let (original, repository) = Original::empty(format_version);
        let mut history = Self {
            original,
            repository,
            alive: BTreeMap::new(),
            gone: BTreeSet::new(),
            locks: tempfile::tempdir().expect("directory"),
        };
        for _ in 0..6 + dice.below(8) {
            history.step(dice);
            let steps = [Duration::from_secs(90), HOUR, HOUR * 5, DAY, DAY * 2];
            history
                .original
                .clock
                .advance(steps[dice.below(5) as usize]);
        }
        history.snapshot(dice);
        history
    }

    fn step(&mut self, dice: &mut Dice) {
        match dice.below(8) {
            0..=2 => self.snapshot(dice),
            3 => self.delete(dice),
            4 => self.killed_upload(dice),
            5 => self.maintain(Mode::Quick),
            _ => self.maintain(Mode::Full),
        }
    }

    fn snapshot(&mut self, dice: &mut Dice) {
        self.repository.refresh().expect("refresh");
        let first = dice.below(40);
        let files = files(first..first + 1 + dice.below(6));
        let id = take(&self.repository, &files);
        self.alive.insert(id, files);
    }

    fn delete(&mut self, dice: &mut Dice) {
        let count = self.alive.len() as u64;
        if count == 0 {
            return;
        }
        self.repository.refresh().expect("refresh");
        let at = dice.below(count) as usize;
        let id = self.alive.keys().nth(at).expect("id").clone();
        let manifests = self.repository.manifests().expect("manifests");
        let mut edits = ManifestEdits::new(self.original.clock.clone());
        snapshot::delete(&mut edits, &manifests, std::slice::from_ref(&id)).expect("delete");
        edits.publish(&self.repository).expect("publish");
        self.alive.remove(&id);
        self.gone.insert(id);
    }

    /// An upload that ends before it saves a snapshot; some of them have published what they stored.
    fn killed_upload(&self, dice: &mut Dice) {
        let session = self.repository.session().expect("session");
        let data: [(&[u8], Vec<u8>); 1] = [(b"f", content(100 + dice.below(100)))];
        write_snapshot(&session, &data, 5);
        if dice.below(2) == 0 {
            session.commit_index().expect("publish");
        }
    }

    fn maintain(&self, mode: Mode) {
        let options = RunOptions {
            mode: Some(mode),
            safety: Safety::Full,
            force: true,
            dry_run: false,
            lock_directory: self.locks.path().to_owned(),
            cancel: Cancel::new(),
        };
        maintenance::run(&self.repository, &options).expect("maintenance");
    }
}

/// What a snapshot stands on: its directory, and its files with their contents.
struct Tree {
    root: Vec<ContentId>,
    files: Vec<(String, Vec<ContentId>)>,
}

/// What is known before anything is damaged.
struct Facts {
    contents: BTreeMap<ContentId, ContentInfo>,
    trees: BTreeMap<ManifestId, Tree>,
    /// Containers with a manifest, or with the record that it was deleted.
    lists: BTreeMap<ManifestId, Vec<ContentId>>,
    blobs: BTreeMap<BlobId, Vec<u8>>,
}

impl Facts {
    fn of(history: &History) -> Self {
        let repository = history
            .original
            .open(&history.original.store)
            .expect("open");
        let filter = ContentFilter {
            include_deleted: true,
            prefix: None,
        };
        let mut contents = BTreeMap::new();
        repository
            .for_each_content(filter, &mut |info| {
                contents.insert(info.id, info);
                Ok(())
            })
            .expect("contents");
        let mut lists: BTreeMap<ManifestId, Vec<ContentId>> = BTreeMap::new();
        for id in contents.keys().filter(|id| id.prefix() == Some(b'm')) {
            let payload = repository.read_content(id).expect("container");
            for entry in read_container(&payload).expect("entries") {
                lists.entry(entry.id).or_default().push(*id);
            }
        }
        let parts = |object: &ObjectId| {
            let mut ids = Vec::new();
            repository
                .for_each_object_content(object, &mut |id| {
                    ids.push(id);
                    Ok(())
                })
                .expect("contents");
            ids
        };
        let manifests = repository.manifests().expect("manifests");
        let mut trees = BTreeMap::new();
        for snapshot in snapshot::list(&manifests, None) {
            let root = snapshot.root_object().expect("root");
            let directory = repository.read_directory(&root).expect("directory");
            let files = directory.entries.iter().map(|entry| {
                let object = entry.object.expect("object");
                (entry.name_text().to_string(), parts(&object))
            });
            let tree = Tree {
                root: parts(&root),
                files: files.collect(),
            };
            trees.insert(snapshot.id, tree);
        }
        Self {
            contents,
            trees,
            lists,
            blobs: blobs(&history.original.store),
        }
    }
}

fn blobs(store: &MemoryStore) -> BTreeMap<BlobId, Vec<u8>> {
    let all: &dyn BlobStore = store;
    let all = all.list_all("").expect("list").into_iter();
    all.map(|blob| {
        let bytes = store.get(&blob.id).expect("get").to_vec();
        (blob.id, bytes)
    })
    .collect()
}

/// A damaged copy, and what survives in it.
struct Damaged<'f> {
    facts: &'f Facts,
    store: MemoryStore,
    blobs: BTreeMap<BlobId, Vec<u8>>,
    done: Vec<(String, BlobId)>,
}

impl<'f> Damaged<'f> {
    fn random(history: &History, facts: &'f Facts, dice: &mut Dice) -> Self {
        let store = history.original.store.fork(history.original.clock.clone());
        let first_format = history.repository.format().version == 1;
        let wanted = |blob: &&BlobId| {
            let name = blob.as_str();
            let families = ["p", "q", "n", "xn", "xs", "xr", "m", "l"];
            families.iter().any(|family| name.starts_with(family))
                || (first_format && name == FORMAT)
        };
        let all: Vec<&BlobId> = facts.blobs.keys().filter(wanted).collect();
        let mut done = Vec::new();
        for _ in 0..1 + dice.below(3) {
            let blob = all[dice.below(all.len() as u64) as usize];
            if done.iter().any(|(_, other)| other == blob) {
                continue;
            }
            done.push((one(&store, blob, dice), blob.clone()));
        }
        Self {
            facts,
            blobs: blobs(&store),
            store,
            done,
        }
    }

    fn index_is_hit(&self, how: Option<&str>) -> bool {
        self.done.iter().any(|(damage, blob)| {
            blob.as_str().starts_with(['n', 'x']) && how.is_none_or(|how| how == damage)
        })
    }

    /// Whether a content is where it was, and something says where that is.
    fn survives(&self, id: &ContentId) -> bool {
        let info = &self.facts.contents[id];
        let (start, length) = (info.offset as usize, info.packed_length as usize);
        let part = |bytes: &Vec<u8>| bytes.get(start..start + length).map(<[u8]>::to_vec);
        let before = &self.facts.blobs[&info.pack];
        let Some(now) = self.blobs.get(&info.pack) else {
            return false;
        };
        // The local index lies behind the last content.
        let in_pack = self.facts.contents.values();
        let end = in_pack
            .filter(|other| other.pack == info.pack)
            .map(|other| (other.offset + other.packed_length) as usize)
            .max()
            .unwrap_or(0);
        let listed = before.len() == now.len() && before[end..] == now[end..];
        part(before) == part(now) && (listed || !self.index_is_hit(None))
    }

    fn all_survive(&self, ids: &[ContentId]) -> bool {
        ids.iter().all(|id| self.survives(id))
    }

    fn is_listed(&self, id: &ManifestId) -> bool {
        let lists = self.facts.lists.get(id).map_or(&[][..], Vec::as_slice);
        self.all_survive(lists)
    }
}

/// Damages one blob; returns what was done.
fn one(store: &MemoryStore, blob: &BlobId, dice: &mut Dice) -> String {
    let damage = match dice.below(6) {
        0 => Damage::Remove,
        1 => Damage::Truncate,
        2 => Damage::Zero,
        _ => {
            let mut bytes = store.get(blob).expect("get").to_vec();
            let at = dice.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << dice.below(8);
            store
                .put(blob, bytes.into(), &PutOptions::default())
                .expect("put");
            return format!("flip at {at}");
        }
    };
    damage.to(store, blob);
    format!("{damage:?}")
}

fn problems(repository: &Arc<Repository>) -> Vec<String> {
    let options = CheckOptions {
        strict: true,
        read_data: true,
        ..CheckOptions::default()
    };
    match check(repository, &options) {
        Ok(report) => report
            .problems
            .iter()
            .map(|problem| format!("{problem:?}"))
            .collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// Repairs a damaged copy and holds the result against what survived.
fn judge(history: &History, damaged: &Damaged<'_>) {
    let original = &history.original;
    let store = &damaged.store;
    let repair = |options: &RepairOptions| -> RepairReport {
        original
            .repair(Arc::new(store.clone()), options)
            .expect("repair")
    };
    let options = RepairOptions {
        lost_manifests: LostManifests::SetAside,
        // Nothing tells that an index blob was there which is gone.
        uncertain: damaged.index_is_hit(Some("Remove")),
        ..apply()
    };
    let planned = repair(&RepairOptions {
        apply: false,
        ..options.clone()
    });
    if planned.is_clean() {
        let found = original.open(store).map_or_else(
            |error| vec![error.to_string()],
            |repository| problems(&repository),
        );
        assert!(found.is_empty(), "repair finds nothing, check {found:#?}");
    }
    let kept = planned.unreadable_indexes.iter().any(|index| index.kept);
    let options = RepairOptions {
        uncertain: options.uncertain || kept,
        ..options
    };
    let report = repair(&options);
    let watched = FaultyStore::new(Arc::new(store.clone()));
    let again = original
        .repair(Arc::new(watched.clone()), &options)
        .expect("repair again");
    assert!(again.is_clean(), "{again:#?}");
    let changes = watched
        .calls()
        .into_iter()
        .filter(|call| matches!(call.operation, BlobOperation::Put | BlobOperation::Delete));
    assert_eq!(changes.count(), 0, "the second repair changed something");

    let repository = original.open(store).expect("open");
    let listed: BTreeSet<ManifestId> = ids(&repository);
    for id in history.alive.keys() {
        assert!(
            listed.contains(id) || !damaged.is_listed(id),
            "snapshot {id} is gone"
        );
    }
    let returned: Vec<&ManifestId> = history.gone.intersection(&listed).collect();
    for id in &returned {
        assert!(
            options.uncertain || !damaged.is_listed(id),
            "deleted snapshot {id} is back"
        );
    }
    for (id, files) in history.alive.iter().filter(|(id, _)| listed.contains(id)) {
        restores(&repository, damaged, id, files);
    }
    // What only the index knew is lost without a trace.
    let lost = report.lost_contents > 0 || damaged.index_is_hit(None);
    if !lost && returned.is_empty() {
        assert_clean(&repository, "nothing was lost");
    }

    // The sources still have everything.
    for files in history.alive.values() {
        original.clock.advance(Duration::from_secs(60));
        take(&repository, files);
    }
    let repository = original.open(store).expect("open");
    for id in history.alive.keys().filter(|id| listed.contains(id)) {
        let tree = &damaged.facts.trees[id];
        let files = tree.files.iter().flat_map(|(_, contents)| contents);
        for content in tree.root.iter().chain(files) {
            repository.read_content(content).expect("it is stored anew");
        }
    }
    if returned.is_empty() {
        assert_clean(&repository, "after new snapshots");
    }
}

fn ids(repository: &Repository) -> BTreeSet<ManifestId> {
    let manifests = repository.manifests().expect("manifests");
    let listed = snapshot::list(&manifests, None).into_iter();
    listed.map(|snapshot| snapshot.id).collect()
}

/// Every file of which all survives is what it was.
fn restores(repository: &Arc<Repository>, damaged: &Damaged<'_>, id: &ManifestId, files: &Files) {
    let tree = &damaged.facts.trees[id];
    if !damaged.all_survive(&tree.root) {
        return;
    }
    let manifests = repository.manifests().expect("manifests");
    let snapshot = snapshot::find(&manifests, id)
        .expect("read")
        .expect("there");
    let root = snapshot.root_object().expect("root");
    let directory = repository.read_directory(&root).expect("directory");
    for (name, contents) in &tree.files {
        if !damaged.all_survive(contents) {
            continue;
        }
        let entry = directory
            .entries
            .iter()
            .find(|entry| entry.name == name.as_bytes())
            .expect("entry");
        let data = repository
            .read_object(&entry.object.expect("object"))
            .expect("file");
        let seed = files.iter().find(|file| file.0 == *name).expect("file").1;
        assert_eq!(data, content(seed), "{name}");
    }
}

#[test]
fn repair_keeps_its_promises_after_any_history_and_any_damage() {
    let (histories, rounds) = if soak() { (200, 20) } else { (8, 6) };
    let first: u64 = std::env::var("HOLDFAST_SEED").map_or(1, |seed| seed.parse().expect("seed"));
    for seed in first..first + histories {
        let mut dice = Dice::new(seed);
        let version = if seed % 2 == 0 { 1 } else { 3 };
        let history = History::random(version, &mut dice);
        let facts = Facts::of(&history);
        for round in 0..rounds {
            let damaged = Damaged::random(&history, &facts, &mut dice);
            println!("seed {seed}, round {round}: {:?}", damaged.done);
            judge(&history, &damaged);
        }
    }
}
