//! Directory-relative calls of Unix.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, chmodat, chownat, fchmod,
    fchown, futimens, linkat, mkdirat, openat, readlinkat, renameat, statat, symlinkat, unlinkat,
    utimensat,
};

use super::{Entries, FileTime, Kind, Metadata};

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    pub(super) fd: OwnedFd,
    /// Whether the position of `fd` has moved, so that a further listing must go back first.
    listed: AtomicBool,
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
/// Not to block on a pipe that took the place of a file.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Dir {
    fn from_fd(fd: OwnedFd) -> Self {
        Self {
            fd,
            listed: AtomicBool::new(false),
        }
    }

    /// Opens a directory by path; links in the path are followed.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::from_fd(rustix::fs::open(
            path,
            DIRECTORY,
            Mode::empty(),
        )?))
    }

    /// Opens the directory `name` of this one.
    pub fn open_dir(&self, name: &[u8]) -> io::Result<Self> {
        Ok(Self::from_fd(openat(
            &self.fd,
            name,
            DIRECTORY | OFlags::NOFOLLOW,
            Mode::empty(),
        )?))
    }

    /// The directory above, for looking at its entries by their names; nothing for the root of the file system.
    pub fn parent(&self) -> io::Result<Option<Self>> {
        // It need not be readable for that.
        #[cfg(target_os = "linux")]
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        #[cfg(not(target_os = "linux"))]
        let flags = DIRECTORY;
        let above = Self::from_fd(openat(&self.fd, c"..", flags, Mode::empty())?);
        let identity = |dir: &Self| dir.own_metadata().map(|own| (own.device, own.inode));
        Ok((identity(&above)? != identity(self)?).then_some(above))
    }

    /// Another handle of the same directory.
    pub fn reopen(&self) -> io::Result<Self> {
        let fd = rustix::io::fcntl_dupfd_cloexec(&self.fd, 0)?;
        // Both share one position from now on, which a listing by either moves.
        self.listed.store(true, Ordering::Relaxed);
        Ok(Self {
            fd,
            listed: AtomicBool::new(true),
        })
    }

    /// Lists the directory.
    pub fn entries(&self) -> io::Result<Entries> {
        thread_local! {
            static BUFFER: std::cell::RefCell<Vec<u8>> = std::cell::RefCell::new(Vec::with_capacity(64 * 1024));
        }
        if self.listed.swap(true, Ordering::Relaxed) {
            rustix::fs::seek(&self.fd, rustix::fs::SeekFrom::Start(0))?;
        }
        BUFFER.with_borrow_mut(|buffer| self.entries_with(buffer.spare_capacity_mut()))
    }

    #[cfg(target_os = "linux")]
    fn entries_with(&self, buffer: &mut [MaybeUninit<u8>]) -> io::Result<Entries> {
        let mut entries = Entries::default();
        let mut raw = rustix::fs::RawDir::new(&self.fd, buffer);
        while let Some(entry) = raw.next() {
            let entry = entry?;
            push(
                &mut entries,
                entry.file_name().to_bytes(),
                entry.file_type(),
            )?;
        }
        Ok(entries)
    }

    #[cfg(not(target_os = "linux"))]
    fn entries_with(&self, _buffer: &mut [MaybeUninit<u8>]) -> io::Result<Entries> {
        let mut entries = Entries::default();
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            let entry = entry?;
            push(
                &mut entries,
                entry.file_name().to_bytes(),
                entry.file_type(),
            )?;
        }
        Ok(entries)
    }

    /// Metadata of the entry `name`.
    pub fn metadata(&self, name: &[u8]) -> io::Result<Metadata> {
        Ok(convert(&statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Metadata of this directory.
    pub fn own_metadata(&self) -> io::Result<Metadata> {
        Ok(convert(&rustix::fs::fstat(&self.fd)?))
    }

    /// Opens the file `name` for reading.
    pub fn open_file(&self, name: &[u8]) -> io::Result<File> {
        Ok(openat(&self.fd, name, READ, Mode::empty())?.into())
    }

    /// Opens the path `name`, following links within and out of this directory, for reading.
    pub fn open_file_following(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(openat(&self.fd, name, flags, Mode::empty())?.into())
    }

    /// Creates the file `name`, which must not exist, with these permissions before the process's mask, for
    /// writing and for reading what was written.
    pub fn create_file(&self, name: &[u8], mode: u32) -> io::Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.fd, name, flags, permissions(mode))?.into())
    }

    /// Opens the existing file `name` for writing, and for reading what is in it.
    pub fn open_file_for_writing(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(openat(&self.fd, name, flags, Mode::empty())?.into())
    }

    /// Opens the file `name` for changing its attributes.
    pub fn open_file_for_attributes(&self, name: &[u8]) -> io::Result<File> {
        self.open_file(name)
    }

    /// Creates the directory `name`.
    pub fn create_dir(&self, name: &[u8], mode: u32) -> io::Result<()> {
        Ok(mkdirat(&self.fd, name, permissions(mode))?)
    }

    /// Creates the symbolic link `name`.
    pub fn symlink(&self, target: &[u8], name: &[u8]) -> io::Result<()> {
        Ok(symlinkat(target, &self.fd, name)?)
    }

    /// Gives the file or symbolic link `name` a further name in a directory, which must be free there.
    pub fn link(&self, name: &[u8], directory: &Self, new_name: &[u8]) -> io::Result<()> {
        Ok(linkat(
            &self.fd,
            name,
            &directory.fd,
            new_name,
            AtFlags::empty(),
        )?)
    }

    /// Target text of the symbolic link `name`.
    pub fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(readlinkat(&self.fd, name, Vec::with_capacity(256))?.into_bytes())
    }

    /// Renames an entry of this directory, replacing a file of the new name.
    pub fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        Ok(renameat(&self.fd, from, &self.fd, to)?)
    }

    /// Renames a file or link of this directory to a name that must be free. File systems that cannot check and rename in
    /// one step check before.
    pub fn rename_new(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{RenameFlags, renameat_with};
            use rustix::io::Errno;
            match renameat_with(&self.fd, from, &self.fd, to, RenameFlags::NOREPLACE) {
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
                renamed => return Ok(renamed?),
            }
        }
        match self.metadata(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.rename(from, to),
            Err(error) => Err(error),
        }
    }

    /// Removes the file or link `name`.
    pub fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    /// Removes the empty directory `name`.
    pub fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
    }

    /// Sets the owner of the entry `name`, a link itself rather than its target.
    pub fn set_entry_owner(&self, name: &[u8], uid: u32, gid: u32) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        Ok(chownat(
            &self.fd,
            name,
            Some(uid),
            Some(gid),
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// Sets the permissions of the entry `name`, which must not be a link.
    pub fn set_entry_permissions(&self, name: &[u8], mode: u32) -> io::Result<()> {
        Ok(chmodat(
            &self.fd,
            name,
            permissions(mode),
            AtFlags::empty(),
        )?)
    }

    /// Sets access and modification time of the entry `name`, a link itself rather than its target.
    pub fn set_entry_times(&self, name: &[u8], modified: FileTime) -> io::Result<()> {
        Ok(utimensat(
            &self.fd,
            name,
            &timestamps(modified),
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// Sets the owner of this directory.
    pub fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()> {
        set_fd_owner(&self.fd, uid, gid)
    }

    /// Sets the permissions of this directory.
    pub fn set_permissions(&self, mode: u32) -> io::Result<()> {
        Ok(fchmod(&self.fd, permissions(mode))?)
    }

    /// Sets access and modification time of this directory.
    pub fn set_times(&self, modified: FileTime) -> io::Result<()> {
        Ok(futimens(&self.fd, &timestamps(modified))?)
    }
}

fn push(entries: &mut Entries, name: &[u8], kind: FileType) -> io::Result<()> {
    if name == b"." || name == b".." {
        return Ok(());
    }
    let kind = match kind {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Unknown => Kind::Unknown,
        _ => Kind::Other,
    };
    entries.push(name, kind)
}

// The fields of `stat` have other widths on other systems.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
fn convert(stat: &rustix::fs::Stat) -> Metadata {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Other,
    };
    Metadata {
        kind,
        mode: u32::from(stat.st_mode) & 0o7777,
        size: stat.st_size as u64,
        modified: FileTime {
            seconds: stat.st_mtime as i64,
            nanoseconds: stat.st_mtime_nsec as u32,
        },
        changed: FileTime {
            seconds: stat.st_ctime as i64,
            nanoseconds: stat.st_ctime_nsec as u32,
        },
        uid: stat.st_uid,
        gid: stat.st_gid,
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        links: stat.st_nlink as u64,
        may_have_holes: kind == Kind::File
            && (stat.st_size as u64).saturating_sub((stat.st_blocks as u64).saturating_mul(512))
                >= SMALLEST_HOLE,
    }
}

/// No file system has smaller holes that are worth keeping; many store small files in less room than whole blocks.
const SMALLEST_HOLE: u64 = 4096;

fn permissions(mode: u32) -> Mode {
    Mode::from_bits_truncate(mode & 0o7777)
}

fn timestamps(modified: FileTime) -> Timestamps {
    let time = Timespec {
        tv_sec: modified.seconds,
        tv_nsec: modified.nanoseconds.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

fn set_fd_owner(fd: impl AsFd, uid: u32, gid: u32) -> io::Result<()> {
    Ok(fchown(
        fd,
        Some(Uid::from_raw(uid)),
        Some(Gid::from_raw(gid)),
    )?)
}

/// Owner and group that entries get which this process creates in a directory.
pub fn own_ids(directory: &Dir) -> Option<(u32, u32)> {
    let metadata = directory.own_metadata().ok()?;
    // A directory with the set-group-id bit hands its group down.
    let gid = if metadata.mode & 0o2000 != 0 {
        metadata.gid
    } else {
        rustix::process::getegid().as_raw()
    };
    Some((rustix::process::geteuid().as_raw(), gid))
}

/// Permissions that the system takes off those of new entries, where it tells without changing them.
pub fn creation_mask() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

/// Sets the owner of an open file.
pub fn set_owner(file: &File, uid: u32, gid: u32) -> io::Result<()> {
    set_fd_owner(file, uid, gid)
}

/// Sets the permissions of an open file.
pub fn set_permissions(file: &File, mode: u32) -> io::Result<()> {
    Ok(fchmod(file, permissions(mode))?)
}

/// Sets access and modification time of an open file.
pub fn set_times(file: &File, modified: FileTime) -> io::Result<()> {
    Ok(futimens(file, &timestamps(modified))?)
}

/// Reads from a position of a file without moving its own; fewer bytes than asked for mean the end or an interruption.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

/// Writes all bytes at a position of a file.
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// The path with these raw bytes.
pub fn bytes_to_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// The raw bytes of a path or name.
pub fn path_to_bytes(path: &OsStr) -> Vec<u8> {
    path.as_bytes().to_vec()
}
