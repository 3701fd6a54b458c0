//! Writes messages into the outbox, in the transaction that makes what they tell.

use holdfast_protocol::{
    Time,
    alerts::AlertKind,
    api::{
        alerts::Severity,
        notifications::{NotificationRules, RunResult},
    },
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{
    message::{AlertMessage, Message, RunMessage},
    pauses::TRIED_FOR,
    rules::{is_trouble, tells_of_alert, tells_of_run},
};
use crate::{
    app::App,
    db::{self, AlertRow, ChannelRow, RunRow, Scope},
    problem::ApiResult,
};

/// Kinds that are told of by the end of the run that made them, and by the one that ends them.
const TOLD_BY_RUNS: [AlertKind; 2] = [AlertKind::RunFailed, AlertKind::FilesSkipped];

/// An alert was opened: every channel that its rules choose is told, and the alert remembers which.
pub(crate) async fn alert_opened(
    conn: &impl ConnectionTrait,
    row: &AlertRow,
    now: i64,
) -> ApiResult<()> {
    let kind = AlertKind::parse(&row.kind);
    if kind.is_some_and(|kind| TOLD_BY_RUNS.contains(&kind)) {
        return Ok(());
    }
    let scope = Scope::tenant(row.tenant_id);
    let severity = Severity::parse(&row.severity).unwrap_or(Severity::Bad);
    let job = (row.object_type == "jobs").then_some(row.object_uuid);
    let channels = db::notification_channels::enabled(conn, scope).await?;
    let told: Vec<ChannelRow> = channels
        .into_iter()
        // A channel cannot tell that it does not work.
        .filter(|channel| channel.uuid != row.object_uuid)
        .filter(|channel| tells_of_alert(&rules_of(channel), severity, job))
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    send(
        conn,
        scope,
        &told,
        &Message::AlertOpened(of_alert(row)),
        now,
    )
    .await?;
    let uuids: Vec<Uuid> = told.iter().map(|channel| channel.uuid).collect();
    db::alerts::set_notified(conn, row.id, serde_json::to_string(&uuids)?).await?;
    Ok(())
}

/// An alert is over: the channels that were told of it are told so.
pub(crate) async fn alert_closed(
    conn: &impl ConnectionTrait,
    row: &AlertRow,
    now: i64,
) -> ApiResult<()> {
    let Some(notified) = &row.notified else {
        return Ok(());
    };
    let notified: Vec<Uuid> = serde_json::from_str(notified)?;
    let scope = Scope::tenant(row.tenant_id);
    let channels = db::notification_channels::enabled(conn, scope).await?;
    let told: Vec<ChannelRow> = channels
        .into_iter()
        .filter(|channel| notified.contains(&channel.uuid))
        .collect();
    let mut message = of_alert(row);
    message.closed_at = Some(Time::from_millis(now));
    send(conn, scope, &told, &Message::AlertClosed(message), now).await
}

/// A run is over.
pub(crate) async fn run_ended(
    app: &App,
    conn: &impl ConnectionTrait,
    run: &RunRow,
) -> ApiResult<()> {
    let Some(result) = parse(&run.status) else {
        return Ok(());
    };
    // That it failed was told when its machine fell silent.
    if run.reported_late && result == RunResult::Failed {
        return Ok(());
    }
    let scope = Scope::tenant(run.tenant_id);
    let channels = db::notification_channels::enabled(conn, scope).await?;
    if channels.is_empty() {
        return Ok(());
    }
    let job = match run.job_id {
        Some(id) => db::jobs::by_id(conn, scope, id).await?.map(|job| job.uuid),
        None => None,
    };
    let before = match run.job_id {
        Some(id) if run.run_type == "backup" => {
            let last = db::runs::last_ended_but(conn, id, run.id).await?;
            // A run that is told of late ends nothing that began after it.
            last.filter(|(_, at)| *at <= run.finished_at)
        }
        _ => None,
    };
    // A late report replaces what was told of the same run.
    let before = if run.reported_late {
        Some(RunResult::Failed)
    } else {
        before.and_then(|(status, _)| parse(&status))
    };
    let told: Vec<ChannelRow> = channels
        .into_iter()
        .filter(|channel| tells_of_run(&rules_of(channel), result, before, job))
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    let machine = match run.agent_id {
        Some(id) => db::agents::by_ids(conn, scope, [id]).await?,
        None => Vec::new(),
    };
    let message = Message::RunEnded(RunMessage {
        id: run.uuid,
        run_type: run.run_type.clone(),
        status: result,
        recovered: result == RunResult::Success && before.is_some_and(is_trouble),
        job_id: job,
        job_name: run.job_name.clone(),
        machine: machine.first().map(|agent| agent.name.clone()),
        error_code: run.error_code.clone(),
        problems: run.problem_count,
        started_at: run.started_at.map(Time::from_millis),
        finished_at: run.finished_at.map(Time::from_millis),
    });
    send(
        conn,
        scope,
        &told,
        &message,
        app.clock.now().as_millisecond(),
    )
    .await
}

fn parse(status: &str) -> Option<RunResult> {
    match status {
        "failed" => Some(RunResult::Failed),
        "partial_success" => Some(RunResult::PartialSuccess),
        "success" => Some(RunResult::Success),
        "cancelled" => Some(RunResult::Cancelled),
        _ => None,
    }
}

/// The rules of a channel; of one that cannot be read everything that is bad is told.
fn rules_of(channel: &ChannelRow) -> NotificationRules {
    serde_json::from_str(&channel.rules).unwrap_or_else(|_| NotificationRules {
        alerts: Some(Severity::Warning),
        runs: vec![RunResult::Failed, RunResult::PartialSuccess],
        job_ids: Vec::new(),
    })
}

fn of_alert(row: &AlertRow) -> AlertMessage {
    AlertMessage {
        id: row.uuid,
        kind: row.kind.clone(),
        severity: row.severity.clone(),
        object_type: row.object_type.clone(),
        object_id: row.object_uuid,
        object_name: row.object_name.clone(),
        params: serde_json::from_str(&row.params).unwrap_or_default(),
        target_type: row.target_type.clone(),
        target_id: row.target_uuid,
        since: Time::from_millis(row.since_at),
        opened_at: Time::from_millis(row.opened_at),
        closed_at: None,
    }
}

async fn send(
    conn: &impl ConnectionTrait,
    scope: Scope,
    channels: &[ChannelRow],
    message: &Message,
    now: i64,
) -> ApiResult<()> {
    let payload = serde_json::to_string(message)?;
    let ids = channels.iter().map(|channel| channel.id).collect();
    db::outbox::insert(conn, scope, ids, &payload, now, now + TRIED_FOR).await?;
    Ok(())
}
