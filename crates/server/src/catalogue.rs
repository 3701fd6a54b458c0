//! Compares the list of each vault's points with the vault once a day, so that what others stored or deleted there is seen.
//!
//! A vault with more snapshots than one answer holds is listed page by page: each page orders the next one, and only with the
//! last one the list counts as compared. The server holds one page at a time; which points a listing named is noted in their
//! rows.

use std::collections::HashMap;

use holdfast_protocol::{
    agent::{
        CommandPayload, CommandType,
        commands::{LARGEST_POINT_PAGE, ListPoints, ListedSoFar, PointListing},
        failures,
    },
    api::{problem::Failure, vaults::PointsRefreshed},
};
use sea_orm::ConnectionTrait;
use serde_json::Value;

use crate::{
    app::{App, now},
    commands::{
        executor,
        queue::{self, Order},
    },
    db::{self, CommandRow, Scope, VaultRow},
    live::{Change, What},
    problem::ApiResult,
    runs::points::{self, Asked},
    view::failures::failure,
};

/// A list is compared when it was not for so long, in milliseconds.
const COMPARED_EACH_MS: i64 = 24 * 3600 * 1000;

/// What did not come to anything is ordered again after so long, in milliseconds.
const REPEATED_EACH_MS: i64 = 3600 * 1000;

/// Most pages of one listing, with 5,000 snapshots each: what names more does not come to an end.
const MOST_PAGES: u32 = 1000;

/// Orders the comparisons.
#[derive(Debug, Default)]
pub(crate) struct Comparer {
    /// When the comparison of a vault was ordered last.
    ordered: HashMap<i64, i64>,
}

impl Comparer {
    /// Orders what is due. A vault whose machines are away waits for them.
    pub(crate) async fn look(&mut self, app: &App) -> ApiResult<()> {
        let now = now();
        self.ordered.retain(|_, at| now - *at < REPEATED_EACH_MS);
        let due = db::vaults::unlisted_since(app.db.reader(), now - COMPARED_EACH_MS).await?;
        for vault in due {
            if self.ordered.contains_key(&vault.id) {
                continue;
            }
            match compare(app, &vault, now).await {
                Ok(false) => {}
                Ok(true) => {
                    self.ordered.insert(vault.id, now);
                }
                Err(error) => {
                    self.ordered.insert(vault.id, now);
                    tracing::error!(vault = %vault.uuid, code = error.code().code(), "the list of a vault's points could not be ordered; it comes again: {}", error.cause());
                }
            }
        }
        Ok(())
    }
}

/// Orders the comparison of one vault; false when no machine can do it now.
async fn compare(app: &App, vault: &VaultRow, now: i64) -> ApiResult<bool> {
    let scope = Scope::tenant(vault.tenant_id);
    let conn = app.db.reader();
    let kind = CommandType::ListPoints.as_str();
    let open = db::commands::open_of(conn, scope, kind, None, Some(vault.id)).await?;
    if !open.is_empty() {
        return Ok(true);
    }
    let agents = db::agents::all(conn, scope).await?;
    let jobs = db::jobs::all(conn, scope).await?;
    let Some(agent) = executor::choose_with_access(vault, &agents, &jobs, now) else {
        return Ok(false);
    };
    let payload = CommandPayload::ListPoints(ListPoints::default());
    queue::send(app, Order::about_vault(payload, agent, vault)).await?;
    Ok(true)
}

/// Takes a page of a listing that an agent has made, and orders the next one; what was found so far, and what changed. A page
/// that cannot be used is a failure of the command.
pub(crate) async fn listed(
    app: &App,
    conn: &impl ConnectionTrait,
    command: &CommandRow,
    vault: &VaultRow,
    result: Option<Value>,
    now: i64,
) -> ApiResult<Result<(PointsRefreshed, Vec<Change>), Failure>> {
    let unusable = |why: &str| Ok(Err(failure(failures::INTERNAL, Some(why.to_owned()))));
    let listing: Option<PointListing> =
        result.and_then(|result| serde_json::from_value(result).ok());
    let Some(listing) = listing else {
        return unusable("the agent's list of points cannot be read");
    };
    if listing.points.len() > LARGEST_POINT_PAGE as usize {
        return unusable("the agent's list of points is longer than a page may be");
    }
    let scope = Scope::tenant(vault.tenant_id);
    let request: ListPoints =
        serde_json::from_value(queue::payload(app, command)?).unwrap_or_default();
    let so_far = request.so_far.unwrap_or(ListedSoFar {
        asked_at: command.created_at,
        ..ListedSoFar::default()
    });
    let asked = Asked {
        at: so_far.asked_at,
        now,
    };
    let found = points::compare_page(conn, vault, &listing.points, &asked).await?;
    let so_far = ListedSoFar {
        asked_at: so_far.asked_at,
        pages: so_far.pages + 1,
        present: so_far.present + found.present,
        added: so_far.added + found.added,
    };
    let mut summary = PointsRefreshed {
        present: so_far.present,
        added: so_far.added,
        gone: 0,
        goes_on: listing.next_cursor.is_some(),
    };
    let mut changes = vec![Change::of(
        vault.tenant_id,
        What::Points { vault: vault.uuid },
    )];
    let Some(cursor) = listing.next_cursor else {
        summary.gone = db::points::set_gone(conn, scope, vault.id, asked.at).await?;
        let compared_at = app.clock.now().as_millisecond();
        db::vaults::listed(conn, scope, vault.id, compared_at).await?;
        return Ok(Ok((summary, changes)));
    };
    if listing.points.is_empty() || so_far.pages >= MOST_PAGES {
        return unusable("the agent's list of points does not come to an end");
    }
    let agents = db::agents::by_ids(conn, scope, [command.agent_id]).await?;
    let Some(agent) = agents.first().filter(|agent| !agent.disabled) else {
        return unusable("the machine was disabled while it listed the points");
    };
    let next = CommandPayload::ListPoints(ListPoints {
        cursor: Some(cursor),
        limit: request.limit,
        so_far: Some(so_far),
    });
    let next = queue::insert(app, conn, Order::about_vault(next, agent, vault)).await?;
    app.wake.ring_soon(agent.id);
    changes.push(queue::told(&next));
    Ok(Ok((summary, changes)))
}
