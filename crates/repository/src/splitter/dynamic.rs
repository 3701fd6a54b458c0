//! Content-defined cutting (format 1 §4): a chunk ends where the hash of its last 64 bytes has enough zero bits.
//!
//! A chunk's boundary depends on its own last 64 bytes only, so nothing below the minimum is looked at, and a
//! stretch of bytes can be searched by several independent streams at once, which the processor overlaps.

/// Bytes that the hash covers.
pub(super) const WINDOW: usize = 64;
/// Streams that search one block side by side.
const STREAMS: usize = 8;
/// Bytes that one stream searches in one block.
const STRETCH: usize = 4096;
const BLOCK: usize = STREAMS * STRETCH;

/// A hash of the last [`WINDOW`] bytes that can be rolled along.
pub(super) trait RollingHash: Copy {
    /// Hash of a whole window.
    fn of_window(window: &[u8]) -> Self;
    /// Hash of the window one byte further: `out` leaves, `byte` enters.
    fn roll(self, out: u8, byte: u8) -> Self;
    /// Whether all bits under the mask are zero.
    fn is_zero(self, mask: u32) -> bool;
}

/// The cutting rule for an average length of chunks.
#[derive(Debug, Clone)]
pub(super) struct Dynamic<H> {
    min: usize,
    max: usize,
    mask: u32,
    hash: std::marker::PhantomData<H>,
}

impl<H: RollingHash> Dynamic<H> {
    pub(super) fn new(average: usize) -> Self {
        assert!(average.is_power_of_two() && (2 * WINDOW..=1 << 31).contains(&average));
        Self {
            min: average / 2,
            max: 2 * average,
            mask: (average - 1) as u32,
            hash: std::marker::PhantomData,
        }
    }

    pub(super) fn min(&self) -> usize {
        self.min
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Length of the chunk at the start of `chunk`, if its end lies within; the first `scanned` bytes were
    /// searched before without success.
    pub(super) fn find(&self, chunk: &[u8], scanned: usize) -> Option<usize> {
        let end = chunk.len().min(self.max);
        // Lengths from min on may end a chunk; `length` is the first one not tested.
        let length = self.min.max(scanned + 1);
        if length <= end
            && let Some(found) = self.search(chunk, length, end)
        {
            return Some(found);
        }
        (chunk.len() >= self.max).then_some(self.max)
    }

    /// The smallest length in `from..=to` whose last 64 bytes hash to zero under the mask.
    fn search(&self, chunk: &[u8], from: usize, to: usize) -> Option<usize> {
        let mut length = from;
        while to + 1 - length >= BLOCK {
            if let Some(found) = self.search_block(chunk, length) {
                return Some(found);
            }
            length += BLOCK;
        }
        if length > to {
            return None;
        }
        let mut hash = H::of_window(&chunk[length - WINDOW..length]);
        loop {
            if hash.is_zero(self.mask) {
                return Some(length);
            }
            if length == to {
                return None;
            }
            hash = hash.roll(chunk[length - WINDOW], chunk[length]);
            length += 1;
        }
    }

    /// As [`Self::search`] for the lengths `from..from + BLOCK`.
    fn search_block(&self, chunk: &[u8], from: usize) -> Option<usize> {
        let mask = self.mask;
        // Stream s tests the lengths from + s * STRETCH + i; `leaving` and `entering` are the bytes that roll the
        // hash of one length into that of the next. The last roll of each stream may lack its byte, so the
        // streams test before they roll, STRETCH - 1 times, and once more after.
        let leaving: [&[u8]; STREAMS] =
            std::array::from_fn(|s| &chunk[from + s * STRETCH - WINDOW..][..STRETCH - 1]);
        let entering: [&[u8]; STREAMS] =
            std::array::from_fn(|s| &chunk[from + s * STRETCH..][..STRETCH - 1]);
        let mut hashes: [H; STREAMS] = std::array::from_fn(|s| {
            let length = from + s * STRETCH;
            H::of_window(&chunk[length - WINDOW..length])
        });
        let mut first = [usize::MAX; STREAMS];
        for i in 0..STRETCH - 1 {
            if hashes.iter().any(|hash| hash.is_zero(mask)) {
                note_hits(&hashes, mask, i, &mut first);
                if first[0] != usize::MAX {
                    return Some(from + first[0]);
                }
            }
            for s in 0..STREAMS {
                hashes[s] = hashes[s].roll(leaving[s][i], entering[s][i]);
            }
        }
        note_hits(&hashes, mask, STRETCH - 1, &mut first);
        first
            .iter()
            .enumerate()
            .find(|(_, i)| **i != usize::MAX)
            .map(|(s, i)| from + s * STRETCH + i)
    }
}

/// Remembers for each stream the first position whose hash is zero under the mask.
#[cold]
fn note_hits<H: RollingHash>(
    hashes: &[H; STREAMS],
    mask: u32,
    position: usize,
    first: &mut [usize; STREAMS],
) {
    for (hash, first) in hashes.iter().zip(first) {
        if hash.is_zero(mask) && *first == usize::MAX {
            *first = position;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{buzhash::Buzhash, rabin_karp::RabinKarp};
    use super::*;

    /// The definition, byte by byte.
    fn plain<H: RollingHash>(rule: &Dynamic<H>, data: &[u8]) -> Option<usize> {
        (rule.min..=data.len().min(rule.max))
            .find(|&n| H::of_window(&data[n - WINDOW..n]).is_zero(rule.mask))
            .or((data.len() >= rule.max).then_some(rule.max))
    }

    fn noise(mut seed: u64, length: usize) -> Vec<u8> {
        seed |= 1;
        let mut out = Vec::with_capacity(length + 8);
        while out.len() < length {
            seed ^= seed >> 12;
            seed ^= seed << 25;
            seed ^= seed >> 27;
            out.extend_from_slice(&seed.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
        }
        out.truncate(length);
        out
    }

    fn agrees<H: RollingHash>(average: u32, data: &[u8], split: usize) {
        let rule = Dynamic::<H>::new(1 << average);
        let expected = plain(&rule, data);
        assert_eq!(rule.find(data, 0), expected);
        let split = split.min(data.len());
        let in_two = rule
            .find(&data[..split], 0)
            .or_else(|| rule.find(data, split));
        assert_eq!(in_two, expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn fast_search_agrees_with_the_definition(seed in any::<u64>(), length in 0usize..300_000, average in 8u32..18, split in 0usize..300_000) {
            let data = noise(seed, length);
            agrees::<Buzhash>(average, &data, split);
            agrees::<RabinKarp>(average, &data, split);
        }
    }

    #[test]
    fn equal_bytes_are_cut_at_the_minimum_by_the_cyclic_hash() {
        let rule = Dynamic::<Buzhash>::new(128 << 10);
        assert_eq!(rule.find(&vec![7; 200 << 10], 0), Some(64 << 10));
    }
}
