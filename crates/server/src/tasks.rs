//! The server's own tasks, each under a lease, so that of several servers on one database one does it; and what this
//! server alone must do for itself.
//!
//! A task that fails is logged and comes again; inside a task one bad row does not keep the others from their turn.

use std::{collections::HashMap, time::Duration};

use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{
    alerts,
    app::{App, now},
    catalogue,
    commands::executor::is_online,
    db::{self, Scope},
    live::What,
    maintenance, notify, presence,
    problem::ApiResult,
    retention,
    runs::{log, progress, watchdog},
    schedules,
};

/// Between two looks at what falls due; shorter when the watchdog's time-out is.
const PAUSE: Duration = Duration::from_secs(5);

/// Between two looks for jobs whose retention is to be applied.
const RETENTION_PAUSE: Duration = Duration::from_secs(10);

/// Between two clean-ups.
const CLEAN_UP_PAUSE: Duration = Duration::from_secs(60);

/// Between two times at which progress is written down.
const PROGRESS_PAUSE: Duration = Duration::from_secs(1);

/// Between two times at which contacts of agents are written down.
const PRESENCE_PAUSE: Duration = Duration::from_secs(15);

/// How long a lease lasts, in milliseconds; it is renewed when half of it is over.
const LEASE_MS: i64 = 60_000;

/// Ended commands are kept for so long, in milliseconds; an agent remembers them for a day.
const COMMANDS_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;

/// Occurrences of schedules are kept for so long after they were due, in milliseconds.
pub(crate) const OCCURRENCES_KEPT_MS: i64 = 100 * 24 * 3600 * 1000;

/// Alerts are kept for so long after they were over, in milliseconds.
const ALERTS_KEPT_MS: i64 = 400 * 24 * 3600 * 1000;

/// Messages are kept for so long after they arrived or were given up, in milliseconds.
const MESSAGES_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;

/// Starts them all. Each ends when the server stops, after it has written down what it holds.
pub(crate) fn start(app: &App) -> Vec<JoinHandle<()>> {
    vec![
        tokio::spawn(due(app.clone())),
        tokio::spawn(follow_schedules(app.clone())),
        tokio::spawn(keep_retention(app.clone())),
        tokio::spawn(look_for_alerts(app.clone())),
        tokio::spawn(compare_catalogues(app.clone())),
        tokio::spawn(maintain(app.clone())),
        tokio::spawn(deliver_messages(app.clone())),
        tokio::spawn(clean_up(app.clone())),
        tokio::spawn(write_progress(app.clone())),
        tokio::spawn(write_presence(app.clone())),
        tokio::spawn(tell_presence(app.clone())),
    ]
}

/// Ends what is overdue: runs of silent agents, commands that nobody took.
async fn due(app: App) {
    let mut watchdog = Lease::new("watchdog");
    let mut commands = Lease::new("commands");
    while rest(&app, pause(&app)).await {
        if watchdog.hold(&app).await {
            report("watchdog", watchdog::silent_runs(&app).await);
        }
        if commands.hold(&app).await {
            report("commands", watchdog::overdue_commands(&app).await);
        }
    }
    watchdog.give_back(&app).await;
    commands.give_back(&app).await;
}

fn pause(app: &App) -> Duration {
    let timeout = Duration::from_secs(app.settings().watchdog_timeout_seconds());
    (timeout / 4).clamp(Duration::from_millis(250), PAUSE)
}

/// Starts runs by schedule.
async fn follow_schedules(app: App) {
    let mut lease = Lease::new("schedules");
    let mut follower = schedules::Follower::default();
    loop {
        if lease.hold(&app).await {
            report("schedules", follower.look(&app).await);
        }
        if !rest(&app, schedules::LOOK_PAUSE).await {
            break;
        }
    }
    lease.give_back(&app).await;
}

/// Applies retention where no run has done so within a day.
async fn keep_retention(app: App) {
    let mut lease = Lease::new("retention");
    while rest(&app, RETENTION_PAUSE).await {
        if lease.hold(&app).await {
            report("retention", retention::daily(&app).await);
        }
    }
    lease.give_back(&app).await;
}

/// Opens and closes alerts.
async fn look_for_alerts(app: App) {
    let mut lease = Lease::new("alerts");
    let mut evaluator = alerts::Evaluator::default();
    let mut pause = alerts::LOOK_PAUSE;
    while rest(&app, pause).await {
        if lease.hold(&app).await {
            match evaluator.look(&app).await {
                Ok(next) => pause = next,
                Err(error) => report("alerts", Err(error)),
            }
        }
    }
    lease.give_back(&app).await;
}

/// Delivers notifications.
async fn deliver_messages(app: App) {
    let mut lease = Lease::new("notifications");
    let mut postman = notify::Postman::default();
    while rest(&app, notify::LOOK_PAUSE).await {
        if lease.hold(&app).await {
            report("notifications", postman.look(&app).await);
        }
    }
    postman.stop().await;
    lease.give_back(&app).await;
}

/// Orders the daily comparison of each vault's list of points.
async fn compare_catalogues(app: App) {
    let mut lease = Lease::new("catalogues");
    let mut comparer = catalogue::Comparer::default();
    while rest(&app, PAUSE).await {
        if lease.hold(&app).await {
            report("catalogues", comparer.look(&app).await);
        }
    }
    lease.give_back(&app).await;
}

/// Assigns vaults to machines that maintain them, and starts what is due.
async fn maintain(app: App) {
    let mut lease = Lease::new("maintenance");
    while rest(&app, PAUSE).await {
        if lease.hold(&app).await {
            report("maintenance", maintenance::look(&app).await);
        }
    }
    lease.give_back(&app).await;
}

/// Drops what is of no use any more.
async fn clean_up(app: App) {
    let mut lease = Lease::new("clean_up");
    while rest(&app, CLEAN_UP_PAUSE).await {
        if lease.hold(&app).await {
            let (conn, now) = (app.db.writer(), now());
            report("sessions", db::sessions::sweep(conn, now).await);
            report("places", db::sign_in_places::sweep(conn, now).await);
            report("keys", db::idempotency::sweep(conn, now).await);
            report(
                "occurrences",
                db::occurrences::sweep(conn, now - OCCURRENCES_KEPT_MS).await,
            );
            report(
                "old alerts",
                db::alerts::sweep(conn, now - ALERTS_KEPT_MS).await,
            );
            report(
                "old messages",
                db::outbox::sweep(conn, now - MESSAGES_KEPT_MS).await,
            );
            report(
                "old commands",
                db::commands::sweep(conn, now - COMMANDS_KEPT_MS).await,
            );
            report("old logs", log::erase_old(&app, now).await);
        }
    }
    lease.give_back(&app).await;
}

async fn write_progress(app: App) {
    while rest(&app, PROGRESS_PAUSE).await {
        report("progress", progress::flush(&app).await);
    }
    report("progress", progress::flush(&app).await);
}

async fn write_presence(app: App) {
    while rest(&app, PRESENCE_PAUSE).await {
        report("presence", presence::flush(&app).await);
    }
    report("presence", presence::flush(&app).await);
}

/// Nothing calls when an agent falls silent, so the pages of this server learn it from here.
async fn tell_presence(app: App) {
    let mut online = HashMap::new();
    while rest(&app, PAUSE).await {
        report("agents", compare_presence(&app, &mut online).await);
    }
}

async fn compare_presence(app: &App, online: &mut HashMap<i64, bool>) -> ApiResult<()> {
    let now = now();
    let mut present = HashMap::new();
    for tenant in db::tenants::all(app.db.reader()).await? {
        for agent in db::agents::all(app.db.reader(), Scope::tenant(tenant.id)).await? {
            let is = is_online(&agent, now);
            present.insert(agent.id, is);
            if online.get(&agent.id).is_some_and(|was| *was != is) {
                app.tell(tenant.id, What::Agent { uuid: agent.uuid });
            }
        }
    }
    *online = present;
    Ok(())
}

/// Waits; false when the server stops.
async fn rest(app: &App, pause: Duration) -> bool {
    tokio::select! {
        () = app.stopping.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}

/// Logs a failure; the task comes again.
pub(crate) fn report<E: Into<crate::problem::ApiError>>(task: &str, result: Result<(), E>) {
    if let Err(error) = result {
        let error = error.into();
        tracing::error!(
            task,
            code = error.code().code(),
            "one of the server's own tasks failed; it comes again: {}",
            error.cause()
        );
    }
}

/// The right to do one of the tasks.
struct Lease {
    name: &'static str,
    holder: Uuid,
    until: i64,
}

impl Lease {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            holder: Uuid::now_v7(),
            until: 0,
        }
    }

    /// Whether this server does the task now; the lease is taken or renewed when it is time.
    async fn hold(&mut self, app: &App) -> bool {
        let now = now();
        if self.until - now > LEASE_MS / 2 {
            return true;
        }
        let until = now + LEASE_MS;
        match db::periodic_tasks::take(app.db.writer(), self.name, self.holder, now, until).await {
            Ok(true) => {
                self.until = until;
                true
            }
            Ok(false) => false,
            Err(error) => {
                report(self.name, Err(error));
                self.until > now
            }
        }
    }

    async fn give_back(&self, app: &App) {
        if self.until > 0 {
            let result = db::periodic_tasks::give_back(app.db.writer(), Some(self.holder)).await;
            report(self.name, result);
        }
    }
}
