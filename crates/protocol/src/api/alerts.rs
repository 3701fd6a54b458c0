//! Alerts: what needs somebody, and what needed somebody.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::common::Action;
use crate::{Time, ids::AlertId};

/// How bad an alert is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Data is not protected, or soon will not be.
    Bad,
    /// Something is incomplete.
    Warning,
    /// To be known.
    Info,
}

impl Severity {
    /// Every one, worst first.
    pub const ALL: [Self; 3] = [Self::Bad, Self::Warning, Self::Info];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    /// The severity of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str() == word)
    }
}

/// One text in each language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Words {
    /// English.
    pub en: String,
    /// German.
    pub de: String,
}

/// Something that needs somebody, or did. There is one open alert for a kind and object at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// Identity.
    pub id: AlertId,
    /// Its kind, such as `run_failed`, `run_missed`, `agent_unreachable`, `vault_unopenable`.
    pub kind: String,
    /// How bad it is.
    pub severity: Severity,
    /// Noun of the object: `jobs`, `agents`, `vaults`, `notification-channels`.
    pub object_type: String,
    /// The object.
    pub object_id: Uuid,
    /// The object's name.
    pub object_name: String,
    /// What happened, one sentence.
    pub title: Words,
    /// Why and what to do, as far as known; empty texts when nothing more is known.
    pub detail: Words,
    /// What to do: `run_now`, `run_maintenance`, `open_run`, `open_job`, `open_agent`, `open_vault`, `download_kit`,
    /// What to do: `run_now`, `run_maintenance`, `open_run`, `open_job`, `open_agent`, `open_vault`, `download_kit`,
    /// `open_notifications`.
    pub action: String,
    /// Noun of where the action leads or what it acts on: `jobs`, `runs`, `agents`, `vaults`,
    /// `notification-channels`.
    pub target_type: String,
    /// Identity of that.
    pub target_id: Uuid,
    /// Since when it is so.
    pub since: Time,
    /// When it was noticed.
    pub opened_at: Time,
    /// When it was last seen to be so.
    pub last_seen_at: Time,
    /// When it was over; absent while it is open.
    pub closed_at: Option<Time>,
    /// When somebody took note of it.
    pub acknowledged_at: Option<Time>,
    /// Who did.
    pub acknowledged_by: Option<String>,
    /// What the caller may do: `acknowledge`.
    pub actions: Vec<Action>,
}
