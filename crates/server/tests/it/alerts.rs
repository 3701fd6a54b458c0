//! Alerts: each fault opens one, and its repair closes it.

use std::{sync::Arc, time::Duration};

use holdfast_host::{Clock, ManualClock};
use holdfast_protocol::alerts::AlertKind;
use jiff::{Timestamp, ToSpan, Unit, tz::TimeZone};
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, Ready, TestServer, eventually, ready, server::sql};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A server whose clock the test moves, a machine with a job and a vault, and what repairs need to know.
struct Scene {
    clock: Arc<ManualClock>,
    server: TestServer,
    admin: Client,
    ready: Ready,
    /// A vault that a fault has made.
    other_vault: Option<Value>,
}

impl Scene {
    async fn new() -> Self {
        let now = Timestamp::now().round(Unit::Minute).expect("a minute");
        let clock = Arc::new(ManualClock::new(now));
        let server = TestServer::start_at(clock.clone()).await;
        let admin = server.admin().await;
        let ready = ready(&server, &admin, "box").await;
        let scene = Self {
            clock,
            server,
            admin,
            ready,
            other_vault: None,
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

    fn other_vault(&self) -> String {
        let vault = self.other_vault.as_ref().expect("another vault");
        vault["id"].as_str().expect("an id").to_owned()
    }

    /// Another vault, whose repository is ordered from the agent.
    async fn make_vault(&mut self, name: &str) {
        let storage = json!({ "kind": "directory", "agent_id": self.ready.agent.uuid, "path": format!("/{name}") });
        let vault = json!({ "name": name, "storage": storage });
        self.other_vault = Some(self.admin.post("/vaults", vault).await.expect(201));
    }

    /// The alerts of a kind, open or over.
    async fn alerts(&self, kind: AlertKind) -> Vec<Value> {
        let path = format!("/alerts?kind={}&limit=200", kind.as_str());
        let page = self.admin.get(&path).await.expect(200);
        page["items"].as_array().expect("items").clone()
    }

    async fn open(&self, kind: AlertKind) -> usize {
        let alerts = self.alerts(kind).await;
        let open = alerts.iter().filter(|alert| alert["closed_at"].is_null());
        open.count()
    }

    /// Waits until so many alerts of a kind are open.
    async fn wait_for(&self, kind: AlertKind, open: usize) {
        let what = format!("{open} open alerts of {kind:?}");
        eventually(&what, async || {
            (self.open(kind).await == open).then_some(())
        })
        .await;
    }

    /// Makes what a kind tells of.
    async fn break_it(&mut self, kind: AlertKind) {
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
                self.make_vault("unready").await;
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
                self.make_vault("unseen").await;
                let made = json!({ "created": true, "unique_id": "00" });
                self.ready.agent.serve("create_repository", made).await;
            }
            AlertKind::CatalogueStale => self.clock.advance(48 * HOUR),
        }
    }

    /// Repairs it.
    async fn repair(&mut self, kind: AlertKind) {
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
fn expected(kind: AlertKind, vaults: usize) -> usize {
    if kind == AlertKind::CatalogueStale {
        vaults
    } else {
        1
    }
}

// Requirements: ALR-1
#[tokio::test(flavor = "multi_thread")]
async fn each_fault_opens_one_alert_and_its_repair_closes_it() {
    let mut scene = Scene::new().await;
    let mut vaults = 1;
    for kind in AlertKind::ALL.iter().copied() {
        let before = scene.alerts(kind).await.len();
        scene.wait_for(kind, 0).await;
        scene.break_it(kind).await;
        vaults += usize::from(matches!(
            kind,
            AlertKind::VaultNotReady | AlertKind::KitNotShown
        ));
        let opened = expected(kind, vaults);
        scene.wait_for(kind, opened).await;
        // It is still the same one when everything is looked at again.
        scene.clock.advance(MINUTE);
        scene.clock.advance(MINUTE);
        assert_eq!(scene.open(kind).await, opened, "{kind:?}");
        scene.repair(kind).await;
        scene.wait_for(kind, 0).await;
        let all = scene.alerts(kind).await;
        assert_eq!(all.len(), before + opened, "{kind:?}: {all:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_says_what_to_do_and_is_taken_note_of() {
    let mut scene = Scene::new().await;
    scene.break_it(AlertKind::RunFailed).await;
    scene.wait_for(AlertKind::RunFailed, 1).await;
    // A second failure is no second alert.
    scene.break_it(AlertKind::RunFailed).await;
    let runs = scene.admin.get("/runs").await.expect(200);
    let newest = runs["items"][0]["id"].clone();
    let alert = eventually("the alert leads to the newest run", async || {
        let alerts = scene.alerts(AlertKind::RunFailed).await;
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        (alerts[0]["target_id"] == newest).then(|| alerts[0].clone())
    })
    .await;
    assert_eq!(
        (&alert["severity"], &alert["action"], &alert["target_type"]),
        (&json!("bad"), &json!("open_run"), &json!("runs"))
    );
    assert_eq!(alert["title"]["en"], "The last run of job of box failed.");
    assert_eq!(
        alert["title"]["de"],
        "Der letzte Lauf von job of box ist fehlgeschlagen."
    );
    let reason = alert["detail"]["en"].as_str().expect("a text");
    assert!(reason.starts_with("None of the source paths"), "{reason}");
    let count = async || scene.admin.get("/overview").await.expect(200)["alerts_open"].clone();
    assert_eq!(count().await, 1);
    let path = format!("/alerts/{}", alert["id"].as_str().expect("an id"));
    let noted = scene
        .admin
        .post(&format!("{path}/acknowledge"), json!({}))
        .await
        .expect(200);
    assert_eq!(noted["acknowledged_by"], "admin@example.org");
    assert_eq!(noted["actions"][0]["allowed"], false);
    assert_eq!(count().await, 0);
    let again = scene
        .admin
        .post(&format!("{path}/acknowledge"), json!({}))
        .await
        .expect(200);
    assert_eq!(again["acknowledged_at"], noted["acknowledged_at"]);
    for (filter, expected) in [
        ("state=open&severity=bad", 1),
        ("state=open&severity=warning,info", 0),
        ("state=closed&kind=run_failed", 0),
        ("kind=run_missed", 0),
    ] {
        let page = scene.admin.get(&format!("/alerts?{filter}")).await;
        assert_eq!(page.expect(200)["count"], expected, "{filter}");
    }
    for (wrong, pointer) in [
        ("state=ajar", "?state"),
        ("severity=bad,worse", "?severity"),
    ] {
        let refused = scene.admin.get(&format!("/alerts?{wrong}")).await;
        refused.wrong_field(pointer);
    }
    // It is over when its cause is gone, and stays on record.
    scene.repair(AlertKind::RunFailed).await;
    scene.wait_for(AlertKind::RunFailed, 0).await;
    let shown = scene.admin.get(&path).await.expect(200);
    assert!(shown["closed_at"].is_string(), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_open_stays_one_alert_over_a_restart_and_goes_with_its_object() {
    let mut scene = Scene::new().await;
    scene.break_it(AlertKind::RunFailed).await;
    scene.wait_for(AlertKind::RunFailed, 1).await;
    let before = scene.alerts(AlertKind::RunFailed).await;
    scene.server.stop().await;
    scene.server.resume().await;
    scene.clock.advance(MINUTE);
    // That it was looked at again shows in when it was last seen.
    let after = eventually("it is seen again", async || {
        let alerts = scene.alerts(AlertKind::RunFailed).await;
        (alerts[0]["last_seen_at"] != before[0]["last_seen_at"]).then_some(alerts)
    })
    .await;
    assert_eq!((after.len(), &after[0]["id"]), (1, &before[0]["id"]));
    let path = format!("/jobs/{}", scene.ready.job_id());
    let version = scene.admin.get(&path).await.expect(200)["version"].clone();
    scene.admin.delete(&path, &version).await.expect(204);
    scene.wait_for(AlertKind::RunFailed, 0).await;
}
