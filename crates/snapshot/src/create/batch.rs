//! Small contents of many directories, hashed together.

use std::ops::Range;
use std::sync::Arc;

use holdfast_repository::Compression;
use holdfast_repository::directory::DirectorySummary;

use super::node::{Node, Slot};

/// A batch is stored when it holds this many bytes of files, or [`FULL_ITEMS`].
const FULL_BYTES: usize = 1024 * 1024;
const FULL_ITEMS: usize = 512;

/// What is read and not stored yet.
pub(super) struct Batch {
    /// Always of full length, so that it is never cleared before something is read into it.
    buffer: Vec<u8>,
    used: usize,
    items: Vec<Item>,
    /// Bytes of items that do not lie in the buffer.
    owned: usize,
    /// Largest file that is put here, in bytes.
    limit: usize,
}

/// One content of a batch.
pub(super) struct Item {
    data: Data,
    pub(super) prefix: Option<u8>,
    pub(super) compression: Compression,
    pub(super) target: Target,
}

enum Data {
    Buffer(Range<usize>),
    Owned(Vec<u8>),
}

/// What a stored content completes.
pub(super) enum Target {
    /// The entry of a file.
    File(Slot),
    /// The entry of a symbolic link.
    Symlink(Slot),
    /// A directory with this summary.
    Directory(Arc<Node>, DirectorySummary),
}

impl Item {
    pub(super) fn bytes<'a>(&'a self, buffer: &'a [u8]) -> &'a [u8] {
        match &self.data {
            Data::Buffer(range) => &buffer[range.clone()],
            Data::Owned(bytes) => bytes,
        }
    }

    pub(super) fn length(&self) -> usize {
        match &self.data {
            Data::Buffer(range) => range.len(),
            Data::Owned(bytes) => bytes.len(),
        }
    }
}

impl Batch {
    /// A batch for files of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            buffer: vec![0; FULL_BYTES + limit + 1],
            used: 0,
            items: Vec::new(),
            owned: 0,
            limit,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether the batch is to be stored before a file of this size is read.
    pub(super) fn is_full_for(&self, size: u64) -> bool {
        debug_assert!(size <= self.limit as u64);
        self.items.len() >= FULL_ITEMS || self.used >= FULL_BYTES || self.owned >= FULL_BYTES
    }

    /// Room to read a file into. There is always enough while [`is_full_for`](Self::is_full_for) says no.
    pub(super) fn space(&mut self, length: usize) -> &mut [u8] {
        &mut self.buffer[self.used..self.used + length]
    }

    /// Adds what was read into [`space`](Self::space).
    pub(super) fn push_read(
        &mut self,
        length: usize,
        prefix: Option<u8>,
        compression: Compression,
        target: Target,
    ) {
        let range = self.used..self.used + length;
        self.used = range.end;
        self.items.push(Item {
            data: Data::Buffer(range),
            prefix,
            compression,
            target,
        });
    }

    /// Adds bytes that lie elsewhere.
    pub(super) fn push_owned(
        &mut self,
        bytes: Vec<u8>,
        prefix: Option<u8>,
        compression: Compression,
        target: Target,
    ) {
        self.owned += bytes.len();
        self.items.push(Item {
            data: Data::Owned(bytes),
            prefix,
            compression,
            target,
        });
    }

    /// Takes everything out, with the buffer the items lie in, which must be given back.
    pub(super) fn take(&mut self) -> (Vec<Item>, Vec<u8>) {
        self.used = 0;
        self.owned = 0;
        (
            std::mem::take(&mut self.items),
            std::mem::take(&mut self.buffer),
        )
    }

    pub(super) fn give_back(&mut self, buffer: Vec<u8>) {
        self.buffer = buffer;
    }
}
