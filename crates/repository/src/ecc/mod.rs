//! Error correction (format 1 §3.5): a ciphertext with as much redundancy as survives damage to some of its parts.

mod code;
mod field;
mod layout;

use self::code::Code;
use self::layout::{CHECKSUM, LENGTH, Parameters, SMALL, Shape};
use crate::error::{Error, Result};

/// Name of the only error correction of the format: Reed-Solomon with a CRC-32 for each part.
pub const REED_SOLOMON_CRC32: &str = "REED-SOLOMON-CRC32";
/// Redundancy that a repository can have, in percent.
pub const OVERHEAD_PERCENT: std::ops::RangeInclusive<u32> = 1..=100;

/// Adds redundancy to ciphertexts, and takes it off again.
#[derive(Debug)]
pub struct ErrorCorrection {
    parameters: Parameters,
    small: Code,
    large: Code,
}

/// More of an item is damaged than its redundancy makes good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uncorrectable;

/// What [`ErrorCorrection::decode`] gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Length of the data, which lies at the front, in bytes.
    pub length: usize,
    /// How many damaged parts were made good.
    pub repaired: usize,
}

impl ErrorCorrection {
    /// For a redundancy within [`OVERHEAD_PERCENT`]; damage up to about this share of an item is made good.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`].
    pub fn new(percent: u32) -> Result<Self> {
        if !OVERHEAD_PERCENT.contains(&percent) {
            return Err(Error::InvalidParameter {
                what: "overhead of error correction",
                reason: format!("{percent} % is not within 1 to 100 %"),
            });
        }
        let parameters = Parameters::new(percent);
        Ok(Self {
            parameters,
            small: Code::new(SMALL.0, SMALL.1),
            large: Code::new(parameters.data, parameters.parity),
        })
    }

    fn code(&self, shape: &Shape) -> &Code {
        if shape.small {
            &self.small
        } else {
            &self.large
        }
    }

    /// Length of `length` bytes with their redundancy, in bytes.
    #[must_use]
    pub fn encoded_length(&self, length: usize) -> usize {
        let shape = self.parameters.of_data(length);
        let code = self.code(&shape);
        let part = CHECKSUM + shape.size;
        let parity = shape.blocks * code.parity_shards() * part;
        if shape.padded {
            parity + code.data_shards() * part
        } else {
            let length = LENGTH + length;
            parity + length + length.div_ceil(shape.size) * CHECKSUM
        }
    }

    /// Appends `data`, which is shorter than 2^32 bytes, with its redundancy to `out`.
    pub fn encode(&self, data: &[u8], out: &mut Vec<u8>) {
        out.reserve(self.encoded_length(data.len()));
        let shape = self.parameters.of_data(data.len());
        let (code, size) = (self.code(&shape), shape.size);
        let block_length = code.data_shards() * size;
        let mut padded = Vec::with_capacity(shape.blocks * block_length);
        padded.extend_from_slice(&(data.len() as u32).to_be_bytes());
        padded.extend_from_slice(data);
        let stored = if shape.padded {
            block_length
        } else {
            padded.len()
        };
        padded.resize(shape.blocks * block_length, 0);

        let mut parity = vec![0; code.parity_shards() * size];
        for block in padded.chunks_exact(block_length) {
            parity.fill(0);
            code.encode(block, size, &mut parity);
            for shard in parity.chunks_exact(size) {
                out.extend_from_slice(&crc32fast::hash(shard).to_be_bytes());
                out.extend_from_slice(shard);
            }
        }
        for (number, shard) in padded.chunks_exact(size).enumerate() {
            let Some(left) = stored.checked_sub(number * size).filter(|left| *left > 0) else {
                break;
            };
            out.extend_from_slice(&crc32fast::hash(shard).to_be_bytes());
            out.extend_from_slice(&shard[..size.min(left)]);
        }
    }

    /// Takes the redundancy off: the data comes to lie at the front of `stored`, whose other bytes are then of no
    /// use. Damage is made good where there is any.
    ///
    /// # Errors
    /// [`Uncorrectable`], also for bytes that are no encoded item.
    pub fn decode(&self, stored: &mut [u8]) -> Result<Decoded, Uncorrectable> {
        let shape = self.parameters.of_stored(stored.len());
        let parts = Parts {
            bytes: &*stored,
            code: self.code(&shape),
            shape,
        };
        let damaged = parts.damaged();
        let mut repaired = Vec::new();
        for block in damaged.chunk_by(|left, right| parts.block_of(*left) == parts.block_of(*right))
        {
            repaired.extend(parts.repair(block)?);
        }
        let stored_data = parts.data_length();
        let (data_at, size) = (parts.data_at(), shape.size);

        let mut length = [0; LENGTH];
        let mut repaired_parts = repaired.iter().peekable();
        for number in 0..stored_data.div_ceil(size) {
            // The data is the stream of all shards; the length in front of it does not belong to the result.
            let stream = number * size..stored_data.min((number + 1) * size);
            let skipped = LENGTH.saturating_sub(stream.start).min(stream.len());
            let target = (stream.start + skipped).saturating_sub(LENGTH);
            if let Some((_, shard)) = repaired_parts.next_if(|(at, _)| *at == number) {
                let (before, data) = shard[..stream.len()].split_at(skipped);
                length[stream.start.min(LENGTH)..][..skipped].copy_from_slice(before);
                stored[target..][..data.len()].copy_from_slice(data);
            } else {
                let at = data_at + number * (CHECKSUM + size) + CHECKSUM;
                length[stream.start.min(LENGTH)..][..skipped]
                    .copy_from_slice(&stored[at..at + skipped]);
                stored.copy_within(at + skipped..at + stream.len(), target);
            }
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > stored_data.saturating_sub(LENGTH) || stored_data < LENGTH {
            return Err(Uncorrectable);
        }
        Ok(Decoded {
            length,
            repaired: repaired.len(),
        })
    }
}

/// An encoded item in its parts: the parity shards of all blocks, then the data shards of all blocks, each behind its
/// checksum. Zeros behind the last data are not stored in long items.
struct Parts<'a> {
    bytes: &'a [u8],
    code: &'a Code,
    shape: Shape,
}

impl Parts<'_> {
    fn part(&self) -> usize {
        CHECKSUM + self.shape.size
    }

    /// Where the data shards begin.
    fn data_at(&self) -> usize {
        self.shape.blocks * self.code.parity_shards() * self.part()
    }

    /// Bytes of all data shards that are stored, without their checksums.
    fn data_length(&self) -> usize {
        let stored = self.bytes.len().saturating_sub(self.data_at());
        let whole = stored / self.part() * self.shape.size;
        whole + (stored % self.part()).saturating_sub(CHECKSUM)
    }

    fn block_of(&self, number: usize) -> usize {
        number / self.code.data_shards()
    }

    /// Checksum and shard at an offset, which may be cut short.
    fn at(&self, offset: usize) -> Option<(&[u8; CHECKSUM], &[u8])> {
        let bytes = self.bytes.get(offset..)?;
        bytes[..bytes.len().min(self.part())].split_first_chunk()
    }

    fn is_good(&self, checksum: &[u8; CHECKSUM], shard: &[u8]) -> bool {
        let mut crc = crc32fast::Hasher::new();
        crc.update(shard);
        if shard.len() < self.shape.size {
            crc.update(&vec![0; self.shape.size - shard.len()]);
        }
        crc.finalize().to_be_bytes() == *checksum
    }

    /// Numbers of the stored data shards whose checksum is wrong.
    fn damaged(&self) -> Vec<usize> {
        let stored = self.data_length().div_ceil(self.shape.size);
        (0..stored)
            .filter(|number| {
                self.at(self.data_at() + number * self.part())
                    .is_none_or(|(checksum, shard)| !self.is_good(checksum, shard))
            })
            .collect()
    }

    /// The bytes of the damaged data shards of one block.
    fn repair(&self, damaged: &[usize]) -> Result<Vec<(usize, Vec<u8>)>, Uncorrectable> {
        let (size, data, parity) = (
            self.shape.size,
            self.code.data_shards(),
            self.code.parity_shards(),
        );
        let block = damaged.first().map_or(0, |first| self.block_of(*first));
        let first = block * data;
        let stored = self.data_length().div_ceil(size);
        let mut shards: Vec<Option<Vec<u8>>> = Vec::with_capacity(data + parity);
        for number in first..first + data {
            // Shards behind the last data are zeros that were not stored.
            let shard = if number >= stored {
                Some(vec![0; size])
            } else if damaged.contains(&number) {
                None
            } else {
                self.at(self.data_at() + number * self.part())
                    .map(|(_, shard)| {
                        let mut shard = shard.to_vec();
                        shard.resize(size, 0);
                        shard
                    })
            };
            shards.push(shard);
        }
        for number in 0..parity {
            let shard = self
                .at((block * parity + number) * self.part())
                .filter(|(checksum, shard)| shard.len() == size && self.is_good(checksum, shard));
            shards.push(shard.map(|(_, shard)| shard.to_vec()));
        }
        let shards: Vec<Option<&[u8]>> = shards.iter().map(Option::as_deref).collect();
        let found = self.code.reconstruct(&shards, size).ok_or(Uncorrectable)?;
        Ok(found
            .into_iter()
            .map(|(number, shard)| (first + number, shard))
            .collect())
    }
}
