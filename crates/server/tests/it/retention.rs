//! Retention of jobs: its document, its preview, and what is deleted.

use std::collections::BTreeSet;

use holdfast_protocol::agent::{CommandPayload, commands::DeletePoints};
use serde_json::{Value, json};

use crate::support::{
    Client, Ready, ScriptedAgent, TestServer,
    agent::point_of,
    eventually, ready,
    server::{number, sql},
};

/// A retention with these numbers: latest, hourly, daily, weekly, monthly, annual.
fn kept(counts: [u64; 6]) -> Value {
    let [latest, hourly, daily, weekly, monthly, annual] = counts;
    json!({ "keep_latest": latest, "hourly": hourly, "daily": daily, "weekly": weekly, "monthly": monthly,
        "annual": annual })
}

async fn set_retention(admin: &Client, ready: &Ready, retention: &Value) -> Value {
    let path = format!("/jobs/{}", ready.job_id());
    let job = admin.get(&path).await.expect(200);
    admin
        .patch(&path, &job["version"], json!({ "retention": retention }))
        .await
        .expect(200)
}

/// A run of the job that makes a restore point.
async fn back_up(admin: &Client, ready: &mut Ready) -> Value {
    let run = ready.start(admin).await;
    let work = ready.agent.take_run().await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    ready.agent.running.clear();
    run
}

/// Ids of the job's points, newest first.
async fn points(admin: &Client, ready: &Ready) -> Vec<String> {
    let path = format!("/points?limit=200&job_id={}", ready.job_id());
    ids(&admin.get(&path).await.expect(200)["items"], "id")
}

fn ids(items: &Value, field: &str) -> Vec<String> {
    let items = items.as_array().expect("a list");
    let ids = items
        .iter()
        .map(|item| item[field].as_str().expect("an id").to_owned());
    ids.collect()
}

/// The deletion that waits for an agent, with its command.
async fn deletion(agent: &ScriptedAgent) -> Option<(i64, DeletePoints)> {
    let answer = agent.poll(0, 0).await;
    let command = answer.commands.into_iter().next()?;
    match CommandPayload::parse(&command.kind, &command.payload).expect("is known") {
        CommandPayload::DeletePoints(order) => Some((command.command_id.0, order)),
        other => panic!("another command: {other:?}"),
    }
}

fn condemned(order: &DeletePoints) -> BTreeSet<String> {
    let points = order.points.iter();
    points.map(|point| point.point.to_string()).collect()
}

/// Does what a deletion asks for.
async fn delete_all(agent: &ScriptedAgent, (command, order): &(i64, DeletePoints)) {
    let result = json!({ "deleted": condemned(order), "missing": [], "refused": [] });
    let outcome = json!({ "status": "completed", "result": result });
    agent.complete(*command, outcome).await.expect(200);
}

async fn preview(admin: &Client, ready: &Ready, retention: &Value, days: u64) -> Value {
    let body = json!({ "retention": retention, "job_id": ready.job_id(), "days": days });
    admin.post("/retention-previews", body).await.expect(200)
}

/// Ids of the points that a preview keeps, and of those that it would delete.
fn split(preview: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let now = preview["now"].as_array().expect("a list");
    let ids = |deleted: bool| {
        let some = now.iter().filter(|point| point["deleted"] == deleted);
        some.map(|point| point["point_id"].as_str().expect("an id").to_owned())
            .collect()
    };
    (ids(false), ids(true))
}

async fn events_of(admin: &Client, run: &Value) -> Vec<Value> {
    let path = format!("/runs/{}/events", run["id"].as_str().expect("an id"));
    let events = admin.get(&path).await.expect(200);
    events["items"].as_array().expect("a list").clone()
}

// Requirements: ENG-KOPIA-12
#[tokio::test(flavor = "multi_thread")]
async fn a_job_has_a_retention_that_is_checked_and_told_to_its_machine() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    assert_eq!(ready.job["retention"], kept([10, 48, 7, 4, 24, 3]));
    assert_eq!(ready.job["retention_applied"], Value::Null);
    let path = format!("/jobs/{}", ready.job_id());
    for (field, value) in [
        ("daily", json!(1001)),
        ("weekly", json!(-1)),
        ("yearly", json!(1)),
    ] {
        let wrong = json!({ "retention": { field: value } });
        let refused = admin.patch(&path, &ready.job["version"], wrong).await;
        refused.wrong_field(&format!("/retention/{field}"));
    }
    let changed = set_retention(&admin, &ready, &json!({ "daily": 14 })).await;
    assert_eq!(changed["retention"], kept([0, 0, 14, 0, 0, 0]));
    assert_eq!(changed["schedule"], ready.job["schedule"]);
    assert_eq!(changed["policy"], ready.job["policy"]);
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    assert_eq!(work.retention_json, Some(kept([0, 0, 14, 0, 0, 0])));
}

// Requirements: ENG-KOPIA-12
#[tokio::test(flavor = "multi_thread")]
async fn what_no_rule_keeps_is_deleted_after_a_run_and_told() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    set_retention(&admin, &ready, &kept([2, 0, 0, 0, 0, 0])).await;
    back_up(&admin, &mut ready).await;
    back_up(&admin, &mut ready).await;
    assert!(deletion(&ready.agent).await.is_none());
    let before = points(&admin, &ready).await;
    let run = back_up(&admin, &mut ready).await;
    let order = deletion(&ready.agent).await.expect("one point too many");
    assert_eq!(condemned(&order.1), BTreeSet::from([before[1].clone()]));
    assert_eq!(order.1.job_uuid.expect("a job").to_string(), ready.job_id());
    let snapshot = &order.1.points[0].snapshots[0];
    assert_eq!(
        (snapshot.source_user.as_str(), snapshot.source_host.as_str()),
        ("root", "box")
    );
    assert_eq!(snapshot.source_path, "/srv/data");

    // While the deletion is under way nothing is ordered twice, and the list still has the point.
    ready.agent.held = vec![order.0];
    back_up(&admin, &mut ready).await;
    let second = deletion(&ready.agent)
        .await
        .expect("the next point too many");
    assert_eq!(condemned(&second.1), BTreeSet::from([before[0].clone()]));
    assert_eq!(points(&admin, &ready).await.len(), 4);
    delete_all(&ready.agent, &order).await;
    delete_all(&ready.agent, &order).await;
    assert_eq!(points(&admin, &ready).await.len(), 3);
    let events = events_of(&admin, &run).await;
    let told: Vec<&Value> = events
        .iter()
        .filter(|event| event["message_id"] == "RETENTION_APPLIED")
        .collect();
    assert_eq!(told.len(), 1, "{events:?}");
    assert_eq!(told[0]["params"], json!({ "count": 1 }));
    let job = admin
        .get(&format!("/jobs/{}", ready.job_id()))
        .await
        .expect(200);
    assert_eq!(
        (
            &job["retention_applied"]["deleted"],
            &job["retention_applied"]["failure"]
        ),
        (&json!(1), &Value::Null)
    );
    let audit = admin.get("/audit").await.expect(200);
    assert!(audit.to_string().contains("points.delete"), "{audit}");
}

// Requirements: ENG-KOPIA-12
#[tokio::test(flavor = "multi_thread")]
async fn pinned_and_foreign_points_stay() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    set_retention(&admin, &ready, &kept([1, 0, 0, 0, 0, 0])).await;
    let first = back_up(&admin, &mut ready).await;
    let pinned = points(&admin, &ready).await[0].clone();
    let run = back_up(&admin, &mut ready).await;
    let (command, _) = deletion(&ready.agent).await.expect("a deletion");
    let refused = [json!({ "point": pinned, "reason": "pinned" })];
    let result = json!({ "deleted": [], "missing": [], "refused": refused });
    let outcome = json!({ "status": "completed", "result": result });
    ready.agent.complete(command, outcome).await.expect(200);
    let events = events_of(&admin, &run).await;
    assert!(
        events
            .iter()
            .any(|event| event["message_id"] == "RETENTION_REFUSED"),
        "{events:?}"
    );
    let shown = preview(&admin, &ready, &kept([1, 0, 0, 0, 0, 0]), 0).await;
    let spared = shown["now"].as_array().expect("a list");
    let spared = spared
        .iter()
        .find(|point| point["point_id"] == pinned.as_str());
    assert_eq!(spared.expect("is judged")["spared"], "pinned");

    // A point that only the vault's own list names, with the tags of the job and of a run, is of no interest: neither does it
    // go nor does it push anything out.
    let listed = json!({ "manifest_id": "forged", "source_user": "root", "source_host": "box",
        "source_path": "/srv/data", "start_time": "2035-01-01T00:00:00Z", "end_time": "2035-01-01T00:00:00Z",
        "root_object": "kforged", "files": 1, "dirs": 0, "bytes": 1, "errors": 0, "job_uuid": ready.job_id(),
        "run_uuid": first["id"] });
    sql(&server, "UPDATE points SET pinned = 0").await;
    let vault = ready.vault_id().to_owned();
    let refresh = format!("/vaults/{vault}/refresh-points");
    let answer = admin.post(&refresh, json!({ "wait_seconds": 0 })).await;
    answer.expect(202);
    ready
        .agent
        .serve("list_points", json!({ "points": [listed] }))
        .await;
    // The listing named none of the others.
    sql(&server, "UPDATE points SET state = 'present'").await;
    let shown = preview(&admin, &ready, &kept([1, 0, 0, 0, 0, 0]), 0).await;
    assert_eq!(
        (&shown["kept"], &shown["deleted"]),
        (&json!(1), &json!(1)),
        "{shown}"
    );
    assert_eq!(points(&admin, &ready).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_fails_is_told_and_comes_again() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    set_retention(&admin, &ready, &kept([1, 0, 0, 0, 0, 0])).await;
    back_up(&admin, &mut ready).await;
    let run = back_up(&admin, &mut ready).await;
    let (command, order) = deletion(&ready.agent).await.expect("a deletion");
    let outcome =
        json!({ "status": "failed", "code": "storage_denied", "message": "the bucket refused" });
    ready.agent.complete(command, outcome).await.expect(200);
    assert_eq!(points(&admin, &ready).await.len(), 2);
    let job = admin
        .get(&format!("/jobs/{}", ready.job_id()))
        .await
        .expect(200);
    assert_eq!(
        job["retention_applied"]["failure"]["code"],
        "storage_denied"
    );
    let events = events_of(&admin, &run).await;
    assert!(
        events
            .iter()
            .any(|event| event["message_id"] == "RETENTION_FAILED"),
        "{events:?}"
    );
    // As if the hour was over; the server looks by itself, whether something runs or not.
    sql(&server, "UPDATE jobs SET retention_at = 1").await;
    let again = eventually("the retention is applied again", || deletion(&ready.agent)).await;
    assert_eq!(condemned(&again.1), condemned(&order));
    delete_all(&ready.agent, &again).await;
    assert_eq!(points(&admin, &ready).await.len(), 1);
    assert!(number(&server, "SELECT min(retention_at) FROM jobs").await > Some(1));
}

// Requirements: ENG-KOPIA-12
#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_the_server_deletes_nothing_and_displaces_nothing() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    set_retention(&admin, &ready, &kept([1, 0, 0, 0, 0, 0])).await;
    back_up(&admin, &mut ready).await;

    // A run that its machine started by itself, as the report of one leaves it.
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    sql(
        &server,
        "UPDATE runs SET trigger_kind = 'offline' WHERE id = 2",
    )
    .await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    ready.agent.running.clear();
    assert!(deletion(&ready.agent).await.is_none());
    let all: BTreeSet<String> = points(&admin, &ready).await.into_iter().collect();
    assert_eq!(all.len(), 2);
    let (stays, goes) = split(&preview(&admin, &ready, &kept([1, 0, 0, 0, 0, 0]), 0).await);
    assert_eq!((stays, goes), (all, BTreeSet::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cut_off_takes_no_points_place() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    set_retention(&admin, &ready, &kept([1, 0, 0, 0, 0, 0])).await;
    back_up(&admin, &mut ready).await;
    let whole = points(&admin, &ready).await[0].clone();
    // It stored one path before it failed; that the others are missing is no problem of that path.
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    let point = point_of(&work, "/srv/data", jiff::Timestamp::now());
    let end = json!({ "status": "failed", "error_code": "STORAGE_UNREACHABLE", "error_message": "no route",
        "points": [point] });
    let (run, attempt) = (work.run_id.0, work.attempt.0);
    ready.agent.update(run, attempt, 1, end).await.expect(200);
    ready.agent.running.clear();
    assert_eq!(points(&admin, &ready).await.len(), 2);
    let (stays, _) = split(&preview(&admin, &ready, &kept([1, 0, 0, 0, 0, 0]), 0).await);
    assert!(stays.contains(&whole), "{stays:?}");
    sql(&server, "UPDATE jobs SET retention_at = 1").await;
    back_up(&admin, &mut ready).await;
    let order = deletion(&ready.agent)
        .await
        .expect("the whole one is replaced");
    assert!(condemned(&order.1).contains(&whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_stored_is_no_point() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    back_up(&admin, &mut ready).await;
    ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    let mut point = point_of(&work, "/srv/data", jiff::Timestamp::now());
    point["manifest_id"] = json!("");
    let end = json!({ "status": "success", "points": [point] });
    let (run, attempt) = (work.run_id.0, work.attempt.0);
    ready.agent.update(run, attempt, 1, end).await.expect(200);
    assert_eq!(points(&admin, &ready).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_of_the_server_deletes_nothing() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    for _ in 0..4 {
        back_up(&admin, &mut ready).await;
    }
    // The third run began in the next year, says the clock; the fourth with the right one.
    let year = 365 * 24 * 3_600_000_i64;
    sql(
        &server,
        &format!("UPDATE points SET stamped_at = stamped_at + {year} WHERE id = 3"),
    )
    .await;
    let all = points(&admin, &ready).await;
    let wrong = all[1].clone();
    let shown = preview(&admin, &ready, &kept([0, 0, 1, 0, 0, 0]), 0).await;
    let now = shown["now"].as_array().expect("a list");
    let of = |id: &String| now.iter().find(|point| point["point_id"] == id.as_str());
    assert_eq!(
        of(&wrong).expect("is shown")["spared"],
        "clock_wrong",
        "{shown}"
    );
    let (stays, _) = split(&shown);
    assert!(
        stays.contains(&all[0]),
        "the newest is kept by its day: {shown}"
    );
    // A clock that lost its time: the newest point seems to be the oldest.
    sql(
        &server,
        "UPDATE points SET stamped_at = created_at WHERE id = 3",
    )
    .await;
    sql(&server, "UPDATE points SET stamped_at = 0 WHERE id = 4").await;
    let (stays, _) = split(&preview(&admin, &ready, &kept([1, 0, 0, 0, 0, 0]), 0).await);
    assert!(
        stays.contains(&all[0]) && stays.contains(&all[1]),
        "{stays:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_looked_at_again_when_it_is_handed_out() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    set_retention(&admin, &ready, &kept([1, 0, 0, 0, 0, 0])).await;
    back_up(&admin, &mut ready).await;
    back_up(&admin, &mut ready).await;
    // It waits for its machine; meanwhile somebody chooses to keep everything.
    set_retention(&admin, &ready, &kept([0; 6])).await;
    let order = deletion(&ready.agent).await.expect("the command");
    assert!(order.1.points.is_empty(), "{:?}", order.1);
    delete_all(&ready.agent, &order).await;
    assert_eq!(points(&admin, &ready).await.len(), 2);
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % most
    }
}

// Requirements: ENG-KOPIA-12
#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_what_the_deletion_leaves() {
    let policies = if holdfast_testkit::soak() { 500 } else { 25 };
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    set_retention(&admin, &ready, &kept([0; 6])).await;
    let mut dice = Dice(20_261_130);
    let mut deletions = 0;
    for _ in 0..policies {
        // The rules keep everything while the timeline is made up: points of three years, by the server's own stamps.
        set_retention(&admin, &ready, &kept([0; 6])).await;
        while points(&admin, &ready).await.len() < 12 {
            back_up(&admin, &mut ready).await;
        }
        let age = 1 + dice.below(1_100 * 24);
        let spread = format!(
            "UPDATE points SET stamped_at = created_at - ((SELECT max(id) FROM points) - id) * {age} * 300000 \
             - abs(id * 7919 % 97) * {age} * 3000, problem_count = id % 3 WHERE state = 'present'"
        );
        sql(&server, &spread).await;
        let counts = [3, 5, 6, 5, 6, 3].map(|most| dice.below(most));
        let retention = kept(counts);
        set_retention(&admin, &ready, &retention).await;
        back_up(&admin, &mut ready).await;
        let (stays, goes) = split(&preview(&admin, &ready, &retention, 0).await);
        match deletion(&ready.agent).await {
            Some(order) => {
                assert_eq!(condemned(&order.1), goes, "{counts:?}");
                delete_all(&ready.agent, &order).await;
                deletions += 1;
            }
            None => assert_eq!(goes, BTreeSet::new(), "{counts:?}"),
        }
        let left: BTreeSet<String> = points(&admin, &ready).await.into_iter().collect();
        assert_eq!(left, stays, "{counts:?}");
        // Once applied, it deletes nothing more.
        let (_, more) = split(&preview(&admin, &ready, &retention, 0).await);
        assert_eq!(more, BTreeSet::new(), "{counts:?}");
    }
    assert!(
        deletions > policies / 3,
        "only {deletions} policies deleted anything"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_looks_ahead() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let schedule = json!({ "type": "daily", "time": "22:00", "zone": "Europe/Berlin" });
    let ask = async |retention: Value, schedule: &Value, days: u64| {
        let body = json!({ "retention": retention, "schedule": schedule, "days": days });
        admin.post("/retention-previews", body).await
    };
    let shown = ask(kept([3, 0, 14, 8, 12, 7]), &schedule, 365)
        .await
        .expect(200);
    assert_eq!((&shown["kept"], &shown["now"]), (&json!(0), &json!([])));
    let later = &shown["later"];
    let days = later["days"].as_array().expect("a list");
    let count = later["points"].as_u64().expect("a number");
    assert!((28..=34).contains(&count), "{count} points");
    assert_eq!(days.len() as u64, count);
    let rules: BTreeSet<&str> = days.iter().filter_map(|day| day["rule"].as_str()).collect();
    assert!(
        rules.is_superset(&BTreeSet::from(["monthly", "weekly", "daily"])),
        "{rules:?}"
    );
    // Nothing starts by itself: there is nothing to look ahead to.
    let manual = ask(kept([3, 0, 0, 0, 0, 0]), &json!({ "type": "manual" }), 365).await;
    assert_eq!(manual.expect(200)["later"], Value::Null);
    // A schedule of every minute is followed as far as that takes a bearable time, and says how far.
    let often = json!({ "type": "cron", "cron": "* * * * *" });
    let short = ask(kept([5, 48, 7, 0, 0, 0]), &often, 3650)
        .await
        .expect(200);
    let at: jiff::Timestamp = short["later"]["at"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time");
    let reached = at.duration_since(jiff::Timestamp::now()).as_hours() / 24;
    assert!((5..100).contains(&reached), "{reached} days");
    ask(kept([1001, 0, 0, 0, 0, 0]), &schedule, 365)
        .await
        .wrong_field("/retention/keep_latest");
    ask(kept([1, 0, 0, 0, 0, 0]), &schedule, 4000)
        .await
        .wrong_field("/days");
    ask(
        kept([1, 0, 0, 0, 0, 0]),
        &json!({ "type": "cron", "cron": "61 * * * *" }),
        1,
    )
    .await
    .wrong_field("/schedule/cron");
}
