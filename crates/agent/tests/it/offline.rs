//! The server is away, and runs are due.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use holdfast_agent::engines::{Assignment, RunResult};
use holdfast_agent::failure::WorkError;
use holdfast_agent::state::{Journal, Record};
use holdfast_protocol::agent::{
    ApiErrorKind, Attempt, OfflineJob, OfflinePlan, PollAnswer, RunId, RunStatus, events, failures,
};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::script::{Heard, ScriptedEngine, ScriptedServer, empty, start, work};

/// The digest of the plan.
const DIGEST: &str = "plan 1";

/// Seconds until the run of the plan starts; long enough for the agent to learn of it.
const SOON: i64 = 5;

/// A job that was due at the beginning of the present minute and starts in a moment, by its share of the spread.
fn plan(more: Value) -> (OfflinePlan, Timestamp) {
    let now = Timestamp::now();
    let due = now - (now.as_second() % 60).seconds();
    let due = Timestamp::from_second(due.as_second()).unwrap();
    let offset = now.as_second() + SOON - due.as_second();
    let minute = (due.as_second() / 60) % 60;
    let mut timetable = json!({
        "rule": { "type": "hourly", "minute": minute }, "zone": "UTC", "spread_seconds": 3600,
        "offset_seconds": offset, "catch_up": true,
    });
    for (name, value) in more.as_object().unwrap() {
        timetable[name] = value.clone();
    }
    let plan = OfflinePlan {
        digest: DIGEST.to_owned(),
        jobs: vec![OfflineJob {
            timetable,
            work: work(0, 1),
            settings: None,
        }],
    };
    (plan, due)
}

/// Gives the plan to the agent and goes away.
async fn give(server: &ScriptedServer, plan: OfflinePlan) {
    server.answer(PollAnswer {
        offline: Some(plan),
        ..empty()
    });
    let has = |heard: &Heard| {
        (heard.polls.last()?.offline_digest.as_deref() == Some(DIGEST)).then_some(())
    };
    server.wait_for("the agent to have the plan", has).await;
    server.set_outage(true);
}

async fn in_the_journal(server: &ScriptedServer, folder: &Path, word: &str) {
    let journal = folder.join("agent.journal");
    let found = |_: &Heard| {
        let text = std::fs::read_to_string(&journal).ok()?;
        text.contains(word).then_some(())
    };
    server.wait_for(word, found).await;
}

fn counting(starts: Arc<AtomicUsize>) -> Arc<ScriptedEngine> {
    ScriptedEngine::new(move |assignment, context| {
        let Assignment::Backup(work) = assignment else {
            panic!("a backup")
        };
        assert!(!work.run_uuid.is_nil());
        starts.fetch_add(1, Ordering::SeqCst);
        context.recorder.event(events::KOPIA_UPLOAD_COMPLETE, []);
        Ok(RunResult::default())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_starts_once_and_is_told_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let starts = Arc::new(AtomicUsize::new(0));
    let agent = start(&server, vec![counting(starts.clone())], folder.path());
    let (plan, due) = plan(json!({}));
    give(&server, plan).await;
    in_the_journal(&server, folder.path(), "run_finished").await;
    // Once more while it is away, from the beginning.
    agent.finish().await;
    let agent = start(&server, vec![counting(starts.clone())], folder.path());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(server.heard().offline_runs.is_empty());
    server.hand_out(work(9, 1));
    server.set_outage(false);
    let told = |heard: &Heard| (heard.ends().len() == 2).then_some(());
    server.wait_for("both ends", told).await;
    let heard = server.heard();
    let [run] = &heard.offline_runs[..] else {
        panic!("told once: {:?}", heard.offline_runs)
    };
    assert_eq!(run.due_at, due);
    assert!(run.started_at <= run.finished_at.unwrap() && run.finished_at.unwrap() <= run.clock);
    assert!(heard.place("offline run") < heard.place(events::BACKUP_STARTING));
    let ends: Vec<_> = heard
        .ends()
        .iter()
        .map(|end| (end.run_id, end.attempt, end.status))
        .collect();
    // What the server hands out comes after what it has to know.
    assert_eq!(
        ends,
        [
            (RunId(77), Attempt(3), Some(RunStatus::Success)),
            (RunId(9), Attempt(1), Some(RunStatus::Success))
        ]
    );
    assert_eq!(starts.load(Ordering::SeqCst), 2);
    assert!(heard.updates.iter().all(|update| update.run_id.0 > 0));
    agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_cut_off_goes_on_under_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let starts = Arc::new(AtomicUsize::new(0));
    let count = starts.clone();
    let engine = ScriptedEngine::new(move |_, context| {
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            assert!(context.cancel.wait_timeout(Duration::from_secs(30)));
            return Err(WorkError::Cancelled);
        }
        Ok(RunResult::default())
    });
    let agent = start(&server, vec![engine.clone()], folder.path());
    let (plan, _) = plan(json!({}));
    give(&server, plan).await;
    in_the_journal(&server, folder.path(), "run_started").await;
    agent.finish().await;
    let agent = start(&server, vec![engine], folder.path());
    in_the_journal(&server, folder.path(), "run_finished").await;
    server.set_outage(false);
    assert_eq!(server.wait_for_end().await.status, Some(RunStatus::Success));
    assert_eq!(
        (
            starts.load(Ordering::SeqCst),
            server.heard().offline_runs.len()
        ),
        (2, 1)
    );
    agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_in_hand_is_told_of_when_the_server_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let engine = ScriptedEngine::new(|_, context| {
        assert!(context.cancel.wait_timeout(Duration::from_secs(30)));
        Err(WorkError::Cancelled)
    });
    let agent = start(&server, vec![engine], folder.path());
    let (plan, due) = plan(json!({}));
    give(&server, plan).await;
    in_the_journal(&server, folder.path(), "run_started").await;
    server.set_outage(false);
    let listed = |heard: &Heard| {
        let poll = heard.polls.last()?;
        poll.running
            .iter()
            .any(|run| run.run_id == RunId(77))
            .then_some(())
    };
    server
        .wait_for("the run to be listed under its new id", listed)
        .await;
    let heard = server.heard();
    assert_eq!(
        (
            heard.offline_runs[0].due_at,
            heard.offline_runs[0].finished_at
        ),
        (due, None)
    );
    server.cancel(77);
    let end = server.wait_for_end().await;
    assert_eq!(
        (end.run_id, end.status),
        (RunId(77), Some(RunStatus::Cancelled))
    );
    agent.finish().await;
}

/// The server answers so instead of staying away.
async fn nothing_starts(refused: Option<ApiErrorKind>) {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let starts = Arc::new(AtomicUsize::new(0));
    let agent = start(&server, vec![counting(starts.clone())], folder.path());
    let (plan, _) = plan(json!({}));
    give(&server, plan).await;
    assert!(folder.path().join("offline.plan").exists());
    server.set_poll_error(refused);
    server.set_outage(false);
    tokio::time::sleep(Duration::from_secs(SOON as u64 + 1)).await;
    assert_eq!(starts.load(Ordering::SeqCst), 0, "{refused:?}");
    let is_kept = folder.path().join("offline.plan").exists();
    assert_eq!(
        is_kept,
        refused != Some(ApiErrorKind::Unauthorized),
        "{refused:?}"
    );
    agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_starts_while_the_server_answers_or_after_it_took_the_plan_back() {
    tokio::join!(
        nothing_starts(None),
        nothing_starts(Some(ApiErrorKind::Unauthorized)),
        nothing_starts(Some(ApiErrorKind::Conflict)),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_ends_with_its_window() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let engine = ScriptedEngine::new(|_, context| {
        assert!(context.cancel.wait_timeout(Duration::from_secs(30)));
        Err(WorkError::Cancelled)
    });
    let minute = Timestamp::now().as_second() / 60;
    let (plan, due) = plan(json!({ "stop_at": (minute - 2) % (24 * 60), "offset_seconds": 0 }));
    let agent = start(&server, vec![engine.clone()], folder.path());
    give(&server, plan).await;
    agent.finish().await;
    // It was begun an hour ago, and should have ended meanwhile.
    let began = Record::OfflineStarted {
        id: RunId(-1),
        run_uuid: uuid::Uuid::now_v7(),
        job_uuid: work(0, 1).job_uuid,
        due_at: due - 1.hours(),
        settings: None,
        time: due - 1.hours(),
    };
    let journal = folder.path().join("agent.journal");
    let journal = Journal::open(&journal, Timestamp::now()).unwrap();
    journal.append(&began).unwrap();
    drop(journal);
    let agent = start(&server, vec![engine], folder.path());
    in_the_journal(&server, folder.path(), "run_finished").await;
    server.set_outage(false);
    let end = server.wait_for_end().await;
    assert_eq!(
        (end.status, end.error_code.as_deref()),
        (Some(RunStatus::Cancelled), Some(failures::WINDOW_ENDED))
    );
    server.wait_for_event(events::WINDOW_ENDED).await;
    agent.finish().await;
}
