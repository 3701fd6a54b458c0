//! Reading an object as a stream with any order of positions.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;

use super::{ObjectId, ObjectPart};
use crate::Result;
use crate::repository::Repository;

/// A reader of one object. It holds one content at a time; clones read independently.
#[derive(Debug, Clone)]
pub struct ObjectReader {
    repository: Arc<Repository>,
    id: ObjectId,
    parts: Arc<[ObjectPart]>,
    length: u64,
    position: u64,
    /// The part read last and its bytes.
    current: Option<(usize, Bytes)>,
}

impl Repository {
    /// Opens an object for reading. The index of an indirect object is read here, its data later.
    ///
    /// # Errors
    /// As [`Self::object_parts`].
    pub fn object_reader(self: &Arc<Self>, id: &ObjectId) -> Result<ObjectReader> {
        let parts: Arc<[ObjectPart]> = self.object_parts(id)?.into();
        let length = parts.last().map_or(0, |part| part.start + part.length);
        Ok(ObjectReader {
            repository: self.clone(),
            id: *id,
            parts,
            length,
            position: 0,
            current: None,
        })
    }
}

impl ObjectReader {
    /// The length of the object, bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The next bytes up to the end of their part; empty at the end of the object.
    ///
    /// # Errors
    /// Those of reading contents, as [`Repository::read_content`].
    pub fn next_chunk(&mut self) -> Result<Bytes> {
        if self.position >= self.length {
            return Ok(Bytes::new());
        }
        let at = self
            .parts
            .partition_point(|part| part.start + part.length <= self.position);
        let part = self.parts[at];
        let bytes = match &self.current {
            Some((loaded, bytes)) if *loaded == at => bytes.clone(),
            _ => {
                // Freed before the next is read, so that never two are held.
                self.current = None;
                let bytes = self.repository.read_part(&self.id, &part)?;
                self.current = Some((at, bytes.clone()));
                bytes
            }
        };
        // A gap between parts, which only a damaged index has, reads as the start of the next part.
        let skip = self.position.saturating_sub(part.start) as usize;
        self.position = part.start + part.length;
        Ok(bytes.slice(skip..))
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let start = self.position;
        let chunk = self.next_chunk().map_err(io::Error::other)?;
        let count = chunk.len().min(buffer.len());
        buffer[..count].copy_from_slice(&chunk[..count]);
        if count < chunk.len() {
            self.position = start + count as u64;
        }
        Ok(count)
    }
}

impl Seek for ObjectReader {
    /// Positions past the end are allowed; reading there gives nothing.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
