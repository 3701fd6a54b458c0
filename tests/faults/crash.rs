//! A directory whose machine crashes: what was not synced is lost, whatever had been reported.
//!
//! The real program runs under `strace`; its calls are replayed on a model of a file system that keeps only what it
//! must. At every call, in several ways, the crash leaves a repository that is audited. That none of the program's
//! syncs can be spared is shown by sparing each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use holdfast_repository::format::{FormatBlob, FormatKey};
use holdfast_storage::{BlobId, BlobStore, MemoryStore, PutOptions};
use holdfast_tests::cli::Cli;
use holdfast_tests::trace::{Call, trace};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::SecretString;

use crate::files::Files;
use crate::world::{Saved, World};

const CALLS: &str =
    "openat,fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat";

/// What the program did to the repository's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    /// A file has a name that no blob has.
    Create(PathBuf),
    /// A file or directory is durable as it is now.
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

fn events(calls: Vec<Call>, repository: &Path) -> Vec<Event> {
    let mut ordered = calls;
    ordered.sort_by_key(|call| call.ended);
    let ours = |path: &str| Path::new(path).starts_with(repository);
    let events = ordered.iter().filter_map(|call| {
        let quoted = call.quoted();
        match call.name.as_str() {
            "openat" if call.arguments.contains("O_CREAT") => call
                .opened()
                .filter(|path| ours(path))
                .map(|path| Event::Create(path.into())),
            "fsync" | "fdatasync" => call
                .handle()
                .filter(|path| ours(path))
                .map(|path| Event::Sync(path.into())),
            "rename" | "renameat" | "renameat2" => {
                ours(quoted[1]).then(|| Event::Rename(quoted[0].into(), quoted[1].into()))
            }
            "unlink" | "unlinkat" => ours(quoted[0]).then(|| Event::Remove(quoted[0].into())),
            _ => None,
        }
    });
    events.collect()
}

/// How much of what was not synced a crash leaves.
#[derive(Debug, Clone, Copy)]
enum Left {
    /// Not even names.
    Nothing,
    /// Names, but not what was in the files.
    Names,
    /// Some of both, by this seed.
    Part(u64),
}

/// A change of a directory that may be lost.
#[derive(Debug, Clone)]
struct Change {
    path: PathBuf,
    /// The file that has the name from then on.
    file: Option<usize>,
}

/// A file system of which only what was synced is sure.
#[derive(Debug, Default)]
struct Disk {
    /// Whether each file's bytes are durable; files are known by number.
    durable: Vec<bool>,
    /// The name under which a file was made, by which its bytes are found later.
    names: BTreeMap<PathBuf, usize>,
    sure: BTreeMap<PathBuf, usize>,
    pending: Vec<Change>,
}

impl Disk {
    /// A disk that holds these files for sure.
    fn with(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut disk = Self::default();
        for path in files {
            disk.durable.push(true);
            disk.names.insert(path.clone(), disk.durable.len() - 1);
            disk.sure.insert(path, disk.durable.len() - 1);
        }
        disk
    }

    fn change(&mut self, path: &Path, file: Option<usize>) {
        match file {
            Some(file) => self.names.insert(path.to_owned(), file),
            None => self.names.remove(path),
        };
        self.pending.push(Change {
            path: path.to_owned(),
            file,
        });
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Create(path) => {
                self.durable.push(false);
                self.change(path, Some(self.durable.len() - 1));
            }
            Event::Rename(from, to) => {
                let file = self.names.get(from).copied();
                self.change(from, None);
                self.change(to, file);
            }
            Event::Remove(path) => self.change(path, None),
            Event::Sync(path) => match self.names.get(path) {
                Some(&file) => self.durable[file] = true,
                None => self.sync_directory(path),
            },
        }
    }

    fn sync_directory(&mut self, directory: &Path) {
        let pending = std::mem::take(&mut self.pending);
        for change in pending {
            if change.path.parent() == Some(directory) {
                self.settle(&change);
            } else {
                self.pending.push(change);
            }
        }
    }

    fn settle(&mut self, change: &Change) {
        match change.file {
            Some(file) => self.sure.insert(change.path.clone(), file),
            None => self.sure.remove(&change.path),
        };
    }

    /// The names after a crash, and whether the bytes are there.
    fn after(mut self, crash: Left) -> Vec<(PathBuf, bool)> {
        let mut random = match crash {
            Left::Part(seed) => Some(StdRng::seed_from_u64(seed)),
            Left::Nothing | Left::Names => None,
        };
        let mut keeps = |otherwise: bool| match &mut random {
            Some(random) => random.random_range(0..2) == 0,
            None => otherwise,
        };
        for change in std::mem::take(&mut self.pending) {
            if keeps(matches!(crash, Left::Names)) {
                self.settle(&change);
            }
        }
        let sure = std::mem::take(&mut self.sure);
        sure.into_iter()
            .map(|(path, file)| (path, self.durable[file] || keeps(false)))
            .collect()
    }
}

/// A traced run of the program and everything to judge crashes by.
struct Traced {
    _folder: tempfile::TempDir,
    repository: PathBuf,
    events: Vec<Event>,
    /// Paths before the run.
    before: Vec<PathBuf>,
    /// Bytes of all files, by final path.
    bytes: BTreeMap<PathBuf, Bytes>,
    key: FormatKey,
    first: (String, Saved),
    second: (String, Saved),
}

/// Takes two snapshots into a directory and traces the second.
fn traced_snapshot() -> Result<Traced> {
    let folder = tempfile::tempdir()?;
    // The kernel names real paths.
    let real = folder.path().canonicalize()?;
    let (source, repository) = (real.join("source"), real.join("repository"));
    let mut random = StdRng::seed_from_u64(7);
    let mut files = Files::random(&mut random);
    let cli = Cli::directory(&repository);
    cli.succeed(["repo", "create"]);
    let path = source.to_str().context("a plain name")?;
    let saved = |id: &str, files: &Files| (id.to_owned(), Saved::new(path, files));
    let rewrite = |files: &Files| -> Result<()> {
        if source.exists() {
            fs::remove_dir_all(&source)?;
        }
        fs::create_dir(&source)?;
        Ok(files.write(&source)?)
    };

    rewrite(&files)?;
    let report = cli.snapshot(&source);
    let first = saved(report["id"].as_str().context("an id")?, &files);
    let before: Vec<PathBuf> = all_files(&repository)?.into_keys().collect();
    files.change(&mut random);
    rewrite(&files)?;
    let arguments = ["--json", "snapshot", "create", path];
    let (finished, calls) = trace(&cli, &real, CALLS, arguments);
    ensure!(finished.code == 0, "{finished:#?}");
    let report: serde_json::Value = serde_json::from_str(&finished.stdout)?;
    let second = saved(report["id"].as_str().context("an id")?, &files);

    let bytes = all_files(&repository)?;
    let format = FormatBlob::parse(&bytes[&repository.join("kopia.repository.f")])?;
    let key = format.derive_key(&SecretString::from(cli.password()))?;
    Ok(Traced {
        events: events(calls, &repository),
        _folder: folder,
        repository,
        before,
        bytes,
        key,
        first,
        second,
    })
}

fn all_files(directory: &Path) -> Result<BTreeMap<PathBuf, Bytes>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![directory.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.clone(), Bytes::from(fs::read(path)?));
            }
        }
    }
    Ok(found)
}

impl Traced {
    /// The repository after a crash behind the first `count` events.
    fn crashed(&self, events: &[Event], crash: Left) -> Result<MemoryStore> {
        let mut disk = Disk::with(self.before.iter().cloned());
        events.iter().for_each(|event| disk.apply(event));
        let store = MemoryStore::new();
        for (path, whole) in disk.after(crash) {
            let name: String = path
                .strip_prefix(&self.repository)?
                .iter()
                .map(|part| part.to_str().expect("ASCII"))
                .collect();
            let Some(id) = name
                .strip_suffix(".f")
                .and_then(|name| BlobId::new(name).ok())
            else {
                continue;
            };
            // Only the session's marker is gone at the end; it plays no part in reading.
            if let Some(bytes) = self.bytes.get(&path) {
                let bytes = if whole { bytes.clone() } else { Bytes::new() };
                store.put(&id, bytes, &PutOptions::default())?;
            }
        }
        Ok(store)
    }

    /// What must hold after a crash behind `events`; `done` when the program had said that it was done.
    fn audit(&self, events: &[Event], crash: Left, done: bool) -> Result<()> {
        let mut world = World::of(&self.crashed(events, crash)?, &self.key);
        let (id, saved) = self.first.clone();
        world.saved.insert(id, saved);
        let (id, saved) = self.second.clone();
        if done {
            world.saved.insert(id, saved);
        } else {
            world.attempted.push(saved);
        }
        world.audit()
    }

    /// Crashes after each event in each way, last ones first. Returns the number of crashes and what was violated,
    /// at most `enough` times.
    fn crash_everywhere(&self, events: &[Event], enough: usize) -> (usize, Vec<String>) {
        let (mut points, mut violations) = (0, Vec::new());
        for count in (0..=events.len()).rev() {
            let some = (0..4).map(|seed| Left::Part(seed + 10 * count as u64));
            for crash in [Left::Nothing, Left::Names].into_iter().chain(some) {
                points += 1;
                let done = count == events.len();
                if let Err(error) = self.audit(&events[..count], crash, done) {
                    violations.push(format!("{crash:?} after {count} events: {error:#}"));
                }
                if violations.len() == enough {
                    return (points, violations);
                }
            }
        }
        (points, violations)
    }
}

#[test]
fn a_crash_after_every_call_loses_nothing_and_no_sync_can_be_spared() {
    let traced = traced_snapshot().expect("a traced snapshot");
    let (points, violations) = traced.crash_everywhere(&traced.events, 10);
    println!("crashes of a directory: {points} fault points");
    assert!(violations.is_empty(), "{}", violations.join("\n"));

    // Planted bug: one sync is removed. Those for the session's marker protect its packs from maintenance alone.
    let kept: BTreeSet<&Path> = traced
        .bytes
        .keys()
        .filter_map(|path| path.parent())
        .collect();
    let mut spared = 0;
    for (at, event) in traced.events.iter().enumerate() {
        let Event::Sync(path) = event else { continue };
        let renamed = traced.events.iter().find_map(|event| match event {
            Event::Rename(from, to) if from == path => Some(to),
            _ => None,
        });
        let matters = match renamed {
            Some(to) => traced.bytes.contains_key(to),
            None => kept.contains(path.as_path()) && traced.follows_a_rename_into(at, path),
        };
        if !matters {
            continue;
        }
        let mut events = traced.events.clone();
        events.remove(at);
        let (_, violations) = traced.crash_everywhere(&events, 1);
        assert!(!violations.is_empty(), "nobody misses the sync of {path:?}");
        spared += 1;
    }
    println!("{spared} syncs, each missed when it is spared");
    assert!(spared >= 6, "only {spared} syncs were tried");
}

impl Traced {
    /// Whether the sync at this place makes the rename of a kept blob durable.
    fn follows_a_rename_into(&self, at: usize, directory: &Path) -> bool {
        let changes = self.events[..at]
            .iter()
            .rev()
            .take_while(|event| !matches!(event, Event::Sync(path) if path == directory));
        changes.into_iter().any(|event| match event {
            Event::Rename(_, to) => to.parent() == Some(directory) && self.bytes.contains_key(to),
            _ => false,
        })
    }
}
