//! The door to the operating system.
//!
//! Everything that the other crates need from the machine and that must be done in one careful way
//! lives here: cancellation, clocks, durable file writes, locks, the identity of this host and user,
//! and every piece of `unsafe`. It is the lowest layer and knows no other crate of the workspace.

mod cancel;
mod clock;
mod crypto;
pub mod dir;
pub mod fs;
#[cfg(unix)]
mod hangup;
mod identity;
pub mod memory;
#[cfg(unix)]
pub mod mounts;
mod programs;
pub mod volumes;

pub use cancel::{Cancel, CancelCallback, Cancelled};
pub use clock::{Clock, ManualClock, SystemClock};
pub use crypto::{install_crypto_provider, random_bytes};
#[cfg(unix)]
pub use hangup::ignores_hangup;
pub use identity::{host_name, user_name};
pub use programs::{Ended, Program, ProgramError, Programs, ScratchFolder, SystemPrograms};
