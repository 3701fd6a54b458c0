//! What the end of a deletion means: the catalogue, the events of the run, and what the job says about its retention.

use std::collections::HashSet;

use holdfast_protocol::{
    Time,
    agent::{
        commands::{DeletePointsResult, RefusalReason},
        events as message_ids,
    },
    api::{problem::Failure, retention::RetentionApplied},
};
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::apply::DAY_MS;
use crate::{
    app::App,
    db::{
        self, CommandRow, PointRow, Scope, VaultRow,
        audit::{Actor, Object},
        points::Pins,
    },
    live::{Change, What},
    problem::ApiResult,
    runs::events::{Incoming, append},
};

/// After a failure it is tried again in so many milliseconds.
const RETRY_MS: i64 = 3600 * 1000;

/// How a deletion of points ended.
pub(crate) struct Ending<'a> {
    /// Whether somebody ordered it by hand: then it tells nothing about a job's retention.
    pub(crate) by_hand: bool,
    /// What the agent did.
    pub(crate) result: Option<&'a Value>,
    /// Without a result: what went wrong.
    pub(crate) why: Option<&'a Failure>,
    /// When, in milliseconds since 1970.
    pub(crate) now: i64,
}

/// Takes how a deletion of points ended.
pub(crate) async fn ended(
    app: &App,
    conn: &impl ConnectionTrait,
    command: &CommandRow,
    vault: &VaultRow,
    ending: Ending<'_>,
) -> ApiResult<Vec<Change>> {
    let Ending {
        by_hand,
        result,
        why,
        now,
    } = ending;
    let scope = Scope::tenant(command.tenant_id);
    let points = db::points::of_deletion(conn, scope, command.id).await?;
    let ids = points.iter().map(|point| point.id);
    db::points::set_deletion(conn, scope, ids, None).await?;
    let result: Option<DeletePointsResult> = result
        .filter(|_| why.is_none())
        .and_then(|result| serde_json::from_value(result.clone()).ok());
    let mut applied = RetentionApplied {
        at: Time::from_millis(now),
        deleted: 0,
        refused: 0,
        failure: None,
    };
    match result {
        Some(result) => {
            (applied.deleted, applied.refused) = enter(conn, scope, &points, &result).await?;
        }
        None => applied.failure = Some(why.cloned().unwrap_or_else(unreadable)),
    }
    let mut changes = vec![Change::of(
        command.tenant_id,
        What::Points { vault: vault.uuid },
    )];
    changes.extend(tell_run(app, conn, command, &applied, now).await?);
    if by_hand {
        return Ok(changes);
    }
    let job = points.first().and_then(|point| point.job_id);
    if let Some(job) = job
        && let Some(job) = db::jobs::by_id(conn, scope, job).await?
    {
        // Where every point was refused, the next look at once would only be refused again.
        let again = match (&applied.failure, applied.deleted) {
            (Some(_), _) => Some(now - DAY_MS + RETRY_MS),
            (None, 0) => Some(now),
            (None, _) => None,
        };
        let text = serde_json::to_string(&applied)?;
        let is_whole = applied.failure.is_none() && applied.refused == 0;
        db::jobs::retention_applied(conn, job.id, text, is_whole, again).await?;
        if applied.deleted > 0 {
            let server = Actor {
                name: "server".to_owned(),
                address: None,
            };
            let object = Object::of("jobs", job.uuid, &job.name);
            db::audit::write(conn, scope, &server, "points.delete", object, now).await?;
        }
        changes.push(Change::of(job.tenant_id, What::Job { uuid: job.uuid }));
    }
    Ok(changes)
}

fn unreadable() -> Failure {
    crate::view::failures::failure(
        holdfast_protocol::agent::failures::INTERNAL,
        Some("what the agent deleted cannot be read".to_owned()),
    )
}

/// Enters into the catalogue what was deleted; answers how many points are gone and how many stay.
async fn enter(
    conn: &impl ConnectionTrait,
    scope: Scope,
    points: &[PointRow],
    result: &DeletePointsResult,
) -> ApiResult<(u64, u64)> {
    let gone: HashSet<Uuid> = result
        .deleted
        .iter()
        .chain(&result.missing)
        .copied()
        .collect();
    let mut deleted = 0;
    // Only what was asked for counts.
    for point in points.iter().filter(|point| gone.contains(&point.uuid)) {
        db::points::set_state(conn, scope, point.id, "gone").await?;
        deleted += 1;
    }
    let mut refused = 0;
    for refusal in &result.refused {
        let Some(point) = points.iter().find(|point| point.uuid == refusal.point) else {
            continue;
        };
        refused += 1;
        if refusal.reason == RefusalReason::Pinned {
            let pins = Pins {
                pinned: true,
                note: point.pin_note.clone(),
            };
            db::points::set_pins(conn, scope, point.id, pins).await?;
        }
    }
    Ok((deleted, refused))
}

/// Tells in the events of the run what became of it.
async fn tell_run(
    app: &App,
    conn: &impl ConnectionTrait,
    command: &CommandRow,
    applied: &RetentionApplied,
    now: i64,
) -> ApiResult<Vec<Change>> {
    let scope = Scope::tenant(command.tenant_id);
    let Some(run) = command.run_id else {
        return Ok(Vec::new());
    };
    let Some(mut run) = db::runs::lock(conn, scope, run).await? else {
        return Ok(Vec::new());
    };
    let event = |id: &str, name: &str, value: Value| {
        let mut params = Map::new();
        params.insert(name.to_owned(), value);
        Incoming::of_server(id, params, now)
    };
    let mut events = Vec::new();
    if applied.deleted > 0 {
        let id = message_ids::RETENTION_APPLIED;
        events.push(event(id, "count", applied.deleted.into()));
    }
    if applied.refused > 0 {
        let id = message_ids::RETENTION_REFUSED;
        events.push(event(id, "count", applied.refused.into()));
    }
    if let Some(failure) = &applied.failure {
        let text = failure.detail.as_ref().unwrap_or(&failure.title);
        let id = message_ids::RETENTION_FAILED;
        events.push(event(id, "message", text.as_str().into()));
    }
    let attempt = run.attempt;
    let changes = append(conn, app, &mut run, attempt, events).await?;
    db::runs::save(conn, run).await?;
    Ok(changes)
}
