//! What maintenance does to epochs (format 1 §8.7): pure planning over a listing.

use std::time::Duration;

use holdfast_storage::{BlobId, BlobInfo};
use jiff::{SignedDuration, Timestamp};

use super::names::EpochNumber;
use super::plan::EpochState;
use crate::format::EpochParameters;

/// Index blobs to be merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// First epoch of the result.
    pub first: EpochNumber,
    /// Last epoch of the result.
    pub last: EpochNumber,
    /// What is merged.
    pub inputs: Vec<BlobInfo>,
}

/// Markers that are not needed any more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObsoleteMarkers {
    /// Markers of past epochs.
    pub epochs: Vec<BlobId>,
    /// Watermarks below the one in force.
    pub watermarks: Vec<BlobId>,
}

/// Merged index blobs that may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superseded {
    /// What may go.
    pub blobs: Vec<BlobInfo>,
    /// When the youngest of the blobs that replace them was stored, by the storage's clock.
    pub replaced_at: Timestamp,
}

impl EpochState {
    /// The epoch that is to be begun; nothing while the present one is young or small.
    #[must_use]
    pub fn plan_advance(&self, parameters: &EpochParameters) -> Option<EpochNumber> {
        let blobs = self.uncompacted.get(&self.write_epoch)?;
        let times = || blobs.iter().map(|blob| blob.modified);
        let age = times().max()?.duration_since(times().min()?);
        let bytes: u64 = blobs.iter().map(|blob| blob.length).sum();
        let old = age >= SignedDuration::from_nanos(parameters.min_epoch_duration);
        let many = blobs.len() as i128 >= i128::from(parameters.epoch_advance_on_count_threshold);
        let large =
            i128::from(bytes) >= i128::from(parameters.epoch_advance_on_total_size_bytes_threshold);
        (old && (many || large)).then(|| self.write_epoch.checked_add(1))?
    }

    /// The settled epoch whose index blobs are to be merged next.
    #[must_use]
    pub fn plan_single(&self) -> Option<Merge> {
        let mut epoch = self.first_after_chain();
        while self.singles.contains_key(&epoch) {
            epoch = epoch.checked_add(1)?;
        }
        let inputs = self.uncompacted.get(&epoch)?.clone();
        self.is_settled(epoch).then_some(Merge {
            first: epoch,
            last: epoch,
            inputs,
        })
    }

    /// The epochs that are to be merged into one range checkpoint.
    #[must_use]
    pub fn plan_range(&self, parameters: &EpochParameters) -> Option<Merge> {
        let first = self.first_after_chain();
        let last = self.write_epoch.checked_sub(2)?;
        let length = last.checked_sub(first)?;
        if i128::from(length) < i128::from(parameters.full_checkpoint_frequency.max(1)) {
            return None;
        }
        let mut inputs = Vec::new();
        for (epoch, blobs) in self.uncompacted.range(first..=last) {
            if !self.singles.contains_key(epoch) {
                inputs.extend(blobs.iter().cloned());
            }
        }
        inputs.extend(
            self.singles
                .range(first..=last)
                .flat_map(|(_, b)| b)
                .cloned(),
        );
        (!inputs.is_empty()).then_some(Merge {
            first,
            last,
            inputs,
        })
    }

    /// Time before which a blob must have been stored so that nobody can still use a listing from before it.
    fn cleanup_time(&self, parameters: &EpochParameters) -> Option<Timestamp> {
        let from = self.write_epoch.saturating_sub(1);
        let newest = self
            .uncompacted
            .range(from..=self.write_epoch.saturating_add(1))
            .flat_map(|(_, blobs)| blobs)
            .map(|blob| blob.modified)
            .max()?;
        let margin = Duration::from_nanos(parameters.cleanup_safety_margin.unsigned_abs());
        newest.checked_sub(margin).ok()
    }

    /// Markers that may be deleted.
    #[must_use]
    pub fn plan_marker_cleanup(&self, parameters: &EpochParameters) -> ObsoleteMarkers {
        let Some(before) = self.cleanup_time(parameters) else {
            return ObsoleteMarkers::default();
        };
        let epochs = self.markers.iter().filter(|(epoch, _)| {
            epoch
                .checked_add(1)
                .is_some_and(|next| next < self.write_epoch)
        });
        let watermarks = self
            .watermarks
            .iter()
            .filter(|(time, blob)| *time != self.watermark && blob.modified < before);
        ObsoleteMarkers {
            epochs: epochs.map(|(_, blob)| blob.id.clone()).collect(),
            watermarks: watermarks.map(|(_, blob)| blob.id.clone()).collect(),
        }
    }

    /// Uncompacted index blobs that may be deleted, because a compaction of their epoch is old enough. Those of an
    /// epoch that is not settled stay, because readers do not look at its compaction.
    #[must_use]
    pub fn plan_superseded(&self, parameters: &EpochParameters) -> Option<Superseded> {
        let before = self.cleanup_time(parameters)?;
        let mut blobs = Vec::new();
        let mut replaced_at = None;
        for (epoch, compacted) in &self.singles {
            let Some(stored) = compacted.iter().map(|blob| blob.modified).max() else {
                continue;
            };
            let superseded = self
                .uncompacted
                .get(epoch)
                .filter(|blobs| !blobs.is_empty());
            if let Some(superseded) = superseded
                && self.is_settled(*epoch)
                && stored < before
            {
                blobs.extend(superseded.iter().cloned());
                replaced_at = replaced_at.max(Some(stored));
            }
        }
        replaced_at.map(|replaced_at| Superseded { blobs, replaced_at })
    }
}
