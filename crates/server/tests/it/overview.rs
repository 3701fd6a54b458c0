//! The start page: strips of days, how full vaults are, and when they will be full.

use serde_json::{Value, json};

use crate::support::{
    Client, ScriptedAgent, TestServer, ready,
    server::{number, sql},
};

const DAY_MS: i64 = 86_400_000;

async fn vault(admin: &Client, id: &str) -> Value {
    let overview = admin.get("/overview").await.expect(200);
    let vaults = overview["vaults"].as_array().expect("vaults").clone();
    let found = vaults.into_iter().find(|vault| vault["id"] == id);
    found.expect("the vault is shown")
}

/// Asks for a maintenance; answers whether the agent is to measure, and completes it with what it measured.
async fn maintain(admin: &Client, agent: &ScriptedAgent, vault: &str, usage: Value) -> bool {
    let path = format!("/vaults/{vault}/maintenance");
    let now = json!({ "mode": "quick", "wait_seconds": 0 });
    admin.post(&path, now).await.expect(202);
    let done = json!({ "seconds": 1.0, "freed_blobs": 0, "freed_bytes": 0 });
    let result = json!({ "owner": "root@box", "done": done, "usage": usage });
    let command = agent.serve("maintenance_quick", result).await;
    command["payload"]["measure"] == true
}

#[tokio::test(flavor = "multi_thread")]
async fn what_agents_measure_becomes_a_history_and_a_forecast() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let id = ready.vault_id().to_owned();
    sql(
        &server,
        "UPDATE agents SET capabilities = json_set(capabilities, '$.commands[#]', 'maintenance_full')",
    )
    .await;
    let fresh = vault(&admin, &id).await;
    assert_eq!(
        (&fresh["sent_bytes"], &fresh["fill"]["capacity_bytes"]),
        (&json!(0), &Value::Null),
        "nothing was measured: {fresh}"
    );
    let measured = json!({ "stored_bytes": 900, "free_bytes": 100 });
    assert!(maintain(&admin, &ready.agent, &id, measured).await);
    // Once a day is enough.
    assert!(!maintain(&admin, &ready.agent, &id, Value::Null).await);
    // A test tells it too, and the last word of a day counts.
    let test = format!("/vaults/{id}/test");
    let found = json!({ "ok": true, "location": "x", "findings": [], "repository": "present",
        "usage": { "stored_bytes": 1900, "free_bytes": 100 } });
    admin
        .post(&test, json!({ "wait_seconds": 0 }))
        .await
        .expect(202);
    ready.agent.serve("test_vault", found).await;
    assert_eq!(
        number(&server, "SELECT count(*) FROM vault_usage_days").await,
        Some(1)
    );
    let shown = vault(&admin, &id).await;
    let fill = &shown["fill"];
    assert_eq!(
        (
            &fill["stored_bytes"],
            &fill["capacity_bytes"],
            &fill["capacity_from"]
        ),
        (&json!(1900), &json!(2000), &json!("free_space"))
    );
    assert_eq!(
        (
            &fill["history_days"],
            &fill["history_days_needed"],
            &fill["growth"]
        ),
        (&json!(1), &json!(14), &Value::Null)
    );
    assert_eq!(shown["sent_bytes"], Value::Null);

    // Twenty days of ten bytes each, up to yesterday.
    let past = "INSERT INTO vault_usage_days WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20) \
        SELECT vault_id, day - n, stored_bytes - 10 * n, 100, measured_at - 86400000 * n FROM vault_usage_days, c";
    sql(&server, past).await;
    let version = admin.get(&format!("/vaults/{id}")).await.expect(200)["version"].clone();
    let changed = admin
        .patch(
            &format!("/vaults/{id}"),
            &version,
            json!({ "quota_bytes": 2900 }),
        )
        .await
        .expect(200);
    assert_eq!(changed["quota_bytes"], 2900);
    let history = admin.get(&format!("/vaults/{id}/usage")).await.expect(200);
    let growth = &history["fill"]["growth"];
    assert_eq!(
        (&growth["bytes_per_day"], &growth["over_days"]),
        (&json!(10), &json!(21))
    );
    assert_eq!(
        growth["full_in"],
        json!({ "soonest": 100, "likely": 100, "latest": 100 })
    );
    let days = history["days"].as_array().expect("days");
    assert_eq!((days.len(), &days[20]["stored_bytes"]), (21, &json!(1900)));
    let dates: Vec<&str> = days.iter().filter_map(|day| day["date"].as_str()).collect();
    assert!(dates.is_sorted() && dates.len() == 21, "{dates:?}");
    assert_eq!(vault(&admin, &id).await["fill"], history["fill"]);
    // Without a limit the disk's room counts again.
    let version = &changed["version"];
    let lifted = admin
        .patch(
            &format!("/vaults/{id}"),
            version,
            json!({ "quota_bytes": 0 }),
        )
        .await
        .expect(200);
    assert_eq!(lifted["quota_bytes"], Value::Null);
    assert_eq!(
        vault(&admin, &id).await["fill"]["capacity_from"],
        "free_space"
    );
    // What was measured goes with its vault.
    sql(&server, "DELETE FROM jobs").await;
    let path = format!("/vaults/{id}");
    admin.delete(&path, &lifted["version"]).await.expect(204);
    assert_eq!(
        number(&server, "SELECT count(*) FROM vault_usage_days").await,
        Some(0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strip_tells_all_results_of_a_day_and_leads_to_its_runs() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    for status in ["failed", "failed", "success"] {
        ready.start(&admin).await;
        let work = ready.agent.take_run().await;
        ready.agent.running.clear();
        let end = json!({ "status": status, "error_code": "source_missing" });
        ready
            .agent
            .update(work.run_id.0, 1, 1, end)
            .await
            .expect(200);
    }
    // The day before yesterday at noon: one of these runs, and two starts that nobody made.
    let noon = jiff::Timestamp::now().as_millisecond() / DAY_MS * DAY_MS - 2 * DAY_MS + DAY_MS / 2;
    let older = format!(
        "UPDATE runs SET created_at = {noon} WHERE id = (SELECT max(id) FROM runs WHERE status = 'success'); \
         INSERT INTO occurrences (tenant_id, job_id, due_at, start_at, deadline_at, state) \
         SELECT tenant_id, id, {noon} + n, {noon}, {noon}, 'missed' FROM jobs, (SELECT 3600000 AS n UNION SELECT 0)"
    );
    sql(&server, &older).await;
    let overview = admin.get("/overview").await.expect(200);
    let days = overview["jobs"][0]["days"].as_array().expect("days");
    assert_eq!(days.len(), 28);
    let (then, today) = (&days[25], &days[27]);
    assert_eq!(
        today["results"],
        json!([{ "status": "failed", "runs": 2 }]),
        "{today}"
    );
    assert_eq!(
        (&then["worst"], &then["missed"], &then["results"]),
        (
            &json!("success"),
            &json!(2),
            &json!([{ "status": "success", "runs": 1 }])
        )
    );
    let due = then["missed_due_at"].as_str().expect("a time");
    assert!(due.contains("T12:00:00"), "the first one: {due}");

    let of_day = async |from: &str, to: &str| {
        let path = format!("/runs?job_id={}&from={from}&to={to}", ready.job_id());
        admin.get(&path).await.expect(200)["count"].clone()
    };
    let (then, today) = (
        then["date"].as_str().expect("a day"),
        today["date"].as_str().expect("a day"),
    );
    assert_eq!(of_day(then, then).await, 1);
    assert_eq!(of_day(today, today).await, 2);
    assert_eq!(of_day(then, today).await, 3);
    for (query, pointer) in [("from=yesterday", "?from"), ("to=2026-02-30", "?to")] {
        admin
            .get(&format!("/runs?{query}"))
            .await
            .wrong_field(pointer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_jobs_may_be_that_of_one_machine_while_the_verdict_is_about_all() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let one = ready(&server, &admin, "one").await;
    ready(&server, &admin, "two").await;
    let path = format!("/overview?agent_id={}", one.agent.uuid);
    let overview = admin.get(&path).await.expect(200);
    let names: Vec<&Value> = overview["jobs"]
        .as_array()
        .expect("jobs")
        .iter()
        .map(|job| &job["agent"]["name"])
        .collect();
    assert_eq!(
        (names, &overview["jobs_total"]),
        (vec![&json!("one")], &json!(2))
    );
    let other = server.second_tenant().await;
    other.get(&path).await.refused(404, "not_found");
}
