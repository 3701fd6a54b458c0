use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_storage::{BlobId, BlobStore, ErrorKind, LocalStore, PutOptions, Sharding};
use holdfast_testkit::Fixture;
use holdfast_testkit::blobs::conformance::Subject;
use serde_json::Value;

fn open() -> Subject {
    let directory = tempfile::tempdir().unwrap();
    Subject {
        store: Arc::new(LocalStore::open(directory.path()).unwrap()),
        keep: Box::new(directory),
    }
}

holdfast_testkit::blob_store_conformance!(open);

const PACK: &str = "pf64551fcd6f07823cb87971cfb914464-s0011223344556677139";

fn id(name: &str) -> BlobId {
    BlobId::new(name).unwrap()
}

fn put(store: &dyn BlobStore, name: &str, data: &[u8]) -> holdfast_storage::Result<()> {
    store.put(
        &id(name),
        Bytes::copy_from_slice(data),
        &PutOptions::default(),
    )
}

/// Every file below a directory, relative and sorted.
fn files(root: &Path) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                found.push(name.replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn paths_match_the_vectors() {
    let text = fs::read(holdfast_testkit::data_dir().join("kopia/vectors/sharding.json")).unwrap();
    let vectors: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let mut checked = 0;
    for vector in &vectors {
        let sharding = Sharding::parse(vector["dotShards"].to_string().as_bytes()).unwrap();
        let blob = id(vector["blobID"].as_str().unwrap());
        let path = sharding.path_of(&blob).unwrap();
        let path = path.to_str().unwrap().replace('\\', "/");
        assert_eq!(path, vector["path"].as_str().unwrap(), "{vector}");
        checked += 1;
    }
    assert!(checked > 20, "only {checked} vectors");
}

#[test]
fn a_new_store_writes_its_shards_file_before_the_first_blob() {
    let directory = tempfile::tempdir().unwrap();
    let store = LocalStore::open(directory.path()).unwrap();
    assert_eq!(files(directory.path()), [""; 0]);
    put(&store, PACK, b"pack").unwrap();
    assert_eq!(
        files(directory.path()),
        [
            ".shards",
            "p/f64/551fcd6f07823cb87971cfb914464-s0011223344556677139.f"
        ]
    );
    assert_eq!(
        fs::read_to_string(directory.path().join(".shards")).unwrap(),
        "{\"default\":[1,3],\"maxNonShardedLength\":20}\n"
    );
    assert_eq!(
        store.path_of(&id("xe12")).unwrap(),
        directory.path().join("xe12.f")
    );
}

#[test]
fn a_store_that_lost_its_shards_file_is_read_as_stock_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("kopia.repository.f"), "{}").unwrap();
    let store = LocalStore::open(directory.path()).unwrap();
    put(&store, PACK, b"pack").unwrap();
    assert!(directory.path().join("pf6/455").is_dir());
    assert_eq!(
        fs::read_to_string(directory.path().join(".shards")).unwrap(),
        "{\"default\":[3,3],\"maxNonShardedLength\":20}\n"
    );
}

#[test]
fn the_shards_file_that_is_there_is_obeyed() {
    let directory = tempfile::tempdir().unwrap();
    let shards = r#"{"default":null,"maxNonShardedLength":5,"overrides":[{"prefix":"xn","shards":[4]},{"prefix":"x","shards":[1,0,2]}],"new":1}"#;
    fs::write(directory.path().join(".shards"), shards).unwrap();
    let store = LocalStore::open(directory.path()).unwrap();
    for name in [PACK, "xn0_03717d", "xe0123456", "xn0_0"] {
        put(&store, name, b"x").unwrap();
    }
    let flat = format!("{PACK}.f");
    assert_eq!(
        files(directory.path()),
        [
            ".shards",
            &flat,
            "x/e0/123456.f",
            "xn0_/03717d.f",
            "xn0_0.f"
        ]
    );
    assert_eq!(store.get(&id("xe0123456")).unwrap(), "x");
    assert_eq!(
        fs::read_to_string(directory.path().join(".shards")).unwrap(),
        shards
    );

    fs::write(directory.path().join(".shards"), "{").unwrap();
    let error = LocalStore::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains(".shards"), "{error}");
}

#[test]
fn names_that_would_leave_the_root_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(
        root.join(".shards"),
        r#"{"default":[1,2,1],"maxNonShardedLength":0}"#,
    )
    .unwrap();
    let store = LocalStore::open(&root).unwrap();
    for name in ["a..bcd", "ab..cd.", "abc.d"] {
        let result = put(&store, name, b"x");
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::Invalid, "{name}");
        } else {
            assert_eq!(store.list_names(), [name]);
            store.delete(&id(name)).unwrap();
        }
    }
    assert!(put(&store, "a..bcd", b"x").is_err());
    assert_eq!(files(directory.path()), ["root/.shards"]);
}

trait ListNames {
    fn list_names(&self) -> Vec<String>;
}

impl ListNames for LocalStore {
    fn list_names(&self) -> Vec<String> {
        let store: &dyn BlobStore = self;
        let blobs = store.list_all("").unwrap();
        blobs.into_iter().map(|info| info.id.to_string()).collect()
    }
}

#[test]
fn leftovers_and_strangers_are_no_blobs() {
    let directory = tempfile::tempdir().unwrap();
    let store = LocalStore::open(directory.path()).unwrap();
    put(&store, PACK, b"pack").unwrap();
    let shard = directory.path().join("p/f64");
    fs::write(shard.join("551fcd6f.f.tmp.0011223344556677"), "half").unwrap();
    fs::write(directory.path().join("notes.txt"), "mine").unwrap();
    fs::write(directory.path().join(".hidden.f"), "mine").unwrap();
    fs::create_dir_all(directory.path().join("empty/deep")).unwrap();
    fs::create_dir(directory.path().join("folder.f")).unwrap();
    assert_eq!(store.list_names(), [PACK]);
}

#[test]
fn a_dropped_stream_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = LocalStore::open(directory.path()).unwrap();
    let mut writer = store.create(&id("xe1"), &PutOptions::default()).unwrap();
    writer.write(&[std::io::IoSlice::new(b"half")]).unwrap();
    let during = files(directory.path());
    assert!(
        during[1].starts_with("xe1.f.tmp.") && during[1].len() == 26,
        "{during:?}"
    );
    drop(writer);
    assert_eq!(files(directory.path()), [".shards"]);
}

#[test]
fn the_root_is_never_created_by_a_put() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("repo");
    assert_eq!(
        LocalStore::open(&root).unwrap_err().kind(),
        ErrorKind::StoreNotFound
    );
    let store = LocalStore::create_directory(&root).unwrap();
    put(&store, PACK, b"pack").unwrap();
    fs::remove_dir_all(&root).unwrap();
    for result in [
        put(&store, PACK, b"pack"),
        put(&store, "xe1", b"pack"),
        store.get(&id(PACK)).map(drop),
        store.stat(&id(PACK)).map(drop),
        store.delete(&id(PACK)),
        store.list("", &mut |_| std::ops::ControlFlow::Continue(())),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreNotFound, "{error}");
        assert!(error.to_string().contains("mounted"), "{error}");
    }
    assert!(!root.exists());
    fs::write(&root, "a file").unwrap();
    assert_eq!(
        LocalStore::open(&root).unwrap_err().kind(),
        ErrorKind::Invalid
    );
}

#[test]
fn a_fixture_lists_with_its_own_sharding() {
    let fixture = Fixture::open("default");
    let store = LocalStore::open(fixture.repository()).unwrap();
    let names = store.list_names();
    let count = files(&fixture.repository())
        .iter()
        .filter(|name| name.ends_with(".f"))
        .count();
    assert_eq!(names.len(), count);
    for name in names {
        assert!(store.stat(&id(&name)).is_ok(), "{name}");
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn files_and_directories_are_for_their_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let store = LocalStore::create_directory(directory.path().join("a/b")).unwrap();
        put(&store, PACK, b"pack").unwrap();
        assert_eq!(mode(store.root()), 0o700);
        assert_eq!(mode(&store.root().join("p/f64")), 0o700);
        assert_eq!(mode(&store.root().join(".shards")), 0o600);
        assert_eq!(mode(&store.path_of(&id(PACK)).unwrap()), 0o600);
    }

    /// This test program again, as the user `nobody`, running the ignored-by-default helper below.
    #[test]
    fn what_may_not_be_read_or_written_is_named() {
        if !rustix::process::geteuid().is_root() {
            refused_to_an_ordinary_user(&tempfile::tempdir().unwrap().path().join("closed"));
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // The build directory may be closed to other users.
        let program = directory.path().join("program");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let closed = directory.path().join("closed");
        prepare_closed(&closed);
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program)
            .args(["--exact", "local::unix::as_nobody", "--nocapture"])
            .env("HOLDFAST_TEST_CLOSED", &closed)
            .output()
            .expect("setpriv of util-linux");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("refused as it should"),
            "{output:?}"
        );
    }

    /// Does nothing unless the test above runs it.
    #[test]
    fn as_nobody() {
        if let Some(closed) = std::env::var_os("HOLDFAST_TEST_CLOSED") {
            check_refused(Path::new(&closed));
            println!("refused as it should");
        }
    }

    fn refused_to_an_ordinary_user(closed: &Path) {
        fs::create_dir_all(closed.parent().unwrap()).unwrap();
        prepare_closed(closed);
        check_refused(closed);
        fs::set_permissions(closed, fs::Permissions::from_mode(0o700)).unwrap();
    }

    fn prepare_closed(closed: &Path) {
        let store = LocalStore::create_directory(closed).unwrap();
        put(&store, "xe1", b"x").unwrap();
        // Names can be looked up, but nothing can be created or listed, and the blob not be read.
        fs::set_permissions(closed.join("xe1.f"), fs::Permissions::from_mode(0o000)).unwrap();
        fs::set_permissions(closed, fs::Permissions::from_mode(0o511)).unwrap();
        fs::set_permissions(closed.join(".shards"), fs::Permissions::from_mode(0o644)).unwrap();
    }

    fn check_refused(closed: &Path) {
        let store = LocalStore::open(closed).unwrap();
        for result in [
            store.get(&id("xe1")).map(drop),
            put(&store, "xe2", b"x"),
            put(&store, PACK, b"x"),
            store.delete(&id("xe1")),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
            assert!(error.to_string().contains("closed"), "{error}");
        }
    }

    #[test]
    fn a_full_disk_is_an_error_of_its_own_and_leaves_what_was_there() {
        let directory = tempfile::tempdir().unwrap();
        let mount = directory.path().join("disk");
        fs::create_dir(&mount).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(&mount)
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            println!("skipped: needs permission to mount a tmpfs");
            return;
        }
        let _unmount = Unmount(&mount);
        let store = LocalStore::create_directory(mount.join("repo")).unwrap();
        put(&store, "kopia.repository", b"old").unwrap();
        let megabytes = vec![7; 3 << 20];
        put(&store, "p1", &megabytes).unwrap();
        put(&store, "p2", &megabytes).unwrap();
        for name in ["p3", PACK, "kopia.repository"] {
            let error = put(&store, name, &megabytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Full, "{error}");
            assert!(error.to_string().contains("free some space"), "{error}");
        }
        assert_eq!(store.list_names(), ["kopia.repository", "p1", "p2"]);
        assert_eq!(store.get(&id("kopia.repository")).unwrap(), "old");
        assert!(!files(&mount).iter().any(|name| name.contains(".tmp.")));
        store.delete(&id("p1")).unwrap();
        put(&store, "p3", &megabytes).unwrap();
    }

    struct Unmount<'a>(&'a Path);

    impl Drop for Unmount<'_> {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
        }
    }
}

/// Does something on a thread that has no right to read what its permissions close.
#[cfg(target_os = "linux")]
fn without_the_right_to_read_everything<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut sets = capabilities(None).unwrap();
            sets.effective
                .remove(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
            set_capabilities(None, sets).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

#[cfg(target_os = "linux")]
#[test]
fn only_unreadable_directories_without_blobs_are_left_out_of_a_listing() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let store = LocalStore::open(directory.path()).unwrap();
    put(&store, PACK, b"pack").unwrap();
    put(&store, "kopia.repository", b"format").unwrap();
    let close = |name: &str, mode: u32| {
        let path = directory.path().join(name);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    close("lost+found", 0);
    close("System Volume Information", 0);
    let names = |prefix: &str| {
        without_the_right_to_read_everything(|| (&store as &dyn BlobStore).list_all(prefix)).map(
            |found| {
                found
                    .into_iter()
                    .map(|blob| blob.id.to_string())
                    .collect::<Vec<_>>()
            },
        )
    };
    assert_eq!(names("").unwrap(), ["kopia.repository", PACK]);
    assert_eq!(names("p").unwrap(), [PACK]);
    // Of one letter, as the first level of this repository is: blobs that begin with `l` would lie there.
    close("l", 0);
    assert_eq!(names("").unwrap_err().kind(), ErrorKind::AccessDenied);
    assert_eq!(names("p").unwrap(), [PACK]);
    close("l", 0o700);
    close("p/f64", 0);
    assert_eq!(names("").unwrap_err().kind(), ErrorKind::AccessDenied);
    close("p/f64", 0o700);
}
