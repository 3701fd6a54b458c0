//! Which machines can open which vaults, by what each of them told last.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{OnConflict, Query},
};

use super::{
    AccessRow, Scope,
    entity::{
        vault,
        vault_access::{ActiveModel, Column, Entity},
    },
};

/// How far a machine went into a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// It reads.
    Reading,
    /// It writes as well.
    Writing,
}

/// What a machine told of a vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It could open it so far.
    Opened(Depth),
    /// It could not, and why, where it said so.
    Failed(Depth, Option<String>),
}

/// Remembers what a machine told of a vault at a time, unless it told something later. Since when it cannot open it does not
/// change while it cannot; that it can read says nothing of whether it can write again.
pub(crate) async fn tell(
    conn: &impl ConnectionTrait,
    vault_id: i64,
    agent_id: i64,
    told: Told,
    at: i64,
) -> Result<(), DbErr> {
    let before = Entity::find_by_id((vault_id, agent_id)).one(conn).await?;
    let Some(row) = after(before.as_ref(), told, at) else {
        return Ok(());
    };
    let row = ActiveModel {
        vault_id: Set(vault_id),
        agent_id: Set(agent_id),
        ..row
    };
    let replace = OnConflict::columns([Column::VaultId, Column::AgentId])
        .update_columns([
            Column::ToldAt,
            Column::FailedSince,
            Column::Code,
            Column::FailedWriting,
        ])
        .to_owned();
    Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(conn)
        .await?;
    Ok(())
}

/// What is known after something was told; nothing when it changes nothing.
fn after(before: Option<&AccessRow>, told: Told, at: i64) -> Option<ActiveModel> {
    if before.is_some_and(|before| before.told_at > at) {
        return None;
    }
    let failing = before.filter(|before| before.failed_since.is_some());
    let wrote = failing.is_some_and(|failing| failing.failed_writing);
    let (failed_since, code, failed_writing) = match told {
        Told::Opened(Depth::Reading) if wrote => return None,
        Told::Opened(_) => (None, None, false),
        Told::Failed(depth, code) => (
            Some(
                failing
                    .and_then(|failing| failing.failed_since)
                    .unwrap_or(at),
            ),
            code,
            wrote || depth == Depth::Writing,
        ),
    };
    Some(ActiveModel {
        told_at: Set(at),
        failed_since: Set(failed_since),
        code: Set(code),
        failed_writing: Set(failed_writing),
        ..Default::default()
    })
}

/// The machines that cannot open a vault of a tenant.
pub(crate) async fn failing(
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<AccessRow>, DbErr> {
    let own = Query::select()
        .column(vault::Column::Id)
        .from(vault::Entity)
        .and_where(vault::Column::TenantId.eq(scope.tenant_id()))
        .to_owned();
    Entity::find()
        .filter(Column::VaultId.in_subquery(own))
        .filter(Column::FailedSince.is_not_null())
        .all(conn)
        .await
}

#[cfg(test)]
mod tests {
    use sea_orm::TryIntoModel;

    use super::{AccessRow, ActiveModel, Depth::*, Set, Told, after};

    /// What is known after all that was told, at the given times.
    fn known(told: &[(i64, Told)]) -> Option<AccessRow> {
        told.iter().fold(None, |before, (at, told)| {
            match after(before.as_ref(), told.clone(), *at) {
                None => before,
                Some(row) => {
                    let row = ActiveModel {
                        vault_id: Set(1),
                        agent_id: Set(1),
                        ..row
                    };
                    Some(row.try_into_model().expect("is whole"))
                }
            }
        })
    }

    fn since(told: &[(i64, Told)]) -> Option<i64> {
        known(told).and_then(|row| row.failed_since)
    }

    #[test]
    fn what_was_told_last_counts_and_reading_repairs_no_writing() {
        let failed = |depth| Told::Failed(depth, None);
        let opened = Told::Opened;
        assert_eq!(since(&[(5, opened(Writing))]), None);
        assert_eq!(
            since(&[(5, failed(Reading)), (7, failed(Reading))]),
            Some(5)
        );
        assert_eq!(since(&[(5, failed(Reading)), (7, opened(Reading))]), None);
        assert_eq!(
            since(&[(5, failed(Writing)), (7, opened(Reading))]),
            Some(5)
        );
        assert_eq!(since(&[(5, failed(Writing)), (7, opened(Writing))]), None);
        // Which of the two it was does not get lost.
        let both = [
            (5, failed(Writing)),
            (7, failed(Reading)),
            (8, opened(Reading)),
        ];
        assert_eq!(since(&both), Some(5));
        // What comes late is old.
        assert_eq!(since(&[(5, opened(Writing)), (4, failed(Writing))]), None);
    }
}
