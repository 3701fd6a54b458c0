//! A listed directory, with all names in one allocation.

use std::cmp::Ordering;
use std::io;

use crate::metadata::{Kind, Metadata};

/// The entries of a directory in the order of the repository: directories first, then all others, each by the bytes of
/// their names (format 2 §4.5).
#[derive(Debug, Default)]
pub struct Listing {
    names: Vec<u8>,
    entries: Vec<(u32, u32, Metadata)>,
    /// Entries whose metadata could not be read, in no particular order.
    pub unreadable: Vec<Unreadable>,
}

/// An entry without metadata.
#[derive(Debug)]
pub struct Unreadable {
    /// Its raw name.
    pub name: Vec<u8>,
    /// Whether the directory says it is one.
    pub is_directory: bool,
    /// Why the metadata could not be read.
    pub error: io::Error,
}

/// One entry of a [`Listing`].
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// Raw name.
    pub name: &'a [u8],
    /// Its metadata.
    pub metadata: &'a Metadata,
}

impl Listing {
    /// An empty listing with room for that many entries.
    pub fn with_capacity(entries: usize) -> Self {
        Self {
            names: Vec::with_capacity(entries * 16),
            entries: Vec::with_capacity(entries),
            unreadable: Vec::new(),
        }
    }

    /// Adds an entry. What does not fit into 4 GiB of names is reported as unreadable.
    pub fn push(&mut self, name: &[u8], metadata: Metadata) {
        let start = self.names.len();
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(start + name.len())) else {
            let error = io::Error::other("the names in this directory take more than 4 GiB");
            self.unreadable.push(Unreadable {
                name: name.to_vec(),
                is_directory: metadata.kind == Kind::Directory,
                error,
            });
            return;
        };
        self.names.extend_from_slice(name);
        self.entries.push((start, end, metadata));
    }

    /// Puts the entries into the repository's order.
    pub fn sort(&mut self) {
        let names = &self.names;
        let name = |&(start, end, _): &(u32, u32, Metadata)| &names[start as usize..end as usize];
        let group = |entry: &(u32, u32, Metadata)| entry.2.kind != Kind::Directory;
        self.entries
            .sort_unstable_by(|a, b| match group(a).cmp(&group(b)) {
                Ordering::Equal => name(a).cmp(name(b)),
                other => other,
            });
    }

    /// Keeps the entries for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(Listed<'_>) -> bool) {
        let names = &self.names;
        self.entries.retain(|(start, end, metadata)| {
            keep(Listed {
                name: &names[*start as usize..*end as usize],
                metadata,
            })
        });
    }

    /// Removes all entries, for a directory that is stored empty.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.unreadable.clear();
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry at a position.
    pub fn get(&self, index: usize) -> Listed<'_> {
        let (start, end, metadata) = &self.entries[index];
        Listed {
            name: &self.names[*start as usize..*end as usize],
            metadata,
        }
    }

    /// The entries in turn.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Listed<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Finds an entry by name; the listing must be sorted.
    pub fn find(&self, wanted: &[u8]) -> Option<Listed<'_>> {
        let directories = self
            .entries
            .partition_point(|entry| entry.2.kind == Kind::Directory);
        [0..directories, directories..self.len()]
            .into_iter()
            .find_map(|group| {
                let found = self.entries[group.clone()].binary_search_by(|(start, end, _)| {
                    self.names[*start as usize..*end as usize].cmp(wanted)
                });
                found.ok().map(|at| self.get(group.start + at))
            })
    }
}
