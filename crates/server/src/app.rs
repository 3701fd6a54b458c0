//! What every handler and task shares.

use std::{path::PathBuf, sync::Arc, time::Duration};

use holdfast_host::Clock;
use holdfast_protocol::{Secret, Time};
use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;

use crate::{
    alerts::Marked,
    auth::rate_limit::RateLimit,
    db::{self, Db},
    live::{Change, Live, What, streams::Streams},
    notify::Authorities,
    presence::Presence,
    runs::progress::Progress,
    sealing::Sealer,
    settings::{DOCUMENT, FixedSettings, InForce, Stored},
    transfers::Transfers,
    unplanned::Unplanned,
    wake::Wake,
};

/// The product's name in pages, problem texts and titles.
pub(crate) const PRODUCT: &str = "Holdfast";

/// An agent that was silent for longer counts as unreachable.
pub(crate) const OFFLINE_AFTER_MS: i64 = 180_000;

/// Shared by every handler and task.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Inner>);

/// What [`App`] holds.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) sealer: Sealer,
    pub(crate) live: Live,
    /// Whose alerts are looked at soon.
    pub(crate) alerts: Marked,
    pub(crate) wake: Wake,
    /// What agents cannot start by themselves.
    pub(crate) unplanned: Unplanned,
    pub(crate) sign_ins: RateLimit,
    /// The clock that schedules go by.
    pub(crate) clock: Arc<dyn Clock>,
    /// Stops the server; long answers end when it is cancelled.
    pub(crate) stopping: CancellationToken,
    /// Heartbeats age from here at the earliest: an outage of the server fails no run.
    pub(crate) started_at: i64,
    /// When it came up, on the steady side of its clock.
    pub(crate) started_steady: Duration,
    /// The one-time token of the set-up page; gone once there is an account.
    pub(crate) set_up_token: Mutex<Option<Secret>>,
    /// Contacts of agents that are not written down yet.
    pub(crate) presence: Presence,
    /// Progress of runs that is not written down yet.
    pub(crate) progress: Progress,
    /// What is downloaded.
    pub(crate) transfers: Transfers,
    /// The open live streams.
    pub(crate) streams: Streams,
    /// Folder of a built page that is served instead of the embedded one.
    pub(crate) web_dir: Option<PathBuf>,
    /// Who may vouch for receivers of notifications.
    pub(crate) authorities: Authorities,
    settings: RwLock<InForce>,
}

/// What [`App::new`] needs.
pub(crate) struct AppParts {
    pub(crate) db: Db,
    pub(crate) sealer: Sealer,
    pub(crate) stopping: CancellationToken,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) fixed: FixedSettings,
    pub(crate) authorities: Authorities,
    pub(crate) set_up_token: Option<Secret>,
    pub(crate) web_dir: Option<PathBuf>,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Reads the stored settings and puts everything together.
    pub(crate) async fn new(parts: AppParts) -> anyhow::Result<Self> {
        let (stored, version) = db::settings::get(parts.db.reader(), DOCUMENT).await?;
        let stored: Stored = match stored {
            Some(text) => serde_json::from_str(&text)?,
            None => Stored::default(),
        };
        Ok(Self(Arc::new(Inner {
            db: parts.db,
            sealer: parts.sealer,
            live: Live::new(),
            alerts: Marked::default(),
            wake: Wake::default(),
            unplanned: Unplanned::default(),
            sign_ins: RateLimit::default(),
            started_steady: parts.clock.monotonic(),
            clock: parts.clock,
            stopping: parts.stopping,
            started_at: now(),
            set_up_token: Mutex::new(parts.set_up_token),
            presence: Presence::default(),
            progress: Progress::default(),
            streams: Streams::default(),
            transfers: Transfers::default(),
            web_dir: parts.web_dir,
            authorities: parts.authorities,
            settings: RwLock::new(InForce {
                fixed: parts.fixed,
                stored,
                version,
            }),
        })))
    }

    /// The settings in force.
    pub(crate) fn settings(&self) -> InForce {
        self.settings.read().clone()
    }

    /// Puts stored settings in force.
    pub(crate) fn apply_settings(&self, stored: Stored, version: i64) {
        let mut settings = self.settings.write();
        settings.stored = stored;
        settings.version = version;
    }

    /// Tells that something of a tenant changed.
    pub(crate) fn tell(&self, tenant_id: i64, what: What) {
        if what.concerns_alerts() {
            self.alerts.mark(tenant_id);
        }
        self.live.tell(tenant_id, what);
    }

    /// Tells several changes.
    pub(crate) fn tell_all(&self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            self.tell(change.tenant_id, change.what);
        }
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    Time::from(jiff::Timestamp::now()).as_millis()
}
