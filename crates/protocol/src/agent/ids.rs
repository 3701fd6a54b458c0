//! Integer ids of the agent wire. Browsers and the client API see UUIDs only.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! wire_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

wire_id! {
    /// An enrolled agent.
    AgentId
}
wire_id! {
    /// One execution of a job, or one restore.
    RunId
}
wire_id! {
    /// A job.
    JobId
}
wire_id! {
    /// A command queued for one agent.
    CommandId
}

/// Which claim or hand-back of a run an update belongs to: 1 for the first claim, one more for each hand-back.
/// An update of another attempt than the present one answers 409.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub u32);

impl fmt::Display for Attempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
