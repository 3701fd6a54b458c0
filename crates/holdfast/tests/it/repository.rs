//! `repo create`, `status`, `check`, `connect`.

use std::fs;

use serde_json::{Value, json};

use crate::program::{PASSWORD, Place, holdfast, run};

#[test]
fn a_new_repository_is_whole_and_says_what_it_is() {
    let place = Place::new();
    let created = place.json(["repo", "create"]);
    let status = place.json(["repo", "status"]);
    assert_eq!(created, status);
    assert_eq!(status["uniqueIDHex"].as_str().map(str::len), Some(64));
    assert_eq!(status["storage"]["type"], "filesystem");
    assert_eq!(status["contentFormat"]["hash"], "BLAKE2B-256-128");
    assert_eq!(
        status["contentFormat"]["encryption"],
        "AES256-GCM-HMAC-SHA256"
    );
    assert_eq!(status["objectFormat"]["splitter"], "DYNAMIC-4M-BUZHASH");
    let check = place.json(["repo", "check", "--strict", "--read-data"]);
    assert_eq!(check["problems"], json!([]));
}

#[test]
fn a_repository_has_the_parameters_that_were_asked_for() {
    let place = Place::new();
    let created = place.json([
        "repo",
        "create",
        "--hash",
        "BLAKE3-256",
        "--encryption",
        "CHACHA20-POLY1305-HMAC-SHA256",
        "--splitter",
        "DYNAMIC-1M-RABINKARP",
        "--ecc",
        "REED-SOLOMON-CRC32",
        "--ecc-overhead-percent",
        "3",
    ]);
    let status = place.json(["repo", "status"]);
    assert_eq!(created, status);
    let format = &status["contentFormat"];
    assert_eq!(format["hash"], "BLAKE3-256");
    assert_eq!(format["encryption"], "CHACHA20-POLY1305-HMAC-SHA256");
    assert_eq!(format["ecc"], "REED-SOLOMON-CRC32");
    assert_eq!(format["eccOverheadPercent"], 3);
    assert_eq!(status["objectFormat"]["splitter"], "DYNAMIC-1M-RABINKARP");
    assert!(
        place
            .succeed(["repo", "status"])
            .contains("REED-SOLOMON-CRC32 with 3 %")
    );
    let check = place.json(["repo", "check", "--strict", "--read-data"]);
    assert_eq!(check["problems"], json!([]));
}

#[test]
fn unknown_parameters_are_refused_with_the_known_ones() {
    for (wrong, hint) in [
        (&["--hash", "MD5"][..], "BLAKE2B-256-128"),
        (&["--encryption", "NONE"], "CHACHA20-POLY1305-HMAC-SHA256"),
        (&["--splitter", "FIXED-3M"], "DYNAMIC-128K-RABINKARP"),
        (
            &["--ecc", "TURBO", "--ecc-overhead-percent", "1"],
            "REED-SOLOMON-CRC32",
        ),
        (&["--ecc", "REED-SOLOMON-CRC32"], "--ecc-overhead-percent"),
        (&["--ecc-overhead-percent", "101"], "0..=100"),
    ] {
        let place = Place::new();
        let ended = run(place.command(["repo", "create"]).args(wrong));
        assert_eq!(ended.code, 2, "{wrong:?}: {ended:#?}");
        assert!(ended.stderr.contains(hint), "{wrong:?}: {ended:#?}");
    }
}

#[test]
fn a_repository_is_never_created_over_another() {
    let place = Place::with_repository();
    let ended = run(place.command(["repo", "create"]).arg("--json"));
    assert_eq!(ended.code, 1);
    assert_eq!(ended.problem()["code"], "repository_exists");
    place.succeed(["repo", "status"]);
}

#[test]
fn the_password_comes_from_the_file_before_the_environment() {
    let place = Place::with_repository();
    let file = place.path("password");
    fs::write(&file, format!("{PASSWORD}\nsecond line\n")).expect("write the password");
    let mut command = place.command(["repo", "status", "--password-file"]);
    let ended = run(command.arg(&file).env("HOLDFAST_PASSWORD", "wrong"));
    assert_eq!(ended.code, 0, "{ended:#?}");
}

#[test]
fn options_may_stand_before_the_command() {
    let place = Place::with_repository();
    let url = format!("file://{}", place.path("repository").display());
    let file = place.path("password");
    fs::write(&file, PASSWORD).expect("write the password");
    let file = file.to_string_lossy();
    for words in [
        [
            "--repo",
            &url,
            "--password-file",
            &file,
            "--json",
            "repo",
            "status",
        ],
        [
            "--json",
            "repo",
            "--repo",
            &url,
            "--password-file",
            &file,
            "status",
        ],
        [
            "repo",
            "status",
            "--json",
            "--repo",
            &url,
            "--password-file",
            &file,
        ],
        [
            "--repo", "/nowhere", "repo", "status", "--repo", &url, "--json",
        ],
    ] {
        // What stands on the line counts more than the environment, what stands later more than what stands earlier.
        let ended = run(holdfast()
            .args(words)
            .env("HOLDFAST_REPO", "/nowhere")
            .env("HOLDFAST_PASSWORD", PASSWORD));
        assert_eq!(ended.code, 0, "{words:?}: {ended:#?}");
        let status: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        assert_eq!(
            status["storage"]["config"]["path"],
            place.path("repository").to_string_lossy().as_ref()
        );
    }
    let nothing = run(holdfast().args(["repo", "status", "--json"]));
    assert_eq!(
        (nothing.code, &nothing.problem()["code"]),
        (2, &json!("usage"))
    );
    let useless = run(holdfast().args(["--repo", &url, "up", "--data", "/nowhere", "--json"]));
    assert_eq!(
        (useless.code, &useless.problem()["code"]),
        (2, &json!("usage"))
    );
}

#[test]
fn older_versions_of_the_format_are_created() {
    for version in ["1", "2"] {
        let place = Place::new();
        let status = place.json(["repo", "create", "--format-version", version]);
        assert_eq!(status["contentFormat"]["version"].to_string(), version);
        place.succeed(["repo", "check", "--strict", "--read-data"]);
        let mut command = place.command(["repo", "change-password", "--json"]);
        let ended = run(command.env("HOLDFAST_NEW_PASSWORD", "another"));
        match version {
            "1" => assert_eq!(
                (ended.code, &ended.problem()["code"]),
                (1, &json!("password_fixed"))
            ),
            _ => assert_eq!(ended.code, 0, "{ended:#?}"),
        }
    }
}

#[test]
fn the_password_is_changed() {
    let place = Place::with_repository();
    let file = place.path("new");
    fs::write(&file, "a new one\n").expect("write the password");
    let without = run(&mut place.command(["repo", "change-password", "--json"]));
    assert_eq!(
        (without.code, &without.problem()["code"]),
        (2, &json!("usage"))
    );
    let mut command = place.command(["repo", "change-password", "--json", "--new-password-file"]);
    let ended = run(command.arg(&file));
    assert_eq!(ended.code, 0, "{ended:#?}");
    let old = run(&mut place.command(["repo", "status", "--json"]));
    assert_eq!(
        (old.code, &old.problem()["code"]),
        (1, &json!("wrong_password"))
    );
    // And back, by the environment.
    let ended = run(place
        .command(["repo", "change-password"])
        .env("HOLDFAST_PASSWORD", "a new one")
        .env("HOLDFAST_NEW_PASSWORD", PASSWORD));
    assert_eq!(ended.code, 0, "{ended:#?}");
    assert!(!ended.stdout.contains(PASSWORD));
    place.succeed(["repo", "check", "--strict"]);
}

#[test]
fn parameters_are_set_and_shown() {
    let place = Place::with_repository();
    let status = place.json([
        "repo",
        "set-parameters",
        "--max-pack-size-mb=40",
        "--epoch-min-duration=12h",
        "--epoch-advance-on-size-mb=5",
    ]);
    let format = &status["contentFormat"];
    assert_eq!(format["maxPackSize"], 40 << 20);
    assert_eq!(
        format["epochParameters"]["MinEpochDuration"],
        43_200_000_000_000_u64
    );
    assert_eq!(status["blobRetention"], json!({}));
    assert_eq!(place.json(["repo", "status"]), status);
    for (arguments, code, name) in [
        (&["--max-pack-size-mb=5"][..], 1, "invalid_parameter"),
        (&["--index-version=1"], 1, "invalid_parameter"),
        (&["--retention-mode=GOVERNANCE"], 1, "invalid_parameter"),
        (
            &["--retention-mode=GOVERNANCE", "--retention-period=30d"],
            1,
            "storage_failed",
        ),
        (&[], 2, "usage"),
    ] {
        let mut command = place.command(["repo", "set-parameters", "--json"]);
        let ended = run(command.args(arguments));
        assert_eq!(
            (ended.code, &ended.problem()["code"]),
            (code, &json!(name)),
            "{arguments:?}"
        );
    }
    // What was refused changed nothing.
    assert_eq!(place.json(["repo", "status"]), status);
    place.succeed(["repo", "check", "--strict"]);
}

#[test]
fn a_connection_file_is_one_that_a_stock_client_understands() {
    let place = Place::with_repository();
    let file = place.path("kopia.config");
    let connect = || {
        place.command([
            "repo",
            "connect",
            "--hostname",
            "web-01",
            "--username",
            "root",
            "--config-file",
        ])
    };
    assert_eq!(run(connect().arg(&file)).code, 0);
    let text = fs::read_to_string(&file).expect("read the file");
    let written: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(written["storage"]["type"], "filesystem");
    assert_eq!(
        written["storage"]["config"]["path"],
        place.path("repository").to_string_lossy().as_ref()
    );
    assert_eq!(
        (&written["hostname"], &written["username"]),
        (&json!("web-01"), &json!("root"))
    );
    assert!(!text.contains(PASSWORD));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&file)
            .expect("look at the file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Writing the same once more is fine; a configuration of something else stays as it is.
    assert_eq!(run(connect().arg(&file)).code, 0);
    let foreign = r#"{"storage":{"type":"filesystem","config":{"path":"/elsewhere"}}}"#;
    fs::write(&file, foreign).expect("write another configuration");
    let ended = run(connect().arg(&file));
    assert_eq!(ended.code, 1, "{ended:#?}");
    assert_eq!(fs::read_to_string(&file).expect("read the file"), foreign);
}

#[test]
fn keys_go_into_the_connection_file_and_nowhere_else() {
    let place = Place::new();
    let file = place.path("kopia.config");
    let ended = run(holdfast()
        .args([
            "repo",
            "connect",
            "--repo",
            "s3://bucket/some/prefix?endpoint=http://127.0.0.1:1&region=r",
        ])
        .arg("--config-file")
        .arg(&file)
        .env("HOLDFAST_PASSWORD", PASSWORD)
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "planted-secret"));
    // Nothing listens there: the file is only written for a repository that opens.
    assert_eq!(ended.code, 1, "{ended:#?}");
    assert!(!file.exists());
    assert!(!ended.stderr.contains("planted-secret"), "{ended:#?}");
}
