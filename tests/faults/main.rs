//! Storage that fails in every way it can, at every call: nothing that was reported done is lost.
//!
//! A [`world`] is a repository in memory, its clients with clocks of their own, and what must be in it. One call of one
//! operation is hit by one fault (a *fault point*); then the process is taken for dead, another opens the repository
//! without faults, and everything is audited: what was reported done restores byte for byte, what was not is not
//! listed or whole, and the strict check is clean.

mod files;
mod points;
mod steps;
mod world;
