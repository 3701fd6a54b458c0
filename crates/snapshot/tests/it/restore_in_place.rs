//! Existing files of a target whose content is right: which of them get their attributes where they are.

use std::fs::{self, File, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use holdfast_files::MemoryTree;
use holdfast_host::dir::Dir;
use holdfast_planning::restore::Overwrite;
use holdfast_snapshot::{ProblemCode, RestoreReport, RestoreRequest, restore};
use holdfast_testkit::tree::set_modified;
use parking_lot::Mutex;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};

use crate::support::{Place, id, random};

struct Scene {
    place: Place,
    id: String,
    disk: tempfile::TempDir,
}

impl Scene {
    /// A snapshot of files of this process's own user, restored once.
    fn of(files: &[(&str, Vec<u8>, u32)]) -> Self {
        let disk = tempfile::tempdir().expect("a temporary directory");
        let own = fs::metadata(disk.path()).expect("metadata");
        let mut tree = MemoryTree::new("data");
        for (name, content, mode) in files {
            tree.file(name, content.clone()).metadata(name, |metadata| {
                metadata.mode = *mode;
                (metadata.uid, metadata.gid) = (own.uid(), own.gid());
            });
        }
        tree.metadata("", |metadata| {
            (metadata.uid, metadata.gid) = (own.uid(), own.gid());
        });
        let place = Place::new();
        let id = id(&place.snapshot(&tree));
        let scene = Self { place, id, disk };
        assert_eq!(
            restore(&scene.place.repo, &scene.request())
                .expect("restore")
                .problems,
            []
        );
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.disk.path().join("target").join(name)
    }

    fn metadata(&self, name: &str) -> Metadata {
        fs::symlink_metadata(self.path(name)).expect(name)
    }

    fn mode(&self, name: &str) -> u32 {
        self.metadata(name).mode() & 0o7777
    }

    fn request(&self) -> RestoreRequest {
        RestoreRequest::new(&self.id, "", self.path(""))
    }

    fn incremental(&self) -> RestoreReport {
        let mut request = self.request();
        request.overwrite = Overwrite::Incremental;
        restore(&self.place.repo, &request).expect("restore")
    }
}

fn set_mode(path: PathBuf, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("set permissions");
}

#[test]
fn set_id_bits_go_to_a_new_file() {
    let long = random(1, 5 << 20);
    let scene = Scene::of(&[
        ("tool", b"a program".to_vec(), 0o4755),
        ("long tool", long.clone(), 0o6711),
        ("plain", b"none".to_vec(), 0o600),
    ]);
    let names = ["tool", "long tool", "plain"];
    let before = names.map(|name| scene.metadata(name).ino());
    for name in names {
        set_mode(scene.path(name), 0o666);
    }
    // Whoever has these open keeps them.
    let held = ["tool", "long tool"].map(|name| {
        let file = File::options().write(true).open(scene.path(name));
        file.expect("open")
    });
    let report = scene.incremental();
    assert_eq!(report.problems, []);
    assert_eq!((report.counts.replace, report.counts.bytes), (3, 0));
    assert_eq!(names.map(|name| scene.mode(name)), [0o4755, 0o6711, 0o600]);
    assert_eq!(fs::read(scene.path("tool")).expect("read"), b"a program");
    assert!(fs::read(scene.path("long tool")).expect("read") == long);
    let after = names.map(|name| scene.metadata(name).ino());
    assert_ne!(after[0], before[0]);
    assert_ne!(after[1], before[1]);
    assert_eq!(after[2], before[2], "nothing speaks against this one");
    for file in held {
        let mode = file.metadata().expect("metadata").mode() & 0o7777;
        assert_eq!(mode, 0o666);
    }
}

#[test]
fn another_owner_gets_a_new_file() {
    let scene = Scene::of(&[("mine", b"content".to_vec(), 0o644)]);
    if !holdfast_host::dir::may_set_owners() {
        println!("skipped: needs root");
        return;
    }
    let before = scene.metadata("mine");
    std::os::unix::fs::chown(scene.path("mine"), Some(1234), Some(567)).expect("change the owner");
    let held = File::options()
        .write(true)
        .open(scene.path("mine"))
        .expect("open");
    let report = scene.incremental();
    assert_eq!(report.problems, []);
    let after = scene.metadata("mine");
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert_ne!(after.ino(), before.ino());
    let theirs = held.metadata().expect("metadata");
    assert_eq!((theirs.uid(), theirs.gid(), theirs.nlink()), (1234, 567, 0));
}

/// Does something once, when a restore says that it removes what an earlier one left.
struct AtRemoval(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Subscriber for AtRemoval {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().ends_with("restore::unfinished")
    }

    fn event(&self, _event: &Event<'_>) {
        let change = self.0.lock().take();
        if let Some(change) = change {
            change();
        }
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// The restore has compared what is there and has changed nothing yet when something else takes the place of the files.
#[test]
fn what_took_the_place_of_a_compared_entry_stays_as_it_is() {
    let files = ["replaced", "linked", "written", "left"].map(|name| (name, name.into(), 0o644));
    let scene = Scene::of(&files);
    for (name, ..) in &files {
        set_modified(&scene.path(name), 1_500_000_000, 7).expect("touch");
    }
    // Between its plan and its first change the restore removes this, and says so.
    let left = scene.path(".holdfast-restore-00112233445566ff-12");
    fs::write(left, b"of a restore").expect("write");
    let paths = ["other", "linked", "written"].map(|name| scene.path(name));
    let target = Dir::open(&scene.path("")).expect("open");
    let outside = scene.disk.path().join("outside");
    let change = move || {
        let [other, linked, written] = &paths;
        fs::write(other, "an other").expect("write");
        set_mode(other.clone(), 0o600);
        target.rename(b"other", b"replaced").expect("replace");
        fs::hard_link(linked, &outside).expect("link");
        fs::write(written, "WRITTEN").expect("write");
    };
    let told = AtRemoval(Mutex::new(Some(Box::new(change))));
    let report = tracing::subscriber::with_default(told, || scene.incremental());
    let mut named: Vec<_> = report
        .problems
        .iter()
        .map(|problem| (problem.path.as_str(), problem.code))
        .collect();
    named.sort_unstable();
    assert_eq!(
        named,
        ["linked", "replaced", "written"].map(|name| (name, ProblemCode::AttributesNotSet))
    );
    assert_eq!((report.counts.cannot, report.counts.replace), (3, 1));
    assert_eq!(scene.mode("replaced"), 0o600);
    assert_eq!(scene.metadata("linked").mtime(), 1_500_000_000);
    assert_ne!(scene.metadata("left").mtime(), 1_500_000_000);

    // The next run finds what is there now.
    assert_eq!(scene.incremental().problems, []);
    for (name, ..) in &files {
        assert_eq!(fs::read(scene.path(name)).expect(name), name.as_bytes());
        assert_ne!(scene.metadata(name).mtime(), 1_500_000_000);
    }
    let outside = fs::metadata(scene.disk.path().join("outside")).expect("metadata");
    assert_eq!((outside.mtime(), outside.nlink()), (1_500_000_000, 1));
}
