//! Jobs: making, changing, starting, idempotent requests.

use reqwest::Method;
use serde_json::json;

use crate::support::{TestServer, ready};

// Requirements: API-C-1, API-C-2, API-C-31
#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_made_changed_and_deleted() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let path = format!("/jobs/{}", ready.job_id());
    assert_eq!(
        ready.job["policy"],
        json!({ "compression": "zstd-default", "ignore_rules": ["*.tmp"], "include_rules": [],
            "max_file_size_bytes": null, "one_file_system": false, "parallelism": null })
    );
    assert_eq!(
        (
            &ready.job["protected"],
            ready.job["days"].as_array().map(Vec::len)
        ),
        (&json!(false), Some(28))
    );
    let change =
        json!({ "name": "Renamed", "enabled": false, "upload_limit_bytes_per_second": 50_000 });
    let changed = admin
        .patch(&path, &ready.job["version"], change)
        .await
        .expect(200);
    assert_eq!(
        (&changed["name"], &changed["upload_limit_bytes_per_second"]),
        (&json!("Renamed"), &json!(50_000))
    );
    let stale = admin
        .patch(&path, &ready.job["version"], json!({ "name": "Late" }))
        .await
        .refused(412, "version_changed");
    assert_eq!(stale["current"]["name"], "Renamed");
    admin
        .post(&format!("{path}/runs"), json!({}))
        .await
        .refused(409, "job_disabled");
    let lifted = json!({ "upload_limit_bytes_per_second": 0, "enabled": true });
    let lifted = admin
        .patch(&path, &changed["version"], lifted)
        .await
        .expect(200);
    assert_eq!(
        lifted["upload_limit_bytes_per_second"],
        serde_json::Value::Null
    );
    assert_eq!(
        admin
            .get(&format!("/jobs?agent_id={}", ready.agent.uuid))
            .await
            .expect(200)["count"],
        1
    );
    assert_eq!(
        admin.get("/jobs?enabled=false").await.expect(200)["count"],
        0
    );
    admin.delete(&path, &lifted["version"]).await.expect(204);
    admin.get(&path).await.refused(404, "not_found");
}

// Requirements: API-C-34
#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_names_its_field() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let good = json!({ "name": "New", "agent_id": ready.agent.uuid, "vault_id": ready.vault["id"], "paths": ["/a"] });
    let wrong = [
        ("name", json!(""), "/name"),
        ("name", json!("x".repeat(101)), "/name"),
        ("paths", json!([]), "/paths"),
        ("paths", json!(["/a", "b"]), "/paths/1"),
        ("paths", json!(["/a", "/a"]), "/paths/1"),
        ("policy", json!({ "parallelism": 0 }), "/policy/parallelism"),
        (
            "policy",
            json!({ "ignore_rules": ["a\nb"] }),
            "/policy/ignore_rules/0",
        ),
        (
            "policy",
            json!({ "ignore_rules": ["*.tmp", " "] }),
            "/policy/ignore_rules/1",
        ),
        // Such a rule would make the whole backup fail.
        (
            "policy",
            json!({ "ignore_rules": ["*.tmp", "a[b"] }),
            "/policy/ignore_rules/1",
        ),
        (
            "policy",
            json!({ "include_rules": ["a\\"] }),
            "/policy/include_rules/0",
        ),
        (
            "policy",
            json!({ "include_rules": ["*.doc", "!x.doc"] }),
            "/policy/include_rules/1",
        ),
        (
            "policy",
            json!({ "max_file_size_bytes": 0 }),
            "/policy/max_file_size_bytes",
        ),
        (
            "policy",
            json!({ "compression": "rar" }),
            "/policy/compression",
        ),
        (
            "upload_limit_bytes_per_second",
            json!(10),
            "/upload_limit_bytes_per_second",
        ),
        ("max_age_seconds", json!(1), "/max_age_seconds"),
        ("colour", json!("red"), "/colour"),
    ];
    for (field, value, pointer) in wrong {
        let mut body = good.clone();
        body[field] = value;
        admin.post("/jobs", body).await.wrong_field(pointer);
    }
    for field in ["agent_id", "vault_id"] {
        let mut body = good.clone();
        body[field] = json!("0190b5a0-0000-7000-8000-000000000000");
        let problem = admin.post("/jobs", body).await.refused(404, "not_found");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"));
    }
    let mut taken = good.clone();
    taken["name"] = ready.job["name"].clone();
    admin.post("/jobs", taken).await.refused(409, "name_taken");
    let other = server.agent(&admin, "other").await;
    let mut elsewhere = good;
    elsewhere["agent_id"] = json!(other.uuid);
    admin
        .post("/jobs", elsewhere)
        .await
        .wrong_field("/vault_id");
    assert_eq!(admin.get("/jobs").await.expect(200)["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_done_once() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let body = |name: &str| json!({ "name": name, "agent_id": ready.agent.uuid, "vault_id": ready.vault["id"], "paths": ["/a"] });
    let send = async |name: &str, key: &str| {
        let request = admin
            .request(Method::POST, "/jobs")
            .header("idempotency-key", key)
            .json(&body(name));
        admin.send(request).await
    };
    let first = send("One", "k1").await.expect(201);
    let again = send("One", "k1").await.expect(201);
    assert_eq!(first["id"], again["id"]);
    send("Two", "k1").await.refused(422, "idempotency_mismatch");
    // A refused request may be corrected under the same key.
    send("One", "k2").await.refused(409, "name_taken");
    send("Three", "k2").await.expect(201);
    assert_eq!(admin.get("/jobs").await.expect(200)["count"], 3);
}

// Requirements: API-C-5
#[tokio::test(flavor = "multi_thread")]
async fn at_most_one_run_of_a_job_waits() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let first = ready.start(&admin).await;
    let path = format!("/jobs/{}/runs", ready.job_id());
    let joined = admin.post(&path, json!({})).await.expect(200);
    assert_eq!(joined["id"], first["id"]);
    ready.agent.take_run().await;
    let second = admin.post(&path, json!({})).await.expect(201);
    assert_ne!(second["id"], first["id"]);
    admin
        .delete(&format!("/jobs/{}", ready.job_id()), &ready.job["version"])
        .await
        .refused(409, "in_use");
}

// Requirements: API-C-3
#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_machine_gets_no_job() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let disable = format!("/agents/{}/disable", ready.agent.uuid);
    admin.post(&disable, json!({})).await.expect(200);
    let body = json!({ "name": "New", "agent_id": ready.agent.uuid, "vault_id": ready.vault["id"], "paths": ["/a"] });
    let refused = admin.post("/jobs", body).await;
    refused.wrong_field("/agent_id");
    assert_eq!(admin.get("/jobs").await.expect(200)["count"], 1);
    // What is left out is a valid value.
    let policy = &ready.job["policy"];
    assert_eq!(policy["compression"], "zstd-default");
    assert_eq!(ready.job["schedule"]["type"], "manual");
}

// Requirements: API-C-4, API-C-32, UI-19, ENG-KOPIA-10
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_types_reaches_the_agent_as_it_is() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let name = r#"R&D "quoted" <b>bold</b> \ &quot; 100 % ä 日本"#;
    let paths = [
        r#"/srv/R&D/it's "quoted""#,
        r"C:\Users\O'Brien & Söhne\<x>",
        "/srv/&quot;&amp;/%20/日本",
    ];
    let rules = [r#"*.<tmp>"#, r"a\b & 'c'", "&quot;.bak"];
    let body = json!({ "name": name, "agent_id": ready.agent.uuid, "vault_id": ready.vault["id"], "paths": paths,
        "policy": { "ignore_rules": rules, "compression": "pgzip" } });
    ready.job = admin.post("/jobs", body).await.expect(201);
    let path = format!("/jobs/{}", ready.job_id());
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(
        (
            &shown["name"],
            &shown["paths"],
            &shown["policy"]["ignore_rules"]
        ),
        (&json!(name), &json!(paths), &json!(rules))
    );
    let run = ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    assert_eq!(
        (work.job_name.as_str(), &work.source_paths[..]),
        (name, &paths.map(str::to_owned)[..])
    );
    assert_eq!(work.source_path, paths[0], "the first one by itself");
    assert_eq!(work.exclude_globs, rules);
    assert_eq!(work.effective_compression(), "pgzip");
    let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
    assert_eq!(admin.get(&path).await.expect(200)["paths"], json!(paths));
    // A change keeps it as well.
    let other = [r#"/other/"&\"#];
    let path = format!("/jobs/{}", ready.job_id());
    let change = json!({ "paths": other });
    let changed = admin.patch(&path, &shown["version"], change).await;
    assert_eq!(changed.expect(200)["paths"], json!(other));
}

// Requirements: ENG-KOPIA-10
#[tokio::test(flavor = "multi_thread")]
async fn each_choice_of_compression_reaches_the_agent() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    for choice in ["none", "zstd-default", "pgzip", "s2"] {
        let path = format!("/jobs/{}", ready.job_id());
        let version = admin.get(&path).await.expect(200)["version"].clone();
        let change = json!({ "policy": { "compression": choice } });
        admin.patch(&path, &version, change).await.expect(200);
        ready.start(&admin).await;
        let work = ready.agent.take_run().await;
        let policy = work.policy_json.as_ref().expect("a policy");
        assert_eq!(
            (work.effective_compression(), policy.compression.as_deref()),
            (choice, Some(choice))
        );
        assert_eq!(work.compression_enabled, choice != "none");
        ready.agent.finish(&work, 1, "/srv/data").await;
        ready.agent.running.clear();
    }
}

// Requirements: ENG-KOPIA-10, API-C-4, API-C-32, UI-19
#[tokio::test(flavor = "multi_thread")]
async fn what_selects_files_reaches_the_agent_as_it_was_typed() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let odd = [
        "C:\\Temp\\\"quoted\" & more",
        "it's <b>&quot;bold&quot;</b>/",
        "\u{e9}\u{2028}*",
    ];
    let paths = ["/srv/a & b", "/srv/\"q\" \\ &amp;"];
    let change = json!({ "paths": paths, "policy": { "compression": "s2", "ignore_rules": odd, "include_rules": ["*.doc", "b&w/"],
        "max_file_size_bytes": 5_000_000_000_u64, "one_file_system": true, "parallelism": 3 } });
    let path = format!("/jobs/{}", ready.job_id());
    let changed = admin
        .patch(&path, &ready.job["version"], change)
        .await
        .expect(200);
    assert_eq!(changed["policy"]["ignore_rules"], json!(odd));
    assert_eq!(changed["paths"], json!(paths));
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    assert_eq!(work.exclude_globs, odd);
    assert_eq!(work.include_globs, ["*.doc", "b&w/"]);
    assert_eq!(work.source_paths, paths);
    assert_eq!(work.source_path, paths[0]);
    assert_eq!(work.parallelism, Some(3));
    assert_eq!(work.effective_compression(), "s2");
    let policy = work.policy_json.expect("a policy");
    assert_eq!(
        (policy.max_file_size, policy.one_file_system),
        (Some(5_000_000_000), Some(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_counts_what_a_job_would_take() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    let path = format!("/agents/{}/estimates", agent.uuid);
    let policy =
        json!({ "ignore_rules": ["*.tmp"], "include_rules": ["*.doc"], "one_file_system": true });
    let serving = tokio::spawn({
        let agent = agent.clone();
        async move {
            let counts = json!({ "sources": [{ "path": "/srv", "files": 3, "bytes": 30, "dirs": 1 }],
                "left_out": [{ "by": "rule", "rule": 0, "files": 1, "bytes": 5, "dirs": 0, "examples": ["/srv/a.tmp"] }],
                "taken": [{ "files": 3, "bytes": 30 }], "unreadable": 0, "unreadable_examples": [], "complete": true });
            agent.serve("estimate", counts).await
        }
    });
    let command = admin
        .post(&path, json!({ "paths": ["/srv"], "policy": policy }))
        .await
        .expect(200);
    assert_eq!(
        command["result"]["left_out"][0]["examples"][0],
        "/srv/a.tmp"
    );
    assert_eq!(
        serving.await.expect("serves")["payload"],
        json!({ "source_paths": ["/srv"], "include_globs": ["*.doc"], "exclude_globs": ["*.tmp"],
            "policy_json": { "one_file_system": true } })
    );
    admin
        .post(&path, json!({ "paths": ["srv"] }))
        .await
        .wrong_field("/paths/0");
    admin
        .post(
            &path,
            json!({ "paths": ["/srv"], "policy": { "ignore_rules": ["["] } }),
        )
        .await
        .wrong_field("/policy/ignore_rules/0");
    let question = format!("/agents/{}/path-explanations", agent.uuid);
    admin
        .post(&question, json!({ "paths": ["/srv"], "path": "x" }))
        .await
        .wrong_field("/path");

    // Nobody waits for a withdrawn count, and its agent learns that with its next part.
    let waiting = admin
        .post(&path, json!({ "paths": ["/srv"], "wait_seconds": 0 }))
        .await
        .expect(202);
    let id = waiting["id"].as_str().expect("an id");
    let wire = agent.poll(0, 5).await.commands[0].command_id.0;
    let part = json!({ "seq": 1, "result": {} });
    let partial = format!("/agent/v1/commands/{wire}/partial");
    agent.call(&partial, part.clone()).await.expect(200);
    admin
        .post(&format!("/commands/{id}/cancel"), json!({}))
        .await
        .expect(200);
    agent.call(&partial, part).await.refused(409, "conflict");
}
