//! Downloads: from a machine's request straight to the browser's answer.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::{Body, Method, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Client, PASSWORD, Ready, TestServer, eventually, ready};

/// A server with a restore point, and the machine that reaches it.
struct Scene {
    server: TestServer,
    admin: Client,
    ready: Ready,
    point: String,
}

impl Scene {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let admin = server.admin().await;
        let mut ready = ready(&server, &admin, "box").await;
        ready.back_up(&admin).await;
        let points = admin.get("/points").await.expect(200);
        let point = points["items"][0]["id"].as_str().expect("an id").to_owned();
        Self {
            server,
            admin,
            ready,
            point,
        }
    }

    /// Asks for a file; answers the identity of the download and what the machine is asked.
    async fn ask(&self, path: &str, form: &str) -> (String, Value) {
        let body = json!({ "path": path, "form": form, "wait_seconds": 0 });
        let url = format!("/points/{}/downloads", self.point);
        let download = self.admin.post(&url, body).await.expect(202);
        assert_eq!(download["state"], "preparing", "{download}");
        let command = self.ready.agent.poll(0, 5).await.commands[0].clone();
        assert_eq!(command.kind, "read_file");
        let id = download["id"].as_str().expect("an id").to_owned();
        assert_eq!(command.payload["transfer"], id.as_str());
        let mut asked = command.payload;
        asked["command"] = json!(command.command_id);
        (id, asked)
    }

    async fn fetch(&self, id: &str) -> Response {
        let path = format!("/downloads/{id}/content");
        let request = self.admin.request(Method::GET, &path);
        request.send().await.expect("the server answers")
    }

    async fn state(&self, id: &str) -> Value {
        let path = format!("/downloads/{id}");
        self.admin.get(&path).await.expect(200)
    }

    async fn becomes(&self, id: &str, state: &str) -> Value {
        eventually(state, async || {
            let download = self.state(id).await;
            (download["state"] == state).then_some(download)
        })
        .await
    }
}

/// A body of these pieces. At an error the connection breaks off, once somebody has begun to fetch: before that, nothing of
/// the request might have left the machine.
fn body(pieces: Vec<Result<Bytes, std::io::Error>>, fetched: &Arc<Notify>) -> Body {
    let fetched = fetched.clone();
    let pieces = futures::stream::iter(pieces).then(move |piece| {
        let fetched = fetched.clone();
        async move {
            if piece.is_err() {
                fetched.notified().await;
            }
            piece
        }
    });
    Body::wrap_stream(pieces)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_from_the_machine_to_the_browser() {
    let scene = Scene::start().await;
    let (id, asked) = scene.ask("docs/ü x.bin", "file").await;
    assert_eq!(
        (&asked["path"], &asked["form"]),
        (&json!("docs/ü x.bin"), &json!("file"))
    );
    let bytes: Vec<u8> = (0..3_000_000u32).map(|number| number as u8).collect();
    let sending = tokio::spawn({
        let (agent, id, bytes) = (scene.ready.agent.clone(), id.clone(), bytes.clone());
        async move {
            let size = bytes.len() as u64;
            agent.transfer(&id, Some(size), bytes.into()).await
        }
    });
    let ready = scene.becomes(&id, "ready").await;
    assert_eq!(
        (&ready["size"], &ready["name"]),
        (&json!(3_000_000), &json!("ü x.bin"))
    );
    let answer = scene.fetch(&id).await;
    assert_eq!(answer.status(), 200);
    let headers = answer.headers().clone();
    assert_eq!(headers["content-length"], "3000000");
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(
        headers["content-disposition"],
        "attachment; filename=\"_ x.bin\"; filename*=UTF-8''%C3%BC%20x.bin"
    );
    assert!(answer.bytes().await.expect("all of it") == bytes);
    let sent = sending.await.expect("runs").expect("is answered");
    sent.expect(200);
    assert_eq!(scene.becomes(&id, "done").await["failure"], Value::Null);
    // Nothing is kept: a second time there is nothing to fetch.
    let again = format!("/downloads/{id}/content");
    scene.admin.get(&again).await.refused(409, "conflict");

    // It is on record who downloaded from what, without names of files.
    let audit = scene.admin.get("/audit").await.expect(200).to_string();
    assert!(audit.contains("points.download"), "{audit}");
    assert!(!audit.contains("x.bin"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_never_looks_whole() {
    let scene = Scene::start().await;
    let cut = || Err(std::io::Error::other("the machine dies"));
    let piece = || Ok(Bytes::from(vec![7; 200_000]));
    for (form, size, pieces) in [
        ("file", Some(1_000_000), vec![piece(), cut()]),
        ("file", Some(1_000_000), vec![piece()]),
        ("file", Some(100_000), vec![piece()]),
        ("zip", None, vec![piece(), cut()]),
    ] {
        let (id, _) = scene.ask("docs", form).await;
        let fetched = Arc::new(Notify::new());
        let sending = tokio::spawn({
            let (agent, id) = (scene.ready.agent.clone(), id.clone());
            let body = body(pieces, &fetched);
            async move { agent.transfer(&id, size, body).await }
        });
        scene.becomes(&id, "ready").await;
        let answer = scene.fetch(&id).await;
        assert_eq!(answer.status(), 200);
        fetched.notify_one();
        let read = answer.bytes().await;
        assert!(read.is_err(), "{form} of {size:?} came to an end");
        let failed = scene.becomes(&id, "failed").await;
        assert_eq!(failed["failure"]["code"], "transfer_broken", "{failed}");
        // How the machine learns of it is its own matter.
        let _ = sending.await.expect("runs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_cannot_says_why() {
    let scene = Scene::start().await;
    let (id, asked) = scene.ask("gone.txt", "file").await;
    let outcome = json!({ "status": "failed", "code": "path_not_found", "message": "\"gone.txt\" does not exist" });
    let command = asked["command"].as_i64().expect("a number");
    scene
        .ready
        .agent
        .complete(command, outcome)
        .await
        .expect(200);
    let failed = scene.state(&id).await;
    assert_eq!(failed["state"], "failed");
    assert_eq!(failed["failure"]["code"], "path_not_found");
    let content = format!("/downloads/{id}/content");
    let refused = scene.admin.get(&content).await.refused(409, "conflict");
    let detail = refused["detail"].as_str().expect("words");
    assert!(detail.contains("gone.txt"), "{detail}");
    // It is too late to send it.
    let late = scene.ready.agent.transfer(&id, None, "x".into()).await;
    late.expect("is answered").refused(409, "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_its_askers_and_its_machines() {
    let scene = Scene::start().await;
    let (id, _) = scene.ask("a.txt", "file").await;
    let user = json!({ "email": "second@example.org", "role": "admin", "password": PASSWORD });
    scene.admin.post("/users", user).await.expect(201);
    let second = scene.server.signed_in("second@example.org").await;
    for path in [
        format!("/downloads/{id}"),
        format!("/downloads/{id}/content"),
    ] {
        second.get(&path).await.refused(404, "not_found");
    }
    let stranger = scene.server.agent(&scene.admin, "other").await;
    let refused = stranger.transfer(&id, None, "x".into()).await;
    refused.expect("is answered").refused(404, "not_found");
    assert_eq!(scene.state(&id).await["state"], "preparing");
    for (path, form, pointer) in [
        ("", "file", "/path"),
        ("/etc/passwd", "file", "/path"),
        ("a/../b", "zip", "/path"),
        ("a", "rar", "/form"),
    ] {
        let url = format!("/points/{}/downloads", scene.point);
        let body = json!({ "path": path, "form": form });
        scene.admin.post(&url, body).await.wrong_field(pointer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_has_a_few_downloads_at_a_time() {
    let scene = Scene::start().await;
    let url = format!("/points/{}/downloads", scene.point);
    let body = json!({ "path": "a.txt", "form": "file", "wait_seconds": 0 });
    for _ in 0..20 {
        scene.admin.post(&url, body.clone()).await.expect(202);
    }
    let refused = scene.admin.post(&url, body).await;
    refused.refused(429, "too_many_downloads");
}

/// A browser that does not read makes the machine wait: the server holds no more than a few pieces.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_piles_up_before_a_slow_browser() {
    const PIECES: usize = 2_000;
    let scene = Scene::start().await;
    let (id, _) = scene.ask("large", "zip").await;
    let made = Arc::new(AtomicUsize::new(0));
    let pieces = {
        let made = made.clone();
        futures::stream::iter(0..PIECES).map(move |_| {
            made.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from(vec![1; 64 << 10]))
        })
    };
    let sending = tokio::spawn({
        let (agent, id) = (scene.ready.agent.clone(), id.clone());
        async move { agent.transfer(&id, None, Body::wrap_stream(pieces)).await }
    });
    scene.becomes(&id, "ready").await;
    let answer = scene.fetch(&id).await;
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = made.load(Ordering::Relaxed);
        if now == before {
            break;
        }
        before = now;
    }
    assert!(
        before < PIECES / 2,
        "{before} of {PIECES} pieces were taken"
    );
    // The browser goes: the machine is told to stop.
    drop(answer);
    let failed = scene.becomes(&id, "failed").await;
    assert_eq!(failed["failure"]["code"], "cancelled", "{failed}");
    let _ = sending.await.expect("runs");
    assert!(made.load(Ordering::Relaxed) < PIECES);
}
