//! Commands to agents: queue, life, and what their end changes.

pub(crate) mod executor;
pub(crate) mod queue;
pub(crate) mod search;
pub(crate) mod state;
pub(crate) mod vault_context;
