//! The last word of the server, and what its clock shows now.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// When the server answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// By this machine's clock.
    pub at: Timestamp,
    /// By the server's clock.
    pub server_time: Timestamp,
    /// By the clock of this process that nobody sets; `None` when an earlier process heard it.
    pub steady: Option<Duration>,
}

impl Contact {
    /// As if the server, with this machine's clock, had answered then.
    pub fn assumed(at: Timestamp) -> Self {
        Self {
            at,
            server_time: at,
            steady: None,
        }
    }

    /// What the server's clock shows when the clocks of this machine show these times. Schedules are the server's, and this
    /// machine's clock may be wrong, or set meanwhile.
    pub(crate) fn server_clock(&self, now: Timestamp, steady: Duration) -> Timestamp {
        let passed = match self.steady {
            Some(then) => SignedDuration::try_from(steady.saturating_sub(then)).ok(),
            None => Some(now.duration_since(self.at)),
        };
        passed
            .and_then(|passed| self.server_time.checked_add(passed).ok())
            .unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::ToSpan;

    use super::*;

    #[test]
    fn the_servers_clock_counts() {
        let server: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let at = server + 3.hours();
        let contact = Contact {
            at,
            server_time: server,
            steady: Some(Duration::from_secs(100)),
        };
        let later = Duration::from_secs(100 + 600);
        let shown = |contact: &Contact, now| contact.server_clock(now, later);
        assert_eq!(shown(&contact, at + 10.minutes()), server + 10.minutes());
        // Somebody set this machine's clock right meanwhile.
        assert_eq!(
            shown(&contact, server + 10.minutes()),
            server + 10.minutes()
        );
        // The next process knows only by how much the clocks differed.
        let told = Contact {
            steady: None,
            ..contact
        };
        assert_eq!(shown(&told, at + 10.minutes()), server + 10.minutes());
        assert_eq!(shown(&Contact::assumed(at), at), at);
    }
}
