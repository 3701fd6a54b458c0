//! Open files on Windows.

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;

use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_REPARSE_POINT,
    GetFileInformationByHandle,
};

use super::FileState;
use crate::dir::windows::from_windows_time;

/// What an open file is now.
#[allow(unsafe_code)]
pub fn file_state(file: &File) -> io::Result<FileState> {
    let mut found = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open as long as `file` lives, and the structure is this function's own.
    if unsafe { GetFileInformationByHandle(file.as_raw_handle(), &mut found) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let joined = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let written = found.ftLastWriteTime;
    let modified = from_windows_time(joined(written.dwHighDateTime, written.dwLowDateTime));
    let other = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
    Ok(FileState {
        is_file: found.dwFileAttributes & other == 0,
        size: joined(found.nFileSizeHigh, found.nFileSizeLow),
        links: found.nNumberOfLinks.into(),
        uid: 0,
        gid: 0,
        modified,
        changed: modified,
        device: found.dwVolumeSerialNumber.into(),
        number: joined(found.nFileIndexHigh, found.nFileIndexLow),
    })
}

/// Files are not cloned here; says so.
pub fn clone_file(_new: &File, _old: &File) -> io::Result<bool> {
    Ok(false)
}

/// Owners are not part of a snapshot on Windows.
pub fn may_set_owners() -> bool {
    false
}

/// Users have no numbers on Windows.
pub fn own_user() -> Option<u32> {
    None
}
