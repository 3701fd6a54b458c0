//! Finding blobs by walking the directories. The walk does not ask how blobs are spread: a name is
//! what its directories and its file name give together (format 1 §1.3).

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use super::info_of;
use super::shards::BLOB_SUFFIX;
use crate::{BlobId, BlobInfo};

/// Calls `each` for the blobs below `directory`, whose own part of their names is `above`.
pub(crate) fn walk(
    directory: &Path,
    above: &str,
    prefix: &str,
    each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        // Blob names are ASCII, so whatever is not text is not ours.
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if entry.file_type()?.is_dir() {
            let name = format!("{above}{name}");
            if !name.starts_with(prefix) && !prefix.starts_with(&name) {
                continue;
            }
            match walk(&entry.path(), &name, prefix, each) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return Ok(ControlFlow::Break(())),
                // Removed since the directory above was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            continue;
        }
        let Some(stem) = name.strip_suffix(BLOB_SUFFIX) else {
            continue;
        };
        let Ok(id) = BlobId::new(format!("{above}{stem}")) else {
            continue;
        };
        if !id.as_str().starts_with(prefix) {
            continue;
        }
        match std::fs::metadata(entry.path()) {
            Ok(metadata) if metadata.is_file() => {
                if each(info_of(id, &metadata)).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ControlFlow::Continue(()))
}
