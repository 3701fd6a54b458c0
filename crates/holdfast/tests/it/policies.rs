//! Policies from the command line: set, shown, moved, obeyed; retention and pins.

use std::fs;

use serde_json::{Value, json};

use crate::program::{Place, run};

fn text(value: &Value, key: &str) -> String {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} in {value}"))
        .to_owned()
}

#[test]
fn set_show_list_delete() {
    let place = Place::with_repository();
    let set = place.json([
        "policy",
        "set",
        "u@h:/data",
        "--keep-latest",
        "3",
        "--keep-daily",
        "inherit",
        "--add-ignore",
        "*.tmp",
        "--add-ignore",
        "!keep.tmp",
        "--compression",
        "zstd",
        "--add-never-compress",
        ".zip",
        "--add-never-compress",
        ".gz",
        "--snapshot-time",
        "08:30,7:05",
        "--before-snapshot-root-action",
        "/bin/echo \"a b\" c",
        "--splitter",
        "DYNAMIC-1M-BUZHASH",
        "--parallel-upload-above-size-mib",
        "64",
        "--log-entry-cache-hit",
        "7",
    ]);
    assert_eq!(
        set[0]["target"],
        json!({"host": "h", "userName": "u", "path": "/data"})
    );
    assert_eq!(set[0]["files"]["ignore"], json!(["*.tmp", "!keep.tmp"]));
    place.succeed(["policy", "set", "@h", "--keep-daily", "9"]);

    let shown = place.json(["policy", "show", "u@h:/data"]);
    assert_eq!(shown["retention"]["keepLatest"], 3);
    assert_eq!(shown["retention"]["keepDaily"], 9);
    assert_eq!(shown["retention"]["keepMonthly"], 24);
    assert_eq!(
        shown["compression"]["neverCompress"],
        json!([".gz", ".zip"])
    );
    assert_eq!(
        shown["scheduling"]["timeOfDay"],
        json!([{"hour": 7, "min": 5}, {"hour": 8, "min": 30}])
    );
    assert_eq!(
        shown["actions"]["beforeSnapshotRoot"],
        json!({"path": "/bin/echo", "args": ["a b", "c"], "timeout": 300, "mode": "essential"})
    );
    assert_eq!(shown["upload"]["parallelUploadAboveSize"], 64 << 20);
    assert_eq!(
        shown["origins"]["retention.keepLatest"],
        json!(["(defined for this target)"])
    );
    assert_eq!(
        shown["origins"]["retention.keepDaily"],
        json!(["inherited from @h"])
    );
    // The repository was created with the defaults as its global policy.
    assert_eq!(
        shown["origins"]["retention.keepMonthly"],
        json!(["inherited from (global)"])
    );
    assert!(shown["nextSnapshotTime"].is_string());
    let words = place.succeed(["policy", "show", "u@h:/data"]);
    for part in [
        "policy of u@h:/data",
        "keepDaily",
        "inherited from @h",
        "8:30",
        "next snapshot",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }

    let listed = place.json(["policy", "list"]);
    let targets: Vec<&Value> = listed
        .as_array()
        .expect("list")
        .iter()
        .map(|policy| &policy["target"]["path"])
        .collect();
    assert_eq!(targets, ["", "", "/data"]);
    let id = text(&listed[2], "id");
    assert_eq!(
        place.json(["policy", "show", &id])["retention"]["keepLatest"],
        3
    );
    assert_eq!(
        place.json(["policy", "delete", "-n", "u@h:/data"]),
        json!([listed[2]["target"]])
    );
    place.succeed(["policy", "delete", "u@h:/data"]);
    assert_eq!(
        place.json(["policy", "show", "u@h:/data"])["retention"]["keepLatest"],
        10
    );
    place.succeed(["repo", "check", "--strict"]);
}

#[test]
fn export_and_import_are_lossless() {
    let place = Place::with_repository();
    let file = place.path("policies.json");
    let document = json!({
        "u@h:/data": {"retention": {"keepLatest": 1, "keepCenturies": 5}, "files": {}},
        "(global)": {"retention": {"keepLatest": 8}},
    });
    fs::write(&file, document.to_string()).expect("write");
    let import = [
        "policy",
        "import",
        "--from-file",
        file.to_str().expect("UTF-8"),
    ];
    let refused = run(place.command(import).arg("--json"));
    assert_eq!(refused.code, 2);
    assert!(
        text(&refused.problem(), "detail")
            .contains("u@h:/data: this version does not know retention.keepCenturies")
    );
    run(place
        .command(import)
        .args(["--allow-unknown-fields", "--delete-other-policies"]));
    let out = place.path("out.json");
    place.succeed([
        "policy",
        "export",
        "--to-file",
        out.to_str().expect("UTF-8"),
    ]);
    let written: Value = serde_json::from_slice(&fs::read(&out).expect("read")).expect("JSON");
    assert_eq!(
        written["u@h:/data"]["retention"],
        document["u@h:/data"]["retention"]
    );
    assert_eq!(written["(global)"]["retention"], json!({"keepLatest": 8}));
    let again = run(&mut place.command([
        "policy",
        "export",
        "--to-file",
        out.to_str().expect("UTF-8"),
    ]));
    assert_eq!(again.code, 2, "{again:#?}");
}

#[test]
fn what_cannot_be_obeyed_is_refused_with_its_field() {
    let place = Place::with_repository();
    for (options, parts) in [
        (
            &["--keep-daily", "-4"][..],
            &["u@h:/d", "retention.keepDaily", "negative"][..],
        ),
        (&["--add-ignore", "a[b"], &["files.ignore", "a[b"]),
        (
            &["--compression", "middle-out"],
            &["compression.compressorName", "middle-out", "zstd"],
        ),
        (&["--splitter", "ROUND"], &["splitter.algorithm"]),
        (
            &["--snapshot-time-crontab", "1 2 3"],
            &["scheduling.cron", "five fields"],
        ),
        (
            &["--max-parallel-snapshots", "2"],
            &["upload.maxParallelSnapshots"],
        ),
        (&["--log-dir-ignored", "12"], &["logging.directories"]),
        (&[], &["nothing to change"]),
    ] {
        let ended = run(place
            .command(["policy", "set", "u@h:/d", "--json"])
            .args(options));
        assert_eq!(ended.code, 2, "{options:?}: {ended:#?}");
        let detail = text(&ended.problem(), "detail");
        for part in parts {
            assert!(detail.contains(part), "{part} in {detail}");
        }
    }
    assert_eq!(
        place.json(["policy", "list"]).as_array().map(Vec::len),
        Some(1)
    );
    for words in [
        &["policy", "show"][..],
        &["policy", "show", "--global", "x"],
        &["policy", "delete", "me@"],
    ] {
        assert_eq!(run(&mut place.command(words)).code, 2, "{words:?}");
    }
}

#[test]
fn retention_follows_each_snapshot_and_spares_pins() {
    let place = Place::with_repository();
    let source = place.path("source");
    fs::create_dir(&source).expect("make a folder");
    let path = source.to_str().expect("UTF-8").to_owned();
    let zero = [
        "--keep-hourly",
        "0",
        "--keep-daily",
        "0",
        "--keep-weekly",
        "0",
        "--keep-monthly",
        "0",
        "--keep-annual",
        "0",
    ];
    place.json(
        ["policy", "set", &path, "--keep-latest", "2"]
            .into_iter()
            .chain(zero),
    );
    let create = |content: &str| {
        fs::write(source.join("file"), content).expect("write");
        place.json(["snapshot", "create", &path])
    };
    let first = text(&create("one"), "id");
    let pinned = place.json(["snapshot", "pin", &first, "--add", "keep", "--add", "a"]);
    assert_eq!(pinned[0]["pins"], json!(["a", "keep"]));
    let first = text(&pinned[0], "id");
    let second = text(&create("two"), "id");
    let third = text(&create("three"), "id");
    let report = create("four");
    let expired = &report["retention"]["expired"];
    assert_eq!(
        (text(&expired[0], "id"), expired.as_array().map(Vec::len)),
        (second, Some(1))
    );
    assert_eq!(report["retention"]["kept"], 3);

    let listed = place.json(["snapshot", "list"]);
    let ids: Vec<String> = listed
        .as_array()
        .expect("list")
        .iter()
        .map(|found| text(found, "id"))
        .collect();
    assert_eq!(ids, [first.clone(), third, text(&report, "id")]);
    assert_eq!(listed[0]["pins"], json!(["a", "keep"]));
    assert_eq!(listed[0].get("retentionReason"), None);
    assert_eq!(listed[1]["retentionReason"], json!(["latest-2"]));
    assert_eq!(listed[2]["retentionReason"], json!(["latest-1"]));

    // Without its pins it goes with the next application, which first only says so.
    place.succeed([
        "snapshot", "pin", &first, "--remove", "keep", "--remove", "a",
    ]);
    let count = || place.json(["snapshot", "list"]).as_array().map(Vec::len);
    for (words, left) in [
        (&["snapshot", "expire", "--all"][..], Some(3)),
        (&["snapshot", "expire", &path, "--delete"], Some(2)),
    ] {
        let expired = place.json(words);
        assert_eq!(
            expired[0]["expired"].as_array().map(Vec::len),
            Some(1),
            "{expired}"
        );
        assert_eq!(count(), left);
    }
    // A policy that keeps nothing at all still leaves the snapshot that was just made.
    place.succeed([
        "policy",
        "set",
        &path,
        "--keep-latest",
        "0",
        "--keep-annual",
        "inherit",
        "--keep-monthly",
        "0",
    ]);
    place.succeed(["policy", "set", "--global", "--keep-annual", "0"]);
    let last = create("five");
    assert_eq!(
        last["retention"]["kept"], 3,
        "nothing but zeros keeps everything"
    );
    place.succeed(["repo", "check", "--strict"]);
}

/// Programs around a snapshot and around one folder: run only on request, with what the format promises them.
#[cfg(unix)]
#[test]
fn actions_run_on_request() {
    let place = Place::with_repository();
    for (file, content) in [
        ("source/live", "1"),
        ("source/db/table", "22"),
        ("frozen/table", "333"),
    ] {
        let path = place.path(file);
        fs::create_dir_all(path.parent().expect("folder")).expect("make a folder");
        fs::write(path, content).expect("write");
    }
    let (source, log) = (place.path("source"), place.path("log"));
    let path = source.to_str().expect("UTF-8").to_owned();
    let database = format!("{path}/db");
    let script = |name: &str, text: String| {
        let file = place.path(name);
        fs::write(&file, text).expect("write a script");
        file.to_str().expect("UTF-8").to_owned()
    };
    let note = format!(
        "echo $KOPIA_ACTION $KOPIA_SOURCE_PATH $KOPIA_SNAPSHOT_PATH $KOPIA_SNAPSHOT_ID >> {}\n",
        log.display()
    );
    let frozen = place.path("frozen");
    let plain = script("note.sh", note.clone());
    let freeze = script(
        "freeze.sh",
        format!("{note}echo KOPIA_SNAPSHOT_PATH={}\n", frozen.display()),
    );
    let persist = |target: &str, options: &[&str]| {
        place.succeed(
            ["policy", "set", target, "--persist-action-script"]
                .iter()
                .chain(options),
        );
    };
    persist(
        &path,
        &[
            "--before-snapshot-root-action",
            &plain,
            "--after-snapshot-root-action",
            &plain,
        ],
    );
    persist(
        &database,
        &[
            "--before-folder-action",
            &freeze,
            "--after-folder-action",
            &plain,
        ],
    );

    let without = place.json(["snapshot", "create", &path]);
    assert!(!log.exists());
    assert_eq!(without["total_bytes"], 3);

    let with = place.json(["snapshot", "create", "--enable-actions", &path]);
    assert_eq!(
        (&with["total_bytes"], &with["problems"]),
        (&json!(4), &json!([]))
    );
    let noted = fs::read_to_string(&log).expect("the actions ran");
    let lines: Vec<Vec<&str>> = noted
        .lines()
        .map(|line| line.split(' ').collect())
        .collect();
    let frozen = frozen.to_str().expect("UTF-8");
    let expected = [
        ("before-snapshot-root", path.as_str(), path.as_str()),
        ("before-folder", &database, &database),
        ("after-folder", &database, frozen),
        ("after-snapshot-root", &path, &path),
    ];
    let seen: Vec<(&str, &str, &str)> = lines
        .iter()
        .map(|line| (line[0], line[1], line[2]))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!((lines[0][3], lines[1][3]), (lines[3][3], lines[2][3]));
    assert_ne!(lines[0][3], lines[1][3]);
    let table = format!("{}:db/table", text(&with, "id"));
    assert_eq!(place.succeed(["cat", &table]), "333");

    // One that fails: a warning, a folder that is left out, or no snapshot at all.
    let fails = script("fails.sh", "echo no luck >&2\nexit 7\n".to_owned());
    for (target, option, mode, code) in [
        (&path, "--after-snapshot-root-action", "essential", 0),
        (&database, "--before-folder-action", "optional", 0),
        (&database, "--before-folder-action", "essential", 3),
        (&path, "--before-snapshot-root-action", "essential", 1),
    ] {
        persist(target, &[option, &fails, "--action-command-mode", mode]);
        let ended =
            run(&mut place.command(["snapshot", "create", "--enable-actions", "--json", &path]));
        assert_eq!(ended.code, code, "{option} {mode}: {ended:#?}");
        let told = if code == 1 {
            assert_eq!(ended.problem()["code"], "action_failed");
            ended.stderr
        } else {
            ended.stdout
        };
        assert!(
            told.contains("no luck") && told.contains("code 7"),
            "{told}"
        );
    }
}
