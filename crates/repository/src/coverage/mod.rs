//! Reading every blob again within a number of days: not by chance, but those first that were not read for longest.
//!
//! When a blob was last read, and that it was not what it should be, is kept in one blob of the repository
//! ([`COVERAGE`]), sealed, under a name that other clients do not look at. So the work is shared by all clients of a
//! repository, outlives each of them, and goes on where it was interrupted. What was never read counts from when it was
//! stored. A run reads at least what would be too old before the next one, and at least so much that all of the repository
//! is read once in the window.

mod plan;
mod read;
mod record;
mod report;
mod run;

pub use plan::Budget;
pub use report::{Age, Coverage, CoverageRun, DamagedBlob};
pub use run::{CoverageOptions, CoverageProgress, coverage, verify_blobs};

/// The blob with the times at which blobs were read.
pub const COVERAGE: &str = "holdfast.coverage";

/// The window of a repository for which none was set, in days.
pub const DEFAULT_WINDOW_DAYS: u32 = 30;
