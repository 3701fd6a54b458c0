//! How many threads work.

use std::num::NonZeroUsize;

/// As many as were asked for, else one for each processor.
pub(crate) fn workers(asked_for: Option<NonZeroUsize>) -> usize {
    asked_for
        .or_else(|| std::thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get)
}
