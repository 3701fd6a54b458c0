//! Finding files in all restore points.

use serde_json::{Value, json};

use crate::{
    live::Events,
    support::{Ready, TestServer, ready, server::sql},
};

/// What an agent found in a vault: one file in the snapshot of a run, and in one that no restore point has.
fn hit(ready: &Ready, host: &str, path: &str, last: &str) -> Value {
    let unknown = json!({ "time": "2020-01-01T00:00:00Z", "point_id": ready.agent.uuid });
    json!({ "source_user": "root", "source_host": host, "source_path": "/srv/data", "path": path, "deleted": false,
        "version_count": 1, "versions": [{ "kind": "file", "size": 5, "points": 2, "pinned": false, "first": unknown,
            "last": { "time": last } }] })
}

fn result(hits: &[Value]) -> Value {
    json!({ "hits": hits, "points": 2, "points_done": 1, "unreadable": 0 })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_machine_finds_is_named_by_its_restore_points() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let work = ready.back_up(&admin).await;
    let point = admin.get("/points").await.expect(200)["items"][0].clone();
    let time = point["time"].as_str().expect("a time");
    let host = work.source_identity.host.as_str();

    let asked = json!({ "pattern": " *.txt ", "agent_id": ready.agent.uuid, "deleted": "only",
        "from": "2026-01-01T00:00:00Z", "limit": 7 });
    let search = admin.post("/searches", asked).await.expect(202);
    assert_eq!(search["not_searched"], json!([]));
    assert_eq!(search["vaults"][0]["vault"]["id"], ready.vault["id"]);
    let command = &search["vaults"][0]["command"];
    assert_eq!(
        (&command["type"], &command["status"]),
        (&json!("search"), &json!("pending"))
    );
    let id = command["id"].as_str().expect("an id");
    let mut events = Events::open(&admin, &format!("commands/{id}")).await;

    let delivered = ready.agent.poll(0, 5).await.commands[0].clone();
    assert!(delivered.vault.is_some(), "with the vault's secrets");
    assert_eq!(
        delivered.payload,
        json!({ "pattern": "*.txt", "sources": [{ "user": work.source_identity.user, "host": host, "path": "" }],
            "from": "2026-01-01T00:00:00Z", "deleted": "only", "limit": 7, "versions": 10 })
    );

    // A part reaches the page that waits, and so does the whole; the server alone says which points they are.
    let wire = delivered.command_id;
    let user = work.source_identity.user.as_str();
    let mut known = hit(&ready, host, "a.txt", time);
    known["source_user"] = json!(user);
    let stranger = hit(&ready, "elsewhere", "b.txt", time);
    let part = json!({ "seq": 1, "result": result(&[known.clone()]) });
    ready
        .agent
        .call(&format!("/agent/v1/commands/{wire}/partial"), part)
        .await
        .expect(200);
    let part = events.find("command_partial", |_| true).await;
    let of_part = &part["data"]["result"]["hits"][0]["versions"][0];
    assert_eq!(of_part["last"]["point_id"], point["id"], "{part}");
    ready
        .agent
        .complete(
            wire.0,
            json!({ "status": "completed", "result": result(&[known, stranger]) }),
        )
        .await
        .expect(200);
    let done = admin.get(&format!("/commands/{id}")).await.expect(200);
    let version = |hit: usize| done["result"]["hits"][hit]["versions"][0].clone();
    let last = version(0)["last"].clone();
    assert_eq!(
        (&last["point_id"], &last["snapshot_id"]),
        (&point["id"], &point["snapshots"][0]["id"])
    );
    assert!(
        version(0)["first"].get("point_id").is_none(),
        "the agent's word is not taken: {done}"
    );
    assert!(
        version(1)["last"].get("point_id").is_none(),
        "of another machine: {done}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn vaults_that_no_machine_reaches_are_named() {
    let mut server = TestServer::start().await;
    let admin = server.admin().await;
    let first = ready(&server, &admin, "first").await;
    let second = ready(&server, &admin, "second").await;
    // Contacts that were kept in memory are written down.
    server.stop().await;
    server.resume().await;
    sql(
        &server,
        "UPDATE agents SET last_seen_at = last_seen_at - 3600000",
    )
    .await;
    first.agent.poll(0, 0).await;
    let search = admin.post("/searches", json!({ "pattern": "x" })).await;
    let search = search.expect(202);
    let searched = search["vaults"].as_array().expect("vaults");
    assert_eq!(searched.len(), 1, "{search}");
    assert_eq!(searched[0]["vault"]["id"], first.vault["id"]);
    let not = &search["not_searched"][0];
    assert_eq!(not["vault"]["id"], second.vault["id"]);
    assert_eq!(not["failure"]["code"], "no_agent_online");
    let detail = not["failure"]["detail"].as_str().expect("words");
    assert!(detail.contains("second"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_looked_for_is_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for (body, pointer) in [
        (json!({}), "/pattern"),
        (json!({ "pattern": "  " }), "/pattern"),
        (json!({ "pattern": "[a" }), "/pattern"),
        (json!({ "pattern": "x".repeat(4097) }), "/pattern"),
        (json!({ "pattern": "a", "limit": 501 }), "/limit"),
        (json!({ "pattern": "a", "cursor": "x" }), "/cursor"),
        (
            json!({ "pattern": "a", "from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z" }),
            "/to",
        ),
        (json!({ "pattern": "a", "deleted": "perhaps" }), "/deleted"),
        (json!({ "pattern": "a", "colour": 1 }), "/colour"),
    ] {
        admin.post("/searches", body).await.wrong_field(pointer);
    }
    let nothing = admin.post("/searches", json!({ "pattern": "a" })).await;
    assert_eq!(
        nothing.expect(202),
        json!({ "vaults": [], "not_searched": [] })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_a_path_are_looked_for_in_its_source() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let work = ready.back_up(&admin).await;
    let point = admin.get("/points").await.expect(200)["items"][0].clone();
    let path = format!("/points/{}/versions", point["id"].as_str().expect("an id"));
    for wrong in ["", "/etc/passwd", "a/../b"] {
        let body = json!({ "path": wrong });
        admin.post(&path, body).await.wrong_field("/path");
    }
    let body = json!({ "path": "docs/[a].txt", "wait_seconds": 0 });
    let command = admin.post(&path, body).await.expect(202);
    let delivered = ready.agent.serve("search", result(&[])).await;
    assert_eq!(delivered["payload"]["path"], "docs/[a].txt");
    let source = &delivered["payload"]["sources"][0];
    assert_eq!(
        (&source["path"], &source["host"]),
        (&json!("/srv/data"), &json!(work.source_identity.host))
    );
    let id = command["id"].as_str().expect("an id");
    let done = admin.get(&format!("/commands/{id}")).await.expect(200);
    assert_eq!(done["result"]["hits"], json!([]));
}
