//! Occurrences: the starts that the schedules of jobs asked for, and what became of each. There is one for each job and
//! time at which it was due, whatever happens to server and clock.
//!
//! ```text
//! due ──claimed──▶ started
//!  ├──deadline──▶ missed ──claimed late──▶ started
//!  └──cancelled──▶ skipped        (missed and skipped also from the beginning, when nothing was to start)
//! ```

use std::collections::HashSet;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, DeleteMany, EntityTrait,
    FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
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
    /// Before it began, its job was disabled, or its schedule was taken away.
    pub(crate) const WITHDRAWN: &str = "withdrawn";
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

/// A job's occurrence.
pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    job_id: i64,
    due_at: i64,
) -> Result<Option<OccurrenceRow>, DbErr> {
    Entity::find()
        .filter(Column::JobId.eq(job_id))
        .filter(Column::DueAt.eq(due_at))
        .one(conn)
        .await
}

/// Whether a job's occurrence is known already.
pub(crate) async fn exists(
    conn: &impl ConnectionTrait,
    job_id: i64,
    due_at: i64,
) -> Result<bool, DbErr> {
    Ok(find(conn, job_id, due_at).await?.is_some())
}

/// Gives an occurrence the run that was started for it elsewhere; one that is not known is entered.
pub(crate) async fn adopt(
    conn: &impl ConnectionTrait,
    scope: Scope,
    job_id: i64,
    started: NewOccurrence,
) -> Result<(), DbErr> {
    let change = ActiveModel {
        state: Set(started.state.to_owned()),
        reason: Set(None),
        run_id: Set(started.run_id),
        ..Default::default()
    };
    let done = Entity::update_many()
        .set(change)
        .filter(Column::JobId.eq(job_id))
        .filter(Column::DueAt.eq(started.due_at))
        .exec(conn)
        .await?;
    if done.rows_affected == 0 {
        insert(conn, scope, job_id, vec![started]).await?;
    }
    Ok(())
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
    let known: HashSet<i64> = known.into_iter().collect();
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
    overdue_query(now).all(conn).await
}

fn overdue_query(now: i64) -> Select<Entity> {
    Entity::find()
        .filter(Column::State.eq(DUE))
        .filter(Column::DeadlineAt.lte(now))
        .order_by_asc(Column::DeadlineAt)
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

/// A waiting one has until another time.
pub(crate) async fn put_off(
    conn: &impl ConnectionTrait,
    id: i64,
    deadline_at: i64,
) -> Result<(), DbErr> {
    let change = ActiveModel {
        deadline_at: Set(deadline_at),
        ..Default::default()
    };
    Entity::update_many()
        .set(change)
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(DUE))
        .exec(conn)
        .await?;
    Ok(())
}

/// Drops those that are due after a time.
pub(crate) async fn void(conn: &impl ConnectionTrait, after: i64) -> Result<(), DbErr> {
    void_query(after).exec(conn).await?;
    Ok(())
}

fn void_query(after: i64) -> DeleteMany<Entity> {
    Entity::delete_many().filter(Column::DueAt.gt(after))
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

/// Those that wait for a run and were due before a time are made up for by another run.
pub(crate) async fn supersede(
    conn: &impl ConnectionTrait,
    run_id: i64,
    before: i64,
) -> Result<(), DbErr> {
    let change = ActiveModel {
        state: Set(SKIPPED.to_owned()),
        reason: Set(Some(reasons::SUPERSEDED.to_owned())),
        ..Default::default()
    };
    let of_run = Entity::update_many()
        .set(change)
        .filter(Column::RunId.eq(run_id));
    of_run
        .filter(Column::State.is_in([DUE, MISSED]))
        .filter(Column::DueAt.lt(before))
        .exec(conn)
        .await?;
    Ok(())
}

/// Whether some that are due after a time wait for a run.
pub(crate) async fn any_later(
    conn: &impl ConnectionTrait,
    run_id: i64,
    after: i64,
) -> Result<bool, DbErr> {
    let later = Entity::find()
        .filter(Column::RunId.eq(run_id))
        .filter(Column::State.is_in([DUE, MISSED]))
        .filter(Column::DueAt.gt(after));
    Ok(later.one(conn).await?.is_some())
}

/// Those that are due after a time wait for another run.
pub(crate) async fn pass_on(
    conn: &impl ConnectionTrait,
    run_id: i64,
    after: i64,
    to_run: i64,
) -> Result<(), DbErr> {
    let change = ActiveModel {
        run_id: Set(Some(to_run)),
        ..Default::default()
    };
    Entity::update_many()
        .set(change)
        .filter(Column::RunId.eq(run_id))
        .filter(Column::State.is_in([DUE, MISSED]))
        .filter(Column::DueAt.gt(after))
        .exec(conn)
        .await?;
    Ok(())
}

/// When the newest one of a run was due.
pub(crate) async fn newest_of(
    conn: &impl ConnectionTrait,
    run_id: i64,
) -> Result<Option<i64>, DbErr> {
    let newest = Entity::find()
        .filter(Column::RunId.eq(run_id))
        .order_by_desc(Column::DueAt);
    Ok(newest.one(conn).await?.map(|row| row.due_at))
}

/// Missed ones of some jobs since a time, for the strips of days.
pub(crate) async fn missed_since(
    conn: &impl ConnectionTrait,
    scope: Scope,
    jobs: impl IntoIterator<Item = i64>,
    since: i64,
) -> Result<Vec<MissedMark>, DbErr> {
    missed_query(scope, jobs, since)
        .into_model()
        .all(conn)
        .await
}

fn missed_query(scope: Scope, jobs: impl IntoIterator<Item = i64>, since: i64) -> Select<Entity> {
    of::<Entity>(scope)
        .filter(Column::JobId.is_in(jobs))
        .filter(Column::DueAt.gte(since))
        .filter(Column::State.eq(MISSED))
        .select_only()
        .columns([Column::JobId, Column::DueAt])
}

/// Drops those that were due before a time and that nobody shows any more.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, before: i64) -> Result<(), DbErr> {
    sweep_query(before).exec(conn).await?;
    Ok(())
}

fn sweep_query(before: i64) -> DeleteMany<Entity> {
    Entity::delete_many()
        .filter(Column::DueAt.lt(before))
        .filter(Column::State.ne(DUE))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sea_orm::{ConnectionTrait, Database, DatabaseBackend, QueryTrait};

    use super::{missed_query, missed_since, overdue_query, sweep_query, void_query};
    use crate::db::{Db, Scope, options, query_plan};

    /// What is asked each second or minute reads no more of the table than it is about, and sorts nothing.
    #[tokio::test]
    async fn indexes_answer_what_is_asked_all_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("holdfast.db");
        let db = Db::open(&file).await.unwrap();
        let fill = "INSERT INTO occurrences (tenant_id, job_id, due_at, start_at, deadline_at, state) \
             WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < 19999) \
             SELECT 1, n % 50, n, n, n, CASE n % 7 WHEN 0 THEN 'missed' WHEN 1 THEN 'due' ELSE 'started' END FROM c";
        // Their jobs are of no interest here.
        let raw = Database::connect(options(&file, 1, false)).await.unwrap();
        for statement in ["PRAGMA foreign_keys = OFF", fill, "ANALYZE"] {
            raw.execute_unprepared(statement).await.unwrap();
        }
        raw.close().await.unwrap();
        let missed = missed_since(db.reader(), Scope::tenant(1), [3, 4], 0)
            .await
            .unwrap();
        let jobs: BTreeSet<i64> = missed.iter().map(|mark| mark.job_id).collect();
        assert_eq!(
            jobs,
            BTreeSet::from([3, 4]),
            "of other jobs nothing is said"
        );
        let sqlite = DatabaseBackend::Sqlite;
        let queries = [
            sweep_query(5).build(sqlite),
            void_query(19_990).build(sqlite),
            overdue_query(5).build(sqlite),
            missed_query(Scope::tenant(1), [3, 4], 19_000).build(sqlite),
            crate::db::runs::past_stop_query(5).build(sqlite),
            crate::db::runs::sent_query(Scope::tenant(1), [3, 4]).build(sqlite),
            crate::db::jobs::scheduled_query(5).build(sqlite),
            crate::db::jobs::retention_due_query(5).build(sqlite),
        ];
        for query in queries {
            let text = query.to_string();
            let plan = query_plan(&db, query).await;
            assert!(
                plan.contains("SEARCH") && !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
                "{text}: {plan}"
            );
        }
        db.close().await.unwrap();
    }
}
