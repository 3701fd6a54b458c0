//! Storage that fails in every way it can, at every call: nothing that was reported done is lost.
//!
//! A [`world`] is a repository in memory, its clients with clocks of their own, and what must be in it. One call of one
//! operation is hit by one fault (a *fault point*); then the process is taken for dead, another opens the repository
//! without faults, and everything is audited: what was reported done restores byte for byte, what was not is not
//! listed or whole, and the strict check is clean. `HOLDFAST_FAULT_SEED` repeats one random history.

#[cfg(target_os = "linux")]
mod crash;
mod damage;
mod files;
mod histories;
mod kill;
mod planted;
mod points;
mod steps;
mod world;

/// The seed that `HOLDFAST_FAULT_SEED` asks for, or another.
fn seed_or(otherwise: u64) -> u64 {
    match std::env::var("HOLDFAST_FAULT_SEED") {
        Ok(text) => text.parse().expect("HOLDFAST_FAULT_SEED is a number"),
        Err(_) => otherwise,
    }
}
