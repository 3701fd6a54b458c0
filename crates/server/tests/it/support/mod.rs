//! The server, its clients, and a scripted agent.

pub(crate) mod agent;
pub(crate) mod certificates;
pub(crate) mod client;
pub(crate) mod receivers;
pub(crate) mod scene;
pub(crate) mod server;

use std::time::Duration;

use holdfast_protocol::agent::RunWork;
use serde_json::{Value, json};

pub(crate) use agent::ScriptedAgent;
pub(crate) use client::{Answer, Client};
pub(crate) use server::TestServer;

/// Password of every account of the tests.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Longest that a test waits for something to become true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again and again until `ask` has an answer.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{what}: not within {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the first alert of the start page is of a kind.
pub(crate) async fn worst_alert_is(client: &Client, kind: &str) {
    eventually("the start page shows the alert", async || {
        let overview = client.get("/overview").await.expect(200);
        (overview["alerts"][0]["kind"] == kind).then_some(())
    })
    .await;
}

/// A machine, a vault with its repository, and a job.
pub(crate) struct Ready {
    pub(crate) agent: ScriptedAgent,
    pub(crate) vault: Value,
    pub(crate) job: Value,
}

impl Ready {
    /// Identity of the job.
    pub(crate) fn job_id(&self) -> &str {
        self.job["id"].as_str().expect("an id")
    }

    /// Identity of the vault.
    pub(crate) fn vault_id(&self) -> &str {
        self.vault["id"].as_str().expect("an id")
    }

    /// Starts a run of the job and answers with it.
    pub(crate) async fn start(&self, client: &Client) -> Value {
        client
            .post(&format!("/jobs/{}/runs", self.job_id()), json!({}))
            .await
            .expect(201)
    }

    /// A run of the job, done by the script, that makes a restore point.
    pub(crate) async fn back_up(&mut self, client: &Client) -> RunWork {
        self.start(client).await;
        let work = self.agent.take_run().await;
        self.agent.finish(&work, 1, "/srv/data").await;
        self.agent.running.clear();
        work
    }
}

/// Makes a machine with a directory vault and a job named after the host.
pub(crate) async fn ready(server: &TestServer, admin: &Client, host: &str) -> Ready {
    ready_at(&server.url(), admin, host).await
}

/// The same on any server.
pub(crate) async fn ready_at(base: &str, admin: &Client, host: &str) -> Ready {
    let agent = ScriptedAgent::enrol(admin, base, host).await;
    let storage = json!({ "kind": "directory", "agent_id": agent.uuid, "path": "/backup" });
    let vault = admin
        .post(
            "/vaults",
            json!({ "name": format!("vault of {host}"), "storage": storage }),
        )
        .await
        .expect(201);
    assert_eq!(vault["state"], "creating", "{vault}");
    agent
        .serve(
            "create_repository",
            json!({ "created": true, "unique_id": "00" }),
        )
        .await;
    let vault = admin
        .get(&format!("/vaults/{}", vault["id"].as_str().expect("an id")))
        .await
        .expect(200);
    assert_eq!(vault["state"], "ready", "{vault}");
    let job = json!({ "name": format!("job of {host}"), "agent_id": agent.uuid, "vault_id": vault["id"],
        "paths": ["/srv/data"], "policy": { "ignore_rules": ["*.tmp"] } });
    let job = admin.post("/jobs", job).await.expect(201);
    Ready { agent, vault, job }
}

/// A vault on an object store, which every machine reaches.
pub(crate) async fn bucket(admin: &Client, agent: &ScriptedAgent) -> String {
    let storage = json!({ "kind": "s3", "endpoint": "http://s3.example", "bucket": "b", "access_key_id": "a",
        "secret_access_key": "s" });
    let vault = json!({ "name": "offsite", "storage": storage, "create_repository": false });
    let vault = admin.post("/vaults", vault).await.expect(201);
    let id = vault["id"].as_str().expect("an id").to_owned();
    let create = format!("/vaults/{id}/create-repository");
    admin
        .post(&create, json!({ "wait_seconds": 0 }))
        .await
        .expect(202);
    agent
        .serve(
            "create_repository",
            json!({ "created": true, "unique_id": "00" }),
        )
        .await;
    id
}
