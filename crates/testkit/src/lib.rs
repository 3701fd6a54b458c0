//! What tests share: trees to back up and a comparison that owes nothing to the product, fixture
//! repositories, the built programs, and an S3 server with faults on order.
//!
//! Helpers panic with a sentence instead of returning errors where a test could do nothing but unwrap.

pub mod blobs;
mod fixture;
#[cfg(unix)]
mod fuse;
mod paths;
pub mod s3;
pub mod tree;

pub use fixture::Fixture;
#[cfg(unix)]
pub use fuse::missing_for_fuse;
pub use paths::{bin, data_dir, soak, workspace_dir};
