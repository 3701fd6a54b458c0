//! File trees in and out: what a snapshot reads from and a restore writes to.
//!
//! * [`SourceTree`] and [`SourceDirectory`] are what the upload knows of a source; [`LocalTree`] is a directory or file of
//!   this machine, [`StreamTree`] a stream such as
//!   standard input, [`MemoryTree`] a tree in memory that can misbehave on demand.
//! * [`scan_directory`] lists one directory and applies the ignore rules to it.

mod listing;
mod local;
mod memory;
mod metadata;
mod scan;
mod stream;
mod tree;

pub use holdfast_host::dir::extended::{Extended, Extents, Found, Refused, Windows};
pub use listing::{Listed, Listing, Unreadable};
pub use local::LocalTree;
pub use memory::{Fault, MemoryTree};
pub use metadata::{Kind, Metadata};
pub use scan::{
    Excluded, LeftOut, Scan, ScanError, ScanRequest, scan_directory, scan_directory_with,
};
pub use stream::StreamTree;
pub use tree::{Root, RootNode, SourceDirectory, SourceFile, SourceTree};
