//! Maintenance (format 1 §9): what no snapshot needs any more goes, packs and indexes stay few and large.
//!
//! [`run`] is the whole of it. The rules are pure functions: [`Schedule`] and the parameters say what is due and allowed
//! (`due`), the epochs plan themselves ([`crate::epoch::EpochState`]). What changes the repository only carries out
//! such plans, in an order in which a crash at any point harms nothing: what replaces a blob is stored before it goes.

mod compaction;
mod create;
mod delete;
mod due;
mod epochs;
mod lock;
mod locks;
mod logs;
mod mark;
mod packs;
mod parameters;
mod report;
mod rewrite;
mod run;
mod safety;
mod schedule;
mod sweep;
mod usage;

pub use due::Mode;
pub(crate) use due::{MAX_CLOCK_SKEW, later};
pub(crate) use lock::lock;
pub use locks::{LockCoverage, lock_coverage};
pub use parameters::{LogRetention, MaintenanceCycle, MaintenanceParameters};
pub use report::{Freed, FreedReason, RunReport, TaskReport};
pub use run::{RunOptions, open_and_run, run};
pub use safety::{Safety, SafetyParameters};
pub use schedule::{Figures, Schedule, Task, TaskRun, TaskStatistics};
