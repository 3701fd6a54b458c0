//! A repository that the reference implementation wrote, through the command line: every file comes back as it was.

use std::fs;
use std::path::Path;

use holdfast_testkit::Fixture;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::program::{holdfast, run};

#[test]
fn every_snapshot_of_the_default_fixture_comes_back() {
    let fixture = Fixture::open("default");
    let started = |arguments: &[&str]| {
        let ended = run(holdfast()
            .args(arguments)
            .arg("--repo")
            .arg(fixture.repository())
            .env("HOLDFAST_PASSWORD", fixture.password()));
        assert_eq!(ended.code, 0, "{ended:#?}");
        ended.stdout
    };
    let described = fixture.description()["snapshots"]
        .as_array()
        .expect("snapshots");
    let listed: Value =
        serde_json::from_str(&started(&["snapshot", "list", "--all", "--json"])).expect("JSON");
    for (number, snapshot) in described.iter().enumerate() {
        let id = snapshot["id"].as_str().expect("an id");
        let manifest = listed
            .as_array()
            .and_then(|all| all.iter().find(|manifest| manifest["id"] == id));
        assert_eq!(
            manifest.expect("it is listed")["rootEntry"]["obj"],
            snapshot["rootObject"]
        );
        let target = fixture.directory().join(format!("restored-{number}"));
        started(&["snapshot", "restore", id, &target.to_string_lossy()]);
        let files = snapshot["tree"]
            .as_array()
            .expect("a tree")
            .iter()
            .filter(|entry| entry["type"] == "f");
        let mut compared = 0;
        for file in files {
            let path = file["path"].as_str().expect("a path");
            assert_eq!(sha256(&target.join(path)), file["sha256"], "{path}");
            compared += 1;
        }
        assert_eq!(compared, snapshot["rootEntry"]["summ"]["files"]);
    }
    started(&["snapshot", "verify", "--read-data"]);
}

fn sha256(path: &Path) -> String {
    let contents = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Sha256::digest(&contents)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
