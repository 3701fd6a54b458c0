//! Whether a content can be read, with all that it stands for.

use super::Repository;
use crate::content_id::ContentId;
use crate::error::Result;
use crate::object::{INDEX_PREFIX, decode_indirect};

/// What a read gives, or why it is lost, after two attempts: what was garbled on its way is not damaged where it lies, and
/// a transfer that broke off proves nothing.
///
/// # Errors
/// Whatever does not prove that it is lost.
pub(crate) fn read_or_loss<T>(mut read: impl FnMut() -> Result<T>) -> Result<Result<T, String>> {
    match read() {
        Ok(value) => return Ok(Ok(value)),
        Err(error) if error.proves_loss() => {}
        Err(error) => return Err(error),
    }
    match read() {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.proves_loss() => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

impl Repository {
    /// Whether a content, deleted or not, can be read, and likewise every part that it names if it is a list of parts.
    ///
    /// # Errors
    /// Of the store and the index, when they cannot be used, a transfer that broke off included.
    pub(crate) fn is_whole(&self, id: &ContentId) -> Result<bool> {
        let mut pending = vec![*id];
        while let Some(id) = pending.pop() {
            let Ok(data) = read_or_loss(|| self.read_content(&id))? else {
                return Ok(false);
            };
            if id.prefix() == Some(INDEX_PREFIX)
                && let Ok(parts) = decode_indirect(&data)
            {
                pending.extend(parts.iter().map(|part| part.object.content()));
            }
        }
        Ok(true)
    }
}
