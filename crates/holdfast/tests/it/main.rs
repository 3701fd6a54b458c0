//! The built program from outside: what it prints, what it writes, how it ends.

mod bad_input;
mod bench;
mod copy;
mod coverage;
mod diff;
mod find;
mod fixture;
mod help;
mod maintenance;
#[cfg(target_os = "linux")]
mod mount;
mod object_lock;
mod policies;
mod program;
mod repair;
mod repository;
mod snapshot;
mod support;
mod sync;
