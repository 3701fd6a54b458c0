//! Directories and files of this machine.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_host::dir::extended::{Extents, Found, Subject, data_extents, read_extended};
use holdfast_host::dir::{self, Dir};

use crate::listing::{Listing, Unreadable};
use crate::metadata::{Kind, Metadata};
use crate::tree::{Root, RootNode, SourceDirectory, SourceFile, SourceTree};

/// A directory or a file of this machine as the root of a snapshot.
#[derive(Clone, Debug)]
pub struct LocalTree {
    path: PathBuf,
}

impl LocalTree {
    /// The tree at an absolute path. A symbolic link as the root stands for its target in every respect (format 2 §5.11).
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl SourceTree for LocalTree {
    fn local_path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn root(&self) -> io::Result<Root> {
        let resolved = std::fs::canonicalize(&self.path)?;
        let link = std::fs::symlink_metadata(&self.path)?
            .file_type()
            .is_symlink();
        let named = if link {
            resolved.as_path()
        } else {
            self.path.as_path()
        };
        let name = match named.file_name() {
            Some(name) => dir::path_to_bytes(name),
            None => root_name(named),
        };
        let is_directory = std::fs::metadata(&resolved)?.is_dir();
        if is_directory {
            let dir = Dir::open(&resolved)?;
            let metadata = Metadata::from(dir.own_metadata()?);
            return Ok(Root {
                name,
                metadata,
                node: RootNode::Directory(Arc::new(LocalDirectory { dir })),
            });
        }
        let (Some(parent), Some(file_name)) = (resolved.parent(), resolved.file_name()) else {
            return Err(io::Error::other(
                "the path names neither a directory nor a file",
            ));
        };
        let parent = Dir::open(parent)?;
        let raw = dir::path_to_bytes(file_name);
        let metadata = Metadata::from(parent.metadata(&raw)?);
        if metadata.kind != Kind::File {
            return Err(io::Error::other("neither a directory nor a regular file"));
        }
        Ok(Root {
            name,
            metadata,
            node: RootNode::File(Box::new(LocalFile {
                file: parent.open_file(&raw)?,
            })),
        })
    }
}

/// The root of a file system has no name of its own: `/`, or the drive as written on Windows.
fn root_name(path: &Path) -> Vec<u8> {
    dir::path_to_bytes(path.as_os_str())
}

struct LocalDirectory {
    dir: Dir,
}

impl LocalDirectory {
    /// Opens a file and reads from its beginning until its end or until the buffer is full.
    fn read_beginning(
        &self,
        name: &[u8],
        expected: usize,
        buffer: &mut [u8],
    ) -> io::Result<(File, usize)> {
        let mut file = self.dir.open_file(name)?;
        let mut filled = 0;
        while filled < buffer.len() {
            let read = match io::Read::read(&mut file, &mut buffer[filled..]) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            filled += read;
            // A read that stops exactly at the expected size, short of the buffer, has seen the end of the file.
            if read == 0 || (filled == expected && filled < buffer.len()) {
                break;
            }
        }
        if filled < expected {
            check_regular(&file)?;
        }
        Ok((file, filled))
    }
}

impl SourceDirectory for LocalDirectory {
    fn list(&self) -> io::Result<Listing> {
        let entries = self.dir.entries()?;
        let mut listing = Listing::with_capacity(entries.len());
        for entry in entries.iter() {
            match self.dir.metadata(entry.name) {
                Ok(metadata) => listing.push(entry.name, Metadata::from(metadata)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    listing.unreadable.push(Unreadable {
                        name: entry.name.to_vec(),
                        is_directory: entry.kind == dir::Kind::Directory,
                        error,
                    })
                }
                Err(error) => return Err(error),
            }
        }
        listing.sort();
        Ok(listing)
    }

    fn open_directory(&self, name: &[u8]) -> io::Result<Arc<dyn SourceDirectory>> {
        Ok(Arc::new(Self {
            dir: self.dir.open_dir(name)?,
        }))
    }

    fn open_file(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>> {
        let file = self.dir.open_file(name)?;
        check_regular(&file)?;
        Ok(Box::new(LocalFile { file }))
    }

    fn read_small(&self, name: &[u8], expected: usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_beginning(name, expected, buffer)
            .map(|(_, length)| length)
    }

    fn read_small_extended(
        &self,
        name: &[u8],
        expected: usize,
        buffer: &mut [u8],
        may_have_holes: bool,
    ) -> io::Result<(usize, Found)> {
        let (file, length) = self.read_beginning(name, expected, buffer)?;
        Ok((length, read_extended(Subject::File(&file), may_have_holes)))
    }

    fn extended(&self) -> Found {
        read_extended(Subject::Directory(&self.dir), false)
    }

    fn entry_extended(&self, name: &[u8], may_have_holes: bool) -> Found {
        if may_have_holes && let Ok(file) = self.dir.open_file(name) {
            return read_extended(Subject::File(&file), true);
        }
        read_extended(Subject::Entry(&self.dir, name), false)
    }

    fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        self.dir.read_link(name)
    }

    fn read_following(&self, name: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
        let file = self.dir.open_file_following(name)?;
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let mut content = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, limit as u64), &mut content)?;
        Ok(Some(content))
    }
}

/// A pipe or device that took the place of a file since it was listed is not read: it would pass for a file that was cut
/// short, or never end.
fn check_regular(file: &File) -> io::Result<()> {
    if file.metadata()?.is_file() {
        Ok(())
    } else {
        Err(io::Error::other(
            "something else took the place of the file",
        ))
    }
}

struct LocalFile {
    file: File,
}

impl SourceFile for LocalFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match dir::read_at(&self.file, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if at_end(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn extended(&self) -> Found {
        read_extended(Subject::File(&self.file), false)
    }

    fn data_extents(&self) -> io::Result<Option<Extents>> {
        data_extents(&self.file)
    }
}

/// Windows reports a read behind the end of a file as an error.
fn at_end(error: &io::Error) -> bool {
    const ERROR_HANDLE_EOF: i32 = 38;
    cfg!(windows) && error.raw_os_error() == Some(ERROR_HANDLE_EOF)
}
