use std::path::Path;

use holdfast_storage::{ErrorKind, OpenStore, StoreLocation};

fn s3(text: &str) -> (String, String, Option<(String, bool)>, String) {
    match StoreLocation::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")) {
        StoreLocation::S3(s3) => (
            s3.bucket,
            s3.prefix,
            s3.endpoint.map(|endpoint| (endpoint.host, endpoint.tls)),
            s3.region,
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn buckets() {
    for (text, bucket, prefix) in [
        ("s3://b", "b", ""),
        ("s3://b/", "b", ""),
        ("s3://My.Bucket_1/a/b", "My.Bucket_1", "a/b/"),
        ("s3://b/a/b/", "b", "a/b/"),
        ("s3://b/with%20blank+plus", "b", "with blank+plus/"),
        ("s3://b?prefix=raw-", "b", "raw-"),
        ("s3://b?prefix=a%2Fb", "b", "a/b"),
    ] {
        let parsed = s3(text);
        assert_eq!(
            (parsed.0.as_str(), parsed.1.as_str()),
            (bucket, prefix),
            "{text}"
        );
        assert_eq!((parsed.2, parsed.3.as_str()), (None, "us-east-1"), "{text}");
    }
}

// Requirements: AGT-18
#[test]
fn endpoints_are_urls_or_hosts_and_tls_follows_the_scheme() {
    for (endpoint, host, tls) in [
        ("https://s3.example.com", "s3.example.com", true),
        ("http://127.0.0.1:9000", "127.0.0.1:9000", false),
        ("HTTP://127.0.0.1:9000/", "127.0.0.1:9000", false),
        ("https://s3.example.com/some/path", "s3.example.com", true),
        ("s3.example.com:8443", "s3.example.com:8443", true),
        ("http%3A%2F%2Fhost%3A1", "host:1", false),
        ("http://[::1]:9000", "[::1]:9000", false),
    ] {
        let parsed = s3(&format!("s3://b/p?endpoint={endpoint}&region=eu-1"));
        assert_eq!(parsed.2, Some((host.to_owned(), tls)), "{endpoint}");
        assert_eq!(parsed.3, "eu-1");
    }
}

#[test]
fn directories() {
    let local = |text: &str| match StoreLocation::parse(text).unwrap() {
        StoreLocation::Local(path) => path,
        other => panic!("{other:?}"),
    };
    assert_eq!(local("some/where"), Path::new("some/where"));
    assert_eq!(local("C:\\backup"), Path::new("C:\\backup"));
    #[cfg(unix)]
    {
        assert_eq!(local("/var/backup"), Path::new("/var/backup"));
        assert_eq!(local("file:///var/a%20b"), Path::new("/var/a b"));
    }
}

#[test]
fn nonsense_is_refused_and_keys_are_not_repeated() {
    for text in [
        "",
        "ftp://host/x",
        "s3://",
        "s3:///prefix",
        "s3://bucket:9000/x",
        "s3://b?colour=red",
        "s3://b/a?prefix=b",
        "s3://b?endpoint=ftp://x",
        "s3://b?endpoint=http://",
        "file://host/x",
    ] {
        // A host in a file URL is a share on Windows.
        if cfg!(windows) && text.starts_with("file:") {
            continue;
        }
        let error = StoreLocation::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
    }
    for text in [
        "s3://key:verysecret@bucket/x",
        "s3://b?endpoint=http://key:verysecret@host",
    ] {
        let error = StoreLocation::parse(text).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("verysecret"),
            "{error}"
        );
    }
}

#[test]
fn locations_print_so_that_they_can_be_read_again() {
    for text in [
        "s3://b/with%20blank/x?endpoint=http://127.0.0.1:9000&region=r",
        "s3://b?prefix=raw-",
        "s3://b",
    ] {
        let location = StoreLocation::parse(text).unwrap();
        assert_eq!(
            StoreLocation::parse(&location.to_string()).unwrap(),
            location
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let location = StoreLocation::local(directory.path());
    assert_eq!(
        StoreLocation::parse(&location.to_string()).unwrap(),
        location
    );
}

#[test]
fn opening_needs_what_it_needs() {
    let directory = tempfile::tempdir().unwrap();
    let missing = StoreLocation::local(directory.path().join("a/b"));
    let error = missing.open(&OpenStore::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreNotFound);
    let create = OpenStore {
        create_directory: true,
        ..OpenStore::default()
    };
    missing.open(&create).unwrap();
    missing.open(&OpenStore::default()).unwrap();
    let bucket = StoreLocation::parse("s3://b").unwrap();
    let error = bucket.open(&OpenStore::default()).unwrap_err();
    assert!(error.to_string().contains("AWS_ACCESS_KEY_ID"), "{error}");
}
