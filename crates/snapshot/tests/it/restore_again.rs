//! Restores over what an earlier one wrote: only what differs, and on from where one was cut off.

use std::fs;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_files::MemoryTree;
use holdfast_planning::restore::{Counts, Overwrite};
use holdfast_repository::CreateOptions;
use holdfast_snapshot::{Error, ProblemCode, RestoreReport, RestoreRequest, restore};
use holdfast_storage::{ErrorKind, MemoryStore};
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};
use holdfast_testkit::tree::set_modified;

use crate::support::{Call, Place, Watched, fine_cuts, id, random};

const MIB: usize = 1 << 20;

struct Scene {
    place: Place,
    id: String,
    disk: tempfile::TempDir,
}

impl Scene {
    fn of(tree: &MemoryTree) -> Self {
        // All data in one pack and in the order of the tree, so that restores read it in the same order each time.
        let options = CreateOptions {
            max_pack_size: 64 << 20,
            ..CreateOptions::default()
        };
        let place = Place::with(Arc::new(MemoryStore::new()), &options);
        let id = id(&place.snapshot_with(tree, |request| {
            request.policy = fine_cuts();
            request.parallelism = NonZeroUsize::new(1);
        }));
        let disk = tempfile::tempdir().expect("a temporary directory");
        Self { place, id, disk }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.disk.path().join("target").join(name)
    }

    fn request(&self) -> RestoreRequest {
        let mut request = RestoreRequest::new(&self.id, "", self.path(""));
        request.owners = false;
        request.parallelism = NonZeroUsize::new(1);
        request
    }

    fn restore(&self, change: impl FnOnce(&mut RestoreRequest)) -> RestoreReport {
        let mut request = self.request();
        change(&mut request);
        restore(&self.place.repo, &request).expect("restore")
    }

    /// An incremental restore, and how many bytes of the store it read.
    fn incremental(&self) -> (RestoreReport, u64) {
        let read = |place: &Place| place.store.counters().downloaded();
        let before = read(&self.place);
        let report = self.restore(|request| request.overwrite = Overwrite::Incremental);
        (report, read(&self.place) - before)
    }
}

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// The names in a directory that a restore uses for what is not finished.
fn leftovers(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("list");
    entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name.starts_with(".holdfast-restore-"))
        .collect()
}

fn small_tree() -> MemoryTree {
    let mut tree = MemoryTree::new("data");
    tree.file("same", b"untouched")
        .file("changed", b"as it was")
        .file("touched", b"only its time")
        .file("dir/gone", b"to be made again")
        .file("dir/large", random(1, 4 * MIB))
        .symlink("link", b"same".to_vec());
    tree
}

/// The source was the target of a restore that was killed.
#[test]
fn files_of_the_snapshot_with_names_of_unfinished_ones_stay() {
    let name = ".holdfast-restore-00112233445566ff-12";
    let mut tree = small_tree();
    tree.file(name, b"in the snapshot");
    let scene = Scene::of(&tree);
    scene.restore(|_| {});
    for overwrite in [Overwrite::Never, Overwrite::Different, Overwrite::Always] {
        scene.restore(|request| request.overwrite = overwrite);
        assert_eq!(read(scene.path(name)), b"in the snapshot", "{overwrite:?}");
    }
}

#[test]
fn only_what_differs_is_written() {
    let scene = Scene::of(&small_tree());
    scene.restore(|_| {});
    let large = random(1, 4 * MIB);
    let mut spoilt = large.clone();
    spoilt[2 * MIB] ^= 1;
    fs::write(scene.path("dir/large"), &spoilt).expect("spoil one byte");
    fs::write(scene.path("changed"), b"AS IT WAS").expect("spoil");
    fs::remove_file(scene.path("dir/gone")).expect("remove");
    set_modified(&scene.path("touched"), 1_500_000_000, 7).expect("touch");
    let numbers = inodes(&scene);

    let plan = scene.restore(|request| {
        request.overwrite = Overwrite::Incremental;
        request.dry_run = true;
    });
    let (done, fetched) = scene.incremental();
    assert_eq!(plan.counts, done.counts);
    let Counts { bytes, .. } = done.counts;
    assert_eq!(
        done.counts,
        Counts {
            create: 1,
            replace: 3,
            same: 4,
            bytes,
            ..Counts::default()
        },
        "{:?}",
        done.problems
    );
    let least = (b"as it was".len() + b"to be made again".len()) as u64;
    assert!(
        bytes > least && bytes < least + MIB as u64 / 2,
        "{bytes} are written"
    );
    assert!(fetched < MIB as u64, "{fetched} are fetched");
    assert!(read(scene.path("dir/large")) == large);
    assert_eq!(read(scene.path("changed")), b"as it was");
    let after = inodes(&scene);
    assert_eq!(
        after[..3],
        numbers[..3],
        "same, touched and link are not made anew"
    );

    let (again, fetched) = scene.incremental();
    let all_same = Counts {
        same: 8,
        ..Counts::default()
    };
    assert_eq!(again.counts, all_same);
    assert!(fetched < MIB as u64 / 16, "{fetched}");
    assert!(leftovers(&scene.path("dir")).is_empty() && leftovers(&scene.path("")).is_empty());
}

#[cfg(unix)]
fn inodes(scene: &Scene) -> Vec<u64> {
    use std::os::unix::fs::MetadataExt;
    let names = ["same", "touched", "link", "changed", "dir/large"];
    let number = |name| fs::symlink_metadata(scene.path(name)).expect(name).ino();
    names.map(number).to_vec()
}

#[cfg(windows)]
fn inodes(_scene: &Scene) -> Vec<u64> {
    vec![0; 5]
}

#[test]
fn a_file_that_grew_or_shrank_is_made_from_what_is_there() {
    let scene = Scene::of(&small_tree());
    scene.restore(|_| {});
    let large = random(1, 4 * MIB);
    for length in [3 * MIB, 4 * MIB + 5000] {
        let mut other = large.clone();
        other.resize(length, 9);
        fs::write(scene.path("dir/large"), other).expect("change the length");
        let (report, fetched) = scene.incremental();
        assert_eq!(report.counts.replace, 1, "{report:?}");
        assert!(read(scene.path("dir/large")) == large, "from {length}");
        assert!(fetched < 2 * MIB as u64, "{fetched} for {length}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_with_another_name_outside_is_not_changed_there() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::of(&small_tree());
    scene.restore(|_| {});
    let outside = scene.disk.path().join("outside");
    fs::hard_link(scene.path("same"), &outside).expect("link");
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o640)).expect("set permissions");
    let (report, _) = scene.incremental();
    assert_eq!(report.counts.replace, 1, "{report:?}");
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!((mode(&outside), mode(&scene.path("same"))), (0o640, 0o644));
    assert_eq!(read(&outside), b"untouched");
}

#[test]
fn the_old_file_stays_until_the_new_one_is_complete() {
    let scene = Scene::of(&small_tree());
    scene.restore(|_| {});
    let (path, large) = (scene.path("dir/large"), random(1, 4 * MIB));
    let mut spoilt = large.clone();
    for at in (0..spoilt.len()).step_by(MIB) {
        spoilt[at] ^= 1;
    }
    fs::write(&path, &spoilt).expect("spoil");
    let seen = Arc::new(AtomicUsize::new(0));
    let store = {
        let (path, seen, large, spoilt) = (
            path.clone(),
            Arc::clone(&seen),
            large.clone(),
            spoilt.clone(),
        );
        Watched::over(&scene.place.store, move |_| {
            let now = fs::read(&path).expect("it is always there");
            assert!(now == spoilt || now == large, "half of it under its name");
            seen.fetch_add(1, Ordering::Relaxed);
        })
    };
    let mut request = scene.request();
    request.overwrite = Overwrite::Incremental;
    restore(&Place::open(store).repo, &request).expect("restore");
    assert!(seen.load(Ordering::Relaxed) > 3);
    assert!(read(&path) == large);
}

#[test]
fn damage_in_the_repository_costs_no_file_that_is_there() {
    let scene = Scene::of(&small_tree());
    let packs: Vec<_> = scene.blobs("p");
    // A second snapshot whose new part lies in a pack of its own.
    let mut tree = small_tree();
    let mut large = random(1, 4 * MIB);
    large[MIB] ^= 1;
    tree.file("dir/large", large)
        .metadata("dir/large", |m| m.modified += 1_000_000_000);
    let second = id(&scene
        .place
        .snapshot_with(&tree, |request| request.policy = fine_cuts()));
    scene.restore(|_| {});
    for pack in scene
        .blobs("p")
        .into_iter()
        .filter(|pack| !packs.contains(pack))
    {
        scene.place.store.delete(&pack).expect("lose a pack");
    }
    let mut request = scene.request();
    request.snapshot = second;
    request.overwrite = Overwrite::Incremental;
    // The index still knows the contents, so that the plan cannot know of the loss.
    let report = restore(&scene.place.repo, &request).expect("restore");
    let named: Vec<_> = report
        .problems
        .iter()
        .map(|problem| (problem.path.as_str(), problem.code))
        .collect();
    assert_eq!(named, [("dir/large", ProblemCode::Damaged)]);
    assert_eq!((report.counts.cannot, report.counts.replace), (1, 0));
    assert!(
        read(scene.path("dir/large")) == random(1, 4 * MIB),
        "the old one stays"
    );
    assert!(leftovers(&scene.path("dir")).is_empty());
}

impl Scene {
    fn blobs(&self, prefix: &str) -> Vec<holdfast_storage::BlobId> {
        let mut found = Vec::new();
        self.place
            .store
            .list(prefix, &mut |blob| {
                found.push(blob.id);
                std::ops::ControlFlow::Continue(())
            })
            .expect("list");
        found
    }
}

/// A tree of 24 MiB: long files and small ones.
fn big_tree() -> MemoryTree {
    let mut tree = MemoryTree::new("data");
    for number in 0..200 {
        let content = random(100 + number, 20_000);
        tree.file(format!("many/{}/{number}", number % 7), content);
    }
    tree.file("long/one", random(1, 12 * MIB))
        .file("long/two", random(2, 8 * MIB))
        .symlink("link", b"many/1/1".to_vec());
    tree
}

fn assert_restored(scene: &Scene) {
    for number in 0..200 {
        let path = scene.path(&format!("many/{}/{number}", number % 7));
        assert!(
            read(&path) == random(100 + number, 20_000),
            "{}",
            path.display()
        );
    }
    assert!(read(scene.path("long/one")) == random(1, 12 * MIB));
    assert!(read(scene.path("long/two")) == random(2, 8 * MIB));
    for folder in ["", "many/3", "long"] {
        assert_eq!(
            leftovers(&scene.path(folder)),
            Vec::<String>::new(),
            "{folder}"
        );
    }
}

/// Restores until the read of data with this number, at which nothing more is done than a killed process does. Says
/// whether it came so far.
fn cut_off(scene: &Scene, at: usize, overwrite: Overwrite) -> bool {
    cut_off_with(scene, at, |request| request.overwrite = overwrite)
}

/// The same with a changed request.
fn cut_off_with(scene: &Scene, at: usize, change: impl FnOnce(&mut RestoreRequest)) -> bool {
    let reads = AtomicUsize::new(0);
    let store = Watched::over(&scene.place.store, move |call| {
        if is_data(call) && reads.fetch_add(1, Ordering::Relaxed) == at {
            std::panic::panic_any("killed");
        }
    });
    let place = Place::open(store);
    let mut request = scene.request();
    change(&mut request);
    match catch_unwind(AssertUnwindSafe(|| restore(&place.repo, &request))) {
        Ok(done) => {
            done.expect("restore");
            false
        }
        Err(panic) => {
            assert_eq!(panic.downcast_ref(), Some(&"killed"));
            true
        }
    }
}

/// Whether something is read that files consist of, rather than what a plan is made from: how much that is depends on the
/// packs that it went to.
fn is_data(call: Call<'_>) -> bool {
    matches!(call, Call::Read(id) if id.as_str().starts_with('p'))
}

/// Bytes that a whole restore into a new folder reads.
fn whole(scene: &Scene) -> u64 {
    let before = scene.place.store.counters().downloaded();
    let place = Place::open(Arc::clone(&scene.place.store));
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let mut request = scene.request();
    request.target = elsewhere.path().join("target");
    restore(&place.repo, &request).expect("restore");
    scene.place.store.counters().downloaded() - before
}

#[test]
fn a_restore_that_was_cut_off_goes_on() {
    let scene = Scene::of(&big_tree());
    let needed = whole(&scene);
    let counters = || scene.place.store.counters().downloaded();
    for at in [0, 1, 7, 12, 20] {
        if scene.path("").exists() {
            fs::remove_dir_all(scene.path("")).expect("start again");
        }
        let before = counters();
        assert!(cut_off(&scene, at, Overwrite::Always), "at read {at}");
        let first = counters() - before;
        let place = Place::open(Arc::clone(&scene.place.store));
        let dry = restore(&place.repo, &{
            let mut request = scene.request();
            request.dry_run = true;
            request
        })
        .expect("plan");
        let before = counters();
        let place = Place::open(Arc::clone(&scene.place.store));
        let report = restore(&place.repo, &scene.request()).expect("restore");
        let second = counters() - before;
        assert_eq!(report.problems, [], "at read {at}");
        assert_eq!(report.counts, dry.counts, "at read {at}");
        assert_restored(&scene);
        let twice = (first + second).saturating_sub(needed);
        assert!(
            twice * 100 <= needed,
            "at read {at}: {first} and {second} of {needed}, {twice} twice"
        );
        if at == 12 {
            assert!(
                second * 3 < needed * 2,
                "half of it was there: {second} of {needed}"
            );
        }
    }
}

#[test]
fn a_restore_may_be_cut_off_again_and_again() {
    let scene = Scene::of(&big_tree());
    let mut rounds = 0;
    while cut_off(&scene, 8, Overwrite::Different) {
        rounds += 1;
        assert!(rounds < 40, "each round gets further");
    }
    assert!(rounds > 2, "{rounds}");
    assert_restored(&scene);
}

#[test]
fn what_is_found_again_is_proven() {
    let scene = Scene::of(&big_tree());
    assert!(cut_off(&scene, 14, Overwrite::Always));
    // A power cut: files with their times and without their bytes, and an unfinished one with holes.
    let mut spoilt = 0;
    for number in 0..200 {
        let path = scene.path(&format!("many/{}/{number}", number % 7));
        if number % 3 == 0 && path.exists() {
            let times = fs::metadata(&path)
                .expect("metadata")
                .modified()
                .expect("a time");
            fs::write(&path, vec![0; 20_000]).expect("spoil");
            let file = fs::File::options().write(true).open(&path).expect("open");
            file.set_modified(times).expect("set the time");
            spoilt += 1;
        }
    }
    for name in leftovers(&scene.path("long")) {
        let path = scene.path("long").join(name);
        let mut content = read(&path);
        content[MIB..2 * MIB].fill(0);
        fs::write(&path, content).expect("spoil");
        spoilt += 1;
    }
    assert!(spoilt > 0);
    assert_eq!(scene.restore(|_| {}).problems, []);
    assert_restored(&scene);
}

/// What the memory tree says of its files.
const MODIFIED: i64 = 1_700_000_000;

#[test]
fn a_target_that_keeps_times_less_exactly_goes_on_as_well() {
    for overwrite in [Overwrite::Always, Overwrite::Different] {
        let scene = Scene::of(&big_tree());
        let needed = whole(&scene);
        assert!(cut_off(&scene, 14, overwrite));
        let one = scene.path("long/one");
        set_modified(&one, MODIFIED - 1, 0).expect("as FAT would keep it");
        let before = scene.place.store.counters().downloaded();
        let report = scene.restore(|request| request.overwrite = overwrite);
        let fetched = scene.place.store.counters().downloaded() - before;
        assert_eq!(report.problems, []);
        assert!(
            fetched * 2 < needed,
            "{overwrite:?}: {fetched} of {needed}, of which 12 MiB were there"
        );
        assert_restored(&scene);
    }
}

#[test]
fn what_never_overwrites_is_complete_where_the_restore_wrote_it() {
    let scene = Scene::of(&big_tree());
    // Somebody's own file, which looks like the one of the snapshot but for its content.
    let own = scene.path("many/1/1");
    fs::create_dir_all(scene.path("many/1")).expect("make folders");
    fs::write(&own, vec![7; 20_000]).expect("write");
    set_modified(&own, MODIFIED, 0).expect("set the time");
    wait_for_the_next_time(&own, scene.disk.path());
    let never = |scene: &Scene| scene.restore(|request| request.overwrite = Overwrite::Never);
    assert!(cut_off(&scene, 14, Overwrite::Never));
    // A power cut: the name and the times are there, the bytes are not.
    let torn = scene.path("long/one");
    let file = fs::File::options().write(true).open(&torn).expect("open");
    file.set_len(0).expect("tear it");
    drop(file);
    set_modified(&torn, MODIFIED, 0).expect("set the time");
    let report = never(&scene);
    assert_eq!(report.problems, []);
    assert_eq!((report.counts.keep, report.counts.replace), (1, 1));
    assert!(read(&own) == vec![7; 20_000], "it was there before");
    fs::write(&own, random(101, 20_000)).expect("for the comparison");
    assert_restored(&scene);
    // Nothing is left that says that a restore was cut off: what is changed now is somebody's own.
    fs::write(&torn, b"mine").expect("write");
    set_modified(&torn, MODIFIED, 0).expect("set the time");
    assert_eq!(never(&scene).counts.replace, 0);
    assert_eq!(read(&torn), b"mine");
}

/// Waits until what is written now is seen to be newer than `file`: clocks of file systems go in steps.
#[cfg(unix)]
fn wait_for_the_next_time(file: &Path, folder: &Path) {
    use std::os::unix::fs::MetadataExt;
    let changed = |path: &Path| {
        let there = fs::metadata(path).expect("metadata");
        (there.ctime(), there.ctime_nsec())
    };
    let probe = folder.join("probe");
    loop {
        fs::write(&probe, b"now").expect("write");
        if changed(&probe) > changed(file) {
            return fs::remove_file(&probe).expect("remove");
        }
        std::thread::yield_now();
    }
}

#[cfg(windows)]
fn wait_for_the_next_time(_file: &Path, _folder: &Path) {}

#[test]
fn an_old_file_that_changes_while_it_is_taken_over_costs_its_parts_only() {
    let scene = Scene::of(&small_tree());
    scene.restore(|_| {});
    let large = scene.path("dir/large");
    let mut spoilt = random(1, 4 * MIB);
    spoilt[MIB] ^= 1;
    fs::write(&large, &spoilt).expect("spoil one byte");
    let (changed, count) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let store = {
        let (large, count) = (large.clone(), Arc::clone(&count));
        Watched::over(&scene.place.store, move |call| {
            if !is_data(call) {
                return;
            }
            count.fetch_add(1, Ordering::Relaxed);
            // It has been compared, and nothing has been taken over.
            if changed.fetch_add(1, Ordering::Relaxed) == 0 {
                let mut more = spoilt.clone();
                more[3 * MIB] ^= 1;
                fs::write(&large, more).expect("spoil another byte");
            }
        })
    };
    let mut request = scene.request();
    request.overwrite = Overwrite::Incremental;
    let report = restore(&Place::open(store).repo, &request).expect("restore");
    assert_eq!(report.problems, []);
    assert_eq!(report.counts.replace, 1);
    assert_eq!(count.load(Ordering::Relaxed), 2, "one part each");
    assert!(read(&large) == random(1, 4 * MIB));
    assert!(leftovers(&scene.path("dir")).is_empty());
}

#[cfg(unix)]
#[test]
fn holes_are_kept_in_what_is_made_from_what_is_there() {
    use std::os::unix::fs::MetadataExt;
    let mut content = random(5, MIB);
    content.resize(9 * MIB, 0);
    content.extend(random(6, 8 * MIB));
    let mut tree = MemoryTree::new("data");
    tree.file("disk", content.clone());
    let scene = Scene::of(&tree);
    let path = scene.path("disk");
    let assert_hollow = |how: &str| {
        assert!(read(&path) == content, "{how}");
        let taken = fs::metadata(&path).expect("metadata").blocks() * 512;
        assert!(taken < 11 * MIB as u64, "{how}: {taken}");
    };
    // All of the old one takes room.
    let mut old = content.clone();
    old[MIB / 2] ^= 1;
    fs::create_dir(scene.path("")).expect("make the target");
    fs::write(&path, old).expect("write");
    scene.restore(|request| {
        request.overwrite = Overwrite::Incremental;
        request.sparse = true;
    });
    assert_hollow("made from the old one");

    fs::remove_file(&path).expect("start again");
    assert!(cut_off_with(&scene, 4, |request| request.sparse = true));
    let [unfinished] = &leftovers(&scene.path(""))
        .into_iter()
        .filter(|name| !name.ends_with(".journal"))
        .collect::<Vec<_>>()[..]
    else {
        panic!("one file is not complete");
    };
    // Something that the cut off restore did not mean to write lies in a hole.
    let file = fs::File::options()
        .write(true)
        .open(scene.path(unfinished))
        .expect("open");
    std::os::unix::fs::FileExt::write_all_at(&file, &[9; 100], 4 * MIB as u64).expect("spoil");
    scene.restore(|request| request.sparse = true);
    assert_hollow("continued");
}

#[test]
fn another_snapshot_does_not_continue() {
    let scene = Scene::of(&big_tree());
    assert!(cut_off(&scene, 12, Overwrite::Always));
    let other = id(&scene.place.snapshot(&small_tree()));
    let report = scene.restore(|request| request.snapshot = other);
    assert_eq!(report.problems, []);
    assert_eq!(leftovers(&scene.path("")), Vec::<String>::new());
    assert_eq!(read(scene.path("same")), b"untouched");
}

#[test]
fn a_failing_store_leaves_what_the_next_run_needs() {
    let scene = Scene::of(&big_tree());
    let needed = whole(&scene);
    let store = FaultyStore::new(Arc::clone(&scene.place.store));
    let place = Place::open(Arc::new(store.clone()));
    let (get, gone) = (
        Some(BlobOperation::GetRange),
        Trigger::Fail(ErrorKind::Unavailable),
    );
    store.plan_from(get, "p", 15, gone);
    let failed = restore(&place.repo, &scene.request());
    assert!(matches!(failed, Err(Error::Repository(_))), "{failed:?}");
    assert_eq!(leftovers(&scene.path("")).len(), 1, "the journal");
    assert_eq!(leftovers(&scene.path("long")).len(), 1, "a long file");
    let before = scene.place.store.counters().downloaded();
    let report = scene.restore(|_| {});
    let fetched = scene.place.store.counters().downloaded() - before;
    assert_eq!(report.problems, []);
    assert!(fetched < needed * 2 / 3, "{fetched} of {needed}");
    assert_restored(&scene);
}

#[test]
fn a_cancelled_restore_keeps_what_is_complete_for_the_next() {
    let scene = Scene::of(&big_tree());
    let cancel = holdfast_host::Cancel::new();
    let reads = AtomicUsize::new(0);
    let hook = cancel.clone();
    let store = Watched::over(&scene.place.store, move |call| {
        if is_data(call) && reads.fetch_add(1, Ordering::Relaxed) == 14 {
            hook.cancel();
        }
    });
    let mut request = scene.request();
    request.cancel = cancel;
    let cancelled = restore(&Place::open(store).repo, &request);
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    assert_eq!(leftovers(&scene.path("long")), Vec::<String>::new());
    let report = scene.restore(|_| {});
    assert_eq!(report.counts.same, 11, "ten folders and a long file");
    assert_restored(&scene);
}
