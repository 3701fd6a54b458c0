//! The program in little memory: each command runs in a memory cgroup of 256 MiB, with source, repository and target on a
//! disk, because pages of a file system in memory are charged to whoever wrote them.
#![cfg(target_os = "linux")]

mod commands;
mod many_contents;
mod room;
