//! Commands beside runs.

use std::time::Duration;

use holdfast_agent::engines::{Assignment, RunResult};
use holdfast_agent::failure::{Failure, WorkError};
use holdfast_agent::runs::Figures;
use holdfast_protocol::agent::{
    CommandOutcomeStatus, RunId, RunStatistics, RunStatus, events, failures,
};
use serde_json::json;

use crate::script::{ScriptedEngine, ScriptedServer, start, vault, work};

// Requirements: AGT-15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_served_beside_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let engine = ScriptedEngine::new(|_, context| {
        context.cancel.wait_timeout(Duration::from_secs(30));
        Err(WorkError::Cancelled)
    });
    let agent = start(&server, vec![engine], folder.path());
    server.hand_out(work(7, 1));
    server.wait_for_event(events::BACKUP_STARTING).await;
    server.deliver(1, "browse_directory", json!({"path": "/etc"}), None);
    let outcome = server.wait_for_outcome(1).await;
    assert_eq!(outcome.status, CommandOutcomeStatus::Completed);
    assert_eq!(outcome.result.unwrap()["payload"]["path"], "/etc");
    assert_eq!(server.heard().partials[0].1.seq, 1);
    server.deliver(2, "cancel", json!({"run_id": 7}), None);
    assert_eq!(
        server.wait_for_outcome(2).await.status,
        CommandOutcomeStatus::Completed
    );
    assert_eq!(
        server.wait_for_end().await.status,
        Some(RunStatus::Cancelled)
    );
    agent.finish().await;
}

// Requirements: AGT-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_cannot_be_served_end_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let agent = start(&server, Vec::new(), folder.path());
    let cases = [
        ("fly", json!({}), false, failures::UNKNOWN_COMMAND),
        (
            "browse_directory",
            json!({"path": 5}),
            false,
            failures::BAD_REQUEST,
        ),
        ("list_points", json!({}), false, failures::BAD_REQUEST),
        (
            "browse_directory",
            json!({"path": "/huge"}),
            false,
            failures::RESULT_TOO_LARGE,
        ),
        (
            "browse_directory",
            json!({"path": "/panic"}),
            false,
            failures::INTERNAL,
        ),
    ];
    for (id, (kind, payload, with_vault, code)) in (1..).zip(cases) {
        server.deliver(id, kind, payload, with_vault.then(vault));
        let outcome = server.wait_for_outcome(id).await;
        assert_eq!(
            (outcome.status, outcome.code.as_deref()),
            (CommandOutcomeStatus::Failed, Some(code)),
            "{kind}"
        );
        assert!(!outcome.message.unwrap().is_empty());
    }
    agent.finish().await;
}

// Requirements: RUN-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_delivered_again_has_its_effect_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let agent = start(&server, Vec::new(), folder.path());
    for _ in 0..3 {
        server.deliver(5, "create_repository", json!({}), Some(vault()));
    }
    server.wait_for_outcome(5).await;
    server.deliver(5, "create_repository", json!({}), Some(vault()));
    server.deliver(6, "browse_directory", json!({"path": "/"}), None);
    server.wait_for_outcome(6).await;
    assert_eq!(agent.handler.served.lock().len(), 2);
    agent.finish().await;

    let agent = start(&server, Vec::new(), folder.path());
    server.deliver(5, "create_repository", json!({}), Some(vault()));
    server
        .wait_for("the end again", |heard| {
            (heard.outcomes.iter().filter(|(id, _)| id.0 == 5).count() == 2).then_some(())
        })
        .await;
    assert_eq!(
        agent.handler.served.lock().len(),
        0,
        "after a restart the journal answers"
    );
    agent.finish().await;
}

// Requirements: RST-1, RST-4, RST-9
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_reports_its_run_and_its_command() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let engine = ScriptedEngine::restore(|assignment, _| {
        let Assignment::Restore { order, .. } = assignment else {
            panic!("wrong kind")
        };
        match order.manifest_id.as_str() {
            "" => Err(Failure::of_code(failures::SNAPSHOT_NOT_FOUND).into()),
            _ => Ok(RunResult {
                statistics: RunStatistics {
                    files: 3,
                    bytes_uploaded: 10,
                    ..RunStatistics::default()
                },
                ..RunResult::default()
            }),
        }
    });
    let agent = start(&server, vec![engine], folder.path());
    server.deliver(
        1,
        "restore",
        json!({"manifest_id": "m", "target_path": "/t", "restore_run_id": 70}),
        Some(vault()),
    );
    let outcome = server.wait_for_outcome(1).await;
    assert_eq!(
        outcome.result.unwrap(),
        json!({"files": 3, "dirs": 0, "bytes": 10, "skipped": 0, "errors": 0})
    );
    let end = server.wait_for_end().await;
    assert_eq!(
        (end.run_id, end.status),
        (RunId(70), Some(RunStatus::Success))
    );
    let ids: Vec<String> = server
        .heard()
        .events
        .iter()
        .map(|event| event.message_id.clone())
        .collect();
    assert_eq!(ids, [events::RESTORE_STARTING, events::RESTORE_COMPLETED]);

    server.deliver(
        2,
        "restore",
        json!({"target_path": "/t", "restore_run_id": 71}),
        Some(vault()),
    );
    assert_eq!(
        server.wait_for_outcome(2).await.code.as_deref(),
        Some(failures::SNAPSHOT_NOT_FOUND)
    );
    server.wait_for_event(events::RESTORE_FAILED).await;
    agent.finish().await;
}

// Requirements: RST-5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_progress_of_a_restore_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let engine = ScriptedEngine::restore(|_, context| {
        context.recorder.watch(|| Figures {
            files_done: 3,
            dirs_done: 1,
            bytes_transferred: 70,
            ..Figures::default()
        });
        // Several times the pause between two events of progress.
        context.cancel.wait_timeout(Duration::from_millis(600));
        Ok(RunResult::default())
    });
    let agent = start(&server, vec![engine], folder.path());
    server.deliver(
        1,
        "restore",
        json!({"manifest_id": "m", "target_path": "/t", "restore_run_id": 70}),
        Some(vault()),
    );
    server.wait_for_end().await;
    let heard = server.heard();
    let ids = heard.message_ids();
    assert_eq!(
        (ids.first(), ids.last()),
        (
            Some(&events::RESTORE_STARTING),
            Some(&events::RESTORE_COMPLETED)
        )
    );
    let progress = server.wait_for_event(events::RESTORE_PROGRESS).await;
    let told = |name: &str| progress.params_json[name].as_u64();
    assert_eq!(
        ["files", "dirs", "bytes"].map(told),
        [Some(3), Some(1), Some(70)]
    );
    agent.finish().await;
}
