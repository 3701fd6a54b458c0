//! What is mounted where, and taking dead mounts away.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Cancel, Ended, Program, Programs, SystemPrograms};

/// The helper by which ordinary users mount and unmount.
const HELPER: &str = "fusermount3";
/// It only makes one call.
const HELPER_LIMIT: Duration = Duration::from_secs(10);

/// One line of the kernel's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub(crate) device: String,
    pub(crate) root: String,
    pub(crate) path: String,
    /// Type of the file system.
    pub file_system: String,
    /// What is mounted: a device, the address of a server, or the name of a program.
    pub source: String,
}

/// What is mounted at a path, on top where there is more than one. The path is compared as it is, without following links:
/// a dead mount answers no call.
///
/// # Errors
/// When the system's list cannot be read.
pub fn at(path: &Path) -> io::Result<Option<Mount>> {
    let mut newest_first = list()?.into_iter().rev();
    Ok(newest_first.find(|mount| Path::new(&mount.path) == path))
}

/// Takes a mount away at once; programs that still use it keep what they have open.
///
/// # Errors
/// When the system refuses, also through the helper for ordinary users.
pub fn detach(path: &Path) -> io::Result<()> {
    match detach_by_call(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => detach_by_helper(path),
        other => other,
    }
}

#[cfg(target_os = "linux")]
fn detach_by_call(path: &Path) -> io::Result<()> {
    use rustix::mount::{UnmountFlags, unmount};
    Ok(unmount(path, UnmountFlags::DETACH)?)
}

/// Other systems have no such call that ordinary users may make.
#[cfg(not(target_os = "linux"))]
fn detach_by_call(_path: &Path) -> io::Result<()> {
    Err(io::ErrorKind::PermissionDenied.into())
}

fn detach_by_helper(path: &Path) -> io::Result<()> {
    let program = Program {
        path: PathBuf::from(HELPER),
        arguments: vec!["-u".into(), "-z".into(), "--".into(), path.into()],
        directory: PathBuf::from("/"),
        variables: Vec::new(),
    };
    let Ended { code, errors, .. } = SystemPrograms
        .run(&program, HELPER_LIMIT, &Cancel::new())
        .map_err(io::Error::other)?;
    match code {
        Some(0) => Ok(()),
        _ => Err(io::Error::other(
            String::from_utf8_lossy(&errors).trim().to_owned(),
        )),
    }
}

pub(crate) fn list() -> io::Result<Vec<Mount>> {
    Ok(parse(&std::fs::read_to_string("/proc/self/mountinfo")?))
}

/// Reads the list: `id parent major:minor root path options [tags] - type source options`.
pub(crate) fn parse(text: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let before: Vec<&str> = before.split(' ').collect();
        let mut after = after.split(' ');
        Some(Mount {
            device: (*before.get(2)?).to_owned(),
            root: unescape(before.get(3)?),
            path: unescape(before.get(4)?),
            file_system: after.next()?.to_owned(),
            source: unescape(after.next()?),
        })
    };
    text.lines().filter_map(mount).collect()
}

/// Undoes the kernel's octal escapes of blanks and backslashes.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes.get(at + 1..at + 4).filter(|_| bytes[at] == b'\\');
        let value =
            octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match value {
            Some(value) => {
                plain.push(value);
                at += 4;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_mounted_and_this_folder_is_not() {
        let proc = at(Path::new("/proc"))
            .expect("read the list")
            .expect("a mount");
        assert_eq!(proc.file_system, "proc");
        let folder = tempfile::tempdir().expect("make a folder");
        assert_eq!(at(folder.path()).expect("read the list"), None);
        assert!(detach(folder.path()).is_err());
    }
}
