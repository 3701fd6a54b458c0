//! The explorer of restore points: its line of time, and what it asks agents about points.

use holdfast_protocol::agent::{
    CommandPayload,
    commands::{Change, DeletePoints, Diff, DiffList, FindPath, Pin},
};
use serde_json::{Value, json};

use crate::support::{
    Client, Ready, ScriptedAgent, TestServer, ready,
    server::{number, sql},
};

/// The points of the job on its line of time, newest first.
async fn points(admin: &Client, ready: &Ready) -> Vec<Value> {
    let path = format!("/points/timeline?job_id={}", ready.job_id());
    let timeline = admin.get(&path).await.expect(200);
    timeline["points"].as_array().expect("a list").clone()
}

fn id(point: &Value) -> &str {
    point["id"].as_str().expect("an id")
}

// Requirements: TM-3, TM-4
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_points_come_at_once() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.back_up(&admin).await;
    // As if a year had passed with three runs a day.
    let copies = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100) \
        INSERT INTO points (uuid, tenant_id, reseller_id, job_id, vault_id, source_user, source_host, time, state, files, \
        total_bytes, bytes_uploaded, problem_count, created_at, by_server, pinned) \
        SELECT randomblob(16), tenant_id, reseller_id, job_id, vault_id, source_user, source_host, time - i * 28800000, \
        iif(i = 1100, 'gone', 'present'), files + i, total_bytes + i, iif(i % 2, NULL, i), i % 3, created_at, 1, i = 5 \
        FROM points, n WHERE points.id = 1";
    sql(&server, copies).await;
    let shown = points(&admin, &ready).await;
    assert_eq!(shown.len(), 1100, "what is gone is left out");
    let times: Vec<&str> = shown
        .iter()
        .map(|point| point["time"].as_str().expect("a time"))
        .collect();
    assert!(times.is_sorted_by(|newer, older| newer > older));
    for (index, point) in shown.iter().enumerate().skip(1) {
        let uploaded = if index % 2 == 1 {
            Value::Null
        } else {
            json!(index)
        };
        assert_eq!(
            (
                &point["files"],
                &point["total_bytes"],
                &point["bytes_uploaded"],
                &point["problem_count"]
            ),
            (
                &json!(3 + index),
                &json!(3000 + index),
                &uploaded,
                &json!(index % 3)
            )
        );
        assert_eq!(point["pinned"], index == 5);
        assert_eq!(point["job_id"], ready.job_id());
    }
    let one = admin.get(&format!("/points/{}", id(&shown[5]))).await;
    assert_eq!(one.expect(200)["pinned"], true);
    let all = admin.get("/points/timeline").await.expect(200);
    assert_eq!(
        (&all["points"][7], &all["truncated"]),
        (&shown[7], &json!(false))
    );
}

/// The command that waits for an agent.
async fn command(agent: &ScriptedAgent) -> (i64, CommandPayload) {
    let answer = agent.poll(0, 20).await;
    let command = answer.commands.first().expect("a command is handed out");
    let payload = CommandPayload::parse(&command.kind, &command.payload).expect("is known");
    (command.command_id.0, payload)
}

// Requirements: TM-4
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_looked_for_in_the_points_around() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    for _ in 0..5 {
        ready.back_up(&admin).await;
    }
    let shown = points(&admin, &ready).await;
    sql(&server, "UPDATE points SET state = 'gone' WHERE id = 1").await;
    let path = format!("/points/{}/path-searches", id(&shown[2]));
    let refused = admin.post(&path, json!({ "path": "../etc" })).await;
    refused.wrong_field("/path");
    let request = json!({ "path": "Finance", "wait_seconds": 0 });
    let asked = admin.post(&path, request).await.expect(202);
    let (number, payload) = command(&ready.agent).await;
    let CommandPayload::FindPath(FindPath {
        path,
        later,
        earlier,
    }) = payload
    else {
        panic!("another command")
    };
    assert_eq!(path, "Finance");
    let named = |list: Vec<holdfast_protocol::agent::commands::NamedSnapshot>| -> Vec<String> {
        list.into_iter().map(|one| one.point.to_string()).collect()
    };
    assert_eq!(named(later), [id(&shown[1]), id(&shown[0])]);
    assert_eq!(named(earlier), [id(&shown[3])]);
    let result = json!({ "later": id(&shown[0]) });
    let outcome = json!({ "status": "completed", "result": result });
    ready.agent.complete(number, outcome).await.expect(200);
    let command = format!("/commands/{}", asked["id"].as_str().expect("an id"));
    let answer = admin.get(&command).await.expect(200);
    assert_eq!(answer["result"]["later"], *id(&shown[0]));
}

async fn complete(agent: &ScriptedAgent, number: i64, result: Value) {
    let outcome = json!({ "status": "completed", "result": result });
    agent.complete(number, outcome).await.expect(200);
}

async fn pin_of(admin: &Client, point: &str) -> (Value, Value) {
    let shown = admin.get(&format!("/points/{point}")).await.expect(200);
    (shown["pinned"].clone(), shown["pin_note"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_is_kept_in_the_vault_and_the_catalogue_follows() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.back_up(&admin).await;
    let point = id(&points(&admin, &ready).await[0]).to_owned();
    let (pin, unpin) = (
        format!("/points/{point}/pin"),
        format!("/points/{point}/unpin"),
    );
    let long = "x".repeat(101);
    for note in [long.as_str(), "a\nb"] {
        admin
            .post(&pin, json!({ "note": note }))
            .await
            .wrong_field("/note");
    }
    let request = json!({ "note": " Before the move ", "wait_seconds": 0 });
    let asked = admin.post(&pin, request).await.expect(202);
    let (number, payload) = command(&ready.agent).await;
    let CommandPayload::Pin(Pin {
        point: named,
        snapshots,
        pin: name,
    }) = payload
    else {
        panic!("another command")
    };
    assert_eq!(
        (named.to_string(), name.as_deref()),
        (point.clone(), Some("Before the move"))
    );
    assert_eq!(snapshots[0].source_path, "/srv/data");
    assert_eq!(
        pin_of(&admin, &point).await,
        (json!(false), Value::Null),
        "only what the agent said"
    );
    complete(
        &ready.agent,
        number,
        json!({ "pins": ["Before the move"], "manifests": ["new"] }),
    )
    .await;
    let answer = format!("/commands/{}", asked["id"].as_str().expect("an id"));
    let result = admin.get(&answer).await.expect(200)["result"].clone();
    assert_eq!(result, json!({ "pinned": true, "note": "Before the move" }));
    assert_eq!(
        pin_of(&admin, &point).await,
        (json!(true), json!("Before the move"))
    );

    // The catalogue names the manifest that the pin has made.
    admin
        .post(&unpin, json!({ "wait_seconds": 0 }))
        .await
        .expect(202);
    let (number, payload) = command(&ready.agent).await;
    let CommandPayload::Pin(order) = payload else {
        panic!("another command")
    };
    assert_eq!(
        (order.pin, order.snapshots[0].manifest_id.as_str()),
        (None, "new")
    );
    complete(
        &ready.agent,
        number,
        json!({ "pins": [], "manifests": ["newer"] }),
    )
    .await;
    assert_eq!(pin_of(&admin, &point).await, (json!(false), Value::Null));

    // Without a note, and by another program: a listing brings it.
    admin
        .post(&pin, json!({ "wait_seconds": 0 }))
        .await
        .expect(202);
    let (number, _) = command(&ready.agent).await;
    complete(
        &ready.agent,
        number,
        json!({ "pins": ["pinned"], "manifests": ["newest"] }),
    )
    .await;
    assert_eq!(pin_of(&admin, &point).await, (json!(true), Value::Null));
    let snapshot = &order.snapshots[0];
    let listed = json!({ "manifest_id": "other", "source_user": snapshot.source_user, "source_host": snapshot.source_host,
        "source_path": snapshot.source_path, "start_time": snapshot.start_time, "end_time": snapshot.start_time,
        "root_object": snapshot.root_object, "files": 3, "dirs": 1, "bytes": 3000, "errors": 0, "pins": ["audit"] });
    let refresh = format!("/vaults/{}/refresh-points", ready.vault_id());
    admin
        .post(&refresh, json!({ "wait_seconds": 0 }))
        .await
        .expect(202);
    ready
        .agent
        .serve("list_points", json!({ "points": [listed] }))
        .await;
    assert_eq!(pin_of(&admin, &point).await, (json!(true), json!("audit")));

    let audit = admin.get("/audit").await.expect(200).to_string();
    assert!(
        audit.contains("points.pin") && audit.contains("points.unpin"),
        "{audit}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_is_deleted_by_hand_once() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    for _ in 0..3 {
        ready.back_up(&admin).await;
    }
    let shown = points(&admin, &ready).await;
    let point = id(&shown[1]).to_owned();
    let path = format!("/points/{point}/deletions");
    let later = json!({ "wait_seconds": 0 });

    let preview = format!("/points/{point}/deletion-previews");
    let asked = admin.post(&preview, later.clone()).await.expect(202);
    let (number, payload) = command(&ready.agent).await;
    assert!(
        matches!(payload, CommandPayload::PreviewDeletion(_)),
        "{payload:?}"
    );
    let would = json!({ "deleted": [point], "missing": [], "refused": [] });
    let result = json!({ "would": would, "at_most_bytes": 17, "lock_seconds": 86400 });
    complete(&ready.agent, number, result.clone()).await;
    let answer = format!("/commands/{}", asked["id"].as_str().expect("an id"));
    assert_eq!(admin.get(&answer).await.expect(200)["result"], result);
    assert_eq!(points(&admin, &ready).await.len(), 3, "nothing was deleted");

    admin.post(&path, later.clone()).await.expect(202);
    let twice = admin
        .post(&path, later.clone())
        .await
        .refused(409, "point_busy");
    assert!(
        twice["detail"]
            .as_str()
            .expect("words")
            .contains("deleted already"),
        "{twice}"
    );
    let (number, payload) = command(&ready.agent).await;
    let CommandPayload::DeletePoints(DeletePoints {
        job_uuid,
        points: named,
    }) = payload
    else {
        panic!("another command")
    };
    assert_eq!(
        (job_uuid, named.len(), named[0].point.to_string()),
        (None, 1, point.clone())
    );
    complete(&ready.agent, number, would).await;
    assert_eq!(points(&admin, &ready).await.len(), 2);
    admin
        .post(&path, later.clone())
        .await
        .refused(409, "point_gone");
    // It tells nothing about the job's retention.
    let job = admin
        .get(&format!("/jobs/{}", ready.job_id()))
        .await
        .expect(200);
    assert_eq!(job["retention_applied"], Value::Null);
    let audit = admin.get("/audit").await.expect(200).to_string();
    assert!(audit.contains("points.delete"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pinned_or_being_restored_is_not_deleted() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.back_up(&admin).await;
    let point = id(&points(&admin, &ready).await[0]).to_owned();
    let path = format!("/points/{point}/deletions");
    let later = json!({ "wait_seconds": 0 });
    sql(&server, "UPDATE points SET pinned = 1").await;
    admin
        .post(&path, later.clone())
        .await
        .refused(409, "point_pinned");
    let shown = admin.get(&format!("/points/{point}")).await.expect(200);
    let action = |name: &str| -> Value {
        let actions = shown["actions"].as_array().expect("actions");
        actions
            .iter()
            .find(|action| action["name"] == name)
            .expect(name)["allowed"]
            .clone()
    };
    assert_eq!(
        (action("delete"), action("pin"), action("unpin")),
        (json!(false), json!(false), json!(true))
    );

    // Pinned between the order and the moment at which the machine asks for it.
    sql(&server, "UPDATE points SET pinned = 0").await;
    admin.post(&path, later.clone()).await.expect(202);
    sql(&server, "UPDATE points SET pinned = 1").await;
    let (number, payload) = command(&ready.agent).await;
    let CommandPayload::DeletePoints(order) = payload else {
        panic!("another command")
    };
    assert!(order.points.is_empty(), "{order:?}");
    complete(
        &ready.agent,
        number,
        json!({ "deleted": [], "missing": [], "refused": [] }),
    )
    .await;
    assert_eq!(points(&admin, &ready).await.len(), 1);

    sql(&server, "UPDATE points SET pinned = 0").await;
    let restore = json!({ "point_id": point, "target_path": "/back" });
    admin.post("/restores", restore).await.expect(201);
    let refused = admin.post(&path, later).await.refused(409, "point_busy");
    assert!(
        refused["detail"]
            .as_str()
            .expect("words")
            .contains("restored"),
        "{refused}"
    );
}

// Requirements: TM-8
#[tokio::test(flavor = "multi_thread")]
async fn two_points_are_compared_and_names_stay_sealed() {
    const PLANTED: &str = "planted-file-name-0818";
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.back_up(&admin).await;
    ready.back_up(&admin).await;
    let shown = points(&admin, &ready).await;
    let (after, before) = (id(&shown[0]), id(&shown[1]));
    let with = |field: &str, value: Value| {
        let mut body =
            json!({ "before_point_id": before, "after_point_id": after, "wait_seconds": 0 });
        body[field] = value;
        body
    };
    for (field, value) in [
        ("path", json!("/etc")),
        ("limit", json!(1001)),
        ("name", json!("x".repeat(1025))),
        ("list", json!("everything")),
    ] {
        let refused = admin.post("/comparisons", with(field, value)).await;
        refused.wrong_field(&format!("/{field}"));
    }
    admin
        .post("/comparisons", with("source_path", json!("/other")))
        .await
        .refused(404, "not_found");
    let body = json!({ "before_point_id": before, "after_point_id": after, "path": PLANTED, "list": "files",
        "changes": ["deleted"], "name": "Budget", "wait_seconds": 0 });
    let asked = admin.post("/comparisons", body).await.expect(202);
    let (command_id, payload) = command(&ready.agent).await;
    let CommandPayload::Diff(order) = payload else {
        panic!("another command")
    };
    let manifest = |point: &Value| format!("m{}", if id(point) == after { 2 } else { 1 });
    let expected = Diff {
        before: manifest(&shown[1]),
        after: manifest(&shown[0]),
        path: PLANTED.to_owned(),
        list: DiffList::Files,
        changes: vec![Change::Deleted],
        name: Some("Budget".to_owned()),
        ..Diff::default()
    };
    assert_eq!(order, expected);
    let state = json!({ "size": 4, "modified": "2026-11-21T22:41:00Z", "mode": "0644" });
    let entry = json!({ "path": PLANTED, "kind": "file", "change": "deleted", "before": state });
    let totals = json!({ "added": 0, "added_bytes": 0, "changed": 0, "changed_bytes": -3, "deleted": 1,
        "deleted_bytes": 4, "unchanged": 7 });
    let result = json!({ "path": PLANTED, "totals": totals, "entries": [entry], "count": 1, "left_out": 0,
        "unreadable": 0, "complete": true });
    complete(&ready.agent, command_id, result).await;
    let path = format!("/commands/{}", asked["id"].as_str().expect("an id"));
    let answer = admin.get(&path).await.expect(200);
    assert_eq!(answer["result"]["entries"][0]["path"], PLANTED);
    assert_eq!(answer["result"]["totals"]["changed_bytes"], -3);
    let clear = format!(
        "SELECT count(*) FROM commands WHERE instr(hex(sealed_result) || hex(sealed_payload), hex('{PLANTED}')) > 0"
    );
    assert_eq!(number(&server, &clear).await, Some(0));
    let kept = "SELECT count(*) FROM commands WHERE kind = 'diff' AND sealed_result IS NOT NULL";
    assert_eq!(number(&server, kept).await, Some(1));
    let folder = server.folder.path();
    assert!(!holds(folder, PLANTED), "a name lies in clear");
    assert!(
        holds(folder, "job of box"),
        "the search finds what is there"
    );
}

/// Whether a text lies in clear in any file below a folder.
fn holds(folder: &std::path::Path, text: &str) -> bool {
    std::fs::read_dir(folder)
        .expect("list the folder")
        .flatten()
        .any(|entry| {
            let path = entry.path();
            if path.is_dir() {
                return holds(&path, text);
            }
            let bytes = std::fs::read(&path).unwrap_or_default();
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        })
}
