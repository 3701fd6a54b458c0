//! Across processes: the programs as they are installed, on real storage.

mod absence;
mod bad_storage;
mod bit_flips;
mod cancel;
mod download;
#[cfg(target_os = "linux")]
mod durability;
mod kill;
mod outage;
mod progress;
mod restore;
mod s3_requests;
mod search;
mod secrets;
