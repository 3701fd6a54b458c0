//! What a plan says of random trees over random targets, and what the restore then does.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use holdfast_files::MemoryTree;
use holdfast_planning::restore::{Counts, Overwrite};
use holdfast_snapshot::{RestoreReport, RestoreRequest, restore};
use holdfast_testkit::tree::set_modified;
use rustix::fs::{CWD, FileType, IFlags, Mode, ioctl_getflags, ioctl_setflags, mknodat};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use crate::support::{Dice, Place, fine_cuts, id, random};

/// Short names, so that chance meets them again, and odd ones.
const NAMES: [&[u8]; 8] = [
    b"a",
    b"b",
    b"c",
    b"D",
    "é".as_bytes(),
    b"x y",
    b"\xff",
    b".hidden",
];

/// Does something on a thread with the rights of an ordinary user, nor have those it starts more.
pub(crate) fn as_ordinary_user<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut sets = capabilities(None).expect("what this thread may do");
            sets.effective = CapabilitySet::empty();
            set_capabilities(None, sets).expect("give it up");
            work()
        });
        thread.join().expect("the work")
    })
}

/// A tree by chance and its paths, the root not among them.
fn plant(dice: &mut Dice) -> (MemoryTree, Vec<Vec<u8>>) {
    let ids = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let mut tree = MemoryTree::new("data");
    let mut paths: BTreeMap<Vec<u8>, bool> = BTreeMap::new();
    let mut folders: Vec<Vec<u8>> = vec![Vec::new()];
    for _ in 0..8 + dice.below(16) {
        let mut path = dice.of(&folders).clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        match dice.below(25) {
            // No file system keeps as much.
            0 => path.extend([b'n'; 300]),
            _ => path.extend(*dice.of(&NAMES)),
        }
        if paths.contains_key(&path) {
            continue;
        }
        let mode = match dice.below(8) {
            0 | 1 => {
                tree.directory(&path);
                folders.push(path.clone());
                *dice.of(&[0o755, 0o700, 0o555])
            }
            2 => {
                tree.symlink(&path, *dice.of(&[&b"a"[..], b"/nowhere", b"."]));
                0o777
            }
            3 => {
                tree.file(&path, random(dice.below(4) as u64, 700_000));
                0o644
            }
            _ => {
                let length = dice.below(1500);
                tree.file(&path, random(dice.below(3) as u64, length));
                *dice.of(&[0o644, 0o600, 0o444, 0o755])
            }
        };
        tree.metadata(&path, |m| {
            (m.uid, m.gid) = ids;
            m.mode = mode;
        });
        paths.insert(path, true);
    }
    tree.metadata("", |m| (m.uid, m.gid) = ids);
    (tree, paths.into_keys().collect())
}

fn below(root: &Path, path: &[u8]) -> PathBuf {
    root.join(holdfast_host::dir::bytes_to_path(path))
}

/// Takes away what is there, whatever it is.
fn clear(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
    .expect("clear the place");
}

/// Changes something of the target at a path of the tree. Says whether the entry is to be protected when all is changed.
fn spoil(dice: &mut Dice, path: &Path) -> bool {
    if !path.parent().is_some_and(Path::is_dir) || path.as_os_str().len() > 3000 {
        return false;
    }
    if path.file_name().is_some_and(|name| name.len() > 255) {
        return false;
    }
    let mode = |mode| {
        if path.symlink_metadata().is_ok_and(|m| !m.is_symlink()) {
            fs::set_permissions(path, Permissions::from_mode(mode)).expect("set permissions");
        }
    };
    match dice.below(12) {
        0 => clear(path),
        1 | 2 => {
            clear(path);
            fs::write(path, random(9, dice.below(1500))).expect("write");
        }
        3 => {
            if path.symlink_metadata().is_ok() {
                set_modified(path, 1_600_000_000, 5).expect("set the time");
            }
        }
        4 => {
            clear(path);
            fs::create_dir(path).expect("make a folder");
        }
        5 => {
            clear(path);
            symlink(dice.of(&["a", "/", "."]), path).expect("link");
        }
        6 => {
            clear(path);
            mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).expect("make a pipe");
        }
        7 => mode(0),
        8 | 9 => mode(0o555),
        _ => return true,
    }
    false
}

/// Marks a file or folder as not to be changed by anybody, where this process may and the file system can.
fn protect(path: &Path, on: bool) {
    if path
        .symlink_metadata()
        .is_ok_and(|m| m.is_file() || m.is_dir())
        && let Ok(file) = fs::File::open(path)
        && let Ok(mut flags) = ioctl_getflags(&file)
    {
        flags.set(IFlags::IMMUTABLE, on);
        // Needs a right that few have; without it the entry stays as it is.
        let _ = ioctl_setflags(&file, flags);
    }
}

/// What lies at each path below a root, itself included: number, kind with permissions, and times.
type State = BTreeMap<PathBuf, (u64, u32, i64, i64)>;

fn state(root: &Path) -> State {
    let mut found = State::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
        let Ok(there) = fs::symlink_metadata(&path) else {
            continue;
        };
        if there.is_dir() {
            let entries = fs::read_dir(&path).expect("list");
            pending.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
        let changed = there.ctime() * 1_000_000_000 + there.ctime_nsec();
        let modified = there.mtime() * 1_000_000_000 + there.mtime_nsec();
        found.insert(path, (there.ino(), there.mode(), modified, changed));
    }
    found
}

/// One tree over one target. Returns the counts.
fn one(place: &Place, seed: u64) -> Counts {
    let mut dice = Dice::new(seed);
    let (tree, paths) = plant(&mut dice);
    let report = place.snapshot_with(&tree, |request| request.policy = fine_cuts());
    let snapshot = id(&report);
    let disk = tempfile::tempdir().expect("a temporary directory");
    let target = disk.path().join("target");
    let run = |dry_run: bool, overwrite: Overwrite| -> RestoreReport {
        let mut request = RestoreRequest::new(&snapshot, "", &target);
        request.dry_run = dry_run;
        request.overwrite = overwrite;
        restore(&place.repo, &request).expect("restore")
    };
    match dice.below(5) {
        0 => {}
        1 => fs::create_dir(&target).expect("make the target"),
        _ => drop(run(false, Overwrite::Always)),
    }
    if target.is_dir() {
        let mut protected = Vec::new();
        for path in paths.iter().map(|path| below(&target, path)) {
            if dice.below(2) == 0 && spoil(&mut dice, &path) {
                protected.push(path);
            }
        }
        protected.iter().for_each(|path| protect(path, true));
        if dice.below(10) == 0 {
            fs::set_permissions(&target, Permissions::from_mode(0o555)).expect("close the target");
        }
    }
    let overwrite = *dice.of(&[
        Overwrite::Always,
        Overwrite::Never,
        Overwrite::Different,
        Overwrite::Incremental,
    ]);

    let before = state(&target);
    let plan = as_ordinary_user(|| run(true, overwrite));
    assert_eq!(
        state(&target),
        before,
        "seed {seed}: a plan changes nothing"
    );
    let done = as_ordinary_user(|| run(false, overwrite));
    let after = state(&target);

    assert_eq!(
        plan.counts, done.counts,
        "seed {seed}, {overwrite:?}: {:#?} and {:#?}",
        plan.problems, done.problems
    );
    let new = after.keys().filter(|path| !before.contains_key(*path));
    let replaced = before.iter().filter(|(path, was)| {
        let is_folder = was.1 & 0o170_000 == 0o040_000;
        !is_folder && after.get(*path).is_some_and(|is| is != *was)
    });
    let seen = (new.count() as u64, replaced.count() as u64);
    assert_eq!(
        seen,
        (done.counts.create, done.counts.replace),
        "seed {seed}, {overwrite:?}: created and replaced in the target, {:#?}",
        done.problems
    );
    let Counts {
        create,
        replace,
        keep,
        same,
        cannot,
        ..
    } = done.counts;
    let all = create + replace + keep + same + cannot;
    assert_eq!(
        all,
        paths.len() as u64 + 1,
        "seed {seed}: every entry counts once"
    );
    assert!(
        cannot == 0 || done.errors() > 0,
        "seed {seed}: {cannot} unnamed"
    );
    for path in after.keys() {
        protect(path, false);
        if fs::symlink_metadata(path).is_ok_and(|there| there.is_dir()) {
            fs::set_permissions(path, Permissions::from_mode(0o700)).expect("open it again");
        }
    }
    done.counts
}

#[test]
fn the_plan_of_random_trees_is_what_happens() {
    let place = Place::new();
    let rounds = if holdfast_testkit::soak() { 2000 } else { 100 };
    let mut sum = Counts::default();
    for seed in 0..rounds {
        let counts = one(&place, seed);
        sum.create += counts.create;
        sum.replace += counts.replace;
        sum.keep += counts.keep;
        sum.same += counts.same;
        sum.cannot += counts.cannot;
    }
    let least = [sum.create, sum.replace, sum.keep, sum.same, sum.cannot];
    assert!(
        least.iter().all(|&count| count > 50),
        "chance met everything: {sum:?}"
    );
}
