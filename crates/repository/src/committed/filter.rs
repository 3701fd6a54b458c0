//! A blocked Bloom filter: most look-ups of a backup are for contents that do not exist.

use crate::content_id::ContentId;

/// Bits per entry.
const BITS_PER_ENTRY: usize = 10;
/// Words of one block, a cache line.
const WORDS: usize = 8;
/// Bits set per entry, 9 bits of the hash each.
const PROBES: usize = 6;

/// What the filter looks at in a content id; hashes are keyed, so their bytes are as good as random.
pub(super) struct Probe {
    block: u32,
    bits: u64,
}

impl Probe {
    pub(super) fn of(id: &ContentId) -> Self {
        let mut bytes = [0; 16];
        let hash = id.hash();
        let used = hash.len().min(16);
        bytes[..used].copy_from_slice(&hash[..used]);
        let [a, b] = [&bytes[..8], &bytes[8..]]
            .map(|half| half.iter().fold(0u64, |v, &b| v << 8 | u64::from(b)));
        let mixed = a ^ u64::from(id.prefix().unwrap_or(0)) << 32;
        // Short hashes only occur in tests of the format; spread what there is.
        Self {
            block: (mixed >> 32) as u32,
            bits: b ^ a.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        }
    }
}

/// A block is one cache line, and so one access to memory.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Block([u64; WORDS]);

/// Says "certainly not there" for most ids that are not there.
#[derive(Debug)]
pub(super) struct Filter {
    blocks: Vec<Block>,
}

impl Filter {
    pub(super) fn with_capacity(entries: usize) -> Self {
        let blocks = (entries * BITS_PER_ENTRY).div_ceil(WORDS * 64).max(1);
        Self {
            blocks: vec![Block([0; WORDS]); blocks],
        }
    }

    fn block(&self, probe: &Probe) -> usize {
        ((u64::from(probe.block) * self.blocks.len() as u64) >> 32) as usize
    }

    fn positions(probe: &Probe) -> impl Iterator<Item = (usize, u64)> {
        let bits = probe.bits;
        (0..PROBES).map(move |i| {
            let position = bits >> (9 * i) & 511;
            ((position / 64) as usize, 1 << (position % 64))
        })
    }

    pub(super) fn insert(&mut self, probe: &Probe) {
        let block = self.block(probe);
        for (word, bit) in Self::positions(probe) {
            self.blocks[block].0[word] |= bit;
        }
    }

    pub(super) fn may_contain(&self, probe: &Probe) -> bool {
        let Block(block) = &self.blocks[self.block(probe)];
        Self::positions(probe).all(|(word, bit)| block[word] & bit != 0)
    }

    /// The bits as bytes, for the cache.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.blocks
            .iter()
            .flat_map(|Block(words)| words)
            .flat_map(|word| word.to_le_bytes())
            .collect()
    }

    /// The inverse of [`Self::to_bytes`]; nothing when the length does not fit a filter for so many entries.
    pub(super) fn from_bytes(bytes: &[u8], entries: usize) -> Option<Self> {
        let mut filter = Self::with_capacity(entries);
        if bytes.len() != filter.blocks.len() * WORDS * 8 {
            return None;
        }
        for (word, bytes) in filter
            .blocks
            .iter_mut()
            .flat_map(|Block(words)| words)
            .zip(bytes.as_chunks::<8>().0)
        {
            *word = u64::from_le_bytes(*bytes);
        }
        Some(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ContentId {
        let mut hash = [0; 16];
        let mixed = number
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash[..8].copy_from_slice(&mixed.to_be_bytes());
        hash[8..].copy_from_slice(&mixed.wrapping_mul(0x94d0_49bb_1331_11eb).to_be_bytes());
        ContentId::new(None, &hash).unwrap()
    }

    #[test]
    fn nothing_is_lost_and_little_is_invented() {
        let mut filter = Filter::with_capacity(10_000);
        for number in 0..10_000 {
            filter.insert(&Probe::of(&id(number)));
        }
        let filter = Filter::from_bytes(&filter.to_bytes(), 10_000).unwrap();
        assert!((0..10_000).all(|number| filter.may_contain(&Probe::of(&id(number)))));
        let invented = (10_000..20_000)
            .filter(|number| filter.may_contain(&Probe::of(&id(*number))))
            .count();
        assert!(invented < 300, "{invented}");
        assert!(Filter::from_bytes(&[0; 63], 10_000).is_none());
    }
}
