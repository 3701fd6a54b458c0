//! Whether a file is compressed (format 2 §7.6).

use super::Compression;

/// The compressor for a file of this name and size in bytes, `None` for no compression.
///
/// The extension lists are searched as sorted lists, as the reference implementation does, so that both decide
/// alike for a list that was stored unsorted.
pub fn compressor_for<'p>(policy: &'p Compression, name: &str, size: u64) -> Option<&'p str> {
    let compressor = policy.compressor_name.as_str();
    if matches!(compressor, "" | "none") {
        return None;
    }
    let limit = |value: i64| u64::try_from(value).ok().filter(|value| *value > 0);
    if limit(policy.min_size).is_some_and(|least| size < least)
        || limit(policy.max_size).is_some_and(|most| size > most)
    {
        return None;
    }
    let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
    if sorted_contains(&policy.only_compress, extension) {
        return Some(compressor);
    }
    (!sorted_contains(&policy.never_compress, extension)).then_some(compressor)
}

/// The first position whose value is not smaller, then one comparison.
fn sorted_contains(list: &[String], value: &str) -> bool {
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = (low + high) / 2;
        if list[middle].as_str() < value {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    list.get(low).is_some_and(|found| found == value)
}
