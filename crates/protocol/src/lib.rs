//! Everything that crosses the wire: the agent contract, ids, events, error codes and their texts.

pub mod agent;
pub mod secret;

pub use secret::Secret;
