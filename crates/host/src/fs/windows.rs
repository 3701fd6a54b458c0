//! The Windows side.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::FileExt;
use std::path::Path;

use windows_sys::Win32::Storage::FileSystem::{
    MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH, MoveFileExW,
};

use super::with_path;

/// Creates a file for writing that must not exist yet; the mode has no meaning here, the file
/// inherits the access list of its directory.
pub fn create_new_file(path: &Path, _mode: u32) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| with_path(error, "create", path))
}

/// Moves `from` over `to` in one step and returns when the move is on disk.
#[allow(unsafe_code)]
pub fn replace_file(from: &Path, to: &Path) -> io::Result<()> {
    let (wide_from, wide_to) = (wide(from)?, wide(to)?);
    // SAFETY: both are zero-terminated and live through the call.
    let ok = unsafe {
        MoveFileExW(
            wide_from.as_ptr(),
            wide_to.as_ptr(),
            MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH,
        )
    };
    if ok == 0 {
        return Err(with_path(io::Error::last_os_error(), "rename to", to));
    }
    Ok(())
}

/// Nothing to do: NTFS journals its directories, and [`replace_file`] already writes through. Fails
/// only when the directory is not there.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    std::fs::metadata(path)
        .map(drop)
        .map_err(|error| with_path(error, "sync directory", path))
}

/// Fills `buffer` with the bytes from `offset` on; a file that ends earlier is the error
/// `UnexpectedEof`. The file's own position moves.
pub fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.seek_read(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The verbatim form, so that paths above 260 characters work as they do with `std::fs`.
fn wide(path: &Path) -> io::Result<Vec<u16>> {
    let absolute = std::path::absolute(path)?;
    let mut units: Vec<u16> = absolute.as_os_str().encode_wide().collect();
    if units.contains(&0) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a path holds a zero character",
        ));
    }
    const VERBATIM: [u16; 4] = [b'\\' as u16, b'\\' as u16, b'?' as u16, b'\\' as u16];
    let is_share = units.starts_with(&[b'\\' as u16, b'\\' as u16]);
    if !units.starts_with(&VERBATIM) && !is_share {
        units.splice(0..0, VERBATIM);
    }
    units.push(0);
    Ok(units)
}
