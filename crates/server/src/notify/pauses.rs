//! When what did not arrive is tried again, in milliseconds.

/// Messages are tried for so long.
pub(super) const TRIED_FOR: i64 = 24 * 3600 * 1000;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;

/// The pause after so many attempts in a row that failed, from 1.
pub(super) fn after(attempts: i64) -> i64 {
    match attempts {
        ..=1 => 15 * SECOND,
        2 => 30 * SECOND,
        3 => MINUTE,
        4 => 2 * MINUTE,
        // Whatever was down for long is back for a few minutes at most when a message arrives.
        _ => 4 * MINUTE,
    }
}

#[cfg(test)]
mod tests {
    use super::{MINUTE, after};

    #[test]
    fn pauses_grow_and_stay_below_five_minutes() {
        let pauses: Vec<i64> = (1..40).map(after).collect();
        assert!(pauses.is_sorted());
        assert!(pauses.iter().all(|pause| *pause < 5 * MINUTE));
    }
}
