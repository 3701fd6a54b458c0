//! Large contents hashed side by side while they are read (one state per lane).

use blake2b_simd::many;
use hmac::Hmac;
use hmac::Mac as _;
use sha2::{Sha224, Sha256};

use super::{HashOutput, Hasher, Keyed};
use crate::content_id::ContentId;

/// A hash under way.
#[derive(Clone)]
pub struct HashState(State);

#[derive(Clone)]
enum State {
    Blake2b(Box<blake2b_simd::State>),
    HmacSha256(Box<Hmac<Sha256>>),
    HmacSha224(Box<Hmac<Sha224>>),
}

impl std::fmt::Debug for HashState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashState(redacted)")
    }
}

impl Hasher {
    /// How many lanes hash side by side at full speed on this processor (1, 2 or 4).
    #[must_use]
    pub fn lanes(&self) -> usize {
        match self.keyed {
            Keyed::Blake2b(_) => many::degree(),
            Keyed::HmacSha256(_) | Keyed::HmacSha224(_) => 1,
        }
    }

    /// Starts the hash of one content.
    #[must_use]
    pub fn start(&self) -> HashState {
        HashState(match &self.keyed {
            Keyed::Blake2b(parameters) => State::Blake2b(Box::new(parameters.to_state())),
            Keyed::HmacSha256(keyed) => State::HmacSha256(keyed.clone()),
            Keyed::HmacSha224(keyed) => State::HmacSha224(keyed.clone()),
        })
    }

    /// Feeds each lane its next bytes, all lanes side by side. Fastest when all pieces have the same length,
    /// a multiple of 128 bytes.
    ///
    /// All states must come from [`Hasher::start`] of this hasher.
    pub fn update_lanes<'a>(&self, lanes: impl IntoIterator<Item = (&'a mut HashState, &'a [u8])>) {
        let mut wide = Vec::with_capacity(8);
        for (state, data) in lanes {
            match &mut state.0 {
                State::Blake2b(state) => wide.push((state.as_mut(), data)),
                State::HmacSha256(mac) => mac.update(data),
                State::HmacSha224(mac) => mac.update(data),
            }
        }
        many::update_many(wide.iter_mut().map(|(state, data)| (&mut **state, *data)));
    }

    /// Finishes a lane.
    #[must_use]
    pub fn finish(&self, state: &HashState) -> HashOutput {
        let length = self.algorithm.length();
        match &state.0 {
            State::Blake2b(state) => HashOutput::new(state.finalize().as_bytes(), length),
            State::HmacSha256(mac) => {
                HashOutput::new(&mac.as_ref().clone().finalize().into_bytes(), length)
            }
            State::HmacSha224(mac) => {
                HashOutput::new(&mac.as_ref().clone().finalize().into_bytes(), length)
            }
        }
    }

    /// Finishes a lane as a content id; `prefix` must be a letter `g`..`z`.
    ///
    /// # Panics
    /// When the prefix is no such letter.
    #[must_use]
    pub fn finish_id(&self, state: &HashState, prefix: Option<u8>) -> ContentId {
        super::check_prefix(prefix);
        self.finish(state).content_id(prefix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::HashAlgorithm;
    use super::*;

    proptest! {
        #[test]
        fn lanes_and_batches_agree_with_single_hashing(
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2000), 1..9),
            step in 1usize..700,
            algorithm in proptest::sample::select(vec![HashAlgorithm::Blake2b256, HashAlgorithm::Blake2b256_128, HashAlgorithm::HmacSha224, HashAlgorithm::HmacSha256]),
        ) {
            let hasher = Hasher::new(algorithm, b"a secret of the repository......").unwrap();
            let single: Vec<ContentId> = contents.iter().map(|c| hasher.content_id(Some(b'k'), c)).collect();
            let items: Vec<(Option<u8>, &[u8])> = contents.iter().map(|c| (Some(b'k'), c.as_slice())).collect();
            prop_assert_eq!(&hasher.hash_many(&items), &single);

            let mut states: Vec<HashState> = contents.iter().map(|_| hasher.start()).collect();
            let longest = contents.iter().map(Vec::len).max().unwrap_or(0);
            let mut offset = 0;
            while offset < longest {
                hasher.update_lanes(states.iter_mut().zip(&contents).map(|(state, content)| {
                    let rest = content.get(offset..).unwrap_or_default();
                    (state, &rest[..rest.len().min(step)])
                }));
                offset += step;
            }
            let in_lanes: Vec<ContentId> = states.iter().map(|s| hasher.finish_id(s, Some(b'k'))).collect();
            prop_assert_eq!(&in_lanes, &single);
        }
    }
}
