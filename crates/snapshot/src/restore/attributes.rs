//! What is set on a file once it has its content: owner, extended attributes, access control lists, permissions and times,
//! in this order. Setting an owner clears the set-id bits and capabilities, a file that its owner may not write to takes no
//! attributes from them, and everything before moves the times.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_files::{Extended, Refused};
use holdfast_host::dir::extended::{Subject, WriteExtended};
use holdfast_host::dir::{self, Dir, FileState, FileTime};
use parking_lot::Mutex;

use super::beyond::Beyond;
use super::plan::{Attributes, Plan};
use super::request::RestoreRequest;
use crate::extended::{group_rights, is_access_list};
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
/// Rights that a program gives whoever runs it, as the set-id bits do.
const CAPABILITIES: &str = "security.capability";
/// Entries that a message names of those with one and the same refusal.
const NAMED: usize = 5;

/// What is to be set on an entry.
#[derive(Clone, Copy)]
pub(super) struct Goal<'a> {
    pub(super) attributes: &'a Attributes,
    /// What it has beyond them, if something of it is set.
    pub(super) beyond: Option<&'a Beyond>,
}

/// The path of an entry for messages, made where there is one.
pub(super) type PathOf<'a> = &'a dyn Fn() -> String;

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
    /// Entries without the set-id bits or capabilities of the snapshot, because they have another owner.
    withheld: AtomicU64,
    extended: Arc<dyn WriteExtended>,
    /// What else was refused: what, and what the system said.
    refusals: Mutex<BTreeMap<(String, String), Refusals>>,
}

/// Entries with one and the same refusal.
#[derive(Default)]
struct Refusals {
    count: u64,
    /// The first of them.
    paths: Vec<String>,
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
            extended: Arc::clone(&request.extended),
            refusals: Mutex::default(),
        }
    }

    /// Whether the entry has another owner than what this process creates.
    fn differs(&self, wanted: &Attributes) -> bool {
        self.owners && self.own != Some((wanted.uid, wanted.gid))
    }

    /// Permissions with which a file is created: the final ones if nothing needs to be changed afterwards.
    pub(super) fn creation_mode(&self, goal: Goal<'_>) -> u32 {
        let wanted = goal.attributes;
        let is_final = self.permissions
            && goal.beyond.is_none()
            && !self.differs(wanted)
            && wanted.mode & (self.mask | 0o7000) == 0;
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
        goal: Goal<'_>,
        created: u32,
        path: PathOf<'_>,
    ) -> io::Result<()> {
        let wanted = goal.attributes;
        let owned = if self.differs(wanted) {
            self.allow_refusal(dir::set_owner(file, wanted.uid, wanted.gid))?
        } else {
            self.is_own(wanted)
        };
        let allowed = self.set_beyond(Subject::File(file), goal, owned, path);
        let mode = if self.permissions {
            self.granted(wanted.mode & allowed, owned)
        } else {
            0o666 & !self.mask
        };
        if mode != created || mode & self.mask != 0 || goal.beyond.is_some() {
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

    /// Whether the entry `name`, which exists, lacks something beyond the attributes that would be set on it.
    pub(super) fn lacks_beyond(&self, directory: &Dir, name: &[u8], goal: Goal<'_>) -> bool {
        let Some(beyond) = goal.beyond else {
            return false;
        };
        let wanted = self.without_lists(&beyond.extended);
        let subject = Subject::Entry(directory, name);
        self.extended.lacks(subject, &wanted)
    }

    /// Whether what an existing file lacks may be set on it. Whoever has it open, or has linked it elsewhere, keeps it:
    /// rights of another owner go to a new file only.
    pub(super) fn may_set_in_place(&self, there: &dir::Metadata, goal: Goal<'_>) -> bool {
        let wanted = goal.attributes;
        let keeps_owner =
            !self.owners || !self.may_give || (there.uid, there.gid) == (wanted.uid, wanted.gid);
        let is_file = cfg!(unix) && there.kind != dir::Kind::Symlink;
        let set_id = is_file && self.permissions && wanted.mode & SET_ID != 0;
        let capabilities = goal
            .beyond
            .is_some_and(|beyond| has_capabilities(&beyond.extended));
        keeps_owner && !set_id && !capabilities
    }

    /// Sets on an existing file what [`Self::are_set`] and [`Self::lacks_beyond`] ask for and [`Self::may_set_in_place`]
    /// allows.
    pub(super) fn change_file(
        &self,
        file: &File,
        goal: Goal<'_>,
        path: PathOf<'_>,
    ) -> io::Result<()> {
        let wanted = goal.attributes;
        let allowed = self.set_beyond(Subject::File(file), goal, false, path);
        if self.permissions {
            let mode = if cfg!(unix) {
                wanted.mode & !SET_ID & allowed
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
        goal: Goal<'_>,
        path: PathOf<'_>,
    ) -> io::Result<()> {
        self.set_beyond(Subject::Entry(directory, name), goal, false, path);
        if self.times {
            let modified = FileTime::from_nanoseconds(goal.attributes.modified);
            directory.set_entry_times(name, modified)?;
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
        goal: Goal<'_>,
        path: PathOf<'_>,
    ) -> io::Result<()> {
        let wanted = goal.attributes;
        let owned = if self.differs(wanted) {
            self.allow_refusal(directory.set_entry_owner(name, wanted.uid, wanted.gid))?
        } else {
            self.is_own(wanted)
        };
        self.set_beyond(Subject::Entry(directory, name), goal, owned, path);
        if self.times {
            directory.set_entry_times(name, FileTime::from_nanoseconds(wanted.modified))?;
        }
        Ok(())
    }

    /// Sets the attributes of a directory, new or not.
    pub(super) fn finish_directory(
        &self,
        directory: &Dir,
        goal: Goal<'_>,
        new: bool,
        path: PathOf<'_>,
    ) -> io::Result<()> {
        let wanted = goal.attributes;
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
        let allowed = self.set_beyond(Subject::Directory(directory), goal, owned, path);
        if self.permissions {
            directory.set_permissions(self.granted(wanted.mode & allowed, owned))?;
        } else if new {
            directory.set_permissions(0o777 & !self.mask)?;
        }
        if self.times {
            directory.set_times(FileTime::from_nanoseconds(wanted.modified))?;
        }
        Ok(())
    }

    /// Sets what hangs on the name of an entry, once it has it.
    pub(super) fn finish_name(
        &self,
        directory: &Dir,
        name: &[u8],
        goal: Goal<'_>,
        path: PathOf<'_>,
    ) {
        let Some(beyond) = goal
            .beyond
            .filter(|beyond| beyond.extended.windows.is_some())
        else {
            return;
        };
        for refused in self.extended.write_name(directory, name, &beyond.extended) {
            self.refuse(refused, path);
        }
    }

    /// Sets what an entry has beyond its attributes, and says which permissions it may then have: where an access control
    /// list could not be set, the group gets its own rights and not those of the whole list.
    fn set_beyond(
        &self,
        subject: Subject<'_>,
        goal: Goal<'_>,
        owned: bool,
        path: PathOf<'_>,
    ) -> u32 {
        let mut allowed = 0o7777;
        let Some(beyond) = goal.beyond else {
            return allowed;
        };
        let wanted = self.allowed(&beyond.extended, owned);
        for refused in self.extended.write(subject, &wanted) {
            if is_access_list(&refused.what)
                && let Some(rights) = group_rights(&wanted)
            {
                allowed = 0o7707 | rights << 3;
            }
            self.refuse(refused, path);
        }
        allowed
    }

    /// What is set of it: access control lists are permissions, and capabilities are for files of their owner alone.
    fn allowed<'e>(&self, wanted: &'e Extended, owned: bool) -> Cow<'e, Extended> {
        let mut allowed = self.without_lists(wanted);
        if !owned && has_capabilities(wanted) {
            self.withheld.fetch_add(1, Ordering::Relaxed);
            let attributes = &mut allowed.to_mut().attributes;
            attributes.retain(|(name, _)| name != CAPABILITIES);
        }
        allowed
    }

    /// Without access control lists where permissions are not restored.
    fn without_lists<'e>(&self, wanted: &'e Extended) -> Cow<'e, Extended> {
        if self.permissions {
            return Cow::Borrowed(wanted);
        }
        let mut without = wanted.clone();
        without.attributes.retain(|(name, _)| !is_access_list(name));
        if let Some(windows) = &mut without.windows {
            windows.security.clear();
        }
        Cow::Owned(without)
    }

    /// Notes something that could not be restored while the rest of its entry was.
    pub(super) fn refuse(&self, refused: Refused, path: PathOf<'_>) {
        let key = (refused.what, refused.error.to_string());
        let mut refusals = self.refusals.lock();
        let same = refusals.entry(key).or_default();
        same.count += 1;
        if same.paths.len() < NAMED {
            same.paths.push(path());
        }
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

    /// Says once what could not be set, and of how many entries.
    pub(super) fn report(&self, plan: &Plan) {
        let refusals = std::mem::take(&mut *self.refusals.lock());
        for ((what, reason), mut same) in refusals {
            same.paths.sort();
            let paths = same.paths.join(", ");
            let message = match same.count - same.paths.len() as u64 {
                0 => format!("{what} could not be restored: {reason} ({paths})"),
                more => format!("{what} could not be restored: {reason} ({paths} and {more} more)"),
            };
            let path = same.paths.into_iter().next().unwrap_or_default();
            plan.problem(
                ProblemCode::AttributesNotSet,
                Severity::Warning,
                path,
                message,
            );
        }
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
                "{withheld} entries belong to another owner than in the snapshot and got no set-id bits or capabilities"
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

fn has_capabilities(extended: &Extended) -> bool {
    let mut attributes = extended.attributes.iter();
    attributes.any(|(name, _)| name == CAPABILITIES)
}
