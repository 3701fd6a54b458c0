//! Restores into archives, read back by the programs that people have.

use std::ffi::OsStr;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use holdfast_files::MemoryTree;
use holdfast_planning::restore::Overwrite;
use holdfast_repository::directory::EntryKind;
use holdfast_repository::object::ObjectId;
use holdfast_snapshot::{
    ArchiveFormat, Error, Form, ProblemCode, RestoreReport, RestoreRequest, restore,
    restore_to_stream,
};
use holdfast_storage::{BlobId, ErrorKind};
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};
use holdfast_testkit::tree::{Compare, assert_same};

use parking_lot::{Condvar, Mutex};

use crate::restore::{entry, store_directory};
use crate::restore_plan::as_ordinary_user;
use crate::support::{Call, Place, Watched, fine_cuts, id, random};

const MIB: usize = 1 << 20;

/// Entries of every kind, with names and metadata that the oldest headers do not hold.
fn tree() -> MemoryTree {
    let mut tree = MemoryTree::new("data");
    let deep = format!("{}/{}", "d".repeat(120), "e".repeat(120));
    tree.file("plain", b"alpha")
        .file("empty", b"")
        .file("dir/long", random(1, 3 * MIB))
        .file("dir/other long", random(2, 2 * MIB + 17))
        .file("dir/program", b"#!")
        .file(format!("{deep}/file"), b"deep")
        .file("é", b"text that is no ASCII")
        .file(b"raw\xff", b"no text")
        .file([b'r'; 150].map(|byte| byte ^ 0x80), b"no text, and long")
        .symlink("link", b"dir/long".to_vec())
        .symlink("far link", vec![b't'; 180])
        .directory("hollow");
    tree.metadata("dir/program", |m| m.mode = 0o4751)
        .metadata("dir", |m| {
            (m.mode, m.uid, m.gid) = (0o2750, 1234, 3_000_000)
        })
        .metadata("plain", |m| m.modified = 1_600_000_000_123_456_789)
        .metadata("empty", |m| m.modified = -1_500_000_000)
        .metadata("é", |m| m.modified = 4_102_444_800_500_000_000);
    tree
}

struct Scene {
    place: Place,
    id: String,
    disk: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let id = id(&place.snapshot_with(&tree(), |request| request.policy = fine_cuts()));
        let disk = tempfile::tempdir().expect("a temporary directory");
        Self { place, id, disk }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }

    fn request(&self, target: &str) -> RestoreRequest {
        let mut request = RestoreRequest::new(&self.id, "", self.path(target));
        request.form = Form::ByName;
        request
    }

    fn restore(&self, target: &str) -> RestoreReport {
        restore(&self.place.repo, &self.request(target)).expect("restore")
    }

    /// The same restored into a folder, and the report of that.
    fn folder(&self) -> (PathBuf, RestoreReport) {
        let folder = self.path("folder");
        let report = restore(
            &self.place.repo,
            &RestoreRequest::new(&self.id, "", &folder),
        );
        (folder, report.expect("restore"))
    }

    /// An empty folder to unpack into.
    fn unpacked(&self) -> PathBuf {
        let unpacked = self.path("unpacked");
        fs::create_dir(&unpacked).expect("make a folder");
        unpacked
    }

    /// Takes away the packs of a second snapshot with another long file, whose index still knows them.
    fn with_lost_pack(&mut self) {
        let packs = |place: &Place| {
            let mut found: Vec<BlobId> = Vec::new();
            let listed = place.store.list("p", &mut |blob| {
                found.push(blob.id);
                std::ops::ControlFlow::Continue(())
            });
            listed.expect("list");
            found
        };
        let before = packs(&self.place);
        let mut tree = tree();
        let mut long = random(1, 3 * MIB);
        long[2 * MIB] ^= 1;
        tree.file("dir/long", long)
            .metadata("dir/long", |m| m.modified += 1_000_000_000);
        let second = self
            .place
            .snapshot_with(&tree, |request| request.policy = fine_cuts());
        self.id = id(&second);
        for pack in packs(&self.place) {
            if !before.contains(&pack) {
                self.place.store.delete(&pack).expect("lose a pack");
            }
        }
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("start it");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn unpack_tar(archive: &Path, target: &Path) {
    let mut command = Command::new("tar");
    command.args([
        "--extract",
        "--preserve-permissions",
        "--numeric-owner",
        "--file",
    ]);
    run(command.arg(archive).arg("--directory").arg(target));
}

/// What of the metadata this user can unpack.
fn everything() -> Compare {
    match rustix::process::geteuid().is_root() {
        true => Compare::ALL,
        false => Compare::WITHOUT_OWNERS,
    }
}

#[test]
fn tar_has_everything() {
    let scene = Scene::new();
    let (folder, as_folder) = scene.folder();
    let report = scene.restore("archive.tar");
    assert_eq!(report.problems, []);
    assert_eq!(report.counts, as_folder.counts);
    assert_eq!(report.directories, as_folder.directories);
    let unpacked = scene.unpacked();
    unpack_tar(&scene.path("archive.tar"), &unpacked);
    assert_same(&folder, &unpacked, &everything());
    // Beside the archive there is nothing left of its making.
    let mut names: Vec<_> = fs::read_dir(scene.disk.path())
        .expect("list")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["archive.tar", "folder", "unpacked"]);
}

#[test]
fn a_stream_is_the_same_archive() {
    let scene = Scene::new();
    let (folder, _) = scene.folder();
    let mut stream = Vec::new();
    let request = scene.request("-");
    let report = restore_to_stream(&scene.place.repo, &request, &mut stream).expect("restore");
    assert_eq!(report.problems, []);
    fs::write(scene.path("stream"), &stream).expect("write");
    let unpacked = scene.unpacked();
    unpack_tar(&scene.path("stream"), &unpacked);
    assert_same(&folder, &unpacked, &everything());
}

#[test]
fn python_reads_the_same_from_tar() {
    let scene = Scene::new();
    scene.restore("archive.tar");
    let script = PYTHON_TAR;
    let printed = run(Command::new("python3")
        .args(["-c", script])
        .arg(scene.path("archive.tar")));
    let line = |start: &str| {
        let found = printed.lines().find(|line| line.starts_with(start));
        found
            .unwrap_or_else(|| panic!("{start}: {printed}"))
            .to_owned()
    };
    assert_eq!(
        line("b'dir/program'"),
        "b'dir/program' b'0' 0o4751 2 1700000000 "
    );
    assert_eq!(line("b'empty'"), "b'empty' b'0' 0o644 0 -1.5 ");
    assert!(line("b'raw\\xff'").contains(" 7 "), "{printed}");
    assert!(
        line("b'\\xf2\\xf2").contains("\\xf2' b'0' 0o644 17 "),
        "{printed}"
    );
    assert!(line("b'far link'").ends_with(&"t".repeat(180)), "{printed}");
    assert_eq!(printed.lines().count(), 16, "{printed}");
}

const PYTHON_TAR: &str = r"
import sys, tarfile
for member in tarfile.open(sys.argv[1]).getmembers():
    name = member.name.encode('utf-8', 'surrogateescape')
    print(name, member.type, oct(member.mode), member.size, member.mtime, member.linkname)
";

#[test]
fn zip_has_contents_permissions_and_times() {
    let scene = Scene::new();
    let report = scene.restore("archive.ZIP");
    check_zip(&scene, &report);
}

#[test]
fn zip_is_the_same_as_a_stream() {
    let scene = Scene::new();
    let mut request = scene.request("-");
    request.form = Form::Archive(ArchiveFormat::Zip);
    let mut file = fs::File::create(scene.path("archive.ZIP")).expect("create");
    let report = restore_to_stream(&scene.place.repo, &request, &mut file).expect("restore");
    check_zip(&scene, &report);
}

/// Reads the archive back by two programs.
fn check_zip(scene: &Scene, report: &RestoreReport) {
    let (folder, as_folder) = scene.folder();
    assert_eq!(report.problems, []);
    assert_eq!(report.counts, as_folder.counts);
    let tested = run(Command::new("python3")
        .args(["-c", PYTHON_ZIP])
        .arg(scene.path("archive.ZIP")));
    assert_eq!(
        tested.trim(),
        "None 15 True",
        "no damaged member, and all of them"
    );
    let unpacked = scene.unpacked();
    let mut unzip = Command::new("unzip");
    unzip
        .args(["-q", "-X", "-K"])
        .arg(scene.path("archive.ZIP"));
    run(unzip.arg("-d").arg(&unpacked));
    // The format has neither fractions of seconds nor times before 1980 or after 2107, unzip takes none of links, and makes
    // other names of those that are no text.
    for place in [&folder, &unpacked] {
        for entry in fs::read_dir(place).expect("list") {
            let entry = entry.expect("an entry");
            let name = entry.file_name();
            if !name.as_bytes().is_ascii() || name == "empty" || name == "raw" {
                fs::remove_file(entry.path()).expect("remove");
            }
        }
    }
    let kept = Compare {
        time_step: 1_000_000_000,
        link_times: false,
        root: false,
        ..everything()
    };
    assert_same(&folder, &unpacked, &kept);
}

/// Prints the first damaged member, how many there are, and whether the name that is no text is among them.
const PYTHON_ZIP: &str = r"
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
raw = [name.encode('cp437', 'replace') for name in archive.namelist()]
print(archive.testzip(), len(raw), b'raw\xff' in raw)
";

#[test]
fn the_name_decides_for_folders_only() {
    let scene = Scene::new();
    let mut request = scene.request("plain.tar");
    request.path = "plain".to_owned();
    restore(&scene.place.repo, &request).expect("restore");
    assert_eq!(fs::read(scene.path("plain.tar")).expect("read"), b"alpha");

    let mut request = scene.request("as-folder.tar");
    request.form = Form::Folder;
    restore(&scene.place.repo, &request).expect("restore");
    assert!(scene.path("as-folder.tar/hollow").is_dir());
    scene.restore("as-folder.tar");
    assert!(
        scene.path("as-folder.tar").is_dir(),
        "an existing folder is one"
    );

    let mut request = scene.request("any name");
    request.form = Form::Archive(ArchiveFormat::Tar);
    request.path = "plain".to_owned();
    restore(&scene.place.repo, &request).expect("restore");
    let listed = run(Command::new("tar")
        .arg("--list")
        .arg("--file")
        .arg(scene.path("any name")));
    assert_eq!(listed, "plain\n");
}

#[test]
fn an_existing_archive_is_replaced_or_kept() {
    let scene = Scene::new();
    fs::write(scene.path("archive.tar"), b"mine").expect("write");
    let mut request = scene.request("archive.tar");
    request.overwrite = Overwrite::Never;
    let kept = restore(&scene.place.repo, &request);
    assert!(matches!(kept, Err(Error::Target { .. })), "{kept:?}");
    request.dry_run = true;
    request.overwrite = Overwrite::Always;
    let plan = restore(&scene.place.repo, &request).expect("plan");
    assert_eq!(fs::read(scene.path("archive.tar")).expect("read"), b"mine");
    assert_eq!(plan.counts, scene.restore("archive.tar").counts);
    assert!(
        fs::metadata(scene.path("archive.tar"))
            .expect("metadata")
            .len()
            > 5 * MIB as u64
    );
}

#[test]
fn one_file_as_a_stream() {
    let scene = Scene::new();
    let mut request = scene.request("-");
    request.path = "dir/long".to_owned();
    let mut stream = Vec::new();
    let report = restore_to_stream(&scene.place.repo, &request, &mut stream).expect("restore");
    assert!(stream == random(1, 3 * MIB));
    assert_eq!(
        (report.counts.create, report.counts.bytes),
        (1, 3 * MIB as u64)
    );
    request.path = "link".to_owned();
    let refused = restore_to_stream(&scene.place.repo, &request, &mut stream);
    assert!(
        matches!(refused, Err(Error::WrongKind { .. })),
        "{refused:?}"
    );
}

#[test]
fn damaged_files_are_left_out_and_named() {
    let mut scene = Scene::new();
    scene.with_lost_pack();
    for target in ["archive.tar", "archive.zip"] {
        let report = scene.restore(target);
        let named: Vec<_> = report
            .problems
            .iter()
            .map(|problem| (problem.path.as_str(), problem.code))
            .collect();
        assert_eq!(named, [("dir/long", ProblemCode::Damaged)], "{target}");
        assert_eq!(
            (report.counts.cannot, report.counts.create),
            (1, 15),
            "{target}"
        );
    }
    let unpacked = scene.unpacked();
    unpack_tar(&scene.path("archive.tar"), &unpacked);
    assert!(!unpacked.join("dir/long").exists());
    let rest = fs::read(unpacked.join("dir/other long")).expect("read");
    assert!(rest == random(2, 2 * MIB + 17));
    let tested = run(Command::new("python3")
        .args(["-c", PYTHON_ZIP])
        .arg(scene.path("archive.zip")));
    assert_eq!(tested.trim(), "None 14 True");
}

#[test]
fn a_stream_cannot_take_back_what_is_damaged_and_says_so() {
    let mut scene = Scene::new();
    scene.with_lost_pack();
    let mut stream = Vec::new();
    let request = scene.request("-");
    let report = restore_to_stream(&scene.place.repo, &request, &mut stream).expect("restore");
    let [problem] = &report.problems[..] else {
        panic!("one problem: {report:?}");
    };
    assert_eq!(problem.path, "dir/long");
    assert!(problem.message.contains("zeros"), "{problem}");
    fs::write(scene.path("stream"), &stream).expect("write");
    let unpacked = scene.unpacked();
    unpack_tar(&scene.path("stream"), &unpacked);
    let rest = fs::read(unpacked.join("dir/other long")).expect("read");
    assert!(rest == random(2, 2 * MIB + 17), "what follows is whole");
}

#[cfg(unix)]
#[test]
fn a_link_is_not_replaced_by_an_archive_and_what_can_go_on_stays() {
    let scene = Scene::new();
    fs::write(scene.path("precious"), b"mine").expect("write");
    std::os::unix::fs::symlink("precious", scene.path("archive.tar")).expect("link");
    let refused = restore(&scene.place.repo, &scene.request("archive.tar"));
    assert!(matches!(refused, Err(Error::Target { .. })), "{refused:?}");
    let link = fs::read_link(scene.path("archive.tar")).expect("a link still");
    assert_eq!(link, Path::new("precious"));
    assert_eq!(fs::read(scene.path("precious")).expect("read"), b"mine");

    let [journal, part, abandoned] = [
        ".holdfast-restore-00112233445566ff.journal",
        ".holdfast-restore-00112233445566ff-12",
        ".holdfast-restore-ff00112233445566-3",
    ]
    .map(|name| scene.path(name));
    for path in [&journal, &part, &abandoned] {
        fs::write(path, b"of a restore").expect("write");
    }
    scene.restore("other.tar");
    assert!(journal.exists() && part.exists() && !abandoned.exists());
}

#[test]
fn an_archive_that_is_cut_off_never_has_its_name() {
    let scene = Scene::new();
    let store = FaultyStore::new(Arc::clone(&scene.place.store));
    let place = Place::open(Arc::new(store.clone()));
    let gone = Trigger::Fail(ErrorKind::Unavailable);
    store.plan_from(Some(BlobOperation::GetRange), "p", 3, gone);
    for target in ["archive.tar", "archive.zip"] {
        let failed = restore(&place.repo, &scene.request(target));
        assert!(matches!(failed, Err(Error::Repository(_))), "{failed:?}");
    }
    let left = fs::read_dir(scene.disk.path()).expect("list").count();
    assert_eq!(left, 0);
}

#[test]
fn several_workers_fetch_a_long_file_and_it_comes_out_in_order() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    let content = random(9, 30 * MIB);
    tree.file("long", content.clone());
    let id = id(&place.snapshot_with(&tree, |request| request.policy = fine_cuts()));
    // A read goes on when another one has begun, or after a time that no other one needs.
    let (met, alone) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let store = {
        let (met, alone, waiting) = (Arc::clone(&met), Arc::clone(&alone), Mutex::new(false));
        let changed = Condvar::new();
        Watched::over(&place.store, move |call| {
            let is_data = matches!(call, Call::Read(id) if id.as_str().starts_with('p'));
            if !is_data || met.load(Ordering::Relaxed) + alone.load(Ordering::Relaxed) > 0 {
                return;
            }
            let mut first = waiting.lock();
            if *first {
                met.store(1, Ordering::Relaxed);
                changed.notify_all();
                return;
            }
            *first = true;
            let limit = Duration::from_secs(60);
            while met.load(Ordering::Relaxed) == 0 {
                if changed.wait_for(&mut first, limit).timed_out() {
                    alone.store(1, Ordering::Relaxed);
                    return;
                }
            }
        })
    };
    let disk = tempfile::tempdir().expect("a temporary directory");
    let mut request = RestoreRequest::new(&id, "", disk.path().join("archive.tar"));
    request.form = Form::ByName;
    request.parallelism = NonZeroUsize::new(3);
    let report = restore(&Place::open(store).repo, &request).expect("restore");
    assert_eq!(report.problems, []);
    assert_eq!(alone.load(Ordering::Relaxed), 0, "one worker reads alone");
    unpack_tar(&request.target, disk.path());
    assert!(fs::read(disk.path().join("long")).expect("read") == content);
}

#[test]
fn a_dry_run_finds_what_the_restore_would_fail_on() {
    let scene = Scene::new();
    let dry = |target: &str, change: fn(&mut RestoreRequest)| {
        let mut request = scene.request(target);
        change(&mut request);
        request.dry_run = true;
        let plan = as_ordinary_user(|| restore(&scene.place.repo, &request));
        request.dry_run = false;
        let done = as_ordinary_user(|| restore(&scene.place.repo, &request));
        assert_eq!(
            plan.map(|plan| plan.counts)
                .map_err(|error| error.to_string()),
            done.map(|done| done.counts)
                .map_err(|error| error.to_string()),
            "{target}"
        );
        request.target.symlink_metadata().is_ok()
    };
    fs::write(scene.path("file"), b"mine").expect("write");
    fs::create_dir(scene.path("closed")).expect("make a folder");
    fs::write(scene.path("closed/there.tar"), b"mine").expect("write");
    let mode = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(scene.path("closed"), mode).expect("set permissions");
    };
    mode(0o500);
    let long = format!("{}.tar", "n".repeat(300));
    for refused in [
        "closed/new.tar",
        "closed/new/new.zip",
        "file/new.tar",
        &long,
    ] {
        assert!(!dry(refused, |_| {}), "{refused}");
    }
    assert!(dry("closed/there.tar", |_| {}));
    assert_eq!(
        fs::read(scene.path("closed/there.tar")).expect("read"),
        b"mine"
    );
    mode(0o700);
    assert!(dry("new/folder/new.tar", |_| {}), "nothing is in its way");
    assert!(dry("new/folder/new.tar", |request| request.overwrite =
        Overwrite::Never));
}

#[test]
fn a_dry_run_of_a_stream_finds_what_the_repository_lacks() {
    let scene = Scene::new();
    let lost: ObjectId = "0123456789abcdef0123456789abcdef".parse().expect("an id");
    let root = store_directory(&scene.place, &[entry(b"lost", EntryKind::File, lost)]);
    let run = |snapshot: &str, path: &str, dry_run: bool| {
        let mut request = scene.request("-");
        (request.snapshot, request.path) = (snapshot.to_owned(), path.to_owned());
        request.dry_run = dry_run;
        let mut stream = Vec::new();
        let report = restore_to_stream(&scene.place.repo, &request, &mut stream);
        assert!(!dry_run || stream.is_empty());
        report
            .map(|report| (report.counts, report.problems))
            .map_err(|error| error.to_string())
    };
    let root = root.to_string();
    for (snapshot, path, is_error) in [
        (&scene.id, "dir/long", false),
        (&scene.id, "link", true),
        (&root, "lost", true),
        (&root, "", false),
    ] {
        let plan = run(snapshot, path, true);
        assert_eq!(plan.is_err(), is_error, "{path:?}: {plan:?}");
        assert_eq!(plan, run(snapshot, path, false), "{path:?}");
    }
}

#[test]
fn a_raw_name_comes_out_as_it_is() {
    let scene = Scene::new();
    scene.restore("archive.tar");
    let unpacked = scene.unpacked();
    unpack_tar(&scene.path("archive.tar"), &unpacked);
    let raw = unpacked.join(OsStr::from_bytes(b"raw\xff"));
    assert_eq!(fs::read(raw).expect("read"), b"no text");
}
