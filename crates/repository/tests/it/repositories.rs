//! Whole small repositories written by the reference implementation (`repo-v*.json`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use holdfast_repository::pack::{read_format_copy, read_local_index};
use holdfast_repository::session::SessionInfo;
use holdfast_repository::{ContentFilter, ContentInfo, Error, OpenOptions, Repository};
use holdfast_storage::{BlobId, BlobStore, MemoryStore, PutOptions};
use secrecy::SecretString;
use serde::Deserialize;

use crate::index::{Entry, decode_all, encode_version};
use crate::vectors::{Data, load};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    password: String,
    blobs: BTreeMap<String, Blob>,
    contents: Vec<Content>,
    pack_local_indexes: BTreeMap<String, Vec<Entry>>,
    active_index_blobs: BTreeSet<String>,
    active_sessions: BTreeMap<String, SessionInfo>,
    #[serde(default)]
    format_blob_recovered_from_pack: Option<String>,
}

/// Every vector of this kind.
const READ: [&str; 6] = [
    "repo-v1.json",
    "repo-v1-compacted.json",
    "repo-v1-upgraded.json",
    "repo-v3.json",
    "repo-v3-sha256-chacha.json",
    "repo-v3-ecc.json",
];

#[derive(Deserialize)]
struct Blob {
    base64: String,
}

#[derive(Deserialize)]
struct Content {
    #[serde(flatten)]
    entry: Entry,
    data: Data,
}

fn store_of(vector: &Vector) -> Arc<dyn BlobStore> {
    let store = MemoryStore::new();
    for (name, blob) in &vector.blobs {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(&blob.base64)
            .expect("base64");
        let id = BlobId::new(name.as_str()).expect("blob id");
        store
            .put(&id, Bytes::from(bytes), &PutOptions::default())
            .expect("put");
    }
    Arc::new(store)
}

fn open(vector: &Vector) -> Result<Arc<Repository>, Error> {
    Repository::open(
        store_of(vector),
        &SecretString::from(vector.password.clone()),
        &OpenOptions::default(),
    )
}

#[test]
fn everything_in_the_repositories_is_found() {
    for name in READ {
        let vector: Vector = load(name);
        let repository = open(&vector).expect("opens");
        let active: BTreeSet<String> = repository
            .active_index_blobs()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(active, vector.active_index_blobs, "{name}");

        let mut listed: Vec<ContentInfo> = Vec::new();
        let all = ContentFilter {
            include_deleted: true,
            ..ContentFilter::default()
        };
        repository
            .for_each_content(all, &mut |info| {
                listed.push(info);
                Ok(())
            })
            .expect("lists");
        let mut expected: Vec<ContentInfo> =
            vector.contents.iter().map(|c| c.entry.info()).collect();
        expected.sort_by_key(|info| info.id);
        assert_eq!(listed, expected, "{name}");
        for content in &vector.contents {
            let info = content.entry.info();
            assert_eq!(
                repository.content_info(&info.id).expect("index").as_ref(),
                Some(&info)
            );
            let data = repository.read_content(&info.id).expect("reads");
            assert_eq!(data, content.data.bytes(), "{name} {}", info.id);
            assert_eq!(
                repository.hasher().content_id(info.id.prefix(), &data),
                info.id
            );
        }

        for (pack, entries) in &vector.pack_local_indexes {
            let pack = BlobId::new(pack.as_str()).expect("blob id");
            let length = repository.store().stat(&pack).expect("stat").length;
            let local = read_local_index(
                repository.store().as_ref(),
                repository.cipher(),
                &pack,
                length,
            )
            .expect("local index");
            let mut expected: Vec<ContentInfo> = entries.iter().map(Entry::info).collect();
            expected.sort_by_key(|info| info.id);
            assert_eq!(decode_all(&local.plaintext), expected, "{name} {pack}");
            assert_eq!(
                repository.hasher().hash(&local.plaintext).as_bytes(),
                local.item
            );
            assert_eq!(local.offset % 4096, 0);
            let (version, stable) = (
                u32::from(local.plaintext[0]),
                &local.plaintext[..local.plaintext.len() - 32],
            );
            assert_eq!(encode_version(version, &expected), stable, "{name} {pack}");
            let copy = read_format_copy(repository.store().as_ref(), &pack, length).expect("read");
            let copy = copy.map(|copy| String::from_utf8(copy).expect("text"));
            // Packs are as old as their copy; the one in the vector is that of the first.
            match &vector.format_blob_recovered_from_pack {
                Some(recovered) if version == 1 => assert_eq!(copy.as_ref(), Some(recovered)),
                Some(_) => assert!(copy.is_some(), "{name} {pack}"),
                None => assert_eq!(copy, None, "{name} {pack}"),
            }
        }

        let sessions: BTreeMap<String, SessionInfo> = repository
            .active_sessions()
            .expect("sessions")
            .into_iter()
            .map(|session| (session.id.clone(), session))
            .collect();
        assert_eq!(sessions, vector.active_sessions, "{name}");
    }
}

#[test]
fn index_blobs_are_in_stable_form() {
    for vector in [
        load::<Vector>("repo-v3.json"),
        load("repo-v1.json"),
        load("repo-v1-upgraded.json"),
    ] {
        assert_stable(&open(&vector).expect("opens"));
    }
}

fn assert_stable(repository: &Repository) {
    for id in repository.active_index_blobs() {
        let sealed = repository.store().get(&id).expect("get");
        let plain = holdfast_repository::blob_crypto::open(
            repository.hasher(),
            repository.cipher(),
            &id,
            sealed.into(),
        )
        .expect("opens");
        let version = u32::from(plain[0]);
        assert_eq!(encode_version(version, &decode_all(&plain)), plain, "{id}");
    }
}

#[test]
fn each_bad_start_has_its_own_error() {
    let vector: Vector = load("repo-v3.json");
    let store = store_of(&vector);
    let password = SecretString::from(vector.password.clone());
    let options = OpenOptions::default();
    let error = |password: &SecretString| {
        Repository::open(store.clone(), password, &options).expect_err("refused")
    };

    let wrong = error(&SecretString::from("wrong secret"));
    assert!(matches!(wrong, Error::WrongPassword { .. }), "{wrong}");
    assert!(!wrong.to_string().contains("wrong secret"));

    let format = BlobId::new("kopia.repository").expect("blob id");
    let bytes = store.get(&format).expect("get");
    store
        .put(&format, bytes.slice(..100), &PutOptions::default())
        .expect("put");
    assert!(matches!(error(&password), Error::InvalidFormat { .. }));
    store.delete(&format).expect("delete");
    assert!(matches!(
        error(&password),
        Error::RepositoryIncomplete { .. }
    ));
    for blob in store.list_all("").expect("list") {
        if blob.id.as_str() != "kopia.blobcfg" {
            store.delete(&blob.id).expect("delete");
        }
    }
    assert!(matches!(
        error(&password),
        Error::RepositoryHalfWritten { .. }
    ));
    store
        .delete(&BlobId::new("kopia.blobcfg").expect("blob id"))
        .expect("delete");
    assert!(matches!(error(&password), Error::RepositoryMissing { .. }));
}

#[test]
fn damaged_contents_are_named() {
    let vector: Vector = load("repo-v3.json");
    let repository = open(&vector).expect("opens");
    let info = vector.contents[0].entry.info();
    let pack = repository.store().get(&info.pack).expect("get");
    let mut changed = pack.to_vec();
    changed[info.offset as usize + 20] ^= 1;
    repository
        .store()
        .put(&info.pack, Bytes::from(changed), &PutOptions::default())
        .expect("put");
    let error = repository
        .read_content(&info.id)
        .expect_err("not authentic");
    assert!(
        matches!(&error, Error::Damaged { what, .. } if what.contains(&info.id.to_string())),
        "{error}"
    );

    repository.store().delete(&info.pack).expect("delete");
    let error = repository.read_content(&info.id).expect_err("no pack");
    assert!(
        matches!(&error, Error::PackMissing { pack, .. } if *pack == info.pack),
        "{error}"
    );
    let missing = repository.read_content(&"ffffffffffffffffffffffffffffffff".parse().expect("id"));
    assert!(matches!(missing, Err(Error::ContentMissing { .. })));
}
