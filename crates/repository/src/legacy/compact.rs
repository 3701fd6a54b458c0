//! Carrying out a compaction: outputs, then the log, then what older logs allow to delete.

use std::collections::HashMap;
use std::time::Duration;

use holdfast_storage::{BlobId, BlobInfo};

use super::documents::{CleanupEntry, CompactionLog, LoggedBlob};
use super::plan::{active_set, plan_cleanup, plan_compaction, plan_removal};
use crate::blob_crypto;
use crate::blob_names::{LEGACY_CLEANUP, LEGACY_COMPACTION, LEGACY_INDEX, POISON};
use crate::committed::CommittedIndex;
use crate::crypto;
use crate::error::{Error, Result};
use crate::index::{IndexEntry, RANDOM_SUFFIX_LENGTH, encode_shards};
use crate::repository::Repository;

/// What a compaction is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegacyCompaction {
    /// Drop the entries of contents that were deleted before this time, unix seconds; merges all index blobs.
    pub dropping: Option<u64>,
    /// How old a log must be before what it replaced is deleted; an hour, or nothing when no other client works.
    pub settle_time: Duration,
}

/// What a compaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LegacyCompactionReport {
    /// Index blobs that were merged.
    pub merged: usize,
    /// Index blobs that were written.
    pub written: usize,
    /// Entries of deleted contents that were dropped.
    pub dropped: usize,
    /// Index blobs, logs and clean-up entries that were deleted.
    pub deleted: usize,
}

/// The index blobs of one listing and the logs about them.
#[derive(Debug, Default)]
pub(crate) struct LegacyListing {
    pub(crate) indexes: Vec<BlobInfo>,
    pub(crate) logs: Vec<(BlobInfo, CompactionLog)>,
}

impl LegacyListing {
    /// The index blobs that count.
    pub(crate) fn active(&self) -> Vec<&BlobInfo> {
        let logs: Vec<CompactionLog> = self.logs.iter().map(|(_, log)| log.clone()).collect();
        active_set(&self.indexes, &logs)
    }
}

/// Entries that were merged, and the packs that their numbers refer to.
#[derive(Default)]
struct Merged {
    entries: Vec<IndexEntry>,
    packs: Vec<BlobId>,
    dropped: usize,
}

impl Repository {
    /// Index blobs and compaction logs as they are now.
    pub(crate) fn legacy_listing(&self) -> Result<LegacyListing> {
        let indexes = self.store().list_all(LEGACY_INDEX)?;
        if indexes.iter().any(|blob| blob.id.as_str() == POISON) {
            return Err(Error::InvalidFormat {
                blob: crate::blob_names::FORMAT,
                reason: "it is older than the repository, which was upgraded since, so that newer snapshots would \
                         not be seen"
                    .to_owned(),
            });
        }
        Ok(LegacyListing {
            indexes: self.without_set_aside(indexes),
            logs: self.read_documents(LEGACY_COMPACTION)?,
        })
    }

    /// Merges index blobs of a repository without epochs, and deletes what earlier compactions replaced (format 1
    /// §8.2). Only the owner of maintenance may call this.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a repository with epochs, and those of store and index. An interrupted
    /// compaction does no harm: the next one finds what is left to do.
    pub fn compact_legacy_indexes(
        &self,
        options: &LegacyCompaction,
    ) -> Result<LegacyCompactionReport> {
        if self.format().epoch_parameters.enabled {
            return Err(Error::InvalidParameter {
                what: "compaction",
                reason: "the repository keeps its index in epochs".to_owned(),
            });
        }
        let listing = self.legacy_listing()?;
        let inputs = plan_compaction(
            &listing.active(),
            self.format().max_pack_size(),
            options.dropping.is_some(),
        )
        .inputs;
        let mut report = LegacyCompactionReport::default();
        if inputs.len() > 1 || options.dropping.is_some() {
            let merged = self.merge_legacy(&inputs, options.dropping)?;
            if inputs.len() > 1 || merged.dropped > 0 {
                let log = self.write_compaction(&inputs, merged, &mut report)?;
                self.remove_replaced(log, options.settle_time, &mut report)?;
            }
        }
        self.clean_up_logs(options.settle_time, &mut report)?;
        self.reload_index()?;
        Ok(report)
    }

    fn merge_legacy(&self, inputs: &[BlobInfo], dropping: Option<u64>) -> Result<Merged> {
        let tables = self.index_tables(&inputs.iter().collect::<Vec<_>>())?;
        let mut merged = Merged::default();
        let mut numbers: HashMap<BlobId, u32> = HashMap::new();
        // Entries are dropped after merging: an older entry of a dropped content must not come back.
        CommittedIndex::new(tables, 0, Duration::ZERO).for_each(None, &mut |info| {
            if info.deleted && dropping.is_some_and(|limit| info.time < limit) {
                merged.dropped += 1;
                return Ok(());
            }
            let next = merged.packs.len() as u32;
            let pack = *numbers.entry(info.pack.clone()).or_insert_with(|| {
                merged.packs.push(info.pack.clone());
                next
            });
            merged.entries.push(IndexEntry::from_info(&info, pack)?);
            Ok(())
        })?;
        Ok(merged)
    }

    /// Writes outputs and log; returns the log as the store has it.
    fn write_compaction(
        &self,
        inputs: &[BlobInfo],
        mut merged: Merged,
        report: &mut LegacyCompactionReport,
    ) -> Result<BlobInfo> {
        let version = self.format().index_version();
        let mut outputs = Vec::new();
        if !merged.entries.is_empty() {
            for mut plaintext in encode_shards(version, &mut merged.entries, &merged.packs)? {
                let at = plaintext.len();
                plaintext.resize(at + RANDOM_SUFFIX_LENGTH, 0);
                crypto::random_bytes(&mut plaintext[at..])?;
                let id = self.put_sealed(LEGACY_INDEX, &plaintext)?;
                outputs.push(LoggedBlob::from(&self.store().stat(&id)?));
            }
        }
        report.merged = inputs.len();
        report.written = outputs.len();
        report.dropped = merged.dropped;
        let log = CompactionLog {
            inputs: Some(inputs.iter().map(LoggedBlob::from).collect()),
            outputs: Some(outputs),
        };
        let id = self.put_sealed(LEGACY_COMPACTION, &document(&log)?)?;
        Ok(self.store().stat(&id)?)
    }

    /// Deletes the inputs of logs that are old enough, and says in an `l` blob that those logs may go later.
    fn remove_replaced(
        &self,
        newest: BlobInfo,
        margin: Duration,
        report: &mut LegacyCompactionReport,
    ) -> Result<()> {
        let listing = self.legacy_listing()?;
        let plan = plan_removal(&listing.indexes, &listing.logs, newest.modified, margin);
        // Inputs first, always: without its log an input would count again.
        self.delete_all(&plan.first, report)?;
        if !plan.then.is_empty() {
            let entry = CleanupEntry {
                blob_ids: Some(plan.then.iter().map(ToString::to_string).collect()),
                cleanup_schedule_time: newest.modified,
            };
            self.put_sealed(LEGACY_CLEANUP, &document(&entry)?)?;
        }
        Ok(())
    }

    /// Deletes the logs that were named long enough ago.
    fn clean_up_logs(&self, margin: Duration, report: &mut LegacyCompactionReport) -> Result<()> {
        let entries: Vec<(BlobInfo, CleanupEntry)> = self.read_documents(LEGACY_CLEANUP)?;
        let Some(now) = entries.iter().map(|(blob, _)| blob.modified).max() else {
            return Ok(());
        };
        let plan = plan_cleanup(&entries, now, margin);
        self.delete_all(&plan.first, report)?;
        self.delete_all(&plan.then, report)
    }

    fn delete_all(&self, ids: &[BlobId], report: &mut LegacyCompactionReport) -> Result<()> {
        for id in ids {
            self.store().delete(id)?;
            report.deleted += 1;
        }
        Ok(())
    }

    fn put_sealed(&self, prefix: &str, plaintext: &[u8]) -> Result<BlobId> {
        let (id, sealed) = blob_crypto::seal(self.hasher(), self.cipher(), prefix, plaintext, "")?;
        self.store().put(&id, sealed, &self.put_options(&id)?)?;
        Ok(id)
    }

    /// Every document of a family; one that vanishes meanwhile is left out.
    fn read_documents<T: serde::de::DeserializeOwned>(
        &self,
        prefix: &str,
    ) -> Result<Vec<(BlobInfo, T)>> {
        let mut documents = Vec::new();
        for blob in self.without_set_aside(self.store().list_all(prefix)?) {
            let document = self.read_document(&blob.id)?;
            documents.extend(document.map(|document| (blob, document)));
        }
        Ok(documents)
    }

    /// A document; nothing when it vanished meanwhile.
    fn read_document<T: serde::de::DeserializeOwned>(&self, id: &BlobId) -> Result<Option<T>> {
        let sealed = match self.store().get(id) {
            Ok(sealed) => sealed,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let json = blob_crypto::open(self.hasher(), self.cipher(), id, sealed.into())?;
        serde_json::from_slice(&json)
            .map(Some)
            .map_err(|error| Error::damaged(format_args!("blob {id}"), error))
    }

    /// Logs and clean-up entries that cannot be read, also when they are read once more, each with the reason. Without a
    /// log its inputs count again, with the same entries.
    pub(crate) fn damaged_documents(&self) -> Result<Vec<(BlobId, String)>> {
        let mut damaged = Vec::new();
        for prefix in [LEGACY_COMPACTION, LEGACY_CLEANUP] {
            for blob in self.without_set_aside(self.store().list_all(prefix)?) {
                let read = || match prefix {
                    LEGACY_COMPACTION => self.read_document::<CompactionLog>(&blob.id).map(drop),
                    _ => self.read_document::<CleanupEntry>(&blob.id).map(drop),
                };
                match read().or_else(|_| read()) {
                    Ok(()) => {}
                    Err(Error::Damaged { reason, .. }) => damaged.push((blob.id, reason)),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(damaged)
    }
}

fn document<T: serde::Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::InvalidParameter {
        what: "compaction log",
        reason: error.to_string(),
    })
}
