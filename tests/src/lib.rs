//! Shared by the cross-process tests.

pub mod cli;
mod folder;
pub mod many_contents;
pub mod many_versions;
#[cfg(target_os = "linux")]
pub mod memory_group;
pub mod stack;
#[cfg(target_os = "linux")]
pub mod trace;
