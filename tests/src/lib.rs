//! Shared by the cross-process tests.

pub mod cli;
pub mod stack;
#[cfg(target_os = "linux")]
pub mod trace;
