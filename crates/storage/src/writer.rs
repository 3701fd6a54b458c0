//! Blobs written in pieces to stores that take them only whole.

use std::io::IoSlice;
use std::sync::Arc;

use crate::{BlobId, BlobStore, BlobWriter, PutOptions, Result};

/// Keeps the blob in memory and puts it on commit.
pub(crate) struct BufferedWriter {
    store: Arc<dyn BlobStore>,
    id: BlobId,
    options: PutOptions,
    data: Vec<u8>,
}

impl BufferedWriter {
    pub(crate) fn new(store: Arc<dyn BlobStore>, id: BlobId, options: PutOptions) -> Self {
        Self {
            store,
            id,
            options,
            data: Vec::new(),
        }
    }
}

impl BlobWriter for BufferedWriter {
    fn write(&mut self, parts: &[IoSlice<'_>]) -> Result<()> {
        for part in parts {
            self.data.extend_from_slice(part);
        }
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<()> {
        self.store.put(&self.id, self.data.into(), &self.options)
    }
}
