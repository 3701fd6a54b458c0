//! A server in which everything that alerts tell of can be broken and repaired.

use std::{sync::Arc, time::Duration};

use holdfast_host::{Clock, ManualClock};
use holdfast_protocol::alerts::AlertKind;
use holdfast_server::FixedSettings;
use jiff::{Timestamp, ToSpan, Unit, tz::TimeZone};
use serde_json::{Value, json};

use super::{Client, PASSWORD, Ready, TestServer, eventually, ready, server::sql};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A server whose clock the test moves, a machine with a job and a vault, and what repairs need to know.
pub(crate) struct Scene {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) server: TestServer,
    pub(crate) admin: Client,
    pub(crate) ready: Ready,
    /// A vault that a fault has made.
    other_vault: Option<Value>,
    /// How many vaults there are.
    pub(crate) vaults: usize,
    /// A channel by which nothing arrives.
    broken_channel: Option<Value>,
}

impl Scene {
    /// With the settings' defaults.
    pub(crate) async fn new() -> Self {
        Self::with(FixedSettings::default()).await
    }

    /// With given settings.
    pub(crate) async fn with(fixed: FixedSettings) -> Self {
        let now = Timestamp::now().round(Unit::Minute).expect("a minute");
        let clock = Arc::new(ManualClock::new(now));
        let server = TestServer::start_on(fixed, clock.clone()).await;
        let admin = server.admin().await;
        let ready = ready(&server, &admin, "box").await;
        // It knows what maintenance is.
        let known = "UPDATE agents SET capabilities = json_set(capabilities, '$.commands[#]', 'maintenance_full')";
        sql(&server, known).await;
        let scene = Self {
            clock,
            server,
            admin,
            ready,
            other_vault: None,
            vaults: 1,
            broken_channel: None,
        };
        scene.show_kit(scene.ready.vault_id()).await;
        scene
    }

    async fn show_kit(&self, vault: &str) {
        let path = format!("/vaults/{vault}/kit");
        let body = json!({ "password": PASSWORD });
        self.admin.post(&path, body).await.expect(200);
    }

    async fn change_job(&self, change: Value) {
        let path = format!("/jobs/{}", self.ready.job_id());
        let version = self.admin.get(&path).await.expect(200)["version"].clone();
        self.admin.patch(&path, &version, change).await.expect(200);
    }

    /// A backup that ends as told.
    async fn run(&mut self, end: Value) {
        self.ready.start(&self.admin).await;
        let work = self.ready.agent.take_run().await;
        self.ready.agent.running.clear();
        let agent = &self.ready.agent;
        agent
            .update(work.run_id.0, work.attempt.0, 1, end)
            .await
            .expect(200);
    }

    async fn good_run(&mut self) {
        self.ready.start(&self.admin).await;
        self.take_and_finish().await;
    }

    async fn take_and_finish(&mut self) {
        let work = self.ready.agent.take_run().await;
        self.ready.agent.running.clear();
        let now = self.clock.now();
        self.ready.agent.finish_at(&work, 1, "/srv/data", now).await;
    }

    /// A command that somebody asks for, answered by the agent.
    async fn ask(&self, path: &str, kind: &str, result: Value) {
        let body = json!({ "wait_seconds": 0 });
        self.admin.post(path, body).await.expect(202);
        self.ready.agent.serve(kind, result).await;
    }

    /// Makes something about the maintenance of the vault be due for two days and more.
    async fn overdue(&self, what: &str) {
        let vault = self.ready.vault["name"].as_str().expect("a name");
        let change = format!(
            "UPDATE vaults SET maintenance = json_set(coalesce(maintenance, '{{}}'), '$.{what}', \
                unixepoch() * 1000 - 180000000) WHERE name = '{vault}'"
        );
        sql(&self.server, &change).await;
        self.clock.advance(MINUTE);
    }

    /// Asks for a full maintenance of the vault; the command that the agent is given.
    async fn ask_for_maintenance(&self) -> i64 {
        let path = format!("/vaults/{}/maintenance", self.ready.vault_id());
        let body = json!({ "mode": "full", "wait_seconds": 0 });
        self.admin.post(&path, body).await.expect(202);
        let answer = self.ready.agent.poll(0, 20).await;
        let command = answer.commands.first().expect("a command is handed out");
        assert_eq!(command.kind, "maintenance_full");
        command.command_id.0
    }

    /// A full maintenance of the vault, which finds so many damaged objects.
    async fn maintain(&self, damaged: u64) {
        let in_a_day = (Timestamp::now() + 24.hours()).to_string();
        let done = json!({ "seconds": 1.0, "freed_blobs": 0, "freed_bytes": 0, "next_quick_at": in_a_day,
            "next_full_at": in_a_day, "locks": { "due_at": in_a_day } });
        let coverage = json!({ "window_days": 30, "bytes": 100, "never_read_bytes": 0, "overdue_bytes": 0,
            "ages": [{ "up_to_days": 1, "bytes": 100 }], "damaged": damaged });
        let result = json!({ "owner": "root@box", "done": done, "coverage": coverage });
        let command = self.ask_for_maintenance().await;
        let agent = &self.ready.agent;
        let outcome = json!({ "status": "completed", "result": result });
        agent.complete(command, outcome).await.expect(200);
        agent.serve("list_points", json!({ "points": [] })).await;
    }

    fn other_vault(&self) -> String {
        let vault = self.other_vault.as_ref().expect("another vault");
        vault["id"].as_str().expect("an id").to_owned()
    }

    /// Another vault, whose repository is ordered from the agent.
    async fn make_vault(&mut self) {
        self.vaults += 1;
        let name = format!("vault-{}", self.vaults);
        let storage = json!({ "kind": "directory", "agent_id": self.ready.agent.uuid, "path": format!("/{name}") });
        let vault = json!({ "name": name, "storage": storage });
        self.other_vault = Some(self.admin.post("/vaults", vault).await.expect(201));
    }

    /// The alerts of a kind, open or over.
    pub(crate) async fn alerts(&self, kind: AlertKind) -> Vec<Value> {
        let path = format!("/alerts?kind={}&limit=200", kind.as_str());
        let page = self.admin.get(&path).await.expect(200);
        page["items"].as_array().expect("items").clone()
    }

    pub(crate) async fn open(&self, kind: AlertKind) -> usize {
        let alerts = self.alerts(kind).await;
        let open = alerts.iter().filter(|alert| alert["closed_at"].is_null());
        open.count()
    }

    /// Waits until so many alerts of a kind are open.
    pub(crate) async fn wait_for(&self, kind: AlertKind, open: usize) {
        let what = format!("{open} open alerts of {kind:?}");
        eventually(&what, async || {
            (self.open(kind).await == open).then_some(())
        })
        .await;
    }

    /// Makes what a kind tells of.
    pub(crate) async fn break_it(&mut self, kind: AlertKind) {
        match kind {
            AlertKind::RunFailed => {
                self.run(json!({ "status": "failed", "error_code": "source_missing" }))
                    .await;
            }
            AlertKind::FilesSkipped => {
                let problem = json!({ "code": "access_denied", "path": "/srv/a", "message": "no" });
                self.run(json!({ "status": "partial_success", "problems": [problem], "problem_count": 1 }))
                    .await;
            }
            AlertKind::RunMissed => {
                let due = (self.clock.now() + 10.minutes()).to_zoned(TimeZone::UTC);
                let schedule = json!({ "type": "daily", "time": due.strftime("%H:%M").to_string(), "zone": "UTC" });
                self.change_job(json!({ "schedule": schedule })).await;
                self.clock.advance(10 * MINUTE);
                let queued = format!("/runs?status=queued&job_id={}", self.ready.job_id());
                eventually("the run is queued", async || {
                    (self.admin.get(&queued).await.expect(200)["count"] == 1).then_some(())
                })
                .await;
                assert_eq!(self.open(kind).await, 0);
                self.clock.advance(16 * MINUTE);
            }
            AlertKind::JobLate => {
                self.change_job(json!({ "max_age_seconds": 7200 })).await;
                self.good_run().await;
                self.clock.advance(2 * HOUR - MINUTE);
                assert_eq!(self.open(kind).await, 0);
                self.clock.advance(2 * MINUTE);
            }
            // The test cannot wait for real silence: the last contact was longer ago.
            AlertKind::AgentUnreachable => {
                let silence = "UPDATE agents SET last_seen_at = unixepoch() * 1000 - 1000000";
                // What was heard just now is written down a little later.
                for _ in 0..400 {
                    sql(&self.server, silence).await;
                    self.clock.advance(MINUTE);
                    if self.open(kind).await == 1 {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            AlertKind::AgentCloned => {
                let second = self.ready.agent.restarted();
                second.poll(0, 0).await;
                self.ready
                    .agent
                    .try_poll(0, 0)
                    .await
                    .refused(409, "agent_cloned");
                self.ready.agent = second;
            }
            AlertKind::ClockWrong => {
                self.ready.agent.clock_ahead = -90;
                self.ready.agent.poll(0, 0).await;
            }
            AlertKind::VaultNotReady => {
                self.make_vault().await;
                let answer = self.ready.agent.poll(0, 20).await;
                let failure =
                    json!({ "status": "failed", "code": "storage_denied", "message": "no" });
                let command = answer.commands[0].command_id.0;
                self.ready
                    .agent
                    .complete(command, failure)
                    .await
                    .expect(200);
            }
            AlertKind::VaultUnopenable => {
                let path = format!("/vaults/{}/test", self.ready.vault_id());
                let found = json!({ "ok": false, "location": "x", "findings": [], "repository": "unusable" });
                self.ask(&path, "test_vault", found).await;
            }
            AlertKind::KitNotShown => {
                self.make_vault().await;
                let made = json!({ "created": true, "unique_id": "00" });
                self.ready.agent.serve("create_repository", made).await;
            }
            AlertKind::CatalogueStale => self.clock.advance(48 * HOUR),
            AlertKind::RetentionOverdue => {
                let waits =
                    "UPDATE jobs SET retention_waits_since = unixepoch() * 1000 - 180000000";
                sql(&self.server, waits).await;
                self.clock.advance(MINUTE);
            }
            AlertKind::MaintenanceOverdue => self.overdue("full_due_at").await,
            AlertKind::VerificationOverdue => self.overdue("read_due_at").await,
            AlertKind::LockNotExtended => {
                let failed =
                    json!({ "status": "failed", "code": "lock_not_extended", "message": "403" });
                let command = self.ask_for_maintenance().await;
                let agent = &self.ready.agent;
                agent.complete(command, failed).await.expect(200);
            }
            AlertKind::VaultDamaged => self.maintain(1).await,
            AlertKind::NotificationFailed => {
                // Nobody listens there.
                let channel = json!({ "name": format!("broken at {}", self.clock.now()),
                    "target": { "kind": "webhook", "url": "http://127.0.0.1:9/hook" }, "rules": { "runs": ["success"] } });
                let made = self
                    .admin
                    .post("/notification-channels", channel)
                    .await
                    .expect(201);
                let id = made["channel"]["id"].as_str().expect("an id").to_owned();
                self.broken_channel = Some(made["channel"].clone());
                self.good_run().await;
                let path = format!("/notification-channels/{id}");
                eventually("the channel fails", async || {
                    let shown = self.admin.get(&path).await.expect(200);
                    shown["failing_since"].is_string().then_some(())
                })
                .await;
                assert_eq!(self.open(kind).await, 0);
                self.clock.advance(15 * MINUTE);
            }
        }
    }

    /// Repairs it.
    pub(crate) async fn repair(&mut self, kind: AlertKind) {
        match kind {
            AlertKind::RunFailed | AlertKind::FilesSkipped => self.good_run().await,
            AlertKind::RunMissed => {
                self.take_and_finish().await;
                self.change_job(json!({ "schedule": { "type": "manual" } }))
                    .await;
            }
            AlertKind::JobLate => {
                self.good_run().await;
                self.wait_for(kind, 0).await;
                self.change_job(json!({ "max_age_seconds": 0 })).await;
            }
            AlertKind::AgentUnreachable => {
                self.ready.agent.poll(0, 0).await;
            }
            // Ten minutes after the other one called last.
            AlertKind::AgentCloned => {
                sql(
                    &self.server,
                    "UPDATE agents SET cloned_at = cloned_at - 660000",
                )
                .await;
                self.clock.advance(MINUTE);
            }
            AlertKind::ClockWrong => {
                self.ready.agent.clock_ahead = 0;
                self.ready.agent.poll(0, 0).await;
            }
            AlertKind::VaultNotReady => {
                let path = format!("/vaults/{}/create-repository", self.other_vault());
                let made = json!({ "created": true, "unique_id": "00" });
                self.ask(&path, "create_repository", made).await;
                self.show_kit(&self.other_vault()).await;
            }
            AlertKind::VaultUnopenable => {
                let path = format!("/vaults/{}/test", self.ready.vault_id());
                let found =
                    json!({ "ok": true, "location": "x", "findings": [], "repository": "present" });
                self.ask(&path, "test_vault", found).await;
            }
            AlertKind::KitNotShown => self.show_kit(&self.other_vault()).await,
            AlertKind::NotificationFailed => {
                let channel = self.broken_channel.take().expect("a channel");
                let id = channel["id"].as_str().expect("an id");
                let path = format!("/notification-channels/{id}");
                let off = json!({ "enabled": false });
                self.admin
                    .patch(&path, &channel["version"], off)
                    .await
                    .expect(200);
            }
            AlertKind::RetentionOverdue => self.good_run().await,
            AlertKind::MaintenanceOverdue
            | AlertKind::VerificationOverdue
            | AlertKind::LockNotExtended
            | AlertKind::VaultDamaged => self.maintain(0).await,
            AlertKind::CatalogueStale => {
                let page = self.admin.get("/vaults?limit=200").await.expect(200);
                for vault in page["items"].as_array().expect("items") {
                    let id = vault["id"].as_str().expect("an id");
                    let path = format!("/vaults/{id}/refresh-points");
                    self.ask(&path, "list_points", json!({ "points": [] }))
                        .await;
                }
            }
        }
    }
}

/// How many alerts a fault opens: the list of points of each vault becomes stale.
pub(crate) fn opened_by(kind: AlertKind, vaults: usize) -> usize {
    if kind == AlertKind::CatalogueStale {
        vaults
    } else {
        1
    }
}
