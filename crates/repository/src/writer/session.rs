//! A write session (format 1 §6.7): marker, then packs, then index blobs, then the marker goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use holdfast_storage::BlobId;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::content_writer::ContentWriter;
use super::known::KnownContents;
use super::publish::{FlushReport, Publisher};
use super::upload::Uploader;
use crate::blob_crypto;
use crate::blob_names::SESSION;
use crate::content_id::ContentId;
use crate::error::{Error, Result};
use crate::index::{ContentInfo, IndexEntry};
use crate::repository::Repository;
use crate::session::{SessionId, SessionInfo};

/// How long publishing may take after the work was cancelled; the user waits for it.
const LAST_MOMENT: Duration = Duration::from_millis(1500);

/// Contents written under one session id, by any number of workers.
///
/// Dropping a session without closing it leaves its marker, as a crash would.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
}

/// What the workers of a session share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) repository: Arc<Repository>,
    pub(super) id: SessionId,
    start_time: Timestamp,
    marker: Mutex<Option<BlobId>>,
    known: KnownContents,
    publisher: Publisher,
    /// Whether data is compressed before it becomes a content, because the index cannot say that one is compressed.
    pub(super) compresses_objects: bool,
    /// Contents that this session marks as deleted, with the times of the marks, until the index says so.
    deleted: Mutex<HashMap<ContentId, u64>>,
    /// Contents that are claimed and whose pack is not stored.
    pending: AtomicU64,
    lost: Mutex<Option<String>>,
    uploader: Option<Uploader>,
}

/// Whether a content has to be written.
pub(super) enum Claim {
    /// It exists, or another worker writes it.
    Known,
    /// This worker writes it, with at least this time (unix seconds).
    Write {
        /// Larger than the time of any tombstone or unusable entry of the content.
        min_time: u64,
    },
}

impl Repository {
    /// Starts a write session. Nothing is stored before the first pack.
    ///
    /// # Errors
    /// [`Error::Random`], and those of starting threads.
    pub fn session(self: &Arc<Self>) -> Result<Session> {
        self.settle_configuration()?;
        let uploader = if self.store().capabilities().streaming_writes {
            None
        } else {
            Some(Uploader::start(self.store())?)
        };
        let start_time = self.clock().now();
        Ok(Session {
            shared: Arc::new(Shared {
                repository: self.clone(),
                id: SessionId::random(start_time)?,
                start_time,
                marker: Mutex::new(None),
                known: KnownContents::default(),
                publisher: Publisher::default(),
                compresses_objects: self.compresses_objects(),
                deleted: Mutex::default(),
                pending: AtomicU64::new(0),
                lost: Mutex::new(None),
                uploader,
            }),
        })
    }
}

impl Session {
    /// Id of the session.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.shared.id
    }

    /// The repository that is written to.
    #[must_use]
    pub fn repository(&self) -> &Arc<Repository> {
        &self.shared.repository
    }

    /// A writer for one worker.
    #[must_use]
    pub fn writer(&self) -> ContentWriter {
        ContentWriter::new(self.shared.clone())
    }

    /// Bytes of stored packs that no index blob names yet.
    #[must_use]
    pub fn unpublished_bytes(&self) -> u64 {
        self.shared.publisher.unpublished_bytes()
    }

    /// Publishes every content whose pack is stored. May be called at any time, also while others write.
    ///
    /// # Errors
    /// [`Error::PublishTooSlow`], and those of the store; the contents stay to be published by the next call.
    pub fn commit_index(&self) -> Result<FlushReport> {
        self.shared.publisher.publish(&self.shared)
    }

    /// Has entries published once more that packs have and the index has lost. Their contents stay where they are.
    ///
    /// # Errors
    /// Of storing the session's marker.
    pub(crate) fn republish(&self, contents: &[ContentInfo]) -> Result<()> {
        self.shared.ensure_marker()?;
        self.shared.publisher.republish(contents)
    }

    /// Takes a content back after [`Self::commit_index`] failed, so that it is not published later. Says whether it is
    /// published all the same, because only the answer of the store was lost; then it stays.
    ///
    /// # Errors
    /// When the store cannot be asked. The content is then not published by this session, but may be already.
    pub fn withdraw(&self, id: &ContentId) -> Result<bool> {
        self.shared.publisher.withdraw(&self.shared, id)
    }

    /// Checks that every content of this session is stored, so that something that refers to them may be
    /// published.
    ///
    /// # Errors
    /// [`Error::SessionIncomplete`] saying what is missing.
    pub fn ensure_complete(&self) -> Result<()> {
        self.ensure_intact()?;
        match self.shared.pending.load(Ordering::Acquire) {
            0 => Ok(()),
            count => Err(Error::SessionIncomplete {
                reason: format!("{count} contents are not stored yet"),
            }),
        }
    }

    /// Checks that no content of this session is lost. Others may still be on their way to the store, so whoever publishes
    /// something must know otherwise that what it refers to is stored.
    ///
    /// # Errors
    /// [`Error::SessionIncomplete`] saying what is missing.
    pub fn ensure_intact(&self) -> Result<()> {
        let lost = self.shared.lost.lock().clone();
        match lost {
            Some(reason) => Err(Error::SessionIncomplete { reason }),
            None => Ok(()),
        }
    }

    /// Ends the session: checks that everything is stored, publishes, and removes the marker. A marker that cannot be
    /// removed does no harm and goes with maintenance.
    ///
    /// # Errors
    /// As [`Self::ensure_complete`] and [`Self::commit_index`]; the marker then stays.
    pub fn close(self) -> Result<FlushReport> {
        self.ensure_complete()?;
        let report = self.commit_index()?;
        if let Err(error) = self.shared.remove_marker() {
            tracing::warn!(session = %self.shared.id, %error, "the session's marker stays until maintenance removes it");
        }
        Ok(report)
    }

    /// Ends a session that was cancelled or failed: publishes what is stored, so that the next one need not send
    /// it again, and removes the marker; a store that was cancelled gets a last moment for that. Nothing that refers to lost contents may have been written.
    ///
    /// # Errors
    /// As [`Self::commit_index`]; the marker then stays.
    pub fn close_interrupted(self) -> Result<FlushReport> {
        self.shared.repository.store().finish_within(LAST_MOMENT);
        let report = self.commit_index()?;
        self.shared.remove_marker()?;
        Ok(report)
    }
}

impl Shared {
    pub(super) fn uploader(&self) -> Option<&Uploader> {
        self.uploader.as_ref()
    }

    pub(super) fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    pub(super) fn known(&self) -> &KnownContents {
        &self.known
    }

    /// Decides whether a worker has to write a content (format 1 §6.2).
    pub(super) fn claim(&self, id: ContentId) -> Result<Claim> {
        let deleted_at = self.deleted.lock().get(&id).copied();
        let min_time = match self.repository.index()?.winner(&id)? {
            Some(winner) if deleted_at.is_none() && !winner.deleted && !winner.is_unusable() => {
                return Ok(Claim::Known);
            }
            Some(other) => other.time.max(deleted_at.unwrap_or(0)).saturating_add(1),
            None => 0,
        };
        if !self.known.claim(id) {
            return Ok(Claim::Known);
        }
        self.begin_pending();
        Ok(Claim::Write { min_time })
    }

    /// One more content has to be stored before the session is complete.
    pub(super) fn begin_pending(&self) {
        self.pending.fetch_add(1, Ordering::AcqRel);
    }

    /// A content is marked as deleted, at this time in unix seconds.
    pub(super) fn note_deleted(&self, id: ContentId, time: u64) {
        self.deleted.lock().insert(id, time);
    }

    /// Whether this session has marked a content as deleted.
    pub(super) fn is_deleted(&self, id: &ContentId) -> bool {
        self.deleted.lock().contains_key(id)
    }

    /// Whether marks may be published: nothing that they may stand for is under way or lost.
    pub(super) fn may_delete(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0 && self.lost.lock().is_none()
    }

    /// The committed index knows these contents, which come in order.
    pub(super) fn published(&self, ids: &[ContentId]) {
        self.known.forget(ids);
        let mut deleted = self.deleted.lock();
        if !deleted.is_empty() {
            deleted.retain(|id, _| ids.binary_search(id).is_err());
        }
    }

    /// Time for an entry that must be later than `min_time`, by the local clock.
    pub(super) fn entry_time(&self, min_time: u64) -> Result<u32> {
        let now = u64::try_from(self.repository.clock().now().as_second()).unwrap_or(0);
        u32::try_from(now.max(min_time)).map_err(|_| Error::Limit {
            what: "the time of a content",
            limit: "the year 2106",
        })
    }

    /// Writes the marker once, before the first pack.
    pub(super) fn ensure_marker(&self) -> Result<()> {
        let mut marker = self.marker.lock();
        if marker.is_some() {
            return Ok(());
        }
        let repository = &self.repository;
        let info = SessionInfo {
            id: self.id.to_string(),
            start_time: self.start_time,
            checkpoint_time: self.start_time,
            username: repository.user().to_owned(),
            hostname: repository.host().to_owned(),
        };
        let (id, sealed) = blob_crypto::seal(
            repository.hasher(),
            repository.cipher(),
            SESSION,
            &info.to_json(),
            &format!("-{}", self.id),
        )?;
        repository
            .store()
            .put(&id, sealed, &repository.put_options(&id)?)?;
        *marker = Some(id);
        Ok(())
    }

    fn remove_marker(&self) -> Result<()> {
        let mut marker = self.marker.lock();
        if let Some(id) = marker.as_ref() {
            self.repository.store().delete(id)?;
        }
        *marker = None;
        Ok(())
    }

    /// A pack is stored: its entries may be published.
    pub(super) fn stored(&self, pack: BlobId, length: u64, entries: Vec<IndexEntry>) {
        let count = entries.len() as u64;
        self.publisher.add(pack, length, entries);
        self.pending.fetch_sub(count, Ordering::AcqRel);
    }

    /// Marks that are to be published when nothing that they may stand for can be lost any more.
    pub(super) fn deleted(&self, packs: &[BlobId], tombstones: &[IndexEntry]) {
        self.publisher.add_tombstones(packs, tombstones);
    }

    /// Contents went missing: nothing that may refer to them can be published any more.
    pub(super) fn lose(&self, reason: String) {
        self.lost.lock().get_or_insert(reason);
    }
}
