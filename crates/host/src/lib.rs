//! The door to the operating system.

pub mod dir;
