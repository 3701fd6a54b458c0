//! Which of several entries for one content counts (format 1 §6.6).

use std::cmp::Ordering;

use super::ContentInfo;

/// Whether `a` wins over `b`: larger time, then live over deleted, then the larger pack name.
#[must_use]
pub fn supersedes(a: &ContentInfo, b: &ContentInfo) -> bool {
    let order = a
        .time
        .cmp(&b.time)
        .then_with(|| b.deleted.cmp(&a.deleted))
        .then_with(|| a.pack.as_str().cmp(b.pack.as_str()));
    order == Ordering::Greater
}
