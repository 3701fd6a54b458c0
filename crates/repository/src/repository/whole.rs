//! Whether a content can be read, with all that it stands for.

use super::Repository;
use crate::content_id::ContentId;
use crate::error::Result;
use crate::object::{INDEX_PREFIX, decode_indirect};

impl Repository {
    /// Whether a content, deleted or not, can be read, and likewise every part that it names if it is a list of parts.
    ///
    /// # Errors
    /// Of the store and the index, when they cannot be used.
    pub(crate) fn is_whole(&self, id: &ContentId) -> Result<bool> {
        let mut pending = vec![*id];
        while let Some(id) = pending.pop() {
            let data = match self.read_content(&id) {
                Ok(data) => data,
                Err(error) if error.is_damage() => return Ok(false),
                Err(error) => return Err(error),
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
