//! Set-up, sign-in, sessions, roles, accounts.

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestServer, server::options};

#[tokio::test(flavor = "multi_thread")]
async fn set_up_takes_its_token_once() {
    holdfast_host::install_crypto_provider();
    let folder = tempfile::TempDir::new().expect("make a folder");
    let mut options = options(&folder.path().join("data"), ([127, 0, 0, 1], 0).into());
    options.first_account = None;
    let running = holdfast_server::start(options.clone())
        .await
        .expect("start");
    let url = running.set_up_url.clone().expect("an address is printed");
    let token = url.split("token=").nth(1).expect("has a token").to_owned();
    let mut client = Client::new(&format!("http://{}", running.address));
    assert_eq!(client.get("/status").await.expect(200)["set_up"], false);
    client.get("/me").await.refused(401, "not_signed_in");

    let body = |token: &str, password: &str| {
        json!({ "token": token, "email": "Ops@Example.org", "password": password,
        "tenant_name": "Lab", "zone": "Europe/Berlin" })
    };
    client
        .post("/set-up", body("wrong", PASSWORD))
        .await
        .refused(403, "set_up_token_refused");
    client
        .post("/set-up", body(&token, "short"))
        .await
        .wrong_field("/password");
    let answer = client.post("/set-up", body(&token, PASSWORD)).await;
    client.keep_cookie(&answer);
    let me = answer.expect(201);
    assert_eq!(
        (&me["email"], &me["role"], &me["tenant"]["name"]),
        (&json!("ops@example.org"), &json!("admin"), &json!("Lab"))
    );
    assert_eq!(
        client.get("/me").await.expect(200)["tenant"]["zone"],
        "Europe/Berlin"
    );
    client
        .post("/set-up", body(&token, PASSWORD))
        .await
        .refused(409, "already_set_up");
    assert_eq!(client.get("/status").await.expect(200)["set_up"], true);
    running.stop().await.expect("stop");

    let running = holdfast_server::start(options).await.expect("start again");
    assert_eq!(running.set_up_url, None);
    running.stop().await.expect("stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_until_sign_out_and_over_restarts() {
    let mut server = TestServer::start().await;
    let client = server.admin().await;
    client.get("/me").await.expect(200);
    server.stop().await;
    server.resume().await;
    client.get("/me").await.expect(200);
    client
        .send(client.request(Method::DELETE, "/session"))
        .await
        .expect(204);
    client.get("/me").await.refused(401, "not_signed_in");
    server.stop().await;
}

// Requirements: SEC-15
#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_is_slowed() {
    let server = TestServer::start().await;
    let client = server.visitor();
    let guess = json!({ "email": "admin@example.org", "password": "a wrong password" });
    for _ in 0..10 {
        client
            .post("/session", guess.clone())
            .await
            .refused(401, "sign_in_failed");
    }
    let right = json!({ "email": "admin@example.org", "password": PASSWORD });
    let answer = client.post("/session", right).await;
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    let problem = answer.refused(429, "too_many_attempts");
    assert!(
        problem["retry_after_seconds"]
            .as_u64()
            .is_some_and(|seconds| (1..=61).contains(&seconds))
    );
}

// Requirements: SEC-15
#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_changes_nothing() {
    let server = TestServer::start().await;
    let client = server.admin().await;
    let origins = [
        ("origin", "http://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "null"),
    ];
    for (name, value) in origins {
        let request = client
            .request(Method::POST, "/enrolment-tokens")
            .header(name, value)
            .json(&json!({}));
        client.send(request).await.refused(403, "foreign_origin");
    }
    let own = client
        .request(Method::POST, "/enrolment-tokens")
        .header("origin", server.url())
        .json(&json!({}));
    client.send(own).await.expect(201);
    assert_eq!(
        client.get("/enrolment-tokens").await.expect(200)["count"],
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_made_changed_and_deleted() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let me = admin.get("/me").await.expect(200);
    let own = format!("/users/{}", me["id"].as_str().expect("an id"));
    admin
        .patch(&own, &me["version"], json!({ "role": "viewer" }))
        .await
        .refused(409, "last_administrator");
    admin
        .patch(&own, &me["version"], json!({ "disabled": true }))
        .await
        .refused(409, "last_administrator");
    admin
        .delete(&own, &me["version"])
        .await
        .refused(409, "conflict");

    let new = json!({ "email": "viewer@example.org", "role": "viewer", "password": PASSWORD });
    let user = admin.post("/users", new.clone()).await.expect(201);
    admin.post("/users", new).await.refused(409, "name_taken");
    let path = format!("/users/{}", user["id"].as_str().expect("an id"));
    let viewer = server.signed_in("viewer@example.org").await;
    viewer.get("/jobs").await.expect(200);
    viewer.get("/users").await.refused(403, "forbidden");

    admin
        .send(admin.request(Method::PATCH, &path).json(&json!({})))
        .await
        .refused(428, "version_required");
    let stale = admin
        .patch(&path, &json!(99), json!({ "disabled": true }))
        .await
        .refused(412, "version_changed");
    assert_eq!(stale["current"]["email"], "viewer@example.org");
    let user = admin
        .patch(&path, &user["version"], json!({ "disabled": true }))
        .await
        .expect(200);
    viewer.get("/jobs").await.refused(401, "not_signed_in");
    admin.delete(&path, &user["version"]).await.expect(204);
    admin.get(&path).await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    let server = TestServer::start().await;
    let (client, other) = (server.admin().await, server.admin().await);
    let me = client.get("/me").await.expect(200);
    let new = json!({ "new_password": "another long password", "current_password": "not it" });
    client
        .patch("/me", &me["version"], new)
        .await
        .wrong_field("/current_password");
    let new = json!({ "new_password": "another long password", "current_password": PASSWORD });
    client.patch("/me", &me["version"], new).await.expect(200);
    client.get("/me").await.expect(200);
    other.get("/me").await.refused(401, "not_signed_in");
}

/// Each route of the description has one row in the authorization table: whoever is below the row's role is refused,
/// and whoever has it is not.
// Requirements: SEC-8
#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_its_role() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut clients = vec![("nobody", server.visitor())];
    for role in ["viewer", "operator"] {
        let email = format!("{role}@example.org");
        admin
            .post(
                "/users",
                json!({ "email": email, "role": role, "password": PASSWORD }),
            )
            .await
            .expect(201);
        clients.push((role, server.signed_in(&email).await));
    }
    clients.push(("admin", admin.clone()));
    let table: Vec<(&str, &str, &str)> = include_str!("authorization.txt")
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let mut words = line.split_whitespace();
            (
                words.next().expect("a method"),
                words.next().expect("a path"),
                words.next().expect("a role"),
            )
        })
        .collect();
    let document = admin.get("/openapi.json").await.expect(200);
    let mut routes = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            let method = method.to_uppercase();
            let row = table
                .iter()
                .find(|(verb, route, _)| *verb == method && route == path);
            let (_, _, needs) =
                row.unwrap_or_else(|| panic!("{method} {path} has no row in authorization.txt"));
            routes += 1;
            if path.ends_with("/session") && method == "DELETE" || path.ends_with("/stream") {
                continue;
            }
            let order = ["public", "viewer", "operator", "admin"];
            let needed = order
                .iter()
                .position(|role| role == needs)
                .expect("a known role");
            let url = path.replace("{id}", "0190b5a0-0000-7000-8000-000000000000");
            for (role, client) in &clients {
                let has = order.iter().position(|other| other == role).unwrap_or(0);
                let verb = Method::from_bytes(method.as_bytes()).expect("a method");
                let request = client.request(verb, &url).json(&json!({}));
                let answer = client.send(request).await;
                let code =
                    serde_json::from_str::<Value>(&answer.text).unwrap_or_default()["code"].clone();
                let refused = code == "forbidden" || code == "not_signed_in";
                assert_eq!(
                    refused,
                    has < needed,
                    "{method} {path} as {role}: {} {}",
                    answer.status,
                    answer.text
                );
            }
        }
    }
    assert_eq!(
        routes,
        table.len(),
        "authorization.txt names routes that do not exist"
    );
}
