//! How many shards of which size a number of bytes becomes (format 1 §3.5).

/// Length of the checksum in front of every shard, in bytes.
pub(super) const CHECKSUM: usize = 4;
/// Length of the number in front of the data that says how many bytes follow.
pub(super) const LENGTH: usize = 4;
/// Shards of small data.
pub(super) const SMALL: (usize, usize) = (6, 2);

/// Shards of one overhead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Largest shard, in bytes.
    pub(super) shard_size: usize,
    /// Data shards of a block.
    pub(super) data: usize,
    /// Parity shards of a block.
    pub(super) parity: usize,
}

/// The shape of one encoded item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Whether the shards are the few of small data.
    pub(super) small: bool,
    /// Bytes of a shard.
    pub(super) size: usize,
    /// How many blocks there are.
    pub(super) blocks: usize,
    /// Whether the zeros behind the data are stored.
    pub(super) padded: bool,
}

impl Parameters {
    /// For a redundancy of so many percent. The arithmetic has to be that of 32-bit floats.
    pub(super) fn new(percent: u32) -> Self {
        let shard_size = match percent {
            ..=1 => 1024,
            2 => 512,
            3 => 256,
            4..=6 => 128,
            _ => 64,
        };
        // What the checksums leave of the overhead.
        let free = (percent as f32 - 400.0 / shard_size as f32).max(0.01);
        let of = |count: usize, share: f32| (count as f64 * f64::from(share)).floor() as usize;
        let parity = of(128, free / 100.0).clamp(1, 128);
        let (data, parity) = match parity {
            1 => (of(2, 100.0 / free).clamp(128, 254), 2),
            parity => (128, parity),
        };
        Self {
            shard_size,
            data,
            parity,
        }
    }

    /// Data and its length up to here, in bytes, become the shards of small data.
    pub(super) fn small_input(&self) -> usize {
        2 * CHECKSUM * (self.data + self.parity)
    }

    /// What [`Self::small_input`] becomes, in bytes.
    pub(super) fn small_output(&self) -> usize {
        let (data, parity) = SMALL;
        (data + parity) * (CHECKSUM + self.small_input().div_ceil(data))
    }

    /// Data and its length up to here, in bytes, become one block.
    pub(super) fn block_input(&self) -> usize {
        self.data * self.shard_size
    }

    /// What a whole block becomes, in bytes.
    pub(super) fn block_output(&self) -> usize {
        (self.data + self.parity) * (CHECKSUM + self.shard_size)
    }

    /// The shape of `length` bytes of data.
    pub(super) fn of_data(&self, length: usize) -> Shape {
        let length = length + LENGTH;
        if length <= self.small_input() {
            Shape {
                small: true,
                size: length.div_ceil(SMALL.0),
                blocks: 1,
                padded: true,
            }
        } else if length <= self.block_input() {
            Shape {
                small: false,
                size: length.div_ceil(self.data),
                blocks: 1,
                padded: true,
            }
        } else {
            Shape {
                small: false,
                size: self.shard_size,
                blocks: length.div_ceil(self.block_input()),
                padded: false,
            }
        }
    }

    /// The shape of an encoded item of `length` bytes.
    pub(super) fn of_stored(&self, length: usize) -> Shape {
        let size = |shards: usize| length.div_ceil(shards).max(CHECKSUM + 1) - CHECKSUM;
        if length <= self.small_output() {
            Shape {
                small: true,
                size: size(SMALL.0 + SMALL.1),
                blocks: 1,
                padded: true,
            }
        } else if length <= self.block_output() {
            Shape {
                small: false,
                size: size(self.data + self.parity),
                blocks: 1,
                padded: true,
            }
        } else {
            Shape {
                small: false,
                size: self.shard_size,
                blocks: length.div_ceil(self.block_output()),
                padded: false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_those_of_the_format() {
        let path = holdfast_testkit::data_dir().join("kopia/vectors/ecc.json");
        let vectors: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let expected = vectors["parameters"].as_array().unwrap();
        assert_eq!(expected.len(), 100);
        for expected in expected {
            let number = |key: &str| expected[key].as_u64().unwrap() as usize;
            let parameters = Parameters::new(number("percent") as u32);
            assert_eq!(
                [
                    parameters.shard_size,
                    parameters.data,
                    parameters.parity,
                    parameters.small_input(),
                    parameters.small_output(),
                    parameters.block_input(),
                    parameters.block_output(),
                ],
                [
                    "maxShardSize",
                    "dataShards",
                    "parityShards",
                    "thresholdParityInput",
                    "thresholdParityOutput",
                    "thresholdBlocksInput",
                    "thresholdBlocksOutput",
                ]
                .map(number),
                "{expected}"
            );
        }
    }
}
