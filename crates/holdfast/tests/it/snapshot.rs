//! `snapshot create`, `list`, `restore`, `verify`, `delete`, `ls`, `cat`.

use std::fs;
use std::path::{Path, PathBuf};

use holdfast_testkit::tree::{Compare, compare_trees, random_bytes};
use serde_json::Value;

use crate::program::{Place, run};

/// Plants a small tree and takes a snapshot of it.
fn with_snapshot() -> (Place, PathBuf, Value) {
    let place = Place::with_repository();
    let source = place.path("source");
    plant(&source);
    let report = create(&place, &source);
    (place, source, report)
}

fn plant(source: &Path) {
    fs::create_dir_all(source.join("docs/empty")).expect("plant folders");
    fs::write(source.join("docs/readme.md"), "# Read me\n").expect("plant a file");
    fs::write(source.join("docs/two\nlines"), "odd name").expect("plant a file");
    fs::write(source.join("blank"), "").expect("plant an empty file");
    #[cfg(unix)]
    std::os::unix::fs::symlink("docs/readme.md", source.join("link")).expect("plant a link");
}

fn create(place: &Place, source: &Path) -> Value {
    place.json([Path::new("snapshot"), Path::new("create"), source])
}

fn id(report: &Value) -> &str {
    report["id"]
        .as_str()
        .expect("the report names the snapshot")
}

#[test]
fn standard_input_becomes_a_file() {
    let place = Place::with_repository();
    let dump = place.path("dump");
    fs::write(&dump, random_bytes(1, 6 << 20)).expect("write");
    let create = |name: &str, paths: &[&str]| {
        let mut command = place.command(["snapshot", "create", "--json", "--stdin-file", name]);
        let stdin = fs::File::open(&dump).expect("open");
        run(command.args(paths).stdin(stdin))
    };
    let ended = create("shop.sql", &["/no such/shop"]);
    assert_eq!(ended.code, 0, "{ended:#?}");
    let report: Value = serde_json::from_str(&ended.stdout).expect("a report");
    let counts = ["files", "dirs", "errors"].map(|name| report[name].as_u64());
    assert_eq!(counts, [Some(1), Some(1), Some(0)]);
    assert_eq!(report["bytes_read"], 6 << 20);
    let target = place.path("target");
    let mut restore = place.command(["snapshot", "restore", id(&report)]);
    assert_eq!(run(restore.arg(&target)).code, 0);
    let restored = fs::read(target.join("shop.sql")).expect("read");
    assert!(restored == fs::read(&dump).expect("read"));
    let check = place.json(["repo", "check", "--strict", "--read-data"]);
    assert_eq!(check["problems"], Value::Array(Vec::new()));

    for refused in [
        create("shop.sql", &["/one", "/two"]),
        create("../shop.sql", &["/one"]),
        create("", &["/one"]),
    ] {
        assert_eq!(refused.code, 2, "{refused:#?}");
    }
}

#[test]
fn a_tree_comes_back_as_it_was() {
    let (place, source, report) = with_snapshot();
    let counts = ["files", "dirs", "errors"].map(|name| report[name].as_u64());
    assert_eq!(counts, [Some(3), Some(3), Some(0)]);
    let target = place.path("target");
    let mut restore = place.command(["snapshot", "restore", id(&report)]);
    let ended = run(restore.arg(&target));
    assert_eq!(ended.code, 0, "{ended:#?}");
    compare_trees(&source, &target, Compare::ALL)
        .expect("compare")
        .assert_equal();
    let verified = place.json(["snapshot", "verify", "--read-data"]);
    assert_eq!(
        (&verified["snapshots"], &verified["damaged"]),
        (&1.into(), &Value::Array(Vec::new()))
    );
    let check = place.json(["repo", "check", "--strict", "--read-data"]);
    assert_eq!(check["problems"], Value::Array(Vec::new()));
}

#[test]
fn a_second_snapshot_reads_nothing_and_stores_nothing_new() {
    let (place, source, _) = with_snapshot();
    let again = create(&place, &source);
    assert_eq!(
        (&again["bytes_read"], &again["bytes_new"]),
        (&0.into(), &0.into())
    );
    let count = |name| again[name].as_u64().unwrap_or_default();
    assert_eq!(count("cached_files"), count("files") + count("symlinks"));
}

#[test]
fn names_of_the_report_are_stable() {
    let (_place, _source, report) = with_snapshot();
    let names: Vec<&str> = report
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    insta::assert_json_snapshot!(names);
}

#[test]
fn list_prints_manifests_as_a_stock_client_does() {
    let (place, source, report) = with_snapshot();
    let list = place.json(["snapshot", "list"]);
    let [manifest] = &list.as_array().expect("an array")[..] else {
        panic!("one snapshot expected: {list}");
    };
    assert_eq!(manifest["id"], report["id"]);
    assert_eq!(
        manifest["source"]["path"],
        source.to_string_lossy().as_ref()
    );
    assert_eq!(manifest["rootEntry"]["obj"], report["root_object"]);
    assert_eq!(
        manifest["rootEntry"]["summ"]["files"], 3,
        "a symbolic link is counted apart"
    );
}

#[test]
fn other_sources_are_listed_with_all_only() {
    let place = Place::with_repository();
    let source = place.path("source");
    plant(&source);
    let mut command = place.command([
        "snapshot",
        "create",
        "--override-source",
        "ann@elsewhere:/home/ann",
    ]);
    assert_eq!(run(command.arg(&source)).code, 0);
    let own = place.json(["snapshot", "list"]);
    assert_eq!(own.as_array().map(Vec::len), Some(0), "{own}");
    let all = place.json(["snapshot", "list", "--all"]);
    assert_eq!(all[0]["source"]["userName"], "ann");
    assert_eq!(all[0]["source"]["host"], "elsewhere");
    assert_eq!(all[0]["source"]["path"], "/home/ann");
}

#[test]
fn overwrite_rules() {
    for (rule, kept) in [("never", true), ("always", false), ("different", false)] {
        let (place, _, report) = with_snapshot();
        let target = place.path("target");
        fs::create_dir_all(target.join("docs")).expect("make the target");
        fs::write(target.join("docs/readme.md"), "mine").expect("write a file of the target's own");
        let mut restore = place.command(["snapshot", "restore", "--overwrite", rule, id(&report)]);
        let ended = run(restore.arg(&target));
        assert_eq!(ended.code, 0, "{rule}: {ended:#?}");
        let text = fs::read_to_string(target.join("docs/readme.md")).expect("read the file");
        assert_eq!(text == "mine", kept, "{rule}");
    }
}

#[test]
fn a_plan_has_the_counts_of_the_restore() {
    let (place, _, report) = with_snapshot();
    let target = place.path("target");
    fs::create_dir_all(target.join("docs")).expect("make the target");
    fs::write(target.join("docs/readme.md"), "mine").expect("write a file of the target's own");
    fs::create_dir(target.join("blank")).expect("put a folder in the way");
    let restore = |words: &[&str]| {
        let mut command = place.command(["snapshot", "restore", "--json", id(&report)]);
        let ended = run(command.arg(&target).args(words));
        assert_eq!(ended.code, 3, "{ended:#?}");
        let document: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let counts = [
            "create", "replace", "keep", "same", "cannot", "bytes", "errors",
        ];
        (
            document["dry_run"].clone(),
            counts.map(|name| document[name].clone()),
        )
    };
    let (dry, planned) = restore(&["--dry-run"]);
    assert_eq!(dry, true);
    assert_eq!(
        fs::read(target.join("docs/readme.md")).expect("read"),
        b"mine"
    );
    let (dry, done) = restore(&[]);
    assert_eq!((dry, &done), (false.into(), &planned));
    let links = u64::from(cfg!(unix));
    assert_eq!(done[..5], [2 + links, 1, 0, 2, 1].map(Value::from));
    // Everything is there now, and only what differs is looked for.
    let (_, again) = restore(&["--incremental"]);
    assert_eq!(again[..5], [0, 0, 0, 5 + links, 1].map(Value::from));
}

#[cfg(unix)]
#[test]
fn archives_and_standard_output() {
    use std::process::{Command, Stdio};

    let (place, source, report) = with_snapshot();
    let archive = place.path("archive.tar");
    let mut restore = place.command(["snapshot", "restore", id(&report)]);
    assert_eq!(run(restore.arg(&archive)).code, 0);
    let unpack = |archive: Stdio, name: &str| {
        let target = place.path(name);
        fs::create_dir(&target).expect("make a folder");
        let mut tar = Command::new("tar");
        tar.args(["-x", "-p", "-f", "-", "-C"])
            .arg(&target)
            .stdin(archive);
        assert!(tar.status().expect("start tar").success());
        compare_trees(&source, &target, Compare::ALL)
            .expect("compare")
            .assert_equal();
    };
    let file = fs::File::open(&archive).expect("open the archive");
    unpack(file.into(), "from a file");
    let mut streaming = place
        .command(["snapshot", "restore", "--json", id(&report), "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start the program");
    let stream = streaming.stdout.take().expect("its output");
    unpack(stream.into(), "from a stream");
    let ended = streaming.wait_with_output().expect("wait");
    let printed: Value = serde_json::from_slice(&ended.stderr).expect("the report is aside");
    assert_eq!(
        (ended.status.code(), &printed["errors"]),
        (Some(0), &0.into())
    );

    let from = format!("{}:docs/readme.md", id(&report));
    assert!(
        place
            .succeed(["snapshot", "restore", &from, "-"])
            .starts_with("# Read me\n")
    );
    let ended = run(&mut place.command(["snapshot", "restore", "--as", "zip", id(&report), "-"]));
    assert_eq!(ended.code, 2, "{ended:#?}");
}

#[test]
fn ls_and_cat_show_what_is_inside() {
    let (place, _, report) = with_snapshot();
    let entries = place.json(["ls", &format!("{}:docs", id(&report))]);
    let mut names: Vec<&str> = entries
        .as_array()
        .expect("an array")
        .iter()
        .filter_map(|e| e["name"].as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["empty", "readme.md", "two\nlines"]);
    let printed = place.succeed(["cat", &format!("{}:docs/readme.md", id(&report))]);
    assert_eq!(printed, "# Read me\n");
    let ended = run(place
        .command(["cat", &format!("{}:docs/none", id(&report))])
        .arg("--json"));
    assert_eq!(
        (ended.code, &ended.problem()["code"]),
        (1, &"path_not_found".into())
    );
}

#[test]
fn a_part_of_a_snapshot_can_be_restored() {
    let (place, source, report) = with_snapshot();
    let target = place.path("part");
    let mut restore = place.command(["snapshot", "restore", &format!("{}:docs", id(&report))]);
    assert_eq!(run(restore.arg(&target)).code, 0);
    compare_trees(&source.join("docs"), &target, Compare::ALL)
        .expect("compare")
        .assert_equal();
}

#[test]
fn a_deleted_snapshot_is_gone() {
    let (place, _, report) = with_snapshot();
    place.succeed(["snapshot", "delete", id(&report)]);
    assert_eq!(
        place.json(["snapshot", "list", "--all"]),
        Value::Array(Vec::new())
    );
    let ended = run(place
        .command(["snapshot", "delete", id(&report)])
        .arg("--json"));
    assert_eq!(
        (ended.code, &ended.problem()["code"]),
        (1, &"snapshot_not_found".into())
    );
}
