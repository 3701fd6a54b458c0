//! Runs: their life, their reports, their events, and what watches over them.

pub(crate) mod events;
pub(crate) mod log;
pub(crate) mod offline;
pub(crate) mod points;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod start;
pub(crate) mod state;
pub(crate) mod watchdog;

use holdfast_protocol::{
    agent::{RunStatus, failures},
    errors::ErrorCode,
};

use sea_orm::ConnectionTrait;

use self::state::RunState;
use crate::{
    access,
    app::App,
    db::RunRow,
    live::{Change, What},
    notify,
    problem::ApiResult,
    sealing::Place,
};

/// The status of a word in the database.
pub(crate) fn parse_status(word: &str) -> RunStatus {
    let all = [
        RunStatus::Queued,
        RunStatus::Starting,
        RunStatus::Running,
        RunStatus::Success,
        RunStatus::PartialSuccess,
        RunStatus::Cancelled,
    ];
    all.into_iter()
        .find(|status| status.as_str() == word)
        .unwrap_or(RunStatus::Failed)
}

/// What decides about a stored run's next state.
pub(crate) fn state_of(row: &RunRow) -> RunState {
    RunState {
        status: parse_status(&row.status),
        attempt: row.attempt,
        update_seq: row.update_seq,
        cancel_requested: row.cancel_requested,
        agent_offline: row.error_code.as_deref() == Some(failures::AGENT_OFFLINE),
        reported_late: row.reported_late,
    }
}

/// Writes a new state into a row; a run that ends gets its time and loses what was only of use while it ran.
pub(crate) fn write_state(row: &mut RunRow, state: RunState, now: i64) {
    row.status = state.status.as_str().to_owned();
    row.attempt = state.attempt;
    row.update_seq = state.update_seq;
    row.cancel_requested = state.cancel_requested;
    row.reported_late = state.reported_late;
    if state.status.is_terminal() {
        // When a run ended that was reported later, its agent has said.
        if row.trigger_kind != offline::OFFLINE || row.finished_at.is_none() {
            row.finished_at = Some(now);
        }
        row.stop_at = None;
        row.sealed_current_item = None;
        row.eta_seconds = None;
    } else if state.status != RunStatus::Queued && row.started_at.is_none() {
        row.started_at = Some(now);
    }
}

/// A run is over, in the same transaction: what its end tells is noted, and told of.
pub(crate) async fn over(app: &App, conn: &impl ConnectionTrait, run: &RunRow) -> ApiResult<()> {
    access::of_run(conn, run).await?;
    notify::run_ended(app, conn, run).await
}

/// Writes why a run failed.
pub(crate) fn write_failure(app: &App, row: &mut RunRow, code: &str, detail: Option<&str>) {
    row.error_code = Some(code.to_owned());
    row.sealed_error = detail.map(|text| app.sealer.seal(error_place(row), text.as_bytes()));
}

/// Where a run's error text lies.
pub(crate) fn error_place(row: &RunRow) -> Place<'static> {
    Place::new("runs", "sealed_error", row.uuid)
}

/// Where a run's present item lies.
pub(crate) fn item_place(row: &RunRow) -> Place<'static> {
    Place::new("runs", "sealed_current_item", row.uuid)
}

/// That a run changed.
pub(crate) fn changed(row: &RunRow) -> Change {
    Change {
        tenant_id: row.tenant_id,
        what: What::Run {
            uuid: row.uuid,
            is_over: parse_status(&row.status).is_terminal(),
        },
    }
}

/// The refusal of a change to a run that is over.
pub(crate) fn is_over() -> crate::problem::ApiError {
    ErrorCode::RunIsOver.into()
}
