//! Settings: what the environment fixes, else what is stored, else the default.

use std::path::PathBuf;

use holdfast_protocol::api::settings::{FlagSetting, Setting, SettingsPatch, TextSetting};
use serde::{Deserialize, Serialize};

use crate::{
    notify::Reach,
    problem::{ApiError, ApiResult},
};

/// Name of the stored document.
pub(crate) const DOCUMENT: &str = "server";

const RECLAIM_GRACE_VARIABLE: &str = "HOLDFAST_RECLAIM_GRACE_SECONDS";
const WATCHDOG_TIMEOUT_VARIABLE: &str = "HOLDFAST_WATCHDOG_TIMEOUT_SECONDS";
const PUBLIC_URL_VARIABLE: &str = "HOLDFAST_PUBLIC_URL";
const PRIVATE_TARGETS_VARIABLE: &str = "HOLDFAST_PRIVATE_TARGETS";
const CA_FILE_VARIABLE: &str = "HOLDFAST_CA_FILE";

/// A run whose agent was silent for longer may be handed back to it.
const RECLAIM_GRACE_DEFAULT: u64 = 180;

/// A run whose agent was silent for longer fails.
const WATCHDOG_TIMEOUT_DEFAULT: u64 = 720;

/// Full logs of runs are kept for so many days.
const RUN_LOG_DAYS_DEFAULT: u64 = 90;

/// Events of runs are kept for so many days.
const RUN_EVENT_DAYS_DEFAULT: u64 = 365;

const MOST_DAYS: u64 = 3650;

const LARGEST_GRACE: u64 = 86_400;
const LARGEST_TIMEOUT: u64 = 604_800;

/// What is stored; absent values were never changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) reclaim_grace_seconds: Option<u64>,
    pub(crate) watchdog_timeout_seconds: Option<u64>,
    pub(crate) public_url: Option<String>,
    pub(crate) private_targets: Option<bool>,
    pub(crate) run_log_days: Option<u64>,
    pub(crate) run_event_days: Option<u64>,
}

/// What the environment fixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixedSettings {
    /// `HOLDFAST_RECLAIM_GRACE_SECONDS`.
    pub reclaim_grace_seconds: Option<u64>,
    /// `HOLDFAST_WATCHDOG_TIMEOUT_SECONDS`.
    pub watchdog_timeout_seconds: Option<u64>,
    /// `HOLDFAST_PUBLIC_URL`: address under which agents and browsers reach the server.
    pub public_url: Option<String>,
    /// `HOLDFAST_PRIVATE_TARGETS`: whether notifications may be sent to loopback, link-local and private addresses.
    pub private_targets: Option<bool>,
    /// `HOLDFAST_CA_FILE`: certificates in PEM of authorities that mail servers and receivers of webhooks may have theirs from,
    /// besides those that the system knows.
    pub ca_file: Option<PathBuf>,
}

impl FixedSettings {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a value is not a number of seconds or no switch, or grace and time-out do not fit each other.
    pub fn from_environment() -> anyhow::Result<Self> {
        let number = |name: &str| match std::env::var(name) {
            Ok(text) if !text.trim().is_empty() => match text.trim().parse::<u64>() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(anyhow::anyhow!(
                    "{name} is \"{text}\", not a number of seconds"
                )),
            },
            _ => Ok(None),
        };
        let switch = |name: &str| match std::env::var(name) {
            Ok(text) if !text.trim().is_empty() => match text.trim() {
                "true" | "1" => Ok(Some(true)),
                "false" | "0" => Ok(Some(false)),
                _ => Err(anyhow::anyhow!("{name} is \"{text}\", not true or false")),
            },
            _ => Ok(None),
        };
        let fixed = Self {
            reclaim_grace_seconds: number(RECLAIM_GRACE_VARIABLE)?,
            watchdog_timeout_seconds: number(WATCHDOG_TIMEOUT_VARIABLE)?,
            public_url: std::env::var(PUBLIC_URL_VARIABLE)
                .ok()
                .filter(|text| !text.trim().is_empty()),
            private_targets: switch(PRIVATE_TARGETS_VARIABLE)?,
            ca_file: std::env::var_os(CA_FILE_VARIABLE)
                .filter(|file| !file.is_empty())
                .map(PathBuf::from),
        };
        let grace = fixed.reclaim_grace_seconds.unwrap_or(RECLAIM_GRACE_DEFAULT);
        if let Some(timeout) = fixed.watchdog_timeout_seconds
            && timeout <= grace
        {
            anyhow::bail!(
                "{WATCHDOG_TIMEOUT_VARIABLE} ({timeout}) must be larger than {RECLAIM_GRACE_VARIABLE} ({grace}): \
                 a run could never be handed back to its agent"
            );
        }
        Ok(fixed)
    }
}

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InForce {
    pub(crate) fixed: FixedSettings,
    pub(crate) stored: Stored,
    pub(crate) version: i64,
}

impl InForce {
    /// Age of a heartbeat after which a run may be handed back, in seconds; always below the time-out.
    pub(crate) fn reclaim_grace_seconds(&self) -> u64 {
        let wanted = self
            .fixed
            .reclaim_grace_seconds
            .or(self.stored.reclaim_grace_seconds);
        wanted
            .unwrap_or(RECLAIM_GRACE_DEFAULT)
            .min(self.watchdog_timeout_seconds().saturating_sub(1))
    }

    /// Age of a heartbeat after which a run fails, in seconds.
    pub(crate) fn watchdog_timeout_seconds(&self) -> u64 {
        let wanted = self
            .fixed
            .watchdog_timeout_seconds
            .or(self.stored.watchdog_timeout_seconds);
        wanted.unwrap_or(WATCHDOG_TIMEOUT_DEFAULT)
    }

    /// Address under which agents reach the server; empty: as the browser reached it.
    pub(crate) fn public_url(&self) -> String {
        let url = self
            .fixed
            .public_url
            .as_ref()
            .or(self.stored.public_url.as_ref());
        url.map(|url| url.trim_end_matches('/').to_owned())
            .unwrap_or_default()
    }

    /// How far notifications may reach.
    pub(crate) fn reach(&self) -> Reach {
        let allowed = self.fixed.private_targets.or(self.stored.private_targets);
        if allowed == Some(true) {
            Reach::Private
        } else {
            Reach::Public
        }
    }

    pub(crate) fn private_targets(&self) -> FlagSetting {
        FlagSetting {
            value: self.reach() == Reach::Private,
            fixed_by: self
                .fixed
                .private_targets
                .map(|_| PRIVATE_TARGETS_VARIABLE.to_owned()),
        }
    }

    /// How long full logs of runs are kept, in days.
    pub(crate) fn run_log_days(&self) -> u64 {
        self.stored.run_log_days.unwrap_or(RUN_LOG_DAYS_DEFAULT)
    }

    /// How long events of runs are kept, in days.
    pub(crate) fn run_event_days(&self) -> u64 {
        self.stored.run_event_days.unwrap_or(RUN_EVENT_DAYS_DEFAULT)
    }

    pub(crate) fn run_log_days_setting(&self) -> Setting {
        Setting {
            value: self.run_log_days(),
            default: RUN_LOG_DAYS_DEFAULT,
            fixed_by: None,
        }
    }

    pub(crate) fn run_event_days_setting(&self) -> Setting {
        Setting {
            value: self.run_event_days(),
            default: RUN_EVENT_DAYS_DEFAULT,
            fixed_by: None,
        }
    }

    pub(crate) fn reclaim_grace(&self) -> Setting {
        Setting {
            value: self.reclaim_grace_seconds(),
            default: RECLAIM_GRACE_DEFAULT,
            fixed_by: self
                .fixed
                .reclaim_grace_seconds
                .map(|_| RECLAIM_GRACE_VARIABLE.to_owned()),
        }
    }

    pub(crate) fn watchdog_timeout(&self) -> Setting {
        Setting {
            value: self.watchdog_timeout_seconds(),
            default: WATCHDOG_TIMEOUT_DEFAULT,
            fixed_by: self
                .fixed
                .watchdog_timeout_seconds
                .map(|_| WATCHDOG_TIMEOUT_VARIABLE.to_owned()),
        }
    }

    pub(crate) fn public_url_setting(&self) -> TextSetting {
        TextSetting {
            value: self.public_url(),
            fixed_by: self
                .fixed
                .public_url
                .as_ref()
                .map(|_| PUBLIC_URL_VARIABLE.to_owned()),
        }
    }

    /// What would be stored after a change.
    ///
    /// # Errors
    /// When a value is out of range or fixed by the environment, or grace and time-out do not fit each other.
    pub(crate) fn changed(&self, patch: &SettingsPatch) -> ApiResult<Stored> {
        let fixed = |pointer: &str, by: &str| {
            ApiError::field(pointer, "fixed", format!("is fixed by {by}"))
        };
        let mut stored = self.stored.clone();
        if let Some(grace) = patch.reclaim_grace_seconds {
            if self.fixed.reclaim_grace_seconds.is_some() {
                return Err(fixed("/reclaim_grace_seconds", RECLAIM_GRACE_VARIABLE));
            }
            if !(10..=LARGEST_GRACE).contains(&grace) {
                return Err(ApiError::field(
                    "/reclaim_grace_seconds",
                    "out_of_range",
                    format!("must be 10 to {LARGEST_GRACE}"),
                ));
            }
            stored.reclaim_grace_seconds = Some(grace);
        }
        if let Some(timeout) = patch.watchdog_timeout_seconds {
            if self.fixed.watchdog_timeout_seconds.is_some() {
                return Err(fixed(
                    "/watchdog_timeout_seconds",
                    WATCHDOG_TIMEOUT_VARIABLE,
                ));
            }
            if timeout > LARGEST_TIMEOUT {
                return Err(ApiError::field(
                    "/watchdog_timeout_seconds",
                    "out_of_range",
                    format!("must be at most {LARGEST_TIMEOUT}"),
                ));
            }
            stored.watchdog_timeout_seconds = Some(timeout);
        }
        if let Some(url) = &patch.public_url {
            if self.fixed.public_url.is_some() {
                return Err(fixed("/public_url", PUBLIC_URL_VARIABLE));
            }
            if !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://")) {
                return Err(ApiError::field(
                    "/public_url",
                    "invalid",
                    "must begin with http:// or https://",
                ));
            }
            stored.public_url = Some(url.clone());
        }
        if let Some(allowed) = patch.private_targets {
            if self.fixed.private_targets.is_some() {
                return Err(fixed("/private_targets", PRIVATE_TARGETS_VARIABLE));
            }
            stored.private_targets = Some(allowed);
        }
        let days = |value: Option<u64>, pointer: &str| match value {
            Some(days) if !(1..=MOST_DAYS).contains(&days) => Err(ApiError::field(
                pointer,
                "out_of_range",
                format!("must be 1 to {MOST_DAYS}"),
            )),
            other => Ok(other),
        };
        stored.run_log_days = days(patch.run_log_days, "/run_log_days")?.or(stored.run_log_days);
        stored.run_event_days =
            days(patch.run_event_days, "/run_event_days")?.or(stored.run_event_days);
        let grace = self
            .fixed
            .reclaim_grace_seconds
            .or(stored.reclaim_grace_seconds)
            .unwrap_or(RECLAIM_GRACE_DEFAULT);
        let timeout = self
            .fixed
            .watchdog_timeout_seconds
            .or(stored.watchdog_timeout_seconds)
            .unwrap_or(WATCHDOG_TIMEOUT_DEFAULT);
        if timeout <= grace {
            return Err(ApiError::field(
                "/watchdog_timeout_seconds",
                "out_of_range",
                format!(
                    "must be larger than the grace of {grace} s, or a run could never be handed back"
                ),
            ));
        }
        Ok(stored)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::api::settings::SettingsPatch;

    use super::{FixedSettings, InForce, Stored};

    fn in_force(grace: Option<u64>, timeout: Option<u64>) -> InForce {
        InForce {
            fixed: FixedSettings {
                reclaim_grace_seconds: grace,
                watchdog_timeout_seconds: timeout,
                ..FixedSettings::default()
            },
            stored: Stored::default(),
            version: 0,
        }
    }

    // Requirements: RUN-10, SET-1c, SET-1d
    #[test]
    fn the_grace_is_always_smaller_than_the_time_out() {
        for (grace, timeout, expected) in [
            (None, None, (180, 720)),
            (Some(5), Some(9), (5, 9)),
            (Some(900), None, (719, 720)),
        ] {
            let settings = in_force(grace, timeout);
            assert_eq!(
                (
                    settings.reclaim_grace_seconds(),
                    settings.watchdog_timeout_seconds()
                ),
                expected
            );
        }
    }

    #[test]
    fn days_are_kept_within_what_makes_sense() {
        let free = in_force(None, None);
        assert_eq!((free.run_log_days(), free.run_event_days()), (90, 365));
        let patch = |days| SettingsPatch {
            run_log_days: Some(days),
            ..SettingsPatch::default()
        };
        assert!(free.changed(&patch(0)).is_err() && free.changed(&patch(4000)).is_err());
        let stored = free.changed(&patch(7)).unwrap();
        assert_eq!(
            (stored.run_log_days, stored.run_event_days),
            (Some(7), None)
        );
    }

    #[test]
    fn a_change_that_does_not_fit_is_refused() {
        let patch = |grace, timeout| SettingsPatch {
            reclaim_grace_seconds: grace,
            watchdog_timeout_seconds: timeout,
            ..SettingsPatch::default()
        };
        let free = in_force(None, None);
        assert!(free.changed(&patch(Some(60), Some(120))).is_ok());
        for (grace, timeout) in [
            (Some(9), None),
            (Some(720), None),
            (None, Some(180)),
            (Some(60), Some(60)),
        ] {
            assert!(
                free.changed(&patch(grace, timeout)).is_err(),
                "{grace:?} {timeout:?}"
            );
        }
        assert!(
            in_force(Some(30), None)
                .changed(&patch(Some(60), None))
                .is_err()
        );
    }
}
