//! Channels of notifications.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    QueryOrder,
};
use uuid::Uuid;

use super::{
    ChannelRow, Order, PageRequest, Scope, Slice, change_version, delete_version,
    entity::notification_channel::{ActiveModel, Column, Entity},
    of,
    page::count_capped,
    page_by_id,
};

/// What a new channel is made of; JSON fields as text.
pub(crate) struct NewChannel {
    pub(crate) uuid: Uuid,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) enabled: bool,
    pub(crate) language: &'static str,
    pub(crate) target: String,
    pub(crate) sealed_secret: Option<Vec<u8>>,
    pub(crate) rules: String,
}

/// What may change in a channel.
#[derive(Default)]
pub(crate) struct ChannelChange {
    pub(crate) name: Option<String>,
    pub(crate) enabled: Option<bool>,
    pub(crate) language: Option<&'static str>,
    pub(crate) target: Option<(&'static str, String)>,
    pub(crate) sealed_secret: Option<Option<Vec<u8>>>,
    pub(crate) rules: Option<String>,
}

/// How an attempt to deliver fared.
#[derive(Clone, Debug)]
pub(crate) enum Fared {
    /// It arrived; `is_whole` when nothing else waits that did not.
    Ok { at: i64, is_whole: bool },
    /// It did not arrive.
    Failed {
        at: i64,
        error: String,
        /// It was a message that somebody waits for, not a test.
        counts: bool,
        /// So many attempts failed in a row, and nothing is tried before this time; `None` when only this message waits.
        pause: Option<(i64, i64)>,
    },
}

/// One channel of a tenant.
pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    scope: Scope,
    uuid: Uuid,
) -> Result<Option<ChannelRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Uuid.eq(uuid))
        .one(conn)
        .await
}

/// The channel of a tenant that has this name.
pub(crate) async fn by_name(
    conn: &impl ConnectionTrait,
    scope: Scope,
    name: &str,
) -> Result<Option<ChannelRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Name.eq(name))
        .one(conn)
        .await
}

/// A page of a tenant's channels, oldest first.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    scope: Scope,
    page: PageRequest,
) -> Result<Slice<ChannelRow>, DbErr> {
    page_by_id(conn, of::<Entity>(scope), Order::OldestFirst, page).await
}

/// How many channels a tenant has.
pub(crate) async fn count(conn: &impl ConnectionTrait, scope: Scope) -> Result<u64, DbErr> {
    count_capped(conn, &of::<Entity>(scope), Column::Id).await
}

/// The channels of a tenant that send messages, oldest first.
pub(crate) async fn enabled(
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<ChannelRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Enabled.eq(true))
        .order_by_asc(Column::Id)
        .all(conn)
        .await
}

/// Those of the given channels of the whole server that send messages and may try now.
pub(crate) async fn ready(
    conn: &impl ConnectionTrait,
    ids: Vec<i64>,
    now: i64,
) -> Result<Vec<ChannelRow>, DbErr> {
    let free = Condition::any()
        .add(Column::NextAttemptAt.is_null())
        .add(Column::NextAttemptAt.lte(now));
    Entity::find()
        .filter(Column::Id.is_in(ids))
        .filter(Column::Enabled.eq(true))
        .filter(free)
        .order_by_asc(Column::Id)
        .all(conn)
        .await
}

/// Makes a channel.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: Scope,
    new: NewChannel,
    now: i64,
) -> Result<ChannelRow, DbErr> {
    let row = ActiveModel {
        uuid: Set(new.uuid),
        tenant_id: Set(scope.tenant_id()),
        name: Set(new.name),
        kind: Set(new.kind.to_owned()),
        enabled: Set(new.enabled),
        language: Set(new.language.to_owned()),
        target: Set(new.target),
        sealed_secret: Set(new.sealed_secret),
        rules: Set(new.rules),
        attempts: Set(0),
        created_at: Set(now),
        version: Set(1),
        ..Default::default()
    };
    Entity::insert(row).exec_with_returning(conn).await
}

/// Changes a channel if it still has `version`; false when it has not. What waits is tried at once.
pub(crate) async fn update(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
    change: ChannelChange,
) -> Result<bool, DbErr> {
    let mut row = ActiveModel {
        next_attempt_at: Set(None),
        version: Set(version + 1),
        ..Default::default()
    };
    if let Some(name) = change.name {
        row.name = Set(name);
    }
    if let Some(enabled) = change.enabled {
        row.enabled = Set(enabled);
        if !enabled {
            row.failing_since = Set(None);
        }
    }
    if let Some(language) = change.language {
        row.language = Set(language.to_owned());
    }
    if let Some((kind, target)) = change.target {
        row.kind = Set(kind.to_owned());
        row.target = Set(target);
    }
    if let Some(sealed) = change.sealed_secret {
        row.sealed_secret = Set(sealed);
    }
    if let Some(rules) = change.rules {
        row.rules = Set(rules);
    }
    change_version::<Entity>(conn, scope, id, version, row).await
}

/// Remembers how an attempt fared; the channel's version stays.
pub(crate) async fn fared(
    conn: &impl ConnectionTrait,
    channel: &ChannelRow,
    fared: Fared,
) -> Result<(), DbErr> {
    let row = match fared {
        Fared::Ok { at, is_whole } => ActiveModel {
            attempts: Set(0),
            next_attempt_at: Set(None),
            last_ok_at: Set(Some(at)),
            ..if is_whole {
                ActiveModel {
                    failing_since: Set(None),
                    ..Default::default()
                }
            } else {
                ActiveModel::default()
            }
        },
        Fared::Failed {
            at,
            error,
            counts,
            pause,
        } => {
            let mut row = ActiveModel {
                last_failed_at: Set(Some(at)),
                last_error: Set(Some(error)),
                ..Default::default()
            };
            if counts {
                row.failing_since = Set(Some(channel.failing_since.unwrap_or(at)));
            }
            if let Some((attempts, until)) = pause {
                row.attempts = Set(attempts);
                row.next_attempt_at = Set(Some(until));
            }
            row
        }
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(channel.id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Deletes a channel if it still has `version`; false when it has not. What waits goes with it.
pub(crate) async fn delete(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
) -> Result<bool, DbErr> {
    delete_version::<Entity>(conn, scope, id, version).await
}
