//! The tree as programs see it that know nothing of it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use holdfast_drive::{Ended, MountError, MountRequest, Options, Tree, mount, prepare};
use holdfast_files::MemoryTree;
use holdfast_host::{Cancel, mounts};
use holdfast_testkit::missing_for_fuse;
use holdfast_testkit::tree::{
    Compare, RandomTree, SPARSE_FILES, assert_same, beyond, golden, metadata, random_bytes,
};

use crate::support::Place;

/// Longer than any mount takes to end that nobody uses.
const LONG: Duration = Duration::from_secs(60);

/// A tree that is mounted until this is dropped.
struct Mounted {
    folder: tempfile::TempDir,
    stop: Cancel,
    thread: Option<JoinHandle<Result<Ended, MountError>>>,
}

impl Mounted {
    /// Mounts a tree, unless this machine cannot.
    fn new(tree: Tree) -> Option<Self> {
        Self::with_grace(tree, LONG)
    }

    /// The same, where programs that still use it at its end get so long.
    fn with_grace(tree: Tree, grace: Duration) -> Option<Self> {
        if let Some(missing) = missing_for_fuse() {
            println!("skipped: needs {missing}");
            return None;
        }
        let folder = tempfile::tempdir().expect("make a mount point");
        let place = prepare(folder.path()).expect("a mount point");
        assert!(!place.had_dead_mount);
        let (stop, (sender, ready)) = (Cancel::new(), channel());
        let until = stop.clone();
        let thread = std::thread::spawn(move || {
            let request = MountRequest {
                grace,
                ..MountRequest::default()
            };
            mount(&Arc::new(tree), &place, &request, &until, || {
                sender.send(()).expect("somebody waits");
            })
        });
        ready.recv().expect("it is mounted");
        Some(Self {
            folder,
            stop,
            thread: Some(thread),
        })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn join(&mut self) -> Option<Result<Ended, MountError>> {
        let thread = self.thread.take()?;
        Some(thread.join().expect("the mount does not panic"))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.stop.cancel();
        let ended = self.join();
        if !std::thread::panicking()
            && let Some(ended) = ended
        {
            ended.expect("it ends well");
        }
    }
}

#[test]
fn a_mounted_snapshot_is_the_tree_that_was_backed_up() {
    let disk = tempfile::tempdir().expect("make a folder");
    golden(disk.path()).expect("fill it");
    RandomTree::new(5)
        .create(&directory(&disk.path().join("random")))
        .expect("fill it");
    let place = Place::new();
    let id = place.snapshot_dir(disk.path());
    let Some(mounted) = Mounted::new(place.tree(&id)) else {
        return;
    };
    assert_same(disk.path(), mounted.path(), &Compare::ALL);
}

fn directory(path: &Path) -> PathBuf {
    fs::create_dir(path).expect("make a folder");
    path.to_owned()
}

#[test]
fn attributes_links_and_holes_are_seen() {
    let disk = tempfile::tempdir().expect("make a folder");
    let source = disk.path().join("source");
    if let Some(reason) = metadata(&source) {
        println!("skipped: needs {reason}");
    }
    let place = Place::new();
    let id = place.snapshot_dir(&source);
    let Some(mounted) = Mounted::new(place.tree(&id)) else {
        return;
    };
    fs::remove_file(source.join(holdfast_testkit::tree::PIPE)).expect("it is in no snapshot");
    assert_eq!(beyond(mounted.path()), beyond(&source));
    for name in SPARSE_FILES {
        let (real, seen) = (source.join(name), mounted.path().join(name));
        let length = fs::metadata(&seen).expect("metadata").len();
        assert!(fs::metadata(&seen).expect("metadata").blocks() * 512 < length);
        assert_eq!(stretches(&seen), stretches(&real), "{name}");
    }
}

/// Where data begins and ends in a file.
fn stretches(path: &Path) -> Vec<(u64, u64)> {
    use rustix::fs::{SeekFrom, seek};
    let file = File::open(path).expect("open");
    let mut found = Vec::new();
    let mut at = 0;
    while let Ok(start) = seek(&file, SeekFrom::Data(at)) {
        at = seek(&file, SeekFrom::Hole(start)).expect("every file ends with a hole");
        found.push((start, at));
    }
    found
}

#[test]
fn nothing_can_be_written() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    source.file("folder/file", "x");
    let id = place.snapshot(&source, "/data");
    let Some(mounted) = Mounted::new(place.tree(&id)) else {
        return;
    };
    let path = |name: &str| mounted.path().join(name);
    let attempts = [
        File::create(path("new")).map(drop),
        File::options()
            .append(true)
            .open(path("folder/file"))
            .map(drop),
        fs::create_dir(path("new")),
        fs::remove_file(path("folder/file")),
        fs::remove_dir_all(path("folder")),
        fs::hard_link(path("folder/file"), path("link")),
        std::os::unix::fs::symlink("x", path("link")),
        fs::set_permissions(
            path("folder/file"),
            fs::metadata(path("folder"))
                .expect("metadata")
                .permissions(),
        ),
    ];
    for (number, attempt) in attempts.into_iter().enumerate() {
        let error = attempt.expect_err("it is read-only");
        assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem, "{number}");
    }
    assert_eq!(fs::read(path("folder/file")).expect("read"), b"x");
}

#[test]
fn eight_threads_read_at_once() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    let bytes = random_bytes(3, 6 << 20);
    source.file("long", bytes.clone());
    for number in 0..200_u64 {
        source.file(format!("short/{number}"), random_bytes(number, 700));
    }
    let id = place.snapshot(&source, "/data");
    let options = Options {
        cache: 4 << 20,
        ..Options::default()
    };
    let tree = place.tree_with(&id, options, crate::support::no_report());
    let Some(mounted) = Mounted::new(tree) else {
        return;
    };
    std::thread::scope(|scope| {
        for thread in 0..8_usize {
            let (root, bytes) = (mounted.path(), &bytes);
            scope.spawn(move || {
                let long = File::open(root.join("long")).expect("open");
                let mut buffer = vec![0; 300_000];
                for step in 0..20 {
                    let offset = (step * 7919 * 41 + thread * 524_287) % (bytes.len() - 300_000);
                    long.read_exact_at(&mut buffer, offset as u64)
                        .expect("read");
                    assert!(buffer == bytes[offset..offset + 300_000], "{offset}");
                }
                for number in (0..200_u64).filter(|number| number % 8 == thread as u64) {
                    let short = fs::read(root.join(format!("short/{number}"))).expect("read");
                    assert_eq!(short, random_bytes(number, 700));
                }
                let names = fs::read_dir(root.join("short")).expect("list");
                assert_eq!(names.count(), 200);
            });
        }
    });
    let mut whole = Vec::new();
    File::open(mounted.path().join("long"))
        .and_then(|mut file| file.read_to_end(&mut whole))
        .expect("read");
    assert!(whole == bytes);
}

#[test]
fn a_folder_of_a_hundred_thousand_names() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    for number in 0..100_000 {
        source.file(format!("many/{number:05}"), "x");
    }
    let id = place.snapshot(&source, "/data");
    let Some(mounted) = Mounted::new(place.tree(&id)) else {
        return;
    };
    let folder = mounted.path().join("many");
    for round in ["first", "second"] {
        let began = Instant::now();
        let names: Vec<_> = fs::read_dir(&folder).expect("list").collect();
        let listed = began.elapsed();
        assert_eq!(names.len(), 100_000);
        for entry in names.into_iter().flatten() {
            assert_eq!(entry.metadata().expect("metadata").len(), 1);
        }
        println!(
            "{round}: names in {:.3} s, with metadata in {:.3} s",
            listed.as_secs_f64(),
            began.elapsed().as_secs_f64()
        );
    }
}

#[test]
fn damage_is_an_error_of_that_file_alone() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    source
        .file("bad", random_bytes(1, 5000))
        .file("good", random_bytes(2, 5000));
    let id = place.snapshot(&source, "/data");
    place.damage(&id, "bad");
    let reports = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&reports);
    let report = Box::new(move |unreadable: &holdfast_drive::Unreadable| {
        told.lock().expect("a list").push(unreadable.path.clone());
    });
    let tree = place.tree_with(&id, Options::default(), report);
    let Some(mounted) = Mounted::new(tree) else {
        return;
    };
    let error = fs::read(mounted.path().join("bad")).expect_err("it is damaged");
    assert_eq!(
        error.raw_os_error(),
        Some(rustix::io::Errno::IO.raw_os_error())
    );
    let good = fs::read(mounted.path().join("good")).expect("read");
    assert_eq!(good, random_bytes(2, 5000));
    assert_eq!(*reports.lock().expect("a list"), ["bad"]);
}

#[test]
fn a_mount_ends_in_each_way() {
    let place = Place::new();
    let mut source = MemoryTree::new("data");
    source.file("file", "x");
    let id = place.snapshot(&source, "/data");
    let Some(mut outside) = Mounted::new(place.tree(&id)) else {
        return;
    };
    let again = prepare(outside.path()).expect_err("it is mounted already");
    assert!(matches!(again, MountError::Mounted { .. }), "{again}");
    let figures = rustix::fs::statvfs(outside.path()).expect("figures");
    assert_eq!((figures.f_files, figures.f_bfree), (2, 0));
    mounts::detach(&real(outside.path())).expect("unmount");
    let ended = outside.join().expect("it ran").expect("it ends well");
    assert_eq!(ended, Ended::FromOutside);

    let mut idle = Mounted::new(place.tree(&id)).expect("it can be mounted");
    idle.stop.cancel();
    let ended = idle.join().expect("it ran").expect("it ends well");
    assert_eq!(ended, Ended::OnRequest);
    assert!(!idle.path().join("file").exists());

    let grace = Duration::from_millis(50);
    let mut busy = Mounted::with_grace(place.tree(&id), grace).expect("it can be mounted");
    let open = File::open(busy.path().join("file")).expect("open");
    busy.stop.cancel();
    let ended = busy.join().expect("it ran").expect("it ends well");
    assert_eq!(ended, Ended::InUse);
    assert!(!busy.path().join("file").exists());
    drop(open);
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().expect("the path")
}
