//! Finding a key among the sorted rows of an index.

use std::cmp::Ordering;

/// Steps in which the place is guessed from the key. Each brings the guess closer by about a square root, so that after
/// three of them it is a few rows off even among millions.
const GUESSES: usize = 3;
/// Fewer rows are searched by halving at once.
const FEW: usize = 32;

/// Sorted rows of equal length, of which each begins with a key: one byte for the prefix and a hash.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    bytes: &'a [u8],
    stride: usize,
}

impl<'a> Rows<'a> {
    /// The rows in `bytes`; `stride` is their length, at least that of a key.
    pub(super) fn new(bytes: &'a [u8], stride: usize) -> Self {
        Self { bytes, stride }
    }

    fn len(self) -> usize {
        self.bytes.len() / self.stride
    }

    /// One row.
    pub(super) fn row(self, number: usize) -> &'a [u8] {
        &self.bytes[number * self.stride..(number + 1) * self.stride]
    }

    fn compare(self, number: usize, key: &[u8]) -> Ordering {
        self.row(number)[..key.len()].cmp(key)
    }

    /// The number of the row of `key`. Halving touches the memory all over; hashes are as good as random, so that their
    /// first bytes say nearly where they are. Keys that are not still cost no more than some steps above halving.
    pub(super) fn find(self, key: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        let Some(value) = leading(key).filter(|_| high > FEW) else {
            return self.halve(key, low, high);
        };
        let (mut least, mut most) = (0, u64::MAX);
        let mut last = Ordering::Equal;
        for _ in 0..GUESSES {
            if high - low <= FEW || value < least || value > most {
                break;
            }
            let share = u128::from(value - least) * (high - low) as u128;
            let guess = low + (share / (u128::from(most - least) + 1)) as usize;
            last = self.compare(guess, key);
            let found = leading(self.row(guess)).unwrap_or(0);
            match last {
                Ordering::Equal => return Some(guess),
                Ordering::Less => (low, least) = (guess + 1, found),
                Ordering::Greater => (high, most) = (guess, found),
            }
        }
        // The key is near the end of the stretch that was moved last.
        let mut step = FEW / 4;
        match last {
            Ordering::Less => {
                while high - low > step {
                    match self.compare(low + step, key) {
                        Ordering::Equal => return Some(low + step),
                        Ordering::Less => low += step + 1,
                        Ordering::Greater => high = low + step,
                    }
                    step *= 2;
                }
            }
            Ordering::Greater => {
                while high - low > step {
                    match self.compare(high - step, key) {
                        Ordering::Equal => return Some(high - step),
                        Ordering::Greater => high -= step,
                        Ordering::Less => low = high - step + 1,
                    }
                    step *= 2;
                }
            }
            Ordering::Equal => {}
        }
        self.halve(key, low, high)
    }

    fn halve(self, key: &[u8], mut low: usize, mut high: usize) -> Option<usize> {
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.compare(middle, key) {
                Ordering::Equal => return Some(middle),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }
}

/// The first eight bytes of the hash of a key, as a number.
fn leading(key: &[u8]) -> Option<u64> {
    let hash = key.get(1..)?.first_chunk()?;
    Some(u64::from_be_bytes(*hash))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rows with some bytes behind each key.
    fn rows(keys: &[Vec<u8>]) -> Vec<u8> {
        keys.iter()
            .flat_map(|key| key.iter().copied().chain([0xee; 3]))
            .collect()
    }

    fn check(mut keys: Vec<Vec<u8>>, absent: &[Vec<u8>]) {
        keys.sort();
        keys.dedup();
        let bytes = rows(&keys);
        let length = keys.first().map_or(17, Vec::len);
        let rows = Rows::new(&bytes, length + 3);
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(rows.find(key), Some(number));
        }
        for key in absent {
            let expected = keys.binary_search(key).ok();
            assert_eq!(rows.find(key), expected, "{key:?}");
        }
    }

    /// A prefix, then bytes of which many are equal where `skew` is large.
    fn key(length: usize, skew: u8) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), length - 1).prop_map(move |hash| {
            let mut key = vec![if hash[0] < 40 { b'k' } else { 0 }];
            key.extend(hash.iter().map(|byte| match byte < &skew {
                true => 0,
                false => *byte,
            }));
            key
        })
    }

    /// Keys that are there and keys of which most are not.
    fn keys() -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<Vec<u8>>)> {
        let length = prop_oneof![Just(2usize), Just(8), Just(9), Just(17), Just(33)];
        let skew = prop_oneof![Just(0u8), Just(128), Just(250), Just(255)];
        (length, skew).prop_flat_map(|(length, skew)| {
            let some = |most| proptest::collection::vec(key(length, skew), 0..most);
            (some(2000), some(300))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_row_is_found_and_nothing_else((present, absent) in keys()) {
            check(present, &absent);
        }
    }

    #[test]
    fn ends_and_empty_rows() {
        check(Vec::new(), &[vec![0; 17]]);
        let keys: Vec<Vec<u8>> = (0..=255u8)
            .map(|first| {
                let mut key = vec![0; 17];
                key[1] = first;
                key
            })
            .collect();
        check(keys, &[vec![255; 17], vec![0; 17]]);
        let mut high = vec![0xff; 17];
        high[0] = 0;
        check(vec![high.clone(); 1], &[high]);
    }
}
