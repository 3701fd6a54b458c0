//! Vaults: making, testing, keys, the recovery kit.

use serde_json::{Value, json};

use crate::support::{PASSWORD, TestServer, ready};

fn s3(secret: &str) -> Value {
    json!({ "kind": "s3", "endpoint": "http://127.0.0.1:9000", "region": "eu", "bucket": "b", "prefix": "backups/",
        "access_key_id": "AKIA", "secret_access_key": secret })
}

// Requirements: API-A-5
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_makes_the_repository_with_the_vaults_secrets() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    let vault = admin
        .post(
            "/vaults",
            json!({ "name": "Main", "storage": s3("the secret") }),
        )
        .await
        .expect(201);
    assert_eq!(vault["state"], "creating");
    assert_eq!(
        vault["storage"],
        json!({ "kind": "s3", "endpoint": "http://127.0.0.1:9000", "region": "eu",
        "bucket": "b", "prefix": "backups", "access_key_id": "AKIA" })
    );
    let command = agent
        .serve(
            "create_repository",
            json!({ "created": true, "unique_id": "00" }),
        )
        .await;
    let context = &command["vault"];
    assert_eq!(context["dest_prefix"], "backups/");
    assert_eq!(context["secret_key"], "the secret");
    assert_eq!(
        context["repository_password"].as_str().map(str::len),
        Some(32)
    );
    let path = format!("/vaults/{}", vault["id"].as_str().expect("an id"));
    assert_eq!(admin.get(&path).await.expect(200)["state"], "ready");
    admin
        .post(&format!("{path}/create-repository"), json!({}))
        .await
        .refused(409, "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_cannot_be_made_is_told_and_tried_again() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    let vault = admin
        .post("/vaults", json!({ "name": "Main", "storage": s3("wrong") }))
        .await
        .expect(201);
    let path = format!("/vaults/{}", vault["id"].as_str().expect("an id"));
    let job = json!({ "name": "Job", "agent_id": agent.uuid, "vault_id": vault["id"], "paths": ["/srv"] });
    let job = admin.post("/jobs", job).await.expect(201);
    let run = admin
        .post(
            &format!("/jobs/{}/runs", job["id"].as_str().expect("an id")),
            json!({}),
        )
        .await
        .expect(201);
    let reason = &run["waiting_reason"];
    assert_eq!(
        (&reason["code"], &reason["name"]),
        (&json!("vault"), &json!("Main")),
        "{run}"
    );
    let answer = agent.poll(1, 5).await;
    assert!(answer.run.is_none(), "the run waits for its vault");
    let outcome =
        json!({ "status": "failed", "code": "storage_denied", "message": "403 for bucket b" });
    agent
        .complete(answer.commands[0].command_id.0, outcome)
        .await
        .expect(200);
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(
        (&shown["state"], &shown["failure"]["code"]),
        (&json!("new"), &json!("storage_denied"))
    );
    let run = admin
        .get(&format!("/runs/{}", run["id"].as_str().expect("an id")))
        .await
        .expect(200);
    assert_eq!(
        (&run["status"], &run["failure"]["detail"]),
        (&json!("failed"), &json!("403 for bucket b"))
    );

    admin
        .patch(&path, &shown["version"], json!({ "access_key_id": "AKIB" }))
        .await
        .wrong_field("/secret_access_key");
    let keys = json!({ "access_key_id": "AKIB", "secret_access_key": "right" });
    admin
        .patch(&path, &shown["version"], keys)
        .await
        .expect(200);
    let serving = tokio::spawn({
        let agent = agent.clone();
        async move {
            agent
                .serve(
                    "create_repository",
                    json!({ "created": true, "unique_id": "00" }),
                )
                .await
        }
    });
    let made = admin
        .post(&format!("{path}/create-repository"), json!({}))
        .await
        .expect(200);
    assert_eq!(
        (&made["status"], &made["result"]["created"]),
        (&json!("completed"), &json!(true))
    );
    assert_eq!(
        serving.await.expect("serves")["vault"]["secret_key"],
        "right"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_tested_before_and_after_the_vault_is_made() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let place = json!({ "storage": s3("the secret"), "wait_seconds": 10 });
    admin
        .post("/storage-tests", place.clone())
        .await
        .refused(409, "no_agent_online");
    let agent = server.agent(&admin, "box").await;
    let found = json!({ "ok": true, "location": "s3://b/backups/", "repository": "absent",
        "findings": [{ "check": "list", "ok": true, "duration_ms": 3 }] });
    let serving = tokio::spawn({
        let (agent, found) = (agent.clone(), found.clone());
        async move { agent.serve("test_vault", found).await }
    });
    let tested = admin.post("/storage-tests", place).await.expect(200);
    assert_eq!(tested["result"]["repository"], "absent");
    assert_eq!(
        serving.await.expect("serves")["vault"]["secret_key"],
        "the secret"
    );

    let vault = json!({ "name": "Main", "storage": s3("the secret"), "create_repository": false });
    let vault = admin.post("/vaults", vault).await.expect(201);
    assert_eq!(vault["state"], "new");
    let path = format!("/vaults/{}", vault["id"].as_str().expect("an id"));
    let serving = tokio::spawn({
        let agent = agent.clone();
        async move { agent.serve("test_vault", found).await }
    });
    admin
        .post(&format!("{path}/test"), json!({}))
        .await
        .expect(200);
    serving.await.expect("serves");
    assert_eq!(admin.get(&path).await.expect(200)["last_test"]["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_kit_asks_for_the_password_and_is_audited() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let vault = json!({ "name": "Main", "storage": s3("the secret"), "repository_password": "typed by me" });
    let vault = admin.post("/vaults", vault).await.expect(201);
    let path = format!("/vaults/{}", vault["id"].as_str().expect("an id"));
    let kit = format!("{path}/kit");
    admin
        .post(&kit, json!({ "password": "wrong" }))
        .await
        .wrong_field("/password");
    let shown = admin
        .post(&kit, json!({ "password": PASSWORD }))
        .await
        .expect(200);
    assert_eq!(
        (&shown["repository_password"], &shown["secret_access_key"]),
        (&json!("typed by me"), &Value::Null)
    );
    let shown = admin
        .post(
            &kit,
            json!({ "password": PASSWORD, "include_storage_keys": true }),
        )
        .await
        .expect(200);
    assert_eq!(shown["secret_access_key"], "the secret");
    assert!(admin.get(&path).await.expect(200)["kit_shown_at"].is_string());
    let audit = admin.get("/audit").await.expect(200);
    let actions: Vec<&str> = audit["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|line| line["action"].as_str())
        .collect();
    assert_eq!(
        actions
            .iter()
            .filter(|action| **action == "vaults.kit")
            .count(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_in_use_is_not_deleted() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let path = format!("/vaults/{}", ready.vault_id());
    admin
        .delete(&path, &ready.vault["version"])
        .await
        .refused(409, "in_use");
    let agent = admin
        .get(&format!("/agents/{}", ready.agent.uuid))
        .await
        .expect(200);
    admin
        .delete(&format!("/agents/{}", ready.agent.uuid), &agent["version"])
        .await
        .refused(409, "in_use");
    admin
        .delete(&format!("/jobs/{}", ready.job_id()), &ready.job["version"])
        .await
        .expect(204);
    admin
        .delete(&path, &ready.vault["version"])
        .await
        .expect(204);
}
