//! The upgrade lock (format 1 §2.6).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Announces that another client is about to change the format; while it holds, nobody else may work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeLock {
    /// Who upgrades.
    #[serde(rename = "ownerID", default, skip_serializing_if = "String::is_empty")]
    pub owner_id: String,
    /// When the lock was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Timestamp>,
    /// Nanoseconds between placing the lock and its start.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub advance_notice_duration: i64,
    /// Nanoseconds that clients get to finish.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub io_drain_timeout: i64,
    /// Nanoseconds between two looks at the lock.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub status_poll_interval: i64,
    /// Reason in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Nanoseconds by which clocks may differ.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_permitted_clock_drift: i64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde wants"
)]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

impl UpgradeLock {
    /// Whether everybody but the owner must keep away at `now`.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        let drain =
            i128::from(self.max_permitted_clock_drift) + 2 * i128::from(self.io_drain_timeout);
        let notice = i128::from(self.advance_notice_duration);
        if notice < drain {
            return true;
        }
        self.creation_time
            .is_none_or(|created| now.as_nanosecond() >= created.as_nanosecond() + notice - drain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_after_the_notice_less_the_drain() {
        let second = 1_000_000_000;
        let lock = UpgradeLock {
            owner_id: "o".into(),
            creation_time: Some(Timestamp::from_second(1000).unwrap()),
            advance_notice_duration: 100 * second,
            io_drain_timeout: 20 * second,
            status_poll_interval: 0,
            message: String::new(),
            max_permitted_clock_drift: 10 * second,
        };
        assert!(!lock.holds(Timestamp::from_second(1049).unwrap()));
        assert!(lock.holds(Timestamp::from_second(1050).unwrap()));
        let at_once = UpgradeLock {
            advance_notice_duration: 0,
            ..lock
        };
        assert!(at_once.holds(Timestamp::from_second(0).unwrap()));
    }
}
