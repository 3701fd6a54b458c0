//! `drive mount` and `mount`, from outside.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use holdfast_testkit::missing_for_fuse;
use serde_json::Value;

use crate::program::{Place, run};

/// A repository with one snapshot, and an empty folder.
fn scene() -> (Place, String) {
    let place = Place::with_repository();
    let source = place.path("source");
    fs::create_dir_all(source.join("docs")).expect("plant a folder");
    fs::write(source.join("docs/report.txt"), "a report").expect("plant a file");
    let report = place.json([Path::new("snapshot"), Path::new("create"), &source]);
    fs::create_dir(place.path("mnt")).expect("make a mount point");
    let id = report["id"].as_str().expect("an id").to_owned();
    (place, id)
}

/// A mount under way. Whatever happens, nothing of it is left.
struct Mount {
    program: Child,
    /// The document that it printed when it was ready.
    document: Value,
    point: std::path::PathBuf,
}

impl Mount {
    fn start(place: &Place, words: &[&str]) -> Self {
        Self::start_command(place, place.command(words))
    }

    fn start_command(place: &Place, mut command: Command) -> Self {
        let point = place.path("mnt");
        let mut program = command
            .arg(&point)
            .arg("--json")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the program");
        let mut text = String::new();
        for line in BufReader::new(program.stdout.take().expect("a pipe")).lines() {
            let line = line.expect("a line");
            text.push_str(&line);
            if line == "}" {
                break;
            }
        }
        let document = serde_json::from_str(&text).unwrap_or_else(|error| {
            let mut errors = String::new();
            let pipe = program.stderr.as_mut().expect("a pipe");
            pipe.read_to_string(&mut errors).expect("read");
            panic!("{error}: {text} {errors}")
        });
        Self {
            program,
            document,
            point,
        }
    }

    /// Waits for the end and returns exit code and what was printed on standard error.
    fn end(&mut self) -> (Option<i32>, String) {
        let mut errors = String::new();
        let pipe = self.program.stderr.as_mut().expect("a pipe");
        pipe.read_to_string(&mut errors).expect("read");
        (self.program.wait().expect("it ends").code(), errors)
    }

    fn signal(&self, name: &str) {
        let id = self.program.id().to_string();
        succeed(Command::new("kill").args(["-s", name, &id]));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        let mut unmount = Command::new("umount");
        let _ = unmount
            .arg("-l")
            .arg(&self.point)
            .stderr(Stdio::null())
            .status();
    }
}

fn succeed(command: &mut Command) {
    assert!(command.status().expect("start a program").success());
}

/// Whether the test cannot run here, which it says.
fn is_skipped() -> bool {
    let missing = missing_for_fuse();
    if let Some(missing) = missing {
        println!("skipped: needs {missing}");
    }
    missing.is_some()
}

#[test]
fn a_snapshot_is_a_folder_until_it_is_told_to_end() {
    if is_skipped() {
        return;
    }
    let (place, id) = scene();
    let mut mount = Mount::start(&place, &["mount", &id]);
    assert_eq!(mount.document["snapshot"], id.as_str());
    let report = mount.point.join("docs/report.txt");
    assert_eq!(fs::read_to_string(&report).expect("read"), "a report");
    mount.signal("TERM");
    assert_eq!(mount.end(), (Some(0), String::new()));
    assert!(!report.exists());

    // All snapshots, with a link to the newest, under the full name of the command.
    let mut mount = Mount::start(&place, &["drive", "mount", "snapshots:"]);
    assert_eq!(mount.document["snapshot"], Value::Null);
    let mut folder = mount.point.clone();
    for _ in 0..3 {
        let mut inside = fs::read_dir(&folder).expect("list");
        folder = inside.next().expect("one entry").expect("an entry").path();
    }
    let report = folder.join("latest/docs/report.txt");
    assert_eq!(fs::read_to_string(&report).expect("read"), "a report");
    succeed(Command::new("umount").arg(&mount.point));
    assert_eq!(mount.end(), (Some(0), String::new()));
}

#[test]
fn a_mount_ends_with_its_terminal_unless_it_was_told_to_outlive_it() {
    if is_skipped() {
        return;
    }
    let (place, id) = scene();
    let mut mount = Mount::start(&place, &["mount", &id]);
    mount.signal("HUP");
    assert_eq!(mount.end(), (Some(0), String::new()));
    assert!(!mount.point.join("docs").exists());
    let command = place.command(["mount", &id]);
    let mut outlives = Command::new("nohup");
    let set = command.get_envs();
    outlives.envs(set.filter_map(|(name, value)| Some((name, value?))));
    outlives.arg(command.get_program()).args(command.get_args());
    let mut mount = Mount::start_command(&place, outlives);
    mount.signal("HUP");
    let report = mount.point.join("docs/report.txt");
    assert_eq!(fs::read_to_string(&report).expect("read"), "a report");
    mount.signal("TERM");
    assert_eq!(mount.end().0, Some(0));
}

#[test]
fn the_mount_of_a_killed_process_is_taken_away() {
    if is_skipped() {
        return;
    }
    let (place, id) = scene();
    let mut killed = Mount::start(&place, &["mount", &id]);
    killed.program.kill().expect("kill it");
    killed.program.wait().expect("it ends");
    assert!(fs::metadata(&killed.point).is_err());
    let docs = format!("{id}:docs");
    let mut mount = Mount::start(&place, &["mount", &docs]);
    let report = mount.point.join("report.txt");
    assert_eq!(fs::read_to_string(report).expect("read"), "a report");
    mount.signal("INT");
    let (code, errors) = mount.end();
    assert_eq!(code, Some(0));
    assert!(errors.contains("took away the mount of a process that is gone"));
}

#[test]
fn damage_is_printed_and_shown_by_the_exit_code() {
    if is_skipped() {
        return;
    }
    let (place, id) = scene();
    let repository = place.path("repository");
    let mut packs = Vec::new();
    all_files(&repository, &mut packs);
    packs.retain(|path| {
        let below = path.strip_prefix(&repository).expect("it is inside");
        below.to_string_lossy().starts_with('p')
    });
    assert!(!packs.is_empty());
    let mut mount = Mount::start(&place, &["mount", &id]);
    for pack in packs {
        let length = fs::metadata(&pack).expect("a pack").len() as usize;
        fs::write(&pack, vec![0; length]).expect("damage it");
    }
    let error = fs::read(mount.point.join("docs/report.txt")).expect_err("it is damaged");
    assert_eq!(error.raw_os_error(), Some(5));
    mount.signal("TERM");
    let (code, errors) = mount.end();
    assert_eq!(code, Some(3));
    let line: Value = serde_json::from_str(&errors).expect("one line");
    assert_eq!(line["path"], "docs/report.txt");
    let reason = line["reason"].as_str().expect("a reason");
    assert!(reason.contains("in pack p"), "{reason}");
}

fn all_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("list").flatten() {
        match entry.path().is_dir() {
            true => all_files(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}

#[test]
fn wrong_mount_points_and_snapshots_are_refused() {
    let (place, id) = scene();
    let refused = |words: &[&str], folder: &str| {
        let mut command = place.command(words);
        let ended = run(command.arg(place.path(folder)).arg("--json"));
        (ended.code, ended.problem())
    };
    for (folder, advice) in [
        ("none", "does not exist; make it"),
        ("source", "is not empty"),
        ("source/docs/report.txt", "is not a folder"),
    ] {
        let (code, problem) = refused(&["mount", &id], folder);
        assert_eq!((code, &problem["code"]), (1, &"mount_failed".into()));
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(advice), "{detail}");
    }
    for words in [&["mount", ""][..], &["drive", "mount", "plain-id"]] {
        let mut command = place.command(words);
        assert_eq!(run(command.arg(place.path("mnt"))).code, 2, "{words:?}");
    }
    if is_skipped() {
        return;
    }
    for (words, code) in [
        (&["mount", "nothing"][..], "snapshot_not_found"),
        (&["mount", &format!("{id}:nothing")], "path_not_found"),
        (
            &["drive", "mount", "snapshots:ann@nowhere:/x"],
            "snapshot_not_found",
        ),
    ] {
        let (exit, problem) = refused(words, "mnt");
        assert_eq!((exit, &problem["code"]), (1, &code.into()), "{words:?}");
    }
}
