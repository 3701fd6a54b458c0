//! The entries of a folder, in little memory.

use std::collections::HashSet;

use holdfast_repository::directory::{Directory, Extras};

use crate::cache::Weigh;
use crate::info::Info;

/// Longest name that FUSE takes, bytes.
const LONGEST_NAME: usize = 1024;

/// The entries of a folder in the order of its stream, without those that no file system can have.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    entries: Vec<Entry>,
    names: Vec<u8>,
    /// Positions of the entries in the order of their names.
    by_name: Vec<u32>,
    /// Extras of the folder itself: only the root of a snapshot has them here.
    pub(crate) extras: Option<Box<Extras>>,
    /// Entries that are not shown: names that cannot be, repeated ones, kinds that are not known.
    pub(crate) left_out: u32,
}

#[derive(Debug)]
struct Entry {
    name_at: u32,
    name_length: u16,
    info: Info,
}

impl Listing {
    /// The entries of a directory of the repository.
    pub(crate) fn of(directory: Directory) -> Self {
        let mut listing = Self {
            extras: directory.extras,
            ..Self::default()
        };
        listing.entries.reserve_exact(directory.entries.len());
        let mut seen = HashSet::with_capacity(directory.entries.len());
        for entry in &directory.entries {
            match Info::of(entry) {
                Some(info) if is_name(entry.file_name()) && seen.insert(entry.file_name()) => {
                    listing.push(entry.file_name(), info);
                }
                _ => listing.left_out += 1,
            }
        }
        listing.finish()
    }

    /// A folder that is in no snapshot. Names must be different and possible.
    pub(crate) fn made(entries: impl IntoIterator<Item = (String, Info)>) -> Self {
        let mut listing = Self::default();
        for (name, info) in entries {
            listing.push(name.as_bytes(), info);
        }
        listing.finish()
    }

    fn push(&mut self, name: &[u8], info: Info) {
        // Names are at most 1 KiB, and a directory at most 1 GiB.
        self.entries.push(Entry {
            name_at: self.names.len() as u32,
            name_length: name.len() as u16,
            info,
        });
        self.names.extend_from_slice(name);
    }

    fn finish(mut self) -> Self {
        self.names.shrink_to_fit();
        let mut by_name: Vec<u32> = (0..self.entries.len() as u32).collect();
        by_name.sort_unstable_by(|a, b| self.name(*a as usize).cmp(self.name(*b as usize)));
        self.by_name = by_name;
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn name(&self, position: usize) -> &[u8] {
        let entry = &self.entries[position];
        let at = entry.name_at as usize;
        &self.names[at..at + usize::from(entry.name_length)]
    }

    /// The entry at a position.
    pub(crate) fn get(&self, position: usize) -> Option<(&[u8], &Info)> {
        let entry = self.entries.get(position)?;
        Some((self.name(position), &entry.info))
    }

    /// The position of a name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<usize> {
        let found = self
            .by_name
            .binary_search_by(|position| self.name(*position as usize).cmp(name));
        found.ok().map(|at| self.by_name[at] as usize)
    }
}

impl Weigh for std::sync::Arc<Listing> {
    fn weight(&self) -> u64 {
        let extras: usize = self
            .entries
            .iter()
            .filter_map(|entry| entry.info.extras.as_deref())
            .map(|extras| {
                let values = extras.xattrs.iter().map(|(n, v)| n.len() + v.0.len() + 80);
                size_of_val(extras) + values.sum::<usize>()
            })
            .sum();
        let fixed = self.entries.capacity() * size_of::<Entry>()
            + self.by_name.capacity() * size_of::<u32>();
        (fixed + self.names.capacity() + extras) as u64
    }
}

/// Whether a file system can have the name.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name != b"."
        && name != b".."
        && !name.contains(&b'/')
        && !name.contains(&0)
}

#[cfg(test)]
mod tests {
    use holdfast_repository::directory::{DirectoryEntry, DirectorySummary, EntryKind};

    use super::*;

    #[test]
    fn names_that_cannot_be_are_left_out() {
        let entry = |name: &[u8]| DirectoryEntry::new(name, EntryKind::File);
        let long = vec![b'x'; 1025];
        let mut entries: Vec<DirectoryEntry> = [
            &b"b"[..],
            b"a",
            b"",
            b".",
            b"..",
            b"x/y",
            b"z\0",
            &long,
            b"b",
            b"\xff",
        ]
        .map(entry)
        .into();
        entries.push(DirectoryEntry::new(
            b"fifo".to_vec(),
            EntryKind::Other("p".into()),
        ));
        let listing = Listing::of(Directory {
            entries,
            summary: DirectorySummary::default(),
            extras: None,
        });
        let names: Vec<&[u8]> = (0..listing.len()).map(|at| listing.name(at)).collect();
        assert_eq!(names, [&b"b"[..], b"a", b"\xff"]);
        assert_eq!(listing.left_out, 8);
        for (position, name) in names.iter().enumerate() {
            assert_eq!(listing.find(name), Some(position));
        }
        assert_eq!(listing.find(b"c"), None);
    }
}
