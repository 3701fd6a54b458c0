//! Enrolment, the agent's wire, disabling, browsing.

use holdfast_protocol::agent::routes;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    ScriptedAgent, TestServer, agent::enrolment, eventually, ready, server::sql, worst_alert_is,
};

// Requirements: API-A-12
#[tokio::test(flavor = "multi_thread")]
async fn a_token_enrols_as_often_as_it_may() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let made = admin
        .post(
            "/enrolment-tokens",
            json!({ "name": "Office", "max_uses": 2 }),
        )
        .await
        .expect(201);
    let token = made["token"].as_str().expect("a token");
    assert!(
        made["linux_command"]
            .as_str()
            .is_some_and(|line| line.contains(token) && line.contains(&server.url()))
    );
    let visitor = server.visitor();
    for host in ["Web-02.example.org", "web-02"] {
        visitor
            .post(routes::ENROL, enrolment(token, Uuid::now_v7(), host))
            .await
            .expect(200);
    }
    visitor
        .post(routes::ENROL, enrolment(token, Uuid::now_v7(), "three"))
        .await
        .refused(401, "enrolment_token_refused");
    visitor
        .post(
            routes::ENROL,
            enrolment("hfe_unknown", Uuid::now_v7(), "four"),
        )
        .await
        .refused(401, "enrolment_token_refused");
    let agents = admin.get("/agents").await.expect(200);
    let names: Vec<&str> = agents["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|agent| agent["name"].as_str())
        .collect();
    assert_eq!(
        names,
        ["web-02", "web-02-2"],
        "the source of snapshots is unique"
    );
    let listed = admin.get("/enrolment-tokens").await.expect(200);
    assert_eq!(
        (&listed["items"][0]["uses"], &listed["items"][0]["usable"]),
        (&json!(2), &json!(false))
    );
    assert!(
        !listed.to_string().contains(token),
        "the secret text is shown once"
    );
}

// Requirements: ENR-4, SEC-1
#[tokio::test(flavor = "multi_thread")]
async fn the_same_device_is_the_same_machine() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    let token = admin.post("/enrolment-tokens", json!({})).await.expect(201);
    let body = enrolment(
        token["token"].as_str().expect("a token"),
        agent.device,
        "box-renamed",
    );
    let again = server.visitor().post(routes::ENROL, body).await.expect(200);
    assert_eq!(again["agent_id"], agent.id);
    agent
        .try_poll(0, 0)
        .await
        .refused(401, "agent_unauthorized");
    let agents = admin.get("/agents").await.expect(200);
    assert_eq!(
        (&agents["count"], &agents["items"][0]["name"]),
        (&json!(1), &json!("box"))
    );
}

// Requirements: ENR-6, RUN-15, API-C-19, SEC-3, SEC-14
#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_machine_is_refused_at_once() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    let path = format!("/agents/{}", agent.uuid);
    assert_eq!(admin.get(&path).await.expect(200)["state"], "online");
    let waiting = tokio::spawn({
        let agent = agent.clone();
        async move { agent.try_poll(1, 20).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let shown = admin
        .post(&format!("{path}/disable"), json!({}))
        .await
        .expect(200);
    assert_eq!(shown["state"], "disabled");
    waiting
        .await
        .expect("the poll ends")
        .refused(401, "agent_unauthorized");
    admin
        .post(&format!("{path}/enable"), json!({}))
        .await
        .expect(200);
    agent
        .try_poll(0, 0)
        .await
        .refused(401, "agent_unauthorized");
}

// Requirements: ENR-6, API-C-18, DB-1, SEC-3
#[tokio::test(flavor = "multi_thread")]
async fn machines_are_renamed_and_deleted() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    let path = format!("/agents/{}", agent.uuid);
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(
        (&shown["os"], &shown["volumes"][0]["path"]),
        (&json!("linux"), &json!("/"))
    );
    let renamed = admin
        .patch(&path, &shown["version"], json!({ "name": "Big box" }))
        .await
        .expect(200);
    assert_eq!(renamed["name"], "Big box");
    admin
        .patch(&path, &shown["version"], json!({ "name": "Late" }))
        .await
        .refused(412, "version_changed");
    admin.delete(&path, &renamed["version"]).await.expect(204);
    admin.get(&path).await.refused(404, "not_found");
    agent
        .try_poll(0, 0)
        .await
        .refused(401, "agent_unauthorized");
}

// Requirements: PLT-2, AGT-8, BRW-2, BRW-7, API-A-10, API-C-20, DB-6
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_listed_by_its_machine() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    let path = format!("/agents/{}/browse", agent.uuid);
    let serving = tokio::spawn({
        let agent = agent.clone();
        async move {
            let listing = json!({ "path": "/srv", "parent": "/", "truncated": false,
                "entries": [{ "name": "data", "path": "/srv/data", "is_dir": true, "icon": "folder" }] });
            agent.serve("browse_directory", listing).await
        }
    });
    let started = std::time::Instant::now();
    let command = admin
        .post(&path, json!({ "path": "/srv" }))
        .await
        .expect(200);
    assert!(
        started.elapsed().as_secs() < 5,
        "the waiting poll is woken at once"
    );
    assert_eq!(
        (&command["status"], &command["result"]["entries"][0]["name"]),
        (&json!("completed"), &json!("data"))
    );
    assert_eq!(serving.await.expect("serves")["payload"]["path"], "/srv");

    let waiting = admin
        .post(&path, json!({ "path": "/etc", "wait_seconds": 0 }))
        .await
        .expect(202);
    assert_eq!(waiting["status"], "pending");
    let id = waiting["id"].as_str().expect("an id").to_owned();
    let answer = agent.poll(0, 5).await;
    let command = answer.commands[0].command_id.0;
    agent
        .complete(
            command,
            json!({ "status": "failed", "code": "path_denied", "message": "/etc: no" }),
        )
        .await
        .expect(200);
    agent
        .complete(command, json!({ "status": "completed", "result": {} }))
        .await
        .expect(200);
    let failed = admin.get(&format!("/commands/{id}")).await.expect(200);
    assert_eq!(
        (&failed["status"], &failed["failure"]["code"]),
        (&json!("failed"), &json!("path_denied"))
    );
    assert!(
        failed["failure"]["hints"]
            .as_array()
            .is_some_and(|hints| !hints.is_empty())
    );

    admin
        .post(&path, json!({ "path": "/a/../b" }))
        .await
        .wrong_field("/path");
    admin
        .post(&path, json!({ "path": "relative" }))
        .await
        .wrong_field("/path");
    admin
        .post(&path, json!({ "path": "/", "wait_seconds": 26 }))
        .await
        .wrong_field("/wait_seconds");
}

// Requirements: RUN-14
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_command_is_delivered_again_to_the_new_process() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    admin
        .post(
            &format!("/agents/{}/browse", agent.uuid),
            json!({ "wait_seconds": 0 }),
        )
        .await
        .expect(202);
    let first = agent.poll(0, 0).await;
    assert_eq!(first.commands.len(), 1);
    assert!(agent.poll(0, 0).await.commands.is_empty(), "its lease runs");
    let mut restarted = agent.restarted();
    let again = restarted.poll(0, 0).await;
    assert_eq!(again.commands[0].command_id, first.commands[0].command_id);
    restarted.held.push(again.commands[0].command_id.0);
    assert!(restarted.poll(0, 0).await.commands.is_empty());
    agent.try_poll(0, 0).await.refused(409, "agent_cloned");
    let shown = eventually("the clone is shown", async || {
        let shown = admin
            .get(&format!("/agents/{}", agent.uuid))
            .await
            .expect(200);
        (shown["cloned"] == true).then_some(shown)
    })
    .await;
    assert_eq!(shown["state"], "online");
    worst_alert_is(&admin, "agent_cloned").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocol_of_another_time_is_told_how_to_update() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    let body = json!({ "version": "9", "protocol": 99, "instance": Uuid::now_v7(), "host_name": "box",
        "clock": jiff::Timestamp::now().to_string() });
    let problem = agent
        .call(routes::HELLO, body)
        .await
        .refused(426, "upgrade_required");
    assert!(problem["update_command"].is_string());
}

// Requirements: API-C-17
#[tokio::test(flavor = "multi_thread")]
async fn an_account_enrols_too() {
    let server = TestServer::start().await;
    let body = |password: &str| {
        json!({ "email": "admin@example.org", "password": password, "device_id": Uuid::now_v7(),
        "host_name": "box", "os": "linux", "arch": "x86_64", "agent_version": "0.1.0" })
    };
    let visitor = server.visitor();
    visitor
        .post(routes::LOGIN, body("wrong"))
        .await
        .refused(401, "sign_in_failed");
    let answer = visitor
        .post(routes::LOGIN, body(crate::support::PASSWORD))
        .await
        .expect(200);
    assert!(
        answer["agent_token"]
            .as_str()
            .is_some_and(|token| token.starts_with("hfa_"))
    );
    let admin = server.admin().await;
    assert_eq!(
        admin.get("/agents?state=unreachable").await.expect(200)["count"],
        1
    );
    admin
        .get("/agents?state=asleep")
        .await
        .wrong_field("?state");
    let _other: ScriptedAgent = server.agent(&admin, "two").await;
    let page = admin.get("/agents?limit=1").await.expect(200);
    let next = page["next_cursor"].as_str().expect("a second page");
    let second = admin
        .get(&format!("/agents?limit=1&cursor={next}"))
        .await
        .expect(200);
    assert_eq!(
        (&second["items"][0]["host"], &second["next_cursor"]),
        (&json!("two"), &Value::Null)
    );
}

// Requirements: ENR-3
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_expired_or_was_revoked_enrols_nobody() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let visitor = server.visitor();
    let enrol = async |token: &Value| {
        let token = token["token"].as_str().expect("a token");
        visitor
            .post(routes::ENROL, enrolment(token, Uuid::now_v7(), "box"))
            .await
    };
    let made = admin
        .post("/enrolment-tokens", json!({ "max_uses": 5 }))
        .await
        .expect(201);
    enrol(&made).await.expect(200);
    sql(&server, "UPDATE enrolment_tokens SET expires_at = 1").await;
    enrol(&made).await.refused(401, "enrolment_token_refused");
    let revoked = admin.post("/enrolment-tokens", json!({})).await.expect(201);
    let path = format!(
        "/enrolment-tokens/{}",
        revoked["enrolment_token"]["id"].as_str().expect("an id")
    );
    let request = admin.request(reqwest::Method::DELETE, &path);
    admin.send(request).await.expect(204);
    enrol(&revoked)
        .await
        .refused(401, "enrolment_token_refused");
    assert_eq!(admin.get("/agents").await.expect(200)["count"], 1);
}

// Requirements: ENR-5
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_machine_enrols_again() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    let path = format!("/agents/{}", agent.uuid);
    let version = admin.get(&path).await.expect(200)["version"].clone();
    admin.delete(&path, &version).await.expect(204);
    let token = admin.post("/enrolment-tokens", json!({})).await.expect(201);
    let token = token["token"].as_str().expect("a token");
    let body = enrolment(token, agent.device, "box");
    let again = server.visitor().post(routes::ENROL, body).await.expect(200);
    let mut new = agent.clone();
    new.id = again["agent_id"].as_i64().expect("an id");
    new.token = again["agent_token"].as_str().expect("a token").to_owned();
    assert!(new.poll(1, 0).await.run.is_none());
    agent
        .try_poll(0, 0)
        .await
        .refused(401, "agent_unauthorized");
    let agents = admin.get("/agents").await.expect(200);
    assert_eq!(
        (&agents["count"], &agents["items"][0]["state"]),
        (&json!(1), &json!("online"))
    );
}

// Requirements: ENR-7
#[tokio::test(flavor = "multi_thread")]
async fn each_call_counts_as_contact_and_silence_as_absence() {
    let mut server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    let (run, attempt) = (work.run_id.0, work.attempt.0);
    // Contacts that were kept in memory are written down.
    server.stop().await;
    server.resume().await;
    let state = async || {
        let path = format!("/agents/{}", ready.agent.uuid);
        admin.get(&path).await.expect(200)["state"].clone()
    };
    let silence = async || {
        let long_ago = "UPDATE agents SET last_seen_at = last_seen_at - 3600000";
        sql(&server, long_ago).await;
        assert_eq!(state().await, "unreachable");
    };
    silence().await;
    ready.agent.poll(0, 0).await;
    assert_eq!(state().await, "online");
    silence().await;
    let update = ready.agent.update(run, attempt, 1, json!({})).await;
    update.expect(200);
    assert_eq!(state().await, "online");
    silence().await;
    ready
        .agent
        .events(run, attempt, &[(1, "A")])
        .await
        .expect(200);
    assert_eq!(state().await, "online");
    silence().await;
    // One that may not call is no contact.
    let mut liar = ready.agent.clone();
    liar.token.push('x');
    liar.try_poll(0, 0).await.refused(401, "agent_unauthorized");
    assert_eq!(state().await, "unreachable");
}

// Requirements: API-A-15
#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_an_agent_that_may_not_is_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    let browse = format!("/agents/{}/browse", ready.agent.uuid);
    admin
        .post(&browse, json!({ "wait_seconds": 0 }))
        .await
        .expect(202);
    let command = ready.agent.poll(0, 5).await.commands[0].command_id;
    let run = work.run_id;
    let calls = [
        routes::HELLO.to_owned(),
        routes::POLL.to_owned(),
        routes::OFFLINE_RUNS.to_owned(),
        routes::run_update(run),
        routes::run_events(run),
        routes::command_partial(command),
        routes::command_complete(command),
    ];
    let all_refused = async |agent: &ScriptedAgent| {
        for call in &calls {
            let answer = agent.call(call, json!({})).await;
            answer.refused(401, "agent_unauthorized");
        }
    };
    let mut wrong = ready.agent.clone();
    wrong.token = format!("hfa_{}", "x".repeat(40));
    all_refused(&wrong).await;
    let mut nobody = ready.agent.clone();
    nobody.id = 999_999;
    all_refused(&nobody).await;
    let path = format!("/agents/{}", ready.agent.uuid);
    admin
        .post(&format!("{path}/disable"), json!({}))
        .await
        .expect(200);
    all_refused(&ready.agent).await;
    let other = server.agent(&admin, "other").await;
    let path = format!("/agents/{}", other.uuid);
    let version = admin.get(&path).await.expect(200)["version"].clone();
    admin.delete(&path, &version).await.expect(204);
    all_refused(&other).await;
}

// Requirements: API-A-6, SEC-4
#[tokio::test(flavor = "multi_thread")]
async fn a_command_belongs_to_its_agent() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    let other = server.agent(&admin, "other").await;
    let browse = format!("/agents/{}/browse", agent.uuid);
    let asked = admin
        .post(&browse, json!({ "wait_seconds": 0 }))
        .await
        .expect(202);
    let path = format!("/commands/{}", asked["id"].as_str().expect("an id"));
    let command = agent.poll(0, 5).await.commands[0].command_id;
    let part = json!({ "seq": 1, "result": { "planted": true } });
    let answer = other.call(&routes::command_partial(command), part).await;
    answer.refused(404, "not_found");
    let end = json!({ "status": "completed", "result": { "planted": true } });
    let answer = other.complete(command.0, end).await;
    answer.refused(404, "not_found");
    let mut liar = other.clone();
    liar.held.push(command.0);
    assert!(liar.poll(0, 0).await.commands.is_empty());
    let shown = admin.get(&path).await.expect(200);
    assert!(!shown.to_string().contains("planted"), "{shown}");
    let end = json!({ "status": "completed", "result": { "entries": [] } });
    agent.complete(command.0, end).await.expect(200);
    assert_eq!(admin.get(&path).await.expect(200)["status"], "completed");
}

// Requirements: API-A-9
#[tokio::test(flavor = "multi_thread")]
async fn guessing_a_password_is_slowed_for_agents_too() {
    let server = TestServer::start().await;
    let visitor = server.visitor();
    let ask = async |password: &str| {
        let body = json!({ "email": "admin@example.org", "password": password, "device_id": Uuid::now_v7(),
            "host_name": "box", "os": "linux", "arch": "x86_64", "agent_version": "0.1.0" });
        visitor.post(routes::LOGIN, body).await
    };
    for _ in 0..10 {
        let problem = ask("wrong").await.refused(401, "sign_in_failed");
        assert!(problem["detail"].is_string() || problem["title"].is_string());
    }
    ask("wrong").await.refused(429, "too_many_attempts");
    // The right one has to wait as well.
    let right = ask(crate::support::PASSWORD).await;
    right.refused(429, "too_many_attempts");
}
