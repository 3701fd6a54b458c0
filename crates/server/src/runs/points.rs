//! The catalogue of restore points: filled from reports of runs and from listings of vaults.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use holdfast_protocol::{
    agent::{PointReport, commands::ListedPoint},
    api::vaults::PointsRefreshed,
};
use sea_orm::ConnectionTrait;

use crate::{
    db::{
        self, PointSnapshotRow, RunRow, Scope, VaultRow,
        points::{NewPoint, NewSnapshot, Pins, Stamp, StampOwner},
    },
    problem::ApiResult,
    runs::offline::OFFLINE,
};

/// Enters what a run stored, unless it is there already; says whether something was entered.
pub(crate) async fn enter_report(
    conn: &impl ConnectionTrait,
    run: &RunRow,
    reports: &[PointReport],
    now: i64,
) -> ApiResult<bool> {
    // What has no manifest was not stored, because the one before is equal.
    let stored = || {
        reports
            .iter()
            .filter(|report| !report.manifest_id.is_empty())
    };
    let Some(first) = stored().next().filter(|_| run.run_type == "backup") else {
        return Ok(false);
    };
    let snapshots = stored().map(|report| NewSnapshot {
        path: report.source_path.clone(),
        manifest_id: report.manifest_id.clone(),
        root_object: report.root_object.clone(),
        start_time: report.start_time.as_millisecond(),
        files: report.files as i64,
        dirs: report.dirs as i64,
        total_bytes: report.bytes as i64,
    });
    let stamp = Stamp {
        at: run.started_at.unwrap_or(run.created_at),
        by_server: run.trigger_kind != OFFLINE,
    };
    let new = NewPoint {
        job_id: run.job_id,
        vault_id: run.vault_id,
        run_id: Some(run.id),
        pins: Pins::default(),
        stamp: Some(stamp),
        source_user: first.source_user.clone(),
        source_host: first.source_host.clone(),
        time: now,
        bytes_uploaded: run.bytes_transferred,
        problem_count: run.problem_count,
        snapshots: snapshots.collect(),
    };
    enter(conn, Scope::tenant(run.tenant_id), new, now).await
}

/// Enters a point without the snapshots that the vault's catalogue knows. A run has one point, and a further one for each
/// attempt that stored the same paths before it was taken for lost.
async fn enter(
    conn: &impl ConnectionTrait,
    scope: Scope,
    mut new: NewPoint,
    now: i64,
) -> ApiResult<bool> {
    let times: Vec<i64> = new
        .snapshots
        .iter()
        .map(|snapshot| snapshot.start_time)
        .collect();
    new.time = times.iter().copied().min().unwrap_or(now);
    let known = db::points::snapshots_begun_at(conn, new.vault_id, times).await?;
    let is_same = |new: &NewSnapshot, row: &PointSnapshotRow| {
        (row.start_time, &row.root_object, &row.path)
            == (new.start_time, &new.root_object, &new.path)
    };
    if let (Some(stamp), Some(run)) = (&mut new.stamp, new.run_id) {
        // Whatever else a run tells of, it displaces nothing.
        stamp.by_server &= !db::points::has_first(conn, scope, run).await?;
        // A listing may have been faster than the report.
        let listed: BTreeSet<i64> = known
            .iter()
            .filter(|row| new.snapshots.iter().any(|new| is_same(new, row)))
            .map(|row| row.point_id)
            .collect();
        for point in listed {
            // Tags are written by agents: a listed point of another job, run or machine is not this run's.
            let owner = StampOwner {
                job_id: new.job_id,
                run_id: run,
                source: (&new.source_user, &new.source_host),
                problem_count: new.problem_count,
            };
            if db::points::stamp(conn, scope, point, *stamp, owner).await? {
                stamp.by_server = false;
            }
        }
    }
    new.snapshots
        .retain(|new| !known.iter().any(|row| is_same(new, row)));
    if new.snapshots.is_empty() {
        return Ok(false);
    }
    if let Some(run) = new.run_id
        && let Some(point) = db::points::by_run(conn, scope, run).await?
    {
        let own = db::points::snapshots(conn, [point.id]).await?;
        let is_taken = |new: &NewSnapshot| own.iter().any(|row| row.path == new.path);
        if !new.snapshots.iter().any(is_taken) {
            db::points::add_snapshots(conn, &point, new.snapshots).await?;
            return Ok(true);
        }
    }
    db::points::insert(conn, scope, new, now).await?;
    Ok(true)
}

/// When a listing was asked for, and when it came; milliseconds since 1970.
pub(crate) struct Asked {
    pub(crate) at: i64,
    pub(crate) now: i64,
}

/// Compares the catalogue with a page of what a vault holds, and notes which points the listing named. Those that no page
/// named are gone ([`db::points::set_gone`]).
pub(crate) async fn compare_page(
    conn: &impl ConnectionTrait,
    vault: &VaultRow,
    listed: &[ListedPoint],
    &Asked { at, now }: &Asked,
) -> ApiResult<PointsRefreshed> {
    let scope = Scope::tenant(vault.tenant_id);
    let mut summary = PointsRefreshed::default();
    let mut by_root: BTreeMap<(i64, &str), (&str, &[String])> = BTreeMap::new();
    for point in listed.iter().filter(|point| point.incomplete.is_none()) {
        by_root.insert(
            (point.start_time.as_millisecond(), &point.root_object),
            (&point.manifest_id, point.pins.as_slice()),
        );
    }
    let times: BTreeSet<i64> = by_root.keys().map(|(time, _)| *time).collect();
    let mut matched: HashSet<(i64, String)> = HashSet::new();
    // Points that are named, and what pins them.
    let mut named: BTreeMap<i64, Vec<&String>> = BTreeMap::new();
    for snapshot in db::points::snapshots_begun_at(conn, vault.id, times).await? {
        let key = (snapshot.start_time, snapshot.root_object.as_str());
        if let Some((manifest_id, pins)) = by_root.get(&key) {
            named.entry(snapshot.point_id).or_default().extend(*pins);
            if *manifest_id != snapshot.manifest_id {
                db::points::set_manifest(conn, snapshot.id, manifest_id).await?;
            }
            matched.insert((snapshot.start_time, snapshot.root_object));
        }
    }
    for point in db::points::by_ids(conn, scope, named.keys().copied()).await? {
        summary.present += 1;
        let pins = Pins::of(named.get(&point.id).into_iter().flatten().copied());
        // What another page of the same listing found pinned is pinned.
        let was_named = point.listed_at.is_some_and(|listed| listed >= at);
        let differs = (point.pinned, &point.pin_note) != (pins.pinned, &pins.note);
        if differs && (pins.pinned || !was_named) {
            db::points::set_pins(conn, scope, point.id, pins).await?;
        }
        if point.state == "gone" {
            db::points::set_state(conn, scope, point.id, "present").await?;
        }
    }
    db::points::set_listed(conn, scope, named.into_keys(), at).await?;
    for group in unknown_groups(listed, &matched) {
        let Some(first) = group.first() else { continue };
        let snapshots = group.iter().map(|point| NewSnapshot {
            path: point.source_path.clone(),
            manifest_id: point.manifest_id.clone(),
            root_object: point.root_object.clone(),
            start_time: point.start_time.as_millisecond(),
            files: point.files as i64,
            dirs: point.dirs as i64,
            total_bytes: point.bytes as i64,
        });
        let job = match first.job_uuid {
            Some(uuid) => db::jobs::find(conn, scope, uuid).await?,
            None => None,
        };
        let run = match first.run_uuid {
            Some(uuid) => db::runs::find(conn, scope, uuid).await?,
            None => None,
        };
        let new = NewPoint {
            job_id: job.map(|job| job.id),
            vault_id: vault.id,
            run_id: run.filter(|run| run.vault_id == vault.id).map(|run| run.id),
            source_user: first.source_user.clone(),
            source_host: first.source_host.clone(),
            time: now,
            bytes_uploaded: None,
            pins: Pins::of(group.iter().flat_map(|point| &point.pins)),
            stamp: None,
            problem_count: group.iter().map(|point| point.errors as i64).sum(),
            snapshots: snapshots.collect(),
        };
        if enter(conn, scope, new, now).await? {
            summary.added += 1;
            summary.present += 1;
        }
    }
    Ok(summary)
}

/// Points that the catalogue does not know: those of one run together, others each alone.
fn unknown_groups<'a>(
    listed: &'a [ListedPoint],
    matched: &HashSet<(i64, String)>,
) -> Vec<Vec<&'a ListedPoint>> {
    let mut groups: BTreeMap<String, Vec<&ListedPoint>> = BTreeMap::new();
    for point in listed {
        let known =
            matched.contains(&(point.start_time.as_millisecond(), point.root_object.clone()));
        // Companions hold metadata of other points and are nothing to restore.
        if known || point.incomplete.is_some() || point.source_path.starts_with("/holdfast/") {
            continue;
        }
        let key = point
            .run_uuid
            .map_or_else(|| point.manifest_id.clone(), |run| run.to_string());
        let group = groups.entry(key).or_default();
        if group
            .iter()
            .all(|other| other.source_path != point.source_path)
        {
            group.push(point);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| group.iter().map(|point| point.start_time).min());
    groups
}
