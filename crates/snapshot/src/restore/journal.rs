//! The journal of a restore: a small file in the target that says what is being restored, as long as it is not done.
//!
//! Whoever restores the same into the same target finds it after a restore that was cut off, and continues that one. It
//! names nothing that is taken on trust: what lies in the target is compared with the snapshot before it stays. A restore
//! that runs holds a lock on its journal, so that others leave what it has not finished alone.

use std::fs::File;
use std::io::{self, Read as _, Write as _};

use holdfast_host::dir::{self, Dir, FileTime, Kind, Lock};
use holdfast_repository::directory::DirectoryEntry;
use serde::{Deserialize, Serialize};

use super::attributes::{UNFINISHED_FILE, is_own};
use super::target::Place;
use super::unfinished::Unfinished;

/// The version of the file.
const VERSION: u32 = 1;
/// No journal is longer, in bytes.
const LONGEST: u64 = 4096;
/// Attempts to make a journal, each of which somebody who tidies up may take for one that was cut off.
const ATTEMPTS: usize = 8;

/// What is restored, and so what can be continued.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    version: u32,
    /// The object that is restored.
    object: String,
    /// For a single file its name in the target, in hexadecimal digits.
    name: String,
}

impl Identity {
    pub(super) fn of(entry: &DirectoryEntry, place: &Place) -> Self {
        Self {
            version: VERSION,
            object: entry
                .object
                .map(|object| object.to_string())
                .unwrap_or_default(),
            name: hex::encode(place.file_name.as_deref().unwrap_or_default()),
        }
    }

    /// A restore of the same that was cut off in this directory, which goes on as long as what is returned lives. What
    /// cannot be read or locked is no journal of one.
    pub(super) fn take(&self, root: &Dir) -> Option<Journal> {
        self.find(root, |name| {
            let lock = root.open_file_for_writing(name).ok()?;
            is_taken(&lock).is_ok_and(|taken| taken).then_some(lock)
        })
    }

    /// The same for a dry run, which keeps nobody waiting.
    pub(super) fn look(&self, root: &Dir) -> Option<Journal> {
        self.find(root, |name| root.open_file(name).ok())
    }

    fn find(&self, root: &Dir, open: impl Fn(&[u8]) -> Option<File>) -> Option<Journal> {
        let entries = root.entries().ok()?;
        let journals = entries
            .iter()
            .filter(|entry| matches!(entry.kind, Kind::File | Kind::Unknown));
        journals
            .filter_map(|entry| Some((entry.name, Unfinished::of_journal(entry.name)?)))
            .filter(|(name, _)| read(root, name).is_ok_and(|found| found == *self))
            .find_map(|(name, unfinished)| {
                Some(Journal {
                    unfinished,
                    began: root.metadata(name).ok()?.modified,
                    _lock: open(name)?,
                })
            })
    }

    /// Begins a restore with a journal of its own.
    ///
    /// # Errors
    /// A directory in which no file can be made, or locked.
    pub(super) fn begin(&self, root: &Dir) -> io::Result<Journal> {
        for _ in 0..ATTEMPTS {
            let unfinished = Unfinished::new();
            let name = unfinished.journal();
            let mut file = root.create_file(&name, UNFINISHED_FILE)?;
            let begun = match is_taken(&file) {
                Ok(false) => continue,
                Ok(true) => self.write(&mut file),
                Err(error) => Err(error),
            };
            if let Err(error) = begun {
                drop(file);
                let _ = root.remove_file(&name);
                return Err(error);
            }
            return Ok(Journal {
                began: root.metadata(&name)?.modified,
                unfinished,
                _lock: file,
            });
        }
        Err(io::Error::other("each was removed by another restore"))
    }

    fn write(&self, file: &mut File) -> io::Result<()> {
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        file.write_all(&text)
    }
}

/// A restore that runs, or in a dry run would go on.
pub(super) struct Journal {
    /// The names of what it has not finished.
    pub(super) unfinished: Unfinished,
    /// When it began, by the clock of the target.
    pub(super) began: FileTime,
    /// The file, locked.
    _lock: File,
}

impl Journal {
    /// Ends the restore: there is nothing to continue.
    pub(super) fn end(self, root: &Dir) {
        // While it is locked nobody takes it for that of a restore that was cut off.
        let _ = root.remove_file(&self.unfinished.journal());
    }
}

/// Takes a journal for this restore; says whether it has it and nobody removed it before that.
fn is_taken(file: &File) -> io::Result<bool> {
    Ok(dir::try_lock(file, Lock::Exclusive)? && is_own(&dir::file_state(file)?))
}

fn read(root: &Dir, name: &[u8]) -> io::Result<Identity> {
    let file = root.open_file(name)?;
    if !is_own(&dir::file_state(&file)?) {
        return Err(io::Error::other("it was not made by this user"));
    }
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use holdfast_repository::directory::EntryKind;

    use super::*;

    fn identity(name: &[u8]) -> Identity {
        let place = Place {
            directory: "target".into(),
            file_name: Some(name.to_vec()),
        };
        Identity::of(&DirectoryEntry::new(b"entry", EntryKind::File), &place)
    }

    #[test]
    fn only_a_restore_of_the_same_is_continued_and_by_one_at_a_time() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let root = Dir::open(place.path()).expect("open");
        let same = identity(b"a\xff");
        assert!(same.take(&root).is_none());
        let run = same.begin(&root).expect("begin");
        let name = run.unfinished.journal();
        assert!(same.take(&root).is_none(), "it runs");
        drop(run);
        let found = same.take(&root).expect("it was cut off");
        assert_eq!(found.unfinished.journal(), name);
        assert!(same.take(&root).is_none(), "somebody continues it");
        drop(found);
        assert!(identity(b"b").take(&root).is_none());
        // One that was cut off while it was written is none.
        let path = place.path().join(String::from_utf8(name).expect("ASCII"));
        let text = std::fs::read(&path).expect("read");
        std::fs::write(&path, &text[..text.len() / 2]).expect("cut");
        assert!(same.take(&root).is_none() && same.look(&root).is_none());
        std::fs::write(&path, &text).expect("mend");
        same.take(&root).expect("it was cut off").end(&root);
        assert!(!path.exists());
    }
}
