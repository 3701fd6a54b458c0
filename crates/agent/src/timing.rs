//! The times and bounds by which the agent works, in one place so that tests can shorten them.

use std::time::Duration;

use holdfast_protocol::agent::poll::{BUSY_POLL_SECONDS, IDLE_POLL_SECONDS, LONGEST_WAIT_SECONDS};
use holdfast_protocol::agent::update::PROGRESS_SECONDS;

/// Silence of the server after which the agent starts runs by itself, in seconds, unless its configuration says otherwise.
const OFFLINE_AFTER_SECONDS: u64 = 300;

/// All intervals of the loop.
#[derive(Clone, Debug)]
pub struct Timing {
    /// How long a poll may wait at the server, in whole seconds.
    pub poll_wait_seconds: u32,
    /// Between polls that do not wait, while nothing runs.
    pub idle_poll: Duration,
    /// The same during a run.
    pub busy_poll: Duration,
    /// Shortest time between two polls of any kind, so that a server that answers at once is not flooded.
    pub poll_gap: Duration,
    /// Between two updates of a run.
    pub progress: Duration,
    /// Between two progress events of a run.
    pub progress_event: Duration,
    /// First pause after a failed call; doubled each time.
    pub retry_first: Duration,
    /// Longest such pause.
    pub retry_longest: Duration,
    /// Between attempts while the server refuses this agent (disabled, cloned, outdated).
    pub refused: Duration,
    /// A long poll that breaks after this time was cut by something between; two in a row switch to polls that do not wait.
    pub cut_poll: Duration,
    /// How long the agent keeps to polls that do not wait before it tries long ones again.
    pub fallback: Duration,
    /// How long the server must be silent before what is due is started without it.
    pub offline_after: Duration,
    /// How often the clock is looked at while it is.
    pub offline_look: Duration,
    /// First pause before a run is started again whose storage could not be reached; doubled each time, up to 16 times as long.
    pub offline_retry: Duration,
    /// How many runs that were started without the server may wait to be told; nothing more is started then.
    pub offline_untold: usize,
    /// How long runs that were started without the server may hold up others when it is back, until it knows of them.
    pub offline_first: Duration,
    /// How long a command that was just reported may be delivered again by an answer that was under way.
    pub late_delivery: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll_wait_seconds: LONGEST_WAIT_SECONDS,
            idle_poll: Duration::from_secs(IDLE_POLL_SECONDS),
            busy_poll: Duration::from_secs(BUSY_POLL_SECONDS),
            poll_gap: Duration::from_millis(100),
            progress: Duration::from_secs(PROGRESS_SECONDS),
            progress_event: Duration::from_secs(30),
            retry_first: Duration::from_millis(500),
            retry_longest: Duration::from_secs(10),
            refused: Duration::from_secs(60),
            cut_poll: Duration::from_secs(3),
            fallback: Duration::from_secs(600),
            late_delivery: Duration::from_secs(60),
            offline_after: Duration::from_secs(OFFLINE_AFTER_SECONDS),
            offline_look: Duration::from_secs(1),
            offline_retry: Duration::from_secs(300),
            offline_untold: 500,
            offline_first: Duration::from_secs(60),
        }
    }
}

/// Pauses that grow after each failure, with a random part so that many agents do not return at the same moment.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Starts at the beginning.
    pub fn new(timing: &Timing) -> Self {
        Self {
            first: timing.retry_first,
            longest: timing.retry_longest,
            next: timing.retry_first,
        }
    }

    /// The next pause: between half and all of the present step.
    pub fn pause(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.longest);
        let mut random = [0u8; 2];
        // Without randomness the whole step is as good.
        let share = getrandom::fill(&mut random).map_or(1.0, |()| {
            f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX)
        });
        step.mul_f64(0.5 + share / 2.0)
    }

    /// Begins again after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_again() {
        let timing = Timing::default();
        let mut backoff = Backoff::new(&timing);
        let pauses: Vec<Duration> = (0..12).map(|_| backoff.pause()).collect();
        assert!(pauses[0] <= timing.retry_first && pauses[0] >= timing.retry_first / 2);
        assert!(pauses[11] <= timing.retry_longest && pauses[11] >= timing.retry_longest / 2);
        backoff.reset();
        assert!(backoff.pause() <= timing.retry_first);
    }
}
