//! Repair of a repository of which blobs are missing or damaged.
//!
//! The order is that of dependence: the format blob comes from the packs, where they carry it; then the index, from the
//! local indexes of the packs; then manifest containers that an earlier repair set aside and that are there again; then
//! contents that are lost are marked as deleted, so that the next snapshot of a source that still has them stores them
//! again. Whatever is deleted has been replaced before: index blobs that cannot be read
//! go last, packs never do. Every step can be interrupted; the next run finds what is left to do.

mod contents;
mod plan;
mod reading;
mod recovery;
mod report;
mod set_aside;
mod survey;

pub use report::{
    DamagedPack, LostManifests, RepairOptions, RepairReport, RestoredFormat, UnreadableIndex,
};

use std::sync::Arc;

use holdfast_storage::BlobStore;
use secrecy::SecretString;

use crate::format::FormatKey;
use crate::repository::{KeyOf, OpenOptions, Repository, find_format};
use crate::{Result, maintenance};

/// Finds what is missing or damaged in the repository in `store`, and makes good what can be made good if
/// [`RepairOptions::apply`] says so.
///
/// Nobody else should work on the repository meanwhile: what others store or delete while packs are judged may be judged
/// by its old place.
///
/// # Errors
/// As [`Repository::open`] where nothing can be repaired, [`RepositoriesMixed`](crate::Error::RepositoriesMixed),
/// [`MaintenanceRunning`](crate::Error::MaintenanceRunning), and those of the store.
pub fn repair(
    store: Arc<dyn BlobStore>,
    password: &SecretString,
    open: &OpenOptions,
    options: &RepairOptions,
) -> Result<RepairReport> {
    run(store, &|blob| blob.derive_key(password), open, options)
}

/// As [`repair`], with the key that [`FormatBlob::derive_key`] gave.
///
/// # Errors
/// As [`repair`].
///
/// [`FormatBlob::derive_key`]: crate::format::FormatBlob::derive_key
pub fn repair_with_key(
    store: Arc<dyn BlobStore>,
    key: &FormatKey,
    open: &OpenOptions,
    options: &RepairOptions,
) -> Result<RepairReport> {
    run(store, &|_| Ok(key.clone()), open, options)
}

fn run(
    store: Arc<dyn BlobStore>,
    key_of: KeyOf<'_>,
    open: &OpenOptions,
    options: &RepairOptions,
) -> Result<RepairReport> {
    let found = find_format(store.as_ref(), key_of, open.clock.now())?;
    let copy = found.copy.clone();
    let repository = Arc::new(Repository::open_damaged(store, found, open)?);
    let directory = options.lock_directory.as_deref();
    let _lock = directory
        .filter(|_| options.apply)
        .map(|directory| maintenance::lock(&repository, directory))
        .transpose()?;
    let unreadable = repository.load_readable_index()?;
    let mut repair = Repair {
        repository: &repository,
        options,
        report: RepairReport {
            applied: options.apply,
            format_blob: copy.map(|copy| RestoredFormat {
                pack: copy.pack.to_string(),
                reason: copy.reason,
            }),
            ..RepairReport::default()
        },
    };
    if options.apply && repair.report.format_blob.is_some() {
        repository.restore_format_blob()?;
    }
    let mut survey = repair.survey(&unreadable)?;
    repair.recover(&mut survey, unreadable)?;
    let lists = repair.bring_back(&survey)?;
    repair.contents(&survey, &lists)?;
    Ok(repair.report)
}

/// One repair on its way.
struct Repair<'r> {
    repository: &'r Arc<Repository>,
    options: &'r RepairOptions,
    report: RepairReport,
}

impl Repair<'_> {
    /// Fails when the repair was cancelled.
    fn go_on(&self) -> Result<()> {
        go_on(self.repository, self.options)
    }
}

fn go_on(repository: &Repository, options: &RepairOptions) -> Result<()> {
    if options.cancel.is_cancelled() {
        return Err(holdfast_storage::Error::cancelled("repair", repository.location()).into());
    }
    Ok(())
}
