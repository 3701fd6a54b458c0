//! Owners, permissions and times, in this order: setting an owner clears the set-id bits.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_host::dir::{self, Dir, FileState, FileTime};

use super::plan::{Attributes, Plan};
use super::request::RestoreRequest;
use crate::problem::{ProblemCode, Severity};

/// Permissions while an entry is not finished.
pub(super) const UNFINISHED_FILE: u32 = 0o600;
pub(super) const UNFINISHED_DIRECTORY: u32 = 0o700;

/// The finest difference of times that snapshots and this system's files both keep, in nanoseconds.
pub(super) const TIME_UNIT: i64 = if cfg!(windows) { 100 } else { 1 };

/// The bit of the permissions that a read-only file lacks.
const OWNER_WRITES: u32 = 0o200;

/// Set-user-id and set-group-id.
const SET_ID: u32 = 0o6000;

/// Whether an unfinished file was made by this user and is nothing else at the same time. Whoever may write to the
/// directory could have put another one there.
pub(super) fn is_own(file: &FileState) -> bool {
    let own = dir::own_user();
    file.is_file && file.links == 1 && own.is_none_or(|own| own == file.uid)
}

/// What new entries get without being told, and what is to be set on them.
pub(super) struct Owners {
    owners: bool,
    permissions: bool,
    times: bool,
    /// Owner and group of what this process creates in the target.
    own: Option<(u32, u32)>,
    /// Whether this process may give entries to other users.
    may_give: bool,
    /// Bits that the system takes off the permissions of new files.
    mask: u32,
    /// Owners and permissions that the system refused to set.
    refused: AtomicU64,
    /// Entries without the set-id bits of the snapshot, because they have another owner.
    withheld: AtomicU64,
}

impl Owners {
    pub(super) fn of(root: &Dir, request: &RestoreRequest) -> Self {
        Self {
            owners: request.owners && cfg!(unix),
            permissions: request.permissions,
            times: request.times,
            own: dir::own_ids(root),
            may_give: dir::may_set_owners(),
            mask: dir::creation_mask().unwrap_or(0o7777),
            refused: AtomicU64::new(0),
            withheld: AtomicU64::new(0),
        }
    }

    /// Whether the entry has another owner than what this process creates.
    fn differs(&self, wanted: &Attributes) -> bool {
        self.owners && self.own != Some((wanted.uid, wanted.gid))
    }

    /// Permissions with which a file is created: the final ones if nothing needs to be changed afterwards.
    pub(super) fn creation_mode(&self, wanted: &Attributes) -> u32 {
        let is_final =
            self.permissions && !self.differs(wanted) && wanted.mode & (self.mask | 0o7000) == 0;
        if is_final {
            wanted.mode
        } else {
            UNFINISHED_FILE
        }
    }

    /// Sets what a file that was created with the permissions `created` does not have yet.
    pub(super) fn finish_file(
        &self,
        file: &File,
        wanted: &Attributes,
        created: u32,
    ) -> io::Result<()> {
        let owned = if self.differs(wanted) {
            self.allow_refusal(dir::set_owner(file, wanted.uid, wanted.gid))?
        } else {
            self.is_own(wanted)
        };
        let mode = if self.permissions {
            self.granted(wanted.mode, owned)
        } else {
            0o666 & !self.mask
        };
        if mode != created || mode & self.mask != 0 {
            self.allow_refusal(dir::set_permissions(file, mode))?;
        }
        if self.times {
            dir::set_times(file, FileTime::from_nanoseconds(wanted.modified))?;
        }
        Ok(())
    }

    /// Whether an entry of the target has everything that would be set on it. An owner that this process may not set is
    /// nobody's fault and no difference.
    pub(super) fn are_set(&self, there: &dir::Metadata, wanted: &Attributes) -> bool {
        let owned = (there.uid, there.gid) == (wanted.uid, wanted.gid);
        if self.owners && self.may_give && !owned {
            return false;
        }
        let unit = TIME_UNIT;
        let modified = there.modified.wrapped_nanoseconds();
        if self.times && modified.div_euclid(unit) != wanted.modified.div_euclid(unit) {
            return false;
        }
        if !self.permissions || there.kind == dir::Kind::Symlink {
            return true;
        }
        if cfg!(windows) {
            return there.mode & OWNER_WRITES == wanted.mode & OWNER_WRITES;
        }
        there.mode
            == if owned {
                wanted.mode
            } else {
                wanted.mode & !SET_ID
            }
    }

    /// Whether what an existing file lacks may be set on it. Whoever has it open, or has linked it elsewhere, keeps it:
    /// rights of another owner go to a new file only.
    pub(super) fn may_set_in_place(&self, there: &dir::Metadata, wanted: &Attributes) -> bool {
        let keeps_owner =
            !self.owners || !self.may_give || (there.uid, there.gid) == (wanted.uid, wanted.gid);
        let gives_rights = self.permissions && cfg!(unix) && wanted.mode & SET_ID != 0;
        keeps_owner && (!gives_rights || there.kind == dir::Kind::Symlink)
    }

    /// Sets on an existing file what [`Self::are_set`] asks for and [`Self::may_set_in_place`] allows.
    pub(super) fn change_file(&self, file: &File, wanted: &Attributes) -> io::Result<()> {
        if self.permissions {
            let mode = if cfg!(unix) {
                wanted.mode & !SET_ID
            } else {
                wanted.mode
            };
            self.allow_refusal(dir::set_permissions(file, mode))?;
        }
        if self.times {
            dir::set_times(file, FileTime::from_nanoseconds(wanted.modified))?;
        }
        Ok(())
    }

    /// The same of an existing symbolic link.
    pub(super) fn change_symlink(
        &self,
        directory: &Dir,
        name: &[u8],
        wanted: &Attributes,
    ) -> io::Result<()> {
        if self.times {
            directory.set_entry_times(name, FileTime::from_nanoseconds(wanted.modified))?;
        }
        Ok(())
    }

    /// Whether what this process creates has the owner that is wanted.
    fn is_own(&self, wanted: &Attributes) -> bool {
        self.own == Some((wanted.uid, wanted.gid))
    }

    /// The permissions an entry gets. The set-id bits hand the rights of the owner on, so only the owner of the snapshot
    /// passes them on: on an entry of anybody else they would give rights that nobody granted.
    fn granted(&self, mode: u32, owned: bool) -> u32 {
        if owned || mode & SET_ID == 0 || cfg!(windows) {
            return mode;
        }
        self.withheld.fetch_add(1, Ordering::Relaxed);
        mode & !SET_ID
    }

    /// Sets the attributes of a symbolic link; its permissions mean nothing.
    pub(super) fn finish_symlink(
        &self,
        directory: &Dir,
        name: &[u8],
        wanted: &Attributes,
    ) -> io::Result<()> {
        if self.differs(wanted) {
            self.allow_refusal(directory.set_entry_owner(name, wanted.uid, wanted.gid))?;
        }
        if self.times {
            directory.set_entry_times(name, FileTime::from_nanoseconds(wanted.modified))?;
        }
        Ok(())
    }

    /// Sets the attributes of a directory, new or not.
    pub(super) fn finish_directory(
        &self,
        directory: &Dir,
        wanted: &Attributes,
        new: bool,
    ) -> io::Result<()> {
        let owned = if self.owners && (!new || self.differs(wanted)) {
            self.allow_refusal(directory.set_owner(wanted.uid, wanted.gid))?
        } else if new {
            self.is_own(wanted)
        } else {
            wanted.mode & SET_ID == 0
                || directory
                    .own_metadata()
                    .is_ok_and(|there| (there.uid, there.gid) == (wanted.uid, wanted.gid))
        };
        if self.permissions {
            directory.set_permissions(self.granted(wanted.mode, owned))?;
        } else if new {
            directory.set_permissions(0o777 & !self.mask)?;
        }
        if self.times {
            directory.set_times(FileTime::from_nanoseconds(wanted.modified))?;
        }
        Ok(())
    }

    /// Whoever may not set owners, and file systems without permissions, get everything else. A file then stays as closed
    /// as it was created. Says whether it was set.
    fn allow_refusal(&self, result: io::Result<()>) -> io::Result<bool> {
        match result {
            Ok(()) => Ok(true),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported
                ) =>
            {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Says once how many owners and permissions could not be set.
    pub(super) fn report(&self, plan: &Plan) {
        let refused = self.refused.load(Ordering::Relaxed);
        let withheld = self.withheld.load(Ordering::Relaxed);
        let mut messages = Vec::new();
        if refused > 0 {
            messages.push(format!(
                "owner or permissions were not set in {refused} cases, because this user or the target's file system may not \
                 do so"
            ));
        }
        if withheld > 0 {
            messages.push(format!(
                "{withheld} entries belong to another owner than in the snapshot and got no set-id bits"
            ));
        }
        for message in messages {
            plan.problem(
                ProblemCode::AttributesNotSet,
                Severity::Warning,
                ".".to_owned(),
                message,
            );
        }
    }
}
