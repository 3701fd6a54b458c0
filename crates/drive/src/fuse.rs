//! The tree in the terms of FUSE.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    AccessFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, InitFlags, IoctlFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, ReplyAttr,
    ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyLseek,
    ReplyOpen, ReplyStatfs, ReplyXattr, Request,
};

use crate::failure::Failure;
use crate::file::{OpenFile, Seek};
use crate::handles::Handles;
use crate::info::{Attributes, Kind};
use crate::tree::{Folder, Item, Tree};

/// How long the kernel believes what never changes.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it believes the list of snapshots.
const SHORT: Duration = Duration::from_secs(1);
/// Requests that the kernel may have under way without anybody waiting, such as reading ahead.
const BACKGROUND: u16 = 64;
/// The size of a block, bytes.
const BLOCK: u32 = 4096;
/// Offsets of `.` and `..`, before those of the entries.
const DOTS: u64 = 2;
const SEEK_DATA: i32 = 3;
const SEEK_HOLE: i32 = 4;

/// Answers the kernel. Everything that would change something is left to the kernel, which refuses it on a mount that is
/// read-only, with EROFS.
#[derive(Debug)]
pub(crate) struct Front {
    tree: Arc<Tree>,
    folders: Handles<Folder>,
    files: Handles<OpenFile>,
}

impl Front {
    pub(crate) fn new(tree: Arc<Tree>) -> Self {
        Self {
            tree,
            folders: Handles::new(),
            files: Handles::new(),
        }
    }

    /// An open folder; the kernel may ask without opening one.
    fn folder(&self, number: INodeNo, handle: FileHandle) -> Result<Arc<Folder>, Failure> {
        match self.folders.get(handle.0) {
            Some(folder) => Ok(folder),
            None => self.tree.open_folder(number.0).map(Arc::new),
        }
    }

    fn file(&self, number: INodeNo, handle: FileHandle) -> Result<Arc<OpenFile>, Failure> {
        match self.files.get(handle.0) {
            Some(file) => Ok(file),
            None => self.tree.open(number.0).map(Arc::new),
        }
    }

    /// Hands `.`, `..` and the entries from `offset` on to `add`, which returns whether there was no room.
    fn list(
        &self,
        folder: &Folder,
        offset: u64,
        tell: bool,
        add: &mut dyn FnMut(&[u8], u64, Attributes) -> bool,
    ) -> Result<(), Failure> {
        let (own, above) = folder.numbers();
        for (position, name, number) in [(0, &b"."[..], own), (1, b"..", above)] {
            if offset <= position && add(name, position + 1, self.tree.attributes(number)?) {
                return Ok(());
            }
        }
        let mut each = |item: Item<'_>| !add(item.name, DOTS + item.next, item.attributes);
        self.tree
            .list(folder, offset.saturating_sub(DOTS), tell, &mut each);
        Ok(())
    }
}

fn code(failure: &Failure) -> Errno {
    match failure {
        Failure::NotFound => Errno::ENOENT,
        Failure::NotAFolder => Errno::ENOTDIR,
        Failure::IsAFolder => Errno::EISDIR,
        Failure::OtherKind => Errno::EINVAL,
        Failure::NoAttribute => Errno::NO_XATTR,
        Failure::PastEnd => Errno::ENXIO,
        Failure::Unreadable(_) => Errno::EIO,
    }
}

fn kind(kind: Kind) -> FileType {
    match kind {
        Kind::Folder => FileType::Directory,
        Kind::File => FileType::RegularFile,
        Kind::Link => FileType::Symlink,
    }
}

fn time(nanoseconds: i64) -> SystemTime {
    let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
    match nanoseconds {
        0.. => UNIX_EPOCH + distance,
        _ => UNIX_EPOCH - distance,
    }
}

fn attr(attributes: &Attributes) -> FileAttr {
    let modified = time(attributes.modified);
    FileAttr {
        ino: INodeNo(attributes.number),
        size: attributes.size,
        blocks: attributes.blocks,
        atime: modified,
        mtime: modified,
        ctime: modified,
        crtime: modified,
        kind: kind(attributes.kind),
        perm: attributes.mode as u16,
        nlink: attributes.links,
        uid: attributes.user,
        gid: attributes.group,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    }
}

fn lasts(attributes: &Attributes) -> Duration {
    match attributes.lasting {
        true => LONG,
        false => SHORT,
    }
}

/// Answers with a value as long as `size`, which is 0 where only the length is asked for.
fn value(reply: ReplyXattr, value: Result<Vec<u8>, Failure>, size: u32) {
    match value {
        Ok(value) if size == 0 => reply.size(value.len() as u32),
        Ok(value) if value.len() <= size as usize => reply.data(&value),
        Ok(_) => reply.error(Errno::ERANGE),
        Err(failure) => reply.error(code(&failure)),
    }
}

impl Filesystem for Front {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        for wanted in [
            // Attributes come with the names, always: programs that read all names first and ask for the attributes of
            // each afterwards would else ask us 100,000 times for a folder of 100,000.
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_CACHE_SYMLINKS,
        ] {
            // Kernels that lack one do without.
            let _ = config.add_capabilities(wanted);
        }
        let _ = config.set_max_background(BACKGROUND);
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.tree.lookup(parent.0, name.as_bytes()) {
            Ok(found) => reply.entry(&lasts(&found), &attr(&found), Generation(0)),
            Err(failure) => reply.error(code(&failure)),
        }
    }

    fn forget(&self, _request: &Request, number: INodeNo, times: u64) {
        self.tree.forget(number.0, times);
    }

    fn getattr(
        &self,
        _request: &Request,
        number: INodeNo,
        _handle: Option<FileHandle>,
        reply: ReplyAttr,
    ) {
        match self.tree.attributes(number.0) {
            Ok(found) => reply.attr(&lasts(&found), &attr(&found)),
            Err(failure) => reply.error(code(&failure)),
        }
    }

    fn readlink(&self, _request: &Request, number: INodeNo, reply: ReplyData) {
        match self.tree.target(number.0) {
            Ok(target) => reply.data(&target),
            Err(failure) => reply.error(code(&failure)),
        }
    }

    fn open(&self, _request: &Request, number: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if flags.acc_mode() != OpenAccMode::O_RDONLY {
            return reply.error(Errno::EROFS);
        }
        match self.tree.open(number.0) {
            Ok(file) => {
                // The kernel reads up to the size that it was told; where the data has another length it must ask each time.
                let flags = match file.is_of_its_size() {
                    true => FopenFlags::FOPEN_KEEP_CACHE,
                    false => FopenFlags::FOPEN_DIRECT_IO,
                };
                reply.opened(FileHandle(self.files.add(Arc::new(file))), flags);
            }
            Err(failure) => reply.error(code(&failure)),
        }
    }

    fn read(
        &self,
        _request: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let bytes = self
            .file(number, handle)
            .and_then(|file| self.tree.read(&file, offset, size.into()));
        match bytes {
            Ok(bytes) => reply.data(&bytes),
            Err(failure) => reply.error(code(&failure)),
        }
    }

    fn lseek(
        &self,
        _request: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let what = match whence {
            SEEK_DATA => Seek::Data,
            SEEK_HOLE => Seek::Hole,
            _ => return reply.error(Errno::EINVAL),
        };
        let Ok(offset) = u64::try_from(offset) else {
            return reply.error(Errno::ENXIO);
        };
        let found = self
            .file(number, handle)
            .and_then(|file| self.tree.seek(&file, offset, what));
        match found {
            Ok(found) => reply.offset(found as i64),
            Err(failure) => reply.error(code(&failure)),
        }
    }

    fn release(
        &self,
        _request: &Request,
        _number: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.files.close(handle.0);
        reply.ok();
    }

    fn opendir(&self, _request: &Request, number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        match self.tree.open_folder(number.0) {
            Ok(folder) => {
                let flags = match folder.is_lasting() {
                    true => FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR,
                    false => FopenFlags::empty(),
                };
                reply.opened(FileHandle(self.folders.add(Arc::new(folder))), flags);
            }
            Err(failure) => reply.error(code(&failure)),
        }
    }

    fn readdir(
        &self,
        _request: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let mut add = |name: &[u8], next, attributes: Attributes| {
            reply.add(
                INodeNo(attributes.number),
                next,
                kind(attributes.kind),
                OsStr::from_bytes(name),
            )
        };
        let listed = self
            .folder(number, handle)
            .and_then(|folder| self.list(&folder, offset, false, &mut add));
        match listed {
            Ok(()) => reply.ok(),
            Err(failure) => reply.error(code(&failure)),
        }
    }

    fn readdirplus(
        &self,
        _request: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let mut add = |name: &[u8], next, attributes: Attributes| {
            reply.add(
                INodeNo(attributes.number),
                next,
                OsStr::from_bytes(name),
                &lasts(&attributes),
                &attr(&attributes),
                Generation(0),
            )
        };
        let listed = self
            .folder(number, handle)
            .and_then(|folder| self.list(&folder, offset, true, &mut add));
        match listed {
            Ok(()) => reply.ok(),
            Err(failure) => reply.error(code(&failure)),
        }
    }

    fn releasedir(
        &self,
        _request: &Request,
        _number: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.folders.close(handle.0);
        reply.ok();
    }

    fn statfs(&self, _request: &Request, _number: INodeNo, reply: ReplyStatfs) {
        let totals = self.tree.totals();
        let blocks = totals.bytes.div_ceil(BLOCK.into());
        reply.statfs(blocks, 0, 0, totals.entries, 0, BLOCK, 255, BLOCK);
    }

    fn getxattr(
        &self,
        _request: &Request,
        number: INodeNo,
        name: &OsStr,
        size: u32,
        reply: ReplyXattr,
    ) {
        value(reply, self.tree.attribute(number.0, name.as_bytes()), size);
    }

    fn listxattr(&self, _request: &Request, number: INodeNo, size: u32, reply: ReplyXattr) {
        value(reply, self.tree.attribute_names(number.0), size);
    }

    fn access(&self, _request: &Request, _number: INodeNo, _mask: AccessFlags, reply: ReplyEmpty) {
        // Whoever may ask at all may read; for others there is the kernel's check of permissions.
        reply.ok();
    }

    fn flush(
        &self,
        _request: &Request,
        _number: INodeNo,
        _handle: FileHandle,
        _owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        // Nothing was written; the kernel does not ask again.
        reply.error(Errno::ENOSYS);
    }

    fn ioctl(
        &self,
        _request: &Request,
        _number: INodeNo,
        _handle: FileHandle,
        _flags: IoctlFlags,
        _command: u32,
        _input: &[u8],
        _output_size: u32,
        reply: ReplyIoctl,
    ) {
        reply.error(Errno::ENOTTY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_keep_their_nanoseconds() {
        assert_eq!(time(0), UNIX_EPOCH);
        assert_eq!(time(1_000_000_001), UNIX_EPOCH + Duration::new(1, 1));
        assert_eq!(
            time(-1_999_999_999),
            UNIX_EPOCH - Duration::new(1, 999_999_999)
        );
        let long_ago = time(i64::MIN);
        assert!(long_ago < UNIX_EPOCH);
    }
}
