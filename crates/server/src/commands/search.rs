//! What agents find: which restore points the snapshots are that have it.
//!
//! Agents know snapshots, not points. A pin gives a snapshot another manifest, so the two are brought together by what does
//! not change: vault, source and start.

use std::collections::{BTreeSet, HashMap};

use holdfast_protocol::{
    agent::{
        CommandType,
        commands::{SearchHit, SearchResult, SeenIn},
    },
    errors::ErrorCode,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    app::App,
    db::{self, CommandRow, Scope},
    problem::{ApiError, ApiResult},
};

/// Times that are looked up together.
const BATCH: usize = 500;

/// User, host and path of a source, and when a snapshot of it began in milliseconds since 1970.
type Start<'a> = (&'a str, &'a str, &'a str, i64);

/// The result of a command, or a part of it; where it is a search, its snapshots are named as points.
///
/// # Errors
/// A result that cannot be read, or a database that does not answer.
pub(crate) async fn with_points(
    app: &App,
    command: &CommandRow,
    result: Value,
) -> ApiResult<Value> {
    let is_search = command.kind == CommandType::Search.as_str();
    let Some(vault_id) = command.vault_id.filter(|_| is_search) else {
        return Ok(result);
    };
    let mut result: SearchResult = serde_json::from_value(result).map_err(|error| {
        let detail = format!("the result of the search cannot be read: {error}");
        ApiError::from(ErrorCode::InvalidRequest).detail(detail)
    })?;
    let times: BTreeSet<i64> = result.hits.iter_mut().flat_map(seen).map(start).collect();
    let times: Vec<i64> = times.into_iter().collect();
    let conn = app.db.reader();
    let mut snapshots = Vec::new();
    for batch in times.chunks(BATCH) {
        let batch = batch.iter().copied();
        snapshots.extend(db::points::snapshots_begun_at(conn, vault_id, batch).await?);
    }
    let ids: BTreeSet<i64> = snapshots.iter().map(|row| row.point_id).collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    let scope = Scope::tenant(command.tenant_id);
    let mut points = HashMap::new();
    for batch in ids.chunks(BATCH) {
        let rows = db::points::present_by_ids(conn, scope, batch.iter().copied()).await?;
        points.extend(rows.into_iter().map(|row| (row.id, row)));
    }
    let known: HashMap<Start<'_>, (Uuid, Uuid)> = snapshots
        .iter()
        .filter_map(|row| {
            let point = points.get(&row.point_id)?;
            let (user, host) = (point.source_user.as_str(), point.source_host.as_str());
            let key = (user, host, row.path.as_str(), row.start_time);
            Some((key, (point.uuid, row.uuid)))
        })
        .collect();
    for hit in &mut result.hits {
        let (user, host) = (hit.source_user.clone(), hit.source_host.clone());
        let path = hit.source_path.clone();
        for seen in seen(hit) {
            let found = known.get(&(user.as_str(), host.as_str(), path.as_str(), start(seen)));
            seen.point_id = found.map(|(point, _)| *point);
            seen.snapshot_id = found.map(|(_, snapshot)| *snapshot);
        }
    }
    Ok(serde_json::to_value(result)?)
}

fn seen(hit: &mut SearchHit) -> impl Iterator<Item = &mut SeenIn> {
    hit.versions
        .iter_mut()
        .flat_map(|version| [&mut version.first, &mut version.last])
}

fn start(seen: &mut SeenIn) -> i64 {
    seen.time.as_millisecond()
}
