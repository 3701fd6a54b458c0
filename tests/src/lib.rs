//! Shared by the cross-process tests.

pub mod stack;
