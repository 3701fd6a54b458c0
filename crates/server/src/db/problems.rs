//! Items that runs could not handle. Path and message are sealed.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    Cursor, PageRequest, ProblemRow, Slice,
    entity::run_problem::{ActiveModel, Column, Entity},
    insert_in_batches,
    page::count_capped,
};

/// What a new problem is made of.
pub(crate) struct NewProblem {
    pub(crate) seq: i64,
    pub(crate) code: String,
    pub(crate) size: Option<i64>,
    pub(crate) sealed_item: Vec<u8>,
}

/// Problems of a run with one cause.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Group {
    pub(crate) code: String,
    pub(crate) count: i64,
    pub(crate) bytes: Option<i64>,
}

/// Replaces a run's problems.
pub(crate) async fn replace(
    conn: &impl ConnectionTrait,
    run_id: i64,
    problems: Vec<NewProblem>,
) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::RunId.eq(run_id))
        .exec(conn)
        .await?;
    let rows = problems.into_iter().map(|problem| ActiveModel {
        run_id: Set(run_id),
        seq: Set(problem.seq),
        code: Set(problem.code),
        size: Set(problem.size),
        sealed_item: Set(problem.sealed_item),
        ..Default::default()
    });
    insert_in_batches(conn, rows).await
}

/// A page of a run's problems in their order. The run was looked up in its scope before.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    run_id: i64,
    code: Option<&str>,
    page: PageRequest,
) -> Result<Slice<ProblemRow>, DbErr> {
    let mut query = Entity::find().filter(Column::RunId.eq(run_id));
    if let Some(code) = code {
        query = query.filter(Column::Code.eq(code));
    }
    let count = count_capped(conn, &query, Column::Id).await?;
    if let Some(after) = page.after {
        query = query.filter(Column::Seq.gt(after.key));
    }
    let rows = query
        .order_by_asc(Column::Seq)
        .limit(page.limit + 1)
        .all(conn)
        .await?;
    Ok(Slice::cut(rows, page, count, |row| Cursor {
        key: row.seq,
        id: row.id,
    }))
}

/// A run's problems grouped by cause, the most frequent first.
pub(crate) async fn groups(conn: &impl ConnectionTrait, run_id: i64) -> Result<Vec<Group>, DbErr> {
    let mut groups: Vec<Group> = Entity::find()
        .filter(Column::RunId.eq(run_id))
        .select_only()
        .column(Column::Code)
        .column_as(Column::Id.count(), "count")
        .column_as(Column::Size.sum(), "bytes")
        .group_by(Column::Code)
        .into_model()
        .all(conn)
        .await?;
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.code.cmp(&b.code)));
    Ok(groups)
}

/// The first few problems of one cause.
pub(crate) async fn examples(
    conn: &impl ConnectionTrait,
    run_id: i64,
    code: &str,
    limit: u64,
) -> Result<Vec<ProblemRow>, DbErr> {
    Entity::find()
        .filter(Column::RunId.eq(run_id))
        .filter(Column::Code.eq(code))
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(conn)
        .await
}
