//! Which index blobs count, and where new ones go.

use std::collections::BTreeMap;

use holdfast_storage::BlobInfo;

use super::names::{EpochNumber, epoch_of, range_of, set_of, watermark_of};
use crate::blob_names::BlobFamily;

/// A range checkpoint with all its shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochRange {
    /// First epoch that it covers.
    pub first: EpochNumber,
    /// Last epoch that it covers.
    pub last: EpochNumber,
    /// Its index blobs.
    pub blobs: Vec<BlobInfo>,
}

/// State of the epochs at the time of one listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EpochState {
    /// Epoch that new index blobs belong to.
    pub write_epoch: EpochNumber,
    /// Tombstones up to this time (unix seconds, inclusive) make contents vanish; 0 when there is none.
    pub watermark: u64,
    /// Complete compactions of single epochs.
    pub singles: BTreeMap<EpochNumber, Vec<BlobInfo>>,
    /// Complete range checkpoints that follow each other from epoch 0 and reach furthest.
    pub chain: Vec<EpochRange>,
    /// Uncompacted index blobs.
    pub uncompacted: BTreeMap<EpochNumber, Vec<BlobInfo>>,
    /// Markers of epochs that were begun.
    pub markers: Vec<(EpochNumber, BlobInfo)>,
    /// Every watermark, with its unix seconds.
    pub watermarks: Vec<(u64, BlobInfo)>,
}

impl EpochState {
    /// Works the state out of a listing of all blobs whose name begins with `x`. Other blobs, and names that
    /// cannot be parsed, are ignored.
    #[must_use]
    pub fn of_listing<'a>(blobs: impl IntoIterator<Item = &'a BlobInfo>) -> Self {
        let mut state = Self::default();
        let mut singles: BTreeMap<EpochNumber, Vec<&BlobInfo>> = BTreeMap::new();
        let mut ranges: BTreeMap<(EpochNumber, EpochNumber), Vec<&BlobInfo>> = BTreeMap::new();
        for blob in blobs {
            let name = blob.id.as_str();
            match BlobFamily::of(name) {
                Some(BlobFamily::EpochMarker) => {
                    if let Some(epoch) = epoch_of(name) {
                        state.write_epoch = state.write_epoch.max(epoch);
                        state.markers.push((epoch, blob.clone()));
                    }
                }
                Some(BlobFamily::EpochWatermark) => {
                    if let Some(time) = watermark_of(name) {
                        state.watermark = state.watermark.max(time);
                        state.watermarks.push((time, blob.clone()));
                    }
                }
                Some(BlobFamily::EpochSingle) => {
                    if let Some(epoch) = epoch_of(name) {
                        singles.entry(epoch).or_default().push(blob);
                    }
                }
                Some(BlobFamily::EpochRange) => {
                    if let Some(range) = range_of(name) {
                        ranges.entry(range).or_default().push(blob);
                    }
                }
                Some(BlobFamily::EpochIndex) => {
                    if let Some(epoch) = epoch_of(name) {
                        state
                            .uncompacted
                            .entry(epoch)
                            .or_default()
                            .push(blob.clone());
                    }
                }
                _ => {}
            }
        }
        state.singles = singles
            .into_iter()
            .filter_map(|(epoch, blobs)| Some((epoch, complete_set(&blobs)?)))
            .collect();
        let ranges = ranges
            .into_iter()
            .filter_map(|((first, last), blobs)| {
                Some(EpochRange {
                    first,
                    last,
                    blobs: complete_set(&blobs)?,
                })
            })
            .collect();
        state.chain = longest_chain(ranges);
        state
    }

    /// Whether nobody writes into `epoch` any more.
    #[must_use]
    pub fn is_settled(&self, epoch: EpochNumber) -> bool {
        epoch.saturating_add(2) <= self.write_epoch
    }

    /// First epoch that the chain of range checkpoints does not cover.
    #[must_use]
    pub fn first_after_chain(&self) -> EpochNumber {
        self.chain
            .last()
            .map_or(0, |range| range.last.saturating_add(1))
    }

    /// Every index blob that has to be read (format 1 §8.5).
    #[must_use]
    pub fn active_set(&self) -> Vec<&BlobInfo> {
        let mut active: Vec<&BlobInfo> = self.chain.iter().flat_map(|range| &range.blobs).collect();
        let start = self.first_after_chain();
        let end = self.write_epoch.saturating_add(1);
        if start > end {
            return active;
        }
        for (epoch, blobs) in &self.uncompacted {
            let compacted = self.is_settled(*epoch) && self.singles.contains_key(epoch);
            if (start..=end).contains(epoch) && !compacted {
                active.extend(blobs);
            }
        }
        for (epoch, blobs) in self.singles.range(start..=end) {
            if self.is_settled(*epoch) {
                active.extend(blobs);
            }
        }
        active
    }
}

/// The first set that is complete, in the order given (format 1 §8.3).
fn complete_set(blobs: &[&BlobInfo]) -> Option<Vec<BlobInfo>> {
    let mut groups: BTreeMap<&str, Vec<&BlobInfo>> = BTreeMap::new();
    for blob in blobs {
        let Some((group, size)) = set_of(blob.id.as_str()) else {
            return Some(vec![(*blob).clone()]);
        };
        let members = groups.entry(group).or_default();
        members.push(blob);
        if members.len() as u64 >= size {
            return Some(members.iter().map(|blob| (*blob).clone()).collect());
        }
    }
    None
}

/// The ranges that follow each other from 0 and reach the highest epoch, the fewest of them.
fn longest_chain(ranges: Vec<EpochRange>) -> Vec<EpochRange> {
    // Per position reached: how many ranges it takes, and the last of them.
    let mut reached: BTreeMap<EpochNumber, (usize, Option<usize>)> =
        BTreeMap::from([(0, (0, None))]);
    // Ranges come sorted by their first epoch, so each position is final before it is used.
    for (number, range) in ranges.iter().enumerate() {
        let (Some(&(count, _)), Some(next)) =
            (reached.get(&range.first), range.last.checked_add(1))
        else {
            continue;
        };
        let best = reached.entry(next).or_insert((usize::MAX, None));
        if count + 1 < best.0 {
            *best = (count + 1, Some(number));
        }
    }
    let mut numbers = Vec::new();
    let mut position = reached
        .last_key_value()
        .map_or(0, |(position, _)| *position);
    while let Some((_, Some(number))) = reached.get(&position) {
        numbers.push(*number);
        position = ranges[*number].first;
    }
    let mut ranges: Vec<Option<EpochRange>> = ranges.into_iter().map(Some).collect();
    numbers
        .iter()
        .rev()
        .filter_map(|&number| ranges[number].take())
        .collect()
}
