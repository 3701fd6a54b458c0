//! Secrets of a vault and of the account, after everything ran: none lies in a data folder, a log, the database or an
//! event. The search is proven first: in each place it finds something harmless that must be there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_tests::stack::{Stack, item};
use serde_json::{Value, json};

/// Stands in the vault's prefix, and so in the database, in events and in logs.
const MARKER: &str = "harmless-marker-4711";

/// Stands in a file's name; the server may show it, but not keep it in readable form.
const FILE_NAME: &str = "planted-file-name-0817";

/// Files below `place` that hold `text`.
fn files_with(place: &Path, text: &str) -> Vec<PathBuf> {
    if place.is_file() {
        let bytes = fs::read(place).expect("read a file of the test");
        let found = bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes());
        return if found {
            vec![place.to_owned()]
        } else {
            Vec::new()
        };
    }
    let entries = fs::read_dir(place).expect("list a folder of the test");
    entries
        .flatten()
        .flat_map(|entry| files_with(&entry.path(), text))
        .collect()
}

// Requirements: API-A-16, SEC-7
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_lies_in_data_logs_database_or_events() {
    let stack = Stack::start().await;
    let source = stack.path().join("source");
    fs::create_dir(&source).expect("make the source");
    fs::write(source.join(FILE_NAME), "content").expect("write a file");
    let vault = stack.s3_vault(MARKER).await;
    let job = stack.job(&vault, &source, None).await;
    let run = stack.run(&job).await;
    let ended = stack.wait_for_end(&run, Duration::from_secs(120)).await;
    assert_eq!(ended["status"], "success", "{ended}");
    let target = stack.path().join("target");
    let restored = stack
        .restore(&ended["point_id"], &target, Duration::from_secs(120))
        .await;
    assert_eq!(restored["status"], "success", "{restored}");
    assert!(target.join(FILE_NAME).is_file());
    let browse = json!({"path": source});
    let agents = stack.api.get("/agents").await;
    let agent = item("/agents", &agents["items"][0]);
    let listing = stack.api.post(&format!("{agent}/browse"), browse).await;
    assert_eq!(listing["result"]["entries"][0]["name"], FILE_NAME);
    let search = json!({"pattern": FILE_NAME});
    let search = stack.api.post("/searches", search).await;
    let command = item("/commands", &search["vaults"][0]["command"]);
    let is_found = |found: &Value| found["result"]["hits"][0]["path"] == FILE_NAME;
    stack
        .api
        .wait_until("the file is found", &command, is_found)
        .await;
    let point = ended["point_id"].as_str().expect("an id");
    let download = json!({"path": FILE_NAME, "form": "file"});
    let asked = format!("/points/{point}/downloads");
    let download = stack.api.post(&asked, download).await;
    let download = item("/downloads", &download);
    let is_ready = |download: &Value| download["state"] == "ready";
    stack
        .api
        .wait_until("it is ready", &download, is_ready)
        .await;
    let content = stack.api.bytes(&format!("{download}/content")).await;
    assert_eq!(content.expect("all of it"), b"content");
    let address = item("/vaults", &vault);
    stack.api.post(&format!("{address}/test"), json!({})).await;
    stack
        .api
        .post(&format!("{address}/refresh-points"), json!({}))
        .await;

    let mut answers = String::new();
    for path in ["/vaults", "/jobs", "/runs", "/points", "/agents", "/audit"] {
        answers.push_str(&stack.api.get(path).await.to_string());
    }
    for path in [run, item("/runs", &restored)] {
        answers.push_str(&stack.api.get(&format!("{path}/events")).await.to_string());
    }
    assert!(answers.contains(MARKER), "events and lists name the vault");

    let place = |name: &str| stack.path().join(name);
    for (name, harmless) in [
        ("server", MARKER),
        ("server.log", "listening"),
        ("agent.log", "the run ended"),
        ("agent", "\"run"),
    ] {
        let found = files_with(&place(name), harmless);
        assert!(!found.is_empty(), "{name} holds {harmless}");
    }
    // The kit tells what the secrets are, so that the search cannot look for the wrong ones.
    let password = holdfast_tests::stack::PASSWORD;
    let kit = json!({"password": password, "include_storage_keys": true});
    let kit = stack.api.post(&format!("{address}/kit"), kit).await;
    let text = |value: &Value| value.as_str().expect("the kit names it").to_owned();
    let secrets = [
        password.to_owned(),
        text(&kit["repository_password"]),
        text(&kit["secret_access_key"]),
    ];
    for secret in &secrets {
        for name in ["server", "server.log", "agent.log", "agent"] {
            let found = files_with(&place(name), secret);
            assert!(found.is_empty(), "{secret} lies in {found:?}");
        }
        assert!(
            !answers.contains(secret.as_str()),
            "an answer holds {secret}"
        );
    }
    for name in ["server", "server.log"] {
        let found = files_with(&place(name), FILE_NAME);
        assert!(found.is_empty(), "a file name lies in {found:?}");
    }
}
