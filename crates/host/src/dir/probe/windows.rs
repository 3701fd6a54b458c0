//! Answers of Windows: a handle with the right in question is opened and closed again.

use std::fs::OpenOptions;
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_ADD_FILE, FILE_ADD_SUBDIRECTORY, FILE_FLAG_BACKUP_SEMANTICS,
    FILE_FLAG_OPEN_REPARSE_POINT, FILE_WRITE_ATTRIBUTES,
};

use super::{NameSupport, Replacing};
use crate::dir::Dir;

/// Length of the longest name, in units of UTF-16.
const LONGEST_NAME: usize = 255;

impl Dir {
    /// Whether entries may be made here: this user may write, and the file system lets anybody.
    pub fn may_create(&self) -> io::Result<()> {
        may(self.path(), FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY)
    }

    /// Who may replace entries here: each is asked for itself.
    pub fn replacing(&self) -> io::Result<Replacing> {
        Ok(Replacing { only: None })
    }

    /// Whether the entry `name`, which belongs to the user `owner`, may be replaced by another one: not while a program
    /// has it open and does not share that.
    pub fn may_replace(&self, name: &[u8], _owner: u32, _replacing: Replacing) -> io::Result<()> {
        may(&self.child(name), DELETE)
    }

    /// Whether attributes and times of the entry `name` may be changed.
    pub fn may_change_attributes(&self, name: &[u8], _owner: u32) -> bool {
        may(&self.child(name), FILE_WRITE_ATTRIBUTES).is_ok()
    }

    /// What names are to the file systems of Windows, whichever it is.
    pub fn names(&self) -> io::Result<NameSupport> {
        Ok(NameSupport::Fat)
    }

    /// Length of the longest name that the file system keeps, in units of UTF-16.
    pub fn longest_name(&self) -> io::Result<usize> {
        Ok(LONGEST_NAME)
    }
}

fn may(path: &Path, access: u32) -> io::Result<()> {
    OpenOptions::new()
        .access_mode(access)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)
        .map(drop)
}
