//! Creating requests that were seen before, so that a repeated one gets the first one's answer.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};

use super::entity::idempotency_key::{ActiveModel, Column, Entity};

/// How long a key is remembered, in milliseconds.
const KEPT_MS: i64 = 24 * 3600 * 1000;

/// What is known of a key.
pub(crate) enum Seen {
    /// It was not used before and is now taken; the number names it.
    Free(i64),
    /// It was used: hash of that request, and status and sealed body of its answer once there is one.
    Used {
        id: i64,
        request_hash: String,
        answer: Option<(u16, Vec<u8>)>,
    },
    /// Its request was carried out, and the answer was lost: what it did.
    Done(String),
}

/// Takes a key, or says what it was used for. Requests from before `alive_since` ended with the server that had them: a
/// key without an effect is free again.
pub(crate) async fn take(
    conn: &impl ConnectionTrait,
    user_id: i64,
    key: &str,
    request_hash: &str,
    now: i64,
    alive_since: i64,
) -> Result<Seen, DbErr> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user_id))
        .filter(Column::Key.eq(key))
        .filter(Column::CreatedAt.lt(now - KEPT_MS))
        .exec(conn)
        .await?;
    let row = ActiveModel {
        user_id: Set(user_id),
        key: Set(key.to_owned()),
        request_hash: Set(request_hash.to_owned()),
        created_at: Set(now),
        ..Default::default()
    };
    let done = Entity::insert(row)
        .on_conflict(
            OnConflict::columns([Column::UserId, Column::Key])
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(conn)
        .await?;
    let row = Entity::find()
        .filter(Column::UserId.eq(user_id))
        .filter(Column::Key.eq(key))
        .one(conn)
        .await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("idempotency key".to_owned()))?;
    if done == 1 {
        return Ok(Seen::Free(row.id));
    }
    let is_same = row.request_hash == request_hash;
    if let (true, None, Some(effect)) = (is_same, row.status, &row.effect) {
        return Ok(Seen::Done(effect.clone()));
    }
    if is_same && row.status.is_none() && row.created_at < alive_since {
        let taken = ActiveModel {
            created_at: Set(now),
            ..Default::default()
        };
        let done = Entity::update_many()
            .set(taken)
            .filter(Column::Id.eq(row.id))
            .filter(Column::CreatedAt.eq(row.created_at))
            .exec(conn)
            .await?;
        if done.rows_affected == 1 {
            return Ok(Seen::Free(row.id));
        }
    }
    let answer = row
        .status
        .zip(row.sealed_response)
        .map(|(status, body)| (status as u16, body));
    Ok(Seen::Used {
        id: row.id,
        request_hash: row.request_hash,
        answer,
    })
}

/// Keeps the answer of a key's request.
pub(crate) async fn answer(
    conn: &impl ConnectionTrait,
    id: i64,
    status: u16,
    sealed: Vec<u8>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        status: Set(Some(i64::from(status))),
        sealed_response: Set(Some(sealed)),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Remembers what a key's request did, in the transaction that does it.
pub(crate) async fn took_effect(
    conn: &impl ConnectionTrait,
    id: i64,
    effect: &str,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        effect: Set(Some(effect.to_owned())),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Forgets a key whose request was refused and did nothing: it may be corrected and sent again.
pub(crate) async fn forget(conn: &impl ConnectionTrait, id: i64) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::Id.eq(id))
        .filter(Column::Effect.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

/// Forgets keys that are old enough.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, now: i64) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::CreatedAt.lt(now - KEPT_MS))
        .exec(conn)
        .await?;
    Ok(())
}
