//! The volumes of this machine, for choosing what to back up.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;
use std::path::Path;

/// One volume that holds files of people: not a virtual or temporary one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Mount point, or drive such as `C:`.
    pub path: String,
    /// Label, empty when there is none.
    pub label: String,
    /// File system, such as `ext4` or `NTFS`; empty when unknown.
    pub file_system: String,
    /// Size in bytes; 0 when unknown.
    pub size: u64,
    /// Free bytes for ordinary users.
    pub free: u64,
    /// UNC path of a mapped drive, or the export of a network mount; empty for local volumes.
    pub remote: String,
    /// Whether it lies on another machine.
    pub is_network: bool,
}

/// The volumes, in the order of their paths.
///
/// # Errors
/// When the system's list cannot be read. A volume that does not answer is listed without sizes.
pub fn list() -> io::Result<Vec<Volume>> {
    #[cfg(unix)]
    let mut volumes = unix::list()?;
    #[cfg(windows)]
    let mut volumes = windows::list()?;
    volumes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(volumes)
}

/// Bytes that ordinary users may still write below a folder.
///
/// # Errors
/// When the folder cannot be reached, or its file system does not say.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    #[cfg(unix)]
    let free = unix::free_bytes(folder);
    #[cfg(windows)]
    let free = windows::free_bytes(folder);
    free.map_err(|error| crate::fs::with_path(error, "ask for the free space of", folder))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_folder_has_room_and_one_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(super::free_bytes(folder.path()).unwrap() > 0);
        let missing = folder.path().join("missing");
        let error = super::free_bytes(&missing).unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
    }

    #[test]
    fn this_machine_has_volumes_with_sizes() {
        let volumes = super::list().unwrap();
        assert!(volumes.is_sorted_by(|a, b| a.path <= b.path));
        for volume in volumes {
            assert!(
                !volume.path.is_empty() && volume.free <= volume.size,
                "{volume:?}"
            );
        }
    }
}
