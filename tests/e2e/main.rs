//! Across processes: the programs as they are installed, on real storage.

mod bad_storage;
mod bit_flips;
#[cfg(target_os = "linux")]
mod durability;
mod s3_requests;
