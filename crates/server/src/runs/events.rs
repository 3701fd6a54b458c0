//! Events of runs: numbered per run, each stored once.

use std::sync::Arc;

use holdfast_protocol::{
    Time,
    agent::{self, events::format, text::Language},
    api::runs::RunEvent,
};
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    app::{App, PRODUCT},
    db::{self, EventRow, RunRow, events::NewEvent},
    live::{Change, What},
    problem::ApiResult,
    sealing::Place,
};

fn place(run: Uuid, seq: i64) -> Place<'static> {
    Place::new("run_events", "sealed_params", run).part(seq)
}

/// An event that is to be appended.
pub(crate) struct Incoming {
    /// The agent's own number; absent for the server's events.
    pub(crate) agent_seq: Option<i64>,
    pub(crate) time: i64,
    pub(crate) kind: String,
    pub(crate) level: String,
    pub(crate) message_id: String,
    pub(crate) params: Map<String, Value>,
}

impl Incoming {
    /// An event of the server from the dictionary.
    pub(crate) fn of_server(message_id: &str, params: Map<String, Value>, now: i64) -> Self {
        let (kind, level) = agent::events::find(message_id)
            .map_or(("info", "info"), |event| (event.kind, event.level));
        Self {
            agent_seq: None,
            time: now,
            kind: kind.to_owned(),
            level: level.to_owned(),
            message_id: message_id.to_owned(),
            params,
        }
    }
}

impl From<agent::RunEvent> for Incoming {
    fn from(event: agent::RunEvent) -> Self {
        Self {
            agent_seq: Some(event.seq as i64),
            time: event.time.as_millisecond(),
            kind: event.kind,
            level: event.level,
            message_id: event.message_id,
            params: event.params_json,
        }
    }
}

/// Appends events to a run that the present transaction holds; repeated ones of the same attempt are dropped.
/// The row's counter rises; the caller stores the row. What is returned is told after the commit.
pub(crate) async fn append(
    conn: &impl ConnectionTrait,
    app: &App,
    run: &mut RunRow,
    attempt: i64,
    incoming: Vec<Incoming>,
) -> ApiResult<Vec<Change>> {
    let seqs: Vec<i64> = incoming
        .iter()
        .filter_map(|event| event.agent_seq)
        .collect();
    let mut known = if seqs.is_empty() {
        Vec::new()
    } else {
        db::events::known_seqs(conn, run.id, attempt, &seqs).await?
    };
    let mut rows = Vec::new();
    let mut changes = Vec::new();
    for event in incoming {
        if let Some(seq) = event.agent_seq {
            if known.contains(&seq) {
                continue;
            }
            known.push(seq);
        }
        run.event_seq += 1;
        let seq = run.event_seq;
        let params = serde_json::to_vec(&event.params)?;
        rows.push(NewEvent {
            run_id: run.id,
            seq,
            attempt,
            agent_seq: event.agent_seq,
            time: event.time,
            kind: event.kind.clone(),
            level: event.level.clone(),
            message_id: event.message_id.clone(),
            sealed_params: app.sealer.seal(place(run.uuid, seq), &params),
        });
        let event = RunEvent {
            seq,
            time: Time::from_millis(event.time),
            kind: event.kind,
            level: event.level,
            message: format(&event.message_id, &event.params, Language::English, PRODUCT),
            message_id: event.message_id,
            params: event.params,
        };
        let what = What::RunEvent {
            uuid: run.uuid,
            event: Arc::new(event),
        };
        changes.push(Change {
            tenant_id: run.tenant_id,
            what,
        });
    }
    db::events::insert(conn, rows).await?;
    Ok(changes)
}

/// A stored event in words.
pub(crate) fn view(app: &App, run: &RunRow, row: EventRow) -> ApiResult<RunEvent> {
    let params = app
        .sealer
        .open(place(run.uuid, row.seq), &row.sealed_params)?;
    let params: Map<String, Value> = serde_json::from_slice(&params)?;
    Ok(RunEvent {
        seq: row.seq,
        time: Time::from_millis(row.time),
        kind: row.kind,
        level: row.level,
        message: format(&row.message_id, &params, Language::English, PRODUCT),
        message_id: row.message_id,
        params,
    })
}
