//! Shared by the tests of all crates.

mod compare;

pub use compare::{CompareOptions, Comparison, compare_trees};
