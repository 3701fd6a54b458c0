//! `read_file`: what is sent to somebody who downloads it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_agent::commands::{Uploads, read_file};
use holdfast_agent::failure::WorkError;
use holdfast_agent::state::VaultFolders;
use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{ReadFile, ReadFileResult, TransferForm};
use holdfast_protocol::agent::failures;
use holdfast_testkit::tree::write_random_file;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::engines::Place;
use crate::script::ScriptedServer;

const TRANSFER: Uuid = Uuid::from_u128(7);

/// What the server heard of the one transfer.
type Sent = Option<(Uuid, Option<u64>, Vec<u8>, bool)>;

async fn read(
    place: &Place,
    manifest_id: &str,
    path: &str,
    form: TransferForm,
) -> (Result<ReadFileResult, WorkError>, Sent) {
    let server = ScriptedServer::new();
    let uploads = Uploads::new(server.clone(), Handle::current());
    let request = ReadFile {
        transfer: TRANSFER,
        manifest_id: manifest_id.to_owned(),
        path: path.to_owned(),
        form,
    };
    // Nothing of earlier work may stand in for what the vault has lost.
    let folders = VaultFolders::new(place.at("state"), place.at("fresh cache"));
    let vault = place.vault();
    let work = move || read_file(&request, &vault, &folders, &Cancel::new(), &uploads);
    let result = tokio::task::spawn_blocking(work).await.unwrap();
    let sent = match &result {
        // The end of a call that broke off is heard a moment later.
        Err(WorkError::Failed(failure)) if failure.code != failures::REPOSITORY_DAMAGED => {
            server.heard().transfers.pop()
        }
        _ => Some(
            server
                .wait_for("the transfer", |heard| heard.transfers.first().cloned())
                .await,
        ),
    };
    (result, sent)
}

fn code(result: Result<ReadFileResult, WorkError>) -> &'static str {
    match result {
        Err(WorkError::Failed(failure)) => failure.code,
        other => panic!("{other:?}"),
    }
}

/// Backs up and answers the id of the snapshot.
fn back_up(place: &Place, attempt: u32) -> String {
    let result = place.back_up(place.work(attempt)).0.unwrap();
    result.points[0].manifest_id.clone()
}

/// The packs with the data of files.
fn packs(vault: &Path) -> Vec<PathBuf> {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => files(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(vault).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().unwrap().to_string_lossy().starts_with('p') {
            files(&path, &mut found);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_byte_for_byte() {
    let place = Place::new();
    write_random_file(&place.source().join("large"), 1, 5 << 20).unwrap();
    std::fs::write(place.source().join("empty"), "").unwrap();
    let id = back_up(&place, 1);
    for name in ["large", "empty"] {
        let expected = std::fs::read(place.source().join(name)).unwrap();
        let (result, sent) = read(&place, &id, name, TransferForm::File).await;
        let size = expected.len() as u64;
        assert_eq!(result, Ok(ReadFileResult { bytes: size }), "{name}");
        let (transfer, announced, bytes, is_whole) = sent.unwrap();
        assert_eq!(
            (transfer, announced, is_whole),
            (TRANSFER, Some(size), true)
        );
        assert!(bytes == expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_come_as_archives() {
    let place = Place::new();
    std::fs::create_dir(place.source().join("docs")).unwrap();
    std::fs::write(place.source().join("docs/a.txt"), "text of a").unwrap();
    let id = back_up(&place, 1);
    for (form, begins) in [(TransferForm::Tar, &b""[..]), (TransferForm::Zip, b"PK")] {
        let (result, sent) = read(&place, &id, "docs", form).await;
        let (_, announced, bytes, is_whole) = sent.unwrap();
        assert_eq!(
            result,
            Ok(ReadFileResult {
                bytes: bytes.len() as u64
            })
        );
        assert_eq!((announced, is_whole), (None, true));
        assert!(bytes.starts_with(begins), "{form:?}");
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(holds(b"a.txt") && holds(b"text of a"), "{form:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_before_anything_is_sent() {
    let place = Place::new();
    std::fs::write(place.source().join("a.txt"), "a").unwrap();
    let id = back_up(&place, 1);
    for (path, form) in [
        ("none", TransferForm::File),
        ("", TransferForm::File),
        ("a.txt", TransferForm::Zip),
        ("none", TransferForm::Tar),
    ] {
        let (result, sent) = read(&place, &id, path, form).await;
        assert_eq!(code(result), failures::PATH_NOT_FOUND, "{path} as {form:?}");
        assert_eq!(sent, None, "{path} as {form:?}");
    }
    let (result, sent) = read(&place, "none", "a.txt", TransferForm::File).await;
    assert_eq!((code(result), sent), (failures::SNAPSHOT_NOT_FOUND, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_with_something_missing_breaks_off_and_names_it() {
    let place = Place::new();
    write_random_file(&place.source().join("whole"), 1, 1 << 20).unwrap();
    back_up(&place, 1);
    let before = packs(&place.at("vault"));
    write_random_file(&place.source().join("lost"), 2, 1 << 20).unwrap();
    let id = back_up(&place, 2);
    let new = packs(&place.at("vault"));
    let new: Vec<&PathBuf> = new.iter().filter(|pack| !before.contains(pack)).collect();
    assert!(!new.is_empty());
    for pack in new {
        std::fs::remove_file(pack).unwrap();
    }
    let (result, sent) = read(&place, &id, "", TransferForm::Zip).await;
    let Err(WorkError::Failed(failure)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(failure.code, failures::REPOSITORY_DAMAGED);
    assert!(failure.message.contains("lost"), "{failure}");
    let (_, _, _, is_whole) = sent.unwrap();
    assert!(!is_whole, "it looks whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_nothing_ends_it() {
    let place = Place::new();
    write_random_file(&place.source().join("large"), 1, 5 << 20).unwrap();
    let id = back_up(&place, 1);
    let server = ScriptedServer::new();
    server.set_outage(true);
    let uploads = Uploads::new(server.clone(), Handle::current());
    let request = ReadFile {
        transfer: TRANSFER,
        manifest_id: id,
        path: "large".into(),
        form: TransferForm::File,
    };
    let (vault, folders) = (place.vault(), place.folders());
    let work = move || read_file(&request, &vault, &folders, &Cancel::new(), &uploads);
    let result = tokio::task::spawn_blocking(work).await.unwrap();
    assert_eq!(code(result), failures::TRANSFER_BROKEN);
    assert_eq!(Arc::strong_count(&server), 1, "the call is over");
}
