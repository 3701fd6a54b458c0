//! Files that are not complete yet: the names they have until then, and what a killed restore left of them.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::Duration;

use holdfast_host::dir::{Dir, DirLock, Kind};
use holdfast_planning::restore::Action;

use super::directories::{Directories, DirectoryCache};
use super::request::RestoreRequest;
use crate::error::Result;

/// What the names of unfinished files begin with.
const PREFIX: &str = ".holdfast-restore-";
/// Wait between attempts to share a target with another restore that tidies it up, a matter of moments.
const PAUSE: Duration = Duration::from_millis(20);

/// Names for the unfinished files of one restore.
pub(super) struct Unfinished {
    run: u64,
}

impl Unfinished {
    pub(super) fn new() -> Self {
        // Every state has keys of its own, taken from the system's random source.
        let run = RandomState::new().hash_one(std::process::id());
        Self { run }
    }

    /// The name for the entry at a position of the plan.
    pub(super) fn name(&self, entry: usize) -> Vec<u8> {
        format!("{PREFIX}{:016x}-{entry}", self.run).into_bytes()
    }
}

/// Whether a name is that of an unfinished file of any restore.
fn is_unfinished(name: &[u8]) -> bool {
    let Some((run, entry)) = name
        .strip_prefix(PREFIX.as_bytes())
        .and_then(|rest| std::str::from_utf8(rest).ok())
        .and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    !run.is_empty()
        && !entry.is_empty()
        && run.chars().all(hex)
        && entry.chars().all(|c| c.is_ascii_digit())
}

/// Announces this restore at its target, after removing what killed ones left there in the directories of the plan.
/// While another restore works there nothing is removed, because it may be that one's; neither is where the file system
/// cannot tell. The announcement ends with `root` and its copies.
pub(super) fn enter(
    root: &Dir,
    directories: &Directories<'_>,
    request: &RestoreRequest,
) -> Result<()> {
    match root.try_lock(DirLock::Exclusive) {
        Ok(true) => remove_leftovers(directories, request)?,
        Ok(false) => {}
        Err(error) => {
            if error.kind() == io::ErrorKind::Unsupported && cfg!(windows) {
                return remove_leftovers(directories, request);
            }
            tracing::debug!(%error, "the target cannot be locked; unfinished files of earlier restores stay");
            return Ok(());
        }
    }
    while matches!(root.try_lock(DirLock::Shared), Ok(false)) {
        if request.cancel.wait_timeout(PAUSE) {
            request.cancel.check()?;
        }
    }
    Ok(())
}

fn remove_leftovers(directories: &Directories<'_>, request: &RestoreRequest) -> Result<()> {
    let plan = directories.plan();
    let mut cache = DirectoryCache::new(directories);
    for (index, directory) in plan.directories.iter().enumerate() {
        request.cancel.check()?;
        if directory.action != Action::Same {
            continue;
        }
        if let Err(error) = cache.get(index).and_then(|dir| remove_from(&dir)) {
            let path = plan.path_of_directory(index);
            tracing::warn!(path, %error, "unfinished files of an earlier restore may have stayed");
        }
    }
    Ok(())
}

fn remove_from(dir: &Dir) -> io::Result<()> {
    for entry in dir.entries()?.iter() {
        let removable = matches!(entry.kind, Kind::File | Kind::Symlink | Kind::Unknown);
        if removable && is_unfinished(entry.name) {
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
        for name in [
            ".holdfast-restore-",
            ".holdfast-restore-12",
            ".holdfast-restore--1",
            ".holdfast-restore-12-",
            ".holdfast-restore-12-x",
            ".holdfast-restore-notes-1",
            ".holdfast-restore-12-1.txt",
            "x.holdfast-restore-12-1",
        ] {
            assert!(!is_unfinished(name.as_bytes()), "{name}");
        }
    }
}
