//! Compares the list of each vault's points with the vault once a day, so that what others stored or deleted there is seen.

use std::collections::HashMap;

use holdfast_protocol::agent::{CommandPayload, CommandType, commands::ListPoints};

use crate::{
    app::{App, now},
    commands::{
        executor,
        queue::{self, Order},
    },
    db::{self, Scope, VaultRow},
    problem::ApiResult,
};

/// A list is compared when it was not for so long, in milliseconds.
const COMPARED_EACH_MS: i64 = 24 * 3600 * 1000;

/// What did not come to anything is ordered again after so long, in milliseconds.
const REPEATED_EACH_MS: i64 = 3600 * 1000;

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
