//! Uploading packs that were kept in memory, for stores that take a blob in one piece.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;
use holdfast_storage::{BlobId, BlobStore, PutOptions};
use parking_lot::Mutex;

use crate::error::{Error, Result};

/// Packs under way at once, on top of those being filled; each costs its 20 MiB.
const UPLOADERS: usize = 3;

/// One pack to be stored, and what happens afterwards.
pub(super) struct Upload {
    pub(super) id: BlobId,
    pub(super) bytes: Vec<u8>,
    pub(super) options: PutOptions,
    /// Called once with the outcome.
    pub(super) done: Box<dyn FnOnce(Result<()>) + Send>,
}

/// Threads that store packs; memory is bounded because a full queue makes writers wait.
pub(super) struct Uploader {
    queue: Option<SyncSender<Upload>>,
    threads: Vec<JoinHandle<()>>,
    buffers: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl std::fmt::Debug for Uploader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uploader")
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

impl Uploader {
    /// Starts the threads.
    pub(super) fn start(store: &Arc<dyn BlobStore>) -> Result<Self> {
        // No pack waits in the queue itself: each is with a writer or with an uploader.
        let (queue, jobs) = sync_channel(0);
        let jobs = Arc::new(Mutex::new(jobs));
        let buffers = Arc::new(Mutex::new(Vec::new()));
        let threads = (0..UPLOADERS)
            .map(|number| {
                let (store, jobs, buffers) = (store.clone(), jobs.clone(), buffers.clone());
                std::thread::Builder::new()
                    .name(format!("upload-{number}"))
                    .spawn(move || work(store.as_ref(), &jobs, &buffers))
            })
            .collect::<std::io::Result<Vec<_>>>()
            .map_err(|e| Error::SessionIncomplete {
                reason: format!("no thread for uploads could be started ({e})"),
            })?;
        Ok(Self {
            queue: Some(queue),
            threads,
            buffers,
        })
    }

    /// An empty buffer, of an earlier pack where possible.
    pub(super) fn buffer(&self) -> Vec<u8> {
        self.buffers.lock().pop().unwrap_or_default()
    }

    /// Hands a pack over; waits while all uploaders are busy.
    pub(super) fn submit(&self, upload: Upload) {
        let rejected = match &self.queue {
            Some(queue) => queue.send(upload).err().map(|e| e.0),
            None => Some(upload),
        };
        if let Some(upload) = rejected {
            let reason = "the upload threads have ended".to_owned();
            (upload.done)(Err(Error::SessionIncomplete { reason }));
        }
    }
}

impl Drop for Uploader {
    fn drop(&mut self) {
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            // The last owner of a session may be the callback of an upload; that thread ends by itself.
            if thread.thread().id() == std::thread::current().id() {
                continue;
            }
            // A panic in an uploader was already reported by the unfinished pack.
            let _ = thread.join();
        }
    }
}

fn work(store: &dyn BlobStore, jobs: &Mutex<Receiver<Upload>>, buffers: &Mutex<Vec<Vec<u8>>>) {
    loop {
        let job = jobs.lock().recv();
        let Ok(Upload {
            id,
            bytes,
            options,
            done,
        }) = job
        else {
            return;
        };
        let bytes = Bytes::from(bytes);
        // A panic must reach whoever waits for this pack, and leave the thread to the packs that follow.
        let put = AssertUnwindSafe(|| store.put(&id, bytes.clone(), &options));
        let result = match catch_unwind(put) {
            Ok(result) => result.map_err(Error::from),
            Err(_) => Err(Error::SessionIncomplete {
                reason: format!("the program failed while it stored pack {id}"),
            }),
        };
        if bytes.is_unique() {
            let mut buffer = Vec::from(bytes);
            buffer.clear();
            let mut buffers = buffers.lock();
            if buffers.len() < UPLOADERS {
                buffers.push(buffer);
            }
        }
        done(result);
    }
}
