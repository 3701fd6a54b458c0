//! Runs that agents start by themselves while the server is away.

use std::{sync::Arc, time::Duration};

use holdfast_host::{Clock, ManualClock};
use holdfast_protocol::agent::routes;
use jiff::{Timestamp, ToSpan, Unit};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Answer, Client, Ready, TestServer, eventually, ready,
    server::{number, sql, text},
};

const MINUTE: Duration = Duration::from_secs(60);

fn clock() -> Arc<ManualClock> {
    let now = Timestamp::now().round(Unit::Minute).expect("a minute");
    Arc::new(ManualClock::new(now))
}

/// Lets the job start each day in 30 minutes, on its own where the server is away; answers when.
async fn nightly(admin: &Client, ready: &Ready, clock: &ManualClock) -> Timestamp {
    let due = clock.now() + 30.minutes();
    let time = due
        .to_zoned(jiff::tz::TimeZone::UTC)
        .strftime("%H:%M")
        .to_string();
    let change = json!({
        "schedule": { "type": "daily", "time": time, "zone": "UTC" }, "offline_start": true,
    });
    let path = format!("/jobs/{}", ready.job_id());
    let version = admin.get(&path).await.expect(200)["version"].clone();
    admin.patch(&path, &version, change).await.expect(200);
    due
}

/// Tells of a run that began a minute ago.
async fn tell(ready: &Ready, run: Uuid, due: Timestamp, ended: bool) -> Answer {
    let now = Timestamp::now();
    let body = json!({
        "instance": ready.agent.instance, "run_uuid": run, "job_uuid": ready.job_id(), "due_at": due.to_string(),
        "started_at": (now - 1.minutes()).to_string(), "clock": now.to_string(),
        "finished_at": ended.then(|| (now - 30.seconds()).to_string()),
    });
    ready.agent.call(routes::OFFLINE_RUNS, body).await
}

async fn end(ready: &Ready, taken: &Value) {
    let id = taken["run_id"].as_i64().expect("an id");
    let attempt = u32::try_from(taken["attempt"].as_u64().expect("a claim")).expect("small");
    let end = json!({ "status": "success" });
    ready.agent.update(id, attempt, 1, end).await.expect(200);
}

async fn runs(admin: &Client, ready: &Ready) -> Vec<Value> {
    let path = format!("/runs?job_id={}", ready.job_id());
    let page = admin.get(&path).await.expect(200);
    page["items"].as_array().expect("items").clone()
}

/// Waits until the scheduler has settled what was due.
async fn settled(server: &TestServer, clock: &ManualClock) {
    let now = clock.now().as_millisecond();
    let left = format!("SELECT count(*) FROM jobs WHERE next_start_at <= {now}");
    eventually("the scheduler has looked", async || {
        (number(server, &left).await == Some(0)).then_some(())
    })
    .await;
}

async fn started(server: &TestServer) -> Option<i64> {
    number(
        server,
        "SELECT count(*) FROM occurrences WHERE state = 'started'",
    )
    .await
}

async fn message_ids(admin: &Client, run: &Value) -> Vec<Value> {
    let path = format!("/runs/{}/events", run["id"].as_str().expect("an id"));
    let events = admin.get(&path).await.expect(200);
    let events = events["items"].as_array().expect("items").clone();
    events
        .iter()
        .map(|event| event["message_id"].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_given_what_it_may_start_and_nothing_else() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.agent.offline = Some(String::new());
    assert!(ready.agent.poll(0, 0).await.offline.is_none());
    nightly(&admin, &ready, &clock).await;
    let plan = ready.agent.poll(0, 5).await.offline.expect("a plan");
    assert_eq!(plan.jobs.len(), 1);
    let work = &plan.jobs[0].work;
    assert_eq!(work.job_uuid.to_string(), ready.job_id());
    assert!(work.vault.repository_password.is_some());
    assert_eq!(work.exclude_globs, ["*.tmp"]);
    assert_eq!(plan.jobs[0].timetable["zone"], "UTC");
    ready.agent.offline = Some(plan.digest.clone());
    assert!(ready.agent.poll(0, 0).await.offline.is_none());
    // An older agent is given nothing.
    ready.agent.offline = None;
    assert!(ready.agent.poll(0, 0).await.offline.is_none());
    ready.agent.offline = Some(plan.digest);
    let path = format!("/jobs/{}", ready.job_id());
    let job = admin.get(&path).await.expect(200);
    assert_eq!(job["offline_start"], true);
    admin
        .patch(&path, &job["version"], json!({ "enabled": false }))
        .await
        .expect(200);
    let plan = ready.agent.poll(0, 5).await.offline.expect("a plan");
    assert_eq!((plan.jobs.len(), plan.digest.as_str()), (0, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_nobody_knew_is_the_run_of_its_occurrence() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    // No run begins before its job was made.
    sql(&server, "UPDATE jobs SET created_at = created_at - 3600000").await;
    let due = nightly(&admin, &ready, &clock).await;
    let run = Uuid::now_v7();
    let taken = tell(&ready, run, due, true).await.expect(200);
    // The answer was lost.
    let again = tell(&ready, run, due, true).await.expect(200);
    assert_eq!(again["run_id"], taken["run_id"]);
    end(&ready, &again).await;
    // It is over, and nothing changes any more.
    assert_eq!(tell(&ready, run, due, true).await.expect(200), again);
    clock.advance(31 * MINUTE);
    settled(&server, &clock).await;
    let all = runs(&admin, &ready).await;
    assert_eq!(all.len(), 1, "{all:?}");
    let shown = &all[0];
    assert_eq!(
        (&shown["id"], &shown["trigger"], &shown["status"]),
        (&json!(run), &json!("offline"), &json!("success"))
    );
    // It took half a minute, whenever it was told.
    let time = |name: &str| -> Timestamp {
        let text = shown[name].as_str().expect("a time");
        text.parse().expect("a time")
    };
    let took = time("finished_at").duration_since(time("started_at"));
    assert_eq!(took.as_secs(), 30);
    assert_eq!(started(&server).await, Some(1));
    assert_eq!(message_ids(&admin, shown).await, [json!("STARTED_OFFLINE")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_becomes_the_one_that_the_agent_started() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let due = nightly(&admin, &ready, &clock).await;
    clock.advance(30 * MINUTE);
    settled(&server, &clock).await;
    assert_eq!(runs(&admin, &ready).await[0]["status"], "queued");
    let run = Uuid::now_v7();
    let taken = tell(&ready, run, due, false).await.expect(200);
    let all = runs(&admin, &ready).await;
    assert_eq!(
        (all.len(), &all[0]["id"], &all[0]["status"]),
        (1, &json!(run), &json!("running"))
    );
    end(&ready, &taken).await;
    assert!(ready.agent.poll(1, 0).await.run.is_none());
    assert_eq!(started(&server).await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_beside_one_that_was_started_is_a_further_one_and_says_so() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let due = nightly(&admin, &ready, &clock).await;
    clock.advance(30 * MINUTE);
    let first = ready.agent.take_run().await;
    ready.agent.finish(&first, 1, "/srv/data").await;
    let taken = tell(&ready, Uuid::now_v7(), due, true).await.expect(200);
    end(&ready, &taken).await;
    let all = runs(&admin, &ready).await;
    assert_eq!(all.len(), 2);
    // It began before that.
    assert_eq!(
        message_ids(&admin, &all[1]).await,
        [json!("STARTED_OFFLINE"), json!("STARTED_TWICE")]
    );
    let linked = format!("SELECT run_id = {} FROM occurrences", first.run_id);
    assert_eq!(number(&server, &linked).await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_process_of_an_agent_gets_a_claim_of_its_own() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let due = nightly(&admin, &ready, &clock).await;
    let run = Uuid::now_v7();
    let first = tell(&ready, run, due, false).await.expect(200);
    let id = first["run_id"].as_i64().expect("an id");
    let progress = |bytes: u64| json!({ "status": "running", "bytes_processed": bytes });
    ready
        .agent
        .update(id, 1, 50, progress(10))
        .await
        .expect(200);
    ready
        .agent
        .events(id, 1, &[(1, "ONE"), (2, "TWO")])
        .await
        .expect(200);
    ready.agent = ready.agent.restarted();
    let second = tell(&ready, run, due, false).await.expect(200);
    assert_eq!(
        (&second["run_id"], &first["attempt"], &second["attempt"]),
        (&json!(id), &json!(1), &json!(2))
    );
    // It numbers from the beginning, and all that it says counts.
    ready.agent.update(id, 2, 1, progress(20)).await.expect(200);
    ready.agent.events(id, 2, &[(1, "THREE")]).await.expect(200);
    let old = ready.agent.update(id, 1, 51, progress(30)).await;
    old.refused(409, "stale_attempt");
    let shown = admin.get(&format!("/runs/{run}")).await.expect(200);
    assert_eq!(shown["progress"]["bytes_processed"], 20);
    let ids = message_ids(&admin, &shown).await;
    assert_eq!(ids, ["STARTED_OFFLINE", "ONE", "TWO", "THREE"]);
}

/// Lets the job start every ten minutes.
async fn often(admin: &Client, ready: &Ready) {
    let change = json!({
        "schedule": { "type": "cron", "cron": "*/10 * * * *", "zone": "UTC" }, "offline_start": true,
    });
    let path = format!("/jobs/{}", ready.job_id());
    let version = admin.get(&path).await.expect(200)["version"].clone();
    admin.patch(&path, &version, change).await.expect(200);
}

/// State and reason of the occurrences, the oldest first, and whether their runs wait.
async fn fates(server: &TestServer) -> Vec<String> {
    let query = "SELECT group_concat(o.state || ' ' || coalesce(o.reason, '-') || ' ' || coalesce(r.status, '-'), ';') \
        FROM (SELECT * FROM occurrences ORDER BY due_at) o LEFT JOIN runs r ON r.id = o.run_id";
    let all = text(server, query).await.unwrap_or_default();
    all.split(';').map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_has_joined_a_run_only_its_own_occurrence_is_started() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    often(&admin, &ready).await;
    let mut dues = Vec::new();
    for _ in 0..3 {
        let path = format!("/jobs/{}", ready.job_id());
        let next = admin.get(&path).await.expect(200)["next_run_at"].clone();
        let next: Timestamp = next.as_str().expect("a time").parse().expect("a time");
        let rest = next.duration_since(clock.now()).unsigned_abs();
        clock.advance(rest);
        settled(&server, &clock).await;
        dues.push(next);
    }
    assert_eq!(runs(&admin, &ready).await.len(), 1, "they wait for one run");
    let second = Uuid::now_v7();
    let taken = tell(&ready, second, dues[1], true).await.expect(200);
    end(&ready, &taken).await;
    assert_eq!(
        fates(&server).await,
        [
            "skipped superseded success",
            "started - success",
            "due - queued"
        ]
    );
    // The one before is told later, and is no further run.
    let first = tell(&ready, Uuid::now_v7(), dues[0], true)
        .await
        .expect(200);
    end(&ready, &first).await;
    let third = tell(&ready, Uuid::now_v7(), dues[2], true)
        .await
        .expect(200);
    end(&ready, &third).await;
    assert_eq!(
        fates(&server).await,
        [
            "started - success",
            "started - success",
            "started - success"
        ]
    );
    let all = runs(&admin, &ready).await;
    assert_eq!(all.len(), 3);
    for run in &all {
        assert_eq!(run["trigger"], "offline");
        assert_eq!(message_ids(&admin, run).await, [json!("STARTED_OFFLINE")]);
    }
    assert!(ready.agent.poll(1, 0).await.run.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_shown_with_what_it_was_started_with() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let due = nightly(&admin, &ready, &clock).await;
    ready.agent.offline = Some(String::new());
    let plan = ready.agent.poll(0, 5).await.offline.expect("a plan");
    let settings = serde_json::to_value(&plan.jobs[0].settings).expect("is JSON");
    let path = format!("/jobs/{}", ready.job_id());
    let version = admin.get(&path).await.expect(200)["version"].clone();
    let change =
        json!({ "name": "other", "paths": ["/other"], "policy": { "ignore_rules": ["*.bak"] } });
    admin.patch(&path, &version, change).await.expect(200);
    let now = Timestamp::now();
    let told = async |settings: &Value| {
        let run = Uuid::now_v7();
        let body = json!({
            "instance": ready.agent.instance, "run_uuid": run, "job_uuid": ready.job_id(), "due_at": due,
            "started_at": now, "finished_at": now, "clock": now, "settings": settings,
        });
        let taken = ready
            .agent
            .call(routes::OFFLINE_RUNS, body)
            .await
            .expect(200);
        end(&ready, &taken).await;
        admin.get(&format!("/runs/{run}")).await.expect(200)
    };
    let shown = told(&settings).await;
    assert_eq!(
        (&shown["paths"], &shown["policy"]["policy"]["ignore_rules"]),
        (&json!(["/srv/data"]), &json!(["*.tmp"])),
        "{shown}"
    );
    // What this server would not have given is not shown, and the run is taken all the same.
    let mut absurd = settings;
    absurd["policy"]["policy"] = json!("everything");
    let shown = told(&absurd).await;
    assert_eq!(shown["paths"], json!(["/other"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_cannot_be_planned_is_given_when_it_can() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    nightly(&admin, &ready, &clock).await;
    sql(&server, "UPDATE vaults SET state = 'creating'").await;
    ready.agent.offline = Some(String::new());
    assert!(ready.agent.poll(0, 0).await.offline.is_none());
    sql(&server, "UPDATE vaults SET state = 'ready'").await;
    let policy = "UPDATE jobs SET policy = 'damaged'";
    let keep = "CREATE TABLE kept AS SELECT id, policy FROM jobs";
    sql(&server, keep).await;
    sql(&server, policy).await;
    assert!(ready.agent.poll(0, 0).await.offline.is_none());
    let mend = "UPDATE jobs SET policy = (SELECT policy FROM kept WHERE kept.id = jobs.id)";
    sql(&server, mend).await;
    let plan = ready.agent.poll(0, 5).await.offline.expect("a plan");
    assert_eq!(plan.jobs.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_its_agent_cannot_start_says_so() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    nightly(&admin, &ready, &clock).await;
    let path = format!("/jobs/{}", ready.job_id());
    let refused = async || admin.get(&path).await.expect(200)["offline_start_refused"].clone();
    assert_eq!(refused().await, false);
    ready.agent.unplanned = vec![ready.job_id().to_owned()];
    ready.agent.poll(0, 0).await;
    assert_eq!(refused().await, true);
    ready.agent.unplanned.clear();
    ready.agent.poll(0, 0).await;
    assert_eq!(refused().await, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_learns_when_what_it_is_handed_was_due() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let due = nightly(&admin, &ready, &clock).await;
    clock.advance(30 * MINUTE);
    let scheduled = ready.agent.take_run().await;
    assert_eq!(scheduled.due_at, Some(due));
    ready.agent.finish(&scheduled, 1, "/srv/data").await;
    ready.agent.running.clear();
    ready.start(&admin).await;
    assert_eq!(ready.agent.take_run().await.due_at, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_told_late_stands_where_it_belongs() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    sql(&server, "UPDATE jobs SET created_at = created_at - 3600000").await;
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    // It began a minute ago.
    let late = Uuid::now_v7();
    let due = clock.now() - 1.minutes();
    let taken = tell(&ready, late, due, true).await.expect(200);
    end(&ready, &taken).await;
    let ids = |runs: &[Value]| -> Vec<Value> {
        let ids = runs.iter().map(|run| run["id"].clone());
        ids.collect()
    };
    let expected = vec![json!(work.run_uuid), json!(late)];
    assert_eq!(ids(&runs(&admin, &ready).await), expected);
    let mut pages = Vec::new();
    let mut path = "/runs?limit=1".to_owned();
    loop {
        let page = admin.get(&path).await.expect(200);
        pages.extend(page["items"].as_array().expect("items").clone());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/runs?limit=1&cursor={cursor}");
    }
    assert_eq!(ids(&pages), expected);
    let job = admin
        .get(&format!("/jobs/{}", ready.job_id()))
        .await
        .expect(200);
    assert_eq!(job["last_run"]["id"], expected[0]);
    let recent = admin.get("/overview").await.expect(200)["recent_runs"].clone();
    assert_eq!(ids(recent.as_array().expect("runs")), expected);
    let shown = admin
        .get(&format!("/runs/{}", work.run_uuid))
        .await
        .expect(200);
    assert_eq!(shown["previous"]["id"], expected[1], "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_tells_of_its_own_jobs_only() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mine = ready(&server, &admin, "box").await;
    let mut other = ready(&server, &admin, "other").await;
    let due = nightly(&admin, &mine, &clock).await;
    other.job.clone_from(&mine.job);
    let foreign = tell(&other, Uuid::now_v7(), due, true).await;
    foreign.refused(404, "not_found");
    let run = Uuid::now_v7();
    tell(&mine, run, due, true).await.expect(200);
    tell(&other, run, due, true).await.refused(404, "not_found");
    assert_eq!(runs(&admin, &mine).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn absurd_times_make_no_absurd_run() {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    let server = TestServer::start_at(clock()).await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let made = format!("UPDATE jobs SET created_at = created_at - {}", 400 * DAY_MS);
    sql(&server, &made).await;
    let (first, last) = (Timestamp::MIN, Timestamp::MAX);
    let long_ago = Timestamp::now() - (401 * 24).hours();
    let soon = Timestamp::now() + 2.hours();
    let told = [
        (first, last, first),
        (last, first, last),
        (first, first, last),
        (last, last, first),
        (long_ago, last, long_ago),
        (soon, first, soon),
    ];
    let before = Timestamp::now().as_millisecond();
    for (started_at, clock, due_at) in told {
        for finished_at in [None, Some(first), Some(last)] {
            let body = json!({
                "instance": ready.agent.instance, "run_uuid": Uuid::now_v7(), "job_uuid": ready.job_id(),
                "due_at": due_at, "started_at": started_at, "clock": clock, "finished_at": finished_at,
            });
            let answer = ready.agent.call(routes::OFFLINE_RUNS, body).await;
            end(&ready, &answer.expect(200)).await;
        }
    }
    let after = Timestamp::now().as_millisecond();
    let all = runs(&admin, &ready).await;
    assert_eq!(all.len(), 18);
    for run in &all {
        for name in ["created_at", "started_at", "finished_at"] {
            let text = run[name].as_str().expect("a time");
            let at = text.parse::<Timestamp>().expect("a time").as_millisecond();
            let bounds = before - 31 * DAY_MS..=after;
            assert!(bounds.contains(&at), "{name}: {run}");
        }
        message_ids(&admin, run).await;
    }
    admin.get("/overview").await.expect(200);
    let path = format!("/jobs/{}", ready.job_id());
    admin.get(&path).await.expect(200);
    // None of the times is one at which the job can have been due.
    let entered = "SELECT count(*) FROM occurrences";
    assert_eq!(number(&server, entered).await, Some(0));
}

/// Jobs like the one there is, which start with the server only.
async fn add_jobs(server: &TestServer, count: u32) {
    let columns = "tenant_id, reseller_id, agent_id, vault_id, kind, enabled, paths, policy, schedule, offline_start, created_at, version";
    let add = format!(
        "INSERT INTO jobs (uuid, name, {columns}) \
         WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) \
         SELECT randomblob(16), 'more ' || n, {columns} FROM jobs, c"
    );
    sql(server, &add).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_other_jobs_keep_none_out_of_the_plan() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    add_jobs(&server, 250).await;
    let job = json!({ "name": "the last", "agent_id": ready.agent.uuid, "vault_id": ready.vault["id"],
        "paths": ["/srv/data"] });
    ready.job = admin.post("/jobs", job).await.expect(201);
    nightly(&admin, &ready, &clock).await;
    ready.agent.offline = Some(String::new());
    let plan = ready.agent.poll(0, 5).await.offline.expect("a plan");
    assert_eq!(plan.jobs.len(), 1);
    assert_eq!(plan.jobs[0].work.job_uuid.to_string(), ready.job_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_cannot_be_read_keeps_no_run_from_its_agent() {
    let server = TestServer::start_at(clock()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    add_jobs(&server, 1).await;
    let run = ready.start(&admin).await;
    let damage = "UPDATE jobs SET offline_start = 1, created_at = 'damaged' WHERE name = 'more 1'";
    sql(&server, damage).await;
    ready.agent.offline = Some(String::new());
    let answer = ready.agent.poll(1, 0).await;
    let work = answer.run.expect("the run");
    assert_eq!(json!(work.run_uuid), run["id"]);
    assert!(answer.offline.is_none());
}
