use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use holdfast_host::Cancel;
use holdfast_storage::{
    BlobId, BlobStore, ErrorKind, PutOptions, Result, Retry, S3Credentials, S3Options, S3Store,
    StoreLocation,
};
use holdfast_testkit::blobs::conformance::Subject;
use holdfast_testkit::s3::{Behaviour, Effect, Fault, LoggedRequest, Operation, S3Server};
use holdfast_testkit::tree::random_bytes;

fn open() -> Subject {
    let server = S3Server::start_with_object_lock();
    let store = store(&server, "some/prefix");
    // Clears what opening left, and makes every listing take several pages.
    server.set_behaviour(Behaviour {
        page_size: 3,
        ..Behaviour::default()
    });
    Subject {
        store: Arc::new(store),
        keep: Box::new(server),
    }
}

mod conformance {
    use super::open;

    holdfast_testkit::blob_store_conformance!(open);
}

fn credentials() -> S3Credentials {
    S3Credentials {
        access_key_id: "testkit-access".to_owned(),
        secret_access_key: "testkit-secret".to_owned().into(),
        session_token: None,
    }
}

/// Gives up quickly, so that tests of failures are quick.
fn options() -> S3Options {
    S3Options {
        attempts: 4,
        idle_timeout: Duration::from_secs(20),
        ..S3Options::default()
    }
}

fn try_open(location: &str, keys: &S3Credentials, options: S3Options) -> Result<S3Store> {
    match StoreLocation::parse(location).unwrap() {
        StoreLocation::S3(location) => S3Store::open(&location, keys, options),
        StoreLocation::Local(_) => panic!("{location} is no bucket"),
    }
}

fn store_with(server: &S3Server, prefix: &str, options: S3Options) -> S3Store {
    try_open(&server.location("bucket", prefix), &credentials(), options).unwrap()
}

fn store(server: &S3Server, prefix: &str) -> S3Store {
    let store = store_with(server, prefix, options());
    server.clear_log();
    store
}

fn id(name: &str) -> BlobId {
    BlobId::new(name).unwrap()
}

fn put(store: &S3Store, name: &str, data: impl Into<Bytes>) -> Result<()> {
    store.put(&id(name), data.into(), &PutOptions::default())
}

fn of(server: &S3Server, operation: Operation) -> Vec<LoggedRequest> {
    let mut log = server.log();
    log.retain(|request| request.operation == operation);
    log
}

#[test]
fn a_put_is_one_request_with_its_digest() {
    let server = S3Server::start();
    let store = store(&server, "vault");
    let data = random_bytes(1, 12 << 20);
    put(&store, "p1", data.clone()).unwrap();
    let log = server.log();
    assert_eq!(log.len(), 1, "{log:?}");
    let request = &log[0];
    assert_eq!(
        (request.method.as_str(), request.key.as_str()),
        ("PUT", "vault/p1")
    );
    assert_eq!(request.query, "x-id=PutObject");
    assert_eq!(request.received, data.len() as u64);
    assert_eq!(request.content_type.as_deref(), Some("application/x-kopia"));
    let digest = <md5::Md5 as md5::Digest>::digest(&data);
    let digest = base64::engine::general_purpose::STANDARD.encode(digest);
    assert_eq!(request.content_md5, Some(digest));
    assert!(server.object("bucket", "vault/p1").unwrap() == data);
}

#[test]
fn a_range_asks_for_nothing_else() {
    let server = S3Server::start();
    let store = store(&server, "");
    server.set_object("bucket", "p1", random_bytes(2, 100_000));
    store.get_range(&id("p1"), 1000, &mut [0; 50]).unwrap();
    let log = server.log();
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].range.as_deref(), Some("bytes=1000-1049"));
    assert_eq!((log[0].status, log[0].sent), (206, 50));
}

#[test]
fn a_prefix_is_a_world_of_its_own() {
    let server = S3Server::start();
    for key in [
        "a/p1",
        "a/b/p2",
        "p3",
        "ab",
        "a/.storageconfig",
        "a/with blank",
    ] {
        server.set_object("bucket", key, "{}");
    }
    let names = |prefix: &str| {
        let store: Arc<dyn BlobStore> = Arc::new(store(&server, prefix));
        let blobs = store.list_all("").unwrap();
        blobs
            .iter()
            .map(|info| info.id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("a"), ["p1"]);
    assert_eq!(names("a/b"), ["p2"]);
    assert_eq!(names(""), ["ab", "p3"]);
    let literal = format!("s3://bucket?prefix=a&endpoint={}", server.url());
    let store = try_open(&literal, &credentials(), options()).unwrap();
    assert_eq!(store.get(&id("b")).unwrap(), "{}");
}

#[test]
fn storage_classes_come_from_the_bucket() {
    let server = S3Server::start();
    let config = r#"{"blobOptions":[{"prefix":"p","storageClass":"STANDARD_IA"}]}"#;
    server.set_object("bucket", "v/.storageconfig", config);
    let store = store(&server, "v");
    put(&store, "p1", "x").unwrap();
    put(&store, "xe1", "x").unwrap();
    let classes: Vec<_> = server
        .log()
        .into_iter()
        .map(|request| request.storage_class)
        .collect();
    assert_eq!(classes, [Some("STANDARD_IA".to_owned()), None]);

    server.set_object("bucket", "w/.storageconfig", "not json");
    let error = try_open(&server.location("bucket", "w"), &credentials(), options()).unwrap_err();
    assert!(error.to_string().contains("w/.storageconfig"), "{error}");
}

#[test]
fn session_tokens_are_sent_and_signed() {
    let server = S3Server::start();
    let keys = S3Credentials {
        session_token: Some("a token that was lent".to_owned().into()),
        ..credentials()
    };
    assert!(!format!("{keys:?}").contains("lent"));
    let store = try_open(&server.location("bucket", ""), &keys, options()).unwrap();
    put(&store, "p1", "x").unwrap();
}

#[test]
fn overload_is_waited_out() {
    let server = S3Server::start();
    let store = store(&server, "");
    let overload = Effect::Status {
        status: 503,
        code: "SlowDown".to_owned(),
    };
    server.add_fault(Fault::new(Operation::Put, overload.clone()).times(3));
    put(&store, "p1", random_bytes(1, 500_000)).unwrap();
    let statuses: Vec<_> = server.log().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [503, 503, 503, 200]);
    // What was sent again is counted once.
    assert_eq!(store.counters().uploaded(), 500_000);

    server.add_fault(Fault::new(Operation::List, overload));
    server.clear_log();
    let error = store
        .list("", &mut |_| std::ops::ControlFlow::Continue(()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.retry_class(), Retry::Persistent);
    assert!(
        error.to_string().contains("given up after 4 attempts"),
        "{error}"
    );
    assert_eq!(server.log().len(), 4);
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    let server = S3Server::start();
    let store = store(&server, "");
    server.add_fault(Fault::new(Operation::Put, Effect::LoseAnswer).times(1));
    server.add_fault(Fault::new(Operation::Put, Effect::Disconnect { after: 70_000 }).times(1));
    put(&store, "p1", random_bytes(1, 200_000)).unwrap();
    assert_eq!(of(&server, Operation::Put).len(), 3);
    assert_eq!(store.counters().uploaded(), 200_000);
    assert_eq!(store.get(&id("p1")).unwrap(), random_bytes(1, 200_000));
}

#[test]
fn denied_access_names_the_place_and_what_to_check() {
    let server = S3Server::start();
    let denied = Effect::Status {
        status: 403,
        code: "AccessDenied".to_owned(),
    };
    let opened = store(&server, "v");
    server.add_fault(Fault::new(Operation::Put, denied));
    let error = put(&opened, "p1", "x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    let text = error.to_string();
    for part in ["p1", "bucket/v/", "PutObject", "status 403 AccessDenied"] {
        assert!(text.contains(part), "{part} not in {text}");
    }
    // Asking again would not help.
    assert_eq!(of(&server, Operation::Put).len(), 1);

    let wrong = S3Credentials {
        secret_access_key: "not the right one".to_owned().into(),
        ..credentials()
    };
    let error = try_open(&server.location("bucket", ""), &wrong, options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(
        error.to_string().contains("check the access key"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("not the right one"));
}

#[test]
fn a_missing_bucket_is_no_missing_blob() {
    let server = S3Server::start();
    let error = try_open(&server.location("nowhere", ""), &credentials(), options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreNotFound);
    assert!(
        error.to_string().contains("the bucket does not exist"),
        "{error}"
    );
}

#[test]
fn a_wrong_clock_is_named() {
    let server = S3Server::start();
    let skewed = Effect::Status {
        status: 403,
        code: "RequestTimeTooSkewed".to_owned(),
    };
    server.add_fault(Fault::new(Operation::Get, skewed));
    let error = try_open(&server.location("bucket", ""), &credentials(), options()).unwrap_err();
    assert!(
        error.to_string().contains("set the clock of this machine"),
        "{error}"
    );
}

#[test]
fn nobody_at_the_endpoint() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let location = format!("s3://bucket?endpoint=http://{address}");
    let error = try_open(&location, &credentials(), options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(error.to_string().contains("check the endpoint"), "{error}");
}

#[test]
fn answers_that_are_not_what_was_asked_for() {
    let server = S3Server::start();
    let store = store(&server, "");
    server.set_object("bucket", "p1", random_bytes(3, 300_000));
    for effect in [
        Effect::Truncate { after: 100 },
        Effect::Shorten { by: 7 },
        Effect::IgnoreRange,
    ] {
        // Once is an accident.
        server.add_fault(Fault::new(Operation::Get, effect.clone()).times(1));
        let mut buffer = vec![0; 200_000];
        store.get_range(&id("p1"), 50_000, &mut buffer).unwrap();
        assert!(buffer == random_bytes(3, 300_000)[50_000..250_000]);
        // Always is a lie.
        server.add_fault(Fault::new(Operation::Get, effect.clone()));
        let error = store.get_range(&id("p1"), 50_000, &mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{effect:?}: {error}");
        assert_eq!(error.retry_class(), Retry::Persistent);
        server.clear_faults();
    }
    server.add_fault(Fault::new(
        Operation::Get,
        Effect::Truncate { after: 200_000 },
    ));
    assert_eq!(store.get(&id("p1")).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn damage_on_the_way_up_is_noticed_by_the_service() {
    let server = S3Server::start();
    let store = store(&server, "");
    let damaged = Effect::Status {
        status: 400,
        code: "BadDigest".to_owned(),
    };
    server.add_fault(Fault::new(Operation::Put, damaged).times(1));
    put(&store, "p1", "x").unwrap();
    assert_eq!(of(&server, Operation::Put).len(), 2);
}

#[test]
fn silence_ends_after_the_idle_timeout() {
    let server = S3Server::start();
    let store = store_with(
        &server,
        "",
        S3Options {
            attempts: 2,
            idle_timeout: Duration::from_millis(300),
            ..S3Options::default()
        },
    );
    server.add_fault(Fault::new(Operation::Get, Effect::Hang));
    let start = Instant::now();
    let error = store.get(&id("p1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
    // A slow transfer is not silent.
    server.clear_faults();
    server.set_object("bucket", "p2", vec![0; 400_000]);
    server.set_behaviour(Behaviour {
        download_bytes_per_second: 500_000,
        ..Behaviour::default()
    });
    assert_eq!(store.get(&id("p2")).unwrap().len(), 400_000);
}

#[test]
fn an_upload_over_a_slow_link_is_not_silence() {
    let server = S3Server::start();
    let store = store_with(
        &server,
        "",
        S3Options {
            attempts: 1,
            idle_timeout: Duration::from_millis(200),
            ..S3Options::default()
        },
    );
    // The system takes all of it at once, and the link carries it for seconds.
    server.set_behaviour(Behaviour {
        upload_bytes_per_second: 600_000,
        ..Behaviour::default()
    });
    let data = random_bytes(1, 1_500_000);
    put(&store, "p1", data.clone()).unwrap();
    assert!(store.get(&id("p1")).unwrap() == data);
}

#[test]
fn cancelling_drops_a_request_in_flight() {
    let server = S3Server::start();
    for (operation, effect) in [
        (Operation::Put, Effect::Hang),
        (
            Operation::Put,
            Effect::Status {
                status: 503,
                code: "SlowDown".to_owned(),
            },
        ),
    ] {
        let cancel = Cancel::new();
        let store = store_with(
            &server,
            "",
            S3Options {
                cancel: cancel.clone(),
                attempts: 1000,
                ..S3Options::default()
            },
        );
        server.clear_log();
        server.add_fault(Fault::new(operation, effect));
        let writer = std::thread::spawn(move || put(&store, "p1", random_bytes(1, 5 << 20)));
        while server.log().is_empty() {
            std::thread::yield_now();
        }
        let start = Instant::now();
        cancel.cancel();
        let error = writer.join().unwrap().unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
        server.clear_faults();
        assert!(server.keys("bucket").is_empty());
    }
}

#[test]
fn a_last_moment_after_cancelling_serves_requests_and_ends() {
    let server = S3Server::start();
    let cancel = Cancel::new();
    let options = S3Options {
        cancel: cancel.clone(),
        ..S3Options::default()
    };
    let store = store_with(&server, "", options);
    cancel.cancel();
    assert!(put(&store, "p1", "one").unwrap_err().is_cancelled());
    store.finish_within(Duration::from_secs(60));
    put(&store, "p1", "one").unwrap();
    assert_eq!(store.get(&id("p1")).unwrap(), "one");

    server.add_fault(Fault::new(Operation::Put, Effect::Hang));
    let start = Instant::now();
    store.finish_within(Duration::from_millis(200));
    assert!(put(&store, "p2", "two").unwrap_err().is_cancelled());
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(store.get(&id("p1")).unwrap_err().is_cancelled());
}

#[test]
fn the_upload_limit_holds_inside_one_put_and_shows_progress() {
    let server = S3Server::start();
    let store = store_with(
        &server,
        "",
        S3Options {
            upload_limit: Some(1_000_000),
            download_limit: Some(1_000_000),
            ..S3Options::default()
        },
    );
    let writer = {
        let store = store.clone();
        std::thread::spawn(move || {
            let start = Instant::now();
            put(&store, "p1", random_bytes(1, 600_000)).unwrap();
            start.elapsed()
        })
    };
    let mut seen = vec![0];
    while !writer.is_finished() {
        let now = store.counters().uploaded();
        if *seen.last().unwrap() != now {
            seen.push(now);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let elapsed = writer.join().unwrap();
    assert!(elapsed >= Duration::from_millis(500), "{elapsed:?}");
    assert!(seen.is_sorted() && seen.len() > 5, "{seen:?}");
    assert_eq!(store.counters().uploaded(), 600_000);
    let start = Instant::now();
    store.get(&id("p1")).unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(400),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn locations_hold_no_secrets() {
    let server = S3Server::start();
    let store = store(&server, "v");
    let text = format!("{} {store:?}", store.location());
    assert!(text.contains("bucket/v/"), "{text}");
    assert!(!text.contains("testkit-secret"), "{text}");
}

#[test]
fn async_callers_use_a_blocking_thread() {
    let server = S3Server::start();
    let store = store(&server, "");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let result = runtime.block_on(async move {
        let work = tokio::task::spawn_blocking(move || {
            put(&store, "p1", "x")?;
            store.get(&id("p1"))
        });
        work.await.unwrap()
    });
    assert_eq!(result.unwrap(), "x");
}
