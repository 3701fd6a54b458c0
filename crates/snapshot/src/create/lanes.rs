//! Chunks of large files hashed side by side: a lane is refilled as soon as its chunk is done, so that all stay busy.

use std::sync::Arc;

use holdfast_repository::Result;
use holdfast_repository::hash::{HashState, Hasher};

use super::stream::{Chunk, FinishedFile, LargeFile, Pull, Stream};
use super::worker::Worker;

/// Hash functions work on blocks of this many bytes; shorter common steps would pay for copies.
const BLOCK: usize = 128;

/// One chunk in work.
struct Lane {
    buffer: Vec<u8>,
    work: Option<Work>,
}

struct Work {
    stream: Arc<Stream>,
    chunk: Chunk,
    hash: HashState,
    hashed: usize,
}

/// The lanes of a worker. Buffers are allocated at the first large file.
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    count: usize,
    buffer_size: usize,
}

impl Lanes {
    /// `count` lanes for chunks of at most `largest` bytes.
    pub(super) fn new(count: usize, largest: usize) -> Self {
        Self {
            lanes: Vec::new(),
            count,
            buffer_size: largest + super::stream::READ_STEP,
        }
    }

    /// Stores `stream` and whatever other large files there are, until none is left.
    pub(super) fn run(&mut self, worker: &mut Worker<'_>, stream: Arc<Stream>) -> Result<()> {
        while self.lanes.len() < self.count {
            self.lanes.push(Lane {
                buffer: vec![0; self.buffer_size],
                work: None,
            });
        }
        let mut current = Some(stream);
        loop {
            if worker.upload().is_stopped() {
                self.lanes.iter_mut().for_each(|lane| lane.work = None);
                return Ok(());
            }
            worker.checkpoint()?;
            for lane in self.lanes.iter_mut().filter(|lane| lane.work.is_none()) {
                refill(lane, worker, &mut current)?;
            }
            if self.lanes.iter().all(|lane| lane.work.is_none()) {
                return Ok(());
            }
            advance(&mut self.lanes, worker.upload().hasher());
            for lane in &mut self.lanes {
                if lane
                    .work
                    .as_ref()
                    .is_some_and(|work| work.hashed == work.chunk.length)
                    && let Some(work) = lane.work.take()
                {
                    store(worker, work, &mut lane.buffer)?;
                }
            }
        }
    }
}

fn refill(
    lane: &mut Lane,
    worker: &mut Worker<'_>,
    current: &mut Option<Arc<Stream>>,
) -> Result<()> {
    while let Some(stream) = current.clone() {
        let progress = worker.upload().progress();
        match stream.next_chunk(&mut lane.buffer, &|bytes| progress.add_read(bytes)) {
            Pull::Chunk(chunk) => {
                let hash = worker.upload().hasher().start();
                lane.work = Some(Work {
                    stream,
                    chunk,
                    hash,
                    hashed: 0,
                });
                return Ok(());
            }
            Pull::Finished(finished) => finish(worker, &stream.file, finished)?,
            Pull::Drained => {}
        }
        *current = worker.upload().queue().next_stream();
        if let Some(stream) = current {
            progress_of(worker, &stream.file);
        }
    }
    Ok(())
}

fn progress_of(worker: &Worker<'_>, file: &LargeFile) {
    worker.upload().progress().set_current(&file.path);
}

/// Hashes all lanes by the shortest rest of any.
fn advance(lanes: &mut [Lane], hasher: &Hasher) {
    let rests = lanes
        .iter()
        .filter_map(|lane| lane.work.as_ref())
        .map(|work| work.chunk.length - work.hashed);
    let shortest = rests.min().unwrap_or(0);
    // Rests of a block or less are finished together with the last step.
    let step = shortest.max(BLOCK);
    let parts = lanes.iter_mut().filter_map(|lane| {
        let work = lane.work.as_mut()?;
        let end = work.chunk.length.min(work.hashed + step);
        let part = &lane.buffer[work.hashed..end];
        work.hashed = end;
        Some((&mut work.hash, part))
    });
    hasher.update_lanes(parts);
}

fn store(worker: &mut Worker<'_>, work: Work, buffer: &mut [u8]) -> Result<()> {
    let id = worker.upload().hasher().finish_id(&work.hash, None);
    let object = worker.write_in_place(
        id,
        &mut buffer[..work.chunk.length],
        work.stream.file.compression,
    )?;
    match work.stream.chunk_stored(work.chunk, object) {
        Some(finished) => finish(worker, &work.stream.file, finished),
        None => Ok(()),
    }
}

fn finish(worker: &mut Worker<'_>, file: &Arc<LargeFile>, finished: FinishedFile) -> Result<()> {
    worker.finish_large(file, finished)
}
