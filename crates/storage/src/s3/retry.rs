//! When to try again (format 1 §1.4).

use std::future::Future;
use std::time::Duration;

use super::Inner;
use super::client::block_on;
use super::errors::{Failure, Subject};
use super::idle::Activity;
use crate::{Error, Result, Retry};

/// The wait after the first attempt.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Waits grow by this.
const GROWTH: f64 = 1.5;
/// And no further than this.
const LONGEST_WAIT: Duration = Duration::from_secs(32);

/// The wait after attempt number `attempt`, counted from 1.
pub(super) fn wait_after(attempt: u32) -> Duration {
    let factor = GROWTH.powi(attempt.saturating_sub(1).min(100) as i32);
    FIRST_WAIT.mul_f64(factor).min(LONGEST_WAIT)
}

impl Inner {
    /// Makes attempts until one works, none can work, or all are used up.
    pub(super) fn run<T, F>(
        &self,
        operation: &'static str,
        subject: Subject<'_>,
        mut attempt: impl FnMut(Activity) -> F,
    ) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, Failure>>,
    {
        let work = async {
            let mut number = 1;
            loop {
                let activity = Activity::new();
                let outcome = activity
                    .guard(self.options.idle_timeout, attempt(activity.clone()))
                    .await
                    .unwrap_or_else(|idle| Err(Failure::from(idle)));
                let failure = match outcome {
                    Ok(value) => return Ok(value),
                    Err(failure) => failure,
                };
                let last = number >= self.options.attempts;
                if last || failure.retry() != Retry::Temporary {
                    return Err(failure.into_error(self, operation, subject, number));
                }
                tracing::debug!(%failure, number, "a storage request failed and is tried again");
                tokio::time::sleep(wait_after(number)).await;
                number += 1;
            }
        };
        block_on(&self.stop, work).unwrap_or_else(|_| {
            let error = Error::cancelled(operation, self.name());
            Err(match subject {
                Subject::Blob(id) => error.blob(id),
                Subject::Store => error,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_by_half_up_to_32_seconds() {
        let waits: Vec<_> = (1..=4).map(|n| wait_after(n).as_micros()).collect();
        assert_eq!(waits, [100_000, 150_000, 225_000, 337_500]);
        assert_eq!(wait_after(40), LONGEST_WAIT);
        assert_eq!(wait_after(u32::MAX), LONGEST_WAIT);
    }
}
