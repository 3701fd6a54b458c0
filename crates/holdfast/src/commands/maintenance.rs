//! `maintenance run`, `maintenance status` and `maintenance set`.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use holdfast_host::Cancel;
use holdfast_repository::coverage::{Coverage, coverage};
use holdfast_repository::maintenance::{
    self, FreedReason, LockCoverage, MaintenanceCycle, MaintenanceParameters, Mode, RunOptions,
    RunReport, Safety, Schedule, TaskRun,
};
use holdfast_repository::manifest::ManifestEdits;
use indicatif::HumanBytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::coverage::coverage_text;
use crate::arguments::{
    MaintenanceStatusArguments, RunMaintenanceArguments, SafetyRule, SetMaintenanceArguments,
};
use crate::console::Console;
use crate::failure::UsageError;
use crate::interrupt;
use crate::outcome::Outcome;
use crate::password::{self, Purpose};
use crate::repository::{self, Access};

pub(super) fn run(arguments: &RunMaintenanceArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let access = match arguments.dry_run {
        true => Access::read(&cancel),
        false => Access::write(&cancel),
    };
    let cache = arguments
        .cache_dir
        .clone()
        .unwrap_or_else(repository::cache_directory);
    let given = &arguments.repository;
    let store = repository::store(given, access)?;
    let password = password::obtain(given.password_file.as_deref(), Purpose::Open)?;
    let options = RunOptions {
        mode: match (arguments.full, arguments.quick) {
            (true, _) => Some(Mode::Full),
            (_, true) => Some(Mode::Quick),
            _ => None,
        },
        safety: match arguments.safety {
            SafetyRule::Full => Safety::Full,
            SafetyRule::None => Safety::None,
        },
        force: arguments.force,
        dry_run: arguments.dry_run,
        lock_directory: cache.clone(),
        cancel,
    };
    let report = maintenance::open_and_run(store, &password, &repository::cached(cache), &options)?;
    console.result(&report, || match &report {
        Some(report) => report_text(report),
        None => "maintenance is not due yet".to_owned(),
    })?;
    let problems = report.map_or(0, |report| report.problems.len());
    Ok(Outcome::of_items(problems))
}

fn report_text(report: &RunReport) -> String {
    let mode = match report.mode {
        Mode::Quick => "quick",
        Mode::Full => "full",
    };
    let mut text = match report.dry_run {
        true => format!("{mode} maintenance would do this; nothing was changed\n"),
        false => format!("{mode} maintenance is done\n"),
    };
    // Writing to a string cannot fail.
    for task in &report.tasks {
        let _ = match (&task.skipped, &task.statistics) {
            (Some(reason), _) => writeln!(text, "  {:<32} not now: {reason}", task.task.name()),
            (None, statistics) => writeln!(
                text,
                "  {:<32} {}",
                task.task.name(),
                statistics
                    .as_ref()
                    .map_or_else(String::new, |statistics| figures(
                        &statistics.data.to_value()
                    ))
            ),
        };
    }
    if report.mode == Mode::Full {
        let _ = writeln!(
            text,
            "frees now    {} in {} blobs",
            HumanBytes(report.freed_bytes),
            report.freed_blobs
        );
    }
    for freed in &report.later {
        let why = match freed.reason {
            FreedReason::Deleted => "deleted, waits for a second collection",
            FreedReason::Moved => "contents moved, readers may still look there",
            FreedReason::Young => "unused but young",
            FreedReason::Locked => "not needed, waits for its lock",
            FreedReason::Session => "unused, but its session may still be at work",
        };
        let _ = writeln!(
            text,
            "frees later  {} in {} blobs, from {} ({why})",
            HumanBytes(freed.bytes),
            freed.blobs,
            freed.from.strftime("%Y-%m-%d %H:%M:%SZ")
        );
    }
    for problem in &report.problems {
        let _ = writeln!(text, "wrong: {problem}");
    }
    text
}

/// The figures of a task that are not zero, in words that follow from their names.
fn figures(data: &Value) -> String {
    let mut words = Vec::new();
    for (name, value) in data.as_object().into_iter().flatten() {
        match value {
            Value::Number(number) if number.as_u64() == Some(0) => {}
            Value::Bool(false) => {}
            Value::Number(number) if name.ends_with("Size") => {
                let bytes = HumanBytes(number.as_u64().unwrap_or(0));
                words.push(format!("{name} {bytes}"));
            }
            Value::String(text) => words.push(format!("{name} {text}")),
            other => words.push(format!("{name} {other}")),
        }
    }
    words.join(", ")
}

/// Owner, cycles and history, with the names that a stock client prints.
#[derive(Serialize)]
struct Status {
    #[serde(flatten)]
    parameters: MaintenanceParameters,
    schedule: Schedule,
    #[serde(rename = "objectLock", skip_serializing_if = "Option::is_none")]
    locks: Option<LockCoverage>,
    #[serde(rename = "readBack")]
    read_back: Coverage,
}

pub(super) fn status(arguments: &MaintenanceStatusArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let repo = repository::open(&arguments.repository, Access::read(&cancel))?;
    let parameters = MaintenanceParameters::find(&repo.manifests()?)?.unwrap_or_default();
    let schedule = repo.maintenance_schedule()?;
    let locks = match arguments.skip_locks {
        true => None,
        false => maintenance::lock_coverage(&repo, &parameters, &schedule, &cancel)?,
    };
    let status = Status {
        parameters,
        schedule,
        locks,
        read_back: coverage(&repo)?,
    };
    let now = repo.clock().now();
    console.result(&status, || status.text(now))?;
    Ok(Outcome::Done)
}

impl Status {
    fn text(&self, now: Timestamp) -> String {
        let parameters = &self.parameters;
        let owner = match parameters.owner.as_str() {
            "" => "nobody",
            owner => owner,
        };
        let mut text = format!(
            "owner  {owner}\nquick  {}\nfull   {}\n",
            cycle(&parameters.quick, self.schedule.next_quick_maintenance, now),
            cycle(&parameters.full, self.schedule.next_full_maintenance, now),
        );
        let logs = parameters.log_retention.or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "logs   at most {}, {} and {}",
            logs.max_count,
            HumanBytes(logs.max_total_size.unsigned_abs()),
            period(logs.max_age)
        );
        if let Some(locks) = &self.locks {
            text.push_str(&locks_text(locks));
        }
        text.push_str(&coverage_text(&self.read_back));
        for (task, runs) in &self.schedule.runs {
            if let Some(last) = runs.first() {
                let _ = writeln!(text, "  {task:<32} {}", last_run(last));
            }
        }
        text
    }
}

fn locks_text(locks: &LockCoverage) -> String {
    let time = |time: &Timestamp| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    format!(
        "locks  {} for {}, {} by full maintenance\n       {} of {} blobs ({} of {}) are locked until {} at least; {} are not \
         locked{}; the first lock ends {}\n",
        locks.mode,
        period(i64::try_from(locks.period).unwrap_or(i64::MAX)),
        match locks.extended {
            true => "extended",
            false => "not extended",
        },
        locks.covered_blobs,
        locks.blobs,
        HumanBytes(locks.covered_bytes),
        HumanBytes(locks.bytes),
        time(&locks.needed_until),
        locks.unlocked_blobs,
        match locks.unknown_blobs {
            0 => String::new(),
            unknown => format!(
                "; of {unknown} the store does not tell (allow GetObjectRetention for these keys)"
            ),
        },
        locks
            .first_end
            .as_ref()
            .map_or_else(|| "never".to_owned(), time),
    )
}

fn cycle(cycle: &MaintenanceCycle, next: Timestamp, now: Timestamp) -> String {
    if !cycle.enabled {
        return "off".to_owned();
    }
    let when = match next > now {
        true => next.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        false => "now".to_owned(),
    };
    format!("every {}, next {when}", period(cycle.interval))
}

fn period(nanoseconds: i64) -> String {
    format!(
        "{:#}",
        jiff::SignedDuration::from_secs(nanoseconds / 1_000_000_000)
    )
}

fn last_run(run: &TaskRun) -> String {
    let start = run.start.strftime("%Y-%m-%d %H:%M:%SZ");
    if !run.success {
        return format!("{start} failed: {}", run.error);
    }
    let figures: Vec<String> = run
        .extra
        .iter()
        .map(|extra| figures(&extra.data.to_value()))
        .collect();
    format!("{start} {}", figures.join(", "))
}

pub(super) fn set(arguments: &SetMaintenanceArguments, console: &Console) -> Result<Outcome> {
    if !arguments.names_a_change() {
        return Err(UsageError::new("nothing is to be changed")
            .hint("Name what to change, for instance --owner me or --full-interval 12h.")
            .into());
    }
    let repo = repository::open(&arguments.repository, Access::write(&Cancel::new()))?;
    let manifests = repo.manifests()?;
    let before = MaintenanceParameters::find(&manifests)?.unwrap_or_default();
    let mut after = before.clone();
    apply(arguments, &mut after, &repo.identity())?;
    after.check_locks(&repo.blob_configuration())?;
    if after != before {
        let mut edits = ManifestEdits::new(Arc::clone(repo.clock()));
        after.store(&mut edits, &manifests)?;
        edits.publish(&repo)?;
    }
    console.result(&json!(after), || {
        format!(
            "maintenance belongs to {}; quick every {}, full every {}{}",
            after.owner,
            period(after.quick.interval),
            period(after.full.interval),
            match (after.extend_object_locks, after.full.enabled) {
                (false, _) => "",
                (true, true) => "; object locks are extended",
                (true, false) => "; object locks are not extended while full maintenance is off",
            }
        )
    })?;
    Ok(Outcome::Done)
}

fn apply(
    arguments: &SetMaintenanceArguments,
    parameters: &mut MaintenanceParameters,
    identity: &str,
) -> Result<()> {
    let nanoseconds = |duration: Duration| {
        i64::try_from(duration.as_nanos())
            .map_err(|_| UsageError::new("an interval must be below 292 years"))
    };
    let set = |place: &mut i64, duration: Option<Duration>| -> Result<()> {
        if let Some(duration) = duration {
            *place = nanoseconds(duration)?;
        }
        Ok(())
    };
    match arguments.owner.as_deref() {
        Some("me") => identity.clone_into(&mut parameters.owner),
        Some(owner) => owner.clone_into(&mut parameters.owner),
        None => {}
    }
    if let Some(enabled) = arguments.enable_quick {
        parameters.quick.enabled = enabled;
    }
    if let Some(enabled) = arguments.enable_full {
        parameters.full.enabled = enabled;
    }
    if let Some(extend) = arguments.extend_object_locks {
        parameters.extend_object_locks = extend;
    }
    set(&mut parameters.quick.interval, arguments.quick_interval)?;
    set(&mut parameters.full.interval, arguments.full_interval)?;
    let logs = &mut parameters.log_retention;
    set(&mut logs.max_age, arguments.max_retained_log_age)?;
    if let Some(count) = arguments.max_retained_log_count {
        logs.max_count = count;
    }
    if let Some(bytes) = arguments.max_retained_log_size {
        logs.max_total_size = bytes;
    }
    Ok(())
}
