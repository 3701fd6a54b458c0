//! The Rabin-Karp hash of 64 bits (format 1 §4): the window as a polynomial over GF(2), modulo an irreducible one.

use super::dynamic::{RollingHash, WINDOW};

/// The modulus, one bit a coefficient.
const POLYNOMIAL: u64 = 0x002e_3e3e_4a30_5605;
/// Degree of the modulus; hashes stay below 2^53.
const DEGREE: u32 = 53;
/// The bits of a hash that the next shift by a byte moves over the degree.
const TOP: u32 = DEGREE - 8;

/// What the top byte of a hash adds once it was shifted over the degree: it goes and its remainder comes.
static REDUCE: [u64; 256] = reduce_table();
/// What a byte still adds to the hash when it is the oldest of the window.
static OLDEST: [u64; 256] = oldest_table();

/// `value * x` modulo the polynomial.
const fn times_x(value: u64) -> u64 {
    let shifted = value << 1;
    if shifted >> DEGREE == 0 {
        shifted
    } else {
        shifted ^ POLYNOMIAL
    }
}

/// `byte * power` modulo the polynomial, a power below the degree.
const fn times(byte: u64, power: u64) -> u64 {
    let (mut sum, mut factor, mut bit) = (0, power, 0);
    while bit < 8 {
        if byte >> bit & 1 == 1 {
            sum ^= factor;
        }
        factor = times_x(factor);
        bit += 1;
    }
    sum
}

const fn power_of_x(exponent: usize) -> u64 {
    let (mut power, mut i) = (1, 0);
    while i < exponent {
        power = times_x(power);
        i += 1;
    }
    power
}

const fn reduce_table() -> [u64; 256] {
    let x53 = power_of_x(DEGREE as usize);
    let (mut table, mut i) = ([0; 256], 0);
    while i < 256 {
        table[i] = times(i as u64, x53) ^ (i as u64) << DEGREE;
        i += 1;
    }
    table
}

const fn oldest_table() -> [u64; 256] {
    let power = power_of_x(8 * (WINDOW - 1));
    let (mut table, mut i) = ([0; 256], 0);
    while i < 256 {
        table[i] = times(i as u64, power);
        i += 1;
    }
    table
}

/// A hash of 64 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RabinKarp(u64);

impl RabinKarp {
    fn append(self, byte: u8) -> Self {
        Self((self.0 << 8 | u64::from(byte)) ^ REDUCE[(self.0 >> TOP) as usize & 0xff])
    }
}

impl RollingHash for RabinKarp {
    fn of_window(window: &[u8]) -> Self {
        window.iter().fold(Self(0), |hash, &byte| hash.append(byte))
    }

    fn roll(self, out: u8, byte: u8) -> Self {
        Self(self.0 ^ OLDEST[usize::from(out)]).append(byte)
    }

    fn is_zero(self, mask: u32) -> bool {
        self.0 & u64::from(mask) == 0
    }
}
