//! An open repository: settings, keys, the committed index, and reading of contents.

mod administer;
mod belongs;
mod cache;
mod create;
mod index_blobs;
mod load;
mod lost_format;
mod lost_index;
mod open;
mod packs;
mod password;
mod read;
mod settings;
mod uncover;
mod whole;

pub use cache::CacheSeal;
pub use create::CreateOptions;
pub use index_blobs::IndexBlob;
pub(crate) use lost_format::{KeyOf, NO_FORMAT_COPY, find_format};
pub(crate) use lost_index::UnreadableIndex;
pub use open::OpenOptions;
pub(crate) use packs::list_packs;
pub use read::ContentFilter;
pub(crate) use settings::Settings;
pub(crate) use uncover::Mark;
pub(crate) use whole::read_or_loss;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use holdfast_host::Clock;
use holdfast_storage::{BlobId, BlobStore, PutOptions};
use parking_lot::{Mutex, RwLock};

use crate::committed::{CommittedIndex, IndexCache};
use crate::crypto::ContentCipher;
use crate::error::Result;
use crate::format::{FormatKey, RepositoryFormat};
use crate::hash::Hasher;
use crate::kdf::SecretKey;
use crate::session::SessionInfo;
use crate::splitter::{Splitter, SplitterKind};

/// Age at which the view of the index, and of the format blob, is renewed (format 1 §6.6, §2.4).
pub(crate) const MAX_VIEW_AGE: Duration = Duration::from_secs(15 * 60);

/// An open repository. Shared between threads behind an [`Arc`]; every call blocks.
#[derive(Debug)]
pub struct Repository {
    store: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    user: String,
    host: String,
    unique_id: Vec<u8>,
    key: FormatKey,
    hasher: Hasher,
    cipher: ContentCipher,
    settings: RwLock<Arc<Settings>>,
    index: RwLock<Arc<CommittedIndex>>,
    /// Index blobs that are treated as if they were deleted, because they are damaged and are about to be replaced.
    set_aside: RwLock<HashSet<BlobId>>,
    /// Held while the index is loaded, so that many workers do not load it at once.
    loading: Mutex<()>,
    cache: Option<IndexCache>,
}

impl Repository {
    /// The store below.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn BlobStore> {
        &self.store
    }

    /// The clock that contents and sessions are stamped with.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// User part of this client's identity, as written into session markers.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Host part of this client's identity, as written into session markers.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// This client's identity as `user@host`, as the parameters of maintenance name their owner.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }

    /// Id of the repository, 32 bytes; the same for all clients and never changed.
    #[must_use]
    pub fn unique_id(&self) -> &[u8] {
        &self.unique_id
    }

    /// Where the repository is, in words and without secrets.
    #[must_use]
    pub fn location(&self) -> String {
        self.store.location()
    }

    /// The hash of the repository, for single contents, batches and lanes.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// The cipher of the repository.
    #[must_use]
    pub fn cipher(&self) -> &ContentCipher {
        &self.cipher
    }

    /// The splitter that a policy names; the repository's own when it names none or one that the format does not
    /// have (format 2 §1.3).
    ///
    /// # Errors
    /// [`crate::Error::NewerFormat`] when the repository's own is unknown.
    pub fn splitter(&self, name: &str) -> Result<Splitter> {
        if name.is_empty() || SplitterKind::by_name(name).is_none() {
            Splitter::new(&self.format().splitter)
        } else {
            Splitter::new(name)
        }
    }

    /// Parameters of the repository as last read.
    #[must_use]
    pub fn format(&self) -> Arc<RepositoryFormat> {
        self.settings.read().format.clone()
    }

    /// Whether compression belongs to objects instead of contents: index version 1 cannot describe a compressed
    /// content (format 1 §5).
    #[must_use]
    pub fn compresses_objects(&self) -> bool {
        self.format().index_version() == 1
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.read().clone()
    }

    /// Key under which the maintenance schedule is encrypted (format 1 §9.3).
    #[must_use]
    pub fn maintenance_schedule_key(&self) -> SecretKey {
        self.key
            .maintenance_schedule(&self.format(), &self.unique_id)
    }

    /// Key under which it is recorded when blobs were read. Other clients know nothing of it.
    pub(crate) fn coverage_key(&self) -> SecretKey {
        self.key.coverage(&self.format(), &self.unique_id)
    }

    /// Key of the password.
    pub(crate) fn key(&self) -> &FormatKey {
        &self.key
    }

    /// How a blob is to be stored: with a retention where object lock is on (format 1 §1.4).
    pub(crate) fn put_options(&self, id: &BlobId) -> Result<PutOptions> {
        self.settings().put_options(id, self.clock.now())
    }

    /// Markers of the sessions that have not ended (format 1 §6.7). One that vanishes meanwhile is left out.
    ///
    /// # Errors
    /// Of the store, or [`crate::Error::Damaged`] naming the marker.
    pub fn active_sessions(&self) -> Result<Vec<SessionInfo>> {
        let mut sessions: Vec<SessionInfo> = Vec::new();
        for blob in self.store.list_all(crate::blob_names::SESSION)? {
            let session = match self.read_session_marker(&blob.id) {
                Ok(session) => session,
                Err(crate::Error::Storage(e)) if e.is_not_found() => continue,
                Err(e) => return Err(e),
            };
            match sessions.iter_mut().find(|other| other.id == session.id) {
                Some(other) if other.checkpoint_time >= session.checkpoint_time => {}
                Some(other) => *other = session,
                None => sessions.push(session),
            }
        }
        Ok(sessions)
    }

    /// One session marker.
    pub(crate) fn read_session_marker(&self, id: &BlobId) -> Result<SessionInfo> {
        let sealed = self.store.get(id)?;
        let json = crate::blob_crypto::open(&self.hasher, &self.cipher, id, sealed.into())?;
        SessionInfo::parse(id.as_str(), &json)
    }
}
