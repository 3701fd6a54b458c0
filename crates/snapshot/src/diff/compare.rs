//! What differs between two entries, and which entries of two folders belong together: no reading here.

use std::cmp::Ordering;
use std::fmt;

use holdfast_repository::directory::DirectoryEntry;

/// A property of an entry that can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// File, folder or symbolic link.
    Type,
    /// The data of a file, or the target of a link. What a folder holds is told entry by entry.
    Content,
    /// Permission bits.
    Mode,
    /// Modification time.
    ModificationTime,
    /// Numeric owner.
    Owner,
    /// Numeric group.
    Group,
    /// Extended attributes and whatever else the format has no fields for.
    Attributes,
}

impl Aspect {
    /// The aspect as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Content => "content",
            Self::Mode => "mode",
            Self::ModificationTime => "mtime",
            Self::Owner => "owner",
            Self::Group => "group",
            Self::Attributes => "attributes",
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What changed from one state of an entry to the other. Names are not compared.
pub(super) fn aspects(before: &DirectoryEntry, after: &DirectoryEntry) -> Vec<Aspect> {
    let same_type = before.kind == after.kind;
    let differs = [
        (Aspect::Type, !same_type),
        (
            Aspect::Content,
            same_type
                && !before.is_directory()
                && (before.object != after.object || before.size != after.size),
        ),
        (Aspect::Mode, before.mode != after.mode),
        (Aspect::ModificationTime, before.mtime != after.mtime),
        (Aspect::Owner, before.uid != after.uid),
        (Aspect::Group, before.gid != after.gid),
        (
            Aspect::Attributes,
            before.extras != after.extras || before.unknown != after.unknown,
        ),
    ];
    differs
        .into_iter()
        .filter_map(|(aspect, differs)| differs.then_some(aspect))
        .collect()
}

/// The states of one name in two folders.
#[derive(Debug, PartialEq)]
pub(super) enum Pair {
    /// Only the first folder has it.
    Before(DirectoryEntry),
    /// Only the second folder has it.
    After(DirectoryEntry),
    /// Both have it.
    Both(DirectoryEntry, DirectoryEntry),
}

/// Puts the entries of two folders together by their names, in the order of the names. The streams of both are sorted
/// anew, because nobody promises that a folder and a file of one name stand at the same place.
pub(super) fn pair(mut before: Vec<DirectoryEntry>, mut after: Vec<DirectoryEntry>) -> Vec<Pair> {
    let by_name = |a: &DirectoryEntry, b: &DirectoryEntry| a.file_name().cmp(b.file_name());
    before.sort_by(by_name);
    after.sort_by(by_name);
    let mut pairs = Vec::with_capacity(before.len().max(after.len()));
    let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (Some(left), Some(right)) => by_name(left, right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return pairs,
        };
        let left = before.next_if(|_| order.is_le());
        let right = after.next_if(|_| order.is_ge());
        pairs.extend(match (left, right) {
            (Some(left), Some(right)) => Some(Pair::Both(left, right)),
            (Some(left), None) => Some(Pair::Before(left)),
            (None, right) => right.map(Pair::After),
        });
    }
}

#[cfg(test)]
mod tests {
    use holdfast_repository::directory::{EntryKind, Extras, FileMode};
    use holdfast_repository::json::UnixNanos;

    use super::*;

    fn file(name: &str) -> DirectoryEntry {
        let mut entry = DirectoryEntry::new(name, EntryKind::File);
        entry.object = "aa".parse().ok();
        entry
    }

    fn folder(name: &str) -> DirectoryEntry {
        DirectoryEntry::new(name, EntryKind::Directory)
    }

    #[test]
    fn each_field_is_an_aspect_of_its_own() {
        type Change = fn(&mut DirectoryEntry);
        let changes: [(Change, &[Aspect]); 9] = [
            (|_| {}, &[]),
            (|entry| entry.name = b"other".to_vec(), &[]),
            (|entry| entry.object = "bb".parse().ok(), &[Aspect::Content]),
            (
                |entry| entry.mode = FileMode::from_bits(0o600),
                &[Aspect::Mode],
            ),
            (
                |entry| entry.mtime = UnixNanos(1),
                &[Aspect::ModificationTime],
            ),
            (|entry| entry.uid = 7, &[Aspect::Owner]),
            (|entry| entry.gid = 7, &[Aspect::Group]),
            (
                |entry| entry.extras = Some(Box::new(Extras::with_raw_name(b"\xff"))),
                &[Aspect::Attributes],
            ),
            (
                |entry| {
                    entry.kind = EntryKind::Symlink;
                    entry.object = "cc".parse().ok();
                },
                &[Aspect::Type],
            ),
        ];
        for (change, expected) in changes {
            let (before, mut after) = (file("name"), file("name"));
            change(&mut after);
            assert_eq!(aspects(&before, &after), expected);
        }
    }

    #[test]
    fn another_content_of_a_folder_is_no_change_of_the_folder() {
        let (before, mut after) = (folder("name"), folder("name"));
        after.object = "kaa".parse().ok();
        assert_eq!(aspects(&before, &after), []);
    }

    #[test]
    fn names_are_paired_whatever_the_order_and_the_kind() {
        let pairs = pair(
            vec![folder("b"), file("a"), file("d")],
            vec![file("b"), file("c"), file("d")],
        );
        assert_eq!(
            pairs,
            [
                Pair::Before(file("a")),
                Pair::Both(folder("b"), file("b")),
                Pair::After(file("c")),
                Pair::Both(file("d"), file("d")),
            ]
        );
    }

    #[test]
    fn a_name_that_occurs_twice_is_paired_as_often_as_both_have_it() {
        let pairs = pair(vec![file("a"), file("a")], vec![file("a")]);
        assert_eq!(
            pairs,
            [Pair::Both(file("a"), file("a")), Pair::Before(file("a"))]
        );
    }
}
