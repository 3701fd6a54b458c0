//! Inputs made out of other inputs; the same seed makes the same ones.

use crate::MAX_INPUT;

/// A small generator of pseudo-random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed; `name` keeps targets with the same seed apart.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        Self(name.bytes().fold(seed, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }
}

/// What parsers stumble over in the place of text.
const WORDS: &[&[u8]] = &[
    b"null",
    b"{}",
    b"[]",
    b"\"\"",
    b"-1",
    b"9223372036854775807",
    b"18446744073709551616",
    b"1e999",
    b"\"\\ud800\"",
    b"[[[[[[[[[[[[[[[[",
    b"{\"\":{\"\":{\"\":",
    b"\xff\xfe",
    b"0001-01-01T00:00:00Z",
    b"9999-12-31T23:59:60+24:00",
    b"\x00",
    b"IIIIIIII",
    b"**/",
];

/// One new input: a random one of `corpus` with one to four changes. `large` inputs have a piece repeated until they
/// are as long as an input may be.
#[must_use]
pub fn mutated(corpus: &[Vec<u8>], random: &mut Random, large: bool) -> Vec<u8> {
    let mut bytes = pick(corpus, random).to_vec();
    for _ in 0..=random.below(4) {
        change(&mut bytes, corpus, random);
    }
    if large {
        repeat(&mut bytes, random);
    }
    bytes.truncate(MAX_INPUT);
    bytes
}

fn pick<'a>(corpus: &'a [Vec<u8>], random: &mut Random) -> &'a [u8] {
    let at = random.below(corpus.len());
    corpus.get(at).map_or(&[], Vec::as_slice)
}

fn span(bytes: &[u8], random: &mut Random) -> std::ops::Range<usize> {
    let start = random.below(bytes.len() + 1);
    let length = match random.below(4) {
        0 => bytes.len(),
        1 => 256,
        _ => 16,
    };
    start..(start + random.below(length + 1)).min(bytes.len())
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    match random.below(9) {
        0 => {
            let at = random.below(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            let at = random.below(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.below(256) as u8;
            }
        }
        2 => bytes.truncate(random.below(bytes.len() + 1)),
        3 => drop(bytes.drain(span(bytes, random))),
        4 => {
            // A length, count or offset becomes nothing, everything, or one of both signs.
            let value = [0x00, 0xff, 0x7f, 0x80][random.below(4)];
            let width = [1, 2, 3, 4, 8][random.below(5)];
            let start = random.below(bytes.len() + 1);
            let end = (start + width).min(bytes.len());
            bytes[start..end].fill(value);
        }
        5 => {
            let from = pick(corpus, random);
            let piece = from[span(from, random)].to_vec();
            let place = span(bytes, random);
            bytes.splice(place, piece);
        }
        6 => {
            let word = WORDS[random.below(WORDS.len())];
            let place = span(bytes, random);
            bytes.splice(place, word.iter().copied());
        }
        7 => {
            let piece = bytes[span(bytes, random)].to_vec();
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, piece);
        }
        _ => {
            // Digits of a number in text.
            let digits: Vec<usize> = (0..bytes.len())
                .filter(|at| bytes[*at].is_ascii_digit())
                .collect();
            if let Some(at) = digits.get(random.below(digits.len())) {
                let number: &[u8] =
                    [&b"0"[..], b"4294967296", b"9223372036854775807", b"-1"][random.below(4)];
                bytes.splice(*at..*at + 1, number.iter().copied());
            }
        }
    }
}

fn repeat(bytes: &mut Vec<u8>, random: &mut Random) {
    let piece = bytes[span(bytes, random)].to_vec();
    if piece.is_empty() || bytes.len() >= MAX_INPUT {
        return;
    }
    let times = (MAX_INPUT - bytes.len()) / piece.len();
    let at = random.below(bytes.len() + 1);
    let rest = bytes.split_off(at);
    bytes.extend_from_slice(&piece.repeat(times));
    bytes.extend_from_slice(&rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs_within_the_limit() {
        let corpus = vec![b"{\"size\":12}".to_vec(), vec![7; 300], Vec::new()];
        let inputs = |seed| {
            let mut random = Random::new(seed, "name");
            (0..200)
                .map(|number| mutated(&corpus, &mut random, number % 50 == 0))
                .collect::<Vec<_>>()
        };
        let first = inputs(1);
        assert_eq!(first, inputs(1));
        assert_ne!(first, inputs(2));
        assert!(first.iter().all(|bytes| bytes.len() <= MAX_INPUT));
        assert!(first.iter().any(|bytes| bytes.len() > MAX_INPUT / 2));
    }
}
