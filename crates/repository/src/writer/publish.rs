//! Publishing: index blobs that make stored contents visible (format 1 §8.6).

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use holdfast_storage::BlobId;
use parking_lot::Mutex;

use super::session::Shared;
use crate::blob_crypto;
use crate::blob_names::LEGACY_INDEX;
use crate::content_id::ContentId;
use crate::epoch::{EpochNumber, index_blob_name};
use crate::error::{Error, Result};
use crate::index::{ContentInfo, IndexEntry, encode_shards};

/// How often a listing is tried that leaves enough time for writing.
const LISTING_ATTEMPTS: usize = 5;

/// What a call of [`super::Session::commit_index`] published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// Entries, tombstones included.
    pub entries: usize,
    /// Index blobs that were written.
    pub index_blobs: Vec<BlobId>,
}

/// Entries that wait for publishing.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    waiting: Mutex<Waiting>,
    /// Index blobs of which the store did not say whether it has them.
    uncertain: Mutex<Vec<Shard>>,
    /// Marks, which may stand for contents that are still under way.
    tombstones: Mutex<Waiting>,
    /// Write epoch as of a recent listing, and until when (monotonic) that may be used. Held while publishing, so
    /// that one call publishes at a time.
    epoch: Mutex<Option<(EpochNumber, Duration)>>,
}

#[derive(Debug, Default)]
struct Waiting {
    packs: Vec<BlobId>,
    entries: Vec<IndexEntry>,
    bytes: u64,
}

/// An index blob that was put.
#[derive(Debug)]
struct Shard {
    id: BlobId,
    /// Length of the blob in bytes.
    length: u64,
    plaintext: Bytes,
}

impl Publisher {
    pub(super) fn unpublished_bytes(&self) -> u64 {
        self.waiting.lock().bytes
    }

    /// Adds the entries of one stored pack.
    pub(super) fn add(&self, pack: BlobId, length: u64, entries: Vec<IndexEntry>) {
        let mut waiting = self.waiting.lock();
        waiting.append(&[pack], &entries);
        waiting.bytes += length;
    }

    /// Adds entries of packs that were stored before.
    pub(super) fn republish(&self, contents: &[ContentInfo]) -> Result<()> {
        let mut packs = Vec::new();
        let mut numbers: HashMap<&BlobId, u32> = HashMap::new();
        let mut entries = Vec::with_capacity(contents.len());
        for info in contents {
            let number = *numbers.entry(&info.pack).or_insert_with(|| {
                packs.push(info.pack.clone());
                packs.len() as u32 - 1
            });
            entries.push(IndexEntry::from_info(info, number)?);
        }
        self.waiting.lock().append(&packs, &entries);
        Ok(())
    }

    /// Adds tombstones, whose pack numbers refer to `packs`.
    pub(super) fn add_tombstones(&self, packs: &[BlobId], tombstones: &[IndexEntry]) {
        if !tombstones.is_empty() {
            self.tombstones.lock().append(packs, tombstones);
        }
    }

    /// Publishes all that waits; tombstones only once everything that the session wrote is stored.
    pub(super) fn publish(&self, shared: &Shared) -> Result<FlushReport> {
        let mut epoch = self.epoch.lock();
        // Asked before the entries are taken: what was pending until now is among them then.
        let may_delete = shared.may_delete();
        let mut taken = std::mem::take(&mut *self.waiting.lock());
        if may_delete {
            let tombstones = std::mem::take(&mut *self.tombstones.lock());
            taken.append(&tombstones.packs, &tombstones.entries);
        }
        if taken.entries.is_empty() {
            return Ok(FlushReport::default());
        }
        match publish_entries(shared, &mut taken, &mut epoch) {
            Ok(report) => Ok(report),
            Err(error) => {
                let mut waiting = self.waiting.lock();
                waiting.append(&taken.packs, &taken.entries);
                waiting.bytes += taken.bytes;
                Err(error)
            }
        }
    }

    /// Takes a content out of what is published next, after publishing failed. Says whether the store has it published all
    /// the same, because only its answer was lost.
    pub(super) fn withdraw(&self, shared: &Shared, id: &ContentId) -> Result<bool> {
        // Nothing is published meanwhile.
        let _epoch = self.epoch.lock();
        self.waiting.lock().entries.retain(|entry| entry.id != *id);
        let repository = &shared.repository;
        loop {
            // A lock taken in the head of a loop would be held through its body.
            let Some(shard) = self.uncertain.lock().pop() else {
                break;
            };
            match repository.store().stat(&shard.id) {
                Ok(info) if info.length == shard.length => {
                    repository.add_own_table(shard.id, shard.plaintext)?;
                }
                // A store that tore the write: a part of an index publishes nothing and would only be in the way.
                Ok(_) => repository.store().delete(&shard.id)?,
                Err(error) if error.is_not_found() => {}
                Err(error) => {
                    self.uncertain.lock().push(shard);
                    return Err(error.into());
                }
            }
        }
        Ok(repository
            .content_info(id)?
            .is_some_and(|info| !info.deleted))
    }
}

impl Waiting {
    /// Adds entries whose pack numbers refer to `packs`.
    fn append(&mut self, packs: &[BlobId], entries: &[IndexEntry]) {
        let first = self.packs.len() as u32;
        self.packs.extend_from_slice(packs);
        self.entries.extend(entries.iter().map(|entry| IndexEntry {
            pack: first + entry.pack,
            ..*entry
        }));
    }
}

fn publish_entries(
    shared: &Shared,
    taken: &mut Waiting,
    epoch: &mut Option<(EpochNumber, Duration)>,
) -> Result<FlushReport> {
    keep_winners(&mut taken.entries);
    let ids: Vec<ContentId> = taken.entries.iter().map(|entry| entry.id).collect();
    let version = shared.repository.format().index_version();
    let plaintexts: Vec<Bytes> = encode_shards(version, &mut taken.entries, &taken.packs)?
        .into_iter()
        .map(Bytes::from)
        .collect();
    let mut shards = Vec::with_capacity(plaintexts.len());
    if let Err(error) = write_shards(shared, &plaintexts, epoch, &mut shards) {
        // Of several index blobs that belong together none counts without the others.
        if plaintexts.len() == 1 {
            shared.publisher().uncertain.lock().append(&mut shards);
        }
        return Err(error);
    }

    let mut report = FlushReport {
        entries: ids.len(),
        index_blobs: Vec::with_capacity(shards.len()),
    };
    for shard in shards {
        report.index_blobs.push(shard.id.clone());
        shared.repository.add_own_table(shard.id, shard.plaintext)?;
    }
    shared.published(&ids);
    Ok(report)
}

/// An index names a content once: of a content that was deleted and written again, the later entry stays.
fn keep_winners(entries: &mut Vec<IndexEntry>) {
    entries.sort_unstable_by_key(|entry| (entry.id, std::cmp::Reverse(entry.time), entry.deleted));
    entries.dedup_by_key(|entry| entry.id);
}

/// Puts the index blobs where the repository keeps them at present. After an error `written` holds those that the store
/// may have.
fn write_shards(
    shared: &Shared,
    plaintexts: &[Bytes],
    cached: &mut Option<(EpochNumber, Duration)>,
    written: &mut Vec<Shard>,
) -> Result<()> {
    let repository = &shared.repository;
    if repository.format().epoch_parameters.enabled {
        return write_into_epoch(shared, plaintexts, cached, written);
    }
    let suffix = format!("-{}", shared.id);
    for plaintext in plaintexts {
        put_shard(shared, LEGACY_INDEX, plaintext, &suffix, written)?;
    }
    // An upgrade to epochs that began meanwhile may not have seen these blobs, and nothing would ever read them.
    repository.reread_settings()?;
    if !repository.format().epoch_parameters.enabled {
        return Ok(());
    }
    let legacy = std::mem::take(written);
    write_into_epoch(shared, plaintexts, cached, written)?;
    delete(shared, &legacy)
}

/// Puts one index blob; it stands in `written` before the store is asked.
fn put_shard(
    shared: &Shared,
    prefix: &str,
    plaintext: &Bytes,
    suffix: &str,
    written: &mut Vec<Shard>,
) -> Result<()> {
    let repository = &shared.repository;
    let (id, sealed) = blob_crypto::seal(
        repository.hasher(),
        repository.cipher(),
        prefix,
        plaintext,
        suffix,
    )?;
    let options = repository.put_options(&id)?;
    written.push(Shard {
        id: id.clone(),
        length: sealed.len() as u64,
        plaintext: plaintext.clone(),
    });
    Ok(repository.store().put(&id, sealed, &options)?)
}

/// Puts the index blobs into the current epoch, and takes them back when the repository has moved on by two
/// epochs meanwhile. After an error `written` holds those that the store may have.
fn write_into_epoch(
    shared: &Shared,
    plaintexts: &[Bytes],
    cached: &mut Option<(EpochNumber, Duration)>,
    written: &mut Vec<Shard>,
) -> Result<()> {
    let repository = &shared.repository;
    let mut written_epoch = None;
    loop {
        let (epoch, valid_until) = fresh_epoch(shared, cached)?;
        if written_epoch.is_some_and(|before| before != epoch) {
            delete(shared, written)?;
            written.clear();
        }
        written_epoch = Some(epoch);
        let (prefix, suffix) = index_blob_name(epoch, &shared.id, plaintexts.len());
        for plaintext in &plaintexts[written.len()..] {
            if repository.clock().monotonic() >= valid_until {
                break;
            }
            put_shard(shared, &prefix, plaintext, &suffix, written)?;
        }
        if written.len() == plaintexts.len() {
            break;
        }
        *cached = None;
    }
    *cached = None;
    let (now, _) = fresh_epoch(shared, cached)?;
    if written_epoch.is_some_and(|epoch| now >= epoch.saturating_add(2)) {
        delete(shared, written)?;
        written.clear();
        return Err(Error::PublishTooSlow);
    }
    Ok(())
}

fn delete(shared: &Shared, shards: &[Shard]) -> Result<()> {
    for shard in shards {
        shared.repository.store().delete(&shard.id)?;
    }
    Ok(())
}

/// The write epoch, from a listing of which at least three quarters of the validity are left.
fn fresh_epoch(
    shared: &Shared,
    cached: &mut Option<(EpochNumber, Duration)>,
) -> Result<(EpochNumber, Duration)> {
    let repository = &shared.repository;
    let validity = repository
        .format()
        .epoch_parameters
        .epoch_refresh_frequency
        .unsigned_abs();
    let needed = Duration::from_nanos(validity / 4 * 3);
    for _ in 0..LISTING_ATTEMPTS {
        if let Some((epoch, valid_until)) = *cached
            && valid_until.saturating_sub(repository.clock().monotonic()) >= needed
        {
            return Ok((epoch, valid_until));
        }
        let (state, valid_until) = repository.epoch_state()?;
        *cached = Some((state.write_epoch, valid_until));
    }
    Err(Error::IndexUnstable {
        reason: "listing the index takes longer than a listing may be used".to_owned(),
    })
}
