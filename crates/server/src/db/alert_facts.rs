//! What alerts are found by, beside the rows of jobs, agents and vaults: one statement for all jobs of a tenant. Each value is
//! the end of an index, so that it costs the same however long the history is.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QuerySelect,
    Statement,
};
use uuid::Uuid;

use super::{Scope, entity::run};

/// The newest of each thing about one job; times in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, FromQueryResult)]
pub(crate) struct JobMarks {
    pub(crate) id: i64,
    /// The backup that ended last by itself: it succeeded, left something out, or failed. Numbers do not tell which one that
    /// is: runs that agents have started by themselves are told of later.
    pub(crate) ended_run: Option<i64>,
    /// When the backup was asked for last that is neither waiting nor cancelled.
    pub(crate) run_at: Option<i64>,
    /// Time of the newest restore point.
    pub(crate) point_at: Option<i64>,
    /// When the newest missed start was due.
    pub(crate) missed_due: Option<i64>,
    /// When the newest start was due that was made.
    pub(crate) started_due: Option<i64>,
}

/// How a run ended.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct EndedRun {
    pub(crate) id: i64,
    pub(crate) uuid: Uuid,
    pub(crate) status: String,
    pub(crate) error_code: Option<String>,
    pub(crate) problem_count: i64,
    pub(crate) finished_at: Option<i64>,
}

const JOB_MARKS: &str = "SELECT jobs.id, \
    (SELECT r.id FROM runs r WHERE r.job_id = jobs.id AND r.run_type = 'backup' \
        AND r.status IN ('success', 'partial_success', 'failed') ORDER BY r.finished_at DESC, r.id DESC LIMIT 1) AS ended_run, \
    (SELECT r.created_at FROM runs r WHERE r.job_id = jobs.id AND r.run_type = 'backup' \
        AND r.status NOT IN ('queued', 'cancelled') ORDER BY r.created_at DESC LIMIT 1) AS run_at, \
    (SELECT p.time FROM points p WHERE p.job_id = jobs.id AND p.state = 'present' \
        ORDER BY p.time DESC LIMIT 1) AS point_at, \
    (SELECT o.due_at FROM occurrences o WHERE o.job_id = jobs.id AND o.state = 'missed' \
        ORDER BY o.due_at DESC LIMIT 1) AS missed_due, \
    (SELECT o.due_at FROM occurrences o WHERE o.job_id = jobs.id AND o.state = 'started' \
        ORDER BY o.due_at DESC LIMIT 1) AS started_due \
    FROM jobs WHERE jobs.tenant_id = ";

/// The marks of all jobs of a tenant.
pub(crate) async fn of_jobs(
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> Result<HashMap<i64, JobMarks>, DbErr> {
    let marks = JobMarks::find_by_statement(statement(conn, JOB_MARKS, scope));
    let marks = marks.all(conn).await?;
    Ok(marks.into_iter().map(|mark| (mark.id, mark)).collect())
}

/// A statement that ends with a tenant's number.
fn statement(conn: &impl ConnectionTrait, text: &str, scope: Scope) -> Statement {
    let text = format!("{text}{}", scope.tenant_id());
    Statement::from_string(conn.get_database_backend(), text)
}

/// How runs ended, by their numbers.
pub(crate) async fn ended_runs(
    conn: &impl ConnectionTrait,
    ids: Vec<i64>,
) -> Result<HashMap<i64, EndedRun>, DbErr> {
    let mut found = HashMap::new();
    for ids in ids.chunks(10_000) {
        let rows: Vec<EndedRun> = run::Entity::find()
            .filter(run::Column::Id.is_in(ids.iter().copied()))
            .select_only()
            .columns([
                run::Column::Id,
                run::Column::Uuid,
                run::Column::Status,
                run::Column::ErrorCode,
                run::Column::ProblemCount,
                run::Column::FinishedAt,
            ])
            .into_model()
            .all(conn)
            .await?;
        found.extend(rows.into_iter().map(|row| (row.id, row)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use sea_orm::{DatabaseBackend, QueryTrait, Statement};

    use super::JOB_MARKS;
    use crate::db::{Db, query_plan, runs};

    /// However long the history of a job is, its newest entries are at the ends of indexes.
    #[tokio::test]
    async fn indexes_know_the_newest_of_everything() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("holdfast.db")).await.unwrap();
        let marks = Statement::from_string(DatabaseBackend::Sqlite, format!("{JOB_MARKS}1"));
        let last = runs::last_ended_but_query(1, 2).build(DatabaseBackend::Sqlite);
        for (query, indexes) in [
            (marks, ["runs_job_ended", "runs_job_time"]),
            (last, ["runs_job_ended", ""]),
        ] {
            let plan = query_plan(&db, query).await;
            assert!(
                !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
                "{plan}"
            );
            for index in indexes {
                assert!(plan.contains(index), "{index}: {plan}");
            }
        }
        db.close().await.unwrap();
    }
}
