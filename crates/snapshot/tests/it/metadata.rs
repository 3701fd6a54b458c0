//! Every kind of metadata, from a disk and back to it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_files::{Extended, Kind, MemoryTree, Windows};
use holdfast_repository::directory::Extras;
use holdfast_snapshot::{
    ProblemCode, RestoreRequest, Severity, SnapshotRequest, Source, create, restore,
};
use holdfast_testkit::tree::{
    Compare, ONE_FILE, PIPE, SPARSE_FILES, assert_same, beyond, metadata,
};

use crate::restore_extended::{Recorder, windows};
use crate::support::{Place, id, identity, saved};

/// The extended attributes that an entry keeps, access control lists among them.
fn attributes(extras: Option<&Extras>) -> BTreeMap<String, Vec<u8>> {
    let Some(extras) = extras else {
        return BTreeMap::new();
    };
    let kept = extras.xattrs.iter();
    let mut kept: BTreeMap<String, Vec<u8>> = kept
        .map(|(name, value)| (name.clone(), value.0.clone()))
        .collect();
    let lists = extras.acl.clone().unwrap_or_default();
    for (name, list) in [("access", lists.access), ("default", lists.default)] {
        kept.extend(list.map(|list| (format!("system.posix_acl_{name}"), list.0)));
    }
    kept
}

#[test]
fn every_kind_of_metadata_is_kept() {
    let disk = tempfile::tempdir().expect("a temporary directory");
    let source = disk.path().join("source");
    if let Some(reason) = metadata(&source) {
        println!("skipped: needs {reason}");
    }
    let place = Place::new();
    let snapshot = || {
        let request = SnapshotRequest::new(vec![Source::local(&source, identity("/data"))]);
        let mut report = create(&place.repo, &request).expect("snapshot");
        report.sources.remove(0)
    };
    let first = snapshot();
    let [pipe] = first.problems.as_slice() else {
        panic!("{:?}", first.problems)
    };
    assert_eq!(
        (pipe.path.as_str(), pipe.code, pipe.severity),
        (PIPE, ProblemCode::UnsupportedType, Severity::Ignored),
        "the policy leaves special files out, and says so"
    );
    // Nothing changed: everything is taken over, what stands beside the tree included.
    let again = snapshot();
    assert_eq!(again.bytes_read, 0);
    assert_eq!(
        saved(&again).manifest.root_object(),
        saved(&first).manifest.root_object()
    );

    let expected = beyond(&source);
    let mut kept: BTreeMap<PathBuf, Extras> = BTreeMap::new();
    let root = saved(&again).manifest.root_object().expect("a root");
    let mut pending = vec![(PathBuf::new(), root)];
    while let Some((below, object)) = pending.pop() {
        let directory = place.repo.read_directory(&object).expect("read");
        if let Some(extras) = directory.extras {
            kept.insert(below.clone(), *extras);
        }
        for entry in directory.entries {
            let name = holdfast_host::dir::bytes_to_path(entry.file_name());
            let path = below.join(name);
            if entry.is_directory() {
                pending.push((path.clone(), entry.object.expect("an object")));
            }
            if let Some(extras) = entry.extras {
                kept.insert(path, *extras);
            }
        }
    }
    for (path, expected) in &expected {
        assert_eq!(attributes(kept.get(path)), expected.attributes, "{path:?}");
    }
    let of = |name: &str| kept.get(Path::new(name)).expect("extras");
    let [one, other] = ONE_FILE.map(|name| of(name).hard_link.clone());
    assert!(one == other && !one.is_empty(), "{one} {other}");
    for name in SPARSE_FILES {
        let extras = of(name);
        let large = extras.overflow.contains_key("s");
        assert!(extras.data_ranges.is_some() || large, "{name}");
        assert_eq!(large, name.ends_with("very sparse"));
    }
    assert_eq!(expected.len(), 1 + entries(&source), "nothing was left out");
}

/// What was before a backup and after its restore.
struct Both {
    source: PathBuf,
    target: PathBuf,
    /// What a double of Windows was told to set, and the short names among it.
    windows: Extended,
    short_name: String,
}

impl Both {
    /// Compares an extended attribute, which the source has.
    fn attribute(&self, path: &str, name: &str) {
        let of = |root: &Path| beyond(root).remove(Path::new(path)).expect(path);
        let (before, after) = (of(&self.source), of(&self.target));
        assert!(before.attributes.contains_key(name), "{path} has {name}");
        assert_eq!(after.attributes, before.attributes, "{path}");
    }

    /// Compares something of the metadata, which differs from what a new file has.
    fn same<T: PartialEq + std::fmt::Debug>(&self, path: &str, of: impl Fn(&Metadata) -> T) {
        let value = |root: &Path| of(&root.join(path).symlink_metadata().expect(path));
        assert_eq!(value(&self.target), value(&self.source), "{path}");
    }
}

/// A kind of metadata: its name, whether only root can have it, and what shows that it came back.
type MetadataKind = (&'static str, bool, fn(&Both));

const KINDS: &[MetadataKind] = &[
    ("user.*", false, |both| {
        both.attribute("user", "user.comment");
        both.attribute("user", "user.empty");
        both.attribute("folder", "user.of-folder");
        both.attribute("", "user.of-root");
    }),
    ("security.capability", true, |both| {
        both.attribute("folder/capable", "security.capability");
        both.same("folder/capable", MetadataExt::uid);
    }),
    ("trusted.*", true, |both| {
        both.attribute("trusted", "trusted.secret");
        both.attribute("symlink", "trusted.of-link");
    }),
    ("access list", false, |both| {
        both.attribute("listed", "system.posix_acl_access");
        both.same("listed", MetadataExt::mode);
    }),
    ("default access list", false, |both| {
        both.attribute("folder", "system.posix_acl_default");
    }),
    ("hard link", false, |both| {
        let [one, other] = ONE_FILE.map(|name| both.target.join(name));
        let number = |path: &Path| path.metadata().expect("metadata").ino();
        assert_eq!(number(&one), number(&other));
        both.same(ONE_FILE[0], MetadataExt::nlink);
    }),
    ("sparse file", false, |both| {
        for name in SPARSE_FILES {
            let room = |root: &Path| root.join(name).metadata().expect(name).blocks() * 512;
            // File systems need a few blocks for the list of stretches, more or less of them.
            let (before, after) = (room(&both.source), room(&both.target));
            assert!(
                after <= before + before / 8,
                "{name}: {after}, not {before}"
            );
            both.same(name, MetadataExt::size);
        }
    }),
    ("raw name", false, |both| {
        let name = OsStr::from_bytes(b"raw \xff name");
        assert_eq!(fs::read(both.target.join(name)).expect("read"), b"raw");
    }),
    ("setuid", false, |both| {
        both.same("set-id", MetadataExt::mode);
        let mode = both
            .target
            .join("set-id")
            .metadata()
            .expect("metadata")
            .mode();
        assert_eq!(mode & 0o7777, 0o6755);
    }),
    ("nanosecond time", false, |both| {
        both.same("plain", |there| (there.mtime(), there.mtime_nsec()));
        both.same("folder", |there| (there.mtime(), there.mtime_nsec()));
    }),
    ("symlink time", false, |both| {
        both.same("symlink", |there| (there.mtime(), there.mtime_nsec()));
    }),
    ("symlink owner", true, |both| {
        both.same("symlink", |there| (there.uid(), there.gid()));
    }),
    ("fifo: left out and named", false, |both| {
        assert!(both.source.join(PIPE).exists() && !both.target.join(PIPE).exists());
    }),
    ("Windows descriptor", false, |both| {
        assert_eq!(
            of_windows(&both.windows).security,
            of_windows(&windows(1)).security
        );
    }),
    ("Windows attributes", false, |both| {
        assert_eq!(of_windows(&both.windows).attributes, 0x21);
    }),
    ("Windows stream", false, |both| {
        assert_eq!(
            of_windows(&both.windows).streams,
            of_windows(&windows(1)).streams
        );
    }),
    ("Windows short name", false, |both| {
        assert_eq!(both.short_name, "LONGNA~1.TXT");
    }),
];

fn of_windows(extended: &Extended) -> &Windows {
    extended.windows.as_ref().expect("something of Windows")
}

#[test]
fn every_kind_of_metadata_comes_back() {
    let disk = tempfile::tempdir().expect("a temporary directory");
    let (source, target) = (disk.path().join("source"), disk.path().join("target"));
    let missing = metadata(&source);
    if let Some(reason) = missing {
        println!("skipped: needs {reason}");
        if reason != "root" {
            return;
        }
    }
    let place = Place::new();
    let request = SnapshotRequest::new(vec![Source::local(&source, identity("/data"))]);
    let taken = create(&place.repo, &request)
        .expect("snapshot")
        .sources
        .remove(0);
    let restored = restore(&place.repo, &RestoreRequest::new(id(&taken), "", &target));
    assert_eq!(restored.expect("restore").problems, []);

    let mut tree = MemoryTree::new("data");
    tree.file("a long name.txt", b"content")
        .extended("a long name.txt", windows(1));
    let taken = place.snapshot(&tree);
    let recorder = Arc::new(Recorder::default());
    let mut request = RestoreRequest::new(id(&taken), "", disk.path().join("windows"));
    request.extended = recorder.clone();
    restore(&place.repo, &request).expect("restore");
    let windows = recorder.written.lock().pop();
    let windows = windows.expect("the double is told of the file").1;
    let short_name = recorder.names.lock().pop();
    let short_name = short_name.expect("the double is told of the name").1;

    let both = Both {
        source,
        target,
        windows,
        short_name,
    };
    for (name, only_root, check) in KINDS {
        match *only_root && missing.is_some() {
            true => println!("{name}: not without root"),
            false => {
                println!("{name}");
                check(&both);
            }
        }
    }
    // And nothing else came, or went.
    let mut expected = beyond(&both.source);
    expected.remove(Path::new(PIPE)).expect("the pipe");
    assert_eq!(beyond(&both.target), expected);
    fs::remove_file(both.source.join(PIPE)).expect("remove");
    let compare = match missing {
        Some(_) => Compare::WITHOUT_OWNERS,
        None => Compare::ALL,
    };
    // Removing the pipe moved the time of its folder.
    let compare = Compare {
        root: false,
        ..compare
    };
    assert_same(&both.source, &both.target, &compare);
}

/// Entries below a folder.
fn entries(folder: &Path) -> usize {
    let tree = holdfast_files::LocalTree::new(folder);
    let root = holdfast_files::SourceTree::root(&tree).expect("open");
    let holdfast_files::RootNode::Directory(directory) = root.node else {
        panic!("a directory")
    };
    let listing = directory.list().expect("list");
    let folders = listing
        .iter()
        .filter(|entry| entry.metadata.kind == Kind::Directory);
    let below: usize = folders
        .map(|entry| entries(&folder.join(holdfast_host::dir::bytes_to_path(entry.name))))
        .sum();
    listing.len() + below
}
