//! Large contents hashed side by side while they are read (one state per lane).

use blake2b_simd::many;
use hmac::Mac as _;
use hmac::{Hmac, SimpleHmac};
use sha2::{Sha224, Sha256};
use sha3::{Sha3_224, Sha3_256};

use super::{HashOutput, Hasher, Keyed};
use crate::content_id::ContentId;

/// A hash under way.
#[derive(Clone)]
pub struct HashState(State);

#[derive(Clone)]
enum State {
    Blake2b(Box<blake2b_simd::State>),
    Blake2s(Box<blake2s_simd::State>),
    Blake3(Box<blake3::Hasher>),
    HmacSha224(Box<Hmac<Sha224>>),
    HmacSha256(Box<Hmac<Sha256>>),
    HmacSha3_224(Box<SimpleHmac<Sha3_224>>),
    HmacSha3_256(Box<SimpleHmac<Sha3_256>>),
}

impl std::fmt::Debug for HashState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashState(redacted)")
    }
}

impl HashState {
    /// Feeds the next bytes of the content.
    pub(super) fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

impl State {
    fn update(&mut self, data: &[u8]) {
        match self {
            Self::Blake2b(state) => {
                state.update(data);
            }
            Self::Blake2s(state) => {
                state.update(data);
            }
            Self::Blake3(state) => {
                state.update(data);
            }
            Self::HmacSha224(mac) => mac.update(data),
            Self::HmacSha256(mac) => mac.update(data),
            Self::HmacSha3_224(mac) => mac.update(data),
            Self::HmacSha3_256(mac) => mac.update(data),
        }
    }
}

impl Hasher {
    /// How many lanes hash side by side at full speed on this processor (1, 2 or 4).
    #[must_use]
    pub fn lanes(&self) -> usize {
        match self.keyed {
            Keyed::Blake2b(_) => many::degree(),
            _ => 1,
        }
    }

    /// Starts the hash of one content.
    #[must_use]
    pub fn start(&self) -> HashState {
        HashState(match &self.keyed {
            Keyed::Blake2b(parameters) => State::Blake2b(Box::new(parameters.to_state())),
            Keyed::Blake2s(parameters) => State::Blake2s(Box::new(parameters.to_state())),
            Keyed::Blake3(keyed) => State::Blake3(keyed.clone()),
            Keyed::HmacSha224(keyed) => State::HmacSha224(keyed.clone()),
            Keyed::HmacSha256(keyed) => State::HmacSha256(keyed.clone()),
            Keyed::HmacSha3_224(keyed) => State::HmacSha3_224(keyed.clone()),
            Keyed::HmacSha3_256(keyed) => State::HmacSha3_256(keyed.clone()),
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
                other => other.update(data),
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
            State::Blake2s(state) => HashOutput::new(state.finalize().as_bytes(), length),
            State::Blake3(state) => HashOutput::new(state.finalize().as_bytes(), length),
            State::HmacSha224(mac) => of_mac(mac.as_ref(), length),
            State::HmacSha256(mac) => of_mac(mac.as_ref(), length),
            State::HmacSha3_224(mac) => of_mac(mac.as_ref(), length),
            State::HmacSha3_256(mac) => of_mac(mac.as_ref(), length),
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

fn of_mac<M: hmac::Mac + Clone>(mac: &M, length: usize) -> HashOutput {
    HashOutput::new(&mac.clone().finalize().into_bytes(), length)
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
            algorithm in proptest::sample::select(HashAlgorithm::ALL.to_vec()),
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
