//! Snapshots as a file system: the tree alone, and mounted.

#[cfg(target_os = "linux")]
mod mounted;
mod support;
mod tree;
