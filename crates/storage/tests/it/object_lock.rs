//! Object lock on the wire, and buckets that do not have it.

use bytes::Bytes;
use holdfast_storage::{
    BlobId, BlobStore, ErrorKind, PutOptions, Result, Retention, RetentionMode, S3Credentials,
    S3Options, S3Store, StoreLocation,
};
use holdfast_testkit::s3::{Behaviour, Effect, Fault, Operation, S3Server};
use jiff::{SignedDuration, Timestamp};

fn open(server: &S3Server) -> S3Store {
    let location = server.location("bucket", "repo/");
    let StoreLocation::S3(location) = StoreLocation::parse(&location).unwrap() else {
        panic!("{location} is no bucket");
    };
    let keys = S3Credentials {
        access_key_id: "testkit-access".to_owned(),
        secret_access_key: "testkit-secret".to_owned().into(),
        session_token: None,
    };
    let store = S3Store::open(&location, &keys, S3Options::default()).unwrap();
    server.clear_log();
    store
}

fn id() -> BlobId {
    BlobId::new("p1").unwrap()
}

fn lock(mode: RetentionMode, hours: i64) -> Retention {
    Retention {
        mode,
        until: Timestamp::now() + SignedDuration::from_hours(hours),
    }
}

fn put(store: &S3Store, retention: Option<Retention>) -> Result<()> {
    let options = PutOptions { retention };
    store.put(&id(), Bytes::from_static(b"data"), &options)
}

#[test]
fn puts_carry_mode_date_and_digest() {
    let server = S3Server::start_with_object_lock();
    let store = open(&server);
    let until: Timestamp = "2199-12-31T23:59:58.25Z".parse().unwrap();
    for (mode, name) in [
        (RetentionMode::Governance, "GOVERNANCE"),
        (RetentionMode::Compliance, "COMPLIANCE"),
    ] {
        put(&store, Some(Retention { mode, until })).unwrap();
        let request = server.log().pop().unwrap();
        assert_eq!(request.operation, Operation::Put);
        assert_eq!(request.lock_mode.as_deref(), Some(name));
        assert_eq!(request.lock_until.as_deref(), Some("2199-12-31T23:59:59Z"));
        assert!(request.content_md5.is_some());
    }
    put(&store, None).unwrap();
    let request = server.log().pop().unwrap();
    assert_eq!((request.lock_mode, request.lock_until), (None, None));
}

#[test]
fn a_lock_that_nobody_may_end_is_extended_and_never_softened() {
    let server = S3Server::start_with_object_lock();
    let store = open(&server);
    put(&store, Some(lock(RetentionMode::Compliance, 48))).unwrap();
    // Shorter: the service refuses, and the blob is locked for long enough.
    store
        .extend_retention(&id(), lock(RetentionMode::Compliance, 24))
        .unwrap();
    let longer = lock(RetentionMode::Governance, 72);
    store.extend_retention(&id(), longer).unwrap();
    let present = store.retention(&id()).unwrap().unwrap();
    assert_eq!(present.mode, RetentionMode::Compliance);
    assert!(present.until >= longer.until);
    let request = server
        .log()
        .into_iter()
        .find(|request| request.operation == Operation::Extend);
    assert!(request.unwrap().content_md5.is_some());
}

#[test]
fn a_longer_lock_that_stands_is_no_failure_whatever_the_refusal_looks_like() {
    for minio in [false, true] {
        let server = S3Server::start_with_object_lock();
        server.set_behaviour(Behaviour {
            refuses_as_minio: minio,
            ..Behaviour::default()
        });
        let store = open(&server);
        let long = lock(RetentionMode::Governance, 96);
        put(&store, Some(long)).unwrap();
        store
            .extend_retention(&id(), lock(RetentionMode::Governance, 24))
            .unwrap();
        let present = store.retention(&id()).unwrap().unwrap();
        assert!(present.until >= long.until, "MinIO: {minio}");
        // What is really shorter than it should be is a failure.
        server.add_fault(Fault::new(
            Operation::Extend,
            Effect::Status {
                status: 400,
                code: "InvalidRequest".to_owned(),
            },
        ));
        let refused = store.extend_retention(&id(), lock(RetentionMode::Governance, 120));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Other);
    }
}

#[test]
fn a_lock_that_the_keys_may_not_know_is_no_missing_lock() {
    let server = S3Server::start_with_object_lock();
    let store = open(&server);
    put(&store, None).unwrap();
    assert_eq!(store.retention(&id()).unwrap(), None);
    put(&store, Some(lock(RetentionMode::Compliance, 24))).unwrap();
    assert!(store.retention(&id()).unwrap().is_some());
    server.add_fault(Fault::new(
        Operation::Retention,
        Effect::Status {
            status: 403,
            code: "AccessDenied".to_owned(),
        },
    ));
    let error = store.retention(&id()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(error.to_string().contains("GetObjectRetention"), "{error}");
    server.clear_faults();
    store.delete(&id()).unwrap();
    assert!(store.retention(&id()).unwrap_err().is_not_found());
}

#[test]
fn a_deleted_blob_stays_behind_its_marker_while_it_is_locked() {
    let server = S3Server::start_with_object_lock();
    let store = open(&server);
    put(&store, Some(lock(RetentionMode::Compliance, 24))).unwrap();
    put(&store, Some(lock(RetentionMode::Compliance, 24))).unwrap();
    store.delete(&id()).unwrap();
    assert!(store.get(&id()).unwrap_err().is_not_found());
    assert_eq!(server.versions("bucket", "repo/p1"), 2);
}

#[test]
fn a_bucket_without_object_lock_says_so_in_words() {
    let server = S3Server::start();
    let store = open(&server);
    put(&store, None).unwrap();
    let wanted = lock(RetentionMode::Governance, 24);
    for result in [
        put(&store, Some(wanted)),
        store.extend_retention(&id(), wanted),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let text = error.to_string();
        assert!(text.contains("the bucket has no object lock"), "{text}");
        assert!(text.contains("created with object lock"), "{text}");
    }
    assert_eq!(store.retention(&id()).unwrap(), None);
}
