//! Repositories with many contents, written through the library in a fraction of the time that a snapshot of as many
//! files would take.
//!
//! Everything in them is real: every content can be read, and the check finds nothing. They look as if they had been in
//! use for some time: index blobs of several epochs that nobody merged, packs that hold garbage alone, packs that hold
//! some, and short packs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use holdfast_host::{Clock, ManualClock, SystemClock};
use holdfast_repository::directory::{DirectoryEntry, EntryKind, FileMode};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::manifest::ManifestEdits;
use holdfast_repository::snapshot::{self, SnapshotManifest};
use holdfast_repository::{
    CreateOptions, ObjectId, OpenOptions, Repository, Session, SourceIdentity,
};
use holdfast_storage::{BlobId, BlobStore, LocalStore, PutOptions};
use secrecy::SecretString;

use crate::folder::folder;

/// Contents of one folder.
const IN_FOLDER: u64 = 1000;
/// Epochs, more than are merged into one range at least.
const EPOCHS: u64 = 10;
/// Length of a content in bytes.
const LENGTH: usize = 64;
/// Of a mixed folder every so-many-th content is garbage.
const GARBAGE_STEP: u64 = 10;
/// The index is published after so many folders of a worker.
const PUBLISHED_AT_ONCE: u64 = 100;
const WORKERS: u64 = 2;
/// How long ago it was written.
const AGE: Duration = Duration::from_secs(10 * 24 * 3600);

/// What is in such a repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ManyContents {
    /// Files of its one snapshot, each of one content.
    pub files: u64,
    /// Contents that no snapshot needs.
    pub garbage: u64,
    /// Packs that are far from full; what is in them is needed.
    pub short_packs: u64,
    /// The last epoch that nobody writes into any more.
    pub last_settled_epoch: u64,
}

/// What becomes of the contents of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Folder {
    /// Needed, but for some, in large packs.
    Mixed,
    /// Needed, in a pack of its own.
    Short,
    /// Garbage, in packs with other garbage.
    Garbage,
}

impl Folder {
    fn of(number: u64) -> Self {
        match number % 10 {
            9 => Self::Garbage,
            8 => Self::Short,
            _ => Self::Mixed,
        }
    }

    fn needs(self, content: u64) -> bool {
        match self {
            Self::Mixed => !content.is_multiple_of(GARBAGE_STEP),
            Self::Short => true,
            Self::Garbage => false,
        }
    }
}

/// Creates a repository in a directory and fills it with about `contents` contents of files.
pub fn write(directory: &Path, password: &str, contents: u64) -> Result<ManyContents> {
    let clock = Arc::new(ManualClock::new(SystemClock::new().now() - AGE));
    let store: Arc<dyn BlobStore> = Arc::new(LocalStore::create_directory(directory)?);
    let options = OpenOptions {
        clock,
        ..OpenOptions::default()
    };
    let password = SecretString::from(password);
    let create = CreateOptions {
        // Small packs, so that there are many of them.
        max_pack_size: 10 << 20,
        ..CreateOptions::default()
    };
    let repository = Repository::create(Arc::clone(&store), &password, &create, &options)?;

    let folders = contents.div_ceil(IN_FOLDER);
    let mut written = ManyContents::default();
    let mut entries = Vec::new();
    for epoch in 0..EPOCHS {
        let within = folders * epoch / EPOCHS..folders * (epoch + 1) / EPOCHS;
        let session = repository.session()?;
        let workers: Vec<Result<(Vec<DirectoryEntry>, ManyContents)>> =
            std::thread::scope(|scope| {
                let start = |worker| {
                    let (session, within) = (&session, within.clone());
                    scope.spawn(move || {
                        fill(session, within.filter(|number| number % WORKERS == worker))
                    })
                };
                let workers: Vec<_> = (0..WORKERS).map(start).collect();
                workers
                    .into_iter()
                    .map(|worker| worker.join().expect("a worker"))
                    .collect()
            });
        for worker in workers {
            let (folders, filled) = worker?;
            entries.extend(folders);
            written.files += filled.files;
            written.garbage += filled.garbage;
            written.short_packs += filled.short_packs;
        }
        session.close()?;
        store.put(
            &BlobId::new(format!("xe{}", epoch + 1))?,
            Bytes::from_static(b"epoch-marker"),
            &PutOptions::default(),
        )?;
    }
    written.last_settled_epoch = EPOCHS - 2;
    save(&repository, entries)?;
    Ok(written)
}

/// Writes folders; returns those that the snapshot has.
fn fill(
    session: &Session,
    numbers: impl Iterator<Item = u64>,
) -> Result<(Vec<DirectoryEntry>, ManyContents)> {
    let (mut large, mut short, mut garbage) =
        (session.writer(), session.writer(), session.writer());
    let mut entries = Vec::new();
    let mut written = ManyContents::default();
    for (done, number) in (1_u64..).zip(numbers) {
        let kind = Folder::of(number);
        let writer = match kind {
            Folder::Mixed => &mut large,
            Folder::Short => &mut short,
            Folder::Garbage => &mut garbage,
        };
        let mut files = Vec::with_capacity(IN_FOLDER as usize);
        for content in number * IN_FOLDER..(number + 1) * IN_FOLDER {
            let mut data = [0; LENGTH];
            data[..8].copy_from_slice(&content.to_le_bytes());
            let object = writer.write(None, &data, None)?.object();
            match kind.needs(content) {
                true => files.push(file(content, object)),
                false => written.garbage += 1,
            }
        }
        if kind == Folder::Short {
            writer.finish_packs()?;
            written.short_packs += 1;
        }
        if !files.is_empty() {
            written.files += files.len() as u64;
            entries.push(folder(&format!("folder-{number:06}"), &files, &mut large)?);
        }
        if done.is_multiple_of(PUBLISHED_AT_ONCE) {
            session.commit_index()?;
        }
    }
    for writer in [&mut large, &mut short, &mut garbage] {
        writer.finish_packs()?;
    }
    Ok((entries, written))
}

fn file(number: u64, object: ObjectId) -> DirectoryEntry {
    let mut entry = DirectoryEntry::new(format!("file-{number:08}"), EntryKind::File);
    entry.mode = FileMode::from_unix(0o644);
    entry.mtime = UnixNanos(1_700_000_000_000_000_000);
    entry.size = LENGTH as i64;
    entry.object = Some(object);
    entry
}

/// Saves the snapshot that has these folders.
fn save(repository: &Arc<Repository>, mut folders: Vec<DirectoryEntry>) -> Result<()> {
    folders.sort_by(DirectoryEntry::stream_order);
    let session = repository.session()?;
    let mut writer = session.writer();
    let root = folder("data", &folders, &mut writer)?;
    let start = UnixNanos::from(repository.clock().now());
    let snapshot = SnapshotManifest {
        source: SourceIdentity::new(repository.user(), repository.host(), "/data"),
        start_time: start,
        end_time: start,
        root_entry: Some(root),
        ..SnapshotManifest::default()
    };
    let mut edits = ManifestEdits::new(Arc::clone(repository.clock()));
    snapshot::save(&mut edits, &snapshot)?;
    edits.write(&mut writer)?;
    writer.finish_packs()?;
    drop(writer);
    session.close().context("save the snapshot")?;
    Ok(())
}
