//! Runs: claims, reports, events, cancel, hand-back, silence, restores.

use holdfast_protocol::agent::Attempt;
use holdfast_server::FixedSettings;
use serde_json::{Value, json};

use crate::support::{
    Client, TestServer, eventually, ready,
    server::{number, sql, text},
    worst_alert_is,
};

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

async fn run(client: &Client, run: &Value) -> Value {
    client.get(&format!("/runs/{}", id(run))).await.expect(200)
}

// Requirements: AGT-19, RUN-4, RUN-11, RUN-13, PRG-9, PRG-10, PRG-13, ENG-KOPIA-14, ENG-KOPIA-21, API-A-1, API-A-3
// Requirements: API-C-5, API-C-8, API-C-10, API-C-14, DB-5, LIVE-5, OPS-8
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_the_click_to_the_restore_point() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let started = ready.start(&admin).await;
    assert_eq!(
        (&started["status"], &started["attempt"]),
        (&json!("queued"), &json!(0))
    );
    let work = ready.agent.take_run().await;
    assert_eq!(work.source_paths, ["/srv/data"]);
    assert_eq!(
        (
            work.source_identity.user.as_str(),
            work.source_identity.host.as_str()
        ),
        ("root", "box")
    );
    assert_eq!(work.exclude_globs, ["*.tmp"]);
    assert_eq!(work.attempt, Attempt(1));
    assert_eq!(work.run_uuid.to_string(), id(&started));
    assert!(work.vault.repository_password.is_some());
    assert_eq!(run(&admin, &started).await["status"], "starting");

    let (wire, agent) = (work.run_id.0, &ready.agent);
    let stage = json!([{ "name": "scan", "started_at": "2026-11-24T21:00:00Z" }]);
    let progress = json!({ "status": "running", "progress_pct": 50.0, "bytes_processed": 1500, "bytes_transferred": 0,
        "bytes_total": 3000, "speed_bytes_per_sec": 100, "eta_seconds": 15, "current_item": "/srv/data/a", "stages": stage });
    agent.update(wire, 1, 1, progress).await.expect(200);
    let shown = run(&admin, &started).await;
    let figures = &shown["progress"];
    assert_eq!(
        (
            &shown["status"],
            &figures["percent"],
            &figures["bytes_transferred"]
        ),
        (&json!("running"), &json!(50.0), &json!(0))
    );
    assert_eq!(
        (&figures["current_item"], &figures["savings_percent"]),
        (&json!("/srv/data/a"), &json!(100.0))
    );
    assert_eq!(
        (
            &shown["stages"][0]["name"],
            &shown["policy"]["policy"]["ignore_rules"][0]
        ),
        (&json!("scan"), &json!("*.tmp"))
    );

    // Older and repeated updates change nothing, and figures never fall.
    agent
        .update(wire, 1, 1, json!({ "bytes_processed": 9999 }))
        .await
        .expect(200);
    agent
        .update(
            wire,
            1,
            2,
            json!({ "bytes_processed": 1000, "progress_pct": 33.0 }),
        )
        .await
        .expect(200);
    let figures = run(&admin, &started).await["progress"].clone();
    assert_eq!(
        (&figures["bytes_processed"], &figures["percent"]),
        (&json!(1500), &json!(50.0))
    );

    agent
        .events(wire, 1, &[(1, "BACKUP_STARTING"), (2, "NEVER_HEARD")])
        .await
        .expect(200);
    agent
        .events(wire, 1, &[(2, "NEVER_HEARD"), (3, "BACKUP_COMPLETE")])
        .await
        .expect(200);
    let events = admin
        .get(&format!("/runs/{}/events?after=0", id(&started)))
        .await
        .expect(200);
    let seqs: Vec<i64> = events["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|event| event["seq"].as_i64())
        .collect();
    assert_eq!(
        (seqs.as_slice(), &events["last_seq"]),
        ([1, 2, 3].as_slice(), &json!(3))
    );
    assert_eq!(
        events["items"][1]["message"], "event 2",
        "an unknown id reads by its message"
    );
    let rest = admin
        .get(&format!("/runs/{}/events?after=2", id(&started)))
        .await
        .expect(200);
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));

    agent.finish(&work, 3, "/srv/data").await;
    let done = run(&admin, &started).await;
    assert_eq!(
        (&done["status"], &done["progress"]["percent"]),
        (&json!("success"), &json!(100.0))
    );
    assert_eq!(
        (
            &done["statistics"]["bytes_new"],
            &done["progress"]["current_item"]
        ),
        (&json!(2000), &Value::Null)
    );
    agent
        .update(wire, 1, 4, json!({ "status": "running" }))
        .await
        .expect(200);
    assert_eq!(
        run(&admin, &started).await["status"],
        "success",
        "a late report changes nothing"
    );
    admin
        .post(&format!("/runs/{}/cancel", id(&started)), json!({}))
        .await
        .refused(409, "run_is_over");

    let points = admin
        .get(&format!("/points?job_id={}", ready.job_id()))
        .await
        .expect(200);
    let point = &points["items"][0];
    assert_eq!(
        (&points["count"], &point["source"], &point["files"]),
        (&json!(1), &json!("root@box"), &json!(3))
    );
    assert_eq!(
        (&point["run_id"], &done["point_id"]),
        (&started["id"], &point["id"])
    );
    let overview = admin.get("/overview").await.expect(200);
    assert_eq!(
        (&overview["jobs_total"], &overview["jobs_protected"]),
        (&json!(1), &json!(1))
    );
    let vault = &overview["vaults"][0];
    assert_eq!(
        (&vault["sent_bytes"], &vault["fill"]["stored_bytes"]),
        (&json!(1000), &Value::Null)
    );
    assert_eq!(overview["jobs"][0]["days"][27]["worst"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_counted_and_grouped() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let started = ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    let problem =
        |path: &str, code: &str| json!({ "code": code, "path": path, "message": "no", "size": 10 });
    let end = json!({ "status": "partial_success", "problem_count": 3, "problems": [
        problem("/srv/a", "access_denied"), problem("/srv/b", "access_denied"), problem("/srv/c", "vanished")] });
    ready
        .agent
        .update(work.run_id.0, 1, 1, end)
        .await
        .expect(200);
    let done = run(&admin, &started).await;
    assert_eq!(
        (&done["status"], &done["problem_count"]),
        (&json!("partial_success"), &json!(3))
    );
    let group = &done["problem_groups"][0];
    assert_eq!(
        (&group["code"], &group["count"], &group["bytes"]),
        (&json!("access_denied"), &json!(2), &json!(20))
    );
    assert_eq!(group["examples"], json!(["/srv/a", "/srv/b"]));
    let path = format!("/runs/{}/problems?code=vanished", id(&started));
    assert_eq!(
        admin.get(&path).await.expect(200)["items"][0]["path"],
        "/srv/c"
    );
    worst_alert_is(&admin, "files_skipped").await;
}

// Requirements: CAN-2, CAN-3, CAN-5, API-A-4, API-C-11
#[tokio::test(flavor = "multi_thread")]
async fn a_queued_run_is_cancelled_at_once_and_a_running_one_by_its_agent() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let queued = ready.start(&admin).await;
    let over = admin
        .post(&format!("/runs/{}/cancel", id(&queued)), json!({}))
        .await
        .expect(200);
    assert_eq!(over["status"], "cancelled");
    assert!(ready.agent.poll(1, 0).await.run.is_none());

    let started = ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    ready
        .agent
        .update(work.run_id.0, 1, 1, json!({ "status": "running" }))
        .await
        .expect(200);
    let waiting = tokio::spawn({
        let agent = ready.agent.clone();
        async move { (agent.poll(0, 20).await, std::time::Instant::now()) }
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let asked = std::time::Instant::now();
    let shown = admin
        .post(&format!("/runs/{}/cancel", id(&started)), json!({}))
        .await
        .expect(200);
    assert_eq!(
        (&shown["status"], &shown["cancel_requested"]),
        (&json!("running"), &json!(true))
    );
    let (answer, at) = waiting.await.expect("the poll ends");
    assert_eq!(answer.cancel[0].run_id, work.run_id);
    assert!(at.duration_since(asked).as_secs() < 3);
    let again = std::time::Instant::now();
    ready.agent.poll(0, 1).await;
    // Three seconds after the first order it may be given again.
    if asked.elapsed().as_secs() < 3 {
        assert!(
            again.elapsed().as_millis() > 500,
            "the order is not repeated at once"
        );
    }
    let answer = ready
        .agent
        .update(work.run_id.0, 1, 2, json!({}))
        .await
        .expect(200);
    assert_eq!(answer["cancel_requested"], true);
    ready
        .agent
        .update(work.run_id.0, 1, 3, json!({ "status": "cancelled" }))
        .await
        .expect(200);
    assert_eq!(run(&admin, &started).await["status"], "cancelled");
    assert_eq!(admin.get("/points").await.expect(200)["count"], 0);
}

// Requirements: RUN-9
#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_agent_gets_its_own_run_back_and_the_old_attempt_is_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let started = ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    ready
        .agent
        .update(
            work.run_id.0,
            1,
            7,
            json!({ "status": "running", "bytes_transferred": 500 }),
        )
        .await
        .expect(200);
    let mut restarted = ready.agent.restarted();
    restarted.hello().await.expect(200);
    let again = restarted.take_run().await;
    assert_eq!(
        (again.run_id, again.run_uuid, again.attempt),
        (work.run_id, work.run_uuid, Attempt(2))
    );
    ready
        .agent
        .update(work.run_id.0, 1, 8, json!({ "status": "success" }))
        .await
        .refused(409, "stale_attempt");
    restarted
        .update(
            work.run_id.0,
            2,
            1,
            json!({ "status": "running", "bytes_transferred": 10 }),
        )
        .await
        .expect(200);
    let shown = run(&admin, &started).await;
    assert_eq!(
        (&shown["attempt"], &shown["progress"]["bytes_transferred"]),
        (&json!(2), &json!(500))
    );
    // Events of both attempts are kept, each once.
    ready
        .agent
        .events(work.run_id.0, 1, &[(1, "A")])
        .await
        .expect(200);
    restarted
        .events(work.run_id.0, 2, &[(1, "B")])
        .await
        .expect(200);
    assert_eq!(run(&admin, &started).await["event_count"], 2);
    assert!(
        restarted.poll(1, 0).await.run.is_none(),
        "a run in hand is not handed back"
    );
}

// Requirements: RUN-9
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_answer_was_lost_is_handed_out_again_after_the_grace() {
    let fixed = FixedSettings {
        reclaim_grace_seconds: Some(5),
        watchdog_timeout_seconds: Some(600),
        ..FixedSettings::default()
    };
    let server = TestServer::start_with(fixed).await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    ready.start(&admin).await;
    let lost = ready.agent.poll(1, 5).await.run.expect("a run");
    assert!(
        ready.agent.poll(1, 0).await.run.is_none(),
        "not before the grace"
    );
    let again = eventually("it is handed out again", async || {
        ready.agent.poll(1, 0).await.run
    })
    .await;
    assert_eq!((again.run_id, again.attempt), (lost.run_id, Attempt(2)));
}

// Requirements: RUN-10, SCH-8
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_agent_fails_its_run_and_may_report_once_later() {
    let fixed = FixedSettings {
        reclaim_grace_seconds: Some(1),
        watchdog_timeout_seconds: Some(2),
        ..FixedSettings::default()
    };
    let server = TestServer::start_with(fixed).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let started = ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    ready
        .agent
        .update(work.run_id.0, 1, 1, json!({ "status": "running" }))
        .await
        .expect(200);
    let failed = eventually("the run is given up", async || {
        let shown = run(&admin, &started).await;
        (shown["status"] == "failed").then_some(shown)
    })
    .await;
    assert_eq!(failed["failure"]["code"], "AGENT_OFFLINE");
    worst_alert_is(&admin, "run_failed").await;
    ready
        .agent
        .update(work.run_id.0, 1, 2, json!({ "status": "running" }))
        .await
        .expect(200);
    assert_eq!(run(&admin, &started).await["status"], "failed");
    ready.agent.finish(&work, 3, "/srv/data").await;
    let late = run(&admin, &started).await;
    assert_eq!(
        (&late["status"], &late["failure"]),
        (&json!("success"), &Value::Null)
    );
    ready
        .agent
        .update(work.run_id.0, 1, 4, json!({ "status": "failed" }))
        .await
        .expect(200);
    assert_eq!(
        run(&admin, &started).await["status"],
        "success",
        "once only"
    );
    assert_eq!(admin.get("/points").await.expect(200)["count"], 1);
    let events = admin
        .get(&format!("/runs/{}/events", id(&started)))
        .await
        .expect(200);
    assert!(events.to_string().contains("RUN_REPORTED_LATE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_server_fails_no_run() {
    let fixed = FixedSettings {
        reclaim_grace_seconds: Some(2),
        watchdog_timeout_seconds: Some(8),
        ..FixedSettings::default()
    };
    let mut server = TestServer::start_with(fixed).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let started = ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    ready
        .agent
        .update(work.run_id.0, 1, 1, json!({ "status": "running" }))
        .await
        .expect(200);
    server.stop().await;
    tokio::time::sleep(std::time::Duration::from_secs(9)).await;
    server.resume().await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(
        run(&admin, &started).await["status"],
        "running",
        "silence counts from the server's start"
    );
    ready.agent.finish(&work, 2, "/srv/data").await;
    assert_eq!(run(&admin, &started).await["status"], "success");
}

// Requirements: RUN-7, API-A-3
#[tokio::test(flavor = "multi_thread")]
async fn a_run_belongs_to_its_agent() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let other = server.agent(&admin, "other").await;
    ready.start(&admin).await;
    assert!(other.poll(1, 0).await.run.is_none());
    let work = ready.agent.take_run().await;
    other
        .update(work.run_id.0, 1, 1, json!({ "status": "success" }))
        .await
        .refused(404, "not_found");
    other
        .events(work.run_id.0, 1, &[(1, "A")])
        .await
        .refused(404, "not_found");
    let mut liar = other.clone();
    liar.running.push((work.run_id.0, 1));
    let answer = liar.poll(0, 1).await;
    assert_eq!(answer.forget[0].run_id, work.run_id);
}

// Requirements: RUN-6, RST-2, RST-4, API-A-5, API-C-13, DB-6
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_a_run_with_a_command() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let work = ready.back_up(&admin).await;
    let point = admin.get("/points").await.expect(200)["items"][0].clone();
    let snapshot = point["snapshots"][0]["id"].clone();

    let listing = tokio::spawn({
        let agent = ready.agent.clone();
        let entry = json!({ "name": "a.txt", "kind": "file", "size": 5 });
        async move {
            agent
                .serve("list_content", json!({ "path": "", "entries": [entry] }))
                .await
        }
    });
    let content = admin
        .post(
            &format!("/points/{}/content", id(&point)),
            json!({ "snapshot_id": snapshot }),
        )
        .await
        .expect(200);
    assert_eq!(content["result"]["entries"][0]["name"], "a.txt");
    assert_eq!(
        listing.await.expect("serves")["payload"]["manifest_id"],
        format!("m{}", work.run_id)
    );

    let order = json!({ "point_id": point["id"], "target_path": "/back", "overwrite": "never",
        "items": [{ "snapshot_id": snapshot, "path": "a.txt" }] });
    let restore = admin.post("/restores", order.clone()).await.expect(201);
    assert_eq!(
        (
            &restore["type"],
            &restore["status"],
            &restore["target_path"]
        ),
        (&json!("restore"), &json!("queued"), &json!("/back"))
    );
    let answer = ready.agent.poll(1, 5).await;
    assert!(answer.run.is_none(), "a restore is not handed out as a run");
    let command = &answer.commands[0];
    assert_eq!(
        (command.kind.as_str(), &command.payload["items"][0]["path"]),
        ("restore", &json!("a.txt"))
    );
    let wire = command.payload["restore_run_id"].as_i64().expect("a run");
    ready.agent.running.push((wire, 1));
    ready
        .agent
        .update(
            wire,
            1,
            1,
            json!({ "status": "running", "bytes_transferred": 5, "bytes_total": 5 }),
        )
        .await
        .expect(200);
    ready
        .agent
        .update(wire, 1, 2, json!({ "status": "success" }))
        .await
        .expect(200);
    ready
        .agent
        .complete(
            command.command_id.0,
            json!({ "status": "completed", "result": {} }),
        )
        .await
        .expect(200);
    assert_eq!(run(&admin, &restore).await["status"], "success");
    assert_eq!(
        admin.get("/overview").await.expect(200)["last_restore"]["id"],
        restore["id"]
    );

    // One that was interrupted by a crash fails with its code.
    let second = admin.post("/restores", order.clone()).await.expect(201);
    let command = ready.agent.poll(0, 5).await.commands[0].command_id.0;
    ready
        .agent
        .complete(
            command,
            json!({ "status": "failed", "code": "interrupted" }),
        )
        .await
        .expect(200);
    let shown = run(&admin, &second).await;
    assert_eq!(
        (&shown["status"], &shown["failure"]["code"]),
        (&json!("failed"), &json!("interrupted"))
    );

    // One that waits is withdrawn with its command.
    let third = admin.post("/restores", order).await.expect(201);
    admin
        .post(&format!("/runs/{}/cancel", id(&third)), json!({}))
        .await
        .expect(200);
    assert!(ready.agent.poll(0, 0).await.commands.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_of_the_vault_brings_the_catalogue_up_to_date() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.back_up(&admin).await;
    let refresh = async |points: Value| {
        let agent = ready.agent.clone();
        let serving = tokio::spawn(async move {
            agent
                .serve("list_points", json!({ "points": points }))
                .await
        });
        let path = format!("/vaults/{}/refresh-points", ready.vault_id());
        let answer = admin.post(&path, json!({})).await.expect(200);
        serving.await.expect("serves");
        answer["result"].clone()
    };
    let foreign = json!({ "manifest_id": "x1", "source_user": "me", "source_host": "laptop", "source_path": "/home/me",
        "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T00:01:00Z", "root_object": "kx", "files": 7,
        "dirs": 1, "bytes": 70, "errors": 0 });
    assert_eq!(
        refresh(json!([foreign])).await,
        json!({ "present": 1, "added": 1, "gone": 1, "goes_on": false })
    );
    let points = admin.get("/points").await.expect(200);
    assert_eq!(
        (
            &points["count"],
            &points["items"][0]["source"],
            &points["items"][0]["job"]
        ),
        (&json!(1), &json!("me@laptop"), &Value::Null)
    );
    assert_eq!(
        refresh(json!([foreign])).await,
        json!({ "present": 1, "added": 0, "gone": 0, "goes_on": false })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_several_pages_counts_when_its_last_page_is_there() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let vault = ready.vault_id();
    // Some begin at the same time.
    let listed = |number: usize| {
        let start = format!("2026-01-01T00:{:02}:00Z", number / 2);
        json!({ "manifest_id": format!("m{number}"), "source_user": "me", "source_host": "laptop",
            "source_path": "/home", "start_time": start, "end_time": start, "root_object": format!("k{number}"),
            "files": 1, "dirs": 1, "bytes": 10, "errors": 0 })
    };
    let list = async |pages: &[Vec<Value>]| {
        let path = format!("/vaults/{vault}/refresh-points");
        let wait = json!({ "wait_seconds": 0 });
        admin.post(&path, wait).await.expect(202);
        for (index, page) in pages.iter().enumerate() {
            let answer = ready.agent.poll(0, 20).await;
            let command = answer.commands.first().expect("a page is asked for");
            let cursor = match index {
                0 => Value::Null,
                _ => json!(format!("after {index}")),
            };
            assert_eq!(
                (command.kind.as_str(), &command.payload["cursor"]),
                ("list_points", &cursor)
            );
            let more = (index + 1 < pages.len()).then(|| format!("after {}", index + 1));
            let result = json!({ "points": page, "next_cursor": more });
            let outcome = json!({ "status": "completed", "result": result });
            let id = command.command_id.0;
            ready.agent.complete(id, outcome).await.expect(200);
        }
        let newest = "SELECT hex(uuid) FROM commands WHERE kind = 'list_points' ORDER BY id DESC";
        let hex = text(&server, newest).await.expect("an id");
        let id = uuid::Uuid::parse_str(&hex).expect("an id");
        admin.get(&format!("/commands/{id}")).await.expect(200)["result"].clone()
    };
    let listed_at = async || {
        number(&server, "SELECT coalesce(listed_at, 0) FROM vaults")
            .await
            .expect("a time")
    };
    let all: Vec<Value> = (0..12).map(listed).collect();
    let [first, second, third] = [&all[..5], &all[5..10], &all[10..]].map(<[Value]>::to_vec);
    let found = list(&[first.clone(), second.clone(), third.clone()]).await;
    let points = async || admin.get("/points").await.expect(200)["count"].clone();
    assert_eq!(points().await, 12);
    let whole = json!({ "present": 12, "added": 12, "gone": 0, "goes_on": false });
    assert_eq!(found, whole);
    assert!(listed_at().await > 0);

    // Only the last page tells what is gone; and only with it the list counts.
    sql(&server, "UPDATE vaults SET listed_at = 7").await;
    let path = format!("/vaults/{vault}/refresh-points");
    admin
        .post(&path, json!({ "wait_seconds": 0 }))
        .await
        .expect(202);
    let page = json!({ "points": first, "next_cursor": "more" });
    ready.agent.serve("list_points", page).await;
    assert_eq!((listed_at().await, points().await), (7, json!(12)));
    let failed = json!({ "status": "failed", "code": "storage_unreachable" });
    let command = ready.agent.poll(0, 20).await.commands[0].command_id.0;
    ready.agent.complete(command, failed).await.expect(200);
    assert_eq!((listed_at().await, points().await), (7, json!(12)));

    // Those of the second page were deleted by somebody else.
    let found = list(&[first, third]).await;
    let whole = json!({ "present": 7, "added": 0, "gone": 5, "goes_on": false });
    assert_eq!(found, whole);
    assert_eq!(points().await, 7);
    assert!(listed_at().await > 7);

    // What never ends is no list.
    admin
        .post(&path, json!({ "wait_seconds": 0 }))
        .await
        .expect(202);
    let endless = json!({ "points": [], "next_cursor": "more" });
    ready.agent.serve("list_points", endless).await;
    assert!(ready.agent.poll(0, 0).await.commands.is_empty());
    assert_eq!(points().await, 7);
}

// Requirements: RUN-5
#[tokio::test(flavor = "multi_thread")]
async fn polls_at_the_same_moment_get_a_run_once() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let other = server.agent(&admin, "other").await;
    for _ in 0..5 {
        ready.start(&admin).await;
        let polls = (0..8).map(|number| {
            let agent = if number == 3 { &other } else { &ready.agent };
            agent.poll(1, 0)
        });
        let answers = futures::future::join_all(polls).await;
        let runs: Vec<_> = answers.iter().map(|answer| answer.run.is_some()).collect();
        assert_eq!(runs.iter().filter(|has| **has).count(), 1, "{runs:?}");
        assert!(!runs[3], "it is another machine's");
        let work = answers.into_iter().find_map(|answer| answer.run);
        ready.agent.finish(&work.expect("a run"), 1, "/srv").await;
    }
}

// Requirements: RUN-8, PRG-1, API-A-2
#[tokio::test(flavor = "multi_thread")]
async fn each_update_is_a_sign_of_life_and_changes_what_it_names() {
    let fixed = FixedSettings {
        reclaim_grace_seconds: Some(1),
        watchdog_timeout_seconds: Some(3),
        ..FixedSettings::default()
    };
    let server = TestServer::start_with(fixed).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let started = ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    let wire = work.run_id.0;
    let all = json!({ "status": "running", "progress_pct": 25.0, "bytes_processed": 100, "bytes_total": 400,
        "bytes_transferred": 50, "objects_transferred": 3, "objects_total": 9, "speed_bytes_per_sec": 7,
        "current_item": "/srv/data/a" });
    ready.agent.update(wire, 1, 1, all).await.expect(200);
    let first = run(&admin, &started).await;
    let figures = &first["progress"];
    assert_eq!(
        (
            &figures["objects_transferred"],
            &figures["objects_total"],
            &figures["current_item"]
        ),
        (&json!(3), &json!(9), &json!("/srv/data/a")),
        "{figures}"
    );
    // Twice the time-out: only what is reported keeps it alive.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(6);
    let mut seq = 1;
    while std::time::Instant::now() < end {
        seq += 1;
        ready
            .agent
            .update(wire, 1, seq, json!({}))
            .await
            .expect(200);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let shown = run(&admin, &started).await;
    assert_eq!(shown["status"], "running");
    for name in [
        "percent",
        "bytes_processed",
        "bytes_total",
        "bytes_transferred",
        "objects_transferred",
        "objects_total",
        "speed_bytes_per_second",
        "current_item",
    ] {
        assert_eq!(shown["progress"][name], first["progress"][name], "{name}");
    }
    seq += 1;
    let some = json!({ "bytes_processed": 200 });
    ready.agent.update(wire, 1, seq, some).await.expect(200);
    let shown = run(&admin, &started).await;
    assert_eq!(
        (
            &shown["progress"]["bytes_processed"],
            &shown["progress"]["bytes_transferred"]
        ),
        (&json!(200), &json!(50))
    );
    eventually("a silent run is given up", async || {
        let shown = run(&admin, &started).await;
        (shown["status"] == "failed").then_some(())
    })
    .await;
}

// Requirements: LOG-6
#[tokio::test(flavor = "multi_thread")]
async fn text_and_parameters_of_events_reach_the_client() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let started = ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    let params = json!({ "path": "/srv/a <b>", "message": "no & never", "count": 3 });
    let event = json!({ "seq": 1, "time": jiff::Timestamp::now().to_string(), "type": "warning", "level": "warn",
        "message_id": "ITEM_FAILED", "params_json": params });
    let body = json!({ "run_id": work.run_id, "attempt": 1, "events": [event] });
    let path = holdfast_protocol::agent::routes::run_events(work.run_id);
    ready.agent.call(&path, body).await.expect(200);
    let path = format!("/runs/{}/events", id(&started));
    let shown = admin.get(&path).await.expect(200)["items"][0].clone();
    assert_eq!(
        (&shown["message"], &shown["params"]),
        (
            &json!("/srv/a <b> could not be backed up: no & never"),
            &params
        )
    );
    assert_eq!(
        (&shown["level"], &shown["message_id"]),
        (&json!("warn"), &json!("ITEM_FAILED"))
    );
}

// Requirements: API-C-6
#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_by_filters_and_in_pages() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut first = ready(&server, &admin, "one").await;
    let mut second = ready(&server, &admin, "two").await;
    for ready in [&mut first, &mut second] {
        for status in ["success", "failed"] {
            ready.start(&admin).await;
            let work = ready.agent.take_run().await;
            let end = json!({ "status": status, "bytes_processed": 30, "bytes_transferred": 10 });
            ready
                .agent
                .update(work.run_id.0, 1, 1, end)
                .await
                .expect(200);
            ready.agent.running.clear();
        }
    }
    let count = async |filter: &str| {
        admin.get(&format!("/runs?{filter}")).await.expect(200)["count"].clone()
    };
    let (job, agent) = (first.job_id().to_owned(), second.agent.uuid.clone());
    assert_eq!(count(&format!("job_id={job}")).await, 2);
    assert_eq!(count(&format!("agent_id={agent}")).await, 2);
    assert_eq!(count(&format!("vault_id={}", first.vault_id())).await, 2);
    assert_eq!(count("status=failed").await, 2);
    assert_eq!(count(&format!("status=failed&agent_id={agent}")).await, 1);
    assert_eq!(count("status=failed,success").await, 4);
    assert_eq!(count("type=restore").await, 0);
    admin.get("/runs?status=lost").await.wrong_field("?status");
    let page = admin.get("/runs?limit=3").await.expect(200);
    let rows = page["items"].as_array().expect("items").clone();
    let row = &rows[0];
    assert_eq!(
        (
            &row["status"],
            &row["type"],
            &row["trigger"],
            &row["job"]["name"],
            &row["agent"]["name"]
        ),
        (
            &json!("failed"),
            &json!("backup"),
            &json!("manual"),
            &json!("job of two"),
            &json!("two")
        )
    );
    assert!(
        row["started_at"].is_string() && row["finished_at"].is_string(),
        "{row}"
    );
    assert_eq!(
        (
            &row["progress"]["bytes_processed"],
            &row["progress"]["bytes_transferred"]
        ),
        (&json!(30), &json!(10)),
        "{row}"
    );
    let cursor = page["next_cursor"].as_str().expect("a second page");
    let rest = admin
        .get(&format!("/runs?limit=3&cursor={cursor}"))
        .await
        .expect(200);
    let mut all = rows;
    all.extend(rest["items"].as_array().expect("items").clone());
    assert_eq!((all.len(), &rest["next_cursor"]), (4, &Value::Null));
    let times: Vec<&str> = all
        .iter()
        .filter_map(|run| run["created_at"].as_str())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
}

// Requirements: CAN-14
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_whose_agent_is_gone_ends_by_the_watchdog() {
    let fixed = FixedSettings {
        reclaim_grace_seconds: Some(1),
        watchdog_timeout_seconds: Some(2),
        ..FixedSettings::default()
    };
    let server = TestServer::start_with(fixed).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let started = ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    let running = json!({ "status": "running" });
    ready
        .agent
        .update(work.run_id.0, 1, 1, running)
        .await
        .expect(200);
    let cancel = format!("/runs/{}/cancel", id(&started));
    let asked = admin.post(&cancel, json!({})).await.expect(200);
    assert_eq!(asked["status"], "running");
    let over = eventually("the run is given up", async || {
        let shown = run(&admin, &started).await;
        (shown["status"] == "failed").then_some(shown)
    })
    .await;
    assert_eq!(over["failure"]["code"], "AGENT_OFFLINE");
    let again = admin.post(&cancel, json!({})).await;
    again.refused(409, "run_is_over");
}
