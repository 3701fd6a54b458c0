//! The identities that leave the server: UUIDv7, one type a noun, so that the compiler catches a mix-up.
//!
//! Inside the database every row also has a 64-bit number; that one appears only on the agent's wire
//! and never in the client API.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = "uuid")]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identity; later ones sort after earlier ones.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }
    )+};
}

id_types! {
    /// A tenant: whose agents, vaults, jobs and runs these are.
    TenantId,
    /// A person who signs in.
    UserId,
    /// A machine with an agent.
    AgentId,
    /// An enrolment token.
    EnrolmentTokenId,
    /// A vault: one repository.
    VaultId,
    /// A job.
    JobId,
    /// A run of a job, or a restore.
    RunId,
    /// A command to an agent.
    CommandId,
    /// A restore point: what one run stored.
    PointId,
    /// One source path's snapshot inside a restore point.
    SnapshotId,
    /// A line of the audit log.
    AuditId,
    /// An alert.
    AlertId,
    /// A channel of notifications.
    ChannelId,
    /// A download.
    DownloadId,
}
