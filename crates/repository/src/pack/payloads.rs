//! Reading many contents of one pack.

use holdfast_storage::BlobId;

use crate::index::ContentInfo;
use crate::repository::Repository;
use crate::{Error, Result};

/// How much of a pack is read at once, bytes.
const WINDOW: usize = 4 << 20;

/// Reads contents of one pack of `length` bytes, which are sorted by offset, and compares each with its id. `each` is told
/// how that ended; what it fails with ends the reading.
///
/// # Errors
/// What `each` fails with.
pub(crate) fn read_payloads(
    repository: &Repository,
    pack: &BlobId,
    length: u64,
    contents: &[ContentInfo],
    each: &mut dyn FnMut(&ContentInfo, Result<()>) -> Result<()>,
) -> Result<()> {
    let (mut window, mut window_at): (Vec<u8>, u64) = (Vec::new(), 0);
    let mut scratch = Vec::new();
    for info in contents {
        let damaged = |reason: &dyn std::fmt::Display| {
            Error::damaged(format_args!("content {} in pack {pack}", info.id), reason)
        };
        let (start, size) = (u64::from(info.offset), info.packed_length as usize);
        let end = start + size as u64;
        if end > length {
            let reason = format!("it ends at {end}, the pack at {length}");
            each(info, Err(damaged(&reason)))?;
            continue;
        }
        if start < window_at || end > window_at + window.len() as u64 {
            let most = usize::try_from(length - start).unwrap_or(usize::MAX);
            window.resize(size.max(WINDOW).min(most), 0);
            window_at = start;
            if let Err(error) = repository.store().get_range(pack, start, &mut window) {
                window.clear();
                each(info, Err(error.into()))?;
                continue;
            }
        }
        let at = (start - window_at) as usize;
        let read = repository
            .open_payload(info, &mut window[at..at + size], &mut scratch)
            .and_then(|data| {
                match repository.hasher().content_id(info.id.prefix(), data) == info.id {
                    true => Ok(()),
                    false => Err(damaged(&"its hash is another one")),
                }
            });
        each(info, read)?;
    }
    Ok(())
}
