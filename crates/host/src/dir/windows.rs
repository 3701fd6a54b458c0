//! The same calls on Windows, by path.

#![allow(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::fs::{File, FileTimes, OpenOptions};
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use windows_sys::Win32::Foundation::ERROR_SHARING_VIOLATION;
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_READONLY, FILE_ATTRIBUTE_REPARSE_POINT,
    FILE_ATTRIBUTE_SPARSE_FILE, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES, GetFileInformationByHandle,
};

use super::extended::basic_information;
use super::{Entries, FileTime, Kind, Metadata};

/// A directory, held by its path.
#[derive(Debug)]
pub struct Dir {
    path: PathBuf,
}

impl Dir {
    /// Opens a directory by path; links in the path are followed.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !std::fs::metadata(path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            path: path.to_path_buf(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn child(&self, name: &[u8]) -> PathBuf {
        self.path.join(bytes_to_path(name))
    }

    /// Opens the directory `name` of this one.
    pub fn open_dir(&self, name: &[u8]) -> io::Result<Self> {
        let path = self.child(name);
        if !std::fs::symlink_metadata(&path)?.file_type().is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path })
    }

    /// The directory above, for looking at its entries by their names; nothing for the root of a volume.
    pub fn parent(&self) -> io::Result<Option<Self>> {
        let path = std::fs::canonicalize(&self.path)?;
        Ok(path.parent().map(|above| Self {
            path: above.to_path_buf(),
        }))
    }

    /// Another handle of the same directory.
    pub fn reopen(&self) -> io::Result<Self> {
        Ok(Self {
            path: self.path.clone(),
        })
    }

    /// Lists the directory.
    pub fn entries(&self) -> io::Result<Entries> {
        let mut entries = Entries::default();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let kind = entry.file_type().map_or(Kind::Unknown, kind);
            entries.push(&path_to_bytes(&entry.file_name()), kind)?;
        }
        Ok(entries)
    }

    /// Metadata of the entry `name`.
    pub fn metadata(&self, name: &[u8]) -> io::Result<Metadata> {
        let path = self.child(name);
        let mut converted = match open_attributes(&path, FILE_FLAG_OPEN_REPARSE_POINT) {
            Ok(file) => metadata_of(&file)?,
            // Files that the system keeps to itself tell what their directory says of them.
            Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION as i32) => {
                convert(&std::fs::symlink_metadata(&path)?)
            }
            Err(error) => return Err(error),
        };
        if converted.kind == Kind::Symlink {
            converted.size = path_to_bytes(std::fs::read_link(&path)?.as_os_str()).len() as u64;
        }
        Ok(converted)
    }

    /// Metadata of this directory.
    pub fn own_metadata(&self) -> io::Result<Metadata> {
        metadata_of(&open_attributes(&self.path, 0)?)
    }

    /// Opens the file `name` for reading.
    pub fn open_file(&self, name: &[u8]) -> io::Result<File> {
        open_no_link(&self.child(name), OpenOptions::new().read(true))
    }

    /// Opens the path `name`, following links within and out of this directory, for reading.
    pub fn open_file_following(&self, name: &[u8]) -> io::Result<File> {
        File::open(self.child(name))
    }

    /// Creates the file `name`, which must not exist. The permissions are set when the file is finished, because a file
    /// that is created read-only could not be written here.
    pub fn create_file(&self, name: &[u8], _mode: u32) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(self.child(name))
    }

    /// Opens the existing file `name` for writing, and for reading what is in it.
    pub fn open_file_for_writing(&self, name: &[u8]) -> io::Result<File> {
        open_no_link(&self.child(name), OpenOptions::new().read(true).write(true))
    }

    /// Opens the file `name` for changing its attributes.
    pub fn open_file_for_attributes(&self, name: &[u8]) -> io::Result<File> {
        OpenOptions::new()
            .access_mode(FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES)
            .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
            .open(self.child(name))
    }

    /// Creates the directory `name`.
    pub fn create_dir(&self, name: &[u8], _mode: u32) -> io::Result<()> {
        std::fs::create_dir(self.child(name))
    }

    /// Creates the symbolic link `name`: to a directory where the target is one now, else to a file.
    pub fn symlink(&self, target: &[u8], name: &[u8]) -> io::Result<()> {
        let target = bytes_to_path(target);
        if std::fs::metadata(self.path.join(&target)).is_ok_and(|metadata| metadata.is_dir()) {
            std::os::windows::fs::symlink_dir(target, self.child(name))
        } else {
            std::os::windows::fs::symlink_file(target, self.child(name))
        }
    }

    /// Gives the file or symbolic link `name` a further name in a directory, which must be free there.
    pub fn link(&self, name: &[u8], directory: &Self, new_name: &[u8]) -> io::Result<()> {
        std::fs::hard_link(self.child(name), directory.child(new_name))
    }

    /// Target text of the symbolic link `name`.
    pub fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(path_to_bytes(
            std::fs::read_link(self.child(name))?.as_os_str(),
        ))
    }

    /// Renames an entry of this directory, replacing a file of the new name, read-only or not.
    #[allow(clippy::disallowed_methods)] // restored files are not promised to be durable
    pub fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        let (from, to) = (self.child(from), self.child(to));
        let renamed = std::fs::rename(&from, &to);
        if matches!(&renamed, Err(error) if error.kind() == io::ErrorKind::PermissionDenied)
            && let Ok(there) = std::fs::symlink_metadata(&to)
            && there.permissions().readonly()
        {
            set_readonly(&to, &there, false)?;
            return std::fs::rename(&from, &to);
        }
        renamed
    }

    /// Renames a file or link of this directory to a name that is checked to be free.
    pub fn rename_new(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        match std::fs::symlink_metadata(self.child(to)) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.rename(from, to),
            Err(error) => Err(error),
        }
    }

    /// Removes the file or link `name`, read-only or not.
    pub fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        let path = self.child(name);
        let metadata = std::fs::symlink_metadata(&path)?;
        if metadata.permissions().readonly() {
            set_readonly(&path, &metadata, false)?;
        }
        std::fs::remove_file(&path).or_else(|error| match metadata.file_type().is_symlink() {
            // A link to a directory is removed like one.
            true => std::fs::remove_dir(&path),
            false => Err(error),
        })
    }

    /// Removes the empty directory `name`.
    pub fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        std::fs::remove_dir(self.child(name))
    }

    /// Owners are not part of a snapshot on Windows: nothing happens.
    pub fn set_entry_owner(&self, _name: &[u8], _uid: u32, _gid: u32) -> io::Result<()> {
        Ok(())
    }

    /// Sets or clears the read-only attribute of the entry `name`.
    pub fn set_entry_permissions(&self, name: &[u8], mode: u32) -> io::Result<()> {
        let path = self.child(name);
        let metadata = std::fs::symlink_metadata(&path)?;
        set_readonly(&path, &metadata, mode & 0o200 == 0)
    }

    /// Sets access and modification time of the entry `name`, a link itself rather than its target.
    pub fn set_entry_times(&self, name: &[u8], modified: FileTime) -> io::Result<()> {
        set_path_times(&self.child(name), modified)
    }

    /// Owners are not part of a snapshot on Windows: nothing happens.
    pub fn set_owner(&self, _uid: u32, _gid: u32) -> io::Result<()> {
        Ok(())
    }

    /// Sets or clears the read-only attribute of this directory.
    pub fn set_permissions(&self, mode: u32) -> io::Result<()> {
        set_readonly(
            &self.path,
            &std::fs::metadata(&self.path)?,
            mode & 0o200 == 0,
        )
    }

    /// Sets access and modification time of this directory.
    pub fn set_times(&self, modified: FileTime) -> io::Result<()> {
        set_path_times(&self.path, modified)
    }
}

fn kind(file_type: std::fs::FileType) -> Kind {
    if file_type.is_symlink() {
        Kind::Symlink
    } else if file_type.is_dir() {
        Kind::Directory
    } else if file_type.is_file() {
        Kind::File
    } else {
        Kind::Other
    }
}

/// Opens a file that must not be a link.
fn open_no_link(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)?;
    let metadata = file.metadata()?;
    if metadata.file_type().is_symlink() {
        return Err(io::Error::other(
            "a symbolic link took the place of the file",
        ));
    }
    if metadata.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT == 0 {
        return Ok(file);
    }
    // Deduplicated files and those of cloud drives: opened as above, the system gives what it keeps in their place
    // instead of their content.
    options.custom_flags(0).open(path)
}

/// Opens an entry to ask for its metadata, a link itself where the flags say so.
fn open_attributes(path: &Path, flags: u32) -> io::Result<File> {
    OpenOptions::new()
        .access_mode(FILE_READ_ATTRIBUTES)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | flags)
        .open(path)
}

/// What `std` knows of an entry; the rest stays unknown.
fn convert(metadata: &std::fs::Metadata) -> Metadata {
    let kind = kind(metadata.file_type());
    let attributes = metadata.file_attributes();
    let readonly = attributes & FILE_ATTRIBUTE_READONLY != 0;
    let mode = match (kind, readonly) {
        (Kind::Directory, false) | (Kind::Symlink, _) => 0o777,
        (Kind::Directory, true) => 0o555,
        (_, false) => 0o666,
        (_, true) => 0o444,
    };
    let size = if kind == Kind::File {
        metadata.file_size()
    } else {
        0
    };
    Metadata {
        kind,
        mode,
        size,
        modified: from_windows_time(metadata.last_write_time()),
        // What may have changed at any time is always looked at.
        changed: FileTime::UNKNOWN,
        uid: 0,
        gid: 0,
        device: 0,
        inode: 0,
        links: 1,
        may_have_holes: kind == Kind::File && attributes & FILE_ATTRIBUTE_SPARSE_FILE != 0,
    }
}

/// What an open handle tells.
fn metadata_of(file: &File) -> io::Result<Metadata> {
    let mut metadata = convert(&file.metadata()?);
    // Some file systems keep no time of change.
    if let Some(units) = u64::try_from(basic_information(file)?.ChangeTime)
        .ok()
        .filter(|units| *units > 0)
    {
        metadata.changed = from_windows_time(units);
    }
    let mut identity = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open and the structure lives over the call.
    if unsafe { GetFileInformationByHandle(file.as_raw_handle(), &mut identity) } == 0 {
        return Err(io::Error::last_os_error());
    }
    metadata.device = identity.dwVolumeSerialNumber.into();
    metadata.inode = u64::from(identity.nFileIndexHigh) << 32 | u64::from(identity.nFileIndexLow);
    metadata.links = identity.nNumberOfLinks.into();
    Ok(metadata)
}

/// Windows counts units of 100 ns from 1601.
pub(super) fn from_windows_time(units: u64) -> FileTime {
    const SECONDS_FROM_1601_TO_1970: i64 = 11_644_473_600;
    FileTime {
        seconds: (units / 10_000_000) as i64 - SECONDS_FROM_1601_TO_1970,
        nanoseconds: (units % 10_000_000) as u32 * 100,
    }
}

fn system_time(time: FileTime) -> io::Result<SystemTime> {
    let seconds = Duration::from_secs(time.seconds.unsigned_abs());
    let whole = if time.seconds < 0 {
        UNIX_EPOCH.checked_sub(seconds)
    } else {
        UNIX_EPOCH.checked_add(seconds)
    };
    whole
        .and_then(|whole| whole.checked_add(Duration::from_nanos(time.nanoseconds.into())))
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "a time outside the years that Windows can store",
            )
        })
}

fn set_path_times(path: &Path, modified: FileTime) -> io::Result<()> {
    let file = OpenOptions::new()
        .access_mode(FILE_WRITE_ATTRIBUTES)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)?;
    set_times(&file, modified)
}

fn set_readonly(path: &Path, metadata: &std::fs::Metadata, readonly: bool) -> io::Result<()> {
    let mut permissions = metadata.permissions();
    if permissions.readonly() == readonly {
        return Ok(());
    }
    permissions.set_readonly(readonly);
    std::fs::set_permissions(path, permissions)
}

/// Owners are not part of a snapshot on Windows.
pub fn own_ids(_directory: &Dir) -> Option<(u32, u32)> {
    None
}

/// Windows has no mask.
pub fn creation_mask() -> Option<u32> {
    None
}

/// Owners are not part of a snapshot on Windows: nothing happens.
pub fn set_owner(_file: &File, _uid: u32, _gid: u32) -> io::Result<()> {
    Ok(())
}

/// Sets or clears the read-only attribute of an open file.
pub fn set_permissions(file: &File, mode: u32) -> io::Result<()> {
    let mut permissions = file.metadata()?.permissions();
    let readonly = mode & 0o200 == 0;
    if permissions.readonly() == readonly {
        return Ok(());
    }
    permissions.set_readonly(readonly);
    file.set_permissions(permissions)
}

/// Sets access and modification time of an open file.
pub fn set_times(file: &File, modified: FileTime) -> io::Result<()> {
    let time = system_time(modified)?;
    file.set_times(FileTimes::new().set_modified(time).set_accessed(time))
}

/// Reads from a position of a file; fewer bytes than asked for mean the end or an interruption.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

/// Writes all bytes at a position of a file.
pub fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = file.seek_write(bytes, offset)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

/// The path with these WTF-8 bytes; bytes that are not WTF-8 become U+FFFD.
pub fn bytes_to_path(bytes: &[u8]) -> PathBuf {
    let mut wide = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (text, bad) = match std::str::from_utf8(rest) {
            Ok(text) => (text, 0),
            Err(error) => {
                let (valid, _) = rest.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).unwrap_or_default(), 1)
            }
        };
        wide.extend(text.encode_utf16());
        rest = &rest[text.len()..];
        if bad == 0 {
            continue;
        }
        match rest {
            // A lone surrogate in the three bytes that UTF-8 would use for it.
            [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, ..] => {
                wide.push(0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f));
                rest = &rest[3..];
            }
            _ => {
                wide.push(0xfffd);
                rest = &rest[1..];
            }
        }
    }
    PathBuf::from(OsString::from_wide(&wide))
}

/// The WTF-8 bytes of a path or name.
pub fn path_to_bytes(path: &OsStr) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    for unit in char::decode_utf16(path.encode_wide()) {
        match unit {
            Ok(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => {
                let unit = lone.unpaired_surrogate();
                bytes.extend_from_slice(&[
                    0xed,
                    0x80 | (unit >> 6 & 0x3f) as u8,
                    0x80 | (unit & 0x3f) as u8,
                ]);
            }
        }
    }
    bytes
}
