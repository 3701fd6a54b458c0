//! Fuzz targets: one for each parser of bytes that come from outside.
//!
//! A [`Target`] takes any bytes. It fails by panicking, by holding more than [`MAX_MEMORY`], or by taking longer than
//! [`MAX_TIME`] on up to [`MAX_INPUT`] bytes. Where a format can be written too, the target also checks that what was
//! read comes out again. [`mutate`] makes new inputs out of those in `corpus/<target>/`; `tests/replay.rs` runs them.

pub mod mutate;
mod targets;

use std::time::Duration;

pub use targets::TARGETS;

/// Longest input, bytes.
pub const MAX_INPUT: usize = 1 << 20;
/// What a target may hold at most beyond its input, bytes.
pub const MAX_MEMORY: usize = 64 << 20;
/// What a target may take.
pub const MAX_TIME: Duration = Duration::from_secs(10);

/// A parser under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name, also that of its folder in `corpus/`.
    pub name: &'static str,
    /// Feeds it; panics when a property does not hold.
    pub run: fn(&[u8]),
    /// Inputs of full length that are made instead of stored: what hurts by its number.
    pub floods: &'static [Flood],
}

/// A beginning, a unit repeated as often as fits, and an end.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// Stands once in front.
    pub head: &'static [u8],
    /// Is repeated.
    pub unit: &'static [u8],
    /// Stands once behind.
    pub tail: &'static [u8],
}

impl Flood {
    /// A flood from texts.
    pub(crate) const fn new(head: &'static str, unit: &'static str, tail: &'static str) -> Self {
        Self {
            head: head.as_bytes(),
            unit: unit.as_bytes(),
            tail: tail.as_bytes(),
        }
    }

    /// The bytes, at most [`MAX_INPUT`].
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let room = MAX_INPUT.saturating_sub(self.head.len() + self.tail.len());
        let times = room / self.unit.len().max(1);
        [self.head, &self.unit.repeat(times), self.tail].concat()
    }
}
