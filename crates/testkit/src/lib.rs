//! What tests share: trees to back up and a comparison that owes nothing to the product, fixture
//! repositories, and the built programs.
//!
//! Helpers panic with a sentence instead of returning errors where a test could do nothing but unwrap.

mod compare;
mod fixture;
mod paths;
pub mod tree;

pub use compare::{CompareOptions, Comparison, compare_trees};
pub use fixture::Fixture;
pub use paths::{bin, data_dir, soak, workspace_dir};
