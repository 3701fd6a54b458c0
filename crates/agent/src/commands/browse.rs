//! `browse_directory`: one page of a folder of this host, folders first.

use std::collections::BinaryHeap;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{
    BrowseDirectory, BrowseEntry, BrowseListing, LARGEST_BROWSE_PAGE,
};
use holdfast_protocol::agent::{Volume, failures};
use jiff::Timestamp;

use crate::failure::{Failure, WorkError};

/// Order of entries: folders before the rest, then by name without case, then by exact name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    is_file: bool,
    folded: String,
    name: OsString,
}

impl Key {
    fn new(is_dir: bool, name: OsString) -> Self {
        Self {
            is_file: !is_dir,
            folded: name.to_string_lossy().to_lowercase(),
            name,
        }
    }

    fn to_cursor(&self) -> String {
        let mut bytes = vec![if self.is_file { b'f' } else { b'd' }];
        bytes.extend_from_slice(&raw_bytes(&self.name));
        BASE64.encode(bytes)
    }

    fn from_cursor(cursor: &str) -> Option<Self> {
        let bytes = BASE64.decode(cursor).ok()?;
        let (kind, name) = bytes.split_first()?;
        let is_dir = match kind {
            b'd' => true,
            b'f' => false,
            _ => return None,
        };
        Some(Self::new(is_dir, from_raw_bytes(name)?))
    }
}

/// Lists a page of a folder. `volumes` is what an empty path lists where the system has drives instead of one root.
///
/// # Errors
/// A failure that names the path: `path_invalid`, `path_not_found` or `path_denied`.
pub fn browse(
    request: &BrowseDirectory,
    volumes: &[Volume],
    cancel: &Cancel,
) -> Result<BrowseListing, WorkError> {
    if request.path.is_empty() && request.raw_path.is_none() && cfg!(windows) {
        return Ok(list_volumes(volumes));
    }
    let folder = wanted_folder(request)?;
    let after = match &request.cursor {
        Some(cursor) => Some(
            Key::from_cursor(cursor)
                .ok_or_else(|| Failure::new(failures::BAD_REQUEST, "the cursor is not valid"))?,
        ),
        None => None,
    };
    let limit = request
        .limit
        .unwrap_or(LARGEST_BROWSE_PAGE)
        .clamp(1, LARGEST_BROWSE_PAGE) as usize;
    let (keys, truncated) =
        first_keys(&folder, after.as_ref(), limit, request.folders_only, cancel)?;
    let next_cursor = keys.last().filter(|_| truncated).map(Key::to_cursor);
    let entries = keys
        .into_iter()
        .map(|key| describe(&folder, &key))
        .collect();
    Ok(BrowseListing {
        path: folder.to_string_lossy().into_owned(),
        parent: parent_of(&folder),
        entries,
        truncated,
        next_cursor,
    })
}

fn list_volumes(volumes: &[Volume]) -> BrowseListing {
    let entries = volumes.iter().map(|volume| {
        let network = volume.is_network == Some(true);
        BrowseEntry {
            name: volume.label.clone().map_or_else(
                || volume.path.clone(),
                |label| format!("{label} ({})", volume.path),
            ),
            path: if volume.path.ends_with(['/', '\\']) {
                volume.path.clone()
            } else {
                format!("{}\\", volume.path)
            },
            is_dir: true,
            icon: if network { "network-drive" } else { "drive" }.to_owned(),
            volume: Some(volume.clone()),
            ..BrowseEntry::default()
        }
    });
    BrowseListing {
        entries: entries.collect(),
        ..BrowseListing::default()
    }
}

/// The folder that is asked for, absolute and cleaned. Anything that climbs is refused.
fn wanted_folder(request: &BrowseDirectory) -> Result<PathBuf, Failure> {
    let path =
        match &request.raw_path {
            Some(raw) => {
                let bytes = BASE64
                    .decode(raw)
                    .ok()
                    .and_then(|bytes| from_raw_bytes(&bytes));
                PathBuf::from(bytes.ok_or_else(|| {
                    Failure::new(failures::PATH_INVALID, "the raw path is not valid")
                })?)
            }
            None if request.path.is_empty() => PathBuf::from("/"),
            None => PathBuf::from(&request.path),
        };
    let invalid = || {
        Failure::new(
            failures::PATH_INVALID,
            format!("{} must be an absolute path without `..`", path.display()),
        )
    };
    if !path.is_absolute() || path.to_string_lossy().contains('\0') {
        return Err(invalid());
    }
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => return Err(invalid()),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    Ok(clean)
}

fn parent_of(folder: &Path) -> Option<String> {
    match folder.parent() {
        Some(parent) => Some(parent.to_string_lossy().into_owned()),
        // Above a drive is the list of drives.
        None if cfg!(windows) => Some(String::new()),
        None => None,
    }
}

/// The first `limit` keys after `after`, and whether more follow. Holds no more than that in memory, however large the folder.
fn first_keys(
    folder: &Path,
    after: Option<&Key>,
    limit: usize,
    folders_only: bool,
    cancel: &Cancel,
) -> Result<(Vec<Key>, bool), WorkError> {
    let mut heap: BinaryHeap<Key> = BinaryHeap::new();
    let mut truncated = false;
    for entry in std::fs::read_dir(folder).map_err(|error| cannot_list(folder, &error))? {
        cancel.check()?;
        let entry = entry.map_err(|error| cannot_list(folder, &error))?;
        let is_dir = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => {
                std::fs::metadata(entry.path()).is_ok_and(|target| target.is_dir())
            }
            Ok(kind) => kind.is_dir(),
            Err(_) => false,
        };
        if folders_only && !is_dir {
            continue;
        }
        let key = Key::new(is_dir, entry.file_name());
        if after.is_some_and(|after| key <= *after) {
            continue;
        }
        heap.push(key);
        if heap.len() > limit {
            heap.pop();
            truncated = true;
        }
    }
    Ok((heap.into_sorted_vec(), truncated))
}

fn cannot_list(folder: &Path, error: &io::Error) -> Failure {
    let shown = folder.display();
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(
            failures::PATH_NOT_FOUND,
            format!("{shown} does not exist on this machine"),
        ),
        io::ErrorKind::NotADirectory => {
            Failure::new(failures::PATH_NOT_FOUND, format!("{shown} is not a folder"))
        }
        io::ErrorKind::PermissionDenied => Failure::new(
            failures::PATH_DENIED,
            format!("the agent may not read {shown}; give the agent's account access"),
        ),
        _ => Failure::new(
            failures::PATH_NOT_FOUND,
            format!("{shown} cannot be listed: {error}"),
        ),
    }
}

fn describe(folder: &Path, key: &Key) -> BrowseEntry {
    let path = folder.join(&key.name);
    let metadata = std::fs::symlink_metadata(&path).ok();
    let is_link = metadata
        .as_ref()
        .is_some_and(|metadata| metadata.file_type().is_symlink());
    let is_dir = !key.is_file;
    let plain = metadata.as_ref().is_some_and(Metadata::is_file);
    let icon = match (is_dir, is_link, plain) {
        (true, ..) => "folder",
        (_, true, _) => "link",
        (_, _, true) => "file",
        _ => "device",
    };
    BrowseEntry {
        name: key.name.to_string_lossy().into_owned(),
        raw_path: path
            .to_str()
            .is_none()
            .then(|| BASE64.encode(raw_bytes(path.as_os_str()))),
        path: path.to_string_lossy().into_owned(),
        is_dir,
        size: metadata.as_ref().filter(|_| plain).map(Metadata::len),
        modified: metadata
            .as_ref()
            .and_then(|metadata| Timestamp::try_from(metadata.modified().ok()?).ok()),
        icon: icon.to_owned(),
        volume: None,
    }
}

#[cfg(unix)]
fn raw_bytes(text: &std::ffi::OsStr) -> Vec<u8> {
    std::os::unix::ffi::OsStrExt::as_bytes(text).to_vec()
}

#[cfg(unix)]
fn from_raw_bytes(bytes: &[u8]) -> Option<OsString> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec()))
}

/// On Windows the raw form of a name is its UTF-16 units, little-endian.
#[cfg(windows)]
fn raw_bytes(text: &std::ffi::OsStr) -> Vec<u8> {
    std::os::windows::ffi::OsStrExt::encode_wide(text)
        .flat_map(u16::to_le_bytes)
        .collect()
}

#[cfg(windows)]
fn from_raw_bytes(bytes: &[u8]) -> Option<OsString> {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    (bytes.len() % 2 == 0).then(|| std::os::windows::ffi::OsStringExt::from_wide(&units))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::wire_volume;

    fn list(request: &BrowseDirectory) -> Result<BrowseListing, Failure> {
        match browse(request, &[], &Cancel::new()) {
            Ok(listing) => Ok(listing),
            Err(WorkError::Failed(failure)) => Err(failure),
            Err(WorkError::Cancelled) => panic!("nobody cancelled"),
        }
    }

    fn at(path: &Path) -> BrowseDirectory {
        BrowseDirectory {
            path: path.to_str().unwrap().to_owned(),
            ..BrowseDirectory::default()
        }
    }

    fn names(listing: &BrowseListing) -> Vec<&str> {
        listing
            .entries
            .iter()
            .map(|entry| entry.name.as_str())
            .collect()
    }

    // Requirements: BRW-3, BRW-8
    #[test]
    fn folders_come_first_and_names_are_sorted_without_case() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.txt", "A.txt"] {
            std::fs::write(folder.path().join(name), "12345").unwrap();
        }
        for name in ["zoo", "Apple"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let listing = list(&at(folder.path())).unwrap();
        assert_eq!(names(&listing), ["Apple", "zoo", "A.txt", "b.txt"]);
        assert_eq!(listing.entries[2].size, Some(5));
        assert_eq!(
            (
                listing.entries[0].icon.as_str(),
                listing.entries[3].icon.as_str()
            ),
            ("folder", "file")
        );
        assert!(
            listing
                .entries
                .iter()
                .all(|entry| entry.modified.is_some() && entry.raw_path.is_none())
        );
        assert_eq!(
            listing.parent.as_deref(),
            folder.path().parent().unwrap().to_str()
        );
        let only = list(&BrowseDirectory {
            folders_only: true,
            ..at(folder.path())
        })
        .unwrap();
        assert_eq!(names(&only), ["Apple", "zoo"]);
    }

    // Requirements: BRW-3, BRW-8
    #[test]
    fn pages_join_without_gap_or_repetition() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..25 {
            std::fs::write(folder.path().join(format!("f{number}")), "").unwrap();
            std::fs::create_dir(folder.path().join(format!("d{number}"))).unwrap();
        }
        let whole = list(&at(folder.path())).unwrap();
        assert!(!whole.truncated && whole.next_cursor.is_none());
        let mut request = BrowseDirectory {
            limit: Some(7),
            ..at(folder.path())
        };
        let mut joined = Vec::new();
        loop {
            let page = list(&request).unwrap();
            assert!(page.entries.len() <= 7);
            joined.extend(page.entries);
            assert_eq!(page.truncated, page.next_cursor.is_some());
            match page.next_cursor {
                Some(cursor) => request.cursor = Some(cursor),
                None => break,
            }
        }
        assert_eq!(joined, whole.entries);
    }

    // Requirements: BRW-4, BRW-7, SEC-12
    #[test]
    fn climbing_relative_and_missing_paths_are_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let climbing = format!("{}/../etc", folder.path().display());
        for path in ["etc", "../etc", climbing.as_str(), "/etc/\0"] {
            let failure = list(&BrowseDirectory {
                path: path.into(),
                ..BrowseDirectory::default()
            })
            .unwrap_err();
            assert_eq!(failure.code, failures::PATH_INVALID, "{path}");
        }
        let missing = list(&at(&folder.path().join("none"))).unwrap_err();
        assert_eq!(missing.code, failures::PATH_NOT_FOUND);
        assert!(missing.message.contains("none"), "{missing}");
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert_eq!(
            list(&at(&folder.path().join("file"))).unwrap_err().code,
            failures::PATH_NOT_FOUND
        );
        let cursor = BrowseDirectory {
            cursor: Some("?".into()),
            ..at(folder.path())
        };
        assert_eq!(list(&cursor).unwrap_err().code, failures::BAD_REQUEST);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf8_can_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        let name = from_raw_bytes(b"caf\xe9").unwrap();
        std::fs::create_dir(folder.path().join(&name)).unwrap();
        std::fs::write(folder.path().join(&name).join("inside"), "").unwrap();
        let listing = list(&at(folder.path())).unwrap();
        let raw = listing.entries[0].raw_path.clone();
        assert!(raw.is_some() && listing.entries[0].name.contains('\u{fffd}'));
        let inside = list(&BrowseDirectory {
            raw_path: raw,
            ..at(folder.path())
        })
        .unwrap();
        assert_eq!(names(&inside), ["inside"]);
    }

    // Requirements: BRW-6
    #[cfg(unix)]
    #[test]
    fn links_to_folders_open_and_an_empty_path_is_the_root() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("up")).unwrap();
        std::os::unix::fs::symlink("/none", folder.path().join("broken")).unwrap();
        let listing = list(&at(folder.path())).unwrap();
        assert_eq!(names(&listing), ["up", "broken"]);
        assert_eq!(listing.entries[1].icon, "link");
        let root = list(&BrowseDirectory::default()).unwrap();
        assert_eq!((root.path.as_str(), root.parent), ("/", None));
    }

    // Requirements: BRW-5
    #[test]
    fn network_drives_carry_their_share() {
        let mapped = holdfast_host::volumes::Volume {
            path: "Z:".into(),
            label: "Documents".into(),
            file_system: "NTFS".into(),
            size: 100,
            free: 40,
            remote: r"\\fileserver\documents".into(),
            is_network: true,
        };
        let local = holdfast_host::volumes::Volume {
            path: "C:".into(),
            remote: String::new(),
            is_network: false,
            ..mapped.clone()
        };
        let listing = list_volumes(&[local, mapped].map(wire_volume));
        let shown = serde_json::to_value(&listing).unwrap();
        let entry = &shown["entries"][1];
        assert_eq!(entry["icon"], "network-drive");
        assert_eq!(entry["volume"]["unc_path"], r"\\fileserver\documents");
        assert_eq!(entry["volume"]["is_network"], true);
        let entry = &shown["entries"][0]["volume"];
        assert!(
            entry["unc_path"].is_null() && entry["is_network"].is_null(),
            "{entry}"
        );
    }

    // Requirements: BRW-3
    #[test]
    fn drives_are_listed_as_folders() {
        let volumes = [
            Volume {
                path: "C:".into(),
                label: Some("System".into()),
                ..Volume::default()
            },
            Volume {
                path: "Z:".into(),
                is_network: Some(true),
                ..Volume::default()
            },
        ];
        let listing = list_volumes(&volumes);
        assert_eq!(names(&listing), ["System (C:)", "Z:"]);
        assert_eq!(
            (
                listing.entries[0].path.as_str(),
                listing.entries[1].icon.as_str()
            ),
            ("C:\\", "network-drive")
        );
    }
}
