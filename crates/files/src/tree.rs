//! The contract between a source of files and the upload.

use std::io;
use std::path::Path;
use std::sync::Arc;

use holdfast_host::dir::extended::{Extents, Found};

use crate::listing::Listing;
use crate::metadata::Metadata;

/// A tree of files to take a snapshot of.
pub trait SourceTree: Send + Sync {
    /// Opens the root.
    ///
    /// # Errors
    /// The root is missing or may not be read.
    fn root(&self) -> io::Result<Root>;

    /// Where the tree is on this machine, if it is.
    fn local_path(&self) -> Option<&Path> {
        None
    }
}

/// The root of a tree.
pub struct Root {
    /// Base name to store; `/` for the root of a file system.
    pub name: Vec<u8>,
    /// Its metadata.
    pub metadata: Metadata,
    /// Its content.
    pub node: RootNode,
}

/// What the root of a tree is.
pub enum RootNode {
    /// A directory.
    Directory(Arc<dyn SourceDirectory>),
    /// A single file.
    File(Box<dyn SourceFile>),
}

/// A directory that can be read. Names are raw bytes without separators.
pub trait SourceDirectory: Send + Sync {
    /// Lists the directory, sorted. Entries that vanish while it is listed are left out; those whose metadata may not be
    /// read are in [`Listing::unreadable`].
    ///
    /// # Errors
    /// The directory cannot be read, or reading metadata failed in a way that says nothing about the entry alone.
    fn list(&self) -> io::Result<Listing>;

    /// Opens a directory of this one.
    fn open_directory(&self, name: &[u8]) -> io::Result<Arc<dyn SourceDirectory>>;

    /// Opens a file of this directory.
    fn open_file(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>>;

    /// Reads a file from its beginning until its end or until the buffer is full, whichever comes first, and returns the
    /// number of bytes. `expected` is the size the listing gave; a buffer of one byte more shows with a single read
    /// whether the file still has it.
    fn read_small(&self, name: &[u8], expected: usize, buffer: &mut [u8]) -> io::Result<usize>;

    /// The same with what the file has beyond its metadata, from one opening.
    fn read_small_extended(
        &self,
        name: &[u8],
        expected: usize,
        buffer: &mut [u8],
        may_have_holes: bool,
    ) -> io::Result<(usize, Found)>;

    /// What the directory itself has beyond its metadata.
    fn extended(&self) -> Found;

    /// What an entry has beyond its metadata; holes are looked for where it may have some.
    fn entry_extended(&self, name: &[u8], may_have_holes: bool) -> Found;

    /// Target text of a symbolic link.
    fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>>;

    /// Content of the file that `name` leads to after following symbolic links, or `None` if it does not lead to a regular
    /// file. At most `limit` bytes are read.
    fn read_following(&self, name: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>>;
}

/// An open file.
pub trait SourceFile: Send + Sync {
    /// Reads from a position until the buffer is full or the file ends, and returns the number of bytes.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// What the file has beyond its metadata, without its holes.
    fn extended(&self) -> Found;

    /// Where the file holds data; `None` when it has no holes.
    ///
    /// # Errors
    /// The file system cannot tell.
    fn data_extents(&self) -> io::Result<Option<Extents>>;
}
