//! The contents of objects, and reading them whole (format 2 §1.5).

use std::collections::HashSet;

use bytes::Bytes;

use super::{IndirectEntry, ObjectId, decode_indirect, is_contiguous};
use crate::compress::decompress_object;
use crate::directory::{self, Directory};
use crate::repository::Repository;
use crate::{ContentId, Error, Result};

/// One content of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectPart {
    /// Offset in the object, bytes.
    pub start: u64,
    /// Length of the part, bytes.
    pub length: u64,
    /// The content that holds it.
    pub content: ContentId,
    /// Whether the content is the compressed form of the part.
    pub compressed: bool,
}

impl ObjectPart {
    /// The offset behind the part.
    fn end(&self) -> u64 {
        self.start.saturating_add(self.length)
    }
}

/// Levels of indexes that are followed below an object.
const MAX_LEVELS: usize = 24;
/// An index larger than this is refused, bytes. It lists parts of more than 50 TB.
const MAX_INDEX: u64 = 1 << 30;

impl Repository {
    /// The contents that make up an object, in order. Parts of length 0 are left out, unless the object is empty.
    ///
    /// # Errors
    /// [`Error::ContentMissing`] for a content without index entry, [`Error::Damaged`] naming the object when its
    /// index cannot be read, and those of reading contents.
    pub fn object_parts(&self, id: &ObjectId) -> Result<Vec<ObjectPart>> {
        let mut parts = Vec::new();
        self.collect_parts(id, 0, None, 0, &mut HashSet::new(), &mut parts)?;
        if parts.len() > 1 {
            parts.retain(|part| part.length > 0);
        }
        Ok(parts)
    }

    fn collect_parts(
        &self,
        id: &ObjectId,
        start: u64,
        expected: Option<u64>,
        level: usize,
        nested: &mut HashSet<ObjectId>,
        parts: &mut Vec<ObjectPart>,
    ) -> Result<()> {
        if level > MAX_LEVELS {
            return Err(damaged(id, "its indexes are nested too deeply"));
        }
        let Some(index) = id.index_object() else {
            let length = match expected {
                Some(length) => length,
                None => self.chunk_length(id)?,
            };
            parts.push(ObjectPart {
                start,
                length,
                content: id.content(),
                compressed: id.is_compressed(),
            });
            return Ok(());
        };
        for entry in self.read_index(id, &index, level)? {
            once(id, &entry.object, nested)?;
            let start = start
                .checked_add(entry.start)
                .ok_or_else(|| damaged(id, "its parts lie beyond all offsets"))?;
            let length = Some(entry.length);
            self.collect_parts(&entry.object, start, length, level + 1, nested, parts)?;
        }
        Ok(())
    }

    /// The entries of an indirect object, as they stand in its index object.
    ///
    /// # Errors
    /// As [`Self::object_parts`].
    pub fn object_index(&self, id: &ObjectId) -> Result<Option<Vec<IndirectEntry>>> {
        id.index_object()
            .map(|index| self.read_index(id, &index, 0))
            .transpose()
    }

    fn read_index(
        &self,
        id: &ObjectId,
        index: &ObjectId,
        level: usize,
    ) -> Result<Vec<IndirectEntry>> {
        let text = self.read_whole(index, level + 1)?;
        let entries = decode_indirect(&text).map_err(|error| damaged(id, error))?;
        // Whoever puts the parts together would read zeros where something is missing.
        if !is_contiguous(&entries) {
            return Err(damaged(id, "the list of its parts has gaps or overlaps"));
        }
        Ok(entries)
    }

    fn read_whole(&self, id: &ObjectId, level: usize) -> Result<Bytes> {
        if !id.is_indirect() {
            return self.read_chunk(id);
        }
        let mut parts = Vec::new();
        self.collect_parts(id, 0, None, level, &mut HashSet::new(), &mut parts)?;
        let length = parts.last().map_or(0, ObjectPart::end);
        if length > MAX_INDEX {
            return Err(damaged(id, "it is too large to be read at once"));
        }
        let mut whole = Vec::with_capacity(length as usize);
        for part in &parts {
            whole.extend_from_slice(&self.read_part(id, part)?);
        }
        Ok(whole.into())
    }

    /// The bytes of one part of the object `id`.
    pub(crate) fn read_part(&self, id: &ObjectId, part: &ObjectPart) -> Result<Bytes> {
        let bytes = match part.compressed {
            true => self.read_chunk(&ObjectId::compressed(part.content))?,
            false => self.read_content(&part.content)?,
        };
        if bytes.len() as u64 != part.length {
            let reason = format!(
                "content {} has {} bytes, its index says {}",
                part.content,
                bytes.len(),
                part.length
            );
            return Err(damaged(id, reason));
        }
        Ok(bytes)
    }

    /// The data of a direct object.
    fn read_chunk(&self, id: &ObjectId) -> Result<Bytes> {
        let content = self.read_content(&id.content())?;
        if !id.is_compressed() {
            return Ok(content);
        }
        let mut data = Vec::new();
        decompress_object(&format_args!("object {id}"), &content, &mut data)?;
        Ok(data.into())
    }

    /// Length of a direct object. A compressed one has to be read for that.
    fn chunk_length(&self, id: &ObjectId) -> Result<u64> {
        if id.is_compressed() {
            return Ok(self.read_chunk(id)?.len() as u64);
        }
        let content = id.content();
        let info = self
            .content_info(&content)?
            .ok_or(Error::ContentMissing { id: content })?;
        Ok(u64::from(info.original_length))
    }

    /// A whole object in memory, for what is small by nature: directories, symlinks, indexes.
    ///
    /// # Errors
    /// As [`Self::object_parts`], and [`Error::Damaged`] for an object above 1 GiB.
    pub fn read_object(&self, id: &ObjectId) -> Result<Bytes> {
        self.read_whole(id, 0)
    }

    /// The length of an object, bytes.
    ///
    /// # Errors
    /// As [`Self::object_parts`].
    pub fn object_length(&self, id: &ObjectId) -> Result<u64> {
        Ok(self.object_parts(id)?.last().map_or(0, ObjectPart::end))
    }

    /// A directory object.
    ///
    /// # Errors
    /// As [`Self::read_object`], and [`Error::Damaged`] naming the object when it is no directory stream.
    pub fn read_directory(&self, id: &ObjectId) -> Result<Directory> {
        let text = self.read_object(id)?;
        directory::decode(&text).map_err(|error| damaged(id, error))
    }

    /// Calls `each` for every content that the object stands on: its parts and those of its index objects
    /// (format 2 §1.5 "backing contents"). Repeated parts are repeated.
    ///
    /// # Errors
    /// As [`Self::object_parts`], and what `each` returns.
    pub fn for_each_object_content(
        &self,
        id: &ObjectId,
        each: &mut dyn FnMut(ContentId) -> Result<()>,
    ) -> Result<()> {
        self.visit_contents(id, 0, &mut HashSet::new(), each)
    }

    fn visit_contents(
        &self,
        id: &ObjectId,
        level: usize,
        nested: &mut HashSet<ObjectId>,
        each: &mut dyn FnMut(ContentId) -> Result<()>,
    ) -> Result<()> {
        if level > MAX_LEVELS {
            return Err(damaged(id, "its indexes are nested too deeply"));
        }
        let Some(index) = id.index_object() else {
            return each(id.content());
        };
        self.visit_contents(&index, level + 1, nested, each)?;
        for entry in self.read_index(id, &index, level)? {
            once(id, &entry.object, nested)?;
            self.visit_contents(&entry.object, level + 1, nested, each)?;
        }
        Ok(())
    }
}

/// Refuses an index that is listed twice below an object. No client lists indexes in indexes at all; where they could
/// repeat, few of them would make an object of endless parts.
fn once(id: &ObjectId, part: &ObjectId, nested: &mut HashSet<ObjectId>) -> Result<()> {
    if part.is_indirect() && !nested.insert(*part) {
        return Err(damaged(id, format_args!("it lists the index {part} twice")));
    }
    Ok(())
}

fn damaged(id: &ObjectId, reason: impl std::fmt::Display) -> Error {
    Error::damaged(format_args!("object {id}"), reason)
}
