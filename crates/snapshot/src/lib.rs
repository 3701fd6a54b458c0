//! What command line and agent share: taking snapshots, restoring, verifying and reading them.

mod browse;
mod contents;
mod copy;
mod create;
mod delete;
mod diff;
mod error;
mod extended;
mod find;
mod freed;
mod pins;
mod preview;
mod problem;
mod progress;
mod read;
mod restore;
mod retention;
mod verify;
mod workers;

pub use browse::{ContentPage, OpenFile, list_content, open_file, read_file};
pub use contents::{BadContent, ContentCounts, ContentVerifyRequest, verify_contents};
pub use copy::{CopiedSnapshot, CopyReport, CopyRequest, copy};
pub use create::{SavedSnapshot, SnapshotReport, SnapshotRequest, Source, SourceReport, create};
pub use delete::delete;
pub use diff::{Aspect, DiffCounts, Difference, diff};
pub use error::{Error, Result};
pub use find::{FindProgress, FindReport, FindRequest, Found, FoundVersion, find};
pub use freed::freed_at_most;
pub use pins::{Pinned, change_pins};
pub use preview::{
    Amount, Cause, Explanation, Left, Preview, PreviewSource, Taken, Verdict, explain, preview,
};
pub use problem::{Problem, ProblemCode, Severity};
pub use progress::Progress;
pub use read::{Located, PathSearch, locate};
pub use restore::{ArchiveFormat, Form, RestoreReport, RestoreRequest, restore, restore_to_stream};
pub use retention::{Expired, Retained, expire, retained};
pub use verify::{DamagedFile, VerifyReport, VerifyRequest, damaged_files, verify};
