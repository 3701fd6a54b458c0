//! What entries have beyond the format's own fields (`docs/snapshot-format.md`, key `hf`): read where a file is read,
//! taken over where nothing can have changed it, and held by a companion snapshot where it takes objects of its own.

use std::collections::{BTreeMap, HashMap};

use holdfast_files::{Found, Metadata};
use holdfast_repository::Result;
use holdfast_repository::directory::{
    DirectoryEntry, EntryKind, Extras, FileMode, SummaryBuilder, encode,
};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::object::{ObjectId, ObjectOptions, write_object};
use holdfast_repository::snapshot::{COMPANION_TAG, SnapshotManifest};
use holdfast_repository::source::SourceIdentity;

use super::worker::Worker;
use crate::extended::to_extras;
use crate::problem::{Problem, ProblemCode, Severity};

/// Time by which a change may be stamped earlier than it happened: file systems count in steps, FAT in two seconds.
const STAMP_ERROR: i64 = 2_000_000_000;
/// Pin by which companions are kept from retention, also that of other programs.
const COMPANION_PIN: &str = "holdfast-metadata";

/// What an earlier snapshot says of an entry that has not changed since.
#[derive(Debug, Default)]
pub(super) enum Carried {
    /// It still has this.
    Known(Option<Box<Extras>>),
    /// Nothing: it is to be looked at.
    #[default]
    Unknown,
}

/// The time before which changes of entries of a snapshot that begins now are seen by it. None are when the clock was set
/// back behind `latest`, the newest earlier snapshot: times of change would not tell what came after what.
pub(super) fn known_before(now: UnixNanos, latest: Option<UnixNanos>) -> UnixNanos {
    match latest {
        Some(latest) if now < latest => UnixNanos(i64::MIN),
        _ => UnixNanos(now.0.saturating_sub(STAMP_ERROR)),
    }
}

/// The time before which an earlier snapshot knows what its entries have; nothing is known from other programs.
pub(super) fn settled(snapshot: &SnapshotManifest, now: UnixNanos) -> i64 {
    snapshot
        .extras
        .filter(|_| snapshot.start_time <= now)
        .map_or(i64::MIN, |extras| extras.known_before.0)
}

/// Which names are links of one file: the same text for all of them, and from one snapshot to the next. On the file system
/// of the root the number of the file will do.
pub(super) fn hard_link(metadata: &Metadata, root_device: u64) -> String {
    let is_link = metadata.links > 1
        && metadata.inode != 0
        && metadata.kind != holdfast_files::Kind::Directory;
    match is_link {
        false => String::new(),
        true if metadata.device == root_device => format!("{:x}", metadata.inode),
        true => format!("{:x}.{:x}", metadata.device, metadata.inode),
    }
}

/// Gives an entry what was found or taken over; the name and the link stay.
pub(super) fn put(entry: &mut DirectoryEntry, found: Option<Box<Extras>>) {
    let Some(mut found) = found else {
        if let Some(extras) = &mut entry.extras {
            **extras = Extras {
                raw_name: extras.raw_name.take(),
                hard_link: std::mem::take(&mut extras.hard_link),
                ..Extras::default()
            };
        }
        return;
    };
    let (raw_name, hard_link) = entry.extras.take().map_or_else(Default::default, |extras| {
        (extras.raw_name, extras.hard_link)
    });
    (found.raw_name, found.hard_link) = (raw_name, hard_link);
    entry.extras = (!found.is_empty()).then_some(found);
}

impl Worker<'_> {
    /// What an entry keeps of what was found: large values are stored as objects. What could not be read is reported.
    pub(super) fn keep_extended(
        &mut self,
        path: &str,
        found: Found,
    ) -> Result<Option<Box<Extras>>> {
        for refused in found.refused {
            self.upload().report(Problem {
                code: ProblemCode::AttributesNotRead,
                severity: Severity::Warning,
                path: path.to_owned(),
                message: format!("{} could not be read: {}", refused.what, refused.error),
                size: None,
            });
        }
        if found.extended.is_empty() {
            return Ok(None);
        }
        let mut extras = to_extras(found.extended);
        for (key, text) in extras.take_large() {
            let upload = self.upload();
            let compression = upload.metadata_compression_at(path);
            let options = ObjectOptions::data(upload.metadata_splitter(), compression, compression);
            let object = write_object(self, &text, &options)?;
            self.upload().hold(object, Some(text.len() as u64));
            extras.overflow.insert(key.to_owned(), object);
        }
        Ok(Some(Box::new(extras)))
    }

    /// Whether everything that an earlier snapshot kept of an entry is still stored, so that it can be referred to again.
    pub(super) fn is_kept(&self, extras: Option<&Extras>) -> bool {
        let objects = extras.iter().flat_map(|extras| extras.overflow.values());
        let kept = objects
            .clone()
            .all(|object| self.upload().is_stored(object));
        if kept {
            objects.for_each(|object| self.upload().hold(*object, None));
        }
        kept
    }

    /// Stores a folder of all objects that only extended metadata refers to; the root of the companion snapshot.
    pub(super) fn store_companion(&mut self) -> Result<DirectoryEntry> {
        let upload = self.upload();
        let held: BTreeMap<String, (ObjectId, Option<u64>)> = upload
            .held()
            .into_iter()
            .map(|(object, length)| (object.to_string(), (object, length)))
            .collect();
        let mut entries = Vec::with_capacity(held.len());
        let mut summary = SummaryBuilder::new();
        for (name, (object, length)) in held {
            let length = match length {
                Some(length) => length,
                None => upload.repository().object_length(&object)?,
            };
            let mut entry = DirectoryEntry::new(name, EntryKind::File);
            entry.mode = FileMode::from_unix(0o400);
            entry.size = i64::try_from(length).unwrap_or(i64::MAX);
            entry.object = Some(object);
            summary.add(&entry);
            entries.push(entry);
        }
        let summary = summary.finish(UnixNanos::EPOCH, "");
        let bytes = encode(&entries, &summary, None);
        let compression = upload.metadata_compression_at("");
        let options = ObjectOptions::directory(upload.metadata_splitter(), compression);
        let object = write_object(self, &bytes, &options)?;
        self.writer().finish_packs()?;
        let mut root = DirectoryEntry::new("metadata", EntryKind::Directory);
        root.mode = FileMode::from_unix(0o500);
        root.object = Some(object);
        root.summary = Some(Box::new(summary));
        Ok(root)
    }
}

/// The snapshot that holds what only the extended metadata of `of` refers to. Garbage collection of other programs keeps
/// what the trees of snapshots reach, and does not look into extended metadata.
pub(super) fn companion(of: &SnapshotManifest, root: DirectoryEntry) -> SnapshotManifest {
    let run = uuid::Uuid::new_v4();
    let tag = of.root_object().map(|root| root.to_string());
    SnapshotManifest {
        source: SourceIdentity::new(
            &of.source.user_name,
            &of.source.host,
            format!("/holdfast/metadata/{run}"),
        ),
        description: format!("extended metadata of a snapshot of {}", of.source),
        start_time: of.start_time,
        end_time: of.end_time,
        root_entry: Some(root),
        tags: [(COMPANION_TAG.to_owned(), tag.unwrap_or_default())].into(),
        pins: vec![COMPANION_PIN.to_owned()],
        ..SnapshotManifest::default()
    }
}

/// Objects that only extended metadata refers to, with their lengths where those are known.
pub(super) type Held = HashMap<ObjectId, Option<u64>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(links: u64, device: u64) -> Metadata {
        Metadata {
            kind: holdfast_files::Kind::File,
            mode: 0o644,
            size: 1,
            modified: 0,
            changed: 0,
            uid: 0,
            gid: 0,
            device,
            inode: 0x2a,
            links,
            may_have_holes: false,
            is_stream: false,
        }
    }

    #[test]
    fn links_have_ids_that_last() {
        assert_eq!(hard_link(&metadata(1, 5), 5), "");
        assert_eq!(hard_link(&metadata(2, 5), 5), "2a");
        assert_eq!(hard_link(&metadata(2, 7), 5), "7.2a");
    }

    #[test]
    fn a_clock_that_was_set_back_proves_nothing() {
        let now = UnixNanos(10_000_000_000);
        assert_eq!(known_before(now, None), UnixNanos(8_000_000_000));
        assert_eq!(known_before(now, Some(now)), UnixNanos(8_000_000_000));
        assert_eq!(
            known_before(now, Some(UnixNanos(now.0 + 1))),
            UnixNanos(i64::MIN)
        );
        let mut earlier = SnapshotManifest {
            start_time: now,
            ..SnapshotManifest::default()
        };
        assert_eq!(settled(&earlier, now), i64::MIN, "of another program");
        earlier.extras = Some(holdfast_repository::snapshot::SnapshotExtras {
            known_before: UnixNanos(7),
        });
        assert_eq!(settled(&earlier, now), 7);
        assert_eq!(settled(&earlier, UnixNanos(now.0 - 1)), i64::MIN);
    }

    #[test]
    fn what_is_put_keeps_name_and_link() {
        let mut entry = DirectoryEntry::new("x", EntryKind::File);
        put(&mut entry, None);
        assert_eq!(entry.extras, None);
        let mut extras = Extras::with_raw_name(b"x\xff");
        extras.hard_link = "2a".to_owned();
        extras.data_ranges = Some(Vec::new());
        entry.extras = Some(Box::new(extras.clone()));
        put(&mut entry, None);
        extras.data_ranges = None;
        assert_eq!(entry.extras.as_deref(), Some(&extras));
        let found = Extras {
            data_ranges: Some(vec![(1, 2)]),
            hard_link: "of the earlier snapshot".to_owned(),
            ..Extras::default()
        };
        put(&mut entry, Some(Box::new(found)));
        extras.data_ranges = Some(vec![(1, 2)]);
        assert_eq!(entry.extras.as_deref(), Some(&extras));
    }
}
