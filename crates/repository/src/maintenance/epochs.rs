//! Carrying out what the epochs plan (format 1 §8.7).

use bytes::Bytes;
use holdfast_storage::BlobId;
use serde_json::json;

use super::compaction;
use super::locks::Taken;
use super::report::{nothing, statistics};
use super::run::Run;
use super::schedule::TaskStatistics;
use crate::Result;
use crate::blob_names::{self, EPOCH_MARKER, EPOCH_WATERMARK};
use crate::epoch::{EpochState, Merge, merged_blob_prefix};

/// Content of the blobs of which only the name counts.
const MARKER: &[u8] = b"epoch-marker";
const WATERMARK: &[u8] = b"deletion-watermark";

impl Run<'_> {
    fn epochs(&self) -> Result<EpochState> {
        Ok(self.repository.epoch_state()?.0)
    }

    /// Merges the next settled epoch, at most one a run.
    pub(super) fn compact_single_epoch(&mut self) -> Result<TaskStatistics> {
        const KIND: &str = "compactSingleEpochStats";
        let Some(merge) = self.epochs()?.plan_single() else {
            return Ok(nothing(KIND));
        };
        let bytes: u64 = merge.inputs.iter().map(|blob| blob.length).sum();
        self.merge(&merge)?;
        Ok(statistics(
            KIND,
            json!({
                "supersededIndexBlobCount": merge.inputs.len(),
                "supersededIndexTotalSize": bytes,
                "epoch": merge.first,
            }),
        ))
    }

    /// Merges many settled epochs.
    pub(super) fn compact_range(&mut self) -> Result<TaskStatistics> {
        const KIND: &str = "generateRangeCheckpointStats";
        let parameters = self.repository.format().epoch_parameters;
        let Some(merge) = self.epochs()?.plan_range(&parameters) else {
            return Ok(nothing(KIND));
        };
        self.merge(&merge)?;
        Ok(statistics(
            KIND,
            json!({ "rangeMinEpoch": merge.first, "rangeMaxEpoch": merge.last }),
        ))
    }

    fn merge(&self, merge: &Merge) -> Result<()> {
        if self.dry_run() {
            return Ok(());
        }
        // An input that went away was merged by another client at the same time.
        let Some(tables) = self.repository.tables_to_merge(&merge.inputs)? else {
            return Ok(());
        };
        let prefix = merged_blob_prefix(merge.first, merge.last);
        compaction::merge(self.repository, &tables, &prefix)?;
        Ok(())
    }

    /// Begins a new epoch when the present one is old and large enough.
    pub(super) fn advance_epoch(&mut self) -> Result<TaskStatistics> {
        let parameters = self.repository.format().epoch_parameters;
        let state = self.epochs()?;
        let next = state.plan_advance(&parameters);
        if let Some(next) = next {
            self.put_named(format!("{EPOCH_MARKER}{next}"), MARKER)?;
        }
        Ok(statistics(
            "advanceEpochStats",
            json!({
                "currentEpoch": next.unwrap_or(state.write_epoch),
                "wasAdvanced": next.is_some(),
            }),
        ))
    }

    /// Raises the watermark: tombstones up to `seconds` make contents vanish.
    pub(super) fn raise_watermark(&mut self, seconds: u64) -> Result<()> {
        if seconds <= self.epochs()?.watermark {
            return Ok(());
        }
        self.put_named(format!("{EPOCH_WATERMARK}{seconds}"), WATERMARK)
    }

    fn put_named(&self, name: String, content: &'static [u8]) -> Result<()> {
        if self.dry_run() {
            return Ok(());
        }
        let id = blob_names::blob_id(name)?;
        let options = self.repository.put_options(&id)?;
        Ok(self
            .repository
            .store()
            .put(&id, Bytes::from_static(content), &options)?)
    }

    /// Deletes markers that nobody looks at any more.
    pub(super) fn cleanup_markers(&mut self) -> Result<TaskStatistics> {
        let parameters = self.repository.format().epoch_parameters;
        let obsolete = self.epochs()?.plan_marker_cleanup(&parameters);
        // The markers of low epochs go first: the highest one says which epoch is written to.
        let epochs = self.take_locked(obsolete.epochs, |id| id)?.free;
        let watermarks = self.take_locked(obsolete.watermarks, |id| id)?.free;
        self.delete(&epochs)?;
        self.delete(&watermarks)?;
        Ok(statistics(
            "cleanupMarkersStats",
            json!({
                "deletedEpochMarkerBlobCount": epochs.len(),
                "deletedWatermarkBlobCount": watermarks.len(),
            }),
        ))
    }

    /// Deletes index blobs that were merged long enough ago.
    pub(super) fn delete_superseded(&mut self) -> Result<TaskStatistics> {
        const KIND: &str = "cleanupSupersededIndexesStats";
        let parameters = self.repository.format().epoch_parameters;
        let Some(superseded) = self.epochs()?.plan_superseded(&parameters) else {
            return Ok(nothing(KIND));
        };
        let Taken { free, locked } = self.take_locked(superseded.blobs, |blob| &blob.id)?;
        let ids: Vec<BlobId> = free.iter().map(|blob| blob.id.clone()).collect();
        self.delete(&ids)?;
        self.wait_for_locks(&locked);
        let bytes: u64 = free.iter().map(|blob| blob.length).sum();
        Ok(statistics(
            KIND,
            json!({
                "maxReplacementTime": superseded.replaced_at,
                "deletedBlobCount": ids.len(),
                "deletedTotalSize": bytes,
            }),
        ))
    }
}
