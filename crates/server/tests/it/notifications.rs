//! Notifications: channels, what they send, and what becomes of it when nobody takes it.

use std::time::Duration;

use holdfast_server::FixedSettings;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::{
    Client, Ready, TestServer,
    certificates::Authority,
    eventually, ready,
    receivers::{Encryption, Hook, HookSink, MailSink, Mood},
    server::number,
};

/// Settings that let messages go to this machine.
fn private() -> FixedSettings {
    FixedSettings {
        private_targets: Some(true),
        ..FixedSettings::default()
    }
}

fn hook_channel(name: &str, url: &str) -> Value {
    json!({ "name": name, "target": { "kind": "webhook", "url": url }, "secret": "s3cret",
        "rules": { "alerts": "warning", "runs": ["failed"] } })
}

fn mail_channel(sink: &MailSink, language: &str, runs: &[&str]) -> Value {
    json!({ "name": "mail", "language": language,
        "target": { "kind": "email", "host": "localhost", "port": sink.address.port(), "encryption": "none", "user": "",
            "from": "Backup@Example.org", "to": ["it@example.org", "ops@example.org"] },
        "rules": { "runs": runs } })
}

async fn make(admin: &Client, channel: Value) -> Value {
    let created = admin.post("/notification-channels", channel).await;
    created.expect(201)["channel"].clone()
}

async fn shown(admin: &Client, channel: &Value) -> Value {
    let path = format!(
        "/notification-channels/{}",
        channel["id"].as_str().expect("an id")
    );
    admin.get(&path).await.expect(200)
}

async fn test(admin: &Client, channel: &Value) -> Value {
    let id = channel["id"].as_str().expect("an id");
    let path = format!("/notification-channels/{id}/test");
    admin.post(&path, json!({})).await.expect(200)
}

/// A run that ends as told.
async fn run(admin: &Client, ready: &mut Ready, end: Value) {
    ready.start(admin).await;
    let work = ready.agent.take_run().await;
    ready.agent.running.clear();
    let agent = &ready.agent;
    agent
        .update(work.run_id.0, work.attempt.0, 1, end)
        .await
        .expect(200);
}

async fn fail(admin: &Client, ready: &mut Ready) {
    run(admin, ready, json!({ "status": "failed", "error_code": "source_missing", "error_summary": "/srv/secret-name: gone" })).await;
}

async fn hooks(sink: &HookSink, count: usize) -> Vec<Hook> {
    eventually(&format!("{count} requests arrive"), async || {
        let hooks = sink.hooks();
        (hooks.len() >= count).then_some(hooks)
    })
    .await
}

// Requirements: NOTIF-2
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_checked_and_its_secret_is_never_shown() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mail = |change: &[(&str, Value)]| {
        let mut target = json!({ "kind": "email", "host": "mail.example.org", "port": 587, "encryption": "starttls",
            "user": "backup", "from": "a@example.org", "to": ["b@example.org"] });
        for (key, value) in change {
            target[*key] = value.clone();
        }
        json!({ "name": "mail", "target": target, "secret": "planted-password", "rules": { "alerts": "bad" } })
    };
    for (key, value, pointer) in [
        ("host", json!("a b"), "/target/host"),
        ("host", json!("x\r\nRCPT"), "/target/host"),
        ("port", json!(0), "/target/port"),
        ("encryption", json!("none"), "/target/user"),
        (
            "from",
            json!("a@example.org\r\nBcc: x@example.org"),
            "/target/from",
        ),
        ("to", json!([]), "/target/to"),
        ("to", json!(["b@example.org", "nobody"]), "/target/to/1"),
    ] {
        let refused = admin
            .post("/notification-channels", mail(&[(key, value)]))
            .await;
        refused.wrong_field(pointer);
    }
    for url in [
        "ftp://x.example/",
        "https://user:pw@x.example/",
        "nonsense",
        "file:///etc/passwd",
    ] {
        let refused = admin
            .post("/notification-channels", hook_channel("hook", url))
            .await;
        refused.wrong_field("/target/url");
    }
    let mut without = mail(&[]);
    without["secret"] = Value::Null;
    admin
        .post("/notification-channels", without)
        .await
        .wrong_field("/secret");

    let channel = make(&admin, mail(&[])).await;
    assert_eq!(
        (&channel["has_secret"], &channel["enabled"]),
        (&json!(true), &json!(true))
    );
    assert!(
        !shown(&admin, &channel)
            .await
            .to_string()
            .contains("planted")
    );
    admin
        .post("/notification-channels", mail(&[]))
        .await
        .refused(409, "name_taken");
    // A stored password is not sent to another server.
    let path = format!(
        "/notification-channels/{}",
        channel["id"].as_str().expect("an id")
    );
    let elsewhere = json!({ "target": mail(&[("host", json!("evil.example"))])["target"] });
    admin
        .patch(&path, &channel["version"], elsewhere.clone())
        .await
        .wrong_field("/secret");
    let mut tried = elsewhere;
    tried["channel_id"] = channel["id"].clone();
    admin
        .post("/notification-tests", tried)
        .await
        .wrong_field("/secret");
    let other = json!({ "target": mail(&[("to", json!(["c@example.org"]))])["target"], "language": "de", "enabled": false });
    let changed = admin
        .patch(&path, &channel["version"], other.clone())
        .await
        .expect(200);
    assert_eq!(
        (&changed["target"]["to"][0], &changed["has_secret"]),
        (&json!("c@example.org"), &json!(true))
    );
    assert_eq!(
        (&changed["language"], &changed["enabled"]),
        (&json!("de"), &json!(false))
    );
    admin
        .patch(&path, &channel["version"], other)
        .await
        .refused(412, "version_changed");
    let sealed = "SELECT count(*) FROM notification_channels WHERE instr(hex(sealed_secret), hex('planted')) > 0 \
        OR instr(target, 'planted') > 0";
    assert_eq!(number(&server, sealed).await, Some(0));
    // A webhook without a secret gets one, which is shown this once.
    let mut hook = hook_channel("hook", "https://x.example/hook");
    hook["secret"] = Value::Null;
    let created = admin.post("/notification-channels", hook).await.expect(201);
    assert_eq!(created["signing_secret"].as_str().map(str::len), Some(40));
    admin.delete(&path, &changed["version"]).await.expect(204);
    admin.get(&path).await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_do_not_reach_into_the_servers_own_network() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let sink = HookSink::start().await;
    let mail = MailSink::start().await;
    for url in [
        sink.url(),
        sink.url().replace("127.0.0.1", "localhost"),
        sink.url().replace("127.0.0.1", "2130706433"),
    ] {
        let channel = make(&admin, hook_channel(&url, &url)).await;
        let tested = test(&admin, &channel).await;
        let error = tested["error"].as_str().unwrap_or_default();
        assert!(error.contains("private address"), "{tested}");
        assert_sentence(error);
    }
    let channel = make(&admin, mail_channel(&mail, "en", &[])).await;
    assert_eq!(test(&admin, &channel).await["ok"], false);
    assert!(sink.hooks().is_empty() && mail.mails().is_empty());
    // Who runs the server can allow it.
    let settings = admin.get("/settings").await.expect(200);
    assert_eq!(settings["private_targets"]["value"], false);
    let allowed = json!({ "private_targets": true });
    admin
        .patch("/settings", &settings["version"], allowed)
        .await
        .expect(200);
    assert_eq!(test(&admin, &channel).await["ok"], true);
    let tested = shown(&admin, &channel).await;
    assert_eq!(tested["last_delivery"]["ok"], true, "{tested}");
    let other = server.second_tenant().await;
    let settings = other.get("/settings").await.expect(200);
    let refused = json!({ "private_targets": true });
    other
        .patch("/settings", &settings["version"], refused)
        .await
        .refused(403, "forbidden");
}

/// What went wrong is told in sentences, which stand behind others.
fn assert_sentence(error: &str) {
    assert!(
        error.starts_with(|letter: char| letter.is_uppercase()) && error.ends_with('.'),
        "{error}"
    );
}

// Requirements: NOTIF-1
#[tokio::test(flavor = "multi_thread")]
async fn mails_are_encrypted_and_a_wrong_certificate_is_refused() {
    holdfast_host::install_crypto_provider();
    let [known, unknown] = [Authority::new(), Authority::new()];
    let folder = tempfile::tempdir().expect("make a folder");
    let file = folder.path().join("authorities.pem");
    std::fs::write(&file, &known.pem).expect("write the certificate");
    let fixed = FixedSettings {
        ca_file: Some(file),
        ..private()
    };
    let server = TestServer::start_with(fixed).await;
    let admin = server.admin().await;
    let own = || known.acceptor("localhost");
    for (name, offered, asked, expected) in [
        ("starttls", Encryption::Starttls(own()), "starttls", None),
        ("tls", Encryption::AtOnce(own()), "tls", None),
        (
            "wrong name",
            Encryption::Starttls(known.acceptor("mail.example.org")),
            "starttls",
            Some("certificate"),
        ),
        (
            "wrong name at once",
            Encryption::AtOnce(known.acceptor("mail.example.org")),
            "tls",
            Some("certificate"),
        ),
        (
            "unknown authority",
            Encryption::Starttls(unknown.acceptor("localhost")),
            "starttls",
            Some("certificate"),
        ),
        (
            "unknown authority at once",
            Encryption::AtOnce(unknown.acceptor("localhost")),
            "tls",
            Some("certificate"),
        ),
        ("in clear", Encryption::None, "starttls", Some("STARTTLS")),
    ] {
        let sink = MailSink::encrypted(offered).await;
        let mut channel = mail_channel(&sink, "en", &[]);
        channel["name"] = json!(name);
        channel["target"]["encryption"] = json!(asked);
        channel["target"]["user"] = json!("backup");
        channel["secret"] = json!("planted-password");
        let channel = make(&admin, channel).await;
        let tested = test(&admin, &channel).await;
        let mails = sink.mails();
        match expected {
            None => {
                assert_eq!(tested["ok"], true, "{name}: {tested}");
                assert_eq!(mails.len(), 1, "{name}");
                assert!(
                    mails[0].encrypted && mails[0].auth.starts_with("AUTH PLAIN"),
                    "{name}: {mails:?}"
                );
            }
            Some(word) => {
                let error = tested["error"].as_str().unwrap_or_default();
                assert!(error.contains(word), "{name}: {tested}");
                assert_sentence(error);
                assert!(mails.is_empty(), "{name}: {mails:?}");
            }
        }
        assert_eq!(sink.leaks(), 0, "{name}");
    }
}

// Requirements: NOTIF-1
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_and_comes_again_under_the_same_id() {
    let mut server = TestServer::start_with(private()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let sink = HookSink::start().await;
    let channel = make(&admin, hook_channel("hook", &sink.url())).await;
    // It arrives, and the sender does not learn of it; then the server is gone.
    sink.set(Mood::Forgets);
    fail(&admin, &mut ready).await;
    let first = hooks(&sink, 1).await[0].clone();
    eventually("the failure is shown", async || {
        let shown = shown(&admin, &channel).await;
        (shown["last_delivery"]["ok"] == false && shown["waiting"] == 1).then_some(())
    })
    .await;
    server.stop().await;
    sink.set(Mood::Well);
    server.resume().await;
    let path = format!(
        "/notification-channels/{}",
        channel["id"].as_str().expect("an id")
    );
    crate::support::server::sql(&server, "UPDATE outbox SET next_attempt_at = 0").await;
    let second = hooks(&sink, 2).await[1].clone();
    assert_eq!(
        first.header("x-holdfast-delivery"),
        second.header("x-holdfast-delivery")
    );
    assert_eq!(
        (second.header("x-holdfast-event"), &first.text),
        ("run.ended", &second.text)
    );
    let signature = second.header("x-holdfast-signature");
    let (time, tag) = signature
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .expect("both parts");
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret");
    let signed = format!("{time}.{}", second.text);
    hmac::verify(&key, signed.as_bytes(), &hex::decode(tag).expect("hex"))
        .expect("the signature fits");
    let body = second.body();
    assert_eq!(
        (&body["event"], &body["run"]["status"]),
        (&json!("run.ended"), &json!("failed"))
    );
    assert_eq!(
        (&body["run"]["job_name"], &body["run"]["machine"]),
        (&json!("job of box"), &json!("box"))
    );
    assert!(
        !second.text.contains("secret-name"),
        "file names stay here: {}",
        second.text
    );
    let admin = server.admin().await;
    eventually("nothing waits any more", async || {
        let shown = admin.get(&path).await.expect(200);
        (shown["waiting"] == 0 && shown["failing_since"].is_null()).then_some(())
    })
    .await;
    // It was told: nothing comes again.
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(sink.hooks().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_redirecting_receivers_keep_nobody_waiting() {
    let mut server = TestServer::start_with(private()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let [slow, astray, well] = [
        HookSink::start().await,
        HookSink::start().await,
        HookSink::start().await,
    ];
    slow.set(Mood::Silent);
    astray.set(Mood::Redirects);
    make(&admin, hook_channel("slow", &slow.url())).await;
    let redirected = make(&admin, hook_channel("astray", &astray.url())).await;
    make(&admin, hook_channel("well", &well.url())).await;
    fail(&admin, &mut ready).await;
    hooks(&well, 1).await;
    eventually("the redirect is told", async || {
        let shown = shown(&admin, &redirected).await;
        let error = shown["last_delivery"]["error"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        error.contains("redirects").then(|| assert_sentence(&error))
    })
    .await;
    assert_eq!(astray.redirected(), 0);
    // Nor does it hold up the server's end.
    let began = std::time::Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(15));
}

// Requirements: NOTIF-1, NOTIF-2, NOTIF-3
#[tokio::test(flavor = "multi_thread")]
async fn mails_tell_of_runs_in_the_language_of_their_channel() {
    let fixed = FixedSettings {
        watchdog_timeout_seconds: Some(2),
        reclaim_grace_seconds: Some(1),
        ..private()
    };
    let server = TestServer::start_with(fixed).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let sink = MailSink::start().await;
    make(&admin, mail_channel(&sink, "de", &["failed", "cancelled"])).await;
    let mails = async |count: usize| {
        eventually(&format!("{count} mails arrive"), async || {
            let mails = sink.mails();
            (mails.len() >= count).then_some(mails)
        })
        .await
    };
    // One run falls silent, one is cancelled, one succeeds after all.
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    ready.agent.running.clear();
    let silent = mails(1).await[0].clone();
    assert!(silent.from.contains("<backup@example.org>"), "{silent:?}");
    assert_eq!(silent.to.len(), 2, "{silent:?}");
    assert_eq!(
        silent.header("Subject"),
        "[Holdfast] Home: Ein Lauf von job of box ist fehlgeschlagen."
    );
    assert!(
        silent.data.contains("Der Agent meldet sich nicht mehr"),
        "{}",
        silent.data
    );
    assert!(
        silent.header("Message-ID").ends_with("@example.org>"),
        "{}",
        silent.data
    );
    assert_eq!(silent.header("Auto-Submitted"), "auto-generated");
    let agent = &ready.agent;
    agent
        .update(
            work.run_id.0,
            work.attempt.0,
            2,
            json!({ "status": "failed" }),
        )
        .await;
    let queued = ready.start(&admin).await;
    let path = format!("/runs/{}/cancel", queued["id"].as_str().expect("an id"));
    admin.post(&path, json!({})).await.expect(200);
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    let all = mails(3).await;
    let subjects: Vec<String> = all.iter().map(|mail| mail.header("Subject")).collect();
    assert!(
        subjects
            .iter()
            .any(|subject| subject.ends_with("wurde abgebrochen.")),
        "{subjects:?}"
    );
    assert!(
        subjects
            .iter()
            .any(|subject| subject.ends_with("job of box funktioniert wieder.")),
        "{subjects:?}"
    );
    assert_eq!(all.len(), 3, "{subjects:?}");
}
