//! What schedules mean, and which of them are refused.

use std::sync::Arc;

use holdfast_host::ManualClock;
use serde_json::{Value, json};

use super::set_schedule;
use crate::support::{TestServer, ready, server::sql};

// Requirements: SCH-5
#[tokio::test(flavor = "multi_thread")]
async fn a_preview_tells_the_next_ten_runs() {
    let clock = Arc::new(ManualClock::new(
        "2026-10-24T10:00:00Z".parse().expect("a time"),
    ));
    let server = TestServer::start_at(clock).await;
    let admin = server.admin().await;
    let ask = async |schedule: Value| {
        let body = json!({ "schedule": schedule });
        admin.post("/schedule-previews", body).await
    };
    let nightly = json!({ "type": "daily", "time": "02:30", "zone": "Europe/Berlin" });
    let preview = ask(nightly).await.expect(200);
    let next = preview["next_runs"].as_array().expect("runs");
    assert_eq!(
        (next.len(), &preview["zone"]),
        (10, &json!("Europe/Berlin"))
    );
    // The night in which 02:30 comes twice has one run.
    assert_eq!(next[0]["due_at"], "2026-10-25T00:30:00.000Z");
    assert_eq!(next[1]["due_at"], "2026-10-26T01:30:00.000Z");
    let hourly = json!({ "type": "hourly", "minute": 5, "zone": "UTC",
        "not_between": [{ "from": "08:00", "to": "18:00" }] });
    let preview = ask(hourly).await.expect(200);
    assert_eq!(
        (
            &preview["next_runs"][0]["due_at"],
            &preview["next_runs"][0]["moved"],
            &preview["next_runs"][1]["moved"]
        ),
        (
            &json!("2026-10-24T18:00:00.000Z"),
            &json!(true),
            &json!(false)
        )
    );
    let manual = ask(json!({ "type": "manual" })).await.expect(200);
    assert_eq!(manual["next_runs"], json!([]));
    let foreign = json!({ "schedule": { "type": "manual" }, "job_id": "0190b5a0-0000-7000-8000-000000000000" });
    admin
        .post("/schedule-previews", foreign)
        .await
        .refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_names_the_jobs_that_start_at_the_same_time() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let nightly = json!({ "type": "daily", "time": "22:00", "zone": "UTC" });
    set_schedule(&admin, &ready, nightly).await;
    let ask = async |time: &str, id: &str, of: &Value| {
        let schedule = json!({ "type": "daily", "time": time, "zone": "UTC" });
        let body = json!({ "schedule": schedule, id: of });
        let preview = admin.post("/schedule-previews", body).await.expect(200);
        preview["next_runs"][3]["clashes_with"].clone()
    };
    let agent = json!(ready.agent.uuid);
    let clash = json!(["job of box"]);
    assert_eq!(ask("22:04", "agent_id", &agent).await, clash);
    assert_eq!(ask("21:56", "agent_id", &agent).await, clash);
    assert_eq!(ask("22:06", "agent_id", &agent).await, json!([]));
    // A job does not clash with itself.
    assert_eq!(ask("22:00", "job_id", &ready.job["id"]).await, json!([]));
}

// Requirements: SCH-5
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_schedule_names_its_field() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let many = vec![json!({ "from": "01:00", "to": "02:00" }); 11];
    let wrong = [
        (json!({ "type": "yearly" }), "/type"),
        (json!({ "type": "hourly", "minute": 60 }), "/minute"),
        (json!({ "type": "daily" }), "/time"),
        (json!({ "type": "daily", "time": "24:00" }), "/time"),
        (json!({ "type": "daily", "time": "7:30" }), "/time"),
        (
            json!({ "type": "daily", "time": "07:30", "minute": 3 }),
            "/minute",
        ),
        (json!({ "type": "manual", "time": "07:30" }), "/time"),
        (json!({ "type": "weekly", "time": "07:30" }), "/weekdays"),
        (
            json!({ "type": "weekly", "time": "07:30", "weekdays": ["noday"] }),
            "/weekdays/0",
        ),
        (json!({ "type": "monthly", "time": "07:30" }), "/day"),
        (
            json!({ "type": "monthly", "time": "07:30", "day": 32 }),
            "/day",
        ),
        (json!({ "type": "cron" }), "/cron"),
        (json!({ "type": "cron", "cron": "* * * *" }), "/cron"),
        (json!({ "type": "cron", "cron": "61 * * * *" }), "/cron"),
        (json!({ "type": "cron", "cron": "0 0 31 2 *" }), "/cron"),
        (json!({ "type": "hourly", "zone": "Mars/Base" }), "/zone"),
        (
            json!({ "type": "hourly", "spread_minutes": 721 }),
            "/spread_minutes",
        ),
        (json!({ "type": "hourly", "stop_at": "six" }), "/stop_at"),
        (
            json!({ "type": "hourly", "not_between": [{ "from": "1", "to": "02:00" }] }),
            "/not_between/0/from",
        ),
        (
            json!({ "type": "hourly", "not_between": [{ "from": "01:00", "to": "01:00" }] }),
            "/not_between/0/to",
        ),
        (
            json!({ "type": "hourly", "not_between": [
                { "from": "01:00", "to": "13:00" }, { "from": "12:00", "to": "01:00" }] }),
            "/not_between",
        ),
        (
            json!({ "type": "hourly", "not_between": many }),
            "/not_between",
        ),
    ];
    let path = format!("/jobs/{}", ready.job_id());
    for (schedule, field) in wrong {
        let pointer = format!("/schedule{field}");
        let body = json!({ "schedule": schedule });
        let preview = admin.post("/schedule-previews", body.clone()).await;
        preview.wrong_field(&pointer);
        let patch = admin.patch(&path, &ready.job["version"], body).await;
        patch.wrong_field(&pointer);
        let new = json!({ "name": "New", "agent_id": ready.agent.uuid, "vault_id": ready.vault["id"],
            "paths": ["/a"], "schedule": schedule });
        admin.post("/jobs", new).await.wrong_field(&pointer);
    }
    for day in [json!(31), json!("last")] {
        let schedule = json!({ "type": "monthly", "time": "07:30", "day": day });
        let changed = set_schedule(&admin, &ready, schedule).await;
        assert_eq!(changed["schedule"]["day"], day);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_copes_with_rare_days_and_unreadable_jobs() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let nightly = json!({ "type": "daily", "time": "22:00", "zone": "UTC" });
    set_schedule(&admin, &ready, nightly.clone()).await;
    let broken = json!({ "name": "broken", "agent_id": ready.agent.uuid, "vault_id": ready.vault["id"],
        "paths": ["/srv/more"], "schedule": nightly });
    admin.post("/jobs", broken).await.expect(201);
    let change =
        r#"UPDATE jobs SET schedule = '{"type":"daily","time":"never"}' WHERE name = 'broken'"#;
    sql(&server, change).await;
    let body = json!({ "schedule": nightly, "agent_id": ready.agent.uuid });
    let preview = admin.post("/schedule-previews", body).await.expect(200);
    let clash = &preview["next_runs"][0]["clashes_with"];
    assert_eq!(clash, &json!(["job of box"]), "{preview}");
    let rare = json!({ "type": "cron", "cron": "* * 29 2 +mon", "zone": "Europe/Berlin" });
    let body = json!({ "schedule": rare, "agent_id": ready.agent.uuid });
    let preview = admin.post("/schedule-previews", body).await.expect(200);
    let next = preview["next_runs"].as_array().expect("runs");
    assert_eq!(next.len(), 10, "{preview}");
}
