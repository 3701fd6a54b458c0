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
