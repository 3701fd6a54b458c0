//! What entries have beyond the format's own fields, on the way back to a file system.

use std::path::Path;
use std::sync::Arc;

use holdfast_files::{Extended, MemoryTree, Refused, Windows};
use holdfast_host::dir::Dir;
use holdfast_host::dir::extended::{Subject, SystemExtended, WriteExtended};
use holdfast_planning::restore::Overwrite;
use holdfast_snapshot::{ProblemCode, RestoreReport, RestoreRequest, Severity, restore};
use parking_lot::Mutex;

use crate::support::{Place, Watched, id, random};

pub(crate) fn attribute(name: &str, value: &[u8]) -> Extended {
    Extended {
        attributes: vec![(name.to_owned(), value.to_vec())],
        ..Extended::default()
    }
}

pub(crate) fn windows(mark: u8) -> Extended {
    Extended {
        windows: Some(Windows {
            security: vec![1, 0, 4, 128, mark],
            attributes: 0x20 | u32::from(mark),
            streams: vec![("Zone.Identifier".to_owned(), vec![mark; 40])],
            short_name: format!("LONGNA~{mark}.TXT"),
        }),
        ..Extended::default()
    }
}

/// A system that can set everything, and writes down what it is told.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) written: Mutex<Vec<(String, Extended)>>,
    pub(crate) names: Mutex<Vec<(String, String)>>,
    refuse: Option<&'static str>,
    lacking: bool,
}

impl WriteExtended for Recorder {
    fn write(&self, subject: Subject<'_>, wanted: &Extended) -> Vec<Refused> {
        let kind = match subject {
            Subject::File(_) => "file",
            Subject::Directory(_) => "directory",
            Subject::Entry(..) => "entry",
        };
        self.written.lock().push((kind.to_owned(), wanted.clone()));
        let refused = self.refuse.map(|what| Refused {
            what: what.to_owned(),
            error: std::io::ErrorKind::PermissionDenied.into(),
        });
        refused.into_iter().collect()
    }

    fn write_name(&self, directory: &Dir, name: &[u8], wanted: &Extended) -> Vec<Refused> {
        assert!(directory.metadata(name).is_ok(), "the entry has its name");
        let windows = wanted.windows.as_ref().expect("something of Windows");
        let name = String::from_utf8_lossy(name).into_owned();
        self.names.lock().push((name, windows.short_name.clone()));
        Vec::new()
    }

    fn lacks(&self, _: Subject<'_>, _: &Extended) -> bool {
        self.lacking
    }
}

fn restore_with(
    place: &Place,
    snapshot: &str,
    target: &Path,
    extended: Arc<dyn WriteExtended>,
    change: impl FnOnce(&mut RestoreRequest),
) -> RestoreReport {
    let mut request = RestoreRequest::new(snapshot, "", target);
    request.owners = false;
    request.extended = extended;
    change(&mut request);
    restore(&place.repo, &request).expect("restore")
}

fn target() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// Descriptor, attributes, stream and short name of Windows, by a double of that system.
#[test]
fn what_only_windows_has_comes_back_there() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("a long name.txt", b"content")
        .file("bare", b"nothing else")
        .directory("folder")
        .extended("a long name.txt", windows(1))
        .extended("folder", windows(2))
        .extended("", windows(3));
    let report = place.snapshot(&tree);
    assert_eq!(report.problems, []);
    let disk = target();
    let recorder = Arc::new(Recorder::default());
    let restored = restore_with(&place, &id(&report), disk.path(), recorder.clone(), |_| {});
    assert_eq!(restored.problems, []);
    let mut written = std::mem::take(&mut *recorder.written.lock());
    written.sort_by_key(|(_, extended)| extended.windows.as_ref().map(|w| w.attributes));
    assert_eq!(
        written,
        [
            ("file".to_owned(), windows(1)),
            ("directory".to_owned(), windows(2)),
            ("directory".to_owned(), windows(3)),
        ]
    );
    let mut names = std::mem::take(&mut *recorder.names.lock());
    names.sort();
    let named = |name: &str, short: &str| (name.to_owned(), short.to_owned());
    assert_eq!(
        names,
        [
            named("a long name.txt", "LONGNA~1.TXT"),
            named("folder", "LONGNA~2.TXT"),
        ]
    );

    // Where permissions are not restored, neither is the descriptor.
    let other = disk.path().join("other");
    restore_with(&place, &id(&report), &other, recorder.clone(), |request| {
        request.path = "folder".to_owned();
        request.permissions = false;
    });
    let written = std::mem::take(&mut *recorder.written.lock());
    let bare = written[0].1.windows.clone().expect("of Windows");
    assert_eq!((bare.security.len(), bare.attributes), (0, 0x22));
}

#[cfg(not(windows))]
#[test]
fn what_another_system_has_is_named_once() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    for name in ["a", "b", "c"] {
        tree.file(name, name.as_bytes()).extended(name, windows(1));
    }
    let report = place.snapshot(&tree);
    let disk = target();
    let system = || Arc::new(SystemExtended);
    let restored = restore_with(&place, &id(&report), disk.path(), system(), |_| {});
    let [problem] = restored.problems.as_slice() else {
        panic!("{:?}", restored.problems)
    };
    assert_eq!(
        (problem.code, problem.severity),
        (ProblemCode::AttributesNotSet, Severity::Warning)
    );
    assert!(problem.message.contains("(a, b, c)"), "{problem}");
    assert_eq!(std::fs::read(disk.path().join("c")).expect("read"), b"c");
    // What this system can never have is no difference either.
    let again = restore_with(&place, &id(&report), disk.path(), system(), |request| {
        request.overwrite = Overwrite::Different;
    });
    assert_eq!((again.problems.len(), again.counts.same), (0, 4));
}

#[test]
fn what_cannot_be_set_is_named_and_the_rest_goes_on() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    for number in 0..8 {
        let name = format!("file {number}");
        tree.file(&name, name.as_bytes())
            .extended(&name, attribute("user.a", b"1"));
    }
    let report = place.snapshot(&tree);
    let disk = target();
    let recorder = Recorder {
        refuse: Some("user.a"),
        ..Recorder::default()
    };
    let recorder = Arc::new(recorder);
    let restored = restore_with(&place, &id(&report), disk.path(), recorder, |_| {});
    let [problem] = restored.problems.as_slice() else {
        panic!("{:?}", restored.problems)
    };
    assert!(problem.message.starts_with("user.a "), "{problem}");
    assert!(problem.message.ends_with("and 3 more)"), "{problem}");
    assert_eq!((restored.errors(), restored.counts.create), (0, 8));
}

/// The mask of a list stands in the permissions where the rights of the group would.
#[cfg(unix)]
#[test]
fn without_its_list_a_file_gives_its_group_no_more_rights() {
    use std::os::unix::fs::PermissionsExt as _;
    let list = [
        &[2, 0, 0, 0][..],
        &[1, 0, 6, 0, 255, 255, 255, 255],
        &[2, 0, 6, 0, 210, 4, 0, 0],
        &[4, 0, 4, 0, 255, 255, 255, 255],
        &[16, 0, 6, 0, 255, 255, 255, 255],
        &[32, 0, 0, 0, 255, 255, 255, 255],
    ];
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    let listed = attribute("system.posix_acl_access", &list.concat());
    tree.file("listed", b"content")
        .extended("listed", listed)
        .metadata("listed", |metadata| metadata.mode = 0o660);
    let report = place.snapshot(&tree);
    for (refuse, expected) in [(None, 0o660), (Some("system.posix_acl_access"), 0o640)] {
        let disk = target();
        let recorder = Arc::new(Recorder {
            refuse,
            ..Recorder::default()
        });
        restore_with(&place, &id(&report), disk.path(), recorder, |_| {});
        let there = std::fs::metadata(disk.path().join("listed")).expect("metadata");
        assert_eq!(there.permissions().mode() & 0o777, expected, "{refuse:?}");
    }
}

#[test]
fn existing_entries_are_compared_in_this_too() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("with", b"content")
        .file("without", b"content")
        .symlink("link", "with")
        .extended("with", attribute("user.a", b"1"))
        .extended("link", attribute("trusted.b", b"1"));
    let report = place.snapshot(&tree);
    let disk = target();
    let recorder = |lacking| {
        Arc::new(Recorder {
            lacking,
            ..Recorder::default()
        })
    };
    let again = |overwrite, lacking| {
        let recorder = recorder(lacking);
        let said = restore_with(
            &place,
            &id(&report),
            disk.path(),
            recorder.clone(),
            |request| {
                request.overwrite = overwrite;
            },
        );
        assert_eq!(said.problems, []);
        let mut written = std::mem::take(&mut *recorder.written.lock());
        written.sort_by(|one, other| one.0.cmp(&other.0));
        let kinds: Vec<String> = written.into_iter().map(|(kind, _)| kind).collect();
        (kinds.join(" "), said.counts.replace, said.counts.bytes)
    };
    let said = |kinds: &str, replaced, bytes| (kinds.to_owned(), replaced, bytes);
    assert_eq!(again(Overwrite::Always, false), said("entry file", 0, 14));
    assert_eq!(again(Overwrite::Different, false), said("", 0, 0));
    assert_eq!(again(Overwrite::Incremental, false), said("", 0, 0));
    assert_eq!(again(Overwrite::Different, true), said("entry file", 2, 7));
    let file = || Dir::open(disk.path()).expect("open").metadata(b"with");
    let before = file().expect("metadata").id();
    assert_eq!(
        again(Overwrite::Incremental, true),
        said("entry file", 2, 0)
    );
    assert_eq!(file().expect("metadata").id(), before, "where it is");
}

#[test]
fn links_of_one_file_are_made_again() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    for name in ["a", "folder/b", "folder/c"] {
        tree.file(name, b"shared").metadata(name, |metadata| {
            (metadata.inode, metadata.links) = (7, 3);
        });
    }
    // The number of a file that went away while the snapshot was taken passed on to another one.
    tree.file("folder/d", b"other")
        .metadata("folder/d", |metadata| {
            (metadata.inode, metadata.links) = (7, 2);
        });
    let large = random(1, 5 << 20);
    for name in ["long", "folder/long too"] {
        tree.file(name, large.clone()).metadata(name, |metadata| {
            (metadata.inode, metadata.links) = (8, 2);
        });
    }
    let report = place.snapshot(&tree);
    let disk = target();
    let at = |name: &str| disk.path().join(name);
    std::fs::create_dir(at("folder")).expect("folder");
    std::fs::write(at("folder/b"), "in the place").expect("write");
    std::fs::hard_link(at("folder/b"), at("kept")).expect("link");
    let again = |overwrite| {
        let system = Arc::new(SystemExtended);
        let dry = restore_with(
            &place,
            &id(&report),
            disk.path(),
            system.clone(),
            |request| {
                request.overwrite = overwrite;
                request.dry_run = true;
            },
        );
        let done = restore_with(&place, &id(&report), disk.path(), system, |request| {
            request.overwrite = overwrite;
        });
        assert_eq!(done.problems, []);
        assert_eq!(done.counts, dry.counts);
        for name in ["a", "folder/b", "folder/c"] {
            assert_eq!(std::fs::read(at(name)).expect(name), b"shared");
        }
        assert!(std::fs::read(at("folder/long too")).expect("read") == large);
        assert_eq!(std::fs::read(at("folder/d")).expect("read"), b"other");
        let dir = Dir::open(disk.path()).expect("open");
        let folder = dir.open_dir(b"folder").expect("open");
        let number = |dir: &Dir, name: &[u8]| dir.metadata(name).expect("metadata").id();
        let first = number(&dir, b"a");
        assert_eq!(number(&folder, b"b"), first);
        assert_eq!(number(&folder, b"c"), first);
        assert_ne!(number(&folder, b"d"), first);
        assert_eq!(number(&dir, b"long"), number(&folder, b"long too"));
        assert_eq!(dir.metadata(b"a").expect("metadata").links, 3);
        // Nothing is left beside them.
        assert_eq!(dir.entries().expect("list").len(), 4);
        assert_eq!(folder.entries().expect("list").len(), 4);
        (first, done.counts)
    };
    let (_, counts) = again(Overwrite::Always);
    assert_eq!((counts.create, counts.replace, counts.same), (5, 1, 2));
    assert_eq!(counts.bytes, 11 + large.len() as u64);
    assert_eq!(
        std::fs::read(at("kept")).expect("read"),
        b"in the place",
        "no other name of what was replaced is written to"
    );
    // Once more over itself.
    let (first, counts) = again(Overwrite::Always);
    assert_eq!((counts.replace, counts.same), (6, 2));
    for overwrite in [Overwrite::Different, Overwrite::Incremental] {
        let (same, counts) = again(overwrite);
        assert_eq!((same, counts.same), (first, 8), "{overwrite:?}");
    }
    // A name that became a file of its own is joined to the others again, and a missing one is made from them.
    for overwrite in [Overwrite::Different, Overwrite::Incremental] {
        std::fs::remove_file(at("a")).expect("remove");
        std::fs::copy(at("folder/c"), at("folder/own")).expect("copy");
        let times = std::fs::metadata(at("folder/c")).expect("metadata");
        let own = std::fs::File::options()
            .write(true)
            .open(at("folder/own"))
            .expect("open");
        own.set_modified(times.modified().expect("a time"))
            .expect("set the time");
        drop(own);
        let folder = Dir::open(&at("folder")).expect("open");
        folder.rename(b"own", b"c").expect("rename");
        let (same, counts) = again(overwrite);
        assert_eq!((counts.create, counts.replace, counts.same), (1, 1, 6));
        assert_eq!((same, counts.bytes), (first, 0), "{overwrite:?}");
    }
}

fn three_names() -> (Place, String) {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    for name in ["a", "b", "c"] {
        tree.file(name, b"shared").metadata(name, |metadata| {
            (metadata.inode, metadata.links) = (7, 3);
        });
    }
    let id = id(&place.snapshot(&tree));
    (place, id)
}

fn assert_shared(target: &Path, names: &[&str]) {
    for name in names {
        assert_eq!(std::fs::read(target.join(name)).expect(name), b"shared");
    }
}

#[test]
fn a_name_that_cannot_be_restored_leaves_the_others_linked() {
    let (place, id) = three_names();
    let disk = target();
    std::fs::create_dir(disk.path().join("a")).expect("a folder in the way");
    let system = Arc::new(SystemExtended);
    let restored = restore_with(&place, &id, disk.path(), system, |_| {});
    let problems = restored.problems.iter();
    let named: Vec<_> = problems.map(|p| (p.path.as_str(), p.code)).collect();
    assert_eq!(named, [("a", ProblemCode::InTheWay)]);
    assert_eq!((restored.counts.create, restored.counts.cannot), (2, 1));
    assert_shared(disk.path(), &["b", "c"]);
    let dir = Dir::open(disk.path()).expect("open");
    let number = |name: &[u8]| dir.metadata(name).expect("metadata").id();
    assert_eq!(number(b"b"), number(b"c"));
}

#[test]
fn names_that_cannot_be_linked_are_files_of_their_own() {
    let (place, id) = three_names();
    let disk = target();
    // Once the journal is there somebody else takes the first name.
    let folder = disk.path().to_owned();
    let store = Watched::over(&place.store, move |_| {
        if std::fs::read_dir(&folder).expect("list").next().is_some() {
            let _ = std::fs::File::create_new(folder.join("a"));
        }
    });
    let place = Place::open(store);
    let system = Arc::new(SystemExtended);
    let restored = restore_with(&place, &id, disk.path(), system, |_| {});
    let problems = restored.problems.iter();
    let named: Vec<_> = problems
        .map(|p| (p.path.as_str(), p.code, p.severity))
        .collect();
    assert_eq!(
        named,
        [
            ("a", ProblemCode::InTheWay, Severity::Error),
            ("b", ProblemCode::AttributesNotSet, Severity::Warning)
        ]
    );
    let said = &restored.problems[1].message;
    assert!(
        said.contains("hard link") && said.contains("(b, c)"),
        "{said}"
    );
    assert_eq!((restored.counts.create, restored.counts.cannot), (2, 1));
    assert_shared(disk.path(), &["b", "c"]);
    assert_eq!(std::fs::read(disk.path().join("a")).expect("read"), b"");
    let names = std::fs::read_dir(disk.path()).expect("list").count();
    assert_eq!(names, 3, "nothing is left beside them");
}

#[test]
fn holes_are_made_again() {
    const SIZE: usize = 24 << 20;
    let place = Place::new();
    let mut content = vec![0; SIZE];
    content[100] = 1;
    content[(20 << 20)..(20 << 20) + 4096].fill(7);
    let mut small = vec![0; 100_000];
    small[50_000] = 9;
    let sparse = |data: &[(u64, u64)]| Extended {
        data: Some(data.to_vec()),
        ..Extended::default()
    };
    let mut tree = MemoryTree::new("data");
    tree.file("large", content.clone())
        .file("small", small.clone())
        .file("hollow", vec![0; 3 << 20])
        .file("whole", vec![0; 3 << 20])
        .extended("large", sparse(&[(0, 4096), (20 << 20, 4096)]))
        .extended("small", sparse(&[(49_152, 4096)]))
        .extended("hollow", sparse(&[]));
    let report = place.snapshot(&tree);
    let disk = target();
    let system = Arc::new(SystemExtended);
    let restored = restore_with(&place, &id(&report), disk.path(), system, |_| {});
    assert_eq!(restored.problems, []);
    let back = |name: &str| std::fs::read(disk.path().join(name)).expect(name);
    assert!(back("large") == content && back("small") == small);
    assert!(back("hollow") == vec![0; 3 << 20] && back("whole") == vec![0; 3 << 20]);
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt as _;
        let room = |name: &str| {
            let metadata = std::fs::metadata(disk.path().join(name)).expect(name);
            metadata.blocks() * 512
        };
        for (name, most) in [("large", 64 << 10), ("small", 16 << 10), ("hollow", 0)] {
            assert!(room(name) <= most, "{name} takes {} bytes", room(name));
        }
        assert!(room("whole") >= 3 << 20, "it had no holes");
    }
}

/// Values that do not fit into an entry are objects of their own.
#[test]
fn large_values_come_back() {
    let place = Place::new();
    let large = attribute("user.large", &[5; 60_000]);
    let mut tree = MemoryTree::new("data");
    tree.file("file", b"content")
        .directory("folder")
        .extended("file", large.clone())
        .extended("folder", attribute("user.large", &[6; 60_000]))
        .extended("", attribute("user.large", &[7; 60_000]));
    let report = place.snapshot(&tree);
    let disk = target();
    let recorder = Arc::new(Recorder::default());
    let restored = restore_with(&place, &id(&report), disk.path(), recorder.clone(), |_| {});
    assert_eq!(restored.problems, []);
    let mut written = std::mem::take(&mut *recorder.written.lock());
    written.sort_by_key(|(_, extended)| extended.attributes[0].1[0]);
    let values: Vec<_> = written
        .iter()
        .map(|(kind, extended)| (kind.as_str(), extended.attributes[0].1.clone()))
        .collect();
    assert_eq!(
        values,
        [
            ("file", vec![5; 60_000]),
            ("directory", vec![6; 60_000]),
            ("directory", vec![7; 60_000])
        ]
    );
}
