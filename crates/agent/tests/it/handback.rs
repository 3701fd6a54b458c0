//! The agent was stopped or killed and gets its own work back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use holdfast_agent::engines::{Assignment, RunResult};
use holdfast_agent::failure::WorkError;
use holdfast_agent::state::{Journal, Record, RunFinal};
use holdfast_protocol::agent::{
    Attempt, CommandId, RunEvent, RunId, RunStatus, RunUpdate, events, failures,
};
use jiff::Timestamp;

use crate::script::{ScriptedEngine, ScriptedServer, start, work};

fn counting(starts: Arc<AtomicUsize>) -> Arc<ScriptedEngine> {
    ScriptedEngine::new(move |_, _| {
        starts.fetch_add(1, Ordering::SeqCst);
        Ok(RunResult::default())
    })
}

fn journal(folder: &tempfile::TempDir) -> Journal {
    Journal::open(&folder.path().join("agent.journal"), Timestamp::now()).unwrap()
}

// Requirements: AGT-16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_agent_leaves_its_run_open_and_takes_it_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let engine = ScriptedEngine::new(|assignment, context| match assignment {
        Assignment::Backup(work) if work.attempt == Attempt(1) => {
            assert!(context.cancel.wait_timeout(Duration::from_secs(30)));
            Err(WorkError::Cancelled)
        }
        _ => Ok(RunResult::default()),
    });
    let agent = start(&server, vec![engine.clone()], folder.path());
    server.hand_out(work(7, 1));
    server.wait_for_event(events::BACKUP_STARTING).await;
    agent.finish().await;
    assert!(
        server.heard().ends().is_empty(),
        "a stop is not the end of the run"
    );

    let agent = start(&server, vec![engine], folder.path());
    server.hand_out(work(7, 2));
    let end = server.wait_for_end().await;
    assert_eq!(
        (end.run_id, end.attempt, end.status),
        (RunId(7), Attempt(2), Some(RunStatus::Success))
    );
    server.wait_for_event(events::RUN_RESUMED).await;
    let hellos = server.heard().hellos;
    assert_ne!(hellos[0].instance, hellos[1].instance);
    agent.finish().await;
}

// Requirements: AGT-27
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_in_hand_is_not_begun_twice() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let starts = Arc::new(AtomicUsize::new(0));
    let count = starts.clone();
    let engine = ScriptedEngine::new(move |_, context| {
        count.fetch_add(1, Ordering::SeqCst);
        context.cancel.wait_timeout(Duration::from_millis(300));
        Ok(RunResult::default())
    });
    let agent = start(&server, vec![engine], folder.path());
    let mut both = crate::script::empty();
    both.run = Some(work(7, 1));
    server.answer(both);
    server.wait_for_event(events::BACKUP_STARTING).await;
    server.hand_out(work(7, 1));
    server.wait_for_end().await;
    server
        .wait_for("the second offer to be taken", |heard| {
            (heard.polls.last()?.slots == 1 && heard.polls.len() > 4).then_some(())
        })
        .await;
    agent.finish().await;
    assert_eq!(starts.load(Ordering::SeqCst), server.heard().ends().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_run_that_is_handed_back_is_reported_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let mut update = RunUpdate::heartbeat(RunId(7), Attempt(1), 90);
    update.status = Some(RunStatus::Success);
    let event = RunEvent {
        seq: 4,
        time: Timestamp::now(),
        kind: "info".to_owned(),
        level: "info".to_owned(),
        message_id: events::BACKUP_COMPLETE.to_owned(),
        params_json: Default::default(),
    };
    let report = Box::new(RunFinal::new(vec![event], update));
    journal(&folder)
        .append(&Record::RunFinished {
            id: RunId(7),
            attempt: Attempt(1),
            report,
            time: Timestamp::now(),
        })
        .unwrap();
    server.set_update_error(Some(holdfast_protocol::agent::ApiErrorKind::Server));
    let starts = Arc::new(AtomicUsize::new(0));
    let agent = start(&server, vec![counting(starts.clone())], folder.path());
    let listed = |heard: &crate::script::Heard| {
        heard
            .polls
            .iter()
            .any(|poll| poll.running.len() == 1 && poll.slots == 1)
            .then_some(())
    };
    server
        .wait_for("the run to be listed as in hand", listed)
        .await;
    server.hand_out(work(7, 2));
    let second = |heard: &crate::script::Heard| {
        heard
            .polls
            .iter()
            .any(|poll| poll.running.iter().any(|run| run.attempt == Attempt(2)))
            .then_some(())
    };
    server.wait_for("the new claim to be listed", second).await;
    server.set_update_error(None);
    let end = server.wait_for_end().await;
    assert_eq!(
        (end.attempt, end.status),
        (Attempt(2), Some(RunStatus::Success))
    );
    agent.finish().await;
    assert_eq!(
        (starts.load(Ordering::SeqCst), server.heard().ends().len()),
        (0, 1)
    );
    assert!(
        server
            .heard()
            .event_attempts
            .iter()
            .all(|attempt| *attempt == Attempt(1)),
        "events keep the claim by which the server knows them"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_restore_fails_with_its_run_and_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    {
        let journal = journal(&folder);
        let time = Timestamp::now();
        journal
            .append(&Record::RunStarted {
                id: RunId(8),
                attempt: Attempt(1),
                time,
            })
            .unwrap();
        let run = Some((RunId(8), Attempt(1)));
        journal
            .append(&Record::CommandStarted {
                id: CommandId(30),
                kind: "restore".into(),
                run,
                time,
            })
            .unwrap();
    }
    let starts = Arc::new(AtomicUsize::new(0));
    let count = starts.clone();
    let restore = ScriptedEngine::restore(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(RunResult::default())
    });
    let agent = start(&server, vec![restore.clone()], folder.path());
    let outcome = server.wait_for_outcome(30).await;
    assert_eq!(outcome.code.as_deref(), Some(failures::INTERRUPTED));
    let end = server.wait_for_end().await;
    assert_eq!(
        (end.run_id, end.status, end.error_code.as_deref()),
        (
            RunId(8),
            Some(RunStatus::Failed),
            Some(failures::INTERRUPTED)
        )
    );
    agent.finish().await;

    let agent = start(&server, vec![restore], folder.path());
    let payload = serde_json::json!({"manifest_id": "m", "target_path": "/t", "restore_run_id": 8});
    server.deliver(30, "restore", payload, Some(crate::script::vault()));
    server
        .wait_for("the end again", |heard| {
            (heard.outcomes.len() == 2).then_some(())
        })
        .await;
    assert_eq!(server.heard().outcomes[1].1, outcome);
    agent.finish().await;
    assert_eq!(starts.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_whose_run_was_reported_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    {
        let journal = journal(&folder);
        let time = Timestamp::now();
        let run = Some((RunId(8), Attempt(1)));
        journal
            .append(&Record::CommandStarted {
                id: CommandId(30),
                kind: "restore".into(),
                run,
                time,
            })
            .unwrap();
    }
    let agent = start(&server, Vec::new(), folder.path());
    assert_eq!(server.wait_for_outcome(30).await.code, None);
    agent.finish().await;
    assert!(server.heard().ends().is_empty());
}
