//! Numbers in the names of epoch blobs.

use crate::blob_names::{EPOCH_INDEX, EPOCH_RANGE, EPOCH_SINGLE, EPOCH_WATERMARK};
use crate::session::SessionId;

/// Number of an epoch, from 0.
pub type EpochNumber = u64;

/// Epoch of an `xn`, `xs` or `xe` blob, or the first one of an `xr` blob; nothing when unparsable.
#[must_use]
pub fn epoch_of(name: &str) -> Option<EpochNumber> {
    number_after_letters(name.split('_').next()?)
}

/// Both ends of an `xr` blob, inclusive; nothing when unparsable or turned around.
#[must_use]
pub fn range_of(name: &str) -> Option<(EpochNumber, EpochNumber)> {
    let mut parts = name.split('_');
    let first = number_after_letters(parts.next()?)?;
    let last = decimal(parts.next()?)?;
    parts.next()?;
    (first <= last).then_some((first, last))
}

/// Unix seconds of an `xw` blob; nothing when unparsable.
#[must_use]
pub fn watermark_of(name: &str) -> Option<u64> {
    decimal(name.strip_prefix(EPOCH_WATERMARK)?)
}

/// Prefix in front of the hash in the name of an index blob, and suffix behind it.
#[must_use]
pub fn index_blob_name(epoch: EpochNumber, session: &SessionId, shards: usize) -> (String, String) {
    (
        format!("{EPOCH_INDEX}{epoch}_"),
        format!("-{session}-c{shards}"),
    )
}

/// Prefix in front of the hash in the name of a merged index blob: of one epoch, or of a range.
#[must_use]
pub fn merged_blob_prefix(first: EpochNumber, last: EpochNumber) -> String {
    if first == last {
        format!("{EPOCH_SINGLE}{first}_")
    } else {
        format!("{EPOCH_RANGE}{first}_{last}_")
    }
}

/// Group and size of a set of shards: `-s...-c<k>`; nothing for ids that are sets of one.
pub(super) fn set_of(name: &str) -> Option<(&str, u64)> {
    let mut parts = name.split('-').skip(1);
    let group = parts.next().filter(|part| part.starts_with('s'))?;
    let size = decimal(parts.next()?.strip_prefix('c')?)?;
    Some((group, size))
}

fn number_after_letters(part: &str) -> Option<u64> {
    decimal(part.trim_start_matches(|c: char| !c.is_ascii_digit()))
}

fn decimal(digits: &str) -> Option<u64> {
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(epoch_of("xn12_ab-s1-c1"), Some(12));
        assert_eq!(epoch_of("xe7"), Some(7));
        assert_eq!(epoch_of("xe"), None);
        assert_eq!(epoch_of("xn1z_ab"), None);
        assert_eq!(range_of("xr0_7_ab-s1-c1"), Some((0, 7)));
        assert_eq!(range_of("xr0_7"), None);
        assert_eq!(range_of("xr8_7_ab"), None);
        assert_eq!(watermark_of("xw1700000000"), Some(1_700_000_000));
        assert_eq!(watermark_of("xw-1"), None);
        assert_eq!(set_of("xs0_ab-s00aa-c2"), Some(("s00aa", 2)));
        assert_eq!(set_of("xn0_ab--c1"), None);
    }
}
