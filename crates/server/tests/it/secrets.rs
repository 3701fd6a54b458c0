//! Planted secrets and file names: none is found in the data folder, and a harmless marker is.

use std::{fs, path::Path};

use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};
use serde_json::json;

use crate::support::TestServer;

const MARKER: &str = "harmless-marker-4711";
const STORAGE_KEY: &str = "planted-storage-key-0815";
const REPOSITORY_PASSWORD: &str = "planted-repository-password-0816";
const FILE_NAME: &str = "planted-file-name-0817";

fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("list the folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else {
            let bytes = fs::read(&path).expect("read a file");
            if bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

// Requirements: DB-1, SEC-5, SEC-6
#[tokio::test(flavor = "multi_thread")]
async fn neither_secrets_nor_file_names_lie_in_the_data_folder() {
    let mut server = TestServer::start().await;
    let admin = server.admin().await;
    let mut agent = server.agent(&admin, "box").await;
    let storage = json!({ "kind": "s3", "endpoint": "http://127.0.0.1:9", "bucket": "b", "access_key_id": "AKIA",
        "secret_access_key": STORAGE_KEY });
    let test = json!({ "storage": storage, "wait_seconds": 0 });
    admin.post("/storage-tests", test).await.expect(202);
    let vault =
        json!({ "name": MARKER, "storage": storage, "repository_password": REPOSITORY_PASSWORD });
    let vault = admin.post("/vaults", vault).await.expect(201);
    let answer = agent.poll(0, 5).await;
    assert_eq!(answer.commands.len(), 2);
    for command in &answer.commands {
        let secret = command
            .vault
            .as_ref()
            .and_then(|vault| vault.secret_key.as_ref())
            .expect("a key");
        assert_eq!(secret.expose(), STORAGE_KEY, "the agent gets it");
    }
    let test_result =
        json!({ "ok": true, "location": "s3://b/", "repository": "absent", "findings": [] });
    agent
        .complete(
            answer.commands[0].command_id.0,
            json!({ "status": "completed", "result": test_result }),
        )
        .await
        .expect(200);
    let made = json!({ "status": "completed", "result": { "created": true, "unique_id": "00" } });
    agent
        .complete(answer.commands[1].command_id.0, made)
        .await
        .expect(200);

    let job = json!({ "name": "Job", "agent_id": agent.uuid, "vault_id": vault["id"], "paths": ["/srv"] });
    let job = admin.post("/jobs", job).await.expect(201);
    let run = admin
        .post(
            &format!("/jobs/{}/runs", job["id"].as_str().expect("an id")),
            json!({}),
        )
        .await
        .expect(201);
    let work = agent.take_run().await;
    assert_eq!(
        work.vault
            .repository_password
            .as_ref()
            .map(|password| password.expose()),
        Some(REPOSITORY_PASSWORD)
    );
    let item = format!("/srv/{FILE_NAME}");
    agent
        .update(
            work.run_id.0,
            1,
            1,
            json!({ "status": "running", "current_item": item }),
        )
        .await
        .expect(200);
    let event = json!({ "run_id": work.run_id, "attempt": 1, "events": [{ "seq": 1, "time": "2026-11-24T00:00:00Z",
        "type": "warning", "level": "warn", "message_id": "ITEM_FAILED", "params_json": { "path": item, "message": "no" } }] });
    agent
        .call(&format!("/agent/v1/runs/{}/events", work.run_id), event)
        .await
        .expect(200);
    let log = json!({ "run_id": work.run_id, "attempt": 1, "lines": [{ "seq": 1, "time": "2026-11-24T00:00:00Z",
        "level": "info", "text": item }] });
    agent
        .call(&format!("/agent/v1/runs/{}/log", work.run_id), log)
        .await
        .expect(200);
    let end = json!({ "status": "failed", "error_code": "source_missing", "error_summary": item,
        "problems": [{ "code": "access_denied", "path": item, "message": "no" }] });
    agent.update(work.run_id.0, 1, 2, end).await.expect(200);
    let browse = json!({ "path": "/srv", "wait_seconds": 0 });
    let browse = admin
        .post(&format!("/agents/{}/browse", agent.uuid), browse)
        .await
        .expect(202);
    let command = agent.poll(0, 5).await.commands[0].command_id.0;
    let listing = json!({ "path": "/srv", "truncated": false, "entries": [{ "name": FILE_NAME, "path": item, "is_dir": false, "icon": "file" }] });
    agent
        .complete(command, json!({ "status": "completed", "result": listing }))
        .await
        .expect(200);

    let search = json!({ "pattern": FILE_NAME });
    let search = admin.post("/searches", search).await.expect(202);
    let command = agent.poll(0, 5).await.commands[0].clone();
    assert_eq!(command.payload["pattern"], FILE_NAME);
    let seen = json!({ "time": "2026-11-24T00:00:00Z" });
    let hit = json!({ "source_user": "root", "source_host": "box", "source_path": "/srv", "path": FILE_NAME,
        "deleted": false, "version_count": 1, "versions": [{ "kind": "file", "size": 1, "points": 1, "pinned": false,
            "first": seen, "last": seen }] });
    let found = json!({ "hits": [hit], "points": 1, "points_done": 1, "unreadable": 0 });
    let wire = command.command_id;
    agent
        .call(
            &format!("/agent/v1/commands/{wire}/partial"),
            json!({ "seq": 1, "result": found }),
        )
        .await
        .expect(200);
    agent
        .complete(wire.0, json!({ "status": "completed", "result": found }))
        .await
        .expect(200);

    // What a machine says about a failure may name files too.
    let failed = json!({ "path": "/srv", "wait_seconds": 0 });
    let failed = admin
        .post(&format!("/agents/{}/browse", agent.uuid), failed)
        .await
        .expect(202);
    let command = agent.poll(0, 5).await.commands[0].command_id.0;
    let outcome = json!({ "status": "failed", "code": "path_not_found", "message": format!("{item} is gone") });
    agent.complete(command, outcome).await.expect(200);
    let failed = format!("/commands/{}", failed["id"].as_str().expect("an id"));
    let failed = admin.get(&failed).await.expect(200);
    assert_eq!(failed["failure"]["detail"], format!("{item} is gone"));

    // The client API shows the names, and no answer ever shows a secret.
    let shown = admin
        .get(&format!("/runs/{}", run["id"].as_str().expect("an id")))
        .await
        .expect(200);
    assert!(shown.to_string().contains(FILE_NAME));
    let browsed = admin
        .get(&format!(
            "/commands/{}",
            browse["id"].as_str().expect("an id")
        ))
        .await
        .expect(200);
    assert_eq!(browsed["result"]["entries"][0]["name"], FILE_NAME);
    let command = search["vaults"][0]["command"]["id"]
        .as_str()
        .expect("an id");
    let searched = admin.get(&format!("/commands/{command}")).await.expect(200);
    assert_eq!(searched["result"]["hits"][0]["path"], FILE_NAME);
    let mut answers = String::new();
    for path in [
        "/vaults",
        "/jobs",
        "/runs",
        "/agents",
        "/overview",
        "/audit",
        "/settings",
        "/enrolment-tokens",
        "/me",
    ] {
        answers.push_str(&admin.get(path).await.expect(200).to_string());
    }
    let events = format!("/runs/{}/events", run["id"].as_str().expect("an id"));
    answers.push_str(&admin.get(&events).await.expect(200).to_string());
    assert!(answers.contains(MARKER));

    let database = server.database().await;
    let tables = "SELECT group_concat(sql, ' ') AS text FROM sqlite_master";
    let dump = database
        .query_one_raw(Statement::from_string(DatabaseBackend::Sqlite, tables))
        .await
        .expect("dump")
        .expect("a row");
    assert!(
        dump.try_get::<String>("", "text")
            .expect("text")
            .contains("sealed_secret_key")
    );
    database.close().await.expect("close");

    let data = server.folder.path().join("data");
    let while_running = [files_with(&data, MARKER), files_with(&data, STORAGE_KEY)];
    assert!(
        !while_running[0].is_empty() && while_running[1].is_empty(),
        "{while_running:?}"
    );
    server.stop().await;
    assert!(
        !files_with(&data, MARKER).is_empty(),
        "the search finds what is there"
    );
    let cookie = admin
        .cookie
        .as_deref()
        .and_then(|cookie| cookie.split('=').nth(1))
        .expect("a session")
        .to_owned();
    for secret in [
        STORAGE_KEY,
        REPOSITORY_PASSWORD,
        FILE_NAME,
        crate::support::PASSWORD,
        agent.token.as_str(),
        cookie.as_str(),
    ] {
        assert_eq!(files_with(&data, secret), Vec::<String>::new(), "{secret}");
        assert!(
            secret == FILE_NAME || !answers.contains(secret),
            "{secret} in an answer"
        );
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for name in ["master.key", "holdfast.db"] {
            let mode = fs::metadata(data.join(name))
                .expect("is there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0, "{name} is its owner's only");
        }
    }
}

// Requirements: SET-1e
#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_its_master_key_is_not_opened() {
    let mut server = TestServer::start().await;
    server.stop().await;
    let data = server.folder.path().join("data");
    let key = fs::read_to_string(data.join("master.key")).expect("the key");
    fs::remove_file(data.join("master.key")).expect("remove the key");
    let options = crate::support::server::options(&data, server.address);
    let error = holdfast_server::start(options.clone())
        .await
        .expect_err("no key");
    assert!(error.to_string().contains("master.key"), "{error:#}");
    fs::write(data.join("master.key"), "00".repeat(32)).expect("write another key");
    let error = holdfast_server::start(options.clone())
        .await
        .expect_err("another key");
    assert!(format!("{error:#}").contains("master key"), "{error:#}");
    fs::write(data.join("master.key"), key).expect("write the key back");
    holdfast_server::start(options)
        .await
        .expect("starts")
        .stop()
        .await
        .expect("stops");
}
