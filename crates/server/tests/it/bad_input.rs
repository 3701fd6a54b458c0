//! Requests that are wrong: each is refused with a problem document that says what to do.

use reqwest::{Method, header};
use serde_json::json;

use crate::support::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn bodies_over_one_mebibyte_are_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let large = json!({ "name": "x".repeat(1 << 20) });
    admin
        .post("/jobs", large.clone())
        .await
        .refused(413, "body_too_large");
    let text = large.to_string();
    let chunks = futures::stream::iter(
        text.into_bytes()
            .chunks(65_536)
            .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
            .collect::<Vec<_>>(),
    );
    let streamed = admin
        .request(Method::POST, "/jobs")
        .header(header::CONTENT_TYPE, "application/json");
    admin
        .send(streamed.body(reqwest::Body::wrap_stream(chunks)))
        .await
        .refused(413, "body_too_large");
    let fits = json!({ "name": "x".repeat((1 << 20) - 100) });
    admin
        .post("/jobs", fits)
        .await
        .refused(422, "invalid_input");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let send = async |body: &'static str, kind: &'static str| {
        let request = admin
            .request(Method::POST, "/jobs")
            .header(header::CONTENT_TYPE, kind)
            .body(body);
        admin.send(request).await
    };
    send("{", "application/json")
        .await
        .refused(400, "invalid_request");
    send("[]", "application/json")
        .await
        .refused(422, "invalid_input");
    send("name=x", "application/x-www-form-urlencoded")
        .await
        .refused(415, "unsupported_media_type");
    send("{\"name\":\"\\ud800\"}", "application/json")
        .await
        .refused(400, "invalid_request");
}

// Requirements: API-C-34
#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_parameters_that_do_not_exist_are_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.get("/nothing").await.refused(404, "unknown_route");
    admin
        .get("/agent/v1/nothing")
        .await
        .refused(404, "unknown_route");
    admin
        .send(admin.request(Method::PUT, "/jobs"))
        .await
        .refused(405, "method_not_allowed");
    admin.get("/jobs/not-an-id").await.refused(404, "not_found");
    for (query, pointer) in [
        ("limit=0", "?limit"),
        ("limit=201", "?limit"),
        ("cursor=x", "?cursor"),
    ] {
        admin
            .get(&format!("/runs?{query}"))
            .await
            .wrong_field(pointer);
    }
    admin
        .get("/runs?status=asleep")
        .await
        .wrong_field("?status");
    admin
        .get("/runs?limit=many")
        .await
        .refused(422, "invalid_input");
    admin
        .get("/runs?colour=red")
        .await
        .refused(422, "invalid_input");
    admin
        .get("/stream?topics=weather")
        .await
        .refused(400, "invalid_request");
    admin.get("/stream").await.refused(400, "invalid_request");
}

// Requirements: DB-7, SET-1c, SET-1d
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_do_not_fit_are_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let settings = admin.get("/settings").await.expect(200);
    assert_eq!(
        (
            &settings["reclaim_grace_seconds"]["value"],
            &settings["watchdog_timeout_seconds"]["value"]
        ),
        (&json!(180), &json!(720))
    );
    let version = &settings["version"];
    admin
        .patch(
            "/settings",
            version,
            json!({ "watchdog_timeout_seconds": 100 }),
        )
        .await
        .wrong_field("/watchdog_timeout_seconds");
    admin
        .patch("/settings", version, json!({ "public_url": "ftp://x" }))
        .await
        .wrong_field("/public_url");
    let changed = json!({ "reclaim_grace_seconds": 60, "watchdog_timeout_seconds": 300 });
    let changed = admin.patch("/settings", version, changed).await.expect(200);
    assert_eq!(changed["watchdog_timeout_seconds"]["value"], 300);
    admin
        .patch("/settings", version, json!({}))
        .await
        .refused(412, "version_changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_address_is_the_page_with_a_fresh_nonce() {
    let server = TestServer::start().await;
    let visitor = server.visitor();
    let mut policies = Vec::new();
    for path in ["/web", "/web/jobs/new"] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 200);
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .expect("is text")
            .to_owned();
        let nonce = policy
            .split("'nonce-")
            .nth(1)
            .and_then(|rest| rest.split('\'').next())
            .expect("a nonce");
        assert!(answer.text.contains(nonce) && !answer.text.contains("HOLDFAST_NONCE"));
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'")
        );
        policies.push(policy);
    }
    assert_ne!(policies[0], policies[1]);
    assert_eq!(visitor.get("/web/../../etc/passwd").await.status, 200);
}
