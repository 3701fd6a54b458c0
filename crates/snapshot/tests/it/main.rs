//! Snapshots from end to end on stores in memory and on disk.

#[cfg(unix)]
mod fixtures;
