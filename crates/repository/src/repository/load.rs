//! Loading the committed index: which index blobs count, and fetching those that are new.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use holdfast_storage::{BlobId, BlobInfo};
use parking_lot::Mutex;

use super::{MAX_VIEW_AGE, Repository, settings};
use crate::blob_crypto;
use crate::committed::{CommittedIndex, IndexTable};
use crate::epoch::EpochState;
use crate::error::{Error, Result};

/// How often a consistent picture is tried for.
const ATTEMPTS: u32 = 10;
/// Pause after the first attempt; doubled after each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Index blobs fetched at once.
const PARALLEL_FETCHES: usize = 8;

/// The index blobs of one listing.
struct View {
    /// Those that count.
    active: Vec<BlobId>,
    /// Tombstones up to this unix second make contents vanish.
    watermark: u64,
    /// Monotonic time until which the listing may be used, where the scheme has such a limit.
    valid_until: Option<Duration>,
}

/// Why a picture was not consistent.
enum Unstable {
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
        let blobs = self.store.list_all("x")?;
        Ok((EpochState::of_listing(&blobs), valid_until))
    }

    /// Which index blobs count now, in epochs or in the legacy scheme.
    fn view(&self) -> Result<View> {
        let names = |blobs: Vec<&BlobInfo>| blobs.into_iter().map(|blob| blob.id.clone()).collect();
        if !self.format().epoch_parameters.enabled {
            return Ok(View {
                active: names(self.legacy_listing()?.active()),
                watermark: 0,
                valid_until: None,
            });
        }
        let (state, valid_until) = self.epoch_state()?;
        Ok(View {
            active: names(state.active_set()),
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
        let previous = self.index.read().clone();
        let known: HashMap<&BlobId, &Arc<IndexTable>> = previous
            .tables()
            .iter()
            .map(|table| (table.id(), table))
            .collect();
        let missing: Vec<&BlobId> = active.iter().filter(|id| !known.contains_key(id)).collect();
        let fetched = match self.fetch_tables(&missing)? {
            Ok(fetched) => fetched,
            Err(unstable) => return Ok(Err(unstable)),
        };
        if valid_until.is_some_and(|until| self.clock.monotonic() > until) {
            return Ok(Err(Unstable::Outdated));
        }
        let tables = active
            .iter()
            .filter_map(|id| known.get(id).copied().cloned())
            .chain(fetched.into_iter().map(Arc::new))
            .collect();
        if let Some(cache) = &self.cache {
            cache.keep_only(&active.iter().map(BlobId::as_str).collect::<HashSet<_>>());
        }
        Ok(Ok(CommittedIndex::new(tables, watermark, listed_at)))
    }

    /// Loads index blobs, several at once, each from the cache or from the store.
    fn fetch_tables(&self, ids: &[&BlobId]) -> Result<Result<Vec<IndexTable>, Unstable>> {
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(ids.len()));
        let work = || {
            while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result = self.fetch_table(id);
                let failed = !matches!(result, Ok(Ok(_)));
                results.lock().push(result);
                if failed {
                    next.store(ids.len(), Ordering::Relaxed);
                }
            }
        };
        let workers = ids.len().min(PARALLEL_FETCHES);
        if workers <= 1 {
            work();
        } else {
            std::thread::scope(|scope| {
                for _ in 0..workers {
                    scope.spawn(work);
                }
            });
        }
        // An error of the store or of a blob counts more than a blob that went away.
        results
            .into_inner()
            .into_iter()
            .collect::<Result<Vec<_>>>()
            .map(|tables| tables.into_iter().collect())
    }

    /// Tables of index blobs that must be there.
    pub(crate) fn index_tables(&self, ids: &[&BlobId]) -> Result<Vec<Arc<IndexTable>>> {
        match self.fetch_tables(ids)? {
            Ok(tables) => Ok(tables.into_iter().map(Arc::new).collect()),
            Err(unstable) => Err(unstable.into()),
        }
    }

    fn fetch_table(&self, id: &BlobId) -> Result<Result<IndexTable, Unstable>> {
        if let Some(table) = self
            .cache
            .as_ref()
            .and_then(|cache| cache.load(id, &self.hasher))
        {
            return Ok(Ok(table));
        }
        let sealed = match self.store.get(id) {
            Ok(sealed) => sealed,
            Err(e) if e.is_not_found() => return Ok(Err(Unstable::Vanished(id.clone()))),
            Err(e) => return Err(e.into()),
        };
        let plaintext = blob_crypto::open(&self.hasher, &self.cipher, id, sealed.into())?;
        match &self.cache {
            Some(cache) => cache.store(id, plaintext, &self.hasher).map(Ok),
            None => IndexTable::in_memory(id.clone(), plaintext).map(Ok),
        }
    }

    /// Adds an index blob that this client just published to its own view.
    pub(crate) fn add_own_table(&self, id: BlobId, plaintext: bytes::Bytes) -> Result<()> {
        let table = match &self.cache {
            Some(cache) => cache.store(&id, plaintext, &self.hasher)?,
            None => IndexTable::in_memory(id, plaintext)?,
        };
        let _loading = self.loading.lock();
        let mut index = self.index.write();
        *index = Arc::new(index.with_table(Arc::new(table)));
        Ok(())
    }
}
