//! The task that opens and closes alerts.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{gather, limits::Limits, plan::plan, rules::wanted};
use crate::{
    app::App,
    db::{self, Scope, TenantRow},
    live::What,
    notify,
    problem::ApiResult,
};

/// Between two looks at what changed.
pub(crate) const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// Between two looks at everything: many alerts open because nothing happens.
const PERIOD: Duration = Duration::from_secs(60);

/// Looking takes at most about a tenth of the time.
const SHARE: u32 = 10;

/// Tenants of which something changed that may open or close an alert.
#[derive(Debug, Default)]
pub(crate) struct Marked(Mutex<HashSet<i64>>);

impl Marked {
    /// Marks a tenant: its alerts are looked at soon.
    pub(crate) fn mark(&self, tenant_id: i64) {
        self.0.lock().insert(tenant_id);
    }

    fn take(&self) -> HashSet<i64> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// What the task knows from its last look.
#[derive(Debug, Default)]
pub(crate) struct Evaluator {
    limits: Limits,
    /// When everything was looked at, on the steady clock.
    whole_at: Option<Duration>,
}

impl Evaluator {
    /// One look; answers how long to rest before the next. What fails for one tenant is logged and comes again in a minute.
    pub(crate) async fn look(&mut self, app: &App) -> ApiResult<Duration> {
        let began = Instant::now();
        let steady = app.clock.monotonic();
        let is_whole = self
            .whole_at
            .is_none_or(|at| steady.saturating_sub(at) >= PERIOD);
        let marked = app.alerts.take();
        if !is_whole && marked.is_empty() {
            return Ok(LOOK_PAUSE);
        }
        for tenant in db::tenants::all(app.db.reader()).await? {
            if !is_whole && !marked.contains(&tenant.id) {
                continue;
            }
            if let Err(error) = self.evaluate(app, &tenant).await {
                tracing::error!(tenant = %tenant.uuid, code = error.code().code(), "the alerts of a tenant could not be looked at; it comes again: {}", error.cause());
            }
        }
        if is_whole {
            self.whole_at = Some(steady);
            self.limits.forget_old(app.clock.now().as_millisecond());
        }
        Ok(LOOK_PAUSE.max(began.elapsed() * SHARE))
    }

    async fn evaluate(&mut self, app: &App, tenant: &TenantRow) -> ApiResult<()> {
        let scope = Scope::tenant(tenant.id);
        let conn = app.db.reader();
        let open = db::alerts::open(conn, scope).await?;
        let facts = gather::facts(app, conn, tenant, &mut self.limits, &open).await?;
        let now = facts.now;
        let wanted = wanted(&facts);
        if plan(open, wanted.clone(), now).is_empty() {
            return Ok(());
        }
        let txn = app.db.begin().await?;
        let plan = plan(db::alerts::open(&txn, scope).await?, wanted, now);
        let is_visible = plan.is_visible();
        for new in plan.open {
            let row = db::alerts::insert(&txn, scope, new, now).await?;
            notify::alert_opened(&txn, &row, now).await?;
        }
        for (id, content) in plan.restate {
            db::alerts::restate(&txn, id, content, now).await?;
        }
        db::alerts::touch(&txn, plan.touch, now).await?;
        for row in &plan.close {
            notify::alert_closed(&txn, row, now).await?;
        }
        let over = plan.close.iter().map(|row| row.id).collect();
        db::alerts::close(&txn, over, now).await?;
        txn.commit().await?;
        if is_visible {
            app.tell(tenant.id, What::Alerts);
        }
        Ok(())
    }
}
