//! Repositories with many versions of many files, to be searched. Only the folders are stored: the objects of the files do
//! not exist, because no search reads them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use holdfast_repository::directory::{DirectoryEntry, EntryKind, FileMode};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::manifest::ManifestEdits;
use holdfast_repository::snapshot::{self, SnapshotManifest};
use holdfast_repository::{
    ContentId, CreateOptions, ObjectId, OpenOptions, Repository, SourceIdentity,
};
use holdfast_storage::{BlobStore, LocalStore};
use secrecy::SecretString;

use crate::folder::folder;

/// Files of one folder.
const FILES: u64 = 100;
/// Folders of one folder above them.
const FOLDERS: u64 = 100;
/// Snapshots after the first one.
const LATER: u64 = 30;
/// Every so-many-th folder has other files in each of them.
const CHANGING: u64 = 20;

/// What is in such a repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ManyVersions {
    /// Versions of files.
    pub files: u64,
    /// Versions of folders.
    pub folders: u64,
    /// Snapshots.
    pub snapshots: u64,
}

/// Creates a repository in a directory with about so many versions of files, two fifths of them in the first snapshot.
pub fn write(directory: &Path, password: &str, versions: u64) -> Result<ManyVersions> {
    let store: Arc<dyn BlobStore> = Arc::new(LocalStore::create_directory(directory)?);
    let password = SecretString::from(password);
    let (create, open) = (CreateOptions::default(), OpenOptions::default());
    let repository = Repository::create(store, &password, &create, &open)?;
    let folders = (versions * 2 / 5 / FILES).max(1);
    let session = repository.session()?;
    let mut writer = session.writer();
    let mut edits = ManifestEdits::new(Arc::clone(repository.clock()));
    let mut written = ManyVersions::default();
    let mut all: Vec<DirectoryEntry> = Vec::new();
    for point in 0..=LATER {
        let mut changed = vec![false; folders.div_ceil(FOLDERS) as usize];
        for number in 0..folders {
            if point > 0 && number % CHANGING != point % CHANGING {
                continue;
            }
            let files: Vec<DirectoryEntry> = (0..FILES)
                .map(|file| version(number, file, point))
                .collect();
            let entry = folder(&format!("folder-{number:06}"), &files, &mut writer)?;
            written.files += FILES;
            written.folders += 1;
            changed[(number / FOLDERS) as usize] = true;
            match all.get_mut(number as usize) {
                Some(known) => *known = entry,
                None => all.push(entry),
            }
        }
        written.folders += changed.iter().filter(|changed| **changed).count() as u64;
        let mut above = Vec::new();
        for (number, folders) in all.chunks(FOLDERS as usize).enumerate() {
            above.push(folder(&format!("part-{number:03}"), folders, &mut writer)?);
        }
        let start = UnixNanos(1_700_000_000_000_000_000 + point as i64 * 86_400_000_000_000);
        let manifest = SnapshotManifest {
            source: SourceIdentity::new(repository.user(), repository.host(), "/data"),
            start_time: start,
            end_time: start,
            root_entry: Some(folder("data", &above, &mut writer)?),
            ..SnapshotManifest::default()
        };
        snapshot::save(&mut edits, &manifest)?;
        written.snapshots += 1;
    }
    edits.write(&mut writer)?;
    writer.finish_packs()?;
    drop(writer);
    session.close().context("save the snapshots")?;
    Ok(written)
}

/// A file as it is since a snapshot.
fn version(folder: u64, file: u64, point: u64) -> DirectoryEntry {
    let mut entry = DirectoryEntry::new(format!("file-{folder:06}-{file:02}.txt"), EntryKind::File);
    let number = (folder * FILES + file) * (LATER + 1) + point;
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let other = (mixed ^ mixed >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = [mixed.to_be_bytes(), other.to_be_bytes()].concat();
    entry.mode = FileMode::from_unix(0o644);
    entry.mtime =
        UnixNanos(1_700_000_000_000_000_000 + (mixed >> 8) as i64 % 86_400_000_000_000_000);
    entry.size = (other % 100_000) as i64;
    entry.object = ContentId::new(None, &hash).map(ObjectId::direct);
    entry
}
