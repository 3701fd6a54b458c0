//! Retention of jobs: which restore points a job's rules keep, and the deletion of the others.
//!
//! The rules are `holdfast_planning::retention`; times are this server's own ([`crate::db::points::Stamp`]). One function
//! ([`judged::load`]) judges a job's points for the preview and for the deletion. Points that no run of the job reported are
//! not even looked at. The agent looks again before it deletes.

mod apply;
mod document;
mod ended;
mod judged;
mod preview;

pub(crate) use apply::{after_run, daily, named, still_condemned};
pub(crate) use document::{check, of_job};
pub(crate) use ended::{Ending, ended};
pub(crate) use preview::preview;
