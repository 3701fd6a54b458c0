//! Content-defined cutting with the cyclic polynomial hash of format 1 §4.
//!
//! A chunk's boundary depends on its own last 64 bytes only, so nothing below the minimum is looked at, and a
//! stretch of bytes can be searched by several independent streams at once, which the processor overlaps.

use super::table::TABLE;

/// Bytes that the hash covers.
const WINDOW: usize = 64;
/// Streams that search one block side by side.
const STREAMS: usize = 8;
/// Bytes that one stream searches in one block.
const STRETCH: usize = 4096;
const BLOCK: usize = STREAMS * STRETCH;

#[derive(Debug, Clone)]
pub(super) struct Buzhash {
    min: usize,
    max: usize,
    mask: u32,
}

fn word(byte: u8) -> u32 {
    TABLE[usize::from(byte)]
}

fn roll(hash: u32, out: u8, byte: u8) -> u32 {
    // The word of the byte that leaves was rotated 64 times, which is not at all for 32 bits.
    hash.rotate_left(1) ^ word(out) ^ word(byte)
}

fn hash_window(window: &[u8]) -> u32 {
    window
        .iter()
        .fold(0, |hash: u32, &byte| hash.rotate_left(1) ^ word(byte))
}

impl Buzhash {
    pub(super) fn new(average: usize) -> Self {
        assert!(average.is_power_of_two() && (2 * WINDOW..=1 << 31).contains(&average));
        Self {
            min: average / 2,
            max: 2 * average,
            mask: (average - 1) as u32,
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
        let mut hash = hash_window(&chunk[length - WINDOW..length]);
        loop {
            if hash & self.mask == 0 {
                return Some(length);
            }
            if length == to {
                return None;
            }
            hash = roll(hash, chunk[length - WINDOW], chunk[length]);
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
        let mut hashes: [u32; STREAMS] = std::array::from_fn(|s| {
            let length = from + s * STRETCH;
            hash_window(&chunk[length - WINDOW..length])
        });
        let mut first = [usize::MAX; STREAMS];
        for i in 0..STRETCH - 1 {
            if hashes.iter().any(|hash| hash & mask == 0) {
                note_hits(&hashes, mask, i, &mut first);
                if first[0] != usize::MAX {
                    return Some(from + first[0]);
                }
            }
            for s in 0..STREAMS {
                hashes[s] = roll(hashes[s], leaving[s][i], entering[s][i]);
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
fn note_hits(hashes: &[u32; STREAMS], mask: u32, position: usize, first: &mut [usize; STREAMS]) {
    for (hash, first) in hashes.iter().zip(first) {
        if hash & mask == 0 && *first == usize::MAX {
            *first = position;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, byte by byte.
    fn plain(rule: &Buzhash, data: &[u8]) -> Option<usize> {
        (rule.min..=data.len().min(rule.max))
            .find(|&n| hash_window(&data[n - WINDOW..n]) & rule.mask == 0)
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn fast_search_agrees_with_the_definition(seed in any::<u64>(), length in 0usize..300_000, average in 8u32..18, split in 0usize..300_000) {
            let rule = Buzhash::new(1 << average);
            let data = noise(seed, length);
            let expected = plain(&rule, &data);
            prop_assert_eq!(rule.find(&data, 0), expected);
            let split = split.min(length);
            let in_two = rule.find(&data[..split], 0).or_else(|| rule.find(&data, split));
            prop_assert_eq!(in_two, expected);
        }
    }

    #[test]
    fn equal_bytes_are_cut_at_the_minimum() {
        let rule = Buzhash::new(128 << 10);
        assert_eq!(rule.find(&vec![7; 200 << 10], 0), Some(64 << 10));
    }
}
