//! What goes wrong in one place must not spread: bad rows, lost answers, late reports, strangers, a killed server.

use std::collections::HashSet;

use holdfast_server::FixedSettings;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Client, PASSWORD, TestServer, eventually, ready,
    server::{number, sql},
};

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

/// The end of a backup with one snapshot that is told apart by `name`.
fn end(name: &str, path: &str) -> Value {
    json!({ "status": "success", "points": [{ "source_path": path, "source_user": "root", "source_host": "box",
        "manifest_id": format!("m-{name}"), "root_object": format!("k-{name}"), "start_time": "2026-11-24T21:00:00Z",
        "end_time": "2026-11-24T21:01:00Z", "files": 3, "dirs": 1, "bytes": 3000, "errors": 0 }] })
}

#[tokio::test(flavor = "multi_thread")]
async fn points_of_reports_that_no_longer_count_are_in_the_catalogue() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let started = ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    let run = work.run_id.0;
    let mut restarted = ready.agent.restarted();
    restarted.hello().await.expect(200);
    assert_eq!(restarted.take_run().await.attempt.0, 2);
    let points = async || admin.get("/points").await.expect(200)["count"].clone();

    // The attempt before stored something after all.
    let late = ready.agent.update(run, 1, 9, end("one", "/srv/data")).await;
    late.refused(409, "stale_attempt");
    assert_eq!(points().await, 1);
    let again = ready
        .agent
        .update(run, 1, 10, end("one", "/srv/data"))
        .await;
    again.refused(409, "stale_attempt");
    assert_eq!(points().await, 1, "each once");
    let invented = ready.agent.update(run, 7, 1, end("no", "/srv/data")).await;
    invented.refused(409, "stale_attempt");
    assert_eq!(
        points().await,
        1,
        "an attempt that was never given out stored nothing"
    );

    // The present one stores the same path anew: a point of its own.
    restarted
        .update(run, 2, 1, end("two", "/srv/data"))
        .await
        .expect(200);
    assert_eq!(points().await, 2);
    let shown = admin
        .get(&format!("/runs/{}", id(&started)))
        .await
        .expect(200);
    let path = format!("/points/{}", shown["point_id"].as_str().expect("an id"));
    let newest = admin.get(&path).await.expect(200);
    assert_eq!(newest["run_id"], started["id"]);

    // A report that changes nothing any more brings what is missing.
    restarted
        .update(run, 2, 2, end("three", "/srv/more"))
        .await
        .expect(200);
    let listed = admin.get("/points").await.expect(200);
    let paths: HashSet<&str> = listed["items"]
        .as_array()
        .expect("items")
        .iter()
        .flat_map(|point| point["snapshots"].as_array().expect("snapshots"))
        .filter_map(|snapshot| snapshot["path"].as_str())
        .collect();
    assert_eq!(
        (listed["count"].as_i64(), paths),
        (Some(2), HashSet::from(["/srv/data", "/srv/more"])),
        "another path of the same run belongs to its point"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_an_old_attempt_are_no_sign_of_life() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.start(&admin).await;
    let run = ready.agent.take_run().await.run_id.0;
    let mut restarted = ready.agent.restarted();
    restarted.hello().await.expect(200);
    restarted.take_run().await;
    sql(&server, "UPDATE runs SET heartbeat_at = 5").await;
    ready
        .agent
        .events(run, 1, &[(1, "BACKUP_STARTING")])
        .await
        .expect(200);
    let heartbeat = async || number(&server, "SELECT heartbeat_at FROM runs").await;
    assert_eq!(heartbeat().await, Some(5));
    restarted
        .events(run, 2, &[(1, "BACKUP_STARTING")])
        .await
        .expect(200);
    assert!(heartbeat().await > Some(5));
}

// Requirements: SCH-8
#[tokio::test(flavor = "multi_thread")]
async fn one_bad_row_does_not_keep_the_watchdog_from_the_others() {
    let fixed = FixedSettings {
        reclaim_grace_seconds: Some(1),
        watchdog_timeout_seconds: Some(2),
        ..FixedSettings::default()
    };
    let server = TestServer::start_with(fixed).await;
    let admin = server.admin().await;
    let mut bad = ready(&server, &admin, "bad").await;
    let mut good = ready(&server, &admin, "good").await;
    bad.start(&admin).await;
    let started = good.start(&admin).await;
    let row = bad.agent.take_run().await.run_id.0;
    good.agent.take_run().await;
    sql(
        &server,
        &format!(
            "CREATE TRIGGER bad BEFORE UPDATE ON runs WHEN OLD.id = {row} BEGIN SELECT RAISE(ABORT, 'bad row'); END"
        ),
    )
    .await;
    eventually("the other run is given up", async || {
        let shown = admin
            .get(&format!("/runs/{}", id(&started)))
            .await
            .expect(200);
        (shown["status"] == "failed").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_handed_out_fails_and_the_agent_goes_on() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let started = ready.start(&admin).await;
    sql(
        &server,
        "UPDATE vaults SET sealed_repository_password = x'00'",
    )
    .await;
    assert!(ready.agent.poll(1, 0).await.run.is_none());
    let shown = admin
        .get(&format!("/runs/{}", id(&started)))
        .await
        .expect(200);
    assert_eq!(shown["status"], "failed", "{shown}");
    ready.agent.running.clear();
    ready.agent.poll(1, 0).await;
}

async fn from(client: &Client, place: &str, password: &str) -> Answer {
    let request = client
        .request(Method::POST, "/session")
        .header("x-forwarded-for", place)
        .json(&json!({ "email": "admin@example.org", "password": password }));
    client.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_keeps_an_account_from_signing_in_where_it_is_known() {
    let server = TestServer::start().await;
    let client = server.visitor();
    let home = "192.0.2.10";
    from(&client, home, PASSWORD).await.expect(200);
    for stranger in 0..12 {
        let place = format!("198.51.100.{stranger}");
        from(&client, &place, "a wrong password").await;
    }
    from(&client, "198.51.100.99", PASSWORD)
        .await
        .refused(429, "too_many_attempts");
    from(&client, home, PASSWORD).await.expect(200);
    // Guessing from the known place is limited too.
    for _ in 0..10 {
        from(&client, home, "a wrong password")
            .await
            .refused(401, "sign_in_failed");
    }
    from(&client, home, PASSWORD)
        .await
        .refused(429, "too_many_attempts");
}

// Requirements: SEC-15
#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_the_same_time_are_counted() {
    let server = TestServer::start().await;
    let client = server.visitor();
    let guesses = (0..30).map(|_| from(&client, "192.0.2.1", "a wrong password"));
    let answers = futures::future::join_all(guesses).await;
    let checked = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(checked, 10, "the others were not even checked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_request_died_with_the_server_is_not_stuck() {
    let mut server = TestServer::start().await;
    let admin = server.admin().await;
    let send = async || {
        let request = admin
            .request(Method::POST, "/enrolment-tokens")
            .header("idempotency-key", "once")
            .json(&json!({ "name": "Office" }));
        admin.send(request).await
    };
    let count = async || admin.get("/enrolment-tokens").await.expect(200)["count"].clone();
    send().await.expect(201);
    send().await.expect(201);
    assert_eq!(count().await, 1);

    // Killed after the change was committed and before its answer was kept.
    let lost = "UPDATE idempotency_keys SET status = NULL, sealed_response = NULL, created_at = created_at - 1000";
    sql(&server, lost).await;
    let problem = send().await.refused(409, "conflict");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("enrolment_tokens.create")),
        "{problem}"
    );
    assert_eq!(count().await, 1, "it is not done twice");

    // Killed before: free for the next server, and only for that.
    sql(
        &server,
        "UPDATE idempotency_keys SET effect = NULL, created_at = created_at + 100000",
    )
    .await;
    send().await.refused(409, "conflict");
    sql(
        &server,
        "UPDATE idempotency_keys SET created_at = created_at - 100000",
    )
    .await;
    server.stop().await;
    server.resume().await;
    send().await.expect(201);
    assert_eq!(count().await, 2);
    server.stop().await;
}

// Requirements: DB-16
#[tokio::test(flavor = "multi_thread")]
async fn what_a_deleted_machine_was_to_do_ends() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    let s3 = json!({ "kind": "s3", "endpoint": "http://127.0.0.1:9", "region": "r", "bucket": "b", "prefix": "",
        "access_key_id": "a", "secret_access_key": "s" });
    let other = server.agent(&admin, "other").await;
    // Whatever the newest vault is made by, the restore below is for the machine that goes.
    sql(
        &server,
        "UPDATE vaults SET kind = 's3', agent_id = NULL, bucket = 'b'",
    )
    .await;
    let vault = admin
        .post("/vaults", json!({ "name": "new", "storage": s3 }))
        .await
        .expect(201);
    assert_eq!(vault["state"], "creating");
    sql(
        &server,
        &format!(
            "UPDATE commands SET agent_id = {} WHERE status = 'pending'",
            other.id
        ),
    )
    .await;
    let point = admin.get("/points").await.expect(200)["items"][0].clone();
    let order = json!({ "point_id": point["id"], "target_path": "/back", "agent_id": other.uuid });
    let restore = admin.post("/restores", order).await.expect(201);
    let path = format!("/agents/{}", other.uuid);
    let version = admin.get(&path).await.expect(200)["version"].clone();
    admin.delete(&path, &version).await.expect(204);
    let shown = admin
        .get(&format!("/runs/{}", id(&restore)))
        .await
        .expect(200);
    assert_eq!(
        (&shown["status"], &shown["failure"]["code"]),
        (&json!("failed"), &json!("command_withdrawn"))
    );
    let vault = admin
        .get(&format!("/vaults/{}", id(&vault)))
        .await
        .expect(200);
    assert_eq!(vault["state"], "new", "another machine may make it");
    assert_eq!(
        admin.get("/overview").await.expect(200)["active_runs"],
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_limited_per_session() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let open = async || {
        let request = admin.request(Method::GET, "/stream?topics=overview");
        request.send().await.expect("the server answers")
    };
    let mut streams = Vec::new();
    let refused = loop {
        let answer = open().await;
        if answer.status() != 200 {
            break answer;
        }
        streams.push(answer);
        assert!(streams.len() < 100);
    };
    assert_eq!((refused.status().as_u16(), streams.len()), (429, 12));
    drop(streams);
    eventually("a place is free again", async || {
        (open().await.status() == 200).then_some(())
    })
    .await;
}

// Requirements: PRG-13
#[tokio::test(flavor = "multi_thread")]
async fn progress_is_shown_at_once_and_written_down_together() {
    let mut server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let started = ready.start(&admin).await;
    let run = ready.agent.take_run().await.run_id.0;
    let agent = &ready.agent;
    agent
        .update(run, 1, 1, json!({ "status": "running" }))
        .await
        .expect(200);
    let before = number(&server, "SELECT version FROM runs")
        .await
        .expect("a version");
    for seq in 2..=101u64 {
        let progress = json!({ "status": "running", "bytes_processed": seq, "bytes_total": 1000 });
        agent.update(run, 1, seq, progress).await.expect(200);
        if seq % 25 == 0 {
            let shown = admin
                .get(&format!("/runs/{}", id(&started)))
                .await
                .expect(200);
            assert_eq!(shown["progress"]["bytes_processed"], seq);
        }
    }
    let old = agent
        .update(run, 1, 50, json!({ "bytes_processed": 9999 }))
        .await;
    old.expect(200);
    admin
        .post(&format!("/runs/{}/cancel", id(&started)), json!({}))
        .await
        .expect(200);
    let answer = agent
        .update(run, 1, 102, json!({ "bytes_processed": 102 }))
        .await;
    assert_eq!(answer.expect(200)["cancel_requested"], true);
    server.stop().await;
    let written = number(&server, "SELECT bytes_processed FROM runs").await;
    assert_eq!(written, Some(102), "a stop loses nothing");
    let after = number(&server, "SELECT version FROM runs")
        .await
        .expect("a version");
    assert!(
        after - before < 50,
        "{} writes for 102 reports",
        after - before
    );
    server.resume().await;
    let end = json!({ "status": "cancelled" });
    ready.agent.update(run, 1, 103, end).await.expect(200);
    let shown = admin
        .get(&format!("/runs/{}", id(&started)))
        .await
        .expect(200);
    assert_eq!(
        (&shown["status"], &shown["progress"]["bytes_processed"]),
        (&json!("cancelled"), &json!(102))
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_carry_the_reseller_above_their_tenant() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    server.second_tenant().await;
    sql(
        &server,
        "UPDATE tenants SET parent_id = (SELECT max(id) FROM tenants) WHERE id = (SELECT min(id) FROM tenants)",
    )
    .await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    let reseller = number(&server, "SELECT max(id) FROM tenants").await;
    for table in ["agents", "jobs", "runs", "points"] {
        let found = number(&server, &format!("SELECT reseller_id FROM {table}")).await;
        assert_eq!(found, reseller, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_server_belong_to_its_own_tenant() {
    let server = TestServer::start().await;
    let other = server.second_tenant().await;
    let settings = other.get("/settings").await.expect(200);
    assert_eq!(settings["actions"][0]["allowed"], false);
    other
        .patch(
            "/settings",
            &settings["version"],
            json!({ "public_url": "http://evil.example" }),
        )
        .await
        .refused(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_cannot_fill_the_memory() {
    let server = TestServer::start().await;
    let large = json!({ "enrollment_token": "x".repeat(2 << 20) });
    for path in ["/agent/v1/enrol", "/agent/v1/login"] {
        server
            .visitor()
            .post(path, large.clone())
            .await
            .refused(413, "body_too_large");
    }
}
