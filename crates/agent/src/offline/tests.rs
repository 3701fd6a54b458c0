use std::time::Duration;

use holdfast_protocol::Secret;
use holdfast_protocol::agent::{OfflineJob, OfflinePlan};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Offline;

const AFTER: Duration = Duration::from_secs(300);
const RETRY: Duration = Duration::from_secs(300);

fn at(text: &str) -> Timestamp {
    format!("2026-11-24T{text}:00Z").parse().unwrap()
}

fn second(second: u64) -> Duration {
    Duration::from_secs(second)
}

fn hourly(zone: &str) -> Value {
    json!({ "rule": { "type": "hourly", "minute": 0 }, "zone": zone, "spread_seconds": 0, "offset_seconds": 0,
        "catch_up": true })
}

fn job(number: u128, timetable: Value) -> OfflineJob {
    let work = json!({
        "run_id": 0, "run_uuid": Uuid::nil(), "attempt": 1, "job_id": 1, "job_uuid": Uuid::from_u128(number),
        "engine": "kopia", "source_identity": { "user": "root", "host": "box" },
        "vault_id": Uuid::nil(), "vault_state": "ready", "dest_type": "local",
        "encryption_mode": "managed", "repository_password": "hunter2",
    });
    OfflineJob {
        timetable,
        work: serde_json::from_value(work).unwrap(),
        settings: None,
    }
}

fn plan(jobs: Vec<OfflineJob>) -> OfflinePlan {
    OfflinePlan {
        digest: "d".to_owned(),
        jobs,
    }
}

fn token(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[test]
fn a_machine_that_wakes_waits_for_its_network() {
    let folder = tempfile::tempdir().unwrap();
    let offline = Offline::open(folder.path(), &token("token"));
    offline.take(plan(vec![job(1, hourly("UTC"))]));
    let is_away = |now| offline.is_away(second(now), AFTER, at("10:00"), |_| None);
    offline.unanswered(second(0));
    for now in 0..299 {
        offline.look(second(now));
        assert!(!is_away(now));
    }
    offline.look(second(300));
    assert!(is_away(300));
    // It sleeps for eight hours.
    let woke = 300 + 8 * 3600;
    offline.look(second(woke));
    assert!(!is_away(woke));
    offline.unanswered(second(woke + 1));
    for now in woke + 1..woke + 300 {
        offline.look(second(now));
        assert!(!is_away(now));
    }
    offline.look(second(woke + 300));
    assert!(is_away(woke + 300));
}

#[test]
fn a_start_that_came_to_nothing_comes_again_after_growing_pauses() {
    let folder = tempfile::tempdir().unwrap();
    let offline = Offline::open(folder.path(), &token("token"));
    offline.take(plan(vec![job(1, hourly("UTC"))]));
    offline.unanswered(second(0));
    assert!(offline.is_away(second(300), AFTER, at("10:30"), |_| None));
    let mut steady = 300;
    let mut now = at("11:00");
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let [start] = &offline.due(now, second(steady))[..] else {
            panic!("one start")
        };
        offline.started(start);
        assert!(offline.due(now, second(steady)).is_empty());
        let job = start.work.job_uuid;
        let pause = offline.undone(job, start.occurrence, second(steady), RETRY);
        let pause = pause.unwrap().as_secs();
        assert!(offline.due(now, second(steady + pause - 1)).is_empty());
        pauses.push(pause / 60);
        steady += pause;
        now += i64::try_from(pause).unwrap().seconds();
    }
    assert_eq!(pauses, [5, 10, 20, 40, 80, 80]);
    // Meanwhile it is 14:55, and the newest starts.
    let starts = offline.due(now, second(steady));
    assert_eq!(starts[0].occurrence.due, at("14:00"));
    offline.went_well(starts[0].work.job_uuid);
    let job = starts[0].work.job_uuid;
    let pause = offline.undone(job, starts[0].occurrence, second(steady), RETRY);
    assert_eq!(pause, Some(RETRY));
}

#[test]
fn of_a_job_that_cannot_be_planned_no_secret_is_kept_and_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offline.plan");
    let offline = Offline::open(folder.path(), &token("token"));
    let (good, bad) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let given = || vec![job(1, hourly("UTC")), job(2, hourly("Atlantis/Capital"))];
    assert_eq!(offline.take(plan(given())), [good]);
    assert_eq!(offline.unplanned(), [bad]);
    // The next process knows it too.
    let offline = Offline::open(folder.path(), &token("token"));
    assert_eq!(
        (offline.digest().as_str(), offline.unplanned()),
        ("d", vec![bad])
    );
    assert!(offline.work(good).is_some() && offline.work(bad).is_none());
    offline.take(plan(vec![job(2, hourly("Atlantis/Capital"))]));
    assert_eq!(offline.unplanned(), [bad]);
    assert!(file.exists());
    offline.erase();
    assert!(!file.exists());
    assert!(offline.unplanned().is_empty());
}

#[test]
fn whatever_lies_there_is_erased() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offline.plan");
    let offline = Offline::open(folder.path(), &token("token"));
    offline.take(plan(vec![job(1, hourly("UTC"))]));
    offline.take(plan(Vec::new()));
    assert!(!file.exists());
    // What this process did not write.
    offline.take(plan(vec![job(1, hourly("UTC"))]));
    let kept = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let other = Offline::open(folder.path(), &token("token"));
    std::fs::write(&file, kept).unwrap();
    other.erase();
    assert!(!file.exists());
}

#[test]
fn another_token_makes_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offline.plan");
    let offline = Offline::open(folder.path(), &token("first"));
    offline.take(plan(vec![job(1, hourly("UTC"))]));
    offline.use_token(&token("second"));
    assert!(!file.exists() && offline.digest().is_empty());
    offline.take(plan(vec![job(1, hourly("UTC"))]));
    let next = Offline::open(folder.path(), &token("second"));
    assert_eq!(next.digest(), "d");
    let old = Offline::open(folder.path(), &token("first"));
    assert!(old.digest().is_empty() && !file.exists());
}

#[test]
fn what_was_due_before_a_job_was_agreed_on_is_the_servers() {
    let folder = tempfile::tempdir().unwrap();
    let offline = Offline::open(folder.path(), &token("token"));
    let [first, second] = [Uuid::from_u128(1), Uuid::from_u128(2)];
    assert_eq!(offline.take(plan(vec![job(1, hourly("UTC"))])), [first]);
    let both = vec![job(1, hourly("UTC")), job(2, hourly("UTC"))];
    assert_eq!(offline.take(plan(both)), [second]);
    let changed = vec![job(1, hourly("Europe/Berlin")), job(2, hourly("UTC"))];
    assert_eq!(offline.take(plan(changed)), [first]);
}
