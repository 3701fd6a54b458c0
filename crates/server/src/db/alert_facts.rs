//! What alerts are found by, beside the rows of jobs, agents and vaults: one statement for all jobs of a tenant, and one for
//! its vaults. Each value is the end of an index, so that they cost the same however long the history is.

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
    /// The newest backup that ended by itself: it succeeded, left something out, or failed.
    pub(crate) ended_run: Option<i64>,
    /// When the newest backup was made that is neither waiting nor cancelled.
    pub(crate) run_at: Option<i64>,
    /// Time of the newest restore point.
    pub(crate) point_at: Option<i64>,
    /// When the newest missed start was due.
    pub(crate) missed_due: Option<i64>,
    /// When the newest start was due that was made.
    pub(crate) started_due: Option<i64>,
}

/// The newest of each thing about one vault.
#[derive(Clone, Copy, Debug, Default, FromQueryResult)]
pub(crate) struct VaultMarks {
    pub(crate) id: i64,
    /// The newest run whose end says whether the vault can be opened.
    pub(crate) telling_run: Option<i64>,
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
        AND r.status IN ('success', 'partial_success', 'failed') ORDER BY r.id DESC LIMIT 1) AS ended_run, \
    (SELECT r.created_at FROM runs r WHERE r.job_id = jobs.id AND r.run_type = 'backup' \
        AND r.status NOT IN ('queued', 'cancelled') ORDER BY r.id DESC LIMIT 1) AS run_at, \
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

/// The marks of all vaults of a tenant; runs that failed count when they did for one of `codes`.
pub(crate) async fn of_vaults(
    conn: &impl ConnectionTrait,
    scope: Scope,
    codes: &[&'static str],
) -> Result<HashMap<i64, VaultMarks>, DbErr> {
    let codes: Vec<String> = codes.iter().map(|code| format!("'{code}'")).collect();
    let text = format!(
        "SELECT vaults.id, (SELECT r.id FROM runs r WHERE r.vault_id = vaults.id \
            AND (r.status IN ('success', 'partial_success') OR (r.status = 'failed' AND r.error_code IN ({}))) \
            ORDER BY r.id DESC LIMIT 1) AS telling_run \
         FROM vaults WHERE vaults.tenant_id = ",
        codes.join(", ")
    );
    let marks = VaultMarks::find_by_statement(statement(conn, &text, scope));
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
    use sea_orm::{DatabaseBackend, Statement};

    use super::JOB_MARKS;
    use crate::db::{Db, query_plan};

    /// However long the history of a job is, its newest entries are at the ends of indexes.
    #[tokio::test]
    async fn indexes_know_the_newest_of_everything() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("holdfast.db")).await.unwrap();
        let query = Statement::from_string(DatabaseBackend::Sqlite, format!("{JOB_MARKS}1"));
        let plan = query_plan(&db, query).await;
        assert!(
            !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
        db.close().await.unwrap();
    }
}
