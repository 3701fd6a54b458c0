//! What entries have beyond the metadata that every file system knows: extended attributes with the access control lists
//! among them, the stretches of sparse files that hold data, and on Windows the security descriptor, the attributes, the
//! alternate streams and the short name.
//!
//! Reading and writing never fail as a whole: what the system refuses is named, and the rest goes on.

use std::fs::File;
use std::io;

use super::Dir;

#[cfg(any(target_os = "linux", windows, test))]
mod extents;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(all(unix, not(target_os = "linux")))]
mod none;
#[cfg(all(unix, not(target_os = "linux")))]
use none as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;
#[cfg(windows)]
pub(super) use windows::basic_information;

/// Stretches of a file in bytes, ascending and apart: where each begins and how long it is.
pub type Extents = Vec<(u64, u64)>;

/// What an entry has beyond its [`Metadata`](super::Metadata).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extended {
    /// Extended attributes by their full names, in the order of the file system.
    pub attributes: Vec<(String, Vec<u8>)>,
    /// Where a sparse file holds data; the rest of it are holes. `None` when there are no holes.
    pub data: Option<Extents>,
    /// What only Windows has.
    pub windows: Option<Windows>,
}

impl Extended {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.data.is_none() && self.windows.is_none()
    }
}

/// What entries have on Windows only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// Security descriptor in self-relative form: owner, group, access control list, and the audit list where it may be
    /// read. Empty when there is none.
    pub security: Vec<u8>,
    /// Attribute bits as the system gives them.
    pub attributes: u32,
    /// Alternate data streams by their names without colons.
    pub streams: Vec<(String, Vec<u8>)>,
    /// The name of eight and three characters; empty when there is none.
    pub short_name: String,
}

/// Whose extended metadata is meant.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// An open file.
    File(&'a File),
    /// An open directory.
    Directory(&'a Dir),
    /// The entry of a directory with this name, a symbolic link itself rather than its target.
    Entry(&'a Dir, &'a [u8]),
}

/// Something that could not be read or set.
#[derive(Debug)]
pub struct Refused {
    /// Its name in words, such as `user.comment` or `the security descriptor`.
    pub what: String,
    /// What the system said.
    pub error: io::Error,
}

impl Refused {
    fn new(what: impl Into<String>, error: impl Into<io::Error>) -> Self {
        Self {
            what: what.into(),
            error: error.into(),
        }
    }
}

/// What an entry has, and what of it could not be read.
#[derive(Debug, Default)]
pub struct Found {
    /// What could be read.
    pub extended: Extended,
    /// What could not.
    pub refused: Vec<Refused>,
}

/// Reads what an entry has. The stretches with data are looked for only of an open file and when `may_have_holes` says so;
/// the position of the file moves then.
pub fn read_extended(subject: Subject<'_>, may_have_holes: bool) -> Found {
    let mut refused = Vec::new();
    let mut extended = system::read(subject, &mut refused);
    if let (Subject::File(file), true) = (subject, may_have_holes) {
        match system::extents(file) {
            Ok(data) => extended.data = data,
            Err(error) => refused.push(Refused::new("the holes of the file", error)),
        }
    }
    Found { extended, refused }
}

/// Where a file that may have holes holds data; `None` when it has no holes. The position of the file moves.
///
/// # Errors
/// The file system cannot tell.
pub fn data_extents(file: &File) -> io::Result<Option<Extents>> {
    system::extents(file)
}

/// Lets a new file have holes where nothing is written. Only Windows needs to be told.
///
/// # Errors
/// The file system has no sparse files.
pub fn allow_holes(file: &File) -> io::Result<()> {
    system::allow_holes(file)
}

/// Sets what a restore brings back. A test puts a double of another system in its place.
pub trait WriteExtended: Send + Sync + std::fmt::Debug {
    /// Sets everything of an entry but what hangs on its name. Holes are made by not writing there.
    fn write(&self, subject: Subject<'_>, wanted: &Extended) -> Vec<Refused>;

    /// Sets what hangs on the name that an entry has got: the short name.
    fn write_name(&self, directory: &Dir, name: &[u8], wanted: &Extended) -> Vec<Refused>;

    /// Whether an entry lacks something of this that could be set. Holes, short names and what the entry has beyond it are
    /// no matter here.
    fn lacks(&self, subject: Subject<'_>, wanted: &Extended) -> bool;
}

/// This system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemExtended;

impl WriteExtended for SystemExtended {
    fn write(&self, subject: Subject<'_>, wanted: &Extended) -> Vec<Refused> {
        let mut refused = Vec::new();
        system::write(subject, wanted, &mut refused);
        refused
    }

    fn write_name(&self, directory: &Dir, name: &[u8], wanted: &Extended) -> Vec<Refused> {
        let mut refused = Vec::new();
        system::write_name(directory, name, wanted, &mut refused);
        refused
    }

    fn lacks(&self, subject: Subject<'_>, wanted: &Extended) -> bool {
        system::lacks(subject, wanted)
    }
}
