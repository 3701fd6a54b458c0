//! `maintenance run`, `status`, `set`.

use serde_json::Value;

use crate::program::{Place, run};

fn owner(place: &Place) -> String {
    let status = place.json(["maintenance", "status"]);
    status["owner"].as_str().expect("owner").to_owned()
}

#[test]
fn it_runs_when_it_is_due_and_says_what_it_did() {
    let place = Place::with_repository();
    let cache = place.path("cache");
    let maintain = |words: &[&str]| -> Value {
        let mut command = place.command(["maintenance", "run", "--json"]);
        let ended = run(command.args(words).env("HOLDFAST_CACHE_DIR", &cache));
        assert_eq!(ended.code, 0, "{ended:#?}");
        serde_json::from_str(&ended.stdout).expect("JSON")
    };
    let planned = maintain(&["--full", "--dry-run"]);
    assert_eq!(
        (&planned["mode"], &planned["dryRun"]),
        (&"full".into(), &true.into())
    );
    assert_eq!(
        place.json(["maintenance", "info"])["schedule"]["runs"],
        serde_json::json!({})
    );
    let done = maintain(&[]);
    assert_eq!(
        (&done["mode"], &done["dryRun"]),
        (&"full".into(), &false.into())
    );
    assert_eq!(maintain(&[]), Value::Null);
    assert_eq!(maintain(&["--quick", "--safety", "none"])["mode"], "quick");
    let status = place.json(["maintenance", "status"]);
    let runs = &status["schedule"]["runs"];
    assert_eq!(runs["snapshot-gc"].as_array().map(Vec::len), Some(1));
    assert_eq!(runs["advance-epoch"].as_array().map(Vec::len), Some(2));
    let text = place.succeed(["maintenance", "status"]);
    assert!(text.contains("snapshot-gc"), "{text}");
    place.succeed(["repo", "check", "--strict", "--read-data"]);
}

#[test]
fn only_the_owner_runs_it() {
    let place = Place::with_repository();
    let me = owner(&place);
    place.succeed(["maintenance", "set", "--owner", "root@elsewhere"]);
    let mut command = place.command(["maintenance", "run", "--full", "--json", "--cache-dir"]);
    let ended = run(command.arg(place.path("cache")));
    assert_eq!(ended.code, 1);
    assert_eq!(ended.problem()["code"], "maintenance_not_owner");
    let set = place.json([
        "maintenance",
        "set",
        "--owner",
        "me",
        "--full-interval",
        "12h",
        "--enable-quick",
        "false",
    ]);
    assert_eq!(set["owner"], me);
    assert_eq!(set["full"]["interval"], 12_i64 * 3_600_000_000_000);
    assert_eq!(set["quick"]["enabled"], false);
    assert_eq!(owner(&place), me);
    // What is so already may be asked for again.
    let again = place.json(["maintenance", "set", "--owner", "me"]);
    assert_eq!(again, set);
    let ended = run(&mut place.command(["maintenance", "set", "--owner", "nobody"]));
    assert_eq!(ended.code, 1, "{ended:#?}");
    let ended = run(&mut place.command(["maintenance", "set"]));
    assert_eq!(ended.code, 2, "{ended:#?}");
}
