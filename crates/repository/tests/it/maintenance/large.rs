//! Indexes that are put together and unpacked in files.

use std::sync::Arc;

use bytes::Bytes;
use holdfast_repository::maintenance::{Mode, RunOptions, Safety, Task};
use holdfast_repository::{ContentFilter, OpenOptions, Repository};
use holdfast_storage::{BlobId, BlobStore, PutOptions};
use secrecy::SecretString;

use super::world::{World, figure, options};

/// Above what is merged in memory.
const CONTENTS: u32 = 110_000;

fn open(world: &World, cache: &std::path::Path) -> Arc<Repository> {
    let options = OpenOptions {
        cache_dir: Some(cache.to_owned()),
        ..options(&world.clock, "owner")
    };
    Repository::open(
        Arc::new(world.store.clone()),
        &SecretString::from("password"),
        &options,
    )
    .expect("open")
}

#[test]
fn large_indexes_are_merged_and_read_through_files() {
    let world = World::new();
    let caches = tempfile::tempdir().expect("directory");
    let repository = open(&world, &caches.path().join("writer"));
    let mut ids = Vec::new();
    // Two index blobs, so that there is something to merge.
    for half in 0..2 {
        let session = repository.session().expect("session");
        let mut writer = session.writer();
        for number in (0..CONTENTS).filter(|number| number % 2 == half) {
            let written = writer
                .write(None, &number.to_be_bytes(), None)
                .expect("write");
            ids.push(written.id);
        }
        writer.finish_packs().expect("finish");
        drop(writer);
        session.close().expect("close");
    }
    for epoch in [1, 2] {
        let store: &dyn BlobStore = &world.store;
        store
            .put(
                &BlobId::new(format!("xe{epoch}")).expect("id"),
                Bytes::from_static(b"epoch-marker"),
                &PutOptions::default(),
            )
            .expect("put");
    }
    let run = |mode, safety| {
        let options = RunOptions {
            mode: Some(mode),
            safety,
            ..world.options()
        };
        holdfast_repository::maintenance::run(&repository, &options)
            .expect("run")
            .expect("report")
    };
    run(Mode::Quick, Safety::Full);
    let merged = world.blobs("xs0_");
    assert_eq!(merged.len(), 1);
    assert!(merged[0].length > 2 << 20, "{}", merged[0].length);

    // A client that has seen nothing yet unpacks it; a second start finds it in the cache.
    let fresh = caches.path().join("fresh");
    for _ in 0..2 {
        let reader = open(&world, &fresh);
        assert!(reader.active_index_blobs().contains(&merged[0].id));
        let mut count = 0;
        reader
            .for_each_content(ContentFilter::default(), &mut |_| {
                count += 1;
                Ok(())
            })
            .expect("contents");
        assert!(count >= CONTENTS, "{count}");
        for (at, id) in ids.iter().enumerate().step_by(9973) {
            let info = reader
                .content_info(id)
                .expect("look up")
                .expect("it is there");
            assert!(!info.deleted);
            let number = reader.read_content(id).expect("read");
            assert_eq!(number.len(), 4, "{at}");
        }
    }

    // No snapshot needs any of them.
    world.pass(std::time::Duration::from_secs(5));
    let report = run(Mode::Full, Safety::None);
    let deleted = figure(&report, Task::SnapshotGc, "deletedContentCount");
    assert_eq!(deleted, u64::from(CONTENTS));
    assert_eq!(world.contents(true), []);
    assert!(world.blobs("p").is_empty());
    world.assert_whole();
}
