//! Volumes by drive letter.

#![allow(unsafe_code)]

use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::ffi::OsStringExt;
use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::NetworkManagement::WNet::WNetGetConnectionW;
use windows_sys::Win32::Storage::FileSystem::{
    GetDiskFreeSpaceExW, GetDriveTypeW, GetLogicalDrives, GetVolumeInformationW,
};
use windows_sys::Win32::System::WindowsProgramming::{DRIVE_FIXED, DRIVE_REMOTE, DRIVE_REMOVABLE};

use super::Volume;

pub(super) fn list() -> io::Result<Vec<Volume>> {
    // SAFETY: the call takes nothing and only answers a bit mask.
    let mask = unsafe { GetLogicalDrives() };
    if mask == 0 {
        return Err(io::Error::last_os_error());
    }
    let letters = (b'A'..=b'Z').filter(|letter| mask & (1 << (letter - b'A')) != 0);
    Ok(letters
        .filter_map(|letter| describe(char::from(letter)))
        .collect())
}

pub(super) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let mut name: Vec<u16> = folder.as_os_str().encode_wide().collect();
    name.push(0);
    let mut free = 0;
    // SAFETY: `name` ends in zero and lives over the call, as does the one result that is asked for.
    let known = unsafe { GetDiskFreeSpaceExW(name.as_ptr(), &mut free, null_mut(), null_mut()) };
    if known == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(free)
}

/// A drive that holds files; `None` for empty readers and optical drives.
fn describe(letter: char) -> Option<Volume> {
    let root = wide(&format!("{letter}:\\"));
    // SAFETY: `root` is a string that ends in zero and lives over the call.
    let kind = unsafe { GetDriveTypeW(root.as_ptr()) };
    if ![DRIVE_FIXED, DRIVE_REMOTE, DRIVE_REMOVABLE].contains(&kind) {
        return None;
    }
    let mut volume = Volume {
        path: format!("{letter}:"),
        is_network: kind == DRIVE_REMOTE,
        ..Volume::default()
    };
    if volume.is_network {
        // A share whose server is gone would hold the other calls up.
        volume.remote = remote_name(letter);
        return Some(volume);
    }
    let mut label = [0u16; 261];
    let mut file_system = [0u16; 261];
    // SAFETY: both buffers are given with their length, the other results are not asked for.
    let known = unsafe {
        GetVolumeInformationW(
            root.as_ptr(),
            label.as_mut_ptr(),
            label.len() as u32,
            null_mut(),
            null_mut(),
            null_mut(),
            file_system.as_mut_ptr(),
            file_system.len() as u32,
        )
    };
    if known == 0 {
        return (kind == DRIVE_FIXED).then_some(volume);
    }
    volume.label = narrow(&label);
    volume.file_system = narrow(&file_system);
    // SAFETY: the three results are plain integers that live over the call.
    unsafe {
        GetDiskFreeSpaceExW(
            root.as_ptr(),
            &mut volume.free,
            &mut volume.size,
            null_mut(),
        )
    };
    Some(volume)
}

fn remote_name(letter: char) -> String {
    let local = wide(&format!("{letter}:"));
    let mut name = [0u16; 1024];
    let mut length = name.len() as u32;
    // SAFETY: the buffer is given with its length in characters.
    let failed = unsafe { WNetGetConnectionW(local.as_ptr(), name.as_mut_ptr(), &mut length) };
    if failed == 0 {
        narrow(&name)
    } else {
        String::new()
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn narrow(buffer: &[u16]) -> String {
    let length = buffer
        .iter()
        .position(|unit| *unit == 0)
        .unwrap_or(buffer.len());
    OsString::from_wide(&buffer[..length])
        .to_string_lossy()
        .into_owned()
}
