//! Files that are not complete yet: the names they have until then, and what a killed restore left of them.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::Duration;

use holdfast_host::dir::{Dir, DirLock, Kind};
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
/// Wait between attempts to share a target with another restore that tidies it up, a matter of moments.
const PAUSE: Duration = Duration::from_millis(20);

/// Names for what one restore has not finished.
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

/// How a restore shares its target with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// No other restore works there: what is unfinished is of one that was cut off.
    Alone,
    /// Another one may work there.
    Perhaps,
}

/// Announces this restore at its target and says whether another one works there. The announcement ends with `root` and
/// its copies. While a restore is alone and plans, others wait in [`share`].
pub(super) fn enter(root: &Dir) -> Company {
    match root.try_lock(DirLock::Exclusive) {
        Ok(true) => Company::Alone,
        Ok(false) => Company::Perhaps,
        // Directories cannot be locked there, and two restores into one target are rare.
        Err(error) if error.kind() == io::ErrorKind::Unsupported && cfg!(windows) => Company::Alone,
        Err(error) => {
            tracing::debug!(%error, "the target cannot be locked; unfinished files of earlier restores stay");
            Company::Perhaps
        }
    }
}

/// Lets other restores into the target too.
pub(super) fn share(root: &Dir, request: &RestoreRequest) -> Result<()> {
    while matches!(root.try_lock(DirLock::Shared), Ok(false)) {
        if request.cancel.wait_timeout(PAUSE) {
            request.cancel.check()?;
        }
    }
    Ok(())
}

/// Removes what restores that were cut off left in the directories of the plan, except what is `continued`: the names, and
/// the files of several contents of which a part is there.
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
    let mut cache = DirectoryCache::new(directories);
    for (index, directory) in plan.directories.iter().enumerate() {
        request.cancel.check()?;
        if directory.action != Action::Same {
            continue;
        }
        let removed = cache
            .get(index)
            .and_then(|dir| remove_from(&dir, |name| kept.contains(&(index, name.to_vec()))));
        if let Err(error) = removed {
            let path = plan.path_of_directory(index);
            tracing::warn!(path, %error, "unfinished files of an earlier restore may have stayed");
        }
    }
    Ok(())
}

/// Removes what is unfinished from one directory, but for what a restore that was cut off can go on with.
pub(super) fn remove_abandoned(dir: &Dir) -> io::Result<()> {
    let mut continuable = HashSet::new();
    for entry in dir.entries()?.iter() {
        continuable.extend(Unfinished::of_journal(entry.name).map(|journal| journal.run));
    }
    remove_from(dir, |name| {
        run_of(name).is_some_and(|run| continuable.contains(&run))
    })
}

/// Removes what is unfinished from one directory.
fn remove_from(dir: &Dir, is_kept: impl Fn(&[u8]) -> bool) -> io::Result<()> {
    for entry in dir.entries()?.iter() {
        let removable = matches!(entry.kind, Kind::File | Kind::Symlink | Kind::Unknown);
        if removable && is_unfinished(entry.name) && !is_kept(entry.name) {
            dir.remove_file(entry.name)?;
            tracing::info!(
                name = %String::from_utf8_lossy(entry.name),
                "removed an unfinished file of an earlier restore"
            );
        }
    }
    Ok(())
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
