//! How the loop behaves when the server refuses or cannot be reached, and how fast it polls. No input or output here.

use std::time::{Duration, Instant};

use holdfast_protocol::agent::{ApiError, ApiErrorKind};

use crate::timing::{Backoff, Timing};

/// What to do about a failed call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reaction {
    pub(super) pause: Duration,
    /// Runs in hand must stop without a report.
    pub(super) stop_runs: bool,
    /// Look whether the configuration holds another identity.
    pub(super) reload_identity: bool,
}

/// Counts refusals of one kind in a row.
pub(super) struct Refusals {
    backoff: Backoff,
    refused: Duration,
    soon: Duration,
    last: Option<ApiErrorKind>,
    in_a_row: u32,
}

impl Refusals {
    pub(super) fn new(timing: &Timing) -> Self {
        Self {
            backoff: Backoff::new(timing),
            refused: timing.refused,
            soon: timing.retry_longest,
            last: None,
            in_a_row: 0,
        }
    }

    pub(super) fn succeeded(&mut self) {
        if self.last.take().is_some() {
            tracing::info!("the server answers again");
        }
        self.in_a_row = 0;
        self.backoff.reset();
    }

    /// Logs the first refusal of a kind and says what to do. A disabled or superseded agent stops its work at the second
    /// refusal, so that one wrong answer of a server in trouble costs no run.
    pub(super) fn react(&mut self, error: &ApiError) -> Reaction {
        self.in_a_row = if self.last == Some(error.kind) {
            self.in_a_row.saturating_add(1)
        } else {
            1
        };
        let first = self.in_a_row == 1;
        self.last = Some(error.kind);
        let again = !first;
        let code = error.code.as_str();
        match error.kind {
            ApiErrorKind::Unauthorized => {
                if first {
                    tracing::error!(
                        code,
                        "the server does not accept this agent; it was disabled or deleted. Enrol it again with `holdfast-agent enroll`: {error}"
                    );
                }
                Reaction {
                    pause: if first { self.soon } else { self.refused },
                    stop_runs: again,
                    reload_identity: true,
                }
            }
            ApiErrorKind::Conflict => {
                if first {
                    tracing::error!(
                        code,
                        "another machine or process works under this agent's identity; this one stands back. Enrol each machine on its own: {error}"
                    );
                }
                Reaction {
                    pause: self.refused,
                    stop_runs: true,
                    reload_identity: false,
                }
            }
            ApiErrorKind::UpgradeRequired => {
                if first {
                    let update = error
                        .update_command
                        .as_deref()
                        .unwrap_or("install the agent of the server's version");
                    tracing::error!(
                        code,
                        update,
                        "the server does not serve this version of the agent any more; update it: {error}"
                    );
                }
                Reaction {
                    pause: self.refused,
                    stop_runs: false,
                    reload_identity: false,
                }
            }
            ApiErrorKind::Rejected | ApiErrorKind::NotFound => {
                if first {
                    tracing::error!(code, "the server rejects this agent's request: {error}");
                }
                Reaction {
                    pause: self.refused,
                    stop_runs: false,
                    reload_identity: false,
                }
            }
            ApiErrorKind::Unreachable | ApiErrorKind::TooManyRequests | ApiErrorKind::Server => {
                if first {
                    tracing::warn!(
                        code,
                        "the server cannot be reached, the agent tries again: {error}"
                    );
                }
                let pause = error
                    .retry_after
                    .unwrap_or_default()
                    .max(self.backoff.pause());
                Reaction {
                    pause,
                    stop_runs: false,
                    reload_identity: false,
                }
            }
        }
    }
}

/// Decides between long polls and the fallback for networks that cut them.
pub(super) struct PollPace {
    timing: Timing,
    cuts: u32,
    fallback_until: Option<Instant>,
    idle_answers: u32,
}

impl PollPace {
    pub(super) fn new(timing: &Timing) -> Self {
        Self {
            timing: timing.clone(),
            cuts: 0,
            fallback_until: None,
            idle_answers: 0,
        }
    }

    /// How long the next poll may wait at the server.
    pub(super) fn wait_seconds(&mut self) -> u32 {
        if self
            .fallback_until
            .is_some_and(|until| Instant::now() >= until)
        {
            self.fallback_until = None;
        }
        if self.fallback_until.is_some() {
            0
        } else {
            self.timing.poll_wait_seconds
        }
    }

    pub(super) fn succeeded(&mut self, waited: u32) {
        if waited > 0 {
            self.cuts = 0;
        }
    }

    pub(super) fn failed(&mut self, error: &ApiError, wait: u32, after: Duration) {
        if wait == 0 || !error.is_temporary() || after < self.timing.cut_poll {
            self.cuts = 0;
            return;
        }
        self.cuts += 1;
        if self.cuts >= 2 {
            self.cuts = 0;
            tracing::info!(
                "something between agent and server cuts long requests; the agent asks at short intervals instead"
            );
            self.fallback_until = Some(Instant::now() + self.timing.fallback);
        }
    }

    /// How long to wait after an answer.
    pub(super) fn pause(
        &mut self,
        wait: u32,
        busy: bool,
        brought_work: bool,
        took: Duration,
    ) -> Duration {
        if brought_work {
            self.idle_answers = 0;
            return self.timing.poll_gap;
        }
        if wait == 0 {
            return if busy {
                self.timing.busy_poll.min(self.timing.idle_poll)
            } else {
                self.timing.idle_poll
            };
        }
        // A server that answers a long poll at once, again and again, is not to be flooded.
        if took >= Duration::from_secs(1) {
            self.idle_answers = 0;
        } else {
            self.idle_answers = (self.idle_answers + 1).min(5);
        }
        self.timing.poll_gap * 2u32.pow(self.idle_answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ApiErrorKind) -> ApiError {
        ApiError::new(kind, "no")
    }

    #[test]
    fn a_disabled_agent_stops_at_the_second_word() {
        let timing = Timing::default();
        let mut refusals = Refusals::new(&timing);
        let first = refusals.react(&error(ApiErrorKind::Unauthorized));
        assert!(!first.stop_runs && first.reload_identity && first.pause == timing.retry_longest);
        let second = refusals.react(&error(ApiErrorKind::Unauthorized));
        assert!(second.stop_runs && second.pause == timing.refused);
        refusals.succeeded();
        assert!(!refusals.react(&error(ApiErrorKind::Unauthorized)).stop_runs);
    }

    #[test]
    fn an_outage_or_an_old_version_stops_no_run() {
        let timing = Timing::default();
        let mut refusals = Refusals::new(&timing);
        for kind in [
            ApiErrorKind::Unreachable,
            ApiErrorKind::Server,
            ApiErrorKind::TooManyRequests,
            ApiErrorKind::UpgradeRequired,
        ] {
            for _ in 0..50 {
                let reaction = refusals.react(&error(kind));
                assert!(!reaction.stop_runs);
                assert!(!reaction.pause.is_zero() && reaction.pause <= timing.refused);
            }
        }
        assert!(refusals.react(&error(ApiErrorKind::Conflict)).stop_runs);
        let mut asked = error(ApiErrorKind::TooManyRequests);
        asked.retry_after = Some(Duration::from_secs(40));
        assert!(refusals.react(&asked).pause >= Duration::from_secs(40));
    }

    // Requirements: AGT-8, AGT-12
    #[test]
    fn cut_polls_lead_to_short_ones() {
        let timing = Timing::default();
        let mut pace = PollPace::new(&timing);
        assert_eq!(pace.wait_seconds(), 25);
        pace.failed(
            &error(ApiErrorKind::Unreachable),
            25,
            Duration::from_millis(5),
        );
        pace.failed(
            &error(ApiErrorKind::Unreachable),
            25,
            Duration::from_secs(10),
        );
        assert_eq!(pace.wait_seconds(), 25);
        pace.failed(
            &error(ApiErrorKind::Unreachable),
            25,
            Duration::from_secs(10),
        );
        assert_eq!(pace.wait_seconds(), 0);
        assert_eq!(
            pace.pause(0, false, false, Duration::ZERO),
            timing.idle_poll
        );
        assert_eq!(pace.pause(0, true, false, Duration::ZERO), timing.busy_poll);
    }

    #[test]
    fn a_server_that_answers_at_once_is_not_flooded() {
        let mut pace = PollPace::new(&Timing::default());
        let pauses: Vec<Duration> = (0..8)
            .map(|_| pace.pause(25, true, false, Duration::from_millis(1)))
            .collect();
        assert!(
            pauses[7] >= Duration::from_secs(3) && pauses.is_sorted(),
            "{pauses:?}"
        );
        assert!(pace.pause(25, true, true, Duration::from_millis(1)) <= Duration::from_millis(100));
    }
}
