//! Settings of the server.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::common::Action;

/// The server's settings as they are in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Settings {
    /// A run whose agent was silent for longer may be handed back to it; 10 to 86,400.
    pub reclaim_grace_seconds: Setting,
    /// A run whose agent was silent for longer fails; more than the grace, up to 604,800.
    pub watchdog_timeout_seconds: Setting,
    /// Address under which agents reach the server; empty: as the browser reached it.
    pub public_url: TextSetting,
    /// Notifications may be sent to loopback, link-local and private addresses.
    pub private_targets: FlagSetting,
    /// How long full logs of runs are kept, in days; 1 to 3,650. The runs stay.
    pub run_log_days: Setting,
    /// How long events of runs are kept, in days; 1 to 3,650. The runs stay.
    pub run_event_days: Setting,
    /// For `If-Match`.
    pub version: i64,
    /// What the caller may do: `update`.
    pub actions: Vec<Action>,
}

/// One number among the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Setting {
    /// The value in force.
    pub value: u64,
    /// The value when nobody changes it.
    pub default: u64,
    /// The environment variable that fixes it; it cannot be changed here then.
    pub fixed_by: Option<String>,
}

/// One text among the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TextSetting {
    /// The value in force.
    pub value: String,
    /// The environment variable that fixes it; it cannot be changed here then.
    pub fixed_by: Option<String>,
}

/// One switch among the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlagSetting {
    /// The value in force.
    pub value: bool,
    /// The environment variable that fixes it; it cannot be changed here then.
    pub fixed_by: Option<String>,
}

/// Changes settings; absent fields stay.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsPatch {
    /// New grace.
    pub reclaim_grace_seconds: Option<u64>,
    /// New time-out.
    pub watchdog_timeout_seconds: Option<u64>,
    /// New address; empty: as the browser reached it.
    pub public_url: Option<String>,
    /// Whether notifications may be sent to private addresses.
    pub private_targets: Option<bool>,
    /// Days for which full logs of runs are kept.
    pub run_log_days: Option<u64>,
    /// Days for which events of runs are kept.
    pub run_event_days: Option<u64>,
}
