//! The cyclic polynomial hash of 32 bits (format 1 §4).

use super::dynamic::RollingHash;
use super::table::TABLE;

/// A hash of 64 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buzhash(u32);

fn word(byte: u8) -> u32 {
    TABLE[usize::from(byte)]
}

impl RollingHash for Buzhash {
    fn of_window(window: &[u8]) -> Self {
        Self(
            window
                .iter()
                .fold(0, |hash: u32, &byte| hash.rotate_left(1) ^ word(byte)),
        )
    }

    fn roll(self, out: u8, byte: u8) -> Self {
        // The word of the byte that leaves was rotated 64 times, which is not at all for 32 bits.
        Self(self.0.rotate_left(1) ^ word(out) ^ word(byte))
    }

    fn is_zero(self, mask: u32) -> bool {
        self.0 & mask == 0
    }
}
