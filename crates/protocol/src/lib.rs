//! Everything that crosses the wire: the agent contract, the client API's types, ids, events, error codes and their texts.

pub mod agent;
pub mod alerts;
pub mod api;
pub mod errors;
pub mod ids;
pub mod secret;
mod time;

pub use secret::Secret;
pub use time::Time;
