//! Work of the upload: directories to read and large files to cut.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::directory::DirectoryTask;
use super::stream::Stream;

/// Directories last in, first out, so that few are open at a time; large files before directories, because each holds
/// its directory open.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    directories: Vec<DirectoryTask>,
    streams: Vec<Arc<Stream>>,
    closed: bool,
    /// Counts calls of [`Queue::wake`].
    woken: u64,
}

/// What a worker is to do next.
pub(super) enum Next {
    /// Read a directory.
    Directory(DirectoryTask),
    /// Help to cut a large file, together with whoever else does.
    Stream(Arc<Stream>),
    /// There is nothing now, but what others are doing may bring more.
    Nothing,
    /// Everything is done, or the upload was stopped.
    Closed,
}

impl Queue {
    /// Adds large files and the directories below one; the first directory of the list is taken first.
    pub(super) fn push(&self, streams: Vec<Arc<Stream>>, directories: Vec<DirectoryTask>) {
        if streams.is_empty() && directories.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        state.streams.extend(streams);
        state.directories.extend(directories.into_iter().rev());
        drop(state);
        self.changed.notify_all();
    }

    /// Takes the next piece of work without waiting.
    pub(super) fn next(&self) -> Next {
        let mut state = self.state.lock();
        if state.closed {
            return Next::Closed;
        }
        if let Some(stream) = pick(&mut state) {
            return Next::Stream(stream);
        }
        match state.directories.pop() {
            Some(directory) => Next::Directory(directory),
            None => Next::Nothing,
        }
    }

    /// A further large file for a worker that has room for one, if there is any.
    pub(super) fn next_stream(&self) -> Option<Arc<Stream>> {
        let mut state = self.state.lock();
        if state.closed { None } else { pick(&mut state) }
    }

    /// Waits until there is work again, the queue is closed, or somebody wakes all.
    pub(super) fn wait(&self) {
        let mut state = self.state.lock();
        let before = state.woken;
        while !state.closed
            && state.woken == before
            && state.directories.is_empty()
            && state.streams.iter().all(|stream| stream.is_drained())
        {
            self.changed.wait(&mut state);
        }
    }

    /// Lets all who wait look for something else to do.
    pub(super) fn wake(&self) {
        self.state.lock().woken += 1;
        self.changed.notify_all();
    }

    /// Whether the work has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Ends the work: nothing is handed out any more.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.directories.clear();
        state.streams.clear();
        drop(state);
        self.changed.notify_all();
    }
}

/// The large file with the fewest workers on it, of those that are not read to their end.
fn pick(state: &mut State) -> Option<Arc<Stream>> {
    state.streams.retain(|stream| !stream.is_drained());
    let stream = state.streams.iter().min_by_key(|stream| stream.workers())?;
    stream.join();
    Some(Arc::clone(stream))
}
