//! What changed, told to everybody who looks at it: pages by server-sent events, requests that wait for a command.
//!
//! A message is an id only; who gets it reads the present state. A lost one costs a delay, never a wrong figure.

pub(crate) mod streams;

use std::sync::Arc;

use holdfast_protocol::api::runs::RunEvent;
use serde_json::Value;
use tokio::sync::broadcast;
use uuid::Uuid;

/// Messages that a slow listener may fall behind.
const CAPACITY: usize = 4096;

/// Something of one tenant changed.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Whose it is.
    pub(crate) tenant_id: i64,
    /// What it is.
    pub(crate) what: What,
}

impl Change {
    /// Something of a tenant.
    pub(crate) fn of(tenant_id: i64, what: What) -> Self {
        Self { tenant_id, what }
    }
}

/// What changed.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A run's status or figures, or that it is over.
    Run { uuid: Uuid, is_over: bool },
    /// A run has a new event.
    RunEvent { uuid: Uuid, event: Arc<RunEvent> },
    /// A machine.
    Agent { uuid: Uuid },
    /// A machine was deleted.
    AgentDeleted { uuid: Uuid },
    /// A vault.
    Vault { uuid: Uuid },
    /// A job.
    Job { uuid: Uuid },
    /// The points of a vault.
    Points { vault: Uuid },
    /// The alerts of the tenant.
    Alerts,
    /// A channel of notifications.
    Channel { uuid: Uuid },
    /// A command's status.
    Command { uuid: Uuid },
    /// A command has a part of its answer.
    CommandPartial { uuid: Uuid, part: Arc<Value> },
}

impl What {
    /// Whether an alert may open or close because of it.
    pub(crate) fn concerns_alerts(&self) -> bool {
        match self {
            Self::Run { is_over, .. } => *is_over,
            Self::Agent { .. }
            | Self::AgentDeleted { .. }
            | Self::Vault { .. }
            | Self::Job { .. }
            | Self::Points { .. }
            | Self::Channel { .. } => true,
            Self::RunEvent { .. }
            | Self::Alerts
            | Self::Command { .. }
            | Self::CommandPartial { .. } => false,
        }
    }
}

/// The hub.
#[derive(Clone, Debug)]
pub(crate) struct Live(broadcast::Sender<Change>);

impl Live {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(CAPACITY).0)
    }

    /// Tells it. Nobody listening is fine.
    pub(crate) fn tell(&self, tenant_id: i64, what: What) {
        let _nobody_listens = self.0.send(Change { tenant_id, what });
    }

    /// Listens from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }
}
