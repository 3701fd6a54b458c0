//! Repositories with snapshots, written by the reference implementation.

use std::sync::Arc;

use holdfast_repository::pack::read_local_index;
use holdfast_repository::{ContentFilter, OpenOptions, Repository};
use holdfast_storage::LocalStore;
use holdfast_testkit::Fixture;
use secrecy::SecretString;

use crate::fixture_trees;

/// Every content of every fixture is read and hashes to its id; every pack yields its
/// local index.
#[test]
fn all_contents_of_the_fixtures_are_read() {
    for &name in fixture_trees::READ {
        let fixture = Fixture::open(name);
        let store = Arc::new(LocalStore::open(fixture.repository()).expect("store"));
        let cache = tempfile::tempdir().expect("directory");
        let options = OpenOptions {
            cache_dir: Some(cache.path().to_owned()),
            ..OpenOptions::default()
        };
        let repository = Repository::open(store, &SecretString::from(fixture.password()), &options)
            .expect("opens");
        let (mut contents, mut with_prefix) = (0, 0);
        let all = ContentFilter {
            include_deleted: true,
            ..ContentFilter::default()
        };
        repository
            .for_each_content(all, &mut |info| {
                let data = repository.read_content(&info.id)?;
                assert_eq!(
                    repository.hasher().content_id(info.id.prefix(), &data),
                    info.id,
                    "{name}"
                );
                contents += 1;
                with_prefix += u32::from(info.id.is_metadata());
                Ok(())
            })
            .expect("reads");
        assert!(
            contents > with_prefix && with_prefix > 0,
            "{name}: {contents} contents, {with_prefix} metadata"
        );
        for pack in repository.store().list_all("p").expect("list") {
            read_local_index(
                repository.store().as_ref(),
                repository.cipher(),
                &pack.id,
                pack.length,
            )
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}
