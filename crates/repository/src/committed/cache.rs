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
use crate::error::{Error, Result};
use crate::hash::{HashOutput, Hasher};

/// Index blobs up to this stay in memory, in bytes.
const IN_MEMORY: u64 = 1 << 20;
/// Files are hashed in pieces of this size, in bytes.
const PIECE: usize = 1 << 20;
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

    /// Where the files are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, id: &BlobId) -> PathBuf {
        self.directory.join(id.as_str())
    }

    fn filter_path(&self, id: &BlobId) -> PathBuf {
        self.directory.join(format!("{id}{FILTER_SUFFIX}"))
    }

    /// A table from the cache; nothing when it is not there or cannot be used.
    pub(crate) fn load(&self, id: &BlobId, hasher: &Hasher) -> Option<IndexTable> {
        let path = self.path(id);
        let mut file = File::open(&path).ok()?;
        let length = file.metadata().ok()?.len();
        let (hash, bytes) = hash_file(hasher, &mut file, length <= IN_MEMORY).ok()?;
        if !is_named_after(id, &hash) {
            tracing::warn!(path = %path.display(), "dropping a changed file of the index cache");
            self.remove(id);
            return None;
        }
        let table = if length <= IN_MEMORY {
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

    /// Stores decrypted bytes and returns the table over them. When the disk refuses, the table stays in memory.
    pub(crate) fn store(&self, id: &BlobId, bytes: Bytes, hasher: &Hasher) -> Result<IndexTable> {
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
        let sidecar = sealed(hasher, id, table.sidecar());
        if let Err(error) =
            holdfast_host::fs::atomic_write(&self.filter_path(id), &sidecar, FILE_MODE)
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

/// Hash of a file's bytes, and the bytes where they are wanted.
fn hash_file(
    hasher: &Hasher,
    file: &mut File,
    keep: bool,
) -> std::io::Result<(HashOutput, Vec<u8>)> {
    let mut state = hasher.start();
    let mut kept = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => return Ok((hasher.finish(&state), kept)),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update_lanes([(&mut state, &piece[..read])]);
        if keep {
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
    fn large_indexes_are_read_from_their_file() {
        let directory = tempfile::tempdir().unwrap();
        let cache = IndexCache::new(directory.path(), b"unique").unwrap();
        let count = 40_000;
        let (hasher, bytes) = (hasher(), index_bytes(count));
        let id = id_of(&bytes);
        assert!(cache.load(&id, &hasher).is_none());
        check(&cache.store(&id, bytes, &hasher).unwrap(), count);
        check(&cache.load(&id, &hasher).unwrap(), count);
        std::fs::write(cache.filter_path(&id), b"short").unwrap();
        check(&cache.load(&id, &hasher).unwrap(), count);
        std::fs::write(cache.path(&id), b"broken").unwrap();
        assert!(cache.load(&id, &hasher).is_none());
        assert!(!cache.path(&id).exists());
    }

    /// A filter that lost a bit would hide contents, an entry that lost one would invent them.
    #[test]
    fn a_changed_byte_in_either_file_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = IndexCache::new(directory.path(), b"unique").unwrap();
        let hasher = hasher();
        for count in [5, 40_000] {
            let bytes = index_bytes(count);
            let id = id_of(&bytes);
            cache.store(&id, bytes.clone(), &hasher).unwrap();
            if let Ok(mut sidecar) = std::fs::read(cache.filter_path(&id)) {
                sidecar.fill(0);
                std::fs::write(cache.filter_path(&id), &sidecar).unwrap();
                check(&cache.load(&id, &hasher).unwrap(), count);
            }
            let mut changed = bytes.to_vec();
            let middle = changed.len() / 2;
            changed[middle] ^= 1;
            std::fs::write(cache.path(&id), &changed).unwrap();
            assert!(cache.load(&id, &hasher).is_none(), "{count}");
            check(&cache.store(&id, bytes, &hasher).unwrap(), count);
            check(&cache.load(&id, &hasher).unwrap(), count);
        }
    }

    #[test]
    fn inactive_blobs_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = IndexCache::new(directory.path(), b"unique").unwrap();
        let (hasher, bytes) = (hasher(), index_bytes(5));
        let id = id_of(&bytes);
        let other = BlobId::new("xn0_bb-s1-c1").unwrap();
        for id in [&id, &other] {
            cache.store(id, bytes.clone(), &hasher).unwrap();
        }
        cache.keep_only(&HashSet::from([id.as_str()]));
        let left: Vec<_> = std::fs::read_dir(&cache.directory)
            .unwrap()
            .flatten()
            .map(|e| e.file_name())
            .collect();
        assert_eq!(left, [id.as_str()]);
        check(&cache.load(&id, &hasher).unwrap(), 5);
    }
}
