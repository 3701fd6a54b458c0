//! Executing runs: the engine on its thread, the reporter beside it.

mod figures;
mod log;
mod offline;
mod recorder;
mod reporter;
mod task;

pub use figures::{Figures, Meter};
pub(crate) use offline::{OfflineApi, Taken};
pub use recorder::RunRecorder;
pub(crate) use task::{Ended, RunHandle, RunServices, append, deliver, execute, record_end};
