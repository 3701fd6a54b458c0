//! Server, agent and object store as real processes, and a client of the public API.
//!
//! Everything lies in one temporary folder, which is kept when the test fails. Helpers panic with a sentence, because a
//! test could do nothing but unwrap.

mod api;
mod process;
mod store;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use holdfast_testkit::bin;
use serde_json::{Value, json};

pub use api::Api;
pub use process::Process;
pub use store::{ObjectStore, Totals};

/// Longest time that a test waits for something that must happen soon.
pub const PATIENCE: Duration = Duration::from_secs(60);

const EMAIL: &str = "admin@example.com";
/// Password of the first account.
pub const PASSWORD: &str = "correct horse battery staple";

const REPOSITORY_PASSWORD: &str = "repository password of the tests";

/// The processes of one test.
pub struct Stack {
    folder: Option<tempfile::TempDir>,
    /// The object store.
    pub store: ObjectStore,
    server: Option<Process>,
    agent: Option<Process>,
    /// A signed-in client.
    pub api: Api,
    address: String,
}

impl Stack {
    /// Starts everything, enrols the agent and waits until it is online.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("holdfast-e2e-")
            .tempdir()
            .expect("make a temporary folder");
        let store = ObjectStore::start(&folder.path().join("store.log")).await;
        let (server, address) = start_server(folder.path(), "127.0.0.1:0").await;
        let mut api = Api::new(&address);
        api.sign_in(EMAIL, PASSWORD).await;
        let mut stack = Self {
            folder: Some(folder),
            store,
            server: Some(server),
            agent: None,
            api,
            address,
        };
        stack.enrol().await;
        stack.start_agent();
        stack
            .api
            .wait_until("the agent is online", "/agents", |agents| {
                agents["items"][0]["state"] == "online"
            })
            .await;
        stack
    }

    /// The folder of this test.
    pub fn path(&self) -> &Path {
        self.folder
            .as_ref()
            .expect("the folder is kept until the end")
            .path()
    }

    fn config(&self) -> PathBuf {
        self.path().join("agent.conf")
    }

    async fn enrol(&self) {
        let token = self.api.post("/enrolment-tokens", json!({})).await;
        let token = token["token"].as_str().expect("the answer holds the token");
        let status = tokio::process::Command::new(bin("holdfast-agent"))
            .args([
                "enroll",
                "--server",
                &self.address,
                "--token",
                token,
                "--config",
            ])
            .arg(self.config())
            .status()
            .await
            .expect("run holdfast-agent enroll");
        assert!(status.success(), "enrolment failed: {status}");
    }

    /// Starts the agent (again).
    pub fn start_agent(&mut self) {
        assert!(self.agent.is_none(), "one agent is running already");
        let state = self.path().join("agent");
        let log = self.path().join("agent.log");
        let mut command = std::process::Command::new(bin("holdfast-agent"));
        command
            .args(["run", "--config"])
            .arg(self.config())
            .env("HOLDFAST_AGENT_STATE_DIR", state)
            .env("HOLDFAST_AGENT_OFFLINE_AFTER_SECONDS", "1");
        self.agent = Some(Process::start("agent", command, &log));
    }

    /// Ends the agent like a power cut would.
    pub fn kill_agent(&mut self) {
        self.agent.take().expect("an agent is running").kill();
    }

    /// Ends the server like a power cut would.
    pub fn kill_server(&mut self) {
        self.server.take().expect("a server is running").kill();
    }

    /// Starts the server again on the same address and data.
    pub async fn start_server(&mut self) {
        assert!(self.server.is_none(), "one server is running already");
        let listen = self.address.trim_start_matches("http://").to_owned();
        let (server, address) = start_server(self.path(), &listen).await;
        assert_eq!(address, self.address);
        self.server = Some(server);
    }

    /// Waits until the agent's log holds a text.
    pub async fn wait_for_log(&self, text: &str) {
        let path = self.path().join("agent.log");
        let deadline = Instant::now() + PATIENCE;
        while !std::fs::read_to_string(&path)
            .expect("read the agent's log")
            .contains(text)
        {
            assert!(
                Instant::now() < deadline,
                "the agent's log does not say {text:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every snapshot in the repository below `prefix`, as the command line lists them.
    pub async fn snapshots(&self, prefix: &str) -> Value {
        let output = self
            .holdfast(prefix, &["snapshot", "list", "--all", "--json"])
            .await;
        serde_json::from_slice(&output).expect("snapshot list prints JSON")
    }

    /// Fails the test unless the repository below `prefix` passes the strict check.
    pub async fn check_strict(&self, prefix: &str) {
        self.holdfast(prefix, &["repo", "check", "--strict"]).await;
    }

    /// Runs the command line on the repository below `prefix`; answers what it printed.
    async fn holdfast(&self, prefix: &str, arguments: &[&str]) -> Vec<u8> {
        let output = tokio::process::Command::new(bin("holdfast"))
            .args(arguments)
            .args(["--repo", &self.store.location(prefix)])
            .env("HOLDFAST_PASSWORD", REPOSITORY_PASSWORD)
            .env("AWS_ACCESS_KEY_ID", &self.store.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &self.store.secret_key)
            .output()
            .await
            .expect("run holdfast");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "holdfast {} ends with {}: {errors}",
            arguments.join(" "),
            output.status
        );
        output.stdout
    }

    /// A vault in the object store, its repository created.
    pub async fn s3_vault(&self, prefix: &str) -> Value {
        let storage = json!({
            "kind": "s3", "endpoint": self.store.url, "region": "us-east-1", "bucket": self.store.bucket, "prefix": prefix,
            "access_key_id": self.store.access_key, "secret_access_key": self.store.secret_key,
        });
        let vault = json!({"name": format!("vault {prefix}"), "storage": storage, "repository_password": REPOSITORY_PASSWORD});
        let vault = self.api.post("/vaults", vault).await;
        self.api
            .wait_until("the vault is ready", &item("/vaults", &vault), |vault| {
                vault["state"] == "ready"
            })
            .await
    }

    /// A job of the agent that backs `source` up to `vault`.
    pub async fn job(&self, vault: &Value, source: &Path, upload_limit: Option<u64>) -> Value {
        let agents = self.api.get("/agents").await;
        let job = json!({
            "name": format!("job on {}", source.display()), "agent_id": agents["items"][0]["id"], "vault_id": vault["id"],
            "paths": [source], "upload_limit_bytes_per_second": upload_limit,
        });
        self.api.post("/jobs", job).await
    }

    /// Starts a run of a job; answers its address below `/api/v1`.
    pub async fn run(&self, job: &Value) -> String {
        let run = self
            .api
            .post(&format!("{}/runs", item("/jobs", job)), json!({}))
            .await;
        item("/runs", &run)
    }

    /// Waits until a run is over.
    pub async fn wait_for_end(&self, run: &str, patience: Duration) -> Value {
        self.api
            .wait_within(patience, "the run is over", run, is_over)
            .await
    }

    /// Restores a whole point to `target` and waits for the end.
    pub async fn restore(&self, point_id: &Value, target: &Path, patience: Duration) -> Value {
        let run = self
            .api
            .post(
                "/restores",
                json!({"point_id": point_id, "target_path": target, "items": []}),
            )
            .await;
        self.wait_for_end(&item("/runs", &run), patience).await
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        drop(self.agent.take());
        drop(self.server.take());
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            eprintln!(
                "logs and data of the failed test are kept in {}",
                folder.keep().display()
            );
        }
    }
}

/// Whether nothing can follow in a run.
pub fn is_over(run: &Value) -> bool {
    ["success", "partial_success", "failed", "cancelled"]
        .iter()
        .any(|status| run["status"] == *status)
}

/// Address of one object of a collection.
pub fn item(collection: &str, object: &Value) -> String {
    format!(
        "{collection}/{}",
        object["id"]
            .as_str()
            .unwrap_or_else(|| panic!("an object without id: {object}"))
    )
}

async fn start_server(folder: &Path, listen: &str) -> (Process, String) {
    let log = folder.join("server.log");
    let before = std::fs::metadata(&log).map_or(0, |metadata| metadata.len());
    let mut command = std::process::Command::new(bin("holdfast"));
    command
        .args(["server", "--listen", listen, "--data"])
        .arg(folder.join("server"))
        .env("HOLDFAST_ADMIN_EMAIL", EMAIL)
        .env("HOLDFAST_ADMIN_PASSWORD", PASSWORD);
    let mut server = Process::start("server", command, &log);
    let deadline = Instant::now() + PATIENCE;
    let address = loop {
        let text = std::fs::read(&log).unwrap_or_default();
        let text =
            String::from_utf8_lossy(text.get(before as usize..).unwrap_or_default()).into_owned();
        if let Some(address) = listening_address(&text) {
            break address;
        }
        server.assert_running();
        assert!(
            Instant::now() < deadline,
            "the server does not say where it listens: {text}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    Api::new(&address).wait_until_up().await;
    (server, address)
}

/// The address in the server's line about where it listens.
fn listening_address(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains("listening"))?;
    let start = line.find("127.0.0.1:")?;
    let port: String = line[start + "127.0.0.1:".len()..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some(format!("http://127.0.0.1:{port}"))
}
