//! Contents that are wanted soon, read by threads of their own.

use std::collections::VecDeque;
use std::sync::Arc;

use holdfast_repository::ObjectId;
use parking_lot::{Condvar, Mutex};

/// Threads that read ahead.
const THREADS: usize = 4;
/// What waits longer than this behind others is no longer ahead.
const LONGEST_QUEUE: usize = 64;

/// A queue of contents and the threads that work on it, which end when it is dropped.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    wanted: VecDeque<ObjectId>,
    ended: bool,
}

impl ReadAhead {
    /// Starts the threads; `read` is called for each content that is wanted. Without threads there is no reading ahead.
    pub(crate) fn start(read: impl Fn(ObjectId) + Clone + Send + 'static) -> Self {
        let queue = Arc::new(Queue::default());
        for _ in 0..THREADS {
            let (queue, read) = (Arc::clone(&queue), read.clone());
            let builder = std::thread::Builder::new().name("read-ahead".to_owned());
            // A machine without room for another thread reads when it is asked.
            let _ = builder.spawn(move || queue.work(&read));
        }
        Self { queue }
    }

    /// Wants contents soon. The oldest wish is dropped where there are too many.
    pub(crate) fn want(&self, contents: impl IntoIterator<Item = ObjectId>) {
        let mut state = self.queue.state.lock();
        for content in contents {
            if state.wanted.len() == LONGEST_QUEUE {
                state.wanted.pop_front();
            }
            state.wanted.push_back(content);
        }
        drop(state);
        self.queue.changed.notify_all();
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.queue.state.lock().ended = true;
        self.queue.changed.notify_all();
    }
}

impl Queue {
    fn work(&self, read: &impl Fn(ObjectId)) {
        loop {
            let mut state = self.state.lock();
            self.changed
                .wait_while(&mut state, |state| state.wanted.is_empty() && !state.ended);
            if state.ended {
                return;
            }
            let wanted = state.wanted.pop_front();
            drop(state);
            if let Some(content) = wanted {
                read(content);
            }
        }
    }
}
