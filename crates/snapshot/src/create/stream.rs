//! Large files: one stream each, or several for the parts of a very large one, cut by one worker at a time and hashed
//! and stored by all.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use holdfast_files::{Extents, Found, Metadata, SourceDirectory, SourceFile};
use holdfast_repository::object::{IndirectEntry, ObjectId};
use holdfast_repository::{Compression, Splitter};
use parking_lot::Mutex;

use super::node::Slot;

/// How much is read at a time once the smallest possible chunk is there.
pub(super) const READ_STEP: usize = 256 * 1024;

/// A file that is opened by the first worker that needs it.
pub(super) struct LazyFile {
    directory: Option<Arc<dyn SourceDirectory>>,
    name: Vec<u8>,
    /// Size of a file that may have holes.
    sparse: Option<u64>,
    opened: Mutex<Option<Arc<OpenFile>>>,
}

/// An open file, of which holes are not read.
struct OpenFile {
    file: Box<dyn SourceFile>,
    /// Where a sparse file holds data, and its size.
    data: Option<(Extents, u64)>,
}

impl OpenFile {
    fn new(file: Box<dyn SourceFile>, sparse: Option<u64>) -> Self {
        // A file that became shorter since it was listed is read as it is: what is missing is no hole.
        let is_whole = |size: u64| file.read_at(&mut [0], size - 1).is_ok_and(|read| read == 1);
        let size = sparse.filter(|size| *size > 0 && is_whole(*size));
        let data = size.and_then(|size| Some((file.data_extents().ok()??, size)));
        Self { file, data }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let Some((extents, size)) = &self.data else {
            return self.file.read_at(buffer, offset);
        };
        let mut filled = 0;
        while filled < buffer.len() {
            let (at, room) = (offset + filled as u64, buffer.len() - filled);
            let within = |end: u64| usize::try_from(end - at).map_or(room, |left| left.min(room));
            let next = extents.partition_point(|(start, length)| start + length <= at);
            let (start, end) = match extents.get(next) {
                Some((start, length)) => (*start, start + length),
                // Behind the last data there is a hole to the end, and then what the file may have grown by.
                None => ((*size).max(at), u64::MAX),
            };
            if at < start {
                let length = within(start);
                buffer[filled..filled + length].fill(0);
                filled += length;
                continue;
            }
            let length = within(end);
            let got = self
                .file
                .read_at(&mut buffer[filled..filled + length], at)?;
            filled += got;
            if got < length {
                break;
            }
        }
        Ok(filled)
    }
}

impl LazyFile {
    pub(super) fn new(directory: Arc<dyn SourceDirectory>, name: &[u8]) -> Self {
        Self {
            directory: Some(directory),
            name: name.to_vec(),
            sparse: None,
            opened: Mutex::new(None),
        }
    }

    /// The same file of `size` bytes, of which some may be holes.
    pub(super) fn with_holes(self, may_have_holes: bool, size: u64) -> Self {
        let sparse = may_have_holes.then_some(size);
        Self { sparse, ..self }
    }

    pub(super) fn opened(file: Box<dyn SourceFile>, metadata: &Metadata) -> Self {
        let sparse = metadata.may_have_holes.then_some(metadata.size);
        Self {
            directory: None,
            name: Vec::new(),
            sparse,
            opened: Mutex::new(Some(Arc::new(OpenFile::new(file, sparse)))),
        }
    }

    /// What the file has beyond its metadata; it must have been read.
    pub(super) fn extended(&self) -> Found {
        let Ok(opened) = self.get() else {
            return Found::default();
        };
        let mut found = opened.file.extended();
        found.extended.data = opened.data.as_ref().map(|(extents, _)| extents.clone());
        found
    }

    fn get(&self) -> io::Result<Arc<OpenFile>> {
        let mut opened = self.opened.lock();
        if let Some(file) = &*opened {
            return Ok(Arc::clone(file));
        }
        let Some(directory) = &self.directory else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let file = Arc::new(OpenFile::new(directory.open_file(&self.name)?, self.sparse));
        *opened = Some(Arc::clone(&file));
        Ok(file)
    }
}

/// A large file and what became of its parts.
pub(super) struct LargeFile {
    /// Where its entry goes.
    pub(super) slot: Slot,
    /// Its path below the root.
    pub(super) path: String,
    /// Its size when it was listed; a stream has none.
    pub(super) listed_size: Option<u64>,
    pub(super) file: LazyFile,
    pub(super) compression: Compression,
    /// Whether its failure is not an error by the policy.
    pub(super) ignore_errors: bool,
    parts: Mutex<Parts>,
}

struct Parts {
    /// The chunks of each finished part.
    finished: Vec<Option<Vec<IndirectEntry>>>,
    left: usize,
    failure: Option<io::Error>,
}

/// A large file of which every part is read, or failed.
pub(super) type FinishedFile = io::Result<Vec<Vec<IndirectEntry>>>;

impl LargeFile {
    pub(super) fn new(
        slot: Slot,
        path: String,
        listed_size: Option<u64>,
        file: LazyFile,
        compression: Compression,
        ignore_errors: bool,
    ) -> Self {
        let parts = Mutex::new(Parts {
            finished: Vec::new(),
            left: 0,
            failure: None,
        });
        Self {
            slot,
            path,
            listed_size,
            file,
            compression,
            ignore_errors,
            parts,
        }
    }

    /// The streams of the file: one, or more when it is larger than `part_size` bytes (format 2 §5.6). The last one runs
    /// to the end of the file wherever that is.
    pub(super) fn streams(self, part_size: Option<u64>, splitter: &Splitter) -> Vec<Arc<Stream>> {
        let size = self.listed_size.unwrap_or(0);
        let part_size = part_size.filter(|&part_size| part_size > 0 && size > part_size);
        let count = part_size.map_or(1, |part_size| size / part_size + 1);
        {
            let mut parts = self.parts.lock();
            parts.finished = (0..count).map(|_| None).collect();
            parts.left = parts.finished.len();
        }
        let file = Arc::new(self);
        let last = count - 1;
        let step = part_size.unwrap_or(0);
        let bounds = (0..count).map(|part| (part * step, (part < last).then(|| (part + 1) * step)));
        bounds
            .enumerate()
            .map(|(part, (start, end))| Stream::new(&file, part, start, end, splitter.clone()))
            .collect()
    }

    fn finished_part(&self, part: usize) -> Option<Vec<IndirectEntry>> {
        self.parts.lock().finished.get(part).cloned().flatten()
    }

    /// Records a finished part; returns the whole file when it was the last.
    fn finish_part(
        &self,
        part: usize,
        result: io::Result<Vec<IndirectEntry>>,
    ) -> Option<FinishedFile> {
        let mut parts = self.parts.lock();
        match result {
            Ok(chunks) => parts.finished[part] = Some(chunks),
            Err(error) => parts.failure = Some(error),
        }
        parts.left -= 1;
        if parts.left > 0 {
            return None;
        }
        Some(match parts.failure.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut parts.finished)
                .into_iter()
                .flatten()
                .collect()),
        })
    }
}

/// One part of a large file, or all of it.
pub(super) struct Stream {
    pub(super) file: Arc<LargeFile>,
    part: usize,
    /// Where the part ends; the last one ends with the file.
    end: Option<u64>,
    cutter: Mutex<Cutter>,
    drained: AtomicBool,
    workers: AtomicUsize,
    chunks: Mutex<Chunks>,
}

struct Cutter {
    splitter: Splitter,
    /// Where the next read begins, in the file.
    position: u64,
    /// Length of all chunks handed out.
    cut: u64,
    /// Bytes read behind the last cut.
    rest: Vec<u8>,
    handed_out: usize,
}

#[derive(Default)]
struct Chunks {
    entries: Vec<Option<IndirectEntry>>,
    done: usize,
    /// Number of chunks, once the stream is drained.
    total: Option<usize>,
    failure: Option<io::Error>,
}

/// A chunk that a worker has to hash and store.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    pub(super) index: usize,
    /// Where it begins in its part.
    pub(super) start: u64,
    pub(super) length: usize,
}

/// What [`Stream::next_chunk`] found.
pub(super) enum Pull {
    Chunk(Chunk),
    /// The stream is read to its end.
    Drained,
    /// The stream is read to its end, and all of the file is stored.
    Finished(FinishedFile),
}

impl Stream {
    fn new(
        file: &Arc<LargeFile>,
        part: usize,
        start: u64,
        end: Option<u64>,
        splitter: Splitter,
    ) -> Arc<Self> {
        Arc::new(Self {
            file: Arc::clone(file),
            part,
            end,
            cutter: Mutex::new(Cutter {
                splitter,
                position: start,
                cut: 0,
                rest: Vec::new(),
                handed_out: 0,
            }),
            drained: AtomicBool::new(false),
            workers: AtomicUsize::new(0),
            chunks: Mutex::default(),
        })
    }

    /// The chunks that are stored from the beginning of the part on.
    pub(super) fn stored(&self) -> Vec<IndirectEntry> {
        if let Some(finished) = self.file.finished_part(self.part) {
            return finished;
        }
        let chunks = self.chunks.lock();
        chunks.entries.iter().map_while(|entry| *entry).collect()
    }

    /// Whether no further chunk will come.
    pub(super) fn is_drained(&self) -> bool {
        self.drained.load(Ordering::Acquire)
    }

    /// How many workers joined so far.
    pub(super) fn workers(&self) -> usize {
        self.workers.load(Ordering::Relaxed)
    }

    pub(super) fn join(&self) {
        self.workers.fetch_add(1, Ordering::Relaxed);
    }

    /// Reads and cuts the next chunk into `buffer`, which must hold the largest chunk and [`READ_STEP`] bytes more.
    pub(super) fn next_chunk(&self, buffer: &mut [u8], read: &dyn Fn(u64)) -> Pull {
        let mut cutter = self.cutter.lock();
        if self.is_drained() {
            return Pull::Drained;
        }
        match self.fill(&mut cutter, buffer, read) {
            Ok(Some(length)) => {
                let chunk = Chunk {
                    index: cutter.handed_out,
                    start: cutter.cut,
                    length,
                };
                cutter.handed_out += 1;
                cutter.cut += length as u64;
                self.chunks.lock().entries.push(None);
                Pull::Chunk(chunk)
            }
            Ok(None) => self.drain(cutter.handed_out, None),
            Err(error) => self.drain(cutter.handed_out, Some(error)),
        }
    }

    fn drain(&self, total: usize, failure: Option<io::Error>) -> Pull {
        self.drained.store(true, Ordering::Release);
        let mut chunks = self.chunks.lock();
        chunks.total = Some(total);
        chunks.failure = failure;
        match self.finish(chunks) {
            Some(finished) => Pull::Finished(finished),
            None => Pull::Drained,
        }
    }

    /// Length of the next chunk, `None` at the end of the stream.
    fn fill(
        &self,
        cutter: &mut Cutter,
        buffer: &mut [u8],
        read: &dyn Fn(u64),
    ) -> io::Result<Option<usize>> {
        let mut filled = cutter.rest.len();
        buffer[..filled].copy_from_slice(&cutter.rest);
        cutter.rest.clear();
        let least = cutter.splitter.min_length();
        let mut ended = false;
        loop {
            if filled > 0
                && let Some(length) = cutter.splitter.next_cut(&buffer[..filled])
            {
                cutter.rest.extend_from_slice(&buffer[length..filled]);
                return Ok(Some(length));
            }
            if ended {
                cutter.splitter.reset();
                // A stream without any byte is one empty chunk.
                return Ok((filled > 0 || cutter.handed_out == 0).then_some(filled));
            }
            let wanted = least
                .saturating_sub(filled)
                .max(READ_STEP)
                .min(buffer.len() - filled);
            let wanted = match self.end {
                Some(end) => {
                    usize::try_from(end - cutter.position).map_or(wanted, |left| wanted.min(left))
                }
                None => wanted,
            };
            let got = match wanted {
                0 => 0,
                _ => self
                    .file
                    .file
                    .get()?
                    .read_at(&mut buffer[filled..filled + wanted], cutter.position)?,
            };
            ended = got < wanted || wanted == 0;
            filled += got;
            cutter.position += got as u64;
            read(got as u64);
        }
    }

    /// Records a stored chunk; returns the file when that was its last missing one.
    pub(super) fn chunk_stored(&self, chunk: Chunk, object: ObjectId) -> Option<FinishedFile> {
        let mut chunks = self.chunks.lock();
        let entry = IndirectEntry {
            start: chunk.start,
            length: chunk.length as u64,
            object,
        };
        chunks.entries[chunk.index] = Some(entry);
        chunks.done += 1;
        self.finish(chunks)
    }

    fn finish(&self, mut chunks: parking_lot::MutexGuard<'_, Chunks>) -> Option<FinishedFile> {
        if chunks.total != Some(chunks.done) {
            return None;
        }
        let result = match chunks.failure.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut chunks.entries)
                .into_iter()
                .flatten()
                .collect()),
        };
        drop(chunks);
        self.file.finish_part(self.part, result)
    }
}
