//! Directories that stay after a power cut.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::atomic::parent_of;
use super::{sync_dir, with_path};

/// Creates `path` and what is missing above it, each with the Unix permission bits `mode` (Windows
/// ignores them), and syncs the parent of every new directory, so that none is lost with the power.
pub fn create_dir_all_synced(path: &Path, mode: u32) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    match make_directory(path, mode) {
        Ok(()) => sync_dir(parent_of(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.parent().is_some() => {
            create_dir_all_synced(parent_of(path), mode)?;
            create_dir_all_synced(path, mode)
        }
        // Somebody else was faster; what they made may not be on disk yet.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            sync_dir(parent_of(path))
        }
        Err(error) => Err(with_path(error, "create directory", path)),
    }
}

/// Creates the directories of the relative path `below` under `root`, which must exist, and syncs
/// the parent of each of them, new or not: another process may have created one a moment ago and
/// not synced it yet.
pub fn create_dirs_below(root: &Path, below: &Path, mode: u32) -> io::Result<()> {
    let mut directory: PathBuf = root.to_owned();
    for component in below.components() {
        let Component::Normal(name) = component else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} leaves its root", below.display()),
            ));
        };
        let child = directory.join(name);
        match make_directory(&child, mode) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && child.is_dir() => {}
            Err(error) => return Err(with_path(error, "create directory", &child)),
        }
        sync_dir(&directory)?;
        directory = child;
    }
    Ok(())
}

#[cfg(unix)]
fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    builder.create(path)
}

/// The mode has no meaning here: a directory inherits the access list of its parent.
#[cfg(windows)]
fn make_directory(path: &Path, _mode: u32) -> io::Result<()> {
    std::fs::create_dir(path)
}
