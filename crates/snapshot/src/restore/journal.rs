//! The journal of a restore: a small file in the target that says what is being restored, as long as it is not done.
//!
//! Whoever restores the same into the same target finds it after a restore that was cut off, and continues that one. It
//! names nothing that is taken on trust: what lies in the target is compared with the snapshot before it stays.

use std::io::{self, Read as _, Write as _};

use holdfast_host::dir::{self, Dir, Kind};
use holdfast_repository::directory::DirectoryEntry;
use serde::{Deserialize, Serialize};

use super::attributes::{UNFINISHED_FILE, is_own};
use super::target::Place;
use super::unfinished::Unfinished;

/// The version of the file.
const VERSION: u32 = 1;
/// No journal is longer, in bytes.
const LONGEST: u64 = 4096;

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

    /// The names of a restore of the same that was cut off in this directory. What cannot be read is no journal.
    pub(super) fn find(&self, root: &Dir) -> Option<Unfinished> {
        let entries = root.entries().ok()?;
        let journals = entries
            .iter()
            .filter(|entry| matches!(entry.kind, Kind::File | Kind::Unknown));
        journals
            .filter_map(|entry| Some((entry.name, Unfinished::of_journal(entry.name)?)))
            .find(|(name, _)| read(root, name).is_ok_and(|found| found == *self))
            .map(|(_, unfinished)| unfinished)
    }

    /// Writes the journal of a restore.
    pub(super) fn write(&self, root: &Dir, unfinished: &Unfinished) -> io::Result<()> {
        let name = unfinished.journal();
        let mut file = root.create_file(&name, UNFINISHED_FILE)?;
        let written = serde_json::to_vec(self)
            .map_err(io::Error::other)
            .and_then(|text| file.write_all(&text));
        drop(file);
        if written.is_err() {
            let _ = root.remove_file(&name);
        }
        written
    }
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
    fn only_a_restore_of_the_same_is_continued() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let root = Dir::open(place.path()).expect("open");
        assert!(identity(b"a\xff").find(&root).is_none());
        let run = Unfinished::new();
        identity(b"a\xff").write(&root, &run).expect("write");
        let found = identity(b"a\xff").find(&root).expect("it is there");
        assert_eq!(found.journal(), run.journal());
        assert!(identity(b"b").find(&root).is_none());
        // One that was cut off while it was written is none.
        let path = place
            .path()
            .join(String::from_utf8(run.journal()).expect("ASCII"));
        let text = std::fs::read(&path).expect("read");
        std::fs::write(&path, &text[..text.len() / 2]).expect("cut");
        assert!(identity(b"a\xff").find(&root).is_none());
    }
}
