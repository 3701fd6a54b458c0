//! Alerts: what needs somebody.
//!
//! A snapshot of facts ([`facts`], gathered by [`gather`]) is turned into the alerts that should be open ([`rules`], pure),
//! compared with those that are ([`plan`], pure), and the difference is written in one transaction ([`evaluator`]): each
//! minute, and at once after something changed that may open or close one.

mod evaluator;
mod facts;
mod gather;
mod limits;
mod plan;
mod rules;

pub(crate) use evaluator::{Evaluator, LOOK_PAUSE, Marked};
