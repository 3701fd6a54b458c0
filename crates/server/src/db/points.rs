//! Restore points and their snapshots.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect, Select, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    PageRequest, PointRow, PointSnapshotRow, Scope, Slice,
    entity::{
        point::{ActiveModel, Column, Entity},
        point_snapshot,
    },
    insert_in_batches, of,
    page::page_by_time,
    reseller,
};

/// What a new point is made of.
pub(crate) struct NewPoint {
    pub(crate) job_id: Option<i64>,
    pub(crate) vault_id: i64,
    pub(crate) run_id: Option<i64>,
    pub(crate) source_user: String,
    pub(crate) source_host: String,
    pub(crate) time: i64,
    pub(crate) bytes_uploaded: Option<i64>,
    pub(crate) problem_count: i64,
    /// What pins it.
    pub(crate) pins: Pins,
    pub(crate) stamp: Option<Stamp>,
    pub(crate) snapshots: Vec<NewSnapshot>,
}

/// What pins a point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pins {
    /// Whether anything does.
    pub(crate) pinned: bool,
    /// The name of a pin, where somebody chose it.
    pub(crate) note: Option<String>,
}

/// The name of a pin for which nobody gave a reason.
pub(crate) const PIN_WITHOUT_NOTE: &str = "pinned";

impl Pins {
    /// The pins of a point's snapshots.
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a String>) -> Self {
        let mut pins = Self::default();
        for name in names {
            pins.pinned = true;
            if pins.note.is_none() && name != PIN_WITHOUT_NOTE {
                pins.note = Some(name.clone());
            }
        }
        pins
    }
}

/// What retention goes by. Points that only a listing names have none and are never judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// When the point's run began, by this server's clock; milliseconds since 1970.
    pub(crate) at: i64,
    /// Whether the server started that run, and this is the first point that the run told of.
    pub(crate) by_server: bool,
}

/// One source path of a new point.
#[derive(Clone)]
pub(crate) struct NewSnapshot {
    pub(crate) path: String,
    pub(crate) manifest_id: String,
    pub(crate) root_object: String,
    pub(crate) start_time: i64,
    pub(crate) files: i64,
    pub(crate) dirs: i64,
    pub(crate) total_bytes: i64,
}

/// Which points are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PointFilter {
    pub(crate) job_id: Option<i64>,
    pub(crate) vault_id: Option<i64>,
    pub(crate) run_id: Option<i64>,
}

/// Points of one job or vault in figures.
#[derive(Debug, Default, Clone, Copy, FromQueryResult)]
pub(crate) struct PointFigures {
    /// The job or vault.
    pub(crate) owner: i64,
    /// How many are present.
    pub(crate) count: i64,
    /// Time of the newest one.
    pub(crate) latest: Option<i64>,
}

/// One point of a tenant.
pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    scope: Scope,
    uuid: Uuid,
) -> Result<Option<PointRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Uuid.eq(uuid))
        .one(conn)
        .await
}

/// One point of a tenant by its number.
pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
) -> Result<Option<PointRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Id.eq(id))
        .one(conn)
        .await
}

/// Those of some points that are in their vault.
pub(crate) async fn present_by_ids(
    conn: &impl ConnectionTrait,
    scope: Scope,
    ids: impl IntoIterator<Item = i64>,
) -> Result<Vec<PointRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Id.is_in(ids))
        .filter(Column::State.ne("gone"))
        .all(conn)
        .await
}

/// The newest point that a run made.
pub(crate) async fn by_run(
    conn: &impl ConnectionTrait,
    scope: Scope,
    run_id: i64,
) -> Result<Option<PointRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::RunId.eq(run_id))
        .order_by_desc(Column::Id)
        .one(conn)
        .await
}

/// Snapshots of a vault that began at one of these times.
pub(crate) async fn snapshots_begun_at(
    conn: &impl ConnectionTrait,
    vault_id: i64,
    times: impl IntoIterator<Item = i64>,
) -> Result<Vec<PointSnapshotRow>, DbErr> {
    point_snapshot::Entity::find()
        .filter(point_snapshot::Column::VaultId.eq(vault_id))
        .filter(point_snapshot::Column::StartTime.is_in(times))
        .all(conn)
        .await
}

/// A page of a tenant's points, newest first. Points that are gone are left out.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    scope: Scope,
    filter: PointFilter,
    page: PageRequest,
) -> Result<Slice<PointRow>, DbErr> {
    let query = filtered(scope, filter);
    page_by_time(conn, query, Column::Time, page, |row| row.time).await
}

fn filtered(scope: Scope, filter: PointFilter) -> Select<Entity> {
    let mut query = of::<Entity>(scope).filter(Column::State.ne("gone"));
    if let Some(id) = filter.job_id {
        query = query.filter(Column::JobId.eq(id));
    }
    if let Some(id) = filter.vault_id {
        query = query.filter(Column::VaultId.eq(id));
    }
    if let Some(id) = filter.run_id {
        query = query.filter(Column::RunId.eq(id));
    }
    query
}

/// A tenant's points, newest first, at most `limit`. Points that are gone are left out.
pub(crate) async fn newest(
    conn: &impl ConnectionTrait,
    scope: Scope,
    filter: PointFilter,
    limit: u64,
) -> Result<Vec<PointRow>, DbErr> {
    filtered(scope, filter)
        .order_by_desc(Column::Time)
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(conn)
        .await
}

/// Snapshots of one source path, of points of the same job, vault and machine that are not gone, oldest first.
pub(crate) async fn history(
    conn: &impl ConnectionTrait,
    scope: Scope,
    point: &PointRow,
    path: &str,
) -> Result<Vec<(PointRow, PointSnapshotRow)>, DbErr> {
    let points: HashMap<i64, PointRow> = of::<Entity>(scope)
        .filter(Column::VaultId.eq(point.vault_id))
        .filter(Column::SourceUser.eq(&point.source_user))
        .filter(Column::SourceHost.eq(&point.source_host))
        .filter(match point.job_id {
            Some(job) => Column::JobId.eq(job),
            None => Column::JobId.is_null(),
        })
        .filter(Column::State.ne("gone"))
        .all(conn)
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let snapshots = point_snapshot::Entity::find()
        .filter(point_snapshot::Column::VaultId.eq(point.vault_id))
        .filter(point_snapshot::Column::Path.eq(path))
        .order_by_asc(point_snapshot::Column::StartTime)
        .order_by_asc(point_snapshot::Column::Id)
        .all(conn)
        .await?;
    Ok(snapshots
        .into_iter()
        .filter_map(|snapshot| Some((points.get(&snapshot.point_id)?.clone(), snapshot)))
        .collect())
}

/// The snapshots of several points, in the order of their source paths as the run had them.
pub(crate) async fn snapshots(
    conn: &impl ConnectionTrait,
    points: impl IntoIterator<Item = i64>,
) -> Result<Vec<PointSnapshotRow>, DbErr> {
    point_snapshot::Entity::find()
        .filter(point_snapshot::Column::PointId.is_in(points))
        .order_by_asc(point_snapshot::Column::Id)
        .all(conn)
        .await
}

/// Enters a point into the catalogue.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: Scope,
    new: NewPoint,
    now: i64,
) -> Result<PointRow, DbErr> {
    let row = ActiveModel {
        uuid: Set(Uuid::now_v7()),
        tenant_id: Set(scope.tenant_id()),
        reseller_id: Set(reseller(conn, scope).await?),
        job_id: Set(new.job_id),
        vault_id: Set(new.vault_id),
        run_id: Set(new.run_id),
        source_user: Set(new.source_user),
        source_host: Set(new.source_host),
        time: Set(new.time),
        state: Set("present".to_owned()),
        files: Set(new.snapshots.iter().map(|snapshot| snapshot.files).sum()),
        total_bytes: Set(new
            .snapshots
            .iter()
            .map(|snapshot| snapshot.total_bytes)
            .sum()),
        bytes_uploaded: Set(new.bytes_uploaded),
        problem_count: Set(new.problem_count),
        created_at: Set(now),
        stamped_at: Set(new.stamp.map(|stamp| stamp.at)),
        by_server: Set(new.stamp.is_some_and(|stamp| stamp.by_server)),
        pinned: Set(new.pins.pinned),
        pin_note: Set(new.pins.note),
        ..Default::default()
    };
    let point = Entity::insert(row).exec_with_returning(conn).await?;
    insert_snapshots(conn, &point, new.snapshots).await?;
    Ok(point)
}

/// Adds source paths to a point.
pub(crate) async fn add_snapshots(
    conn: &impl ConnectionTrait,
    point: &PointRow,
    snapshots: Vec<NewSnapshot>,
) -> Result<(), DbErr> {
    let sum = |of: fn(&NewSnapshot) -> i64| snapshots.iter().map(of).sum::<i64>();
    let row = ActiveModel {
        files: Set(point.files + sum(|snapshot| snapshot.files)),
        total_bytes: Set(point.total_bytes + sum(|snapshot| snapshot.total_bytes)),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(point.id))
        .exec(conn)
        .await?;
    insert_snapshots(conn, point, snapshots).await
}

async fn insert_snapshots(
    conn: &impl ConnectionTrait,
    point: &PointRow,
    snapshots: Vec<NewSnapshot>,
) -> Result<(), DbErr> {
    let rows = snapshots
        .into_iter()
        .map(|snapshot| point_snapshot::ActiveModel {
            uuid: Set(Uuid::now_v7()),
            point_id: Set(point.id),
            vault_id: Set(point.vault_id),
            path: Set(snapshot.path),
            manifest_id: Set(snapshot.manifest_id),
            root_object: Set(snapshot.root_object),
            start_time: Set(snapshot.start_time),
            files: Set(snapshot.files),
            dirs: Set(snapshot.dirs),
            total_bytes: Set(snapshot.total_bytes),
            ..Default::default()
        });
    insert_in_batches(conn, rows).await
}

/// Points of a tenant by their numbers.
pub(crate) async fn by_ids(
    conn: &impl ConnectionTrait,
    scope: Scope,
    ids: impl IntoIterator<Item = i64>,
) -> Result<Vec<PointRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Id.is_in(ids))
        .order_by_asc(Column::Id)
        .all(conn)
        .await
}

/// Notes that a listing, which was asked for at a time, named points.
pub(crate) async fn set_listed(
    conn: &impl ConnectionTrait,
    scope: Scope,
    ids: impl IntoIterator<Item = i64>,
    asked_at: i64,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        listed_at: Set(Some(asked_at)),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::TenantId.eq(scope.tenant_id()))
        .filter(Column::Id.is_in(ids))
        .filter(not_listed_since(asked_at))
        .exec(conn)
        .await?;
    Ok(())
}

/// Marks as gone what no page of a listing named that was asked for at a time, though it was there then; answers how many.
pub(crate) async fn set_gone(
    conn: &impl ConnectionTrait,
    scope: Scope,
    vault_id: i64,
    asked_at: i64,
) -> Result<u64, DbErr> {
    let row = ActiveModel {
        state: Set("gone".to_owned()),
        ..Default::default()
    };
    let gone = Entity::update_many()
        .set(row)
        .filter(Column::TenantId.eq(scope.tenant_id()))
        .filter(Column::VaultId.eq(vault_id))
        .filter(Column::State.ne("gone"))
        .filter(Column::CreatedAt.lt(asked_at))
        .filter(not_listed_since(asked_at))
        .exec(conn)
        .await?;
    Ok(gone.rows_affected)
}

fn not_listed_since(asked_at: i64) -> Condition {
    Condition::any()
        .add(Column::ListedAt.is_null())
        .add(Column::ListedAt.lt(asked_at))
}

async fn set(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    row: ActiveModel,
) -> Result<(), DbErr> {
    Entity::update_many()
        .set(row)
        .filter(Column::TenantId.eq(scope.tenant_id()))
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Marks a point present, gone or damaged.
pub(crate) async fn set_state(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    state: &str,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        state: Set(state.to_owned()),
        ..Default::default()
    };
    set(conn, scope, id, row).await
}

/// Points of a job that its retention judges: those that are present and that a run reported; the first entered first.
pub(crate) async fn judged_of_job(
    conn: &impl ConnectionTrait,
    scope: Scope,
    job_id: i64,
) -> Result<Vec<PointRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::JobId.eq(job_id))
        .filter(Column::State.eq("present"))
        .filter(Column::StampedAt.is_not_null())
        .order_by_asc(Column::Id)
        .all(conn)
        .await
}

/// Whether there is a point that counts as the first that a run told of.
pub(crate) async fn has_first(
    conn: &impl ConnectionTrait,
    scope: Scope,
    run_id: i64,
) -> Result<bool, DbErr> {
    let found = of::<Entity>(scope)
        .filter(Column::RunId.eq(run_id))
        .filter(Column::ByServer.eq(true))
        .one(conn)
        .await?;
    Ok(found.is_some())
}

/// Whose a point has to be that a run's report stamps, and what the run says of it.
pub(crate) struct StampOwner<'a> {
    pub(crate) job_id: Option<i64>,
    pub(crate) run_id: i64,
    /// User and host.
    pub(crate) source: (&'a str, &'a str),
    pub(crate) problem_count: i64,
}

/// Stamps a point that a listing had brought before its run told of it; false when it is not that run's, or has a stamp.
pub(crate) async fn stamp(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    stamp: Stamp,
    owner: StampOwner<'_>,
) -> Result<bool, DbErr> {
    let row = ActiveModel {
        stamped_at: Set(Some(stamp.at)),
        by_server: Set(stamp.by_server),
        problem_count: Set(owner.problem_count),
        ..Default::default()
    };
    let stamped = Entity::update_many()
        .set(row)
        .filter(Column::TenantId.eq(scope.tenant_id()))
        .filter(Column::Id.eq(id))
        .filter(Column::JobId.eq(owner.job_id))
        .filter(Column::RunId.eq(owner.run_id))
        .filter(Column::SourceUser.eq(owner.source.0))
        .filter(Column::SourceHost.eq(owner.source.1))
        .filter(Column::StampedAt.is_null())
        .exec(conn)
        .await?;
    Ok(stamped.rows_affected == 1)
}

/// Remembers what pins a point.
pub(crate) async fn set_pins(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    pins: Pins,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        pinned: Set(pins.pinned),
        pin_note: Set(pins.note),
        ..Default::default()
    };
    set(conn, scope, id, row).await
}

/// Remembers that a command deletes points, or that none does any more.
pub(crate) async fn set_deletion(
    conn: &impl ConnectionTrait,
    scope: Scope,
    ids: impl IntoIterator<Item = i64>,
    command: Option<i64>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        deletion_id: Set(command),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::TenantId.eq(scope.tenant_id()))
        .filter(Column::Id.is_in(ids))
        .exec(conn)
        .await?;
    Ok(())
}

/// The points that a command deletes.
pub(crate) async fn of_deletion(
    conn: &impl ConnectionTrait,
    scope: Scope,
    command: i64,
) -> Result<Vec<PointRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::DeletionId.eq(command))
        .all(conn)
        .await
}

/// Remembers a snapshot's new manifest: a pin or a changed description replaces it.
pub(crate) async fn set_manifest(
    conn: &impl ConnectionTrait,
    id: i64,
    manifest_id: &str,
) -> Result<(), DbErr> {
    point_snapshot::Entity::update_many()
        .col_expr(point_snapshot::Column::ManifestId, Expr::value(manifest_id))
        .filter(point_snapshot::Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Figures of each job's points.
pub(crate) async fn figures_by_job(
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<PointFigures>, DbErr> {
    figures(conn, scope, Column::JobId).await
}

/// Figures of each vault's points.
pub(crate) async fn figures_by_vault(
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<PointFigures>, DbErr> {
    figures(conn, scope, Column::VaultId).await
}

async fn figures(
    conn: &impl ConnectionTrait,
    scope: Scope,
    owner: Column,
) -> Result<Vec<PointFigures>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::State.eq("present"))
        .filter(owner.is_not_null())
        .select_only()
        .column_as(owner, "owner")
        .column_as(Column::Id.count(), "count")
        .column_as(Column::Time.max(), "latest")
        .group_by(owner)
        .into_model()
        .all(conn)
        .await
}

/// Bytes that the newest present point of each job in a vault protects.
pub(crate) async fn protected_bytes(
    conn: &impl ConnectionTrait,
    scope: Scope,
    vault_id: i64,
) -> Result<i64, DbErr> {
    let rows: Vec<(Option<i64>, i64, i64)> = of::<Entity>(scope)
        .filter(Column::VaultId.eq(vault_id))
        .filter(Column::State.eq("present"))
        .filter(Column::JobId.is_not_null())
        .select_only()
        .column(Column::JobId)
        .column(Column::Time)
        .column(Column::TotalBytes)
        .order_by_asc(Column::Time)
        .into_tuple()
        .all(conn)
        .await?;
    let newest: HashMap<Option<i64>, i64> = rows
        .into_iter()
        .map(|(job, _, bytes)| (job, bytes))
        .collect();
    Ok(newest.values().sum())
}
