//! What a restore writes, and what it does not.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_files::MemoryTree;
use holdfast_planning::restore::{Counts, Overwrite};
use holdfast_repository::directory::{DirectoryEntry, EntryKind, SummaryBuilder, encode};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::object::ObjectId;
use holdfast_snapshot::{Error, ProblemCode, Progress, RestoreReport, RestoreRequest, restore};

use crate::support::{Place, Watched, id, random};

/// A repository with one snapshot and a place to restore it to.
struct Scene {
    place: Place,
    id: String,
    disk: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let mut tree = MemoryTree::new("data");
        tree.file("a", b"alpha")
            .file("dir/b", b"beta")
            .file("dir/large", random(1, 9 << 20))
            .file("empty", b"");
        tree.directory("hollow")
            .metadata("a", |m| (m.uid, m.gid) = own());
        let id = id(&place.snapshot(&tree));
        Self {
            place,
            id,
            disk: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }

    fn request(&self, path: &str, target: &str) -> RestoreRequest {
        RestoreRequest::new(&self.id, path, self.path(target))
    }

    fn restore(&self, path: &str, target: &str) -> RestoreReport {
        self.restore_with(path, target, |_| {})
    }

    fn restore_with(
        &self,
        path: &str,
        target: &str,
        change: impl FnOnce(&mut RestoreRequest),
    ) -> RestoreReport {
        let mut request = self.request(path, target);
        change(&mut request);
        restore(&self.place.repo, &request).expect("restore")
    }
}

#[cfg(unix)]
fn own() -> (u32, u32) {
    (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    )
}

#[cfg(windows)]
fn own() -> (u32, u32) {
    (0, 0)
}

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

#[test]
fn a_tree_a_folder_and_a_file() {
    let scene = Scene::new();
    let report = scene.restore("", "new/all");
    assert_eq!(report.errors(), 0, "{report:?}");
    assert_eq!(
        report.counts,
        Counts {
            create: 7,
            bytes: (9 << 20) + 9,
            ..Counts::default()
        }
    );
    assert_eq!(
        (report.files, report.directories, report.symlinks),
        (4, 3, 0)
    );
    assert_eq!(read(scene.path("new/all/dir/large")), random(1, 9 << 20));
    assert!(scene.path("new/all/hollow").is_dir());
    assert_eq!(read(scene.path("new/all/empty")), b"");

    scene.restore("dir", "folder");
    assert_eq!(read(scene.path("folder/b")), b"beta");
    assert!(!scene.path("folder/a").exists());

    scene.restore("dir/b", "as-file");
    assert_eq!(read(scene.path("as-file")), b"beta");
}

// Requirements: RST-8
#[test]
fn a_file_goes_into_a_target_that_is_a_directory() {
    let scene = Scene::new();
    fs::create_dir(scene.path("existing")).expect("make a directory");
    scene.restore("dir/b", "existing");
    assert_eq!(read(scene.path("existing/b")), b"beta");
    scene.restore("/dir//b", "to-be-made/");
    assert_eq!(read(scene.path("to-be-made/b")), b"beta");
    scene.restore("dir/large", "not-there/renamed");
    assert_eq!(read(scene.path("not-there/renamed")).len(), 9 << 20);
}

#[test]
fn existing_files_are_replaced_kept_or_compared() {
    let scene = Scene::new();
    scene.restore("", "target");
    let spoil = || {
        fs::write(scene.path("target/a"), b"mine").expect("write");
        fs::write(scene.path("target/dir/large"), b"mine").expect("write");
        fs::write(scene.path("target/other"), b"mine").expect("write");
    };
    spoil();
    let kept = scene.restore_with("", "target", |request| request.overwrite = Overwrite::Never);
    assert_eq!(
        kept.counts,
        Counts {
            keep: 4,
            same: 3,
            ..Counts::default()
        }
    );
    assert_eq!(read(scene.path("target/a")), b"mine");

    let compared = scene.restore_with("", "target", |request| {
        request.overwrite = Overwrite::Different
    });
    assert_eq!(
        compared.counts,
        Counts {
            replace: 2,
            same: 5,
            bytes: (9 << 20) + 5,
            ..Counts::default()
        }
    );
    assert_eq!(read(scene.path("target/a")), b"alpha");

    spoil();
    let replaced = scene.restore("", "target");
    assert_eq!(
        replaced.counts,
        Counts {
            replace: 4,
            same: 3,
            bytes: (9 << 20) + 9,
            ..Counts::default()
        }
    );
    assert_eq!(read(scene.path("target/dir/large")), random(1, 9 << 20));
    assert_eq!(
        read(scene.path("target/other")),
        b"mine",
        "what the snapshot does not have stays"
    );
    let names: Vec<_> = fs::read_dir(scene.path("target"))
        .expect("list")
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| !name.to_string_lossy().contains("holdfast")),
        "{names:?}"
    );
}

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let scene = Scene::new();
    let plan = scene.restore_with("", "nowhere", |request| request.dry_run = true);
    assert_eq!(
        plan.counts,
        Counts {
            create: 7,
            bytes: (9 << 20) + 9,
            ..Counts::default()
        }
    );
    assert!(!scene.path("nowhere").exists());
    scene.restore("", "target");
    fs::write(scene.path("target/a"), b"mine").expect("write");
    let plan = scene.restore_with("", "target", |request| {
        request.dry_run = true;
        request.overwrite = Overwrite::Different;
    });
    assert_eq!(
        plan.counts,
        Counts {
            replace: 1,
            same: 6,
            bytes: 5,
            ..Counts::default()
        }
    );
    assert_eq!(read(scene.path("target/a")), b"mine");
}

#[test]
fn something_of_another_kind_is_not_removed() {
    let scene = Scene::new();
    fs::create_dir_all(scene.path("target/a/full")).expect("make a directory");
    fs::write(scene.path("target/dir"), b"a file").expect("write");
    let report = scene.restore("", "target");
    let named: Vec<_> = report
        .problems
        .iter()
        .map(|p| (p.path.as_str(), p.code))
        .collect();
    assert_eq!(
        named,
        [("a", ProblemCode::InTheWay), ("dir", ProblemCode::InTheWay)]
    );
    assert_eq!(report.counts.cannot, 4, "both and what is in the folder");
    assert_eq!(read(scene.path("target/dir")), b"a file");
    assert!(scene.path("target/a/full").is_dir() && scene.path("target/hollow").is_dir());
}

#[test]
fn unknown_snapshots_and_paths_are_named() {
    let scene = Scene::new();
    let fail = |id: &str, path: &str| {
        let target = scene.path("never");
        restore(&scene.place.repo, &RestoreRequest::new(id, path, target))
            .expect_err("nothing to restore")
    };
    assert!(matches!(fail("", ""), Error::NoSnapshot));
    assert!(matches!(
        fail("0123456789abcdef0123456789abcdef", ""),
        Error::SnapshotNotFound(_)
    ));
    assert!(matches!(fail("what?", ""), Error::SnapshotNotFound(_)));
    assert!(matches!(
        fail(&scene.id, "dir/none"),
        Error::PathNotFound { .. }
    ));
    assert!(matches!(
        fail(&scene.id, "a/below"),
        Error::PathNotFound { .. }
    ));
    assert!(!scene.path("never").exists());
}

#[test]
fn an_object_is_restored_by_its_id() {
    let scene = Scene::new();
    let located = holdfast_snapshot::locate(&scene.place.repo, &scene.id, "dir").expect("find");
    let object = located.entry.object.expect("an object").to_string();
    restore(
        &scene.place.repo,
        &RestoreRequest::new(object, "b", scene.path("b")),
    )
    .expect("restore");
    assert_eq!(read(scene.path("b")), b"beta");
}

#[test]
fn progress_reaches_its_total() {
    let scene = Scene::new();
    let progress = Arc::new(Progress::new());
    scene.restore_with("", "target", |request| {
        request.progress = Arc::clone(&progress)
    });
    assert_eq!(progress.bytes_total(), Some((9 << 20) + 9));
    assert_eq!(progress.bytes_processed(), (9 << 20) + 9);
    assert_eq!(
        (progress.files_total(), progress.files_done()),
        (Some(4), 4)
    );
}

#[test]
fn a_cancelled_restore_leaves_no_half_written_files() {
    let scene = Scene::new();
    let request = scene.request("", "target");
    request.cancel.cancel();
    assert!(matches!(
        restore(&scene.place.repo, &request),
        Err(Error::Cancelled)
    ));
    assert!(!scene.path("target/dir/large").exists());
}

#[test]
fn holes_are_kept_where_asked() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    let mut content = vec![0; 40 << 20];
    content.extend_from_slice(b"end");
    tree.file("sparse", content.clone());
    let id = id(&place.snapshot(&tree));
    let disk = tempfile::tempdir().expect("a temporary directory");
    let mut request = RestoreRequest::new(id, "sparse", disk.path().join("sparse"));
    request.sparse = true;
    restore(&place.repo, &request).expect("restore");
    assert!(read(disk.path().join("sparse")) == content);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let blocks = fs::metadata(disk.path().join("sparse"))
            .expect("metadata")
            .blocks();
        assert!(blocks * 512 < 20 << 20, "{blocks}");
    }
}

#[cfg(unix)]
#[test]
fn holes_inside_of_contents_are_kept_too() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    let mut content = random(3, 200_000);
    content.resize(1 << 20, 0);
    content.extend_from_slice(b"end");
    let mut tree = MemoryTree::new("data");
    tree.file("short", content.clone());
    let id = id(&place.snapshot(&tree));
    let disk = tempfile::tempdir().expect("a temporary directory");
    let mut blocks = [0, 0];
    for (sparse, blocks) in [false, true].into_iter().zip(&mut blocks) {
        let target = disk.path().join(format!("sparse-{sparse}"));
        let mut request = RestoreRequest::new(&id, "short", &target);
        request.sparse = sparse;
        restore(&place.repo, &request).expect("restore");
        assert!(read(&target) == content);
        *blocks = fs::metadata(&target).expect("metadata").blocks();
    }
    assert!(blocks[1] * 2 < blocks[0], "{blocks:?}");
}

#[test]
fn no_file_has_its_name_before_it_is_complete() {
    let scene = Scene::new();
    let (large, whole) = (scene.path("target/dir/large"), random(1, 9 << 20));
    let (seen, expected) = (Arc::new(AtomicUsize::new(0)), whole.clone());
    let half = {
        let (large, seen) = (large.clone(), Arc::clone(&seen));
        Watched::over(&scene.place.store, move |_| {
            if fs::read(&large).is_ok_and(|content| content != expected) {
                seen.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let place = Place::open(half);
    let mut request = scene.request("", "target");
    request.parallelism = NonZeroUsize::new(1);
    restore(&place.repo, &request).expect("restore");
    assert_eq!(seen.load(Ordering::Relaxed), 0);
    assert!(read(&large) == whole);
}

#[test]
fn a_file_that_appears_meanwhile_is_not_replaced() {
    let scene = Scene::new();
    let large = scene.path("target/dir/large");
    let store = {
        let large = large.clone();
        Watched::over(&scene.place.store, move |_| {
            if large.parent().is_some_and(Path::is_dir) {
                fs::write(&large, b"mine").expect("write");
            }
        })
    };
    let report = restore(&Place::open(store).repo, &scene.request("", "target")).expect("restore");
    let named: Vec<_> = report
        .problems
        .iter()
        .map(|p| (p.path.as_str(), p.code))
        .collect();
    assert_eq!(named, [("dir/large", ProblemCode::InTheWay)]);
    assert_eq!(read(&large), b"mine");
    assert_eq!(read(scene.path("target/a")), b"alpha");
    assert_eq!(names(&scene.path("target/dir")), ["b", "large"]);
}

#[test]
fn what_a_killed_restore_left_is_removed_by_the_next() {
    let scene = Scene::new();
    scene.restore("", "target");
    let leftovers = [
        "target/.holdfast-restore-00112233445566ff-12",
        "target/dir/.holdfast-restore-0000000000004711-0",
    ];
    let others = [
        "target/.holdfast-restore-notes",
        "target/dir/.holdfast-restore-1-2.txt",
    ];
    for name in leftovers.iter().chain(&others) {
        fs::write(scene.path(name), b"half").expect("write");
    }
    scene.restore_with("", "target", |request| request.dry_run = true);
    assert!(
        scene.path(leftovers[0]).exists(),
        "a dry run removes nothing"
    );
    scene.restore_with("", "target", |request| request.overwrite = Overwrite::Never);
    for name in leftovers {
        assert!(!scene.path(name).exists(), "{name}");
    }
    for name in others {
        assert_eq!(read(scene.path(name)), b"half", "{name}");
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("list").flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Stores a directory stream as it is and returns its object.
pub(crate) fn store_directory(place: &Place, entries: &[DirectoryEntry]) -> ObjectId {
    let mut summary = SummaryBuilder::new();
    entries.iter().for_each(|entry| summary.add(entry));
    let bytes = encode(entries, &summary.finish(UnixNanos::EPOCH, ""), None);
    let session = place.repo.session().expect("a session");
    let mut writer = session.writer();
    let written = writer.write(Some(b'k'), &bytes, None).expect("write");
    writer.finish_packs().expect("store the packs");
    drop(writer);
    session.commit_index().expect("publish");
    session.close().expect("close");
    ObjectId::direct(written.id)
}

pub(crate) fn entry(name: &[u8], kind: EntryKind, object: ObjectId) -> DirectoryEntry {
    let mut entry = DirectoryEntry::new(name, kind);
    entry.object = Some(object);
    entry.size = 5;
    entry
}

// Requirements: SEC-12
#[test]
fn hostile_names_do_not_leave_the_target() {
    let scene = Scene::new();
    let file = holdfast_snapshot::locate(&scene.place.repo, &scene.id, "a")
        .expect("find")
        .entry
        .object
        .expect("one");
    let names = [
        &b".."[..],
        b".",
        b"",
        b"../escaped",
        b"/tmp/escaped",
        b"x/y",
        b"z\0",
    ];
    let mut entries: Vec<_> = names
        .iter()
        .map(|name| entry(name, EntryKind::File, file))
        .collect();
    entries.push(entry(b"good", EntryKind::File, file));
    entries.push(entry(b"odd", EntryKind::Other("x".into()), file));
    let root = store_directory(&scene.place, &entries);
    fs::create_dir(scene.path("inside")).expect("make a directory");
    let target = scene.path("inside/target");
    let report = restore(
        &scene.place.repo,
        &RestoreRequest::new(root.to_string(), "", &target),
    )
    .expect("restore");
    let refused = report
        .problems
        .iter()
        .filter(|p| p.code == ProblemCode::NameRefused)
        .count();
    assert_eq!(refused, names.len(), "{report:?}");
    assert_eq!(
        report
            .problems
            .iter()
            .filter(|p| p.code == ProblemCode::UnsupportedType)
            .count(),
        1
    );
    assert_eq!(read(target.join("good")), b"alpha");
    assert_eq!(fs::read_dir(&target).expect("list").count(), 1);
    assert_eq!(fs::read_dir(scene.path("inside")).expect("list").count(), 1);
}

#[test]
fn entries_of_one_name_are_all_restored() {
    let scene = Scene::new();
    let object = |path| {
        let located = holdfast_snapshot::locate(&scene.place.repo, &scene.id, path).expect("find");
        located.entry.object.expect("an object")
    };
    let entries = [
        entry(b"same", EntryKind::File, object("a")),
        entry(b"same", EntryKind::File, object("dir/b")),
    ];
    let root = store_directory(&scene.place, &entries);
    let target = scene.path("target");
    let report = restore(
        &scene.place.repo,
        &RestoreRequest::new(root.to_string(), "", &target),
    )
    .expect("restore");
    assert_eq!(report.errors(), 0);
    assert!(
        report
            .problems
            .iter()
            .any(|p| p.code == ProblemCode::DuplicateName)
    );
    assert_eq!(
        (read(target.join("same")), read(target.join("same (2)"))),
        (b"alpha".to_vec(), b"beta".to_vec())
    );
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    /// Does something on a thread that may not change owners, nor let those it starts do so.
    fn without_the_right_to_give_away<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let mut sets = capabilities(None).expect("what this thread may do");
                sets.effective.remove(CapabilitySet::CHOWN);
                set_capabilities(None, sets).expect("give it up");
                work()
            });
            thread.join().expect("the work")
        })
    }

    #[test]
    fn set_id_bits_are_never_given_to_another_owner() {
        let place = Place::new();
        let mut tree = MemoryTree::new("data");
        let foreign = own().0 + 12_345;
        tree.file("mine", b"1")
            .file("foreign", b"1")
            .file("large", random(1, 9 << 20))
            .directory("dir");
        for (name, uid, mode) in [
            ("mine", own().0, 0o4755),
            ("foreign", foreign, 0o6755),
            ("large", foreign, 0o4711),
            ("dir", foreign, 0o3775),
        ] {
            tree.metadata(name, |m| (m.uid, m.gid, m.mode) = (uid, own().1, mode));
        }
        let id = id(&place.snapshot(&tree));
        let disk = tempfile::tempdir().expect("a temporary directory");
        for (target, owners) in [("refused", true), ("not-asked-for", false)] {
            let target = disk.path().join(target);
            let mut request = RestoreRequest::new(&id, "", &target);
            request.owners = owners;
            // Twice: what is there already is no different.
            for _ in 0..2 {
                let report = without_the_right_to_give_away(|| restore(&place.repo, &request))
                    .expect("restore");
                assert_eq!(report.errors(), 0);
                let warned =
                    |p: &&holdfast_snapshot::Problem| p.code == ProblemCode::AttributesNotSet;
                assert!(report.problems.iter().any(|p| warned(&p)), "{report:?}");
                for (name, mode) in [
                    ("mine", 0o4755),
                    ("foreign", 0o755),
                    ("large", 0o711),
                    ("dir", 0o1775),
                ] {
                    let found = fs::metadata(target.join(name)).expect(name).mode() & 0o7777;
                    assert_eq!(found, mode, "{name} is {found:o}");
                }
            }
        }
    }

    #[test]
    fn links_in_the_target_are_never_followed() {
        let scene = Scene::new();
        fs::create_dir(scene.path("outside")).expect("make a directory");
        fs::write(scene.path("outside/a"), b"precious").expect("write");
        fs::create_dir(scene.path("target")).expect("make a directory");
        symlink(scene.path("outside"), scene.path("target/dir")).expect("link");
        symlink(scene.path("outside/a"), scene.path("target/a")).expect("link");
        let report = scene.restore("", "target");
        assert_eq!(report.errors(), 1, "{report:?}");
        assert_eq!(
            (report.problems[0].path.as_str(), report.problems[0].code),
            ("dir", ProblemCode::InTheWay)
        );
        assert_eq!(read(scene.path("outside/a")), b"precious");
        assert_eq!(
            fs::read_dir(scene.path("outside")).expect("list").count(),
            1
        );
        assert_eq!(
            read(scene.path("target/a")),
            b"alpha",
            "the link is replaced by the file"
        );
        assert!(!scene.path("target/a").is_symlink());
    }

    #[test]
    fn a_folder_that_becomes_a_link_meanwhile_is_not_entered() {
        let scene = Scene::new();
        let (outside, folder) = (scene.path("outside"), scene.path("target/dir"));
        fs::create_dir(&outside).expect("make a directory");
        let mode = || fs::metadata(&outside).expect("metadata").mode();
        let before = mode();
        let store = {
            let (outside, away) = (outside.clone(), scene.path("target/away"));
            Watched::over(&scene.place.store, move |_| {
                if folder.is_dir() && !folder.is_symlink() {
                    rustix::fs::rename(&folder, &away).expect("move the folder away");
                    symlink(&outside, &folder).expect("put a link in its place");
                }
            })
        };
        let report =
            restore(&Place::open(store).repo, &scene.request("", "target")).expect("restore");
        assert_eq!(fs::read_dir(&outside).expect("list").count(), 0);
        assert_eq!(mode(), before);
        let failed: Vec<_> = report.problems.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(failed, ["dir", "dir/b", "dir/large"]);
        assert_eq!(report.counts.cannot, 2);
        assert_eq!(read(scene.path("target/a")), b"alpha");
    }

    #[test]
    fn a_link_and_a_folder_of_one_name_do_not_lead_out() {
        let scene = Scene::new();
        let session_target = scene.path("outside");
        fs::create_dir(&session_target).expect("make a directory");
        let link = {
            let session = scene.place.repo.session().expect("a session");
            let mut writer = session.writer();
            let target = session_target.display().to_string();
            let written = writer.write(None, target.as_bytes(), None).expect("write");
            writer.finish_packs().expect("store");
            drop(writer);
            session.close().expect("close");
            ObjectId::direct(written.id)
        };
        let folder = holdfast_snapshot::locate(&scene.place.repo, &scene.id, "dir")
            .expect("find")
            .entry
            .object;
        let entries = [
            entry(b"x", EntryKind::Directory, folder.expect("an object")),
            entry(b"x", EntryKind::Symlink, link),
        ];
        let root = store_directory(&scene.place, &entries);
        let target = scene.path("target");
        restore(
            &scene.place.repo,
            &RestoreRequest::new(root.to_string(), "", &target),
        )
        .expect("restore");
        assert_eq!(fs::read_dir(&session_target).expect("list").count(), 0);
        assert_eq!(read(target.join("x/b")), b"beta");
        assert!(target.join("x (2)").is_symlink());
    }

    #[test]
    fn modes_times_and_links_are_restored() {
        let place = Place::new();
        let mut tree = MemoryTree::new("data");
        let ids = own();
        tree.file("plain", b"1")
            .file("set-id", b"1")
            .file("secret", b"1")
            .file("closed/file", b"1");
        tree.symlink("link", b"no\xffwhere".to_vec())
            .file("old", b"1");
        for (path, mode) in [
            ("plain", 0o644),
            ("set-id", 0o4755),
            ("secret", 0o400),
            ("closed", 0o500),
        ] {
            tree.metadata(path, |m| m.mode = mode);
        }
        for path in [
            "",
            "plain",
            "set-id",
            "secret",
            "closed",
            "closed/file",
            "link",
            "old",
        ] {
            tree.metadata(path, |m| {
                (m.uid, m.gid) = ids;
                m.modified = 1_234_567_890_123_456_789;
            });
        }
        tree.metadata("old", |m| m.modified = -1_500_000_000);
        let id = id(&place.snapshot(&tree));
        let disk = tempfile::tempdir().expect("a temporary directory");
        let report =
            restore(&place.repo, &RestoreRequest::new(id, "", disk.path())).expect("restore");
        assert_eq!(report.problems, []);
        let metadata = |path: &str| fs::symlink_metadata(disk.path().join(path)).expect(path);
        for (path, mode) in [
            ("plain", 0o644),
            ("set-id", 0o4755),
            ("secret", 0o400),
            ("closed", 0o500),
        ] {
            assert_eq!(metadata(path).mode() & 0o7777, mode, "{path}");
        }
        for path in ["", "plain", "closed", "closed/file", "link"] {
            let metadata = metadata(path);
            assert_eq!(
                (metadata.mtime(), metadata.mtime_nsec()),
                (1_234_567_890, 123_456_789),
                "{path}"
            );
        }
        assert_eq!(
            (metadata("old").mtime(), metadata("old").mtime_nsec()),
            (-2, 500_000_000)
        );
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(
            fs::read_link(disk.path().join("link"))
                .expect("read")
                .as_os_str()
                .as_bytes(),
            b"no\xffwhere"
        );
        fs::set_permissions(
            disk.path().join("closed"),
            fs::Permissions::from_mode(0o700),
        )
        .expect("set");
    }
}
