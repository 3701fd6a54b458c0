//! Answers of Unix.

use std::io;

use rustix::fs::{Access, AtFlags, accessat};
use rustix::io::Errno;

use super::{NameSupport, Replacing};
use crate::dir::Dir;

/// The sticky bit: only its owner, or the directory's, removes an entry.
const STICKY: u32 = 0o1000;

/// File systems by the kernel's numbers (`linux/magic.h`): FAT and exFAT.
#[cfg(target_os = "linux")]
const FAT: [u64; 2] = [0x4d44, 0x2011_bab0];
/// SMB in its three clients, whose servers mostly fold case, and HFS+.
#[cfg(target_os = "linux")]
const FOLDING: [u64; 4] = [0x517b, 0xff53_4d42, 0xfe53_4d42, 0x482b];
/// `FS_CASEFOLD_FL` of `linux/fs.h`.
#[cfg(target_os = "linux")]
const CASE_FOLDING: u32 = 0x4000_0000;

impl Dir {
    /// Whether entries may be made here: this user may write, and the file system lets anybody.
    pub fn may_create(&self) -> io::Result<()> {
        let access = Access::WRITE_OK | Access::EXEC_OK;
        answer(accessat(&self.fd, c".", access, AtFlags::EACCESS))
    }

    /// Who may replace entries here, where entries may be made.
    pub fn replacing(&self) -> io::Result<Replacing> {
        let own = self.own_metadata()?;
        let user = rustix::process::geteuid().as_raw();
        let anybody = own.mode & STICKY == 0 || own.uid == user || owns_everything();
        Ok(Replacing {
            only: (!anybody).then_some(user),
        })
    }

    /// Whether the entry `name`, which belongs to the user `owner`, may be replaced by another one.
    pub fn may_replace(&self, name: &[u8], owner: u32, replacing: Replacing) -> io::Result<()> {
        let flags = AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW;
        // Permissions of a file do not say who may replace it. An entry that nobody may change answers in another way.
        if let Err(Errno::PERM) = accessat(&self.fd, name, Access::WRITE_OK, flags) {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it is marked as not to be changed",
            ));
        }
        if replacing.only.is_none_or(|only| only == owner) {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it belongs to another user, who alone may remove it",
        ))
    }

    /// Whether permissions and times of the entry `name`, which belongs to the user `owner`, may be changed.
    pub fn may_change_attributes(&self, name: &[u8], owner: u32) -> bool {
        let flags = AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW;
        let own = owner == rustix::process::geteuid().as_raw() || owns_everything();
        own && accessat(&self.fd, name, Access::WRITE_OK, flags) != Err(Errno::PERM)
    }

    /// What names are to the file system of this directory.
    pub fn names(&self) -> io::Result<NameSupport> {
        #[cfg(target_os = "linux")]
        {
            let kind = rustix::fs::fstatfs(&self.fd)?.f_type as u64 & 0xffff_ffff;
            if FAT.contains(&kind) {
                return Ok(NameSupport::Fat);
            }
            // A directory of ext4, F2FS or tmpfs may fold the case of its entries; those below it do the same.
            let folds = FOLDING.contains(&kind)
                || rustix::fs::ioctl_getflags(&self.fd)
                    .is_ok_and(|flags| flags.bits() & CASE_FOLDING != 0);
            Ok(match folds {
                true => NameSupport::FoldsCase,
                false => NameSupport::Bytes,
            })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(match cfg!(target_vendor = "apple") {
            true => NameSupport::FoldsCase,
            false => NameSupport::Bytes,
        })
    }

    /// Length of the longest name that the file system keeps, in bytes.
    pub fn longest_name(&self) -> io::Result<usize> {
        let limit = rustix::fs::fstatvfs(&self.fd)?.f_namemax;
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    }
}

/// Systems that do not know the question are asked by doing.
fn answer(answer: Result<(), Errno>) -> io::Result<()> {
    match answer {
        Err(Errno::NOSYS | Errno::INVAL) => Ok(()),
        other => Ok(other?),
    }
}

/// Whether this thread may do to every entry what its owner may.
fn owns_everything() -> bool {
    #[cfg(target_os = "linux")]
    if let Ok(sets) = rustix::thread::capabilities(None) {
        let owner = rustix::thread::CapabilitySet::FOWNER;
        return sets.effective.contains(owner);
    }
    rustix::process::geteuid().is_root()
}
