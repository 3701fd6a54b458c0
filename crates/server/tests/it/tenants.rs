//! A second tenant: whatever the description offers, its ids lead nowhere for the first one.

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::{TestServer, eventually, ready};

/// Routes of the description that take ids, in their address, their parameters or their body. A new one must be
/// counted here.
const ROUTES_WITH_IDS: usize = 66;

// Requirements: SEC-8
#[tokio::test(flavor = "multi_thread")]
async fn foreign_ids_answer_404_on_every_route() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let own = ready(&server, &admin, "own").await;
    let other = server.second_tenant().await;
    let mut theirs = ready(&server, &other, "theirs").await;
    theirs.start(&other).await;
    let work = theirs.agent.take_run().await;
    theirs.agent.finish(&work, 1, "/srv/data").await;
    let waiting = theirs.start(&other).await;
    let point = other.get("/points").await.expect(200)["items"][0].clone();
    let token = other.post("/enrolment-tokens", json!({})).await.expect(201);
    let browse = format!("/agents/{}/browse", theirs.agent.uuid);
    let command = other
        .post(&browse, json!({ "wait_seconds": 0 }))
        .await
        .expect(202);
    let download = format!("/points/{}/downloads", point["id"].as_str().expect("an id"));
    let download = other
        .post(
            &download,
            json!({ "path": "a", "form": "file", "wait_seconds": 0 }),
        )
        .await
        .expect(202);
    let user = other.get("/users").await.expect(200)["items"][0].clone();

    // Nobody has seen the recovery kit of the vault yet.
    let alert = eventually("an alert is open", async || {
        let page = other.get("/alerts?state=open").await.expect(200);
        page["items"].get(0).cloned()
    })
    .await;

    let target = json!({ "kind": "webhook", "url": "https://x.example/theirs" });
    let channel = json!({ "name": "theirs", "target": target, "rules": {} });
    let channel = other
        .post("/notification-channels", channel)
        .await
        .expect(201)["channel"]
        .clone();

    let id_of = |noun: &str| -> Value {
        match noun {
            "notification-channels" | "channel_id" => channel["id"].clone(),
            "alerts" => alert["id"].clone(),
            "agents" | "agent_id" => json!(theirs.agent.uuid),
            "vaults" | "vault_id" => theirs.vault["id"].clone(),
            "jobs" | "job_id" => theirs.job["id"].clone(),
            "runs" | "run_id" => waiting["id"].clone(),
            "points" | "point_id" => point["id"].clone(),
            "commands" => command["id"].clone(),
            "downloads" => download["id"].clone(),
            "users" => user["id"].clone(),
            "enrolment-tokens" => token["enrolment_token"]["id"].clone(),
            "snapshot_id" => point["snapshots"][0]["id"].clone(),
            other => panic!("which object is {other}?"),
        }
    };
    let document = admin.get("/openapi.json").await.expect(200);
    let mut called = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let verb = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let send = async |url: &str, body: Value| {
                let request = admin
                    .request(verb.clone(), url)
                    .header(header::IF_MATCH, "\"1\"")
                    .json(&body);
                admin.send(request).await
            };
            let mut with_ids = false;
            if path.contains("{id}") {
                with_ids = true;
                let noun = path
                    .trim_start_matches("/api/v1/")
                    .split('/')
                    .next()
                    .expect("a noun");
                let url = path.replace("{id}", id_of(noun).as_str().expect("an id"));
                let body = match path.rsplit('/').next() {
                    Some("kit") => json!({ "password": "x" }),
                    Some("estimates") => json!({ "paths": ["/a"] }),
                    Some("path-explanations") => json!({ "paths": ["/a"], "path": "/a/b" }),
                    Some("downloads") => json!({ "form": "zip" }),
                    Some("maintenance") => json!({ "mode": "full" }),
                    _ => json!({}),
                };
                send(&url, body).await.refused(404, "not_found");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().expect("a name");
                if parameter["in"] == "query" && name.ends_with("_id") && !path.contains("{id}") {
                    with_ids = true;
                    let url = format!("{path}?{name}={}", id_of(name).as_str().expect("an id"));
                    send(&url, json!({})).await.refused(404, "not_found");
                }
                if name == "topics" {
                    with_ids = true;
                    for topic in ["runs", "commands"] {
                        let url = format!(
                            "{path}?topics={topic}/{}",
                            id_of(topic).as_str().expect("an id")
                        );
                        send(&url, json!({})).await.refused(404, "not_found");
                    }
                }
            }
            let bodies = match (method.as_str(), path.as_str()) {
                ("post", "/api/v1/jobs") => {
                    let body = |agent: Value, vault: Value| json!({ "name": "x", "agent_id": agent, "vault_id": vault, "paths": ["/a"] });
                    vec![
                        body(id_of("agent_id"), own.vault["id"].clone()),
                        body(json!(own.agent.uuid), id_of("vault_id")),
                    ]
                }
                ("post", "/api/v1/vaults") => vec![
                    json!({ "name": "x", "storage": { "kind": "directory", "agent_id": id_of("agent_id"), "path": "/x" } }),
                ],
                ("post", "/api/v1/storage-tests") => vec![
                    json!({ "storage": { "kind": "directory", "agent_id": id_of("agent_id"), "path": "/x" } }),
                ],
                ("post", "/api/v1/restores") => {
                    vec![json!({ "point_id": id_of("point_id"), "target_path": "/x" })]
                }
                ("post", "/api/v1/searches") => ["agent_id", "vault_id"]
                    .map(|id| json!({ "pattern": "x", id: id_of(id) }))
                    .to_vec(),
                ("post", "/api/v1/comparisons") => {
                    let point = id_of("point_id");
                    vec![json!({ "before_point_id": point, "after_point_id": point })]
                }
                ("post", "/api/v1/notification-channels") => vec![
                    json!({ "name": "x", "target": target, "rules": { "job_ids": [id_of("job_id")] } }),
                ],
                ("post", "/api/v1/notification-tests") => {
                    vec![json!({ "target": target, "channel_id": id_of("channel_id") })]
                }
                ("post", "/api/v1/schedule-previews") => ["job_id", "agent_id"]
                    .map(|id| json!({ "schedule": { "type": "manual" }, id: id_of(id) }))
                    .to_vec(),
                ("post", "/api/v1/retention-previews") => {
                    vec![json!({ "retention": {}, "job_id": id_of("job_id") })]
                }
                _ => Vec::new(),
            };
            for body in bodies {
                with_ids = true;
                send(path, body).await.refused(404, "not_found");
            }
            called += usize::from(with_ids);
        }
    }
    assert_eq!(
        called, ROUTES_WITH_IDS,
        "a route with ids was added or went: count it"
    );
}

/// Lists never mix: each shows its own tenant's objects only.
#[tokio::test(flavor = "multi_thread")]
async fn lists_show_their_own_tenant_only() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let other = server.second_tenant().await;
    let mut theirs = ready(&server, &other, "theirs").await;
    theirs.start(&other).await;
    let work = theirs.agent.take_run().await;
    theirs.agent.finish(&work, 1, "/srv/data").await;
    let document = admin.get("/openapi.json").await.expect(200);
    let mut lists = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let schema =
            &item["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        if path.contains("{id}") || !schema.as_str().is_some_and(|name| name.contains("Page")) {
            continue;
        }
        lists += 1;
        let text = admin.get(path).await.expect(200).to_string();
        for name in ["theirs", "other.example"] {
            assert!(!text.contains(name), "{path}: {text}");
        }
    }
    assert_eq!(lists, 10, "a list was added or went: count it");
    assert!(
        !admin
            .get("/overview")
            .await
            .expect(200)
            .to_string()
            .contains("theirs")
    );
}
