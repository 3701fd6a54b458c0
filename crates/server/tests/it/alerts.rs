//! Alerts: each fault opens one, and its repair closes it.

use std::time::Duration;

use holdfast_protocol::alerts::AlertKind;
use serde_json::json;

use crate::support::{
    eventually,
    scene::{Scene, opened_by},
};

const MINUTE: Duration = Duration::from_secs(60);

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
