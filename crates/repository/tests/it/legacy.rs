//! Repositories without epochs: written, compacted, and read by clients with an older listing.

use std::sync::Arc;
use std::time::Duration;

use holdfast_repository::check::{CheckOptions, check};
use holdfast_repository::legacy::LegacyCompaction;
use holdfast_repository::object::{ObjectOptions, write_object};
use holdfast_repository::pack::read_format_copy;
use holdfast_repository::{
    CompressionAlgorithm, ContentFilter, CreateOptions, OpenOptions, Repository,
};
use holdfast_storage::{BlobStore, MemoryStore};
use secrecy::SecretString;

const HOUR: Duration = Duration::from_secs(3600);

fn password() -> SecretString {
    SecretString::from("correct horse")
}

fn create(version: u32) -> (Arc<dyn BlobStore>, Arc<Repository>) {
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let options = CreateOptions {
        format_version: version,
        ..CreateOptions::default()
    };
    let open = OpenOptions::default();
    let repository =
        Repository::create(store.clone(), &password(), &options, &open).expect("create");
    (store, repository)
}

fn reopen(store: &Arc<dyn BlobStore>) -> Arc<Repository> {
    Repository::open(store.clone(), &password(), &OpenOptions::default()).expect("open")
}

fn assert_clean(repository: &Arc<Repository>) {
    let options = CheckOptions {
        strict: true,
        read_data: true,
        ..CheckOptions::default()
    };
    let report = check(repository, &options).expect("check");
    assert!(report.is_clean(), "{:#?}", report.problems);
}

/// Writes one content in a session of its own.
fn write(repository: &Arc<Repository>, data: &[u8]) -> holdfast_repository::ContentId {
    let session = repository.session().expect("session");
    let mut writer = session.writer();
    let written = writer.write(None, data, None).expect("write");
    writer.finish_packs().expect("packs");
    session.close().expect("close");
    written.id
}

fn names(store: &Arc<dyn BlobStore>, prefix: &str) -> Vec<String> {
    let blobs = store.list_all(prefix).expect("list");
    blobs.into_iter().map(|blob| blob.id.to_string()).collect()
}

#[test]
fn every_version_is_written_to_the_letter() {
    for version in 1..=3 {
        let (store, repository) = create(version);
        let format = repository.format();
        assert_eq!(format.version, version);
        assert_eq!(format.index_version(), if version == 1 { 1 } else { 2 });
        let ids: Vec<_> = (0..3_u8).map(|n| write(&repository, &[n; 1000])).collect();
        let reopened = reopen(&store);
        assert_clean(&reopened);
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(
                reopened.read_content(id).expect("read"),
                vec![n as u8; 1000]
            );
        }
        // One index blob for each session, and the first one of the creation.
        let (legacy, epochs) = (names(&store, "n").len(), names(&store, "xn").len());
        assert_eq!((legacy, epochs), if version == 1 { (4, 0) } else { (0, 4) });
        for pack in store.list_all("p").expect("list") {
            let copy = read_format_copy(store.as_ref(), &pack.id, pack.length).expect("read");
            let format = holdfast_storage::BlobId::new("kopia.repository").expect("id");
            let expected = (version == 1).then(|| store.get(&format).expect("get").to_vec());
            assert_eq!(copy, expected);
        }
    }
    for version in [0, 4] {
        let options = CreateOptions {
            format_version: version,
            ..CreateOptions::default()
        };
        let store = Arc::new(MemoryStore::new());
        Repository::create(store, &password(), &options, &OpenOptions::default())
            .expect_err("no such version");
    }
}

#[test]
fn objects_are_compressed_where_contents_cannot_be() {
    for version in [1, 3] {
        let (store, repository) = create(version);
        let splitter = repository.splitter("FIXED-128K").expect("splitter");
        let compression = Some(CompressionAlgorithm::Zstd);
        let options = ObjectOptions::data(splitter, compression, compression);
        let (long, short) = (vec![7; 300_000], b"too short to shrink".to_vec());
        let session = repository.session().expect("session");
        let mut writer = session.writer();
        let ids: Vec<_> = [&long, &short, &vec![8; 5000]]
            .map(|data| write_object(&mut writer, data, &options).expect("write"))
            .to_vec();
        writer.finish_packs().expect("packs");
        session.close().expect("close");

        let reopened = reopen(&store);
        assert_clean(&reopened);
        let compressed: Vec<bool> = ids.iter().map(|id| id.is_compressed()).collect();
        assert_eq!(compressed, [false, false, version == 1]);
        let parts = reopened
            .object_index(&ids[0])
            .expect("index")
            .expect("parts");
        assert!(
            parts
                .iter()
                .all(|part| part.object.is_compressed() == (version == 1))
        );
        for (id, data) in ids.iter().zip([long.clone(), short, vec![8; 5000]]) {
            assert_eq!(reopened.read_object(id).expect("read"), data);
            assert_eq!(
                reopened.object_length(id).expect("length"),
                data.len() as u64
            );
        }
        let (mut packed, mut compressed) = (0, false);
        reopened
            .for_each_content(ContentFilter::default(), &mut |info| {
                packed += info.packed_length;
                compressed |= info.compression != 0;
                Ok(())
            })
            .expect("contents");
        assert_eq!(compressed, version == 3);
        assert!(packed < 10_000, "{packed}");
    }
}

#[test]
fn many_index_blobs_become_one_and_nothing_is_lost() {
    let (store, repository) = create(1);
    let mut ids: Vec<_> = (0..9_u8).map(|n| write(&repository, &[n; 100])).collect();
    let before = names(&store, "n");
    assert_eq!(before.len(), 10);
    // A client that listed the index before all this.
    let other = reopen(&store);
    let options = LegacyCompaction {
        dropping: None,
        settle_time: HOUR,
    };
    let report = repository
        .compact_legacy_indexes(&options)
        .expect("compact");
    assert_eq!((report.merged, report.written, report.deleted), (10, 1, 0));
    assert_eq!(repository.active_index_blobs().len(), 1);
    assert_eq!(
        (names(&store, "n").len(), names(&store, "m").len()),
        (11, 1)
    );
    assert_eq!(
        reopen(&store).active_index_blobs(),
        repository.active_index_blobs()
    );
    assert_clean(&reopen(&store));
    for id in &ids {
        other
            .read_content(id)
            .expect("the older listing still works");
    }
    // Too few for another one, and too early for deleting.
    ids.push(write(&repository, b"more"));
    let report = repository
        .compact_legacy_indexes(&options)
        .expect("compact");
    assert_eq!((report.merged, report.deleted), (0, 0));

    // Without other clients, everything that was replaced goes, logs after what they name.
    let at_once = LegacyCompaction {
        dropping: Some(0),
        settle_time: Duration::ZERO,
    };
    let report = repository
        .compact_legacy_indexes(&at_once)
        .expect("compact");
    assert_eq!((report.merged, report.written), (2, 1));
    assert_eq!(names(&store, "n").len(), 1);
    assert_eq!(
        (names(&store, "m"), names(&store, "l")),
        (Vec::<String>::new(), Vec::new())
    );
    let reopened = reopen(&store);
    assert_clean(&reopened);
    for id in &ids {
        reopened.read_content(id).expect("read");
    }
}

#[test]
fn deleted_contents_are_dropped_only_when_old_enough() {
    let (store, repository) = create(1);
    let (kept, deleted) = (write(&repository, b"kept"), write(&repository, b"deleted"));
    let session = repository.session().expect("session");
    let mut writer = session.writer();
    writer.delete_content(&deleted).expect("delete");
    writer.finish_packs().expect("packs");
    session.close().expect("close");
    let time = repository
        .content_info(&deleted)
        .expect("index")
        .expect("tombstone")
        .time;

    let dropping = |limit| LegacyCompaction {
        dropping: Some(limit),
        settle_time: HOUR,
    };
    let report = repository
        .compact_legacy_indexes(&dropping(time))
        .expect("compact");
    assert_eq!(report.dropped, 0);
    repository.read_content(&deleted).expect("still readable");
    let report = repository
        .compact_legacy_indexes(&dropping(time + 1))
        .expect("compact");
    assert_eq!(report.dropped, 1);
    assert_eq!(repository.content_info(&deleted).expect("index"), None);
    repository.read_content(&kept).expect("read");
    // Nothing to drop and one index blob: nothing is written.
    let before = names(&store, "");
    repository
        .compact_legacy_indexes(&dropping(time + 1))
        .expect("compact");
    assert_eq!(names(&store, ""), before);
    assert_clean(&reopen(&store));
}

#[test]
fn epochs_are_not_compacted_this_way() {
    let (_, repository) = create(2);
    let options = LegacyCompaction {
        dropping: None,
        settle_time: HOUR,
    };
    repository
        .compact_legacy_indexes(&options)
        .expect_err("epochs");
}

#[test]
fn a_format_blob_from_before_an_upgrade_is_refused() {
    let (store, repository) = create(1);
    drop(repository);
    let poison = holdfast_repository::blob_names::POISON;
    store
        .put(
            &holdfast_storage::BlobId::new(poison).expect("id"),
            b"poison".as_slice().into(),
            &holdfast_storage::PutOptions::default(),
        )
        .expect("put");
    let error = Repository::open(store, &password(), &OpenOptions::default()).expect_err("refused");
    assert!(error.to_string().contains("upgraded"), "{error}");
}
