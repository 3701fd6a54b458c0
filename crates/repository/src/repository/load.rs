//! Loading the committed index: which index blobs count, and fetching those that are new.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_host::fs::ScratchFile;
use holdfast_storage::{BlobId, BlobInfo};

use super::{MAX_VIEW_AGE, Repository, settings};
use crate::blob_crypto;
use crate::committed::{CommittedIndex, IndexCache, IndexTable};
use crate::epoch::EpochState;
use crate::error::{Error, Result};
use crate::parallel;

/// How often a consistent picture is tried for.
const ATTEMPTS: u32 = 10;
/// Pause after the first attempt; doubled after each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Index blobs fetched at once.
const PARALLEL_FETCHES: usize = 8;
/// Index blobs are held in memory, the shortest first, up to this many bytes in all; others are read from the cache.
const IN_MEMORY: u64 = 32 << 20;
/// Index blobs above this are fetched into a file when there is a directory for it, in bytes.
const LARGE: u64 = 2 << 20;
/// In pieces of this size, in bytes.
const PIECE: usize = 4 << 20;

/// The index blobs of one listing.
pub(super) struct View {
    /// Those that count.
    pub(super) active: Vec<BlobInfo>,
    /// Tombstones up to this unix second make contents vanish.
    watermark: u64,
    /// Monotonic time until which the listing may be used, where the scheme has such a limit.
    valid_until: Option<Duration>,
}

/// Why a picture was not consistent.
pub(super) enum Unstable {
    /// An index blob went away between listing and reading.
    Vanished(BlobId),
    /// Loading took longer than the listing may be used.
    Outdated,
}

impl From<Unstable> for Error {
    fn from(unstable: Unstable) -> Self {
        let reason = match unstable {
            Unstable::Vanished(id) => format!("index blob {id} is listed but cannot be found"),
            Unstable::Outdated => "loading takes longer than the listing may be used".to_owned(),
        };
        Self::IndexUnstable { reason }
    }
}

/// Why fetching ended early.
enum Stop {
    Unstable(Unstable),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Repository {
    /// Renews the view of the index now, and that of the format blob when it is older than 15 minutes.
    ///
    /// # Errors
    /// As [`Repository::open`], without the password's.
    pub fn refresh(&self) -> Result<()> {
        self.refresh_settings()?;
        self.load_index()
    }

    /// The view of the index, renewed when older than 15 minutes.
    pub(crate) fn index(&self) -> Result<Arc<CommittedIndex>> {
        let index = self.index.read().clone();
        if self.clock.monotonic().saturating_sub(index.listed_at) < MAX_VIEW_AGE {
            return Ok(index);
        }
        self.refresh_settings()?;
        let loading = self.loading.lock();
        // Another thread may have renewed it while this one waited.
        let index = self.index.read().clone();
        if self.clock.monotonic().saturating_sub(index.listed_at) < MAX_VIEW_AGE {
            return Ok(index);
        }
        self.load_index_locked()?;
        drop(loading);
        Ok(self.index.read().clone())
    }

    fn refresh_settings(&self) -> Result<()> {
        let age = self
            .clock
            .monotonic()
            .saturating_sub(self.settings().read_at);
        if age < MAX_VIEW_AGE {
            return Ok(());
        }
        self.reread_settings()
    }

    /// Reads format blob and blob configuration again (format 1 §11.10).
    pub(crate) fn reread_settings(&self) -> Result<()> {
        let stored = settings::read_format_blob(self.store.as_ref())?;
        if stored.blob.unique_id != self.unique_id {
            return Err(Error::InvalidFormat {
                blob: crate::blob_names::FORMAT,
                reason: "another repository has taken the place of the one that was opened"
                    .to_owned(),
            });
        }
        let (now, read_at) = (self.clock.now(), self.clock.monotonic());
        let settings =
            settings::read_settings(self.store.as_ref(), &stored, &self.key, now, read_at)
                .map_err(|error| match error {
                    Error::WrongPassword { location } => Error::PasswordChanged { location },
                    other => other,
                })?;
        *self.settings.write() = Arc::new(settings);
        Ok(())
    }

    /// Renews the view of the index now.
    pub(crate) fn reload_index(&self) -> Result<()> {
        self.load_index()
    }

    pub(super) fn load_index(&self) -> Result<()> {
        let _loading = self.loading.lock();
        self.load_index_locked()
    }

    fn load_index_locked(&self) -> Result<()> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let unstable = match self.try_load_index()? {
                Ok(index) => {
                    *self.index.write() = Arc::new(index);
                    return Ok(());
                }
                Err(unstable) => unstable,
            };
            if attempt == ATTEMPTS {
                return Err(unstable.into());
            }
            self.clock.sleep(pause);
            pause *= 2;
        }
        unreachable!("the loop ends at the last attempt")
    }

    /// The state of the epochs, and the monotonic time until which it may be used (format 1 §8.4). One listing of
    /// all families replaces the several of the specification.
    pub(crate) fn epoch_state(&self) -> Result<(EpochState, Duration)> {
        let validity = self
            .settings()
            .format
            .epoch_parameters
            .epoch_refresh_frequency;
        let valid_until = self.clock.monotonic() + Duration::from_nanos(validity.unsigned_abs());
        let blobs = self.without_set_aside(self.store.list_all("x")?);
        Ok((EpochState::of_listing(&blobs), valid_until))
    }

    /// A listing of index blobs without those that are set aside.
    pub(crate) fn without_set_aside(&self, mut blobs: Vec<BlobInfo>) -> Vec<BlobInfo> {
        let set_aside = self.set_aside.read();
        if !set_aside.is_empty() {
            blobs.retain(|blob| !set_aside.contains(&blob.id));
        }
        blobs
    }

    /// Which index blobs count now, in epochs or in the legacy scheme.
    pub(super) fn view(&self) -> Result<View> {
        let owned = |blobs: Vec<&BlobInfo>| blobs.into_iter().cloned().collect();
        if !self.format().epoch_parameters.enabled {
            return Ok(View {
                active: owned(self.legacy_listing()?.active()),
                watermark: 0,
                valid_until: None,
            });
        }
        let (state, valid_until) = self.epoch_state()?;
        Ok(View {
            active: owned(state.active_set()),
            watermark: state.watermark,
            valid_until: Some(valid_until),
        })
    }

    fn try_load_index(&self) -> Result<Result<CommittedIndex, Unstable>> {
        let listed_at = self.clock.monotonic();
        let View {
            active,
            watermark,
            valid_until,
        } = self.view()?;
        let tables = match self.tables_of(&active)? {
            Ok(tables) => tables,
            Err(unstable) => return Ok(Err(unstable)),
        };
        if valid_until.is_some_and(|until| self.clock.monotonic() > until) {
            return Ok(Err(Unstable::Outdated));
        }
        if let Some(cache) = &self.cache {
            cache.keep_only(
                &active
                    .iter()
                    .map(|blob| blob.id.as_str())
                    .collect::<HashSet<_>>(),
            );
        }
        Ok(Ok(CommittedIndex::new(tables, watermark, listed_at)))
    }

    /// The tables of index blobs: those in use already, and the rest loaded.
    fn tables_of(&self, blobs: &[BlobInfo]) -> Result<Result<Vec<Arc<IndexTable>>, Unstable>> {
        let previous = self.index.read().clone();
        let known: HashMap<&BlobId, &Arc<IndexTable>> = previous
            .tables()
            .iter()
            .map(|table| (table.id(), table))
            .collect();
        let missing: Vec<&BlobInfo> = blobs
            .iter()
            .filter(|blob| !known.contains_key(&blob.id))
            .collect();
        let fetched = match self.fetch_tables(&missing)? {
            Ok(fetched) => fetched,
            Err(unstable) => return Ok(Err(unstable)),
        };
        Ok(Ok(blobs
            .iter()
            .filter_map(|blob| known.get(&blob.id).copied().cloned())
            .chain(fetched.into_iter().map(Arc::new))
            .collect()))
    }

    /// The tables of index blobs that are to be merged; nothing when one of them went away meanwhile.
    pub(crate) fn tables_to_merge(
        &self,
        blobs: &[BlobInfo],
    ) -> Result<Option<Vec<Arc<IndexTable>>>> {
        Ok(self.tables_of(blobs)?.ok())
    }

    /// Loads index blobs, several at once, each from the cache or from the store.
    fn fetch_tables(&self, blobs: &[&BlobInfo]) -> Result<Result<Vec<IndexTable>, Unstable>> {
        let lengths: Vec<u64> = blobs.iter().map(|blob| blob.length).collect();
        let in_memory = held_in_memory(&lengths, self.index.read().memory());
        let placed: Vec<(&BlobInfo, bool)> = blobs.iter().copied().zip(in_memory).collect();
        let fetched = parallel::map(&placed, PARALLEL_FETCHES, |(blob, in_memory)| {
            self.fetch_table(blob, *in_memory)?.map_err(Stop::Unstable)
        });
        match fetched {
            Ok(tables) => Ok(Ok(tables)),
            Err(Stop::Unstable(unstable)) => Ok(Err(unstable)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Tables of index blobs that must be there.
    pub(crate) fn index_tables(&self, blobs: &[&BlobInfo]) -> Result<Vec<Arc<IndexTable>>> {
        match self.fetch_tables(blobs)? {
            Ok(tables) => Ok(tables.into_iter().map(Arc::new).collect()),
            Err(unstable) => Err(unstable.into()),
        }
    }

    /// The table of one index blob, held in memory or, where there is a cache, read from its file.
    pub(super) fn fetch_table(
        &self,
        blob: &BlobInfo,
        in_memory: bool,
    ) -> Result<Result<IndexTable, Unstable>> {
        let id = &blob.id;
        if let Some(table) = self
            .cache
            .as_ref()
            .and_then(|cache| cache.load(id, &self.hasher, in_memory))
        {
            return Ok(Ok(table));
        }
        let plaintext = match self.fetch_plaintext(id, blob.length) {
            Ok(plaintext) => plaintext,
            Err(Error::Storage(e)) if e.is_not_found() => {
                return Ok(Err(Unstable::Vanished(id.clone())));
            }
            Err(e) => return Err(e),
        };
        match &self.cache {
            Some(cache) => cache.store(id, plaintext, &self.hasher, in_memory).map(Ok),
            None => IndexTable::in_memory(id.clone(), plaintext).map(Ok),
        }
    }

    /// An index blob of `length` bytes as the store has it, decrypted.
    fn fetch_plaintext(&self, id: &BlobId, length: u64) -> Result<Bytes> {
        if length > LARGE
            && let Some(directory) = self.scratch_directory()
        {
            return self.fetch_large(id, length, directory);
        }
        let sealed = self.store.get(id)?;
        blob_crypto::open(&self.hasher, &self.cipher, id, sealed.into())
    }

    /// Fetches and decrypts an index blob in a temporary file, because it may be larger than memory.
    fn fetch_large(&self, id: &BlobId, length: u64, directory: &Path) -> Result<Bytes> {
        let mut memory = ScratchFile::new_in(directory)
            .and_then(|scratch| scratch.into_memory(length))
            .map_err(|source| Error::Cache {
                path: directory.to_owned(),
                source,
            })?;
        let mut at = 0;
        for piece in memory.chunks_mut(PIECE) {
            self.store.get_range(id, at, piece)?;
            at += piece.len() as u64;
        }
        blob_crypto::open_buffer(&self.hasher, &self.cipher, id, memory)
    }

    /// An index blob from the store itself, not from the cache.
    pub(crate) fn read_index_blob(&self, id: &BlobId) -> Result<Bytes> {
        // The length decides where it is unpacked, which is memory anyway without a cache.
        let length = match &self.cache {
            Some(_) => self.store.stat(id)?.length,
            None => 0,
        };
        self.fetch_plaintext(id, length)
    }

    /// Where blobs that are too large for memory are put together; nothing without a cache directory.
    pub(crate) fn scratch_directory(&self) -> Option<&Path> {
        self.cache.as_ref().and_then(IndexCache::directory)
    }

    /// Adds an index blob that this client just published to its own view.
    pub(crate) fn add_own_table(&self, id: BlobId, plaintext: Bytes) -> Result<()> {
        let held = self.index.read().memory();
        let in_memory = held_in_memory(&[plaintext.len() as u64], held)[0];
        let table = match &self.cache {
            Some(cache) => cache.store(&id, plaintext, &self.hasher, in_memory)?,
            None => IndexTable::in_memory(id, plaintext)?,
        };
        let _loading = self.loading.lock();
        let mut index = self.index.write();
        *index = Arc::new(index.with_table(Arc::new(table)));
        Ok(())
    }
}

/// Which index blobs of these lengths are held in memory when others take `held` bytes already.
fn held_in_memory(lengths: &[u64], mut held: u64) -> Vec<bool> {
    let mut shortest_first: Vec<usize> = (0..lengths.len()).collect();
    shortest_first.sort_by_key(|at| lengths[*at]);
    let mut in_memory = vec![false; lengths.len()];
    for at in shortest_first {
        held = held.saturating_add(lengths[at]);
        in_memory[at] = held <= IN_MEMORY;
    }
    in_memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_are_held_in_memory_as_long_as_there_is_room() {
        const MIB: u64 = 1 << 20;
        for (lengths, held, expected) in [
            (vec![], 0, vec![]),
            (vec![32 * MIB], 0, vec![true]),
            (vec![32 * MIB + 1], 0, vec![false]),
            (vec![MIB], 31 * MIB, vec![true]),
            (vec![MIB], 32 * MIB, vec![false]),
            (
                vec![20 * MIB, MIB, 11 * MIB, 12 * MIB],
                0,
                vec![false, true, true, true],
            ),
            (
                vec![16 * MIB, 16 * MIB, 16 * MIB],
                0,
                vec![true, true, false],
            ),
            (vec![u64::MAX, u64::MAX], 1, vec![false, false]),
        ] {
            assert_eq!(
                held_in_memory(&lengths, held),
                expected,
                "{lengths:?} {held}"
            );
        }
    }
}
