//! Decrypted index blobs on the local disk, private to this client (format 1 §10.2 is another program's cache).
//!
//! `<repository id>/indexes/<blob id>` holds the decrypted bytes, the same with `.filter` the filter and the fences of
//! large ones, with a hash. Nothing here is authoritative: what is not exactly what was stored is fetched again, because
//! a wrong entry would make the upload leave out data that the repository does not have.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use holdfast_storage::BlobId;

use super::table::IndexTable;
use crate::blob_crypto::is_named_after;
use crate::error::Result;
use crate::hash::{HashOutput, Hasher};

/// Files are hashed in pieces of this size, in bytes.
const PIECE: usize = 1 << 20;
const FILTER_SUFFIX: &str = ".filter";
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A directory with decrypted index blobs. It is made with the first file.
#[derive(Debug)]
pub(crate) struct IndexCache {
    directory: PathBuf,
    /// Shorter blobs are kept only if they are not held in memory, in bytes.
    min_length: u64,
}

impl IndexCache {
    /// Uses a directory of this repository's own below `cache_dir`, for blobs of at least `min_length` bytes and for
    /// those that are not held in memory.
    pub(crate) fn new(cache_dir: &Path, unique_id: &[u8], min_length: u64) -> Self {
        let repository = &unique_id[..unique_id.len().min(16)];
        let directory = cache_dir.join(hex::encode(repository)).join("indexes");
        Self {
            directory,
            min_length,
        }
    }

    /// Where the files are; nothing, with a warning, when the directory cannot be made.
    pub(crate) fn directory(&self) -> Option<&Path> {
        made(&self.directory).then_some(&*self.directory)
    }

    /// A directory of the same repository for other files; nothing, with a warning, when it cannot be made.
    pub(crate) fn folder_beside(&self, name: &str) -> Option<PathBuf> {
        let directory = self.directory.with_file_name(name);
        made(&directory).then_some(directory)
    }

    fn path(&self, id: &BlobId) -> PathBuf {
        self.directory.join(id.as_str())
    }

    fn filter_path(&self, id: &BlobId) -> PathBuf {
        self.directory.join(format!("{id}{FILTER_SUFFIX}"))
    }

    /// A table from the cache, held in memory or read from its file; nothing when it is not there or cannot be used.
    pub(crate) fn load(&self, id: &BlobId, hasher: &Hasher, in_memory: bool) -> Option<IndexTable> {
        let path = self.path(id);
        let mut file = File::open(&path).ok()?;
        let length = file.metadata().ok()?.len();
        let bytes = in_memory.then(|| Vec::with_capacity(usize::try_from(length).unwrap_or(0)));
        let (hash, bytes) = hash_file(hasher, &mut file, bytes).ok()?;
        if !is_named_after(id, &hash) {
            tracing::warn!(path = %path.display(), "dropping a changed file of the index cache");
            self.remove(id);
            return None;
        }
        let table = if let Some(bytes) = bytes {
            IndexTable::in_memory(id.clone(), Bytes::from(bytes))
        } else if let Ok(sidecar) = std::fs::read(self.filter_path(id))
            && let Some(sidecar) = unsealed(hasher, id, &sidecar)
            && let Some(table) =
                IndexTable::with_sidecar(id.clone(), file.try_clone().ok()?, length, sidecar)
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

    /// Stores decrypted bytes and returns the table over them, held in memory or read from the file. When the disk
    /// refuses, the table stays in memory.
    pub(crate) fn store(
        &self,
        id: &BlobId,
        bytes: Bytes,
        hasher: &Hasher,
        in_memory: bool,
    ) -> Result<IndexTable> {
        let length = bytes.len() as u64;
        let kept = !in_memory || length >= self.min_length;
        if !kept || self.directory().is_none() {
            return IndexTable::in_memory(id.clone(), bytes);
        }
        let path = self.path(id);
        if let Err(error) = holdfast_host::fs::cache_write(&path, &bytes, FILE_MODE) {
            tracing::warn!(%error, "the index cache cannot be written");
            return IndexTable::in_memory(id.clone(), bytes);
        }
        let file = match File::open(&path) {
            Ok(file) if !in_memory => file,
            _ => return IndexTable::in_memory(id.clone(), bytes),
        };
        drop(bytes);
        let table = IndexTable::in_file(id.clone(), file, length)?;
        let sidecar = sealed(hasher, id, table.sidecar());
        if let Err(error) =
            holdfast_host::fs::cache_write(&self.filter_path(id), &sidecar, FILE_MODE)
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

/// Whether the directory is there now.
fn made(directory: &Path) -> bool {
    match holdfast_host::fs::create_dir_all_synced(directory, DIRECTORY_MODE) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "there is no cache");
            false
        }
    }
}

/// Hash of a file's bytes, and the bytes where there is a buffer for them.
fn hash_file(
    hasher: &Hasher,
    file: &mut File,
    mut kept: Option<Vec<u8>>,
) -> std::io::Result<(HashOutput, Option<Vec<u8>>)> {
    let mut state = hasher.start();
    let mut piece = vec![0; PIECE];
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => return Ok((hasher.finish(&state), kept)),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update_lanes([(&mut state, &piece[..read])]);
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(&piece[..read]);
        }
    }
}

/// Appends a hash of a sidecar and of the blob it belongs to.
fn sealed(hasher: &Hasher, id: &BlobId, mut sidecar: Vec<u8>) -> Vec<u8> {
    let hash = sidecar_hash(hasher, id, &sidecar);
    sidecar.extend_from_slice(hash.as_bytes());
    sidecar
}

/// The sidecar in front of its hash; nothing when the hash is another.
fn unsealed<'a>(hasher: &Hasher, id: &BlobId, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let length = bytes.len().checked_sub(hasher.algorithm().length())?;
    let (sidecar, hash) = bytes.split_at(length);
    (sidecar_hash(hasher, id, sidecar).as_bytes() == hash).then_some(sidecar)
}

fn sidecar_hash(hasher: &Hasher, id: &BlobId, sidecar: &[u8]) -> HashOutput {
    let mut state = hasher.start();
    hasher.update_lanes([(&mut state, id.as_str().as_bytes())]);
    hasher.update_lanes([(&mut state, sidecar)]);
    hasher.finish(&state)
}

#[cfg(test)]
mod tests {
    use super::super::filter::Probe;
    use super::*;
    use crate::content_id::ContentId;
    use crate::hash::HashAlgorithm;
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

    fn hasher() -> Hasher {
        Hasher::new(HashAlgorithm::default(), b"secret").unwrap()
    }

    fn id_of(bytes: &[u8]) -> BlobId {
        let hash = hex::encode(hasher().hash(bytes).as_bytes());
        BlobId::new(format!("xn0_{hash}-s1-c1")).unwrap()
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
    fn tables_come_back_from_memory_and_from_files() {
        for in_memory in [true, false] {
            let directory = tempfile::tempdir().unwrap();
            let cache = IndexCache::new(directory.path(), b"unique", 0);
            let count = 40_000;
            let (hasher, bytes) = (hasher(), index_bytes(count));
            let id = id_of(&bytes);
            assert!(cache.load(&id, &hasher, in_memory).is_none());
            let stored = cache.store(&id, bytes.clone(), &hasher, in_memory).unwrap();
            check(&stored, count);
            let loaded = cache.load(&id, &hasher, in_memory).unwrap();
            check(&loaded, count);
            let held = if in_memory { bytes.len() as u64 } else { 0 };
            assert_eq!([stored.memory(), loaded.memory()], [held; 2]);
            std::fs::write(cache.filter_path(&id), b"short").unwrap();
            check(&cache.load(&id, &hasher, in_memory).unwrap(), count);
            std::fs::write(cache.path(&id), b"broken").unwrap();
            assert!(cache.load(&id, &hasher, in_memory).is_none());
            assert!(!cache.path(&id).exists());
        }
    }

    /// A filter that lost a bit would hide contents, an entry that lost one would invent them.
    #[test]
    fn a_changed_byte_in_either_file_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = IndexCache::new(directory.path(), b"unique", 0);
        let hasher = hasher();
        for (count, in_memory) in [(5, true), (5, false), (40_000, false)] {
            let bytes = index_bytes(count);
            let id = id_of(&bytes);
            let store = |bytes| cache.store(&id, bytes, &hasher, in_memory).unwrap();
            let load = || cache.load(&id, &hasher, in_memory);
            store(bytes.clone());
            if let Ok(mut sidecar) = std::fs::read(cache.filter_path(&id)) {
                sidecar.fill(0);
                std::fs::write(cache.filter_path(&id), &sidecar).unwrap();
                check(&load().unwrap(), count);
            }
            let mut changed = bytes.to_vec();
            let middle = changed.len() / 2;
            changed[middle] ^= 1;
            std::fs::write(cache.path(&id), &changed).unwrap();
            assert!(load().is_none(), "{count}");
            check(&store(bytes), count);
            check(&load().unwrap(), count);
        }
    }

    #[test]
    fn short_blobs_in_memory_leave_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let (hasher, short, long) = (hasher(), index_bytes(5), index_bytes(6));
        let cache = IndexCache::new(directory.path(), b"unique", long.len() as u64);
        let store = |bytes: &Bytes, in_memory| {
            let id = id_of(bytes);
            cache.store(&id, bytes.clone(), &hasher, in_memory).unwrap()
        };
        check(&store(&short, true), 5);
        assert!(!cache.directory.exists());
        check(&store(&long, true), 6);
        check(&cache.load(&id_of(&long), &hasher, true).unwrap(), 6);
        // One that has no room in memory is in a file, however short.
        let table = store(&short, false);
        check(&table, 5);
        assert_eq!(table.memory(), 0);
    }

    #[test]
    fn without_a_directory_tables_stay_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, b"in the way").unwrap();
        let (hasher, bytes) = (hasher(), index_bytes(40_000));
        let cache = IndexCache::new(&file, b"unique", 0);
        assert!(cache.directory().is_none());
        let id = id_of(&bytes);
        check(&cache.store(&id, bytes, &hasher, false).unwrap(), 40_000);
        assert!(cache.load(&id, &hasher, false).is_none());
    }

    #[test]
    fn inactive_blobs_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = IndexCache::new(directory.path(), b"unique", 0);
        let (hasher, bytes) = (hasher(), index_bytes(5));
        let id = id_of(&bytes);
        let other = BlobId::new("xn0_bb-s1-c1").unwrap();
        for id in [&id, &other] {
            cache.store(id, bytes.clone(), &hasher, true).unwrap();
        }
        cache.keep_only(&HashSet::from([id.as_str()]));
        let left: Vec<_> = std::fs::read_dir(&cache.directory)
            .unwrap()
            .flatten()
            .map(|e| e.file_name())
            .collect();
        assert_eq!(left, [id.as_str()]);
        check(&cache.load(&id, &hasher, true).unwrap(), 5);
    }
}
