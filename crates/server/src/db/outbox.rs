//! The outbox: messages, each for one channel. They are written in the transaction that makes what they tell, and stay until
//! they arrived or are too old.
//!
//! ```text
//! pending ──arrived──▶ sent
//!    └──a day──▶ expired
//! ```

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::{
    OutboxRow, Scope,
    entity::outbox::{ActiveModel, Column, Entity},
    insert_in_batches,
    page::count_capped,
};

const PENDING: &str = "pending";
const SENT: &str = "sent";
const EXPIRED: &str = "expired";

/// Puts a message into the outbox, once for each channel.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: Scope,
    channels: Vec<i64>,
    payload: &str,
    now: i64,
    expires_at: i64,
) -> Result<(), DbErr> {
    let row = |channel| ActiveModel {
        uuid: Set(Uuid::now_v7()),
        tenant_id: Set(scope.tenant_id()),
        channel_id: Set(channel),
        state: Set(PENDING.to_owned()),
        payload: Set(payload.to_owned()),
        attempts: Set(0),
        next_attempt_at: Set(now),
        created_at: Set(now),
        expires_at: Set(expires_at),
        ..Default::default()
    };
    let rows: Vec<ActiveModel> = channels.into_iter().map(row).collect();
    insert_in_batches(conn, rows).await
}

/// Channels of the whole server for which messages wait.
pub(crate) async fn channels(conn: &impl ConnectionTrait) -> Result<Vec<i64>, DbErr> {
    Entity::find()
        .filter(Column::State.eq(PENDING))
        .select_only()
        .column(Column::ChannelId)
        .distinct()
        .into_tuple()
        .all(conn)
        .await
}

/// The messages of a channel that are to be tried now, oldest first.
pub(crate) async fn due(
    conn: &impl ConnectionTrait,
    channel: i64,
    now: i64,
    limit: u64,
) -> Result<Vec<OutboxRow>, DbErr> {
    Entity::find()
        .filter(Column::ChannelId.eq(channel))
        .filter(Column::State.eq(PENDING))
        .filter(Column::NextAttemptAt.lte(now))
        .filter(Column::ExpiresAt.gt(now))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(conn)
        .await
}

/// How many messages of a channel wait.
pub(crate) async fn waiting(conn: &impl ConnectionTrait, channel: i64) -> Result<u64, DbErr> {
    count_capped(conn, &pending(channel), Column::Id).await
}

/// Whether a message waits that was tried already, beside a given one.
pub(crate) async fn any_tried(
    conn: &impl ConnectionTrait,
    channel: i64,
    beside: i64,
) -> Result<bool, DbErr> {
    let found = pending(channel)
        .filter(Column::Attempts.gt(0))
        .filter(Column::Id.ne(beside))
        .one(conn)
        .await?;
    Ok(found.is_some())
}

fn pending(channel: i64) -> Select<Entity> {
    Entity::find()
        .filter(Column::ChannelId.eq(channel))
        .filter(Column::State.eq(PENDING))
}

/// A message arrived.
pub(crate) async fn sent(conn: &impl ConnectionTrait, id: i64, now: i64) -> Result<(), DbErr> {
    let row = ActiveModel {
        state: Set(SENT.to_owned()),
        ended_at: Set(Some(now)),
        ..Default::default()
    };
    set(conn, id, row).await
}

/// A message did not arrive, and waits until another time.
pub(crate) async fn put_off(
    conn: &impl ConnectionTrait,
    id: i64,
    attempts: i64,
    until: i64,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        attempts: Set(attempts),
        next_attempt_at: Set(until),
        ..Default::default()
    };
    set(conn, id, row).await
}

async fn set(conn: &impl ConnectionTrait, id: i64, row: ActiveModel) -> Result<(), DbErr> {
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Whether something waits that is too old.
pub(crate) async fn any_expired(conn: &impl ConnectionTrait, now: i64) -> Result<bool, DbErr> {
    let found = Entity::find()
        .filter(Column::State.eq(PENDING))
        .filter(Column::ExpiresAt.lte(now))
        .one(conn)
        .await?;
    Ok(found.is_some())
}

/// Gives up what is too old; answers how many messages that were.
pub(crate) async fn expire(conn: &impl ConnectionTrait, now: i64) -> Result<u64, DbErr> {
    let row = ActiveModel {
        state: Set(EXPIRED.to_owned()),
        ended_at: Set(Some(now)),
        ..Default::default()
    };
    let done = Entity::update_many()
        .set(row)
        .filter(Column::State.eq(PENDING))
        .filter(Column::ExpiresAt.lte(now))
        .exec(conn)
        .await?;
    Ok(done.rows_affected)
}

/// Drops what ended before a time.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, ended_before: i64) -> Result<(), DbErr> {
    let ended = Condition::all()
        .add(Column::State.is_in([SENT, EXPIRED]))
        .add(Column::EndedAt.lt(ended_before));
    Entity::delete_many().filter(ended).exec(conn).await?;
    Ok(())
}
