//! Events of runs. Their parameters may hold file names and are sealed.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::{
    EventRow,
    entity::{
        run,
        run_event::{ActiveModel, Column, Entity},
    },
    insert_in_batches,
};

/// Events that are looked at in one sweep: the oldest ones, which were inserted first.
const SWEPT: u64 = 2000;

/// What a new event is made of.
pub(crate) struct NewEvent {
    pub(crate) run_id: i64,
    pub(crate) seq: i64,
    pub(crate) attempt: i64,
    /// The agent's own number; absent for the server's events.
    pub(crate) agent_seq: Option<i64>,
    pub(crate) time: i64,
    pub(crate) kind: String,
    pub(crate) level: String,
    pub(crate) message_id: String,
    pub(crate) sealed_params: Vec<u8>,
}

/// Which of an attempt's own numbers are stored already.
pub(crate) async fn known_seqs(
    conn: &impl ConnectionTrait,
    run_id: i64,
    attempt: i64,
    seqs: &[i64],
) -> Result<Vec<i64>, DbErr> {
    let known: Vec<Option<i64>> = Entity::find()
        .filter(Column::RunId.eq(run_id))
        .filter(Column::Attempt.eq(attempt))
        .filter(Column::AgentSeq.is_in(seqs.iter().copied()))
        .select_only()
        .column(Column::AgentSeq)
        .into_tuple()
        .all(conn)
        .await?;
    Ok(known.into_iter().flatten().collect())
}

/// Stores events.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    events: Vec<NewEvent>,
) -> Result<(), DbErr> {
    let rows = events.into_iter().map(|event| ActiveModel {
        run_id: Set(event.run_id),
        seq: Set(event.seq),
        attempt: Set(event.attempt),
        agent_seq: Set(event.agent_seq),
        time: Set(event.time),
        kind: Set(event.kind),
        level: Set(event.level),
        message_id: Set(event.message_id),
        sealed_params: Set(event.sealed_params),
        ..Default::default()
    });
    insert_in_batches(conn, rows).await
}

/// Events of a run after a given one, oldest first. The run was looked up in its scope before.
pub(crate) async fn after(
    conn: &impl ConnectionTrait,
    run_id: i64,
    after: i64,
    levels: &[String],
    limit: u64,
) -> Result<Vec<EventRow>, DbErr> {
    let mut query = Entity::find()
        .filter(Column::RunId.eq(run_id))
        .filter(Column::Seq.gt(after));
    if !levels.is_empty() {
        query = query.filter(Column::Level.is_in(levels));
    }
    query.order_by_asc(Column::Seq).limit(limit).all(conn).await
}

/// Deletes the events of runs that were over before a time, some at a time. The runs stay.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, before: i64) -> Result<(), DbErr> {
    let oldest: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::RunId)
        .order_by_asc(Column::Id)
        .limit(SWEPT)
        .into_tuple()
        .all(conn)
        .await?;
    let mut runs = oldest;
    runs.sort_unstable();
    runs.dedup();
    let over: Vec<i64> = run::Entity::find()
        .filter(run::Column::Id.is_in(runs))
        .filter(run::Column::FinishedAt.lt(before))
        .select_only()
        .column(run::Column::Id)
        .into_tuple()
        .all(conn)
        .await?;
    if over.is_empty() {
        return Ok(());
    }
    Entity::delete_many()
        .filter(Column::RunId.is_in(over))
        .exec(conn)
        .await
        .map(drop)
}
