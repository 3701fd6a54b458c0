//! How long the network may be busy with what an upload has handed out.
//!
//! The last that is seen of a body is that its next piece is asked for. What was handed out before lies in the buffers of
//! this system until the link has carried it, several megabytes of it, and the system asks again only when a good part of
//! that is gone. On a slow link this takes longer than a server may be silent, so the wait for the next sign of life grows
//! by the time that the buffered bytes need.

use std::time::Duration;

/// The most that systems keep of one connection's bytes.
const BUFFERED_MOST: u64 = 8 << 20;
/// Bytes a second that a link is taken to carry until more is known. One that carries less than this is of no use for
/// backups: a pack would take it 20 minutes and more.
const LEAST_RATE: u64 = 16 << 10;
/// A wait for the next request of at least this means that the buffers were full.
const FULL: Duration = Duration::from_millis(5);
/// The wait for one sign of life never grows by more.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// What is known about the speed of one upload.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Bytes handed out, and when the last of them were.
    handed: u64,
    handed_at: Duration,
    /// Bytes that were handed out, and the time, when the buffers last had room again after being full.
    drained: Option<(u64, Duration)>,
    /// Bytes a second between two such moments, the slowest of late.
    rate: Option<u64>,
}

impl Pace {
    /// The next piece is asked for.
    pub(super) fn asked(&mut self, now: Duration) {
        if self.handed == 0 || now.saturating_sub(self.handed_at) < FULL {
            return;
        }
        if let Some((handed, at)) = self.drained {
            let micros = now.saturating_sub(at).as_micros().max(1) as u64;
            let rate = (self.handed - handed).saturating_mul(1_000_000) / micros;
            // One fast moment does not make a slow link fast.
            self.rate = Some(
                self.rate
                    .map_or(rate, |before| rate.min(before.saturating_mul(2))),
            );
        }
        self.drained = Some((self.handed, now));
    }

    /// A piece is handed out.
    pub(super) fn handed(&mut self, bytes: u64, now: Duration) {
        self.handed += bytes;
        self.handed_at = now;
    }

    /// How long the link may need for what is buffered, at half of the speed that was seen.
    pub(super) fn allowance(&self) -> Duration {
        let buffered = self.handed.min(BUFFERED_MOST);
        let rate = self.rate.map_or(LEAST_RATE, |rate| (rate / 2).max(1));
        Duration::from_secs_f64(buffered as f64 / rate as f64).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: u64 = 64 << 10;
    /// What a server may be silent for anyway, in seconds.
    const TIMEOUT: f64 = 60.0;

    /// Hands out pieces over a link with a buffer, which asks for more only when a third of that is free. Returns the
    /// longest silence, and the least by which the allowed one exceeded the real one.
    fn run(rate: u64, buffer: u64, total: u64) -> (f64, f64) {
        let rate = rate as f64;
        let (mut pace, mut handed) = (Pace::default(), 0u64);
        let (mut now, mut carried) = (0.0f64, 0.0f64);
        let (mut longest, mut margin) = (0.0f64, f64::MAX);
        while handed < total {
            let room = buffer as f64 - (handed as f64 - carried);
            let silence = match room >= PIECE as f64 {
                true => 0.000_05,
                false => buffer as f64 / 3.0 / rate,
            };
            longest = longest.max(silence);
            margin = margin.min(pace.allowance().as_secs_f64() + TIMEOUT - silence);
            now += silence;
            carried = (carried + silence * rate).min(handed as f64);
            pace.asked(Duration::from_secs_f64(now));
            pace.handed(PIECE, Duration::from_secs_f64(now));
            handed += PIECE;
        }
        // The rest drains before the answer can come.
        let silence = (handed as f64 - carried) / rate;
        margin = margin.min(pace.allowance().as_secs_f64() + TIMEOUT - silence);
        (longest.max(silence), margin)
    }

    #[test]
    fn slow_links_get_the_time_they_need() {
        for rate in [20_000, 50_000, 200_000, 5_000_000] {
            for buffer in [200_000, 1 << 20, 4 << 20] {
                for total in [100_000, 3 << 20, 20 << 20] {
                    let (longest, margin) = run(rate, buffer, total);
                    assert!(
                        margin > 0.0,
                        "{rate} {buffer} {total}: silent for {longest} s, {margin}"
                    );
                }
            }
        }
        let (longest, _) = run(50_000, 4 << 20, 20 << 20);
        assert!(longest > TIMEOUT, "the case this is for: {longest}");
    }

    #[test]
    fn fast_links_are_not_waited_for() {
        let mut pace = Pace::default();
        let mut now = Duration::ZERO;
        for _ in 0..200 {
            now += Duration::from_millis(6);
            pace.asked(now);
            pace.handed(PIECE, now);
        }
        let allowance = pace.allowance();
        assert!(allowance < Duration::from_secs(2), "{allowance:?}");
        assert_eq!(Pace::default().allowance(), Duration::ZERO);
    }
}
