//! What reaches an S3 service.

use std::collections::BTreeMap;
use std::fs;

use holdfast_testkit::s3::{Operation, S3Server};
use holdfast_testkit::tree::{random_bytes, write_random_file};
use holdfast_tests::cli::Cli;

// Requirements: ENG-KOPIA-3
#[test]
fn one_put_per_blob_and_no_whole_pack_for_a_small_file() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let source = folder.path().join("source");
    fs::create_dir(&source).expect("create the source");
    write_random_file(&source.join("large"), 1, 45 << 20).expect("fill the source");
    fs::write(source.join("small"), random_bytes(2, 20_000)).expect("fill the source");
    let server = S3Server::start();
    let cli = Cli::bucket(&server, "vault");

    cli.succeed(["repo", "create"]);
    let report = cli.snapshot(&source);
    let log = server.log();
    let mut puts: BTreeMap<&str, usize> = BTreeMap::new();
    for request in &log {
        assert_ne!(
            request.operation,
            Operation::Other,
            "not a plain request: {request:?}"
        );
        if request.operation == Operation::Put {
            assert_eq!(request.status, 200, "{request:?}");
            assert!(request.content_md5.is_some(), "{request:?}");
            *puts.entry(&request.key).or_default() += 1;
        }
    }
    for (key, count) in &puts {
        assert_eq!(*count, 1, "{key} was put {count} times");
    }
    let packs: Vec<_> = server
        .keys("bucket")
        .into_iter()
        .filter(|key| key.starts_with("vault/p"))
        .collect();
    assert!(packs.len() >= 3, "{packs:?}");
    for key in server.keys("bucket") {
        assert!(puts.contains_key(key.as_str()), "{key} came without a PUT");
    }
    // What the run reports as sent is what arrived while it ran (the rest is the repository's creation).
    let uploaded = report["bytes_uploaded"].as_u64().expect("a number") as f64;
    let arrived = server.totals().put_bytes as f64;
    assert!(
        uploaded <= arrived && uploaded > arrived * 0.95,
        "{uploaded} of {arrived}"
    );

    server.clear_log();
    let target = folder.path().join("small.restored");
    let id = report["id"].as_str().expect("an id");
    cli.succeed([
        "snapshot",
        "restore",
        &format!("{id}:small"),
        target.to_str().expect("UTF-8"),
    ]);
    assert_eq!(
        fs::read(&target).expect("it was restored"),
        random_bytes(2, 20_000)
    );
    let mut bytes = 0;
    for request in server.log() {
        assert_ne!(
            request.operation,
            Operation::Put,
            "restoring writes nothing: {request:?}"
        );
        if request.operation != Operation::Get || !request.key.starts_with("vault/p") {
            continue;
        }
        let whole = server.object("bucket", &request.key).expect("a pack").len() as u64;
        assert!(
            request.range.is_some(),
            "a whole pack was asked for: {request:?}"
        );
        assert!(request.sent < whole, "a whole pack was sent: {request:?}");
        bytes += request.sent;
    }
    assert!(
        (20_000..2_200_000).contains(&bytes),
        "{bytes} bytes of packs for a file of 20,000"
    );
}
