//! Carrying a copy out.

use std::collections::HashSet;
use std::io::IoSlice;
use std::sync::atomic::{AtomicBool, Ordering};

use holdfast_storage::{BlobId, BlobInfo, BlobStore, Error as StorageError, PutOptions};

use parking_lot::Mutex;

use super::plan::{Plan, Stage, is_begun_copy, is_mutable, plan, stage, tally};
use super::{BlobTally, SyncOptions, SyncProgress, SyncReport};
use crate::blob_names::FORMAT;
use crate::error::{Error, Result};
use crate::format::{FormatBlob, MAX_FORMAT_BLOB_LENGTH};
use crate::parallel;

/// Any store, as its listings want it.
type Store = dyn BlobStore + 'static;

/// Longer blobs are copied in pieces of this size where the destination takes them so, in bytes.
const PIECE: usize = 16 << 20;
/// How often the source is listed anew because blobs went away while they were copied.
const PASSES: u32 = 5;

/// Copies the repository in `source` to `destination`. Interrupted, it goes on where it was when it is run again.
///
/// Blobs have no object lock in the copy, whatever the source demands.
///
/// # Errors
/// [`Error::RepositoryMissing`] and [`Error::RepositoryIncomplete`] for the source; [`Error::OtherRepository`] when the
/// destination holds something else; [`Error::SourceUnstable`]; those of both stores.
pub fn sync(
    source: &(dyn BlobStore + 'static),
    destination: &(dyn BlobStore + 'static),
    options: &SyncOptions,
) -> Result<SyncReport> {
    let own = format_blob(source)?.ok_or_else(|| Error::RepositoryMissing {
        location: source.location(),
    })?;
    let there = format_blob(destination)?;
    match &there {
        Some(there) if there.unique_id != own.unique_id => {
            return Err(other(destination, "another repository"));
        }
        None if options.must_exist => {
            return Err(Error::RepositoryMissing {
                location: destination.location(),
            });
        }
        _ => {}
    }
    let mut done = SyncReport::default();
    for _ in 0..PASSES {
        let listed = list_source(source)?;
        let present = destination.list_all("")?;
        if there.is_none() && !is_begun_copy(&listed, &present) {
            return Err(other(
                destination,
                "blobs that are not of the source, and no format blob",
            ));
        }
        let changed = changed(source, destination, &listed, &present)?;
        let plan = plan(&listed, &present, &changed, options.delete);
        if options.dry_run {
            return Ok(SyncReport {
                dry_run: true,
                ..plan.report
            });
        }
        let run = Run {
            source,
            destination,
            options,
            new: Mutex::default(),
            replaced: Mutex::default(),
            there: present.iter().map(|blob| blob.id.clone()).collect(),
            vanished: AtomicBool::new(false),
        };
        let copied = run.copy(&plan);
        add(&mut done.copied, run.new.into_inner());
        add(&mut done.replaced, run.replaced.into_inner());
        copied?;
        if run.vanished.into_inner() {
            continue;
        }
        for blob in &plan.delete {
            options.cancel.check().map_err(|_| stopped(destination))?;
            destination.delete(&blob.id)?;
        }
        return Ok(SyncReport {
            copied: done.copied,
            replaced: done.replaced,
            ..plan.report
        });
    }
    Err(Error::SourceUnstable {
        location: source.location(),
    })
}

fn add(sum: &mut BlobTally, more: BlobTally) {
    sum.blobs += more.blobs;
    sum.bytes += more.bytes;
}

fn other(destination: &Store, found: &'static str) -> Error {
    Error::OtherRepository {
        location: destination.location(),
        found,
    }
}

fn stopped(store: &Store) -> Error {
    StorageError::cancelled("copy", store.location()).into()
}

/// The format blob of a store, if it has one.
fn format_blob(store: &Store) -> Result<Option<FormatBlob>> {
    let id = crate::blob_names::blob_id(FORMAT.to_owned())?;
    let bytes = match store.stat(&id) {
        Ok(found) if found.length <= MAX_FORMAT_BLOB_LENGTH => store.get(&id)?,
        Ok(found) => {
            return Err(Error::InvalidFormat {
                blob: FORMAT,
                reason: format!("it has {} bytes", found.length),
            });
        }
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    FormatBlob::parse(&bytes).map(Some)
}

/// Every blob of the source, indexes listed before packs: a pack that an index names is listed then.
fn list_source(source: &Store) -> Result<Vec<BlobInfo>> {
    let indexes = |blob: &BlobInfo| {
        matches!(
            stage(blob.id.as_str()),
            Some(Stage::Indexes | Stage::Markers | Stage::Records)
        )
    };
    let mut blobs = Vec::new();
    for family in ["x", "n", "m", "l"] {
        blobs.extend(source.list_all(family)?.into_iter().filter(indexes));
    }
    let rest = source.list_all("")?;
    blobs.extend(rest.into_iter().filter(|blob| !indexes(blob)));
    Ok(blobs)
}

/// Settings that both have with equal length and different content.
fn changed(
    source: &Store,
    destination: &Store,
    listed: &[BlobInfo],
    present: &[BlobInfo],
) -> Result<HashSet<BlobId>> {
    let present: HashSet<(&BlobId, u64)> =
        present.iter().map(|blob| (&blob.id, blob.length)).collect();
    let mut changed = HashSet::new();
    for blob in listed {
        if is_mutable(blob.id.as_str())
            && present.contains(&(&blob.id, blob.length))
            && source.get(&blob.id)? != destination.get(&blob.id)?
        {
            changed.insert(blob.id.clone());
        }
    }
    Ok(changed)
}

struct Run<'a> {
    source: &'a Store,
    destination: &'a Store,
    options: &'a SyncOptions,
    new: Mutex<BlobTally>,
    replaced: Mutex<BlobTally>,
    /// What the destination had before.
    there: HashSet<BlobId>,
    /// Whether a blob of the source went away since it was listed.
    vanished: AtomicBool,
}

impl Run<'_> {
    /// Copies stage by stage. When something vanished, what depends on it is left for the next pass.
    fn copy(&self, plan: &Plan) -> Result<()> {
        let progress: &SyncProgress = &self.options.progress;
        progress.add_total(tally(plan.copy.iter().map(|(_, blob)| blob)).bytes);
        let packs = plan
            .copy
            .partition_point(|(stage, _)| *stage == Stage::Packs);
        let (packs, rest) = plan.copy.split_at(packs);
        let threads = self.options.parallelism.get();
        parallel::map(packs, threads, |(_, blob)| self.blob(blob))?;
        for (_, blob) in rest {
            if self.vanished.load(Ordering::Relaxed) {
                return Ok(());
            }
            self.blob(blob)?;
        }
        Ok(())
    }

    fn blob(&self, blob: &BlobInfo) -> Result<()> {
        self.options
            .cancel
            .check()
            .map_err(|_| stopped(self.destination))?;
        match self.transfer(blob) {
            Ok(()) => {
                self.options.progress.add_done(blob.length);
                let tally = match self.there.contains(&blob.id) {
                    true => &self.replaced,
                    false => &self.new,
                };
                tally.lock().add(blob.length);
                Ok(())
            }
            Err(Failed::Reading(error)) if error.is_not_found() => {
                self.vanished.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(Failed::Reading(error) | Failed::Writing(error)) => Err(error.into()),
        }
    }

    fn transfer(&self, blob: &BlobInfo) -> Result<(), Failed> {
        let options = PutOptions::default();
        let in_pieces = self.destination.capabilities().streaming_writes
            && blob.length > PIECE as u64
            && !is_mutable(blob.id.as_str());
        if !in_pieces {
            let data = self.source.get(&blob.id).map_err(Failed::Reading)?;
            return self
                .destination
                .put(&blob.id, data, &options)
                .map_err(Failed::Writing);
        }
        let mut writer = self
            .destination
            .create(&blob.id, &options)
            .map_err(Failed::Writing)?;
        let mut buffer = vec![0; PIECE];
        let mut at = 0;
        while at < blob.length {
            let length = (PIECE as u64).min(blob.length - at) as usize;
            let piece = &mut buffer[..length];
            self.source
                .get_range(&blob.id, at, piece)
                .map_err(Failed::Reading)?;
            writer
                .write(&[IoSlice::new(piece)])
                .map_err(Failed::Writing)?;
            at += length as u64;
        }
        writer.commit().map_err(Failed::Writing)
    }
}

/// Which side failed.
enum Failed {
    Reading(StorageError),
    Writing(StorageError),
}
