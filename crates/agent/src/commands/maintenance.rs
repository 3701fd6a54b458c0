//! `maintenance_quick` and `maintenance_full`: the upkeep of a vault's repository by the agent that owns it. A full one also
//! reads back a part of what is stored, so that everything is read within the repository's window.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{
    Coverage, CoverageAge, FreedLater, LocksExtended, Maintain, MaintainResult, MaintenanceDone,
};
use holdfast_protocol::agent::text::{PRODUCT_NAME, sanitise};
use holdfast_protocol::agent::{VaultContext, failures};
use holdfast_repository::Repository;
use holdfast_repository::coverage::{self, Budget, CoverageOptions, verify_blobs};
use holdfast_repository::maintenance::{
    self, Freed, MaintenanceParameters, Mode, RunOptions, RunReport, Safety, Schedule, Task,
};
use holdfast_repository::manifest::ManifestEdits;
use jiff::Timestamp;

use super::usage::measure;
use crate::failure::{Failure, WorkError};
use crate::state::VaultFolders;
use crate::vaults::{Access, of_vault, open_options, open_repository, open_store, password};

/// Damage that a result names; the rest is in the log.
const MOST_PROBLEMS: usize = 20;

/// A run reads back at most so many hundredths of what is stored: where much has waited for long, it is made up for in several.
const MOST_READ_PERCENT: u32 = 10;

/// Maintains a vault's repository, unless that belongs to somebody whom the server does not know: then nothing is done, and the
/// result names the owner. `safety` is [`Safety::Full`] but where a test is alone with its repository.
///
/// # Errors
/// The failures of the storage, `maintenance_running`, `clock_wrong`, `lock_not_extended`, `repository_damaged`. The repository is whole whatever
/// happens, and the next run goes on.
pub fn maintain(
    mode: Mode,
    request: &Maintain,
    vault: &VaultContext,
    folders: &VaultFolders,
    safety: Safety,
    cancel: &Cancel,
) -> Result<MaintainResult, WorkError> {
    let access = Access::changing(cancel);
    let lock_directory = folders
        .cache_of(vault.vault_id)
        .map_err(|error| Failure::internal(format!("cannot use the cache folder: {error}")))?;
    let options = RunOptions {
        mode: Some(mode),
        safety,
        force: false,
        dry_run: false,
        lock_directory,
        cancel: cancel.clone(),
    };
    let repository = match open_repository(vault, folders, Some(&request.identity), &access) {
        Ok(repository) => repository,
        Err(WorkError::Failed(failure)) if failure.code == failures::REPOSITORY_DAMAGED => {
            return Err(keep_locks(request, vault, folders, &access, &options)
                .unwrap_or(WorkError::Failed(failure)));
        }
        Err(error) => return Err(error),
    };
    let usage = |repository: &Repository| {
        let measured = request
            .measure
            .then(|| measure(&**repository.store(), vault, None));
        measured.flatten()
    };
    let owner = claim(&repository, request)?;
    if owner != repository.identity() {
        tracing::info!(
            owner,
            "maintenance of the vault belongs to somebody else and is left to them"
        );
        return Ok(MaintainResult {
            owner,
            done: None,
            coverage: read_back(&repository, mode, cancel)?,
            usage: usage(&repository),
        });
    }
    let began = Instant::now();
    let start = repository.clock().now();
    let report =
        maintenance::run(&repository, &options).map_err(|error| told(&repository, start, error))?;
    let report = report.ok_or_else(|| Failure::internal("maintenance did nothing"))?;
    let done = done(&repository, &report, began.elapsed().as_secs_f64())?;
    Ok(MaintainResult {
        owner,
        done: Some(done),
        coverage: read_back(&repository, mode, cancel)?,
        usage: usage(&repository),
    })
}

/// What a run that began at `start` failed with. Locks that it could not extend come before all else, because they end.
fn told(repository: &Repository, start: Timestamp, error: holdfast_repository::Error) -> WorkError {
    let not_extended = repository.maintenance_schedule().is_ok_and(|schedule| {
        let mut runs = schedule.runs_of(Task::ExtendBlobRetentionTime).iter();
        runs.any(|run| !run.success && run.start >= start)
    });
    match WorkError::from(error) {
        WorkError::Failed(failure) if not_extended => {
            Failure::new(failures::LOCK_NOT_EXTENDED, failure.message).into()
        }
        other => other,
    }
}

/// Reads back what is next in turn. That it could not be read is told by the age of what was, and costs nothing else.
fn read_back(
    repository: &Arc<Repository>,
    mode: Mode,
    cancel: &Cancel,
) -> Result<Option<Coverage>, WorkError> {
    if mode == Mode::Quick {
        return Ok(None);
    }
    let options = CoverageOptions {
        budget: Some(Budget::Percent(MOST_READ_PERCENT)),
        cancel: cancel.clone(),
        ..CoverageOptions::default()
    };
    let began = Instant::now();
    match verify_blobs(repository, &options) {
        Ok(run) => {
            let (blobs, bytes) = (run.read_blobs, run.read_bytes);
            let seconds = began.elapsed().as_secs_f64();
            tracing::info!(blobs, bytes, seconds, "read back a part of the vault");
            Ok(Some(covered(&run.coverage)))
        }
        Err(error) => {
            cancel.check().map_err(|_| WorkError::Cancelled)?;
            tracing::warn!(%error, "the vault could not be read back");
            Ok(None)
        }
    }
}

fn covered(coverage: &coverage::Coverage) -> Coverage {
    let ages = coverage.ages.iter().map(|age| CoverageAge {
        up_to_days: age.up_to_days,
        bytes: age.bytes,
    });
    let damage = coverage.damaged.iter().take(MOST_PROBLEMS).map(|damaged| {
        let text = format!("{}: {}", damaged.blob, damaged.reason);
        sanitise(&text, PRODUCT_NAME)
    });
    Coverage {
        window_days: coverage.window_days,
        bytes: coverage.bytes,
        never_read_bytes: coverage.never_read_bytes,
        overdue_bytes: coverage.overdue_bytes,
        ages: ages.collect(),
        oldest: coverage.oldest,
        damaged: coverage.damaged.len() as u64,
        damage: damage.collect(),
    }
}

/// How the object locks stand, where full maintenance extends them. They last as long as they promise while the next extension
/// is not later than a tenth of their period, or than full maintenance comes where that is rarer.
fn locks(
    repository: &Repository,
    schedule: &Schedule,
    parameters: &MaintenanceParameters,
) -> Option<LocksExtended> {
    let setting = repository.blob_configuration().retention?;
    if !parameters.extend_object_locks {
        return None;
    }
    let runs = schedule.runs_of(Task::ExtendBlobRetentionTime).iter();
    let at = runs.filter(|run| run.success).map(|run| run.start).max();
    let interval = Duration::from_nanos(parameters.full.interval.unsigned_abs());
    let pause = interval.max(setting.period / 10);
    let from = at.unwrap_or_else(|| repository.clock().now());
    let due_at = from.checked_add(pause).unwrap_or(Timestamp::MAX);
    Some(LocksExtended { at, due_at })
}

/// Where a repository is too damaged to be opened, the object locks of what is whole are extended all the same.
fn keep_locks(
    request: &Maintain,
    vault: &VaultContext,
    folders: &VaultFolders,
    access: &Access,
    options: &RunOptions,
) -> Option<WorkError> {
    let store = open_store(vault, access).ok()?;
    let password = password(vault).ok()?;
    let open = open_options(vault, folders, Some(&request.identity)).ok()?;
    let error = maintenance::open_and_run(store, &password, &open, options).err()?;
    Some(of_vault(vault, error))
}

/// Makes this agent the owner where nobody is, or where the owner is this machine under its other name or one that the server
/// knows; answers who owns the maintenance then.
fn claim(repository: &Arc<Repository>, request: &Maintain) -> Result<String, WorkError> {
    repository.refresh()?;
    let manifests = repository.manifests()?;
    let before = MaintenanceParameters::find(&manifests)?;
    let owner = before.as_ref().map_or("", |before| before.owner.as_str());
    let identity = repository.identity();
    let machine = format!(
        "{}@{}",
        holdfast_host::user_name(),
        holdfast_host::host_name()
    );
    let is_ours = owner.is_empty()
        || owner == machine
        || request.take_over_from.iter().any(|known| known == owner);
    if owner == identity || !is_ours {
        return Ok(owner.to_owned());
    }
    tracing::info!(
        owner,
        identity,
        "this agent takes over the maintenance of the vault"
    );
    let parameters = MaintenanceParameters {
        owner: identity.clone(),
        ..before.unwrap_or_default()
    };
    let mut edits = ManifestEdits::new(Arc::clone(repository.clock()));
    parameters.store(&mut edits, &manifests)?;
    edits.publish(repository)?;
    Ok(identity)
}

fn done(
    repository: &Repository,
    report: &RunReport,
    seconds: f64,
) -> Result<MaintenanceDone, WorkError> {
    let schedule = repository.maintenance_schedule()?;
    let parameters = MaintenanceParameters::find(&repository.manifests()?)?.unwrap_or_default();
    let next = |enabled: bool, at: Timestamp| Some(at).filter(|_| enabled);
    for problem in report.problems.iter().skip(MOST_PROBLEMS) {
        tracing::warn!(problem, "maintenance found damage");
    }
    Ok(MaintenanceDone {
        seconds,
        freed_blobs: report.freed_blobs,
        freed_bytes: report.freed_bytes,
        later: report.later.iter().map(freed_later).collect(),
        problems: report
            .problems
            .iter()
            .take(MOST_PROBLEMS)
            .map(|problem| sanitise(problem, PRODUCT_NAME))
            .collect(),
        next_quick_at: next(parameters.quick.enabled, schedule.next_quick_maintenance),
        next_full_at: next(parameters.full.enabled, schedule.next_full_maintenance),
        locks: locks(repository, &schedule, &parameters),
    })
}

fn freed_later(freed: &Freed) -> FreedLater {
    FreedLater {
        from: freed.from,
        blobs: freed.blobs,
        bytes: freed.bytes,
    }
}
