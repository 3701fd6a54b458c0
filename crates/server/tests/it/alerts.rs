//! Alerts: each fault opens one, and its repair closes it.

use std::time::Duration;

use holdfast_protocol::{agent::routes, alerts::AlertKind};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Client, ScriptedAgent, bucket, eventually,
    scene::{Scene, opened_by},
    server::sql,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Looks whether the one alert of a kind is the same as before, and open, once everything was looked at again: that it was
/// shows in when it was last seen.
async fn still_open(scene: &Scene, kind: AlertKind) -> Value {
    let before = scene.alerts(kind).await;
    scene.clock.advance(MINUTE);
    let after = eventually("it is seen again", async || {
        let alerts = scene.alerts(kind).await;
        let is_seen = alerts[0]["last_seen_at"] != before[0]["last_seen_at"];
        (is_seen || !alerts[0]["closed_at"].is_null()).then_some(alerts)
    })
    .await;
    assert_eq!((after.len(), &after[0]["id"]), (1, &before[0]["id"]));
    assert!(after[0]["closed_at"].is_null(), "{after:?}");
    after[0].clone()
}

// Requirements: ALR-1
#[tokio::test(flavor = "multi_thread")]
async fn each_fault_opens_one_alert_and_its_repair_closes_it() {
    let mut scene = Scene::new().await;
    for kind in AlertKind::ALL.iter().copied() {
        let before = scene.alerts(kind).await.len();
        scene.wait_for(kind, 0).await;
        scene.break_it(kind).await;
        let opened = opened_by(kind, scene.vaults);
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
    scene.server.stop().await;
    scene.server.resume().await;
    still_open(&scene, AlertKind::RunFailed).await;
    let path = format!("/jobs/{}", scene.ready.job_id());
    let version = scene.admin.get(&path).await.expect(200)["version"].clone();
    scene.admin.delete(&path, &version).await.expect(204);
    scene.wait_for(AlertKind::RunFailed, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_server_is_no_sign_of_a_machine() {
    let mut scene = Scene::new().await;
    scene.break_it(AlertKind::ClockWrong).await;
    scene.wait_for(AlertKind::ClockWrong, 1).await;
    scene.break_it(AlertKind::AgentUnreachable).await;
    scene.wait_for(AlertKind::AgentUnreachable, 1).await;
    scene.server.stop().await;
    // What was heard before the test let the machine be silent was written down with the stop.
    let silence = "UPDATE agents SET last_seen_at = unixepoch() * 1000 - 1000000";
    sql(&scene.server, silence).await;
    scene.server.resume().await;
    still_open(&scene, AlertKind::AgentUnreachable).await;
    still_open(&scene, AlertKind::ClockWrong).await;
    // It calls, and its clock is as wrong as before.
    scene.repair(AlertKind::AgentUnreachable).await;
    scene.wait_for(AlertKind::AgentUnreachable, 0).await;
    still_open(&scene, AlertKind::ClockWrong).await;
    scene.repair(AlertKind::ClockWrong).await;
    scene.wait_for(AlertKind::ClockWrong, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_told_of_late_is_judged_by_when_it_ended() {
    let mut scene = Scene::new().await;
    sql(
        &scene.server,
        "UPDATE jobs SET created_at = created_at - 3600000",
    )
    .await;
    scene.break_it(AlertKind::FilesSkipped).await;
    scene.wait_for(AlertKind::FilesSkipped, 1).await;
    let newest = scene.alerts(AlertKind::FilesSkipped).await[0]["target_id"].clone();
    let tell = async |status: &str| {
        let (agent, now) = (&scene.ready.agent, Timestamp::now());
        let body = json!({
            "instance": agent.instance, "run_uuid": Uuid::now_v7(), "job_uuid": scene.ready.job_id(),
            "due_at": now.to_string(), "started_at": (now - 20.minutes()).to_string(), "clock": now.to_string(),
            "finished_at": (now - 10.minutes()).to_string(),
        });
        let taken = agent.call(routes::OFFLINE_RUNS, body).await.expect(200);
        let attempt = u32::try_from(taken["attempt"].as_u64().expect("a claim")).expect("small");
        let end = json!({ "status": status, "error_code": "source_missing" });
        let run = taken["run_id"].as_i64().expect("an id");
        agent.update(run, attempt, 1, end).await.expect(200);
    };
    tell("success").await;
    let alert = still_open(&scene, AlertKind::FilesSkipped).await;
    assert_eq!(alert["target_id"], newest);
    tell("failed").await;
    still_open(&scene, AlertKind::FilesSkipped).await;
    assert!(scene.alerts(AlertKind::RunFailed).await.is_empty());
}

/// A job of a machine.
async fn job(admin: &Client, agent: &ScriptedAgent, vault: &str) -> Value {
    let job = json!({ "name": format!("{} to the bucket", agent.host), "agent_id": agent.uuid, "vault_id": vault,
        "paths": ["/srv"] });
    admin.post("/jobs", job).await.expect(201)
}

/// A run of a job that ends as told.
async fn run(admin: &Client, agent: &mut ScriptedAgent, job: &Value, end: Value) {
    let path = format!("/jobs/{}/runs", job["id"].as_str().expect("an id"));
    admin.post(&path, json!({})).await.expect(201);
    let work = agent.take_run().await;
    agent.running.clear();
    let (run, attempt) = (work.run_id.0, work.attempt.0);
    agent.update(run, attempt, 1, end).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_alert_names_the_machines_that_cannot_open_a_vault_of_several() {
    let scene = Scene::new().await;
    let admin = &scene.admin;
    let kind = AlertKind::VaultUnopenable;
    let mut web = scene.server.agent(admin, "web-02").await;
    let mut db = scene.server.agent(admin, "db-01").await;
    let vault = bucket(admin, &scene.ready.agent).await;
    let web_job = job(admin, &web, &vault).await;
    let db_job = job(admin, &db, &vault).await;
    let ok = json!({ "status": "success" });
    let failed = |code: &str| json!({ "status": "failed", "error_code": code });
    run(admin, &mut db, &db_job, ok.clone()).await;
    run(admin, &mut web, &web_job, failed("storage_unreachable")).await;
    scene.wait_for(kind, 1).await;
    let titled = async |title: &str| {
        eventually(title, async || {
            let alerts = scene.alerts(kind).await;
            assert_eq!(alerts.len(), 1, "{alerts:?}");
            (alerts[0]["title"]["en"] == title).then_some(())
        })
        .await;
        still_open(&scene, kind).await
    };
    let first = titled("offsite cannot be opened by web-02.").await;
    // That another machine opens it changes nothing; that it cannot either is the same alert.
    run(admin, &mut db, &db_job, ok.clone()).await;
    titled("offsite cannot be opened by web-02.").await;
    run(admin, &mut db, &db_job, failed("storage_denied")).await;
    let both = titled("offsite cannot be opened by web-02, db-01.").await;
    assert_eq!(both["detail"], first["detail"], "the reason stays");
    run(admin, &mut db, &db_job, ok.clone()).await;
    titled("offsite cannot be opened by web-02.").await;
    run(admin, &mut web, &web_job, failed("source_missing")).await;
    titled("offsite cannot be opened by web-02.").await;
    run(admin, &mut web, &web_job, ok).await;
    scene.wait_for(kind, 0).await;
    // A machine that does not use it any more need not open it.
    run(admin, &mut web, &web_job, failed("wrong_password")).await;
    scene.wait_for(kind, 1).await;
    let path = format!("/jobs/{}", web_job["id"].as_str().expect("an id"));
    let version = admin.get(&path).await.expect(200)["version"].clone();
    admin.delete(&path, &version).await.expect(204);
    scene.wait_for(kind, 0).await;
}
