//! Files that are not complete yet: the names they have until then, and what a killed restore left of them.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;

use holdfast_host::dir::{self, Dir, Entry, Kind, Lock};
use holdfast_planning::restore::Action;

use super::contents::Contents;
use super::directories::{Directories, DirectoryCache};
use super::plan::PlannedEntry;
use super::request::RestoreRequest;
use crate::error::Result;

/// What the names of unfinished files begin with.
const PREFIX: &str = ".holdfast-restore-";
/// What the name of a journal ends with.
const JOURNAL: &str = ".journal";
/// Hexadecimal digits of the number of a run.
const RUN_DIGITS: usize = 16;
/// Names for what one restore has not finished.
#[derive(Clone, Copy)]
pub(super) struct Unfinished {
    run: u64,
}

impl Unfinished {
    /// Names that no other restore has.
    pub(super) fn new() -> Self {
        // Every state has keys of its own, taken from the system's random source.
        let run = RandomState::new().hash_one(std::process::id());
        Self { run }
    }

    /// The names of a restore that was cut off, by that of its journal; nothing if it is the name of something else.
    pub(super) fn of_journal(name: &[u8]) -> Option<Self> {
        let run = name
            .strip_prefix(PREFIX.as_bytes())?
            .strip_suffix(JOURNAL.as_bytes())?;
        if run.len() != RUN_DIGITS || !run.iter().all(is_lower_hex) {
            return None;
        }
        let run = std::str::from_utf8(run).ok()?;
        u64::from_str_radix(run, 16).ok().map(|run| Self { run })
    }

    /// The name for the entry at a position of the plan, known to this run only.
    pub(super) fn name(&self, entry: usize) -> Vec<u8> {
        format!("{PREFIX}{:016x}-{entry}", self.run).into_bytes()
    }

    /// The name for a file of several contents, the same in a run that continues this one.
    pub(super) fn long_name(&self, entry: &PlannedEntry) -> Vec<u8> {
        // FNV-1a: names of one directory differ, and the object is in it because another one has nothing to continue.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let object = entry.object.to_string();
        for &byte in object.as_bytes().iter().chain(entry.name.iter()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        format!("{PREFIX}{:016x}-{hash:020}", self.run).into_bytes()
    }

    /// The name of the journal.
    pub(super) fn journal(&self) -> Vec<u8> {
        format!("{PREFIX}{:016x}{JOURNAL}", self.run).into_bytes()
    }
}

fn is_lower_hex(byte: &u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(byte)
}

/// Whether a name is that of an unfinished file, or of the journal, of any restore.
fn is_unfinished(name: &[u8]) -> bool {
    run_of(name).is_some()
}

/// The restore that an unfinished file or a journal belongs to; nothing if the name is another one.
fn run_of(name: &[u8]) -> Option<u64> {
    if let Some(journal) = Unfinished::of_journal(name) {
        return Some(journal.run);
    }
    let rest = std::str::from_utf8(name.strip_prefix(PREFIX.as_bytes())?).ok()?;
    let (run, entry) = rest.split_once('-')?;
    let is_own = run.len() == RUN_DIGITS
        && !entry.is_empty()
        && run.bytes().all(|byte| is_lower_hex(&byte))
        && entry.bytes().all(|byte| byte.is_ascii_digit());
    if !is_own {
        return None;
    }
    u64::from_str_radix(run, 16).ok()
}

/// Removes what restores that were cut off left in the directories of the plan, except what is `continued`: the names, and
/// the files of several contents of which a part is there. What another restore works on stays, wherever its target is.
pub(super) fn remove_leftovers(
    directories: &Directories<'_>,
    continued: Option<&Unfinished>,
    contents: &Contents,
    request: &RestoreRequest,
) -> Result<()> {
    let plan = directories.plan();
    let mut kept: HashSet<(usize, Vec<u8>)> = HashSet::new();
    if let Some(continued) = continued {
        kept.insert((0, continued.journal()));
        let begun = contents.long.iter().filter(|long| long.is_continued());
        kept.extend(begun.map(|long| {
            let entry = &plan.entries[long.entry];
            (entry.directory, continued.long_name(entry))
        }));
    }
    // A snapshot of a folder with unfinished files in it has such names as well.
    let named_so = plan
        .entries
        .iter()
        .filter(|entry| is_unfinished(&entry.name));
    kept.extend(named_so.map(|entry| (entry.directory, entry.name.to_vec())));
    let mut others = Others::new(directories);
    let mut cache = DirectoryCache::new(directories);
    for (index, directory) in plan.directories.iter().enumerate() {
        request.cancel.check()?;
        if directory.action != Action::Same {
            continue;
        }
        let removed = cache.get(index).and_then(|dir| {
            remove_from(&dir, |name, run| {
                if kept.contains(&(index, name.to_vec())) {
                    return Ok(true);
                }
                match continued {
                    Some(own) if own.run == run => Ok(false),
                    _ => others.are_at_work(index, run),
                }
            })
        });
        if let Err(error) = removed {
            let path = plan.path_of_directory(index);
            tracing::warn!(path, %error, "unfinished files of an earlier restore may have stayed");
        }
    }
    Ok(())
}

/// Removes what is unfinished from one directory, but for what a restore is at work on, or that was cut off can go on with.
pub(super) fn remove_abandoned(dir: &Dir) -> io::Result<()> {
    remove_from(dir, |_, run| {
        let journal = Unfinished { run }.journal();
        Ok(exists(dir, &journal)? || exists_above(dir, &journal)?)
    })
}

/// Removes what is unfinished from one directory. `is_kept` gets each name and the restore it belongs to.
fn remove_from(
    dir: &Dir,
    mut is_kept: impl FnMut(&[u8], u64) -> io::Result<bool>,
) -> io::Result<()> {
    for entry in dir.entries()?.iter() {
        let Some(run) = run_of(entry.name) else {
            continue;
        };
        let removable = matches!(entry.kind, Kind::File | Kind::Symlink | Kind::Unknown);
        if !removable || is_kept(entry.name, run)? || is_locked(dir, &entry) {
            continue;
        }
        match dir.remove_file(entry.name) {
            Ok(()) => tracing::info!(
                name = %String::from_utf8_lossy(entry.name),
                "removed an unfinished file of an earlier restore"
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether a restore is at work on a file: an archive is locked itself while it is written.
fn is_locked(dir: &Dir, entry: &Entry<'_>) -> bool {
    entry.kind != Kind::Symlink && matches!(lock(dir, entry.name), Ok(Held::ByAnother))
}

/// Who has the lock of a file.
enum Held {
    /// Another restore; so it is taken for where files cannot be locked.
    ByAnother,
    /// This one, as long as the handle lives: the restore that the file belongs to was cut off, and nobody continues it.
    Here(File),
}

fn lock(dir: &Dir, name: &[u8]) -> io::Result<Held> {
    let file = match dir.open_file(name) {
        // What another user makes is not this one's to judge.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(Held::ByAnother);
        }
        opened => opened?,
    };
    Ok(match dir::try_lock(&file, Lock::Shared) {
        Ok(true) => Held::Here(file),
        Ok(false) | Err(_) => Held::ByAnother,
    })
}

fn exists(dir: &Dir, name: &[u8]) -> io::Result<bool> {
    match dir.metadata(name) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a directory above has an entry of this name, as far up as this user may look.
fn exists_above(dir: &Dir, name: &[u8]) -> io::Result<bool> {
    let mut above = dir.parent();
    loop {
        let dir = match above {
            Ok(Some(dir)) => dir,
            Ok(None) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
            Err(error) => return Err(error),
        };
        match exists(&dir, name) {
            Ok(false) => above = dir.parent(),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
            found => return found,
        }
    }
}

/// Other restores with unfinished files in the target. The target of one is the directory with its journal: one of the
/// plan, or one above.
struct Others<'a> {
    directories: &'a Directories<'a>,
    cache: DirectoryCache<'a>,
    /// What is known already, by the directory with unfinished files.
    known: HashMap<(usize, u64), bool>,
    /// Those that were cut off, with their journals, which are locked until all is removed.
    cut_off: HashMap<u64, File>,
}

impl<'a> Others<'a> {
    fn new(directories: &'a Directories<'a>) -> Self {
        Self {
            directories,
            cache: DirectoryCache::new(directories),
            known: HashMap::new(),
            cut_off: HashMap::new(),
        }
    }

    /// Whether a restore with unfinished files in a directory of the plan is at work, or can go on from above the target.
    fn are_at_work(&mut self, index: usize, run: u64) -> io::Result<bool> {
        if self.cut_off.contains_key(&run) {
            return Ok(false);
        }
        if let Some(&known) = self.known.get(&(index, run)) {
            return Ok(known);
        }
        let at_work = self.search(index, run)?;
        self.known.insert((index, run), at_work);
        Ok(at_work)
    }

    fn search(&mut self, mut index: usize, run: u64) -> io::Result<bool> {
        let journal = Unfinished { run }.journal();
        loop {
            let dir = self.cache.get(index)?;
            match lock(&dir, &journal) {
                Ok(Held::ByAnother) => return Ok(true),
                Ok(Held::Here(file)) => {
                    self.cut_off.insert(run, file);
                    return Ok(false);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            if index == 0 {
                return exists_above(&dir, &journal);
            }
            index = self.directories.plan().directories[index].parent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_are_recognised_and_others_are_not() {
        let (one, other) = (Unfinished::new(), Unfinished::new());
        assert!(is_unfinished(&one.name(0)) && is_unfinished(&one.name(4_000_000)));
        assert_ne!(one.name(7), other.name(7));
        assert!(is_unfinished(&one.journal()));
        let again = Unfinished::of_journal(&one.journal()).expect("its own name");
        assert_eq!(again.name(7), one.name(7));
        for name in [
            ".holdfast-restore-",
            ".holdfast-restore-12",
            ".holdfast-restore--1",
            ".holdfast-restore-12-",
            ".holdfast-restore-12-x",
            ".holdfast-restore-notes-1",
            ".holdfast-restore-12-1.txt",
            ".holdfast-restore-12.journal",
            ".holdfast-restore-00112233445566fg.journal",
            ".holdfast-restore-00112233445566ff.journal.txt",
            "x.holdfast-restore-12-1",
        ] {
            assert!(!is_unfinished(name.as_bytes()), "{name}");
        }
    }
}
