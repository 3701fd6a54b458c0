//! Extended attributes and holes of Linux.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{
    SeekFrom, XattrFlags, fgetxattr, flistxattr, fsetxattr, lgetxattr, llistxattr, lsetxattr, seek,
};
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, capabilities};

use super::extents::gather;
use super::{Dir, Extended, Extents, Refused, Subject};

/// Bytes for the names of an entry's attributes at the first attempt; they are on the stack for every file of a backup.
const FEW_NAMES: usize = 512;
/// The kernel's limits of a list of names and of a value are this many bytes.
const MOST: usize = 64 * 1024;

/// How an entry is reached. There are no calls of the kind relative to a directory in common kernels, so entries that are
/// not open go through the directory's own path in `/proc`.
enum Place<'a> {
    Open(BorrowedFd<'a>),
    Path(Vec<u8>),
}

impl<'a> Place<'a> {
    fn of(subject: Subject<'a>) -> Self {
        match subject {
            Subject::File(file) => Self::Open(file.as_fd()),
            Subject::Directory(directory) => Self::Open(directory.as_fd()),
            Subject::Entry(directory, name) => {
                let mut path =
                    format!("/proc/self/fd/{}/", directory.as_fd().as_raw_fd()).into_bytes();
                path.extend_from_slice(name);
                Self::Path(path)
            }
        }
    }

    fn list(&self, names: &mut [u8]) -> rustix::io::Result<usize> {
        match self {
            Self::Open(fd) => flistxattr(fd, names),
            Self::Path(path) => llistxattr(path.as_slice(), names),
        }
    }

    fn get(&self, name: &str, value: &mut [u8]) -> rustix::io::Result<usize> {
        match self {
            Self::Open(fd) => fgetxattr(fd, name, value),
            Self::Path(path) => lgetxattr(path.as_slice(), name, value),
        }
    }

    fn set(&self, name: &str, value: &[u8]) -> rustix::io::Result<()> {
        match self {
            Self::Open(fd) => fsetxattr(fd, name, value, XattrFlags::empty()),
            Self::Path(path) => lsetxattr(path.as_slice(), name, value, XattrFlags::empty()),
        }
    }
}

pub(super) fn read(subject: Subject<'_>, refused: &mut Vec<Refused>) -> Extended {
    let mut extended = Extended::default();
    let place = Place::of(subject);
    let mut few = [0; FEW_NAMES];
    let mut many = Vec::new();
    let listed = match place.list(&mut few) {
        Err(Errno::RANGE) => {
            many.resize(MOST, 0);
            place.list(&mut many)
        }
        listed => listed,
    };
    let names = match listed {
        Ok(0) | Err(Errno::NOTSUP | Errno::NOSYS) => return extended,
        Ok(length) if many.is_empty() => &few[..length],
        Ok(length) => &many[..length],
        Err(error) => {
            refused.push(Refused::new("the list of extended attributes", error));
            return extended;
        }
    };
    for name in names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let Ok(name) = std::str::from_utf8(name) else {
            let error = io::Error::other("the name is not UTF-8");
            refused.push(Refused::new(String::from_utf8_lossy(name), error));
            continue;
        };
        if !is_kept(name) {
            continue;
        }
        match value(&place, name) {
            Ok(value) => extended.attributes.push((name.to_owned(), value)),
            // It went away since it was listed.
            Err(Errno::NODATA) => {}
            Err(error) => refused.push(Refused::new(name, error)),
        }
    }
    extended
}

/// Whether an attribute belongs to the entry rather than to the file system or the machine. What a file system makes up
/// of its own (`system.`, `btrfs.`) is not set by anybody; the labels of SELinux follow from the policy of a machine.
fn is_kept(name: &str) -> bool {
    match name.split_once('.') {
        Some(("user" | "trusted", _)) => true,
        Some(("security", rest)) => rest != "selinux",
        Some(("system", rest)) => matches!(rest, "posix_acl_access" | "posix_acl_default"),
        _ => false,
    }
}

fn value(place: &Place<'_>, name: &str) -> rustix::io::Result<Vec<u8>> {
    let mut value = vec![0; 256];
    let length = match place.get(name, &mut value) {
        Err(Errno::RANGE) => {
            value.resize(MOST, 0);
            place.get(name, &mut value)?
        }
        length => length?,
    };
    value.truncate(length);
    Ok(value)
}

pub(super) fn write(subject: Subject<'_>, wanted: &Extended, refused: &mut Vec<Refused>) {
    if wanted.windows.is_some() {
        let error = io::ErrorKind::Unsupported;
        refused.push(Refused::new("what only Windows has", error));
    }
    if wanted.attributes.is_empty() {
        return;
    }
    let place = Place::of(subject);
    for (name, value) in &wanted.attributes {
        if let Err(error) = place.set(name, value) {
            refused.push(Refused::new(name, error));
        }
    }
}

pub(super) fn lacks(subject: Subject<'_>, wanted: &Extended) -> bool {
    if wanted.attributes.is_empty() {
        return false;
    }
    let place = Place::of(subject);
    let differs = |name: &str, wanted: &[u8]| match value(&place, name) {
        Ok(value) => value != wanted,
        Err(Errno::NODATA) => true,
        // Where attributes cannot be read none can be set.
        Err(_) => false,
    };
    let mut attributes = wanted.attributes.iter();
    attributes.any(|(name, value)| differs(name, value) && may_set(name))
}

/// Whether this thread may set such an attribute, as far as that depends on the attribute alone.
fn may_set(name: &str) -> bool {
    let needed = match name.split_once('.') {
        Some(("security", "capability")) => CapabilitySet::SETFCAP,
        Some(("security" | "trusted", _)) => CapabilitySet::SYS_ADMIN,
        _ => return true,
    };
    capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
}

pub(super) fn write_name(_: &Dir, _: &[u8], _: &Extended, _: &mut Vec<Refused>) {}

pub(super) fn extents(file: &File) -> io::Result<Option<Extents>> {
    let end = seek(file, SeekFrom::End(0))?;
    gather(end, |position| match seek(file, SeekFrom::Data(position)) {
        Ok(start) => Ok(Some((start, seek(file, SeekFrom::Hole(start))?))),
        // Nothing but a hole follows.
        Err(Errno::NXIO) => Ok(None),
        // The file system knows no holes.
        Err(Errno::INVAL | Errno::NOTSUP) => Ok(Some((position, end))),
        Err(error) => Err(error.into()),
    })
}

pub(super) fn allow_holes(_: &File) -> io::Result<()> {
    Ok(())
}
