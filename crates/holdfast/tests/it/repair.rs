//! `repo repair`.

use std::fs;
use std::path::PathBuf;

use crate::program::{Place, run};

/// Every file of the repository whose blob has a name that begins with `prefix`.
fn blobs(place: &Place, prefix: &str) -> Vec<PathBuf> {
    let mut folders = vec![place.path("repository")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("list") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // The folders of a directory store are the first letters of the name.
            let relative = path.strip_prefix(place.path("repository")).expect("below");
            let name: String = relative
                .components()
                .map(|part| part.as_os_str().to_string_lossy().into_owned())
                .collect();
            if name.starts_with(prefix) {
                found.push(path);
            }
        }
    }
    found
}

fn with_snapshot() -> Place {
    let place = Place::with_repository();
    let source = place.path("source");
    fs::create_dir(&source).expect("make a folder");
    fs::write(source.join("one"), "one").expect("write");
    fs::write(source.join("two"), vec![7; 100_000]).expect("write");
    place.json(["snapshot", "create", &source.to_string_lossy()]);
    place
}

#[test]
fn a_zeroed_index_is_built_anew() {
    let place = with_snapshot();
    let index = blobs(&place, "xn");
    assert!(!index.is_empty());
    for path in &index {
        let length = fs::metadata(path).expect("look up").len();
        fs::write(path, vec![0; length as usize]).expect("write");
    }
    let ended = run(&mut place.command(["snapshot", "list", "--all", "--json"]));
    assert_eq!(ended.code, 1);
    let detail = ended.problem()["detail"].to_string();
    assert!(detail.contains("repo repair"), "{detail}");

    let ended = run(&mut place.command(["repo", "repair", "--dry-run"]));
    assert_eq!(ended.code, 1, "{ended:#?}");
    assert!(ended.stdout.contains("--apply"), "{}", ended.stdout);
    assert_eq!(blobs(&place, "xn"), index);
    let report = place.json(["repo", "repair", "--apply"]);
    assert_eq!(report["applied"], true);
    assert_eq!(
        report["unreadable_indexes"].as_array().map(Vec::len),
        Some(index.len())
    );
    place.succeed(["repo", "check", "--strict", "--read-data"]);
    let listed = place.json(["snapshot", "list", "--all"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let text = place.succeed(["repo", "repair"]);
    assert!(text.contains("nothing is to be repaired"), "{text}");
}

#[test]
fn the_next_snapshot_brings_a_lost_pack_back() {
    let place = with_snapshot();
    for pack in blobs(&place, "p") {
        fs::remove_file(pack).expect("remove");
    }
    let verify = ["snapshot", "verify", "--read-data"];
    assert_eq!(run(&mut place.command(verify)).code, 1);
    let ended = run(&mut place.command(["repo", "repair", "--apply"]));
    assert_eq!(ended.code, 3, "{ended:#?}");
    assert_eq!(run(&mut place.command(verify)).code, 1);
    let source = place.path("source");
    place.json(["snapshot", "create", &source.to_string_lossy()]);
    place.succeed(verify);
    place.succeed(["repo", "check", "--strict", "--read-data"]);
}

/// Lists of snapshots that are set aside cost nothing until they return: nothing expires by a policy that may be another.
#[test]
fn a_lost_list_is_set_aside_and_returns() {
    let place = Place::with_repository();
    let source = place.path("source");
    fs::create_dir(&source).expect("make a folder");
    fs::write(source.join("one"), "one").expect("write");
    let create = |number: u32| {
        fs::write(source.join("number"), number.to_string()).expect("write");
        place.json(["snapshot", "create", &source.to_string_lossy()]);
    };
    let count = || {
        let listed = place.json(["snapshot", "list", "--all"]);
        listed.as_array().map(Vec::len)
    };
    create(1);
    let before = blobs(&place, "q");
    place.succeed(["policy", "set", "--global", "--keep-latest", "10"]);
    let lists: Vec<PathBuf> = blobs(&place, "q")
        .into_iter()
        .filter(|pack| !before.contains(pack))
        .collect();
    for keep in [
        "--keep-hourly",
        "--keep-daily",
        "--keep-weekly",
        "--keep-monthly",
        "--keep-annual",
    ] {
        place.succeed(["policy", "set", "--global", keep, "0"]);
    }
    place.succeed(["policy", "set", "--global", "--keep-latest", "1"]);
    let kept: Vec<Vec<u8>> = lists
        .iter()
        .map(|list| fs::read(list).expect("read"))
        .collect();
    for list in &lists {
        fs::remove_file(list).expect("remove");
    }

    let ended = run(&mut place.command(["repo", "repair", "--apply"]));
    assert_eq!(ended.code, 3, "{ended:#?}");
    assert!(ended.stdout.contains("set-aside"), "{}", ended.stdout);
    assert_eq!(run(&mut place.command(["snapshot", "list"])).code, 1);
    let set_aside = ["repo", "repair", "--apply", "--lost-manifests", "set-aside"];
    assert_eq!(run(&mut place.command(set_aside)).code, 3);
    assert_eq!(count(), Some(1));
    create(2);
    assert_eq!(count(), Some(2));
    let ended = run(&mut place.command(["maintenance", "run", "--full"]));
    assert_eq!(ended.code, 3, "{ended:#?}");
    assert!(ended.stdout.contains("set aside"), "{}", ended.stdout);

    for (list, bytes) in lists.iter().zip(kept) {
        fs::write(list, bytes).expect("write");
    }
    let report = place.json(["repo", "repair", "--apply"]);
    assert_eq!(report["returned_manifest_containers"], 1);
    place.succeed(["repo", "check", "--strict", "--read-data"]);
    create(3);
    assert_eq!(count(), Some(1));
}
