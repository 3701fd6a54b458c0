//! Maintenance of vaults: the server assigns each ready vault to one living machine with access, and starts quick and full
//! maintenance there at the intervals that the repository asks for.
//!
//! What is to be done is decided by pure functions (`plan`, `owner`) of the vault's row, the machines and the clock; the task
//! ([`look`]) carries it out. Agents own the maintenance in the repository as well; one that belongs to another program is left
//! to it.

mod ended;
mod owner;
mod plan;
#[cfg(test)]
pub(crate) mod samples;
mod state;
mod task;

pub(crate) use ended::{Ending, ended};
pub(crate) use owner::owner;
pub(crate) use state::State;
pub(crate) use task::{find_open, look, order, under_way};

use holdfast_protocol::agent::CommandType;

/// The two kinds of maintenance, as commands.
pub(crate) const KINDS: [CommandType; 2] =
    [CommandType::MaintenanceQuick, CommandType::MaintenanceFull];
