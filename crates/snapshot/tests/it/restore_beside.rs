//! Restores beside each other, into targets that are one or lie in each other.

use std::fs;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_files::MemoryTree;
use holdfast_planning::restore::Overwrite;
use holdfast_snapshot::{Form, RestoreReport, RestoreRequest, restore};

use crate::support::{Call, Place, Watched, fine_cuts, id, random};

const LARGE: usize = 9 << 20;

/// A snapshot with a long file in a folder, and a target in which it was restored before.
struct Scene {
    place: Place,
    id: String,
    disk: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let mut tree = MemoryTree::new("data");
        tree.file("dir/large", random(1, LARGE))
            .file("small", b"small");
        let id = id(&place.snapshot_with(&tree, |request| {
            request.policy = fine_cuts();
            request.parallelism = NonZeroUsize::new(1);
        }));
        let disk = tempfile::tempdir().expect("a temporary directory");
        let scene = Self { place, id, disk };
        restore(&scene.place.repo, &scene.request("")).expect("restore");
        scene
    }

    fn target(&self, path: &str) -> PathBuf {
        self.disk.path().join("target").join(path)
    }

    /// To restore a part of the snapshot, or with "" all of it, to where it belongs in the target.
    fn request(&self, path: &str) -> RestoreRequest {
        let mut request = RestoreRequest::new(&self.id, path, self.target(path));
        request.owners = false;
        request.parallelism = NonZeroUsize::new(1);
        request
    }

    /// Restores, and does something else at the read with this number of those that `counts` names.
    fn restore_and(
        &self,
        request: &RestoreRequest,
        at: usize,
        counts: fn(Call<'_>) -> bool,
        other: impl Fn() + Send + Sync + 'static,
    ) -> RestoreReport {
        let reads = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&reads);
        let store = Watched::over(&self.place.store, move |call| {
            if counts(call) && seen.fetch_add(1, Ordering::Relaxed) == at {
                other();
            }
        });
        let place = Place::open(store);
        reads.store(0, Ordering::Relaxed);
        let report = restore(&place.repo, request).expect("restore");
        assert!(reads.load(Ordering::Relaxed) > at, "it came so far");
        report
    }

    fn assert_restored(&self) {
        assert!(fs::read(self.target("dir/large")).expect("read") == random(1, LARGE));
        assert_eq!(fs::read(self.target("small")).expect("read"), b"small");
        assert_eq!(self.leftovers(), [""; 0]);
    }

    /// What is not finished in the target and its folder.
    fn leftovers(&self) -> Vec<String> {
        let names = |path: PathBuf| fs::read_dir(path).expect("list").map(name_of);
        let all = names(self.target("")).chain(names(self.target("dir")));
        all.filter(|name| name.starts_with(".holdfast-restore-"))
            .collect()
    }
}

fn name_of(entry: std::io::Result<fs::DirEntry>) -> String {
    let name = entry.expect("an entry").file_name();
    name.to_string_lossy().into_owned()
}

fn is_data(call: Call<'_>) -> bool {
    matches!(call, Call::Read(id) if id.as_str().starts_with('p'))
}

fn is_of_the_plan(call: Call<'_>) -> bool {
    matches!(call, Call::Read(id) if id.as_str().starts_with('q'))
}

#[test]
fn what_another_restore_is_at_work_on_stays() {
    for (path, other) in [("dir", ""), ("", "dir"), ("", ""), ("dir", "dir")] {
        let scene = Scene::new();
        let (inner, second) = (
            Place::open(Arc::clone(&scene.place.store)),
            scene.request(other),
        );
        let report = scene.restore_and(&scene.request(path), 3, is_data, move || {
            let report = restore(&inner.repo, &second).expect("restore");
            assert_eq!(report.problems, []);
        });
        assert_eq!(report.problems, [], "{path:?} and meanwhile {other:?}");
        scene.assert_restored();
    }
}

#[test]
fn an_archive_that_is_written_stays() {
    let scene = Scene::new();
    let (inner, second) = (
        Place::open(Arc::clone(&scene.place.store)),
        scene.request(""),
    );
    let mut request = scene.request("dir");
    request.target = scene.target("dir/archive.tar");
    request.form = Form::ByName;
    let report = scene.restore_and(&request, 3, is_data, move || {
        restore(&inner.repo, &second).expect("restore");
    });
    assert_eq!(report.problems, []);
    let written = fs::metadata(&request.target).expect("the archive");
    assert!(written.len() > LARGE as u64);
    scene.assert_restored();
}

#[test]
fn a_restore_does_not_wait_for_another_that_plans() {
    let scene = Scene::new();
    let (inner, second) = (
        Place::open(Arc::clone(&scene.place.store)),
        scene.request(""),
    );
    let mut request = scene.request("");
    request.overwrite = Overwrite::Incremental;
    let report = scene.restore_and(&request, 0, is_of_the_plan, move || {
        restore(&inner.repo, &second).expect("restore");
    });
    assert_eq!(report.problems, []);
    scene.assert_restored();
}

/// A restore of all that is killed at its third read of data.
fn cut_off(scene: &Scene) {
    let request = scene.request("");
    let killed = catch_unwind(AssertUnwindSafe(|| {
        scene.restore_and(&request, 3, is_data, || std::panic::panic_any("killed"))
    }));
    let panic = killed.expect_err("it is killed");
    assert_eq!(panic.downcast_ref(), Some(&"killed"));
}

#[test]
fn what_can_go_on_from_a_folder_above_stays() {
    let scene = Scene::new();
    cut_off(&scene);
    let left = scene.leftovers();
    assert_eq!(left.len(), 2, "journal and long file: {left:?}");
    restore(&scene.place.repo, &scene.request("dir")).expect("restore");
    assert_eq!(scene.leftovers(), left);
    let before = scene.place.store.counters().downloaded();
    restore(&scene.place.repo, &scene.request("")).expect("restore");
    let fetched = scene.place.store.counters().downloaded() - before;
    assert!(fetched < 7 << 20, "{fetched}");
    scene.assert_restored();
}

#[test]
fn what_was_cut_off_below_is_removed() {
    let scene = Scene::new();
    let journal = ".holdfast-restore-00112233445566ff.journal";
    let part = ".holdfast-restore-00112233445566ff-12";
    let write = |path: &Path| fs::write(path, b"of a restore").expect("write");
    for name in [journal, part] {
        write(&scene.target("dir").join(name));
    }
    restore(&scene.place.repo, &scene.request("")).expect("restore");
    scene.assert_restored();
}
