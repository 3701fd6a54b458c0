//! The server goes away in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use holdfast_agent::engines::RunResult;
use holdfast_agent::failure::WorkError;
use holdfast_agent::state::StatusFile;
use holdfast_protocol::agent::{RunStatus, events};

use crate::script::{ScriptedEngine, ScriptedServer, start, work};

/// An engine that works until the flag is raised and fails when it is cancelled.
fn until_released(release: Arc<AtomicBool>, starts: Arc<AtomicUsize>) -> Arc<ScriptedEngine> {
    ScriptedEngine::new(move |_, context| {
        starts.fetch_add(1, Ordering::SeqCst);
        while !release.load(Ordering::SeqCst) {
            if context.cancel.wait_timeout(Duration::from_millis(5)) {
                return Err(WorkError::Cancelled);
            }
            context.recorder.event(events::KOPIA_PROGRESS_UPDATE, []);
        }
        context.recorder.event(events::KOPIA_UPLOAD_COMPLETE, []);
        Ok(RunResult::default())
    })
}

// Requirements: AGT-26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_goes_on_while_the_server_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let release = Arc::new(AtomicBool::new(false));
    let starts = Arc::new(AtomicUsize::new(0));
    let agent = start(
        &server,
        vec![until_released(release.clone(), starts.clone())],
        folder.path(),
    );
    server.hand_out(work(7, 1));
    server.wait_for_event(events::BACKUP_STARTING).await;
    server.set_outage(true);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let trouble = |_: &crate::script::Heard| StatusFile::read(folder.path())?.trouble;
    server
        .wait_for("the status file to name the trouble", trouble)
        .await;
    server.set_outage(false);
    let before = server.heard().updates.len();
    server
        .wait_for("updates to come again", |heard| {
            (heard.updates.len() > before).then_some(())
        })
        .await;
    release.store(true, Ordering::SeqCst);
    assert_eq!(server.wait_for_end().await.status, Some(RunStatus::Success));
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    let heard = server.heard();
    assert!(
        heard
            .events
            .iter()
            .map(|event| event.seq)
            .is_sorted_by(|a, b| a < b),
        "events arrive once and in order"
    );
    agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_during_the_outage_is_reported_when_the_server_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let release = Arc::new(AtomicBool::new(false));
    let agent = start(
        &server,
        vec![until_released(release.clone(), Arc::default())],
        folder.path(),
    );
    server.hand_out(work(7, 1));
    server.wait_for_event(events::BACKUP_STARTING).await;
    server.set_outage(true);
    release.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(server.heard().ends().is_empty());
    server.set_outage(false);
    assert_eq!(server.wait_for_end().await.status, Some(RunStatus::Success));
    agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_during_the_outage_survives_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let release = Arc::new(AtomicBool::new(false));
    let starts = Arc::new(AtomicUsize::new(0));
    let agent = start(
        &server,
        vec![until_released(release.clone(), starts.clone())],
        folder.path(),
    );
    server.hand_out(work(7, 1));
    server.wait_for_event(events::BACKUP_STARTING).await;
    server.set_outage(true);
    release.store(true, Ordering::SeqCst);
    let journal = folder.path().join("agent.journal");
    let finished = |_: &crate::script::Heard| {
        std::fs::read_to_string(&journal)
            .ok()?
            .contains("run_finished")
            .then_some(())
    };
    server.wait_for("the end to be journalled", finished).await;
    agent.finish().await;

    server.set_outage(false);
    let agent = start(
        &server,
        vec![until_released(release, starts.clone())],
        folder.path(),
    );
    let end = server.wait_for_end().await;
    assert_eq!(
        (end.run_id.0, end.attempt.0, end.status),
        (7, 1, Some(RunStatus::Success))
    );
    let heard = server.heard();
    assert!(heard.place(events::KOPIA_UPLOAD_COMPLETE) < heard.place("success"));
    assert_eq!(
        starts.load(Ordering::SeqCst),
        1,
        "the run is not executed again"
    );
    agent.finish().await;
    let text = std::fs::read_to_string(folder.path().join("agent.journal")).unwrap();
    assert!(text.contains("run_reported"));
}
