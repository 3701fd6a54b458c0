//! What is known of an entry.

use std::sync::Arc;

use holdfast_repository::ObjectId;
use holdfast_repository::directory::{DirectoryEntry, EntryKind, Extras};

use crate::listing::Listing;

/// Key of the map of a sparse file among its extras (`docs/snapshot-format.md`).
pub(crate) const DATA_RANGES: &str = "s";
/// The least that a hole saves, bytes.
const PAGE: u64 = 4096;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A symbolic link.
    Link,
}

/// The attributes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// The number of the node: always the same for the same path of the same snapshot, and for all names of one file.
    pub number: u64,
    /// What it is.
    pub kind: Kind,
    /// Permission bits with set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// Owner.
    pub user: u32,
    /// Group.
    pub group: u32,
    /// Length in bytes; of a link that of its target.
    pub size: u64,
    /// What its data would take, in units of 512 bytes; holes take nothing.
    pub blocks: u64,
    /// Modification time, nanoseconds since 1970.
    pub modified: i64,
    /// Number of names: 2 for a file with several, whatever their number; 2 for a folder without folders in it, else 1,
    /// which stands for "unknown".
    pub links: u32,
    /// Whether it never changes.
    pub lasting: bool,
}

/// What is known of an entry beside its name.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) size: u64,
    pub(crate) modified: i64,
    /// Whether there are folders in the folder.
    pub(crate) has_folders: bool,
    pub(crate) content: Content,
    pub(crate) extras: Option<Box<Extras>>,
}

/// Where to find what an entry holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// The entry has no data.
    Missing,
    /// In an object of the repository.
    Object(ObjectId),
    /// As [`Self::Object`], of the root of a snapshot, whose extras stand in its directory.
    Root(ObjectId),
    /// In the catalogue of snapshots, at this path.
    Catalogue(Arc<str>),
    /// A folder with these entries.
    Fixed(Arc<Listing>),
    /// The target of a link.
    Target(Box<[u8]>),
}

impl Info {
    /// What an entry of a snapshot says; `None` for kinds that no file system has.
    pub(crate) fn of(entry: &DirectoryEntry) -> Option<Self> {
        let kind = match entry.kind {
            EntryKind::Directory => Kind::Folder,
            EntryKind::File => Kind::File,
            EntryKind::Symlink => Kind::Link,
            EntryKind::Other(_) => return None,
        };
        Some(Self {
            kind,
            mode: entry.mode.to_unix(),
            user: entry.uid,
            group: entry.gid,
            size: match kind {
                Kind::Folder => 0,
                Kind::File | Kind::Link => entry.size.try_into().unwrap_or(0),
            },
            modified: entry.mtime.0,
            // A summary counts the folder itself.
            has_folders: entry.summary.as_ref().is_none_or(|below| below.dirs != 1),
            content: entry.object.map_or(Content::Missing, Content::Object),
            extras: entry.extras.clone(),
        })
    }

    /// A folder that is in no snapshot.
    pub(crate) fn folder(content: Content, modified: i64) -> Self {
        Self {
            kind: Kind::Folder,
            mode: 0o555,
            user: 0,
            group: 0,
            size: 0,
            modified,
            has_folders: true,
            content,
            extras: None,
        }
    }

    /// The object that holds the data.
    pub(crate) fn object(&self) -> Option<ObjectId> {
        match self.content {
            Content::Object(object) | Content::Root(object) => Some(object),
            _ => None,
        }
    }

    /// By what the names of one file are known.
    pub(crate) fn hard_link(&self) -> Option<&str> {
        let extras = self.extras.as_deref()?;
        (self.kind != Kind::Folder && !extras.hard_link.is_empty())
            .then_some(extras.hard_link.as_str())
    }

    pub(crate) fn attributes(&self, number: u64) -> Attributes {
        let data = match (self.kind, self.extras.as_deref()) {
            (Kind::Folder | Kind::Link, _) => 0,
            (Kind::File, Some(extras)) => match &extras.data_ranges {
                Some(ranges) => ranges.iter().map(|(_, length)| *length).sum(),
                // Its map stands in an object of its own. Less than all is enough for programs that look for holes then.
                None if extras.overflow.contains_key(DATA_RANGES) => self.size.saturating_sub(PAGE),
                None => self.size,
            },
            (Kind::File, None) => self.size,
        };
        Attributes {
            number,
            kind: self.kind,
            mode: self.mode,
            user: self.user,
            group: self.group,
            size: self.size,
            blocks: data.min(self.size).div_ceil(512),
            modified: self.modified,
            links: match self.kind {
                Kind::Folder if self.has_folders => 1,
                Kind::Folder => 2,
                Kind::File | Kind::Link => 1 + u32::from(self.hard_link().is_some()),
            },
            lasting: !matches!(self.content, Content::Catalogue(_) | Content::Target(_)),
        }
    }
}
