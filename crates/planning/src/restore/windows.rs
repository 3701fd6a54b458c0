//! Neighbours in a pack are read together.

use std::ops::Range;

/// A stretch of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent {
    /// Which pack, by the caller's numbering.
    pub pack: u32,
    /// Where it begins, in bytes.
    pub offset: u32,
    /// Its length in bytes.
    pub length: u32,
}

impl Extent {
    fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.length)
    }
}

/// Groups sorted extents into windows: stretches of one pack of at most `limit` bytes, with at most `gap` unwanted bytes
/// between two extents. An extent above the limit is a window of its own. Returns ranges of positions in `extents`.
pub fn windows(extents: &[Extent], limit: u64, gap: u64) -> Vec<Range<usize>> {
    let mut windows = Vec::new();
    let mut first = 0;
    let mut end = 0;
    for (position, extent) in extents.iter().enumerate() {
        let start = extents[first];
        let joins = position > first
            && extent.pack == start.pack
            && extent.end().max(end) - u64::from(start.offset) <= limit
            && u64::from(extent.offset) <= end + gap;
        if !joins && position > first {
            windows.push(first..position);
            first = position;
        }
        end = if position == first {
            extent.end()
        } else {
            end.max(extent.end())
        };
    }
    if first < extents.len() {
        windows.push(first..extents.len());
    }
    windows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn extent(pack: u32, offset: u32, length: u32) -> Extent {
        Extent {
            pack,
            offset,
            length,
        }
    }

    #[test]
    fn neighbours_join() {
        let extents = [
            extent(1, 0, 10),
            extent(1, 10, 10),
            extent(1, 25, 5),
            extent(1, 36, 4),
            extent(2, 40, 200),
            extent(2, 240, 1),
        ];
        assert_eq!(windows(&extents, 100, 5), [0..3, 3..4, 4..5, 5..6]);
        assert_eq!(windows(&extents, 40, 6), [0..4, 4..5, 5..6]);
        assert_eq!(windows(&[], 40, 6), []);
    }

    proptest! {
        #[test]
        fn every_extent_is_in_one_window(
            parts in proptest::collection::vec((0u32..3, 0u32..1000, 1u32..200), 0..40),
            limit in 1u64..500,
            gap in 0u64..50,
        ) {
            let mut extents: Vec<Extent> = parts.into_iter().map(|(p, o, l)| extent(p, o, l)).collect();
            extents.sort();
            let windows = windows(&extents, limit, gap);
            let covered: Vec<usize> = windows.iter().cloned().flatten().collect();
            prop_assert_eq!(covered, (0..extents.len()).collect::<Vec<_>>());
            for window in windows {
                let inside = &extents[window];
                let end = inside.iter().map(Extent::end).max().unwrap();
                prop_assert!(inside.iter().all(|e| e.pack == inside[0].pack));
                prop_assert!(inside.len() == 1 || end - u64::from(inside[0].offset) <= limit);
            }
        }
    }
}
