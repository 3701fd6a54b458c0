//! Decrypted index blobs on the local disk, private to this client (format 1 §10.2 is another program's cache).
//!
//! `<repository id>/indexes/<blob id>` holds the decrypted bytes, the same with `.filter` the filter and the fences of
//! large ones. Nothing here is authoritative: what does not fit is fetched again.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use holdfast_storage::BlobId;

use super::table::IndexTable;
use crate::error::{Error, Result};

/// Index blobs up to this stay in memory, in bytes.
const IN_MEMORY: u64 = 1 << 20;
const FILTER_SUFFIX: &str = ".filter";
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A directory with decrypted index blobs.
#[derive(Debug)]
pub(crate) struct IndexCache {
    directory: PathBuf,
}

impl IndexCache {
    /// Uses a directory of this repository's own below `cache_dir`; it is created when missing.
    pub(crate) fn new(cache_dir: &Path, unique_id: &[u8]) -> Result<Self> {
        let repository = &unique_id[..unique_id.len().min(16)];
        let directory = cache_dir.join(hex::encode(repository)).join("indexes");
        holdfast_host::fs::create_dir_all_synced(&directory, DIRECTORY_MODE).map_err(|source| {
            Error::Cache {
                path: directory.clone(),
                source,
            }
        })?;
        Ok(Self { directory })
    }

    fn path(&self, id: &BlobId) -> PathBuf {
        self.directory.join(id.as_str())
    }

    fn filter_path(&self, id: &BlobId) -> PathBuf {
        self.directory.join(format!("{id}{FILTER_SUFFIX}"))
    }

    /// A table from the cache; nothing when it is not there or cannot be used.
    pub(crate) fn load(&self, id: &BlobId) -> Option<IndexTable> {
        let path = self.path(id);
        let file = File::open(&path).ok()?;
        let length = file.metadata().ok()?.len();
        let table = if length <= IN_MEMORY {
            IndexTable::in_memory(id.clone(), Bytes::from(std::fs::read(&path).ok()?))
        } else if let Ok(sidecar) = std::fs::read(self.filter_path(id))
            && let Some(table) =
                IndexTable::with_sidecar(id.clone(), file.try_clone().ok()?, length, &sidecar)
        {
            Ok(table)
        } else {
            IndexTable::in_file(id.clone(), file, length)
        };
        match table {
            Ok(table) => Some(table),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "dropping an unusable file of the index cache");
                self.remove(id);
                None
            }
        }
    }

    /// Stores decrypted bytes and returns the table over them. When the disk refuses, the table stays in memory.
    pub(crate) fn store(&self, id: &BlobId, bytes: Bytes) -> Result<IndexTable> {
        let path = self.path(id);
        if let Err(error) = holdfast_host::fs::atomic_write(&path, &bytes, FILE_MODE) {
            tracing::warn!(%error, "the index cache cannot be written");
            return IndexTable::in_memory(id.clone(), bytes);
        }
        let length = bytes.len() as u64;
        let file = match File::open(&path) {
            Ok(file) if length > IN_MEMORY => file,
            _ => return IndexTable::in_memory(id.clone(), bytes),
        };
        drop(bytes);
        let table = IndexTable::in_file(id.clone(), file, length)?;
        if let Err(error) =
            holdfast_host::fs::atomic_write(&self.filter_path(id), &table.sidecar(), FILE_MODE)
        {
            tracing::warn!(%error, "the index cache cannot be written");
        }
        Ok(table)
    }

    /// Removes what a blob left behind.
    fn remove(&self, id: &BlobId) {
        // Files that are not there, or cannot go, do no harm: they are replaced or ignored later.
        let _ = std::fs::remove_file(self.path(id));
        let _ = std::fs::remove_file(self.filter_path(id));
    }

    /// Removes every file whose blob does not count any more.
    pub(crate) fn keep_only(&self, active: &HashSet<&str>) {
        let Ok(entries) = std::fs::read_dir(&self.directory) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            // Temporary files of another process carry a suffix and are left alone.
            let blob = name.strip_suffix(FILTER_SUFFIX).unwrap_or(name);
            if !blob.contains(".tmp.") && !active.contains(blob) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::Probe;
    use super::*;
    use crate::content_id::ContentId;
    use crate::index::{IndexEntry, encode};

    fn content(number: u32) -> ContentId {
        let mut hash = [0; 16];
        hash[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
        hash[12..].copy_from_slice(&number.to_be_bytes());
        ContentId::new(number.is_multiple_of(3).then_some(b'k'), &hash).unwrap()
    }

    fn index_bytes(count: u32) -> Bytes {
        let mut entries: Vec<IndexEntry> = (0..count)
            .map(|number| IndexEntry {
                id: content(number),
                deleted: false,
                format_version: 3,
                encryption_key_id: 0,
                pack: 0,
                offset: number,
                packed_length: 128,
                original_length: 100,
                compression: 0,
                time: 1,
            })
            .collect();
        Bytes::from(encode(&mut entries, &[BlobId::new("pa-s1").unwrap()]).unwrap())
    }

    fn check(table: &IndexTable, count: u32) {
        for number in 0..count {
            let id = content(number);
            assert_eq!(
                table.find(&id, &Probe::of(&id)).unwrap().unwrap().offset,
                number
            );
        }
        for number in count..count + 1000 {
            let id = content(number);
            assert!(table.find(&id, &Probe::of(&id)).unwrap().is_none());
        }
    }

    #[test]
    fn large_indexes_are_read_from_their_file() {
        let directory = tempfile::tempdir().unwrap();
        let cache = IndexCache::new(directory.path(), b"unique").unwrap();
        let count = 40_000;
        let id = BlobId::new("xn0_aa-s1-c1").unwrap();
        assert!(cache.load(&id).is_none());
        check(&cache.store(&id, index_bytes(count)).unwrap(), count);
        check(&cache.load(&id).unwrap(), count);
        std::fs::write(cache.filter_path(&id), b"short").unwrap();
        check(&cache.load(&id).unwrap(), count);
        std::fs::write(cache.path(&id), b"broken").unwrap();
        assert!(cache.load(&id).is_none());
        assert!(!cache.path(&id).exists());
    }

    #[test]
    fn inactive_blobs_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = IndexCache::new(directory.path(), b"unique").unwrap();
        for name in ["xn0_aa-s1-c1", "xn0_bb-s1-c1"] {
            cache
                .store(&BlobId::new(name).unwrap(), index_bytes(5))
                .unwrap();
        }
        cache.keep_only(&HashSet::from(["xn0_aa-s1-c1"]));
        let left: Vec<_> = std::fs::read_dir(&cache.directory)
            .unwrap()
            .flatten()
            .map(|e| e.file_name())
            .collect();
        assert_eq!(left, ["xn0_aa-s1-c1"]);
        check(
            &cache.load(&BlobId::new("xn0_aa-s1-c1").unwrap()).unwrap(),
            5,
        );
    }
}
