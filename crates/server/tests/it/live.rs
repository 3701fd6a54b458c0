//! Server-sent events.

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, PATIENCE, TestServer, ready};

/// Reads events until one of a kind satisfies `wanted`.
pub(crate) struct Events {
    stream: std::pin::Pin<Box<dyn futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    text: String,
    /// Read, and not found by anybody yet.
    unused: Vec<(String, Value)>,
}

impl Events {
    pub(crate) async fn open(client: &Client, topics: &str) -> Self {
        let request = client.request(Method::GET, &format!("/stream?topics={topics}"));
        let response = request.send().await.expect("the stream opens");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            stream: Box::pin(response.bytes_stream()),
            text: String::new(),
            unused: Vec::new(),
        }
    }

    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::to_owned)
                };
                let found = (
                    field("event: ").unwrap_or_default(),
                    field("data: ").unwrap_or_default(),
                );
                self.text = rest.to_owned();
                return Some((found.0, serde_json::from_str(&found.1).unwrap_or_default()));
            }
            let bytes = self.stream.next().await?.ok()?;
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    pub(crate) async fn find(&mut self, event: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let fits = |(kind, data): &(String, Value)| kind == event && wanted(data);
        if let Some(at) = self.unused.iter().position(fits) {
            return self.unused.remove(at).1;
        }
        let search = async {
            loop {
                let found = self.next().await.expect("the stream goes on");
                if fits(&found) {
                    return found.1;
                }
                self.unused.push(found);
            }
        };
        tokio::time::timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("no {event} in time"))
    }
}

// Requirements: UI-5, LIVE-2
#[tokio::test(flavor = "multi_thread")]
async fn a_page_sees_its_run_move() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let run = ready.start(&admin).await;
    let id = run["id"].as_str().expect("an id");
    let mut events = Events::open(&admin, &format!("runs/{id},overview,agents")).await;
    let first = events.find("run", |_| true).await;
    assert_eq!(
        (&first["topic"], &first["data"]["status"]),
        (&json!(format!("runs/{id}")), &json!("queued"))
    );
    events
        .find("overview", |data| data["data"]["jobs_total"] == 1)
        .await;
    let work = ready.agent.take_run().await;
    events
        .find("run", |data| data["data"]["status"] == "starting")
        .await;
    ready
        .agent
        .update(
            work.run_id.0,
            1,
            1,
            json!({ "status": "running", "bytes_processed": 7 }),
        )
        .await
        .expect(200);
    events
        .find("run", |data| {
            data["data"]["progress"]["bytes_processed"] == 7
        })
        .await;
    ready
        .agent
        .events(work.run_id.0, 1, &[(1, "BACKUP_STARTING")])
        .await
        .expect(200);
    let event = events.find("run_event", |_| true).await;
    assert_eq!(
        (&event["data"]["seq"], &event["data"]["message"]),
        (&json!(1), &json!("The backup has begun."))
    );
    server.agent(&admin, "another").await;
    events
        .find("agent", |data| data["data"]["host"] == "another")
        .await;
    ready.agent.finish(&work, 2, "/srv/data").await;
    events
        .find("run", |data| data["data"]["status"] == "success")
        .await;
}

// Requirements: BRW-2
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_listing_reach_the_page_that_waits() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = server.agent(&admin, "box").await;
    let path = format!("/agents/{}/browse", agent.uuid);
    let command = admin
        .post(&path, json!({ "path": "/", "wait_seconds": 0 }))
        .await
        .expect(202);
    let mut events = Events::open(
        &admin,
        &format!("commands/{}", command["id"].as_str().expect("an id")),
    )
    .await;
    events
        .find("command", |data| data["data"]["status"] == "pending")
        .await;
    let wire = agent.poll(0, 5).await.commands[0].command_id.0;
    let part = json!({ "seq": 1, "result": { "entries": ["half"] } });
    agent
        .call(&format!("/agent/v1/commands/{wire}/partial"), part)
        .await
        .expect(200);
    let part = events.find("command_partial", |_| true).await;
    assert_eq!(part["data"]["result"]["entries"][0], "half");
    agent.complete(wire, json!({ "status": "completed", "result": { "path": "/", "entries": [], "truncated": false } })).await.expect(200);
    events
        .find("command", |data| data["data"]["status"] == "completed")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_another_tenants_changes() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let other = server.second_tenant().await;
    let mut events = Events::open(&other, "agents,runs,overview").await;
    events.find("overview", |_| true).await;
    server.agent(&admin, "secret-host").await;
    server.agent(&other, "own-host").await;
    let seen = events.find("agent", |_| true).await;
    assert_eq!(seen["data"]["host"], "own-host");
}
