//! Every kind of metadata that Linux has.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Gid, Uid, XattrFlags};

use super::{random_bytes, set_modified};

/// Values in the forms that the kernel checks: version 2, then tag, rights and id of each entry.
const ACCESS_LIST: &[u8] = &[
    2, 0, 0, 0, //
    1, 0, 6, 0, 255, 255, 255, 255, // the owner
    2, 0, 4, 0, 210, 4, 0, 0, // user 1234
    4, 0, 4, 0, 255, 255, 255, 255, // the group
    16, 0, 4, 0, 255, 255, 255, 255, // the mask
    32, 0, 0, 0, 255, 255, 255, 255, // all others
];
/// Version 2, permitted: binding of ports below 1024.
const CAPABILITY: &[u8] = &[0, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Stretches of data in a sparse file whose map does not fit into an entry of a directory.
const STRETCHES: u64 = 6000;

/// What entries have beyond what [`compare_trees`](super::compare_trees) compares.
#[derive(Debug, PartialEq, Eq)]
pub struct Beyond {
    /// Extended attributes, access control lists among them.
    pub attributes: BTreeMap<String, Vec<u8>>,
    /// How many names a file has.
    pub links: u64,
}

/// Files of [`metadata`] with holes.
pub const SPARSE_FILES: [&str; 3] = ["sparse", "folder/very sparse", "hollow"];
/// The fifo of [`metadata`].
pub const PIPE: &str = "pipe";
/// Two names of one file of [`metadata`].
pub const ONE_FILE: [&str; 2] = ["linked", "folder/again"];

/// Fills a folder, which is made, with a specimen of every kind of metadata that Linux has. What needs a right or a file
/// system that is not there is left out; the reason is returned in words.
pub fn metadata(root: &Path) -> Option<&'static str> {
    let path = |name: &str| root.join(name);
    fs::create_dir_all(path("folder")).expect("folder");
    for name in [
        "user",
        "listed",
        "folder/capable",
        "trusted",
        "set-id",
        "linked",
        "plain",
    ] {
        fs::write(path(name), name).expect("file");
    }
    let bad = std::ffi::OsStr::from_bytes(b"raw \xff name");
    fs::write(root.join(bad), "raw").expect("file");
    fs::hard_link(path("linked"), path("folder/again")).expect("link");
    fs::set_permissions(path("set-id"), fs::Permissions::from_mode(0o6755)).expect("mode");
    std::os::unix::fs::symlink("plain", path("symlink")).expect("symlink");
    // The only special file that needs no device.
    rustix::fs::mknodat(CWD, path(PIPE), FileType::Fifo, 0o600.into(), 0).expect("pipe");
    sparse(&path("sparse"), 3, 4 << 20);
    sparse(&path("folder/very sparse"), STRETCHES, 8192);
    fs::File::create(path("hollow"))
        .and_then(|file| file.set_len(2 << 20))
        .expect("file");

    let set = |name: &str, attribute: &str, value: &[u8]| {
        rustix::fs::lsetxattr(path(name), attribute, value, XattrFlags::empty())
    };
    let mut missing = None;
    if set("user", "user.comment", b"a comment\0with a zero").is_err() {
        missing = Some("user extended attributes");
    } else {
        set("folder", "user.of-folder", b"1").expect("attribute");
        set("", "user.of-root", b"2").expect("attribute");
        set("user", "user.empty", b"").expect("attribute");
        // A file that nobody may write to has some all the same.
        fs::set_permissions(path("user"), fs::Permissions::from_mode(0o444)).expect("mode");
        set("listed", "system.posix_acl_access", ACCESS_LIST).expect("list");
        set("folder", "system.posix_acl_default", ACCESS_LIST).expect("list");
    }
    if rustix::process::geteuid().is_root() {
        set("trusted", "trusted.secret", b"3").expect("attribute");
        set("symlink", "trusted.of-link", b"4").expect("attribute");
        let owner = (Some(Uid::from_raw(1234)), Some(Gid::from_raw(567)));
        for name in ["symlink", "folder/capable"] {
            rustix::fs::chownat(CWD, path(name), owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)
                .expect("owner");
        }
        set("folder/capable", "security.capability", CAPABILITY).expect("capability");
    } else {
        missing = Some("root");
    }
    for (number, name) in ["symlink", "plain", "folder"].into_iter().enumerate() {
        set_modified(&path(name), 1_600_000_000 + number as i64, 123_456_789).expect("time");
    }
    missing
}

/// A file with `count` stretches of data, `step` bytes apart.
fn sparse(path: &Path, count: u64, step: u64) {
    let file = fs::File::create(path).expect("file");
    file.set_len((count + 1) * step).expect("length");
    for number in 0..count {
        let data = random_bytes(number, 100);
        file.write_all_at(&data, (number + 1) * step - 4096)
            .expect("write");
    }
}

/// What a folder and everything below it have, by paths.
pub fn beyond(root: &Path) -> BTreeMap<PathBuf, Beyond> {
    let mut found = BTreeMap::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(below) = pending.pop() {
        let path = root.join(&below);
        let metadata = path.symlink_metadata().expect("metadata");
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).expect("folder");
            pending.extend(entries.map(|entry| below.join(entry.expect("entry").file_name())));
        }
        let is_file = metadata.is_file();
        let value = Beyond {
            attributes: attributes(&path),
            links: if is_file { metadata.nlink() } else { 1 },
        };
        found.insert(below, value);
    }
    found
}

fn attributes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = vec![0; 65_536];
    let length = rustix::fs::llistxattr(path, &mut names).unwrap_or(0);
    let names = names[..length].split(|byte| *byte == 0);
    names
        .filter(|name| !name.is_empty() && *name != b"security.selinux")
        .map(|name| {
            let mut value = vec![0; 65_536];
            let length = rustix::fs::lgetxattr(path, name, &mut value).expect("attribute");
            value.truncate(length);
            (String::from_utf8_lossy(name).into_owned(), value)
        })
        .collect()
}
