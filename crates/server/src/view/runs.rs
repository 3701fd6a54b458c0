//! Runs as the client API shows them.

use holdfast_protocol::{
    Time,
    agent::{RunStatistics, RunStatus, StageReport, problems, text::Language},
    api::{
        problem::Failure,
        runs::{
            PreviousRun, ProblemGroup, Progress, Run, RunProblem, RunSummary, RunTrigger, RunType,
            Statistics, WaitingCode, WaitingReason,
        },
        session::Role,
    },
    ids::{PointId, RunId},
};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use serde_json::Value;

use super::{catalog::Catalog, failures::failure};
use crate::{
    app::App,
    auth::Caller,
    commands::executor::is_online,
    db::{self, ProblemRow, RunRow, Scope},
    problem::ApiResult,
    runs::{item_place, offline::OFFLINE, parse_status, report, watchdog},
    schedules,
};

/// Examples of each cause of problems.
const EXAMPLES: u64 = 3;

/// A run whose agent is silent for longer than this is shown with the time that is left.
const SILENT_MS: i64 = 60_000;

/// A run as lists show it.
pub(crate) fn summary(app: &App, catalog: &Catalog, row: &RunRow) -> ApiResult<RunSummary> {
    let row = &*app.progress.shown(row);
    let status = parse_status(&row.status);
    let job = match row.job_id.and_then(|id| catalog.job_reference(id)) {
        Some(job) => Some(job),
        // A deleted job leaves its name behind.
        None if !row.job_name.is_empty() => Some(holdfast_protocol::api::common::Reference {
            id: uuid::Uuid::nil(),
            name: row.job_name.clone(),
        }),
        None => None,
    };
    Ok(RunSummary {
        id: RunId(row.uuid),
        kind: run_type(row),
        status,
        cancel_requested: row.cancel_requested,
        trigger: match row.trigger_kind.as_str() {
            "schedule" => RunTrigger::Schedule,
            OFFLINE => RunTrigger::Offline,
            _ => RunTrigger::Manual,
        },
        job,
        agent: row
            .agent_id
            .and_then(|id| catalog.agent(id))
            .map(|agent| catalog.agent_reference(agent)),
        created_at: Time::from_millis(row.created_at),
        started_at: row.started_at.map(Time::from_millis),
        finished_at: row.finished_at.map(Time::from_millis),
        progress: progress(app, row)?,
        problem_count: row.problem_count.max(0) as u64,
        failure: run_failure(app, row)?,
    })
}

fn run_type(row: &RunRow) -> RunType {
    if row.run_type == "restore" {
        RunType::Restore
    } else {
        RunType::Backup
    }
}

fn run_failure(app: &App, row: &RunRow) -> ApiResult<Option<Failure>> {
    let Some(code) = &row.error_code else {
        return Ok(None);
    };
    Ok(Some(failure(code, report::error_text(app, row)?)))
}

fn count(value: Option<i64>) -> Option<u64> {
    value.and_then(|value| u64::try_from(value).ok())
}

fn progress(app: &App, row: &RunRow) -> ApiResult<Progress> {
    let item = row
        .sealed_current_item
        .as_ref()
        .map(|sealed| app.sealer.open_text(item_place(row), sealed))
        .transpose()?;
    let restore = run_type(row) == RunType::Restore;
    let savings = match (row.bytes_processed, row.bytes_transferred) {
        (Some(processed), Some(sent)) if processed > 0 && !restore => {
            Some((100.0 - sent as f64 / processed as f64 * 100.0).max(0.0))
        }
        _ => None,
    };
    let over = parse_status(&row.status).is_terminal();
    Ok(Progress {
        percent: row.progress_pct,
        bytes_processed: count(row.bytes_processed),
        bytes_transferred: count(row.bytes_transferred),
        bytes_total: count(row.bytes_total),
        objects_transferred: count(row.objects_transferred),
        objects_total: count(row.objects_total),
        speed_bytes_per_second: count(row.speed),
        eta_seconds: count(row.eta_seconds),
        // The agent's own estimate is a mean; speed varies by about a fifth either way.
        eta_low_seconds: count(row.eta_seconds)
            .filter(|_| !over)
            .map(|eta| eta * 4 / 5),
        eta_high_seconds: count(row.eta_seconds)
            .filter(|_| !over)
            .map(|eta| eta * 5 / 4 + 1),
        current_item: item,
        savings_percent: savings,
        reported_at: row.reported_at.map(Time::from_millis),
    })
}

/// Figures of a run's result; a run that is not over has none.
pub(crate) fn statistics(row: &RunRow) -> Statistics {
    if row.statistics == "{}" {
        return Statistics::default();
    }
    let Ok(found) = serde_json::from_str::<RunStatistics>(&row.statistics) else {
        return Statistics::default();
    };
    let restore = run_type(row) == RunType::Restore;
    let backup = |value: u64| (!restore).then_some(value);
    Statistics {
        files: Some(found.files),
        dirs: Some(found.dirs),
        total_bytes: Some(found.bytes_total),
        bytes_read: backup(found.bytes_read),
        bytes_new: backup(found.bytes_new),
        bytes_uploaded: Some(found.bytes_uploaded),
        cached_files: backup(found.cached_files),
        errors: Some(found.errors),
        duration_seconds: Some(found.seconds),
    }
}

/// A run with everything.
pub(crate) async fn detail(
    app: &App,
    conn: &impl ConnectionTrait,
    catalog: &Catalog,
    caller: &Caller,
    row: &RunRow,
) -> ApiResult<Run> {
    let row = &*app.progress.shown(row);
    let scope = Scope::tenant(row.tenant_id);
    let summary = summary(app, catalog, row)?;
    let status = summary.status;
    let made = db::points::by_run(conn, scope, row.id).await?;
    let point = match (made, row.source_point_id) {
        (Some(point), _) => Some(point),
        (None, Some(id)) => db::points::by_id(conn, scope, id).await?,
        (None, None) => None,
    };
    let previous = match row.job_id {
        Some(job) if summary.kind == RunType::Backup => {
            db::runs::previous(conn, scope, job, row).await?
        }
        _ => None,
    };
    let log = db::run_logs::of_run(conn, row.id).await?;
    let silent = catalog.now - watchdog::last_sign(app, row);
    let timeout = app.settings().watchdog_timeout_seconds() as i64;
    let at_work = matches!(status, RunStatus::Starting | RunStatus::Running);
    let is_over = status.is_terminal().then_some("The run is over.");
    let asked = row
        .cancel_requested
        .then_some("It was asked to stop already.");
    let job_gone = row
        .job_id
        .and_then(|id| catalog.job(id))
        .is_none()
        .then_some("Its job was deleted.");
    let not_over = (!status.is_terminal()).then_some("The run is not over.");
    let no_point = point
        .as_ref()
        .is_none_or(|point| point.state == "gone")
        .then_some("There is no restore point.");
    Ok(Run {
        vault: catalog.vault_reference(row.vault_id),
        attempt: row.attempt,
        paths: serde_json::from_str(&row.paths)?,
        target_path: row.target_path.clone(),
        stages: serde_json::from_str::<Vec<StageReport>>(&row.stages)?,
        problem_groups: problem_groups(app, conn, row).await?,
        statistics: statistics(row),
        point_id: point.map(|point| PointId(point.uuid)),
        previous: previous.map(|run| PreviousRun {
            id: RunId(run.uuid),
            finished_at: run.finished_at.map(Time::from_millis),
            statistics: statistics(&run),
        }),
        policy: serde_json::from_str::<Value>(&row.policy)?
            .as_object()
            .cloned()
            .unwrap_or_default(),
        given_up_in_seconds: (at_work && silent > SILENT_MS)
            .then(|| (timeout - silent / 1000).max(0) as u64),
        waiting_reason: waiting_reason(app, conn, catalog, row, status).await?,
        event_count: row.event_seq.max(0) as u64,
        log_ref: log.as_ref().map(|_| RunId(row.uuid)),
        log_lines: log.map_or(0, |log| log.lines.max(0) as u64),
        version: row.version,
        actions: vec![
            caller.action_unless("cancel", Role::Operator, is_over.or(asked)),
            caller.action_unless("run_again", Role::Operator, not_over.or(job_gone)),
            caller.action_unless("restore", Role::Operator, no_point),
        ],
        summary,
    })
}

async fn waiting_reason(
    app: &App,
    conn: &impl ConnectionTrait,
    catalog: &Catalog,
    row: &RunRow,
    status: RunStatus,
) -> ApiResult<Option<WaitingReason>> {
    let agent = row.agent_id.and_then(|id| catalog.agent(id));
    let Some(agent) = agent.filter(|_| status == RunStatus::Queued) else {
        return Ok(None);
    };
    let reason = |code, name: &str, until| {
        Ok(Some(WaitingReason {
            code,
            name: Some(name.to_owned()),
            until,
        }))
    };
    if !is_online(agent, catalog.now) {
        return reason(WaitingCode::MachineAway, &agent.name, None);
    }
    if let Some(job) = row.job_id.and_then(|id| catalog.job(id))
        && let Some(until) = schedules::held_until(app, row, job, &catalog.tenant)?
    {
        return reason(WaitingCode::Window, &agent.name, Some(Time::from(until)));
    }
    if let Some(vault) = catalog.vault(row.vault_id)
        && vault.state != "ready"
    {
        return reason(WaitingCode::Vault, &vault.name, None);
    }
    let busy = db::runs::is_at_work(conn, agent.id).await?;
    let code = if busy {
        WaitingCode::MachineBusy
    } else {
        WaitingCode::Machine
    };
    reason(code, &agent.name, None)
}

async fn problem_groups(
    app: &App,
    conn: &impl ConnectionTrait,
    run: &RunRow,
) -> ApiResult<Vec<ProblemGroup>> {
    let mut groups = Vec::new();
    if run.problem_count == 0 {
        return Ok(groups);
    }
    for group in db::problems::groups(conn, run.id).await? {
        let sentence = problems::sentence(&group.code, Language::English);
        let (title, hint) = sentence.split_once(". ").unwrap_or((sentence, ""));
        let mut examples = Vec::new();
        for row in db::problems::examples(conn, run.id, &group.code, EXAMPLES).await? {
            examples.push(problem(app, run, row)?.path);
        }
        groups.push(ProblemGroup {
            title: format!("{}.", title.trim_end_matches('.')),
            hints: (!hint.is_empty())
                .then(|| hint.to_owned())
                .into_iter()
                .collect(),
            code: group.code,
            count: group.count.max(0) as u64,
            bytes: group.bytes.unwrap_or(0).max(0) as u64,
            examples,
        });
    }
    Ok(groups)
}

/// What is sealed of a problem.
#[derive(Deserialize)]
struct Item {
    path: String,
    message: String,
}

/// An item that a run could not handle.
pub(crate) fn problem(app: &App, run: &RunRow, row: ProblemRow) -> ApiResult<RunProblem> {
    let item = app
        .sealer
        .open(report::problem_place(run, row.seq), &row.sealed_item)?;
    let item: Item = serde_json::from_slice(&item)?;
    Ok(RunProblem {
        seq: row.seq,
        code: row.code,
        path: item.path,
        message: item.message,
        size: count(row.size),
    })
}
