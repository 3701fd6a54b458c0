//! Shared by the cross-process tests.
