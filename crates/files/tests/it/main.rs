//! Sources of files: the suite every implementation passes, and what only one of them does.

mod conformance;
mod local;
mod memory;
mod scan;
