//! Occurrences: the starts that the schedules of jobs asked for, and what became of each. There is one for each job and
//! time at which it was due, whatever happens to server and clock.
//!
//! ```text
//! due ──claimed──▶ started
//!  ├──deadline──▶ missed ──claimed late──▶ started
//!  └──cancelled──▶ skipped        (missed and skipped also from the beginning, when nothing was to start)
//! ```

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    OccurrenceRow, Scope,
    entity::occurrence::{ActiveModel, Column, Entity},
    insert_in_batches, of,
};

/// Its run waits for the machine.
pub(crate) const DUE: &str = "due";
/// The machine took its run.
pub(crate) const STARTED: &str = "started";
/// It should have been started and was not.
pub(crate) const MISSED: &str = "missed";
/// It was left out on purpose; the reason says why.
pub(crate) const SKIPPED: &str = "skipped";

/// Why occurrences are left out.
pub(crate) mod reasons {
    /// A newer occurrence makes up for it.
    pub(crate) const SUPERSEDED: &str = "superseded";
    /// The run before it was at work.
    pub(crate) const STILL_RUNNING: &str = "still_running";
    /// Its machine is disabled.
    pub(crate) const AGENT_DISABLED: &str = "agent_disabled";
    /// Somebody cancelled its run before it began.
    pub(crate) const CANCELLED: &str = "cancelled";
}

/// What a new occurrence is made of; times in milliseconds since 1970.
pub(crate) struct NewOccurrence {
    pub(crate) due_at: i64,
    pub(crate) start_at: i64,
    pub(crate) deadline_at: i64,
    pub(crate) state: &'static str,
    pub(crate) reason: Option<&'static str>,
    pub(crate) run_id: Option<i64>,
}

/// A missed occurrence, for the strips of days.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub(crate) struct MissedMark {
    pub(crate) job_id: i64,
    pub(crate) due_at: i64,
}

/// Whether a job's occurrence is known already.
pub(crate) async fn exists(
    conn: &impl ConnectionTrait,
    job_id: i64,
    due_at: i64,
) -> Result<bool, DbErr> {
    let found = Entity::find()
        .filter(Column::JobId.eq(job_id))
        .filter(Column::DueAt.eq(due_at))
        .one(conn)
        .await?;
    Ok(found.is_some())
}

/// Enters occurrences of a job that are not known yet.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: Scope,
    job_id: i64,
    new: Vec<NewOccurrence>,
) -> Result<(), DbErr> {
    let times: Vec<i64> = new.iter().map(|new| new.due_at).collect();
    let known: Vec<i64> = match (times.iter().min(), times.iter().max()) {
        (Some(first), Some(last)) => {
            Entity::find()
                .filter(Column::JobId.eq(job_id))
                .filter(Column::DueAt.between(*first, *last))
                .select_only()
                .column(Column::DueAt)
                .into_tuple()
                .all(conn)
                .await?
        }
        _ => return Ok(()),
    };
    let rows = new
        .into_iter()
        .filter(|new| !known.contains(&new.due_at))
        .map(|new| ActiveModel {
            tenant_id: Set(scope.tenant_id()),
            job_id: Set(job_id),
            due_at: Set(new.due_at),
            start_at: Set(new.start_at),
            deadline_at: Set(new.deadline_at),
            state: Set(new.state.to_owned()),
            reason: Set(new.reason.map(str::to_owned)),
            run_id: Set(new.run_id),
            ..Default::default()
        });
    insert_in_batches(conn, rows).await
}

/// Those that wait although their deadline is over.
pub(crate) async fn overdue(
    conn: &impl ConnectionTrait,
    now: i64,
) -> Result<Vec<OccurrenceRow>, DbErr> {
    Entity::find()
        .filter(Column::State.eq(DUE))
        .filter(Column::DeadlineAt.lte(now))
        .order_by_asc(Column::Id)
        .all(conn)
        .await
}

/// A waiting one whose deadline is over is missed from now on; false when it does not wait any more.
pub(crate) async fn miss(conn: &impl ConnectionTrait, id: i64) -> Result<bool, DbErr> {
    let change = ActiveModel {
        state: Set(MISSED.to_owned()),
        ..Default::default()
    };
    let done = Entity::update_many()
        .set(change)
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(DUE))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Whether an occurrence that is not missed yet waits for a run.
pub(crate) async fn is_awaited(conn: &impl ConnectionTrait, run_id: i64) -> Result<bool, DbErr> {
    let waiting = Entity::find()
        .filter(Column::RunId.eq(run_id))
        .filter(Column::State.eq(DUE))
        .one(conn)
        .await?;
    Ok(waiting.is_some())
}

/// The run of occurrences that were not started leaves the queue: they are `state` from now on.
pub(crate) async fn leave_queue(
    conn: &impl ConnectionTrait,
    run_id: i64,
    state: &'static str,
    reason: Option<&'static str>,
) -> Result<(), DbErr> {
    let change = ActiveModel {
        state: Set(state.to_owned()),
        reason: Set(reason.map(str::to_owned)),
        ..Default::default()
    };
    Entity::update_many()
        .set(change)
        .filter(Column::RunId.eq(run_id))
        .filter(Column::State.is_in([DUE, MISSED]))
        .exec(conn)
        .await?;
    Ok(())
}

/// Missed ones since a time, for the strips of days.
pub(crate) async fn missed_since(
    conn: &impl ConnectionTrait,
    scope: Scope,
    since: i64,
) -> Result<Vec<MissedMark>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::DueAt.gte(since))
        .filter(Column::State.eq(MISSED))
        .select_only()
        .columns([Column::JobId, Column::DueAt])
        .into_model()
        .all(conn)
        .await
}

/// Drops those that were due before a time and that nobody shows any more.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, before: i64) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::DueAt.lt(before))
        .filter(Column::State.ne(DUE))
        .exec(conn)
        .await?;
    Ok(())
}
