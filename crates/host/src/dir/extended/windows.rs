//! Security descriptors, attributes, alternate streams, short names and holes of Windows.

#![allow(unsafe_code)]

use std::ffi::{OsString, c_void};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::mem::size_of;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::sync::Once;

use windows_sys::Win32::Foundation::{
    ERROR_CALL_NOT_IMPLEMENTED, ERROR_HANDLE_EOF, ERROR_INVALID_PARAMETER, ERROR_MORE_DATA,
    ERROR_NOT_SUPPORTED, HANDLE, INVALID_HANDLE_VALUE, LUID,
};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, DACL_SECURITY_INFORMATION, GROUP_SECURITY_INFORMATION,
    GetKernelObjectSecurity, LUID_AND_ATTRIBUTES, LookupPrivilegeValueW,
    OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, SE_DACL_PROTECTED,
    SE_PRIVILEGE_ENABLED, SE_RESTORE_NAME, SetKernelObjectSecurity, TOKEN_ADJUST_PRIVILEGES,
    TOKEN_PRIVILEGES, UNPROTECTED_DACL_SECURITY_INFORMATION,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_ATTRIBUTE_ARCHIVE, FILE_ATTRIBUTE_HIDDEN, FILE_ATTRIBUTE_NORMAL,
    FILE_ATTRIBUTE_NOT_CONTENT_INDEXED, FILE_ATTRIBUTE_READONLY, FILE_ATTRIBUTE_SYSTEM,
    FILE_BASIC_INFO, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_GENERIC_WRITE,
    FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES, FileBasicInfo, FileStreamInfo, FindClose,
    FindFirstFileW, GetFileInformationByHandleEx, GetFinalPathNameByHandleW, READ_CONTROL,
    SetFileInformationByHandle, SetFileShortNameW, WIN32_FIND_DATAW, WRITE_DAC, WRITE_OWNER,
};
use windows_sys::Win32::System::IO::DeviceIoControl;
use windows_sys::Win32::System::Ioctl::{
    FILE_ALLOCATED_RANGE_BUFFER, FSCTL_QUERY_ALLOCATED_RANGES, FSCTL_SET_SPARSE,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::extents::gather;
use super::{Dir, Extended, Extents, Refused, Subject, Windows};

/// Bytes of one alternate stream that are kept; they pass through memory, unlike the content of a file.
const LARGEST_STREAM: i64 = 8 << 20;
/// How the system says that there are no streams, or none on such a file system.
const NO_STREAMS: [u32; 4] = [
    ERROR_HANDLE_EOF,
    ERROR_INVALID_PARAMETER,
    ERROR_NOT_SUPPORTED,
    ERROR_CALL_NOT_IMPLEMENTED,
];
/// What is read and set of a security descriptor. The audit list takes a privilege that backups are not run with.
const SECURITY: u32 =
    OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
/// Attributes that are set like that; all others follow from how the file is stored.
const SETTABLE: u32 = FILE_ATTRIBUTE_READONLY
    | FILE_ATTRIBUTE_HIDDEN
    | FILE_ATTRIBUTE_SYSTEM
    | FILE_ATTRIBUTE_ARCHIVE
    | FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;

pub(super) fn read(subject: Subject<'_>, refused: &mut Vec<Refused>) -> Extended {
    let opened;
    let file = match subject {
        Subject::File(file) => file,
        Subject::Directory(_) | Subject::Entry(..) => {
            match open(subject, FILE_READ_ATTRIBUTES | READ_CONTROL) {
                Ok(file) => {
                    opened = file;
                    &opened
                }
                Err(error) => {
                    refused.push(Refused::new("the Windows attributes", error));
                    return Extended::default();
                }
            }
        }
    };
    let mut windows = Windows::default();
    let mut note = |what: &str, error| refused.push(Refused::new(what, error));
    match security(file) {
        Ok(security) => windows.security = security,
        Err(error) => note("the security descriptor", error),
    }
    match basic_information(file) {
        Ok(information) => windows.attributes = information.FileAttributes,
        Err(error) => note("the attributes", error),
    }
    match final_path(file) {
        Ok(path) => {
            windows.short_name = short_name(&path);
            read_streams(file, &path, &mut windows, refused);
        }
        Err(error) => note("the alternate streams and the short name", error),
    }
    Extended {
        windows: Some(windows),
        ..Extended::default()
    }
}

fn read_streams(file: &File, path: &Path, windows: &mut Windows, refused: &mut Vec<Refused>) {
    let listed = match streams(file) {
        Ok(listed) => listed,
        Err(error) => return refused.push(Refused::new("the list of alternate streams", error)),
    };
    for (name, size) in listed {
        let what = format!("the alternate stream {name:?}");
        let mut content = Vec::new();
        let read = if size > LARGEST_STREAM {
            let reason = format!("it has {size} bytes, at most {LARGEST_STREAM} are kept");
            Err(io::Error::other(reason))
        } else {
            File::open(stream_path(path, &name))
                .and_then(|mut stream| stream.read_to_end(&mut content))
        };
        match read {
            Ok(_) => windows.streams.push((name, content)),
            Err(error) => refused.push(Refused::new(what, error)),
        }
    }
}

pub(super) fn write(subject: Subject<'_>, wanted: &Extended, refused: &mut Vec<Refused>) {
    for (name, _) in &wanted.attributes {
        refused.push(Refused::new(name, io::ErrorKind::Unsupported));
    }
    let Some(windows) = &wanted.windows else {
        return;
    };
    let mut note = |what: String, result: io::Result<()>| {
        if let Err(error) = result {
            refused.push(Refused::new(what, error));
        }
    };
    for (name, content) in &windows.streams {
        let written = path_of(subject)
            .and_then(|path| File::create(stream_path(&path, name)))
            .and_then(|mut stream| stream.write_all(content));
        note(format!("the alternate stream {name:?}"), written);
    }
    if !windows.security.is_empty() {
        note(
            "the security descriptor".to_owned(),
            set_security(subject, &windows.security),
        );
    }
    // Last: a read-only file could not be written to any more.
    note(
        "the attributes".to_owned(),
        set_attributes(subject, windows.attributes),
    );
}

pub(super) fn write_name(
    directory: &Dir,
    name: &[u8],
    wanted: &Extended,
    refused: &mut Vec<Refused>,
) {
    let short = wanted.windows.as_ref().map(|windows| &windows.short_name);
    let Some(short) = short.filter(|short| !short.is_empty()) else {
        return;
    };
    let entry = Subject::Entry(directory, name);
    // The system's own choice for this name is the same most of the time, and setting it takes a privilege.
    if path_of(entry).is_ok_and(|path| short_name(&path) == *short) {
        return;
    }
    enable_restore_privilege();
    let set = open(entry, FILE_GENERIC_WRITE | DELETE).and_then(|file| {
        let short = wide(short.encode_utf16());
        // SAFETY: the handle is open and the name ends in zero; both live over the call.
        check(unsafe { SetFileShortNameW(handle(&file), short.as_ptr()) })
    });
    if let Err(error) = set {
        refused.push(Refused::new("the short name", error));
    }
}

pub(super) fn lacks(subject: Subject<'_>, wanted: &Extended) -> bool {
    let Some(wanted) = &wanted.windows else {
        return false;
    };
    let Ok(there) = open(subject, FILE_READ_ATTRIBUTES | READ_CONTROL) else {
        return false;
    };
    let attributes = basic_information(&there)
        .is_ok_and(|there| (there.FileAttributes ^ wanted.attributes) & SETTABLE != 0);
    // The owner may be one that this user may not set; the system alone decides on the bits beside the list.
    let list = !wanted.security.is_empty()
        && security(&there).is_ok_and(|there| access_list(&there) != access_list(&wanted.security));
    let streams = || {
        wanted.streams.iter().any(|(name, content)| {
            let read = path_of(subject).and_then(|path| std::fs::read(stream_path(&path, name)));
            match read {
                Ok(there) => there != *content,
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            }
        })
    };
    attributes || list || streams()
}

/// The access control list in a self-relative descriptor; nothing where it has none.
fn access_list(descriptor: &[u8]) -> Option<&[u8]> {
    let bytes = descriptor.get(16..20)?;
    let start = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    let rest = descriptor.get(start..).filter(|_| start > 0)?;
    let length = u16::from_le_bytes([*rest.get(2)?, *rest.get(3)?]);
    rest.get(..usize::from(length))
}

pub(super) fn extents(file: &File) -> io::Result<Option<Extents>> {
    let end = file.metadata()?.len();
    gather(end, |position| {
        let wanted = FILE_ALLOCATED_RANGE_BUFFER {
            FileOffset: position as i64,
            Length: (end - position) as i64,
        };
        let mut found = FILE_ALLOCATED_RANGE_BUFFER::default();
        let mut returned = 0;
        // SAFETY: both buffers are plain structures, given with their sizes, and live over the call.
        let result = check(unsafe {
            DeviceIoControl(
                handle(file),
                FSCTL_QUERY_ALLOCATED_RANGES,
                (&raw const wanted).cast::<c_void>(),
                size_of::<FILE_ALLOCATED_RANGE_BUFFER>() as u32,
                (&raw mut found).cast::<c_void>(),
                size_of::<FILE_ALLOCATED_RANGE_BUFFER>() as u32,
                &mut returned,
                null_mut(),
            )
        });
        match result {
            // There are more behind this one, which are asked for in their turn.
            Err(error) if !is(&error, ERROR_MORE_DATA) => return Err(error),
            _ if (returned as usize) < size_of::<FILE_ALLOCATED_RANGE_BUFFER>() => return Ok(None),
            _ => {}
        }
        let start = u64::try_from(found.FileOffset).unwrap_or(0);
        let length = u64::try_from(found.Length).unwrap_or(0);
        Ok(Some((start, start.saturating_add(length))))
    })
}

pub(super) fn allow_holes(file: &File) -> io::Result<()> {
    let mut returned = 0;
    // SAFETY: without buffers the call marks the file as sparse.
    check(unsafe {
        DeviceIoControl(
            handle(file),
            FSCTL_SET_SPARSE,
            null(),
            0,
            null_mut(),
            0,
            &mut returned,
            null_mut(),
        )
    })
}

fn handle(file: &File) -> HANDLE {
    file.as_raw_handle()
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code as i32)
}

fn wide(units: impl Iterator<Item = u16>) -> Vec<u16> {
    units.chain([0]).collect()
}

fn path_of(subject: Subject<'_>) -> io::Result<PathBuf> {
    match subject {
        Subject::File(file) => final_path(file),
        Subject::Directory(directory) => Ok(directory.path().to_path_buf()),
        Subject::Entry(directory, name) => Ok(directory.child(name)),
    }
}

/// Opens an entry with these rights, a link itself rather than its target.
fn open(subject: Subject<'_>, access: u32) -> io::Result<File> {
    OpenOptions::new()
        .access_mode(access)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path_of(subject)?)
}

fn final_path(file: &File) -> io::Result<PathBuf> {
    let mut path = vec![0u16; 512];
    loop {
        // SAFETY: the buffer is given with its length in characters.
        let length = unsafe {
            GetFinalPathNameByHandleW(handle(file), path.as_mut_ptr(), path.len() as u32, 0)
        } as usize;
        if length == 0 {
            return Err(io::Error::last_os_error());
        }
        if length < path.len() {
            return Ok(PathBuf::from(OsString::from_wide(&path[..length])));
        }
        path.resize(length + 1, 0);
    }
}

fn stream_path(path: &Path, name: &str) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(":");
    text.push(name);
    PathBuf::from(text)
}

fn security(file: &File) -> io::Result<Vec<u8>> {
    let mut descriptor = vec![0u8; 1024];
    loop {
        let mut needed = 0;
        // SAFETY: the buffer is given with its length in bytes.
        let result = check(unsafe {
            GetKernelObjectSecurity(
                handle(file),
                SECURITY,
                descriptor.as_mut_ptr().cast::<c_void>(),
                descriptor.len() as u32,
                &mut needed,
            )
        });
        match result {
            Ok(()) => {
                descriptor.truncate(needed as usize);
                return Ok(descriptor);
            }
            Err(_) if needed as usize > descriptor.len() => descriptor.resize(needed as usize, 0),
            Err(error) => return Err(error),
        }
    }
}

/// Sets owner and group where that is allowed, and the access control list in any case.
fn set_security(subject: Subject<'_>, descriptor: &[u8]) -> io::Result<()> {
    // Revision, padding, control bits, then four offsets.
    let Some(control) = descriptor
        .get(2..4)
        .filter(|_| descriptor.len() >= 20)
        .map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let inheritance = if control & SE_DACL_PROTECTED != 0 {
        PROTECTED_DACL_SECURITY_INFORMATION
    } else {
        UNPROTECTED_DACL_SECURITY_INFORMATION
    };
    // The system reads 32-bit fields out of it.
    let mut aligned = vec![0u64; descriptor.len().div_ceil(8)];
    // SAFETY: the target has at least as many bytes, and any bytes are valid there.
    unsafe {
        std::ptr::copy_nonoverlapping(
            descriptor.as_ptr(),
            aligned.as_mut_ptr().cast::<u8>(),
            descriptor.len(),
        );
    }
    if !is_self_relative(descriptor) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let set = |file: &File, what: u32| {
        // SAFETY: the handle is open, and the descriptor is aligned, self-relative and inside its buffer.
        check(unsafe {
            SetKernelObjectSecurity(
                handle(file),
                what,
                aligned.as_ptr().cast_mut().cast::<c_void>(),
            )
        })
    };
    enable_restore_privilege();
    let list = open(subject, WRITE_DAC | READ_CONTROL)
        .and_then(|file| set(&file, DACL_SECURITY_INFORMATION | inheritance));
    let owner = open(subject, WRITE_OWNER | READ_CONTROL).and_then(|file| {
        set(
            &file,
            OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION,
        )
    });
    list.and(owner)
}

/// Whether every part of a descriptor lies inside it, so that the system does not read behind its end.
fn is_self_relative(descriptor: &[u8]) -> bool {
    const SELF_RELATIVE: u8 = 0x80;
    let field = |at: usize| {
        let bytes = [
            descriptor[at],
            descriptor[at + 1],
            descriptor[at + 2],
            descriptor[at + 3],
        ];
        u32::from_le_bytes(bytes) as usize
    };
    if descriptor.len() < 20 || descriptor[0] != 1 || descriptor[3] & SELF_RELATIVE == 0 {
        return false;
    }
    let inside = |start: usize, length: usize| {
        start
            .checked_add(length)
            .is_some_and(|end| end <= descriptor.len())
    };
    let identity = |start: usize| {
        start == 0
            || (inside(start, 8) && inside(start, 8 + 4 * usize::from(descriptor[start + 1])))
    };
    let list = |start: usize| {
        start == 0
            || (inside(start, 8)
                && inside(
                    start,
                    usize::from(u16::from_le_bytes([
                        descriptor[start + 2],
                        descriptor[start + 3],
                    ])),
                ))
    };
    identity(field(4)) && identity(field(8)) && list(field(12)) && list(field(16))
}

/// What the system keeps of an open file beside its content.
pub(in crate::dir) fn basic_information(file: &File) -> io::Result<FILE_BASIC_INFO> {
    let mut information = FILE_BASIC_INFO::default();
    // SAFETY: the structure is of the kind that is asked for and given with its size.
    check(unsafe {
        GetFileInformationByHandleEx(
            handle(file),
            FileBasicInfo,
            (&raw mut information).cast::<c_void>(),
            size_of::<FILE_BASIC_INFO>() as u32,
        )
    })?;
    Ok(information)
}

fn set_attributes(subject: Subject<'_>, attributes: u32) -> io::Result<()> {
    let file = open(subject, FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES)?;
    let now = basic_information(&file)?.FileAttributes;
    let wanted = (now & !SETTABLE) | (attributes & SETTABLE);
    // Zero would mean "as it is".
    let wanted = if wanted == 0 {
        FILE_ATTRIBUTE_NORMAL
    } else {
        wanted
    };
    let information = FILE_BASIC_INFO {
        FileAttributes: wanted,
        ..FILE_BASIC_INFO::default()
    };
    // SAFETY: the structure is of the kind that is named and given with its size; times of zero are left as they are.
    check(unsafe {
        SetFileInformationByHandle(
            handle(&file),
            FileBasicInfo,
            (&raw const information).cast::<c_void>(),
            size_of::<FILE_BASIC_INFO>() as u32,
        )
    })
}

/// Names and lengths of the alternate streams of an open file.
fn streams(file: &File) -> io::Result<Vec<(String, i64)>> {
    // Aligned for the structure; one entry has a name of at most 64 KiB.
    let mut buffer = vec![0u64; 512];
    loop {
        // SAFETY: the buffer is given with its length in bytes.
        let result = check(unsafe {
            GetFileInformationByHandleEx(
                handle(file),
                FileStreamInfo,
                buffer.as_mut_ptr().cast::<c_void>(),
                (buffer.len() * 8) as u32,
            )
        });
        match result {
            Ok(()) => break,
            // A directory or link without any, and file systems that know none.
            Err(error) if NO_STREAMS.iter().any(|code| is(&error, *code)) => return Ok(Vec::new()),
            Err(error) if is(&error, ERROR_MORE_DATA) && buffer.len() < 1 << 20 => {
                buffer.resize(buffer.len() * 2, 0);
            }
            Err(error) => return Err(error),
        }
    }
    let bytes: Vec<u8> = buffer.iter().flat_map(|word| word.to_ne_bytes()).collect();
    Ok(parse_streams(&bytes))
}

/// Entries of a stream list: offset of the next, length of the name in bytes, size, allocated size, name.
fn parse_streams(bytes: &[u8]) -> Vec<(String, i64)> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while rest.len() >= 24 {
        let next = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        let length = u32::from_ne_bytes([rest[4], rest[5], rest[6], rest[7]]) as usize;
        let size = i64::from_ne_bytes([
            rest[8], rest[9], rest[10], rest[11], rest[12], rest[13], rest[14], rest[15],
        ]);
        let name: Vec<u16> = rest[24..]
            .chunks_exact(2)
            .take(length / 2)
            .map(|pair| u16::from_ne_bytes([pair[0], pair[1]]))
            .collect();
        // `:name:$DATA`; the content of the file itself has no name.
        let name = String::from_utf16_lossy(&name);
        if let Some(name) = name
            .strip_prefix(':')
            .and_then(|name| name.strip_suffix(":$DATA"))
            && !name.is_empty()
        {
            found.push((name.to_owned(), size));
        }
        if next == 0 || next > rest.len() {
            break;
        }
        rest = &rest[next..];
    }
    found
}

/// The short name of an entry; empty where the volume makes none.
fn short_name(path: &Path) -> String {
    let path = wide(path.as_os_str().encode_wide());
    let mut found = WIN32_FIND_DATAW::default();
    // SAFETY: the path ends in zero and the structure lives over the call.
    let search = unsafe { FindFirstFileW(path.as_ptr(), &mut found) };
    if search == INVALID_HANDLE_VALUE {
        return String::new();
    }
    // SAFETY: the search was begun above and is ended once.
    unsafe { FindClose(search) };
    let name = &found.cAlternateFileName;
    let length = name
        .iter()
        .position(|unit| *unit == 0)
        .unwrap_or(name.len());
    String::from_utf16_lossy(&name[..length])
}

/// Switches on the right to set owners and short names, where this process has it. Without it those are refused.
fn enable_restore_privilege() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Err(error) = try_enable() {
            tracing::debug!(%error, "the privilege to restore is not available");
        }
    });
}

fn try_enable() -> io::Result<()> {
    let mut token: HANDLE = null_mut();
    // SAFETY: the pseudo handle of this process needs no closing, the token is written to `token`.
    check(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, &mut token) })?;
    // SAFETY: the call above gave this handle to us alone.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    let mut luid = LUID::default();
    // SAFETY: the name is a constant that ends in zero.
    check(unsafe { LookupPrivilegeValueW(null(), SE_RESTORE_NAME, &mut luid) })?;
    let privileges = TOKEN_PRIVILEGES {
        PrivilegeCount: 1,
        Privileges: [LUID_AND_ATTRIBUTES {
            Luid: luid,
            Attributes: SE_PRIVILEGE_ENABLED,
        }],
    };
    // SAFETY: the structure holds the one privilege it says; the former state is not asked for.
    check(unsafe {
        AdjustTokenPrivileges(
            token.as_raw_handle(),
            0,
            &privileges,
            0,
            null_mut(),
            null_mut(),
        )
    })
}
