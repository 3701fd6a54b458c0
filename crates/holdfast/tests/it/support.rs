//! `content`, `blob`, `index` and `manifest`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::{Place, run};

/// A repository with one snapshot, its index cache inside of the place.
fn with_snapshot() -> (Place, Value) {
    let place = Place::with_repository();
    let source = place.path("source");
    fs::create_dir_all(source.join("docs")).expect("plant a folder");
    fs::write(source.join("docs/readme"), "# Read me\n").expect("plant a file");
    fs::write(source.join("other"), "other").expect("plant a file");
    let report = place.json([Path::new("snapshot"), Path::new("create"), &source]);
    (place, report)
}

/// Arguments of a command that unpacks indexes.
fn cached<'a>(words: &[&'a str], cache: &'a str) -> Vec<&'a str> {
    [words, &["--cache-dir", cache]].concat()
}

fn list(place: &Place, words: &[&str]) -> Vec<Value> {
    let cache = place.path("cache");
    let listed = place.json(cached(words, &cache.to_string_lossy()));
    listed.as_array().expect("an array").clone()
}

pub(crate) fn packs(place: &Place) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![place.path("repository")];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).expect("list") {
            let path = entry.expect("an entry").path();
            let relative = path.strip_prefix(place.path("repository")).expect("below");
            if path.is_dir() {
                pending.push(path);
            } else if relative.to_string_lossy().starts_with('p') {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn contents_are_listed_with_what_the_index_says() {
    let (place, report) = with_snapshot();
    let all = list(&place, &["content", "list"]);
    let root = report["root_object"].as_str().expect("a root");
    let folder = all.iter().find(|content| content["contentID"] == root);
    let folder = folder.expect("the root is listed");
    assert_eq!(folder["deleted"], false);
    assert!(
        folder["packFile"]
            .as_str()
            .is_some_and(|pack| pack.starts_with('q'))
    );
    assert!(folder["length"].as_u64() > Some(0) && folder["time"].as_u64() > Some(1_700_000_000));
    let metadata = list(&place, &["content", "list", "--prefixed"]);
    let data = list(&place, &["content", "list", "--non-prefixed"]);
    assert_eq!((data.len(), metadata.len() + data.len()), (2, all.len()));
    let by_prefix = list(&place, &["content", "list", "--prefix", root]);
    assert_eq!(by_prefix.len(), 1);
    assert_eq!(
        list(&place, &["content", "list", "--deleted-only"]),
        [] as [Value; 0]
    );
    let totals = place.json(["content", "list", "--summary", "--non-prefixed"]);
    assert_eq!(totals["contents"], 2);
    assert_eq!(totals["originalLength"], 15);
    let text = place.succeed(["content", "list"]);
    let ids: Vec<&str> = text.lines().collect();
    let expected: Vec<&str> = all.iter().filter_map(|c| c["contentID"].as_str()).collect();
    assert_eq!(ids, expected);
    let long = place.succeed(["content", "list", "--long", "--prefix", root]);
    let pack = folder["packFile"].as_str().expect("a pack");
    assert!(long.starts_with(root) && long.contains(pack), "{long}");
}

#[test]
fn contents_are_shown() {
    let (place, _) = with_snapshot();
    let data = list(&place, &["content", "list", "--non-prefixed"]);
    let readme = data.iter().find(|content| content["originalLength"] == 10);
    let id = readme.expect("the file")["contentID"]
        .as_str()
        .expect("an id");
    assert_eq!(place.succeed(["content", "show", id]), "# Read me\n");
    let shown = place.json(["content", "show", id]);
    assert_eq!(shown[0]["contentID"], id);
    assert_eq!(shown[0]["data"], "IyBSZWFkIG1lCg==");
    let manifests = list(&place, &["content", "list", "--prefix", "m"]);
    let id = manifests[0]["contentID"].as_str().expect("an id");
    let unzipped: Value = serde_json::from_str(&place.succeed(["content", "show", "-z", id]))
        .expect("a container is JSON inside");
    assert!(unzipped["entries"].is_array(), "{unzipped}");
}

#[test]
fn a_missing_pack_and_a_flipped_bit_are_found() {
    let (place, _) = with_snapshot();
    let cache = place.path("cache");
    let cache = cache.to_string_lossy();
    for words in [&["content", "verify"][..], &["content", "verify", "--full"]] {
        let report = place.json(cached(words, &cache));
        assert_eq!(
            (&report["bad"], &report["damaged"]),
            (&0.into(), &json!([]))
        );
        assert_eq!(report["read"] == report["contents"], words.len() == 3);
    }
    let [pack] = &packs(&place)[..] else {
        panic!("one pack of data is expected");
    };
    let whole = fs::read(pack).expect("read the pack");
    let mut flipped = whole.clone();
    flipped[40] ^= 1;
    fs::write(pack, &flipped).expect("damage the pack");
    place.succeed(cached(&["content", "verify"], &cache));
    let ended = run(place
        .command(cached(&["content", "verify", "--full"], &cache))
        .arg("--json"));
    let report: Value = serde_json::from_str(&ended.stdout).expect("a report");
    assert_eq!((ended.code, &report["bad"]), (1, &1.into()), "{ended:#?}");
    assert_eq!(report["damaged"].as_array().map(Vec::len), Some(1));
    fs::remove_file(pack).expect("remove the pack");
    let ended = run(&mut place.command(cached(&["content", "verify"], &cache)));
    assert_eq!(ended.code, 1, "{ended:#?}");
    assert_eq!(
        ended.stdout.matches("is missing in the store").count(),
        2,
        "{ended:#?}"
    );
    let metadata = cached(&["content", "verify", "--prefixed"], &cache);
    place.succeed(metadata);
}

#[test]
fn blobs_are_listed_counted_and_shown_without_a_password() {
    let (place, _) = with_snapshot();
    let without = |words: &[&str]| {
        let ended = run(place
            .command(words)
            .arg("--json")
            .env_remove("HOLDFAST_PASSWORD"));
        assert_eq!(ended.code, 0, "{ended:#?}");
        serde_json::from_str::<Value>(&ended.stdout).expect("JSON")
    };
    let all = without(&["blob", "list"]);
    let all = all.as_array().expect("an array");
    let names: Vec<&str> = all.iter().filter_map(|blob| blob["id"].as_str()).collect();
    assert!(names.contains(&"kopia.repository"), "{names:?}");
    let packs = without(&["blob", "list", "--data-only"]);
    let mut of_packs = packs.as_array().expect("an array").iter();
    assert!(of_packs.len() >= 2, "{packs}");
    assert!(of_packs.all(|blob| {
        let name = blob["id"].as_str().unwrap_or_default();
        name.starts_with('p') || name.starts_with('q')
    }));
    let some = without(&[
        "blob",
        "list",
        "--exclude-prefix",
        "kopia",
        "--exclude-prefix",
        "x",
    ]);
    assert_eq!(some, packs, "no session is at work");
    let small = without(&["blob", "list", "--max-size", "600", "--min-size", "1"]);
    let lengths = small.as_array().expect("an array").iter();
    assert!(
        lengths
            .clone()
            .all(|blob| blob["length"].as_u64() <= Some(600))
    );
    let stats = without(&["blob", "stats"]);
    assert_eq!(stats["count"], all.len());
    let counted = |list: &str| -> u64 {
        let parts = stats[list].as_array().expect("an array").iter();
        parts.filter_map(|part| part["count"].as_u64()).sum()
    };
    assert_eq!(
        (counted("kinds"), counted("sizes")),
        (all.len() as u64, all.len() as u64)
    );
    let format = run(place
        .command(["blob", "show", "kopia.repository"])
        .env_remove("HOLDFAST_PASSWORD"));
    let stored = fs::read_to_string(place.path("repository/kopia.repository.f")).expect("read");
    assert_eq!(format.stdout, stored);
}

#[test]
fn only_blobs_that_hold_no_keys_are_decrypted() {
    let (place, _) = with_snapshot();
    let indexes = list_of(&place, &["index", "list"]);
    let id = indexes[0]["id"].as_str().expect("an id");
    let sealed = place.json(["blob", "show", id]);
    let opened = place.json(["blob", "show", "--decrypt", id]);
    assert_eq!(
        (&sealed[0]["decrypted"], &opened[0]["decrypted"]),
        (&false.into(), &true.into())
    );
    assert_ne!(sealed[0]["data"], opened[0]["data"]);
    let format = place.json([
        "blob",
        "show",
        "--decrypt",
        "kopia.repository",
        "kopia.blobcfg",
    ]);
    for blob in format.as_array().expect("an array") {
        assert_eq!(blob["decrypted"], false, "{blob}");
    }
}

fn list_of(place: &Place, words: &[&str]) -> Vec<Value> {
    place.json(words).as_array().expect("an array").clone()
}

#[test]
fn indexes_are_listed_and_their_entries_printed() {
    let (place, _) = with_snapshot();
    let source = place.path("source");
    fs::write(source.join("third"), "third").expect("plant a file");
    place.json([Path::new("snapshot"), Path::new("create"), &source]);
    let indexes = list_of(&place, &["index", "list", "--sort", "name", "--superseded"]);
    // What `repo create` stores has one of its own.
    assert_eq!(indexes.len(), 3);
    assert!(indexes.iter().all(|index| index["superseded"] == false));
    let contents = list(&place, &["content", "list"]);
    let entries = list(&place, &["index", "inspect", "--active"]);
    assert_eq!(entries.len(), contents.len());
    assert_eq!(list(&place, &["index", "inspect", "--all"]), entries);
    let id = indexes[0]["id"].as_str().expect("an id");
    let of_one = list(&place, &["index", "inspect", id]);
    assert!(!of_one.is_empty() && of_one.len() < entries.len());
    assert!(of_one.iter().all(|entry| entry["indexBlob"] == id));
    let content = of_one[0]["contentID"].as_str().expect("an id");
    let found = list(
        &place,
        &["index", "inspect", "--active", "--content-id", content],
    );
    assert_eq!(found, of_one[..1]);
}

#[test]
fn manifests_are_found_by_label_and_shown() {
    let (place, report) = with_snapshot();
    let all = list_of(&place, &["manifest", "list"]);
    let snapshots = list_of(&place, &["manifest", "list", "--filter", "type:snapshot"]);
    assert_eq!(snapshots.len(), 1);
    assert!(all.contains(&snapshots[0]));
    let id = report["id"].as_str().expect("an id");
    assert_eq!(snapshots[0]["id"], id);
    assert_eq!(
        list_of(&place, &["manifest", "list", "--filter", "type:none"]),
        [] as [Value; 0]
    );
    let shown = place.json(["manifest", "show", id]);
    assert_eq!(shown[0]["labels"]["type"], "snapshot");
    assert_eq!(shown[0]["data"]["rootEntry"]["obj"], report["root_object"]);
    let text = place.succeed(["manifest", "show", id]);
    assert!(text.starts_with(&format!("// id: {id}\n")), "{text}");
    assert!(text.contains("// label type:snapshot\n"), "{text}");
}

#[test]
fn what_is_not_there_is_named() {
    let (place, _) = with_snapshot();
    let content = "00112233445566778899aabbccddeeff";
    for (words, code, exit) in [
        (&["content", "show", content][..], "content_not_found", 1),
        (&["blob", "show", "pnone"], "blob_not_found", 1),
        (&["index", "inspect", "xn0_none"], "blob_not_found", 1),
        (&["manifest", "show", "none"], "manifest_not_found", 1),
    ] {
        let ended = run(place.command(words).arg("--json"));
        assert_eq!(
            (ended.code, &ended.problem()["code"]),
            (exit, &code.into()),
            "{words:?}"
        );
    }
    for words in [
        &["content", "show", "no id"][..],
        &["content", "list", "--prefixed", "--non-prefixed"],
        &["content", "verify", "--download-percent", "101"],
        &["blob", "show", "../up"],
        &["index", "inspect"],
        &["manifest", "list", "--filter", "type"],
    ] {
        assert_eq!(run(&mut place.command(words)).code, 2, "{words:?}");
    }
}
