//! An agent that does what a test tells it, over HTTP.

use holdfast_protocol::agent::{
    AGENT_ID_HEADER, AGENT_TOKEN_HEADER, Attempt, PollAnswer, RunId, RunUpdate, RunWork,
    TRANSFER_SIZE_HEADER, routes,
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Client};

/// An enrolled agent.
#[derive(Clone)]
pub(crate) struct ScriptedAgent {
    client: Client,
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) device: Uuid,
    pub(crate) instance: Uuid,
    pub(crate) host: String,
    /// Identity in the client API.
    pub(crate) uuid: String,
    /// Runs that it says it is executing.
    pub(crate) running: Vec<(i64, u32)>,
    /// Commands that it says it holds.
    pub(crate) held: Vec<i64>,
    /// Digest of the plan for the server's absence that it says it has.
    pub(crate) offline: Option<String>,
    /// By so many seconds its clock is ahead.
    pub(crate) clock_ahead: i64,
    /// Jobs of that plan that it says it cannot start.
    pub(crate) unplanned: Vec<String>,
}

impl ScriptedAgent {
    /// Enrols with a fresh token and says hello.
    pub(crate) async fn enrol(admin: &Client, base: &str, host: &str) -> Self {
        let token = admin
            .post("/enrolment-tokens", json!({ "max_uses": 1 }))
            .await
            .expect(201);
        let token = token["token"].as_str().expect("has a token").to_owned();
        let client = Client::new(base);
        let device = Uuid::now_v7();
        let answer = client
            .post(routes::ENROL, enrolment(&token, device, host))
            .await
            .expect(200);
        let mut agent = Self {
            client,
            id: answer["agent_id"].as_i64().expect("an id"),
            token: answer["agent_token"].as_str().expect("a token").to_owned(),
            device,
            instance: Uuid::now_v7(),
            host: host.to_owned(),
            uuid: String::new(),
            running: Vec::new(),
            held: Vec::new(),
            offline: None,
            clock_ahead: 0,
            unplanned: Vec::new(),
        };
        agent.hello().await.expect(200);
        let agents = admin.get("/agents?limit=200").await.expect(200);
        let own = agents["items"]
            .as_array()
            .expect("items")
            .iter()
            .find(|item| item["host"] == host);
        agent.uuid = own.expect("is listed")["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        agent
    }

    pub(crate) async fn call(&self, path: &str, body: Value) -> Answer {
        self.client.send(self.request(path, body)).await
    }

    /// A request under the agent's identity.
    pub(crate) fn request(&self, path: &str, body: Value) -> reqwest::RequestBuilder {
        self.client
            .request(Method::POST, path)
            .header(AGENT_ID_HEADER, self.id)
            .header(AGENT_TOKEN_HEADER, &self.token)
            .json(&body)
    }

    /// Sends what somebody downloads; `size` is what it announces.
    pub(crate) async fn transfer(
        &self,
        transfer: &str,
        size: Option<u64>,
        body: reqwest::Body,
    ) -> reqwest::Result<Answer> {
        let path = format!("{}/transfers/{transfer}", routes::PREFIX);
        let mut request = self
            .client
            .request(Method::POST, &path)
            .header(AGENT_ID_HEADER, self.id)
            .header(AGENT_TOKEN_HEADER, &self.token)
            .body(body);
        if let Some(size) = size {
            request = request.header(TRANSFER_SIZE_HEADER, size);
        }
        Client::try_send(request).await
    }

    pub(crate) async fn hello(&mut self) -> Answer {
        let body = json!({
            "version": "0.1.0", "protocol": 1, "instance": self.instance, "host_name": self.host,
            "capabilities": { "os": "linux", "arch": "x86_64", "engines": ["kopia"], "slots": 1, "privileged": true,
                "commands": ["browse_directory", "test_vault", "create_repository", "list_points", "list_content", "restore"] },
            "volumes": [{ "path": "/", "size_bytes": 1000, "filesystem": "ext4" }],
            "clock": jiff::Timestamp::now().to_string(), "a_field_of_the_future": true,
        });
        self.call(routes::HELLO, body).await
    }

    /// What a process after a crash is: the same identity, another instance, nothing in hand.
    pub(crate) fn restarted(&self) -> Self {
        Self {
            instance: Uuid::now_v7(),
            running: Vec::new(),
            held: Vec::new(),
            ..self.clone()
        }
    }

    /// One poll; `wait` in seconds.
    pub(crate) async fn try_poll(&self, slots: u32, wait: u32) -> Answer {
        self.client.send(self.poll_request(slots, wait)).await
    }

    /// The request of a poll.
    pub(crate) fn poll_request(&self, slots: u32, wait: u32) -> reqwest::RequestBuilder {
        let running: Vec<Value> = self
            .running
            .iter()
            .map(|(run, attempt)| json!({ "run_id": run, "attempt": attempt }))
            .collect();
        let body = json!({
            "instance": self.instance, "slots": slots, "running": running, "commands": self.held, "wait": wait,
            "offline_digest": self.offline,
            "clock": (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(self.clock_ahead)).to_string(),
            "offline_digest": self.offline, "offline_unplanned": self.unplanned,
        });
        self.request(routes::POLL, body)
    }

    /// One poll that is answered.
    pub(crate) async fn poll(&self, slots: u32, wait: u32) -> PollAnswer {
        serde_json::from_value(self.try_poll(slots, wait).await.expect(200))
            .expect("a poll's answer")
    }

    /// Polls until it is given a run, and takes it in hand.
    pub(crate) async fn take_run(&mut self) -> RunWork {
        let answer = self.poll(1, 20).await;
        let work = answer.run.expect("a run is handed out");
        self.running.push((work.run_id.0, work.attempt.0));
        work
    }

    /// Polls until it is given a command of a type, and completes it.
    pub(crate) async fn serve(&self, kind: &str, result: Value) -> Value {
        let answer = self.poll(0, 20).await;
        let command = answer.commands.first().expect("a command is handed out");
        assert_eq!(command.kind, kind);
        self.complete(
            command.command_id.0,
            json!({ "status": "completed", "result": result }),
        )
        .await
        .expect(200);
        serde_json::to_value(command).expect("is JSON")
    }

    pub(crate) async fn complete(&self, command: i64, outcome: Value) -> Answer {
        self.call(
            &format!("{}/commands/{command}/complete", routes::PREFIX),
            outcome,
        )
        .await
    }

    /// Reports about a run.
    pub(crate) async fn update(&self, run: i64, attempt: u32, seq: u64, change: Value) -> Answer {
        let request = self.update_request(run, attempt, seq, change);
        self.client.send(request).await
    }

    /// The request of a report.
    pub(crate) fn update_request(
        &self,
        run: i64,
        attempt: u32,
        seq: u64,
        change: Value,
    ) -> reqwest::RequestBuilder {
        let heartbeat = RunUpdate::heartbeat(RunId(run), Attempt(attempt), seq);
        let mut body = serde_json::to_value(heartbeat).expect("is JSON");
        for (key, value) in change.as_object().expect("an object") {
            body[key] = value.clone();
        }
        self.request(&routes::run_update(RunId(run)), body)
    }

    /// Reports events of a run.
    pub(crate) async fn events(&self, run: i64, attempt: u32, events: &[(u64, &str)]) -> Answer {
        let events: Vec<Value> = events
            .iter()
            .map(|(seq, id)| {
                json!({ "seq": seq, "time": jiff::Timestamp::now().to_string(), "type": "info", "level": "info",
                    "message_id": id, "params_json": { "message": format!("event {seq}") } })
            })
            .collect();
        let body = json!({ "run_id": run, "attempt": attempt, "events": events });
        self.call(&routes::run_events(RunId(run)), body).await
    }

    /// Ends a backup well, with one snapshot of `path`.
    pub(crate) async fn finish(&self, work: &RunWork, seq: u64, path: &str) {
        self.finish_at(work, seq, path, jiff::Timestamp::now())
            .await;
    }

    /// The same with a snapshot of another time.
    pub(crate) async fn finish_at(
        &self,
        work: &RunWork,
        seq: u64,
        path: &str,
        time: jiff::Timestamp,
    ) {
        let end = json!({ "status": "success", "bytes_processed": 3000, "bytes_transferred": 1000, "bytes_total": 3000,
            "stats_json": { "files": 3, "dirs": 1, "cached_files": 0, "errors": 0, "bytes_total": 3000,
                "bytes_read": 3000, "bytes_new": 2000, "bytes_uploaded": 1000, "seconds": 1.5 },
            "points": [point_of(work, path, time)] });
        self.update(work.run_id.0, work.attempt.0, seq, end)
            .await
            .expect(200);
    }
}

/// The snapshot that a run made of a path, as it reports it.
pub(crate) fn point_of(work: &RunWork, path: &str, time: jiff::Timestamp) -> Value {
    let now = time.to_string();
    json!({ "source_path": path, "source_user": work.source_identity.user,
        "source_host": work.source_identity.host, "manifest_id": format!("m{}", work.run_id),
        "root_object": format!("k{}", work.run_id), "start_time": now, "end_time": now, "files": 3, "dirs": 1,
        "bytes": 3000, "errors": 0 })
}

/// The body of an enrolment.
pub(crate) fn enrolment(token: &str, device: Uuid, host: &str) -> Value {
    json!({ "enrollment_token": token, "device_id": device, "host_name": host, "os": "linux", "arch": "x86_64",
        "agent_version": "0.1.0", "user_name": "root" })
}
