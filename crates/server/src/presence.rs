//! When agents were last heard from: kept in memory, and written down from time to time.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::{
    app::{App, now},
    commands::executor::is_online,
    db::{self, AgentRow},
    live::What,
    problem::ApiResult,
};

/// The newest contact of each agent that is not written down.
#[derive(Debug, Default)]
pub(crate) struct Presence(Mutex<HashMap<i64, i64>>);

impl Presence {
    /// Forgets an agent: it was deleted or enrolled anew.
    pub(crate) fn forget(&self, agent_id: i64) {
        self.0.lock().remove(&agent_id);
    }
}

/// Remembers a contact. That an agent is back is written down at once, and pages learn it.
pub(crate) async fn seen(app: &App, agent: &AgentRow) -> ApiResult<()> {
    let now = now();
    if is_online(agent, now) {
        app.presence.0.lock().insert(agent.id, now);
        return Ok(());
    }
    db::agents::seen(app.db.writer(), [(agent.id, now)]).await?;
    app.tell(agent.tenant_id, What::Agent { uuid: agent.uuid });
    Ok(())
}

/// Writes down what was seen since the last time.
pub(crate) async fn flush(app: &App) -> ApiResult<()> {
    let contacts = std::mem::take(&mut *app.presence.0.lock());
    if contacts.is_empty() {
        return Ok(());
    }
    let txn = app.db.begin().await?;
    db::agents::seen(&txn, contacts).await?;
    txn.commit().await?;
    Ok(())
}
