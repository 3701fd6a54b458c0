//! Index blobs of repositories without epochs (format 1 §8.2): which count, and how many become few.
//!
//! Every flush writes `n` blobs. A compaction writes their union as new `n` blobs and then an `m` blob that names
//! inputs and outputs; from then on the inputs do not count. Later the inputs are deleted and an `l` blob is written
//! that names the `m` blobs; still later those are deleted. The margins between the steps let clients work on that
//! still see an older listing.

mod compact;
mod documents;
mod plan;

pub use compact::{LegacyCompaction, LegacyCompactionReport};
pub use documents::{CleanupEntry, CompactionLog, LoggedBlob};
pub use plan::{
    CleanupPlan, CompactionPlan, active_set, plan_cleanup, plan_compaction, plan_removal,
};
