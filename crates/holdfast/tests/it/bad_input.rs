//! What can go wrong: a clear error that names the thing, nothing lost, no panic.

use std::fs;
use std::process::Command;

use crate::program::{Place, holdfast, run};

#[test]
fn wrong_password() {
    let place = Place::with_repository();
    let ended = run(place
        .command(["repo", "status", "--json"])
        .env("HOLDFAST_PASSWORD", "wrong"));
    assert_eq!(ended.code, 1);
    let problem = ended.problem();
    assert_eq!(problem["code"], "wrong_password");
    assert_eq!(problem["type"], "/problems/wrong_password");
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains(place.path("repository").to_string_lossy().as_ref()),
        "{detail}"
    );
}

#[test]
fn no_password_and_an_empty_one() {
    let place = Place::with_repository();
    let without = run(place
        .command(["repo", "status", "--json"])
        .env_remove("HOLDFAST_PASSWORD"));
    assert_eq!(
        (without.code, &without.problem()["code"]),
        (2, &"usage".into())
    );
    for command in ["create", "status"] {
        let empty = run(place
            .command(["repo", command, "--json"])
            .env("HOLDFAST_PASSWORD", ""));
        assert_eq!(
            (empty.code, &empty.problem()["code"]),
            (2, &"usage".into()),
            "{command}"
        );
    }
    let file = place.path("empty");
    fs::write(&file, "\n").expect("write an empty password");
    let ended = run(place
        .command(["repo", "status", "--password-file"])
        .arg(&file));
    assert_eq!(ended.code, 2, "{ended:#?}");
}

#[test]
fn missing_repository() {
    let place = Place::new();
    fs::create_dir(place.path("repository")).expect("make an empty folder");
    let ended = run(&mut place.command(["repo", "status", "--json"]));
    assert_eq!(
        (ended.code, &ended.problem()["code"]),
        (1, &"repository_missing".into())
    );
    // Nothing is created by looking.
    assert_eq!(
        fs::read_dir(place.path("repository"))
            .expect("list")
            .count(),
        0
    );
}

#[test]
fn half_written_repository() {
    let place = Place::with_repository();
    let format = place.path("repository/kopia.repository.f");
    fs::remove_file(&format).expect("remove the format blob");
    let ended = run(&mut place.command(["repo", "status", "--json"]));
    assert_eq!(
        (ended.code, &ended.problem()["code"]),
        (1, &"repository_damaged".into())
    );
}

#[test]
fn a_format_blob_of_another_kind() {
    let place = Place::with_repository();
    let format = place.path("repository/kopia.repository.f");
    let text = fs::read_to_string(&format).expect("read the format blob");
    for (from, to, code) in [
        (
            "scrypt-65536-8-1",
            "scrypt-of-tomorrow",
            "repository_too_new",
        ),
        ("{", "[", "repository_damaged"),
    ] {
        fs::write(&format, text.replacen(from, to, 1)).expect("change the format blob");
        let ended = run(&mut place.command(["repo", "status", "--json"]));
        assert_eq!(ended.code, 1, "{ended:#?}");
        assert_eq!(ended.problem()["code"], code, "{ended:#?}");
    }
}

#[test]
fn a_source_that_is_not_there() {
    let place = Place::with_repository();
    let mut command = place.command(["snapshot", "create", "--json"]);
    let ended = run(command.arg(place.path("none")));
    assert_eq!(
        (ended.code, &ended.problem()["code"]),
        (1, &"source_missing".into())
    );
    assert_eq!(
        place
            .json(["snapshot", "list", "--all"])
            .as_array()
            .map(Vec::len),
        Some(0)
    );
}

#[test]
fn unreachable_store() {
    let ended = run(holdfast()
        .args(["repo", "status", "--json", "--repo"])
        .arg("s3://bucket/prefix?endpoint=http://127.0.0.1:1&region=r")
        .env("HOLDFAST_PASSWORD", "x")
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "planted-secret"));
    assert_eq!(ended.code, 1, "{ended:#?}");
    let problem = ended.problem();
    assert_eq!(problem["code"], "storage_unreachable");
    assert!(!ended.stderr.contains("planted-secret"));
}

/// Root reads everything, so the program runs as nobody.
#[cfg(target_os = "linux")]
#[test]
fn an_unreadable_file_is_named_and_the_rest_is_stored() {
    use std::os::unix::fs::PermissionsExt;

    if !am_root() {
        println!("skipped: needs root");
        return;
    }
    let place = Place::new();
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set the mode");
    };
    open(place.root(), 0o777);
    let source = place.path("source");
    fs::create_dir(&source).expect("plant a folder");
    fs::write(source.join("public"), "for all").expect("plant a file");
    fs::write(source.join("private"), "for root").expect("plant a file");
    open(&source.join("private"), 0o600);
    let program = place.path("holdfast");
    fs::copy(env!("CARGO_BIN_EXE_holdfast"), &program)
        .expect("copy the program where nobody may start it");
    let as_nobody = |arguments: &[&str]| {
        let inner = place.command(arguments);
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program)
            .args(arguments);
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        run(command.env("HOME", place.root()))
    };
    assert_eq!(as_nobody(&["repo", "create"]).code, 0);
    let ended = as_nobody(&["snapshot", "create", "--json", &source.to_string_lossy()]);
    assert_eq!(ended.code, 3, "{ended:#?}");
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("the report");
    assert_eq!(
        (&report["errors"], &report["files"]),
        (&1.into(), &1.into()),
        "{report}"
    );
    assert_eq!(report["problems"][0]["code"], "access_denied");
    assert_eq!(report["problems"][0]["path"], "private");
}

/// A store that fills up in the middle: the error says so, and what was there before is whole.
#[cfg(target_os = "linux")]
#[test]
fn full_disk() {
    if !am_root() {
        println!("skipped: needs root");
        return;
    }
    let place = Place::new();
    let mount = place.path("repository");
    fs::create_dir(&mount).expect("make the mount point");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
        .arg(&mount)
        .status()
        .expect("start mount");
    if !mounted.success() {
        println!("skipped: needs permission to mount");
        return;
    }
    let _unmount = Unmount(&mount);
    place.succeed(["repo", "create"]);
    let source = place.path("source");
    fs::create_dir(&source).expect("plant a folder");
    fs::write(source.join("small"), "small").expect("plant a file");
    let first = place.json([
        std::path::Path::new("snapshot"),
        std::path::Path::new("create"),
        &source,
    ]);
    let noise: Vec<u8> = (0..16_u64 << 20)
        .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect();
    fs::write(source.join("large"), noise).expect("plant a large file");
    let ended = run(place.command(["snapshot", "create", "--json"]).arg(&source));
    assert_eq!(ended.code, 1, "{ended:#?}");
    assert_eq!(ended.problem()["code"], "storage_full", "{ended:#?}");
    let list = place.json(["snapshot", "list", "--all"]);
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(list[0]["id"], first["id"]);
    place.succeed(["snapshot", "verify", "--read-data"]);
    place.succeed(["repo", "check", "--strict"]);
}

#[cfg(target_os = "linux")]
struct Unmount<'a>(&'a std::path::Path);

#[cfg(target_os = "linux")]
impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[cfg(target_os = "linux")]
fn am_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
