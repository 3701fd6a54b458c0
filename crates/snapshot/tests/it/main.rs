//! Snapshots from end to end on stores in memory and on disk.

#[cfg(target_os = "linux")]
mod archive;
mod browse;
mod copy;
mod create;
mod damage;
mod diff;
mod extended;
mod faults;
mod find;
#[cfg(unix)]
mod fixtures;
mod history;
#[cfg(target_os = "linux")]
mod metadata;
mod preview;
mod property;
mod restore;
mod restore_again;
mod restore_beside;
mod restore_extended;
#[cfg(target_os = "linux")]
mod restore_in_place;
#[cfg(target_os = "linux")]
mod restore_plan;
mod resume;
mod search_index;
mod stream;
mod support;
