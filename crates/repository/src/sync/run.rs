//! Carrying a copy out.

use std::collections::HashSet;
use std::io::IoSlice;
use std::sync::atomic::{AtomicBool, Ordering};

use holdfast_storage::{
    BlobId, BlobInfo, BlobStore, Error as StorageError, ErrorKind, PutOptions, Retention,
};
use jiff::Timestamp;
use parking_lot::Mutex;

use super::plan::{Plan, Stage, is_begun_copy, is_mutable, plan, stage, tally};
use super::settings::Step;
use super::{BlobTally, SyncOptions, SyncProgress, SyncReport, guard, settings};
use crate::blob_names::{FORMAT, MAINTENANCE, blob_id};
use crate::error::{Error, Result};
use crate::format::{FormatBlob, MAX_FORMAT_BLOB_LENGTH};
use crate::object_lock::{LOCKED_FAMILIES, extend_all, is_locked};
use crate::parallel;

/// Any store, as its listings want it.
type Store = dyn BlobStore + 'static;

/// Longer blobs are copied in pieces of this size where the destination takes them so, in bytes.
const PIECE: usize = 16 << 20;
/// How often the source is listed anew because blobs went away while they were copied.
const PASSES: u32 = 5;

/// Copies the repository in `source` to `destination`. Interrupted, it goes on where it was when it is run again.
///
/// # Errors
/// [`Error::RepositoryMissing`] and [`Error::RepositoryIncomplete`] for the source; [`Error::OtherRepository`] when the
/// destination holds something else; [`Error::CopyMaintained`]; [`Error::SourceEmptied`];
/// [`Error::DeletionUnconfirmed`]; [`Error::SourceUnstable`]; [`Error::LocksNotExtended`]; those of both stores. Nothing is
/// changed when one of the first six is returned.
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
        if !options.delete
            && let Some(sign) = guard::maintained(&listed, &present)
        {
            return Err(Error::CopyMaintained {
                location: destination.location(),
                sign,
            });
        }
        let changed = changed(source, destination, &listed, &present)?;
        let mut plan = plan(&listed, &present, &changed, options.delete);
        if options.delete && guard::is_emptied(&listed, &present) {
            return Err(Error::SourceEmptied {
                location: source.location(),
            });
        }
        plan.report.unlocked_copy = options.lock.is_none() && locks(source)?;
        plan.report.needs_confirmation = guard::confirmation(&plan, &listed, &present);
        if options.dry_run {
            return Ok(SyncReport {
                dry_run: true,
                ..plan.report
            });
        }
        if let Some(reason) = plan
            .report
            .needs_confirmation
            .take_if(|_| !options.confirmed)
        {
            return Err(Error::DeletionUnconfirmed {
                location: destination.location(),
                reason,
                examples: plan.report.examples,
            });
        }
        plan.report.needs_confirmation = None;
        let run = Run {
            source,
            destination,
            options,
            new: Mutex::default(),
            replaced: Mutex::default(),
            there: present.iter().map(|blob| blob.id.clone()).collect(),
            vanished: AtomicBool::new(false),
        };
        // Before anything can fail, so that a copy that never ends does not cost the copy its locks.
        let renewed = match run.lock_again(&listed, &present, &plan) {
            Err(error) if !matches!(error, Error::LocksNotExtended { .. }) => return Err(error),
            renewed => renewed,
        };
        let copied = run.copy(&plan);
        add(&mut done.copied, *run.new.lock());
        add(&mut done.replaced, *run.replaced.lock());
        copied?;
        if run.vanished.load(Ordering::Relaxed) {
            continue;
        }
        run.forget_maintenance(&present)?;
        run.delete(&mut plan)?;
        renewed?;
        run.lock_is_kept()?;
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

/// Whether a store locks the blobs of its repository, as far as it tells: then its format blob is locked.
fn locks(store: &Store) -> Result<bool> {
    if !store.capabilities().object_lock {
        return Ok(false);
    }
    match store.retention(&blob_id(FORMAT.to_owned())?) {
        Ok(lock) => Ok(lock.is_some()),
        Err(error) if error.kind() == ErrorKind::AccessDenied => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The format blob of a store, if it has one.
fn format_blob(store: &Store) -> Result<Option<FormatBlob>> {
    let id = blob_id(FORMAT.to_owned())?;
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
        let settings = rest.partition_point(|(stage, _)| *stage < Stage::Format);
        let (rest, settings) = rest.split_at(settings);
        for (_, blob) in rest {
            if self.vanished.load(Ordering::Relaxed) {
                return Ok(());
            }
            self.blob(blob)?;
        }
        match settings.is_empty() || self.vanished.load(Ordering::Relaxed) {
            true => Ok(()),
            false => self.settings(settings),
        }
    }

    /// Brings blob configuration and format blob to what the source has now.
    fn settings(&self, planned: &[(Stage, BlobInfo)]) -> Result<()> {
        let (own, copy) = (
            settings::read(self.source)?,
            settings::read(self.destination)?,
        );
        for step in settings::steps(&own, &copy) {
            self.go_on()?;
            match step {
                Step::Put(name, bytes) => {
                    let id = blob_id(name.to_owned())?;
                    self.destination.put(&id, bytes, &self.put_options(&id))?;
                }
                Step::Delete(name) => self.destination.delete(&blob_id(name.to_owned())?)?,
            }
        }
        planned.iter().for_each(|(_, blob)| self.done(blob));
        Ok(())
    }

    /// Removes the record of maintenance: what it says was done, locks among it, was not done to the copy.
    fn forget_maintenance(&self, present: &[BlobInfo]) -> Result<()> {
        match present.iter().find(|blob| blob.id.as_str() == MAINTENANCE) {
            Some(record) => Ok(self.destination.delete(&record.id)?),
            None => Ok(()),
        }
    }

    /// Deletes what the source no longer has. It is asked for each blob: a listing may be incomplete.
    fn delete(&self, plan: &mut Plan) -> Result<()> {
        for blob in std::mem::take(&mut plan.delete) {
            self.go_on()?;
            match self.source.stat(&blob.id) {
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {
                    return Err(Error::SourceUnstable {
                        location: self.source.location(),
                    });
                }
            }
            if self.options.lock.is_some() && self.is_kept(&blob.id)? {
                plan.report.deleted.take(blob.length);
                plan.report.extra.add(blob.length);
                plan.report.locked.add(blob.length);
                continue;
            }
            self.destination.delete(&blob.id)?;
        }
        Ok(())
    }

    /// Whether a blob of the copy is locked, or may be.
    fn is_kept(&self, id: &BlobId) -> Result<bool> {
        match self.destination.retention(id) {
            Ok(lock) => Ok(lock.is_some_and(|lock| lock.until > self.options.clock.now())),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) if error.kind() == ErrorKind::AccessDenied => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Locks anew what the copy had already and the source still has. What will be replaced is locked then; settings also
    /// before, since they are replaced last of all.
    fn lock_again(&self, listed: &[BlobInfo], present: &[BlobInfo], plan: &Plan) -> Result<()> {
        let Some(lock) = self.lock() else {
            return Ok(());
        };
        let mut wanted: HashSet<&BlobId> = listed.iter().map(|blob| &blob.id).collect();
        for (_, copied) in &plan.copy {
            if !is_mutable(copied.id.as_str()) {
                wanted.remove(&copied.id);
            }
        }
        let families: Vec<Vec<BlobInfo>> = LOCKED_FAMILIES
            .iter()
            .map(|prefix| {
                let had = present.iter().filter(|blob| {
                    blob.id.as_str().starts_with(prefix)
                        && is_locked(&blob.id)
                        && stage(blob.id.as_str()).is_some()
                        && wanted.contains(&blob.id)
                });
                had.cloned().collect()
            })
            .collect();
        extend_all(self.destination, &families, lock, &|| self.go_on()).map(drop)
    }

    /// Whether the copy is locked in the end: some services take the wish and forget it.
    fn lock_is_kept(&self) -> Result<()> {
        if self.options.lock.is_none() {
            return Ok(());
        }
        match self.destination.retention(&blob_id(FORMAT.to_owned())?) {
            Ok(None) => Err(Error::LockNotKept {
                location: self.destination.location(),
            }),
            Err(error) if error.kind() != ErrorKind::AccessDenied => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The lock of what is stored now.
    fn lock(&self) -> Option<Retention> {
        let setting = self.options.lock?;
        let now = self.options.clock.now();
        let until = now.checked_add(setting.period).unwrap_or(Timestamp::MAX);
        Some(Retention {
            mode: setting.mode,
            until,
        })
    }

    fn put_options(&self, id: &BlobId) -> PutOptions {
        PutOptions {
            retention: self.lock().filter(|_| is_locked(id)),
        }
    }

    fn go_on(&self) -> Result<()> {
        let cancelled = self.options.cancel.check();
        cancelled.map_err(|_| stopped(self.destination))
    }

    fn done(&self, blob: &BlobInfo) {
        self.options.progress.add_done(blob.length);
        let tally = match self.there.contains(&blob.id) {
            true => &self.replaced,
            false => &self.new,
        };
        tally.lock().add(blob.length);
    }

    fn blob(&self, blob: &BlobInfo) -> Result<()> {
        self.go_on()?;
        match self.transfer(blob) {
            Ok(()) => {
                self.done(blob);
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
        let options = self.put_options(&blob.id);
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
