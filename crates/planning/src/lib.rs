//! Pure rules of Holdfast: what is backed up, what is restored and where, without any input or output.
//!
//! Everything in this crate is a function from values to values, so the same code plans on one machine and is carried
//! out on another, and a dry run is the run itself without its last step.

pub mod find;
pub mod growth;
pub mod ignore;
mod local_time;
pub mod occurrences;
pub mod restore;
pub mod retention;
pub mod schedule;
