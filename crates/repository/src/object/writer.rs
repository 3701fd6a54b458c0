//! Writing objects (format 2 §1.3, §1.6).

use std::io::{self, Write};

use super::{IndirectEntry, ObjectId, concatenate, encode_indirect};
use crate::{Compression, Error, Result, Splitter};

/// Where an object's contents go: the writer of a session, or a record of them in a test.
pub trait ContentSink {
    /// Stores one chunk of an object, unless the repository has it, and returns its id as an object: the content with
    /// the chunk, or `Z` and the content with its compressed form.
    ///
    /// # Errors
    /// Those of packing and uploading.
    fn put_chunk(
        &mut self,
        prefix: Option<u8>,
        data: &[u8],
        compression: Compression,
    ) -> Result<ObjectId>;
}

/// How objects of one kind are written (format 2 §1.4).
#[derive(Debug, Clone)]
pub struct ObjectOptions {
    /// Prefix letter of the contents: `k` for directories, none for data.
    pub prefix: Option<u8>,
    /// Compression of the data.
    pub compression: Compression,
    /// Compression of index objects.
    pub metadata_compression: Compression,
    /// Cuts the data.
    pub splitter: Splitter,
    /// Cuts index objects: always the repository's default.
    pub index_splitter: Splitter,
}

/// The prefix of index objects of objects without one.
pub(crate) const INDEX_PREFIX: u8 = b'x';
/// The prefix of directories.
const DIRECTORY_PREFIX: u8 = b'k';

impl ObjectOptions {
    /// For data that the repository's default splitter cuts.
    pub fn data(
        splitter: Splitter,
        compression: Compression,
        metadata_compression: Compression,
    ) -> Self {
        Self {
            prefix: None,
            compression,
            metadata_compression,
            index_splitter: splitter.clone(),
            splitter,
        }
    }

    /// For directory streams.
    pub fn directory(splitter: Splitter, metadata_compression: Compression) -> Self {
        Self {
            prefix: Some(DIRECTORY_PREFIX),
            ..Self::data(splitter, metadata_compression, metadata_compression)
        }
    }

    /// For the targets of symlinks, which are never compressed.
    pub fn symlink(splitter: Splitter, metadata_compression: Compression) -> Self {
        Self::data(splitter, None, metadata_compression)
    }

    /// For the index object of objects written with these options.
    fn index(&self) -> Self {
        Self {
            prefix: Some(self.prefix.unwrap_or(INDEX_PREFIX)),
            compression: self.metadata_compression,
            metadata_compression: self.metadata_compression,
            splitter: self.index_splitter.clone(),
            index_splitter: self.index_splitter.clone(),
        }
    }
}

/// Writes one object from a stream, on the calling thread. It holds at most one chunk.
#[derive(Debug)]
pub struct ObjectWriter<'s, S: ContentSink> {
    sink: &'s mut S,
    options: ObjectOptions,
    splitter: Splitter,
    chunk: Vec<u8>,
    entries: Vec<IndirectEntry>,
    length: u64,
}

impl<'s, S: ContentSink> ObjectWriter<'s, S> {
    /// A writer of an object that is still empty.
    pub fn new(sink: &'s mut S, options: ObjectOptions) -> Self {
        let mut splitter = options.splitter.clone();
        splitter.reset();
        Self {
            sink,
            options,
            splitter,
            chunk: Vec::new(),
            entries: Vec::new(),
            length: 0,
        }
    }

    /// Appends bytes to the object.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn append(&mut self, mut data: &[u8]) -> Result<()> {
        let most = self.splitter.max_length();
        while !data.is_empty() {
            let (now, later) = data.split_at(data.len().min(most - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            data = later;
            while let Some(cut) = self.splitter.next_cut(&self.chunk) {
                self.put(cut)?;
            }
        }
        Ok(())
    }

    /// Bytes written so far.
    pub fn length(&self) -> u64 {
        self.length + self.chunk.len() as u64
    }

    /// Ends the object and returns its id. An empty object is one content of length 0.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self) -> Result<ObjectId> {
        if !self.chunk.is_empty() || self.entries.is_empty() {
            self.put(self.chunk.len())?;
        }
        finish_object(self.sink, &self.entries, &self.options)
    }

    /// Stores the first `length` bytes of the buffer as one content.
    fn put(&mut self, length: usize) -> Result<()> {
        let options = &self.options;
        let object =
            self.sink
                .put_chunk(options.prefix, &self.chunk[..length], options.compression)?;
        self.chunk.drain(..length);
        self.entries.push(IndirectEntry {
            start: self.length,
            length: length as u64,
            object,
        });
        self.length += length as u64;
        Ok(())
    }
}

impl<S: ContentSink> Write for ObjectWriter<'_, S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.append(data).map_err(io::Error::other)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a whole object at once.
///
/// # Errors
/// Those of the sink.
pub fn write_object<S: ContentSink>(
    sink: &mut S,
    data: &[u8],
    options: &ObjectOptions,
) -> Result<ObjectId> {
    let mut writer = ObjectWriter::new(sink, options.clone());
    writer.append(data)?;
    writer.finish()
}

/// The object of chunks that are already stored: the chunk itself if there is one, else their index, which is
/// written here. `entries` must not be empty.
///
/// # Errors
/// Those of the sink.
pub fn finish_object<S: ContentSink>(
    sink: &mut S,
    entries: &[IndirectEntry],
    options: &ObjectOptions,
) -> Result<ObjectId> {
    match entries {
        [] => Err(Error::InvalidParameter {
            what: "object",
            reason: "it has no contents".to_owned(),
        }),
        [only] => Ok(only.object),
        _ => write_index(sink, entries, options),
    }
}

/// Joins objects into one (format 2 §1.6). Each is given as its entries: those of its index, or one entry from 0
/// to its length for a direct object. One object alone is returned unchanged by the caller, who knows its id.
///
/// # Errors
/// Those of the sink; [`Error::InvalidParameter`] for an empty list.
pub fn concatenate_objects<S: ContentSink>(
    sink: &mut S,
    objects: impl IntoIterator<Item = Vec<IndirectEntry>>,
    options: &ObjectOptions,
) -> Result<ObjectId> {
    let entries = concatenate(objects);
    if entries.is_empty() {
        return Err(Error::InvalidParameter {
            what: "object",
            reason: "nothing to join".to_owned(),
        });
    }
    write_index(sink, &entries, options)
}

fn write_index<S: ContentSink>(
    sink: &mut S,
    entries: &[IndirectEntry],
    options: &ObjectOptions,
) -> Result<ObjectId> {
    let index = write_object(sink, &encode_indirect(entries), &options.index())?;
    ObjectId::indirect(index).ok_or(Error::Limit {
        what: "an object's index",
        limit: "sixteen levels of indirection",
    })
}
