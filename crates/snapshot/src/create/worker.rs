//! One thread of the upload: a whole pipeline from reading to its own pack.

use std::sync::Arc;

use holdfast_files::{Found, SourceDirectory};
use holdfast_repository::directory::DirectorySummary;
use holdfast_repository::object::{
    ContentSink, IndirectEntry, ObjectId, ObjectOptions, concatenate_objects, finish_object,
    write_object,
};
use holdfast_repository::{Compression, ContentId, ContentWriter, Result};

use super::batch::{Batch, Target};
use super::lanes::Lanes;
use super::node::{Node, Slot};
use super::queue::Next;
use super::stream::{FinishedFile, LargeFile};
use super::upload::Upload;
use crate::problem::{Problem, ProblemCode, Severity};

/// A worker and what it has not stored yet.
pub(super) struct Worker<'a> {
    upload: &'a Upload<'a>,
    writer: &'a mut ContentWriter,
    batch: Batch,
    /// Number of the last checkpoint for which this worker stored its packs.
    pub(super) round: usize,
}

impl<'a> Worker<'a> {
    pub(super) fn new(upload: &'a Upload<'a>, writer: &'a mut ContentWriter) -> Self {
        let batch = Batch::new(upload.small_file_limit());
        Self {
            upload,
            writer,
            batch,
            round: 0,
        }
    }

    pub(super) fn writer(&mut self) -> &mut ContentWriter {
        self.writer
    }

    pub(super) fn upload(&self) -> &'a Upload<'a> {
        self.upload
    }

    /// Works until the tree is stored or the upload is stopped, then stores what is left of this worker's packs.
    pub(super) fn run(mut self) -> Result<()> {
        let mut lanes = Lanes::new(self.upload.lanes(), self.upload.largest_chunk());
        while !self.upload.is_stopped() {
            self.checkpoint()?;
            match self.upload.queue().next() {
                Next::Directory(task) => super::directory::process(&mut self, task)?,
                Next::Stream(stream) => {
                    self.upload.progress().set_current(&stream.file.path);
                    lanes.run(&mut self, stream)?;
                }
                // Directories wait for what is in the batch, so it goes before the worker rests.
                Next::Nothing if !self.batch.is_empty() => self.flush()?,
                Next::Nothing => self.upload.queue().wait(),
                Next::Closed => break,
            }
        }
        if self.upload.is_stopped() {
            Ok(())
        } else {
            self.writer.finish_packs()
        }
    }

    /// Stores a chunk whose hash is known, copying it; returns it as an object.
    pub(super) fn write(
        &mut self,
        id: ContentId,
        data: &[u8],
        compression: Compression,
    ) -> Result<ObjectId> {
        let written = self.writer.write_hashed(id, data, compression)?;
        self.upload.count_written(written.new, data.len())?;
        Ok(written.object())
    }

    /// Stores a chunk whose hash is known, in its own buffer, which is overwritten; returns it as an object.
    pub(super) fn write_in_place(
        &mut self,
        id: ContentId,
        data: &mut [u8],
        compression: Compression,
    ) -> Result<ObjectId> {
        let length = data.len();
        let written = self.writer.write_in_place(id, data, compression)?;
        self.upload.count_written(written.new, length)?;
        Ok(written.object())
    }

    /// Reads a small file into the batch. Returns `false` when it has grown beyond what it was listed with, so that it is
    /// to be read as a large one.
    pub(super) fn add_small_file(
        &mut self,
        directory: &dyn SourceDirectory,
        name: &[u8],
        file: SmallFile,
    ) -> Result<bool> {
        if self.batch.is_full_for(file.listed_size) {
            self.flush()?;
        }
        let SmallFile {
            slot,
            listed_size,
            may_have_holes,
            compression,
            ignore_errors,
        } = file;
        let Ok(expected) = usize::try_from(listed_size) else {
            return Ok(false);
        };
        let space = self.batch.space(expected + 1);
        match directory.read_small_extended(name, expected, space, may_have_holes) {
            Ok((length, _)) if length > expected => return Ok(false),
            Ok((length, found)) => {
                self.upload.progress().add_read(length as u64);
                if length < expected {
                    self.warn_changed(slot.node.path_of(name), listed_size, length as u64);
                }
                self.attach(&slot, name, found)?;
                self.batch
                    .push_read(length, None, compression, Target::File(slot));
            }
            Err(error) => {
                self.fail_entry(&slot.node, name, &error, Some(listed_size), ignore_errors);
                self.release(&slot.node)?;
            }
        }
        Ok(true)
    }

    /// Reads a symbolic link into the batch.
    pub(super) fn add_symlink(
        &mut self,
        directory: &dyn SourceDirectory,
        name: &[u8],
        slot: Slot,
        ignore_errors: bool,
    ) -> Result<()> {
        match directory.read_link(name) {
            Ok(target) => {
                self.attach(&slot, name, directory.entry_extended(name, false))?;
                self.batch
                    .push_owned(target, None, None, Target::Symlink(slot));
            }
            Err(error) => {
                self.fail_entry(&slot.node, name, &error, None, ignore_errors);
                self.release(&slot.node)?;
            }
        }
        if self.batch.is_full_for(0) {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Gives an entry what was found beyond its metadata.
    fn attach(&mut self, slot: &Slot, name: &[u8], found: Found) -> Result<()> {
        if found.extended.is_empty() && found.refused.is_empty() {
            return Ok(());
        }
        let extras = self.keep_extended(&slot.node.path_of(name), found)?;
        slot.set_extras(extras);
        Ok(())
    }

    /// Stores what is in the batch and completes the entries.
    pub(super) fn flush(&mut self) -> Result<()> {
        let (items, buffer) = self.batch.take();
        let ids = {
            let jobs: Vec<(Option<u8>, &[u8])> = items
                .iter()
                .map(|item| (item.prefix, item.bytes(&buffer)))
                .collect();
            self.upload.hasher().hash_many(&jobs)
        };
        let objects = items
            .iter()
            .zip(&ids)
            .map(|(item, id)| self.write(*id, item.bytes(&buffer), item.compression))
            .collect::<Result<Vec<ObjectId>>>()?;
        self.batch.give_back(buffer);
        for (item, object) in items.into_iter().zip(objects) {
            let length = item.length() as u64;
            self.complete(item.target, length, object)?;
        }
        Ok(())
    }

    fn complete(&mut self, target: Target, length: u64, object: ObjectId) -> Result<()> {
        match target {
            Target::File(slot) => {
                slot.complete(object, Some(length), None);
                self.upload.count_file(length);
                self.release(&slot.node)
            }
            Target::Symlink(slot) => {
                slot.complete(object, Some(length), None);
                self.upload.progress().add_files(1);
                self.release(&slot.node)
            }
            Target::Directory(node, summary) => {
                match self.place_directory(&node, object, summary) {
                    Some(parent) => self.finish_directories(parent),
                    None => Ok(()),
                }
            }
        }
    }

    /// Completes a large file of which every chunk is stored, or failed.
    pub(super) fn finish_large(
        &mut self,
        file: &Arc<LargeFile>,
        finished: FinishedFile,
    ) -> Result<()> {
        let node = &file.slot.node;
        self.upload.checkpoints().end_file(file);
        match finished {
            Ok(parts) => {
                let ends = parts.iter().filter_map(|chunks| chunks.last());
                let length: u64 = ends.map(IndirectEntry::end).sum();
                if let Some(listed) = file.listed_size
                    && listed != length
                {
                    self.warn_changed(file.path.clone(), listed, length);
                }
                let object = self.file_object(parts, &file.path)?;
                let extras = self.keep_extended(&file.path, file.file.extended())?;
                file.slot.set_extras(extras);
                file.slot.complete(object, Some(length), None);
                self.upload.count_file(length);
            }
            Err(error) => {
                let problem = self.upload.entry_failed(
                    file.path.clone(),
                    ProblemCode::of_reading(&error),
                    error.to_string(),
                    file.listed_size,
                    file.ignore_errors,
                );
                node.add_failure(problem.path, problem.message, file.ignore_errors);
            }
        }
        self.release(node)
    }

    /// The object of a file from the chunks of its parts.
    fn file_object(&mut self, parts: Vec<Vec<IndirectEntry>>, path: &str) -> Result<ObjectId> {
        let splitter = self.upload.metadata_splitter();
        let options =
            ObjectOptions::data(splitter, None, self.upload.metadata_compression_at(path));
        match parts.as_slice() {
            [chunks] => finish_object(self, chunks, &options),
            _ => concatenate_objects(self, parts, &options),
        }
    }

    /// Records an entry that could not be read.
    pub(super) fn fail_entry(
        &self,
        node: &Node,
        name: &[u8],
        error: &std::io::Error,
        size: Option<u64>,
        ignored: bool,
    ) {
        let code = ProblemCode::of_reading(error);
        let problem =
            self.upload
                .entry_failed(node.path_of(name), code, error.to_string(), size, ignored);
        node.add_failure(problem.path, problem.message, ignored);
    }

    fn warn_changed(&self, path: String, listed: u64, read: u64) {
        self.upload.report(Problem {
            code: ProblemCode::ChangedWhileRead,
            severity: Severity::Warning,
            path,
            message: format!(
                "it had {listed} bytes when it was listed and {read} when it was read"
            ),
            size: Some(read),
        });
    }

    /// Counts an entry of a directory as done and stores the directory when it was the last.
    pub(super) fn release(&mut self, node: &Arc<Node>) -> Result<()> {
        if node.release() {
            self.finish_directories(Arc::clone(node))
        } else {
            Ok(())
        }
    }

    /// Stores a directory whose entries are all known, and those above it that become complete by that. A loop rather
    /// than a recursion, because trees may be deeper than a stack.
    fn finish_directories(&mut self, complete: Arc<Node>) -> Result<()> {
        let mut next = Some(complete);
        while let Some(node) = next {
            if self.upload.is_file_root() {
                self.upload.set_root_file(&node);
                return Ok(());
            }
            self.upload.checkpoints().end_directory(&node);
            let finished = node.finish();
            self.upload.actions().after(self.upload, &node.path);
            let compression = self.upload.metadata_compression_at(&node.path);
            let known = finished
                .known
                .filter(|object| self.upload.is_stored(object));
            let object = match known {
                Some(object) => object,
                None if finished.bytes.len() < self.upload.single_chunk_limit() => {
                    let target = Target::Directory(node, finished.summary);
                    self.batch.push_owned(
                        finished.bytes,
                        Some(DIRECTORY_PREFIX),
                        compression,
                        target,
                    );
                    return Ok(());
                }
                None => {
                    let options =
                        ObjectOptions::directory(self.upload.metadata_splitter(), compression);
                    write_object(self, &finished.bytes, &options)?
                }
            };
            next = self.place_directory(&node, object, finished.summary);
        }
        Ok(())
    }

    /// Puts a stored directory into the one above; returns that when it is complete now.
    fn place_directory(
        &self,
        node: &Arc<Node>,
        object: ObjectId,
        summary: DirectorySummary,
    ) -> Option<Arc<Node>> {
        self.upload.progress().add_directory();
        match &node.parent {
            Some(slot) => {
                slot.complete(object, None, Some(summary));
                slot.node.release().then(|| Arc::clone(&slot.node))
            }
            None => {
                self.upload.set_root_directory(object, summary);
                None
            }
        }
    }
}

impl ContentSink for Worker<'_> {
    fn put_chunk(
        &mut self,
        prefix: Option<u8>,
        data: &[u8],
        compression: Compression,
    ) -> Result<ObjectId> {
        let id = self.upload.hasher().content_id(prefix, data);
        self.write(id, data, compression)
    }
}

/// Prefix of directory streams.
const DIRECTORY_PREFIX: u8 = b'k';

/// A file that is read whole into the batch.
pub(super) struct SmallFile {
    pub(super) slot: Slot,
    pub(super) listed_size: u64,
    pub(super) may_have_holes: bool,
    pub(super) compression: Compression,
    pub(super) ignore_errors: bool,
}
