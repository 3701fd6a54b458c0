//! The systematic Reed-Solomon code (format 1 §3.5).
//!
//! The coding matrix of the format is a Vandermonde matrix `V[r][c] = r^c` times the inverse of its top square. So
//! shard `r` holds, byte by byte, the value at `r` of the one polynomial of degree below `d` that takes the data
//! shards as its values at `0..d`. Every missing shard follows from any `d` others by Lagrange interpolation.

use super::field::{add_multiple, inverse, product};

/// A code with some number of data shards and of parity shards, together at most 256.
#[derive(Debug)]
pub(super) struct Code {
    data: usize,
    /// For each parity shard the factors of all data shards.
    parity: Vec<Vec<u8>>,
}

/// Points at which the polynomial is known.
struct Points {
    points: Vec<u8>,
    /// For each point the inverse of the product of its differences to all others.
    weights: Vec<u8>,
}

impl Points {
    fn new(points: Vec<u8>) -> Self {
        // Differences are sums in this field.
        let weight = |point: &u8| {
            let others = points.iter().filter(|other| *other != point);
            inverse(others.fold(1, |all, other| product(all, point ^ other)))
        };
        let weights = points.iter().map(weight).collect();
        Self { points, weights }
    }

    /// The factors with which the values at the points give the value at `wanted`, which is none of them.
    fn factors(&self, wanted: u8) -> Vec<u8> {
        let points = self.points.iter();
        let all = points.fold(1, |all, point| product(all, wanted ^ point));
        let each = self.points.iter().zip(&self.weights);
        each.map(|(point, weight)| product(all, product(*weight, inverse(wanted ^ point))))
            .collect()
    }
}

impl Code {
    pub(super) fn new(data: usize, parity: usize) -> Self {
        assert!(
            data >= 1 && data + parity <= 256,
            "shards are numbered by bytes"
        );
        let points = Points::new((0..data).map(|point| point as u8).collect());
        let rows = data..data + parity;
        Self {
            data,
            parity: rows.map(|row| points.factors(row as u8)).collect(),
        }
    }

    pub(super) fn data_shards(&self) -> usize {
        self.data
    }

    pub(super) fn parity_shards(&self) -> usize {
        self.parity.len()
    }

    /// Computes the parity shards of one block of data shards, each `size` bytes, one behind the other in both.
    /// `parity` is zero before.
    pub(super) fn encode(&self, block: &[u8], size: usize, parity: &mut [u8]) {
        for (number, shard) in block.chunks_exact(size).enumerate() {
            for (target, factors) in parity.chunks_exact_mut(size).zip(&self.parity) {
                add_multiple(target, shard, factors[number]);
            }
        }
    }

    /// Finds the data shards that are missing. `shards` holds all data shards, then all parity shards, each `size`
    /// bytes long, a damaged one as none. Returns number and bytes of each missing data shard, or nothing when too
    /// few shards are left.
    pub(super) fn reconstruct(
        &self,
        shards: &[Option<&[u8]>],
        size: usize,
    ) -> Option<Vec<(usize, Vec<u8>)>> {
        let known: Vec<(u8, &[u8])> = shards
            .iter()
            .enumerate()
            .filter_map(|(number, shard)| shard.map(|shard| (number as u8, shard)))
            .take(self.data)
            .collect();
        if known.len() < self.data {
            return None;
        }
        let points = Points::new(known.iter().map(|(point, _)| *point).collect());
        let missing = (0..self.data).filter(|number| shards[*number].is_none());
        let found = missing.map(|number| {
            let mut shard = vec![0; size];
            for (factor, (_, known)) in points.factors(number as u8).iter().zip(&known) {
                add_multiple(&mut shard, known, *factor);
            }
            (number, shard)
        });
        Some(found.collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn as_many_shards_as_there_is_parity_may_be_lost(
            data in 1usize..40,
            parity in 1usize..20,
            size in 1usize..20,
            seed in any::<u64>(),
            lost in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
        ) {
            let code = Code::new(data, parity);
            let block: Vec<u8> = (0..data * size).map(|i| (seed.rotate_left(i as u32) ^ i as u64) as u8).collect();
            let mut check = vec![0; parity * size];
            code.encode(&block, size, &mut check);
            let mut shards: Vec<Option<&[u8]>> = block.chunks(size).chain(check.chunks(size)).map(Some).collect();
            for index in &lost {
                *index.get_mut(&mut shards) = None;
            }
            let count = shards.iter().filter(|shard| shard.is_none()).count();
            let found = code.reconstruct(&shards, size);
            prop_assert_eq!(found.is_some(), count <= parity);
            for (number, shard) in found.unwrap_or_default() {
                prop_assert!(shards[number].is_none());
                prop_assert_eq!(shard, &block[number * size..][..size]);
            }
        }
    }
}
