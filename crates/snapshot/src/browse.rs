//! Looking into snapshots: directories page by page, and single files.

use std::io::Write;

use holdfast_host::Cancel;
use holdfast_repository::Repository;
use holdfast_repository::directory::{DirectoryEntry, EntryKind};
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::read::{Located, Part, locate, object_parts, read_directory};

/// A part of a directory.
#[derive(Clone, Debug)]
pub struct ContentPage {
    /// The entries, directories first.
    pub entries: Vec<DirectoryEntry>,
    /// Where the next page begins; `None` when this is the last.
    pub next_cursor: Option<String>,
    /// Number of entries of the whole directory.
    pub count: u64,
}

/// Lists at most `limit` entries of a directory of a snapshot, from `cursor` on, which comes from the page before.
///
/// # Errors
/// An unknown snapshot, path or cursor, a path that is no directory, or a failing repository.
pub fn list_content(
    repo: &Repository,
    snapshot: &str,
    path: &str,
    cursor: Option<&str>,
    limit: usize,
) -> Result<ContentPage> {
    let Located { entry, path, .. } = locate(repo, snapshot, path)?;
    if !entry.is_directory() {
        return Err(Error::WrongKind {
            path,
            found: kind_in_words(&entry.kind),
            wanted: "a folder",
        });
    }
    let start = match cursor {
        None => 0,
        Some(cursor) => cursor
            .parse()
            .map_err(|_| Error::InvalidCursor(cursor.to_owned()))?,
    };
    let mut entries = read_directory(repo, &entry)?.entries;
    let count = entries.len();
    let end = count.min(usize::saturating_add(start, limit.max(1)));
    let entries = entries.drain(start.min(end)..end).collect();
    let next_cursor = (end < count).then(|| end.to_string());
    Ok(ContentPage {
        entries,
        next_cursor,
        count: count as u64,
    })
}

/// Writes a file of a snapshot to `output` and returns its length in bytes. Every content is authenticated before any
/// byte of it is written.
///
/// # Errors
/// An unknown snapshot or path, a path that is no file, missing or damaged data, or a failing output.
pub fn read_file(
    repo: &Repository,
    snapshot: &str,
    path: &str,
    output: &mut dyn Write,
    cancel: &Cancel,
) -> Result<u64> {
    open_file(repo, snapshot, path, cancel)?.read(repo, output, cancel)
}

/// A file of a snapshot, none of which is read yet.
#[derive(Debug)]
pub struct OpenFile {
    parts: Vec<Part>,
}

impl OpenFile {
    /// Its length in bytes; `None` when only reading tells it.
    pub fn length(&self) -> Option<u64> {
        match self.parts.last() {
            None => Some(0),
            Some(last) => last.known_end(),
        }
    }

    /// Writes it to `output` and returns its length in bytes, as [`read_file`] does.
    ///
    /// # Errors
    /// Missing or damaged data, or a failing output.
    pub fn read(&self, repo: &Repository, output: &mut dyn Write, cancel: &Cancel) -> Result<u64> {
        let mut length = 0;
        for part in &self.parts {
            cancel.check()?;
            let data = repo.read_object(&part.object())?;
            output.write_all(&data).map_err(Error::Output)?;
            length += data.len() as u64;
        }
        output.flush().map_err(Error::Output)?;
        Ok(length)
    }
}

/// Finds a file of a snapshot.
///
/// # Errors
/// An unknown snapshot or path, a path that is no file, or data that the index of the repository does not have.
pub fn open_file(
    repo: &Repository,
    snapshot: &str,
    path: &str,
    cancel: &Cancel,
) -> Result<OpenFile> {
    let parts = find_file(repo, snapshot, path, cancel)?;
    Ok(OpenFile { parts })
}

/// The contents of a file of a snapshot, none of which is read.
///
/// # Errors
/// As [`read_file`], as far as the index of the repository tells.
pub(crate) fn find_file(
    repo: &Repository,
    snapshot: &str,
    path: &str,
    cancel: &Cancel,
) -> Result<Vec<Part>> {
    let Located { entry, path, .. } = locate(repo, snapshot, path)?;
    if entry.kind != EntryKind::File {
        return Err(Error::WrongKind {
            path,
            found: kind_in_words(&entry.kind),
            wanted: "a file",
        });
    }
    let object = entry.object.ok_or(Error::NoSnapshot)?;
    let found = Mutex::new(Ok(Vec::new()));
    object_parts(repo, &[(0, object)], 1, cancel, &|_, parts| {
        *found.lock() = parts;
        Ok(())
    })?;
    let parts = found
        .into_inner()
        .map_err(|reason| holdfast_repository::Error::Damaged { what: path, reason })?;
    Ok(parts)
}

/// What an entry is, for messages.
pub(crate) fn kind_in_words(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "a file",
        EntryKind::Directory => "a folder",
        EntryKind::Symlink => "a symbolic link",
        EntryKind::Other(_) => "an entry of an unknown type",
    }
}
