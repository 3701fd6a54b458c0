//! Runs from the poll to the last report.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use holdfast_agent::engines::RunResult;
use holdfast_agent::failure::{Failure, WorkError};
use holdfast_agent::runs::Figures;
use holdfast_protocol::agent::log::MOST_LOG_LINES;
use holdfast_protocol::agent::{
    ApiErrorKind, Attempt, ItemProblem, LogLevel, RunId, RunStatistics, RunStatus, RunningRun,
    events, failures,
};

use crate::script::{ScriptedEngine, ScriptedServer, start, start_with, work};

fn until_cancelled() -> Arc<ScriptedEngine> {
    ScriptedEngine::new(|_, context| {
        assert!(
            context.cancel.wait_timeout(Duration::from_secs(30)),
            "the run is cancelled in time"
        );
        Err(WorkError::Cancelled)
    })
}

// Requirements: AGT-27, ENG-KOPIA-15, PRG-6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_reported_from_start_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let engine = ScriptedEngine::new(|_, context| {
        let step = Arc::new(AtomicU64::new(0));
        let seen = step.clone();
        context
            .recorder
            .stage(events::STAGE, events::stages::UPLOAD_START);
        context.recorder.watch(move || Figures {
            bytes_total: Some(1000),
            bytes_handled: seen.load(Ordering::SeqCst) * 100,
            current_item: "/srv/file".into(),
            ..Figures::default()
        });
        for _ in 0..10 {
            std::thread::sleep(Duration::from_millis(40));
            step.fetch_add(1, Ordering::SeqCst);
        }
        Ok(RunResult {
            statistics: RunStatistics {
                files: 4,
                ..RunStatistics::default()
            },
            ..RunResult::default()
        })
    });
    let agent = start(&server, vec![engine], folder.path());
    server.hand_out(work(7, 1));
    let end = server.wait_for_end().await;
    assert_eq!(
        (end.run_id, end.attempt, end.status),
        (RunId(7), Attempt(1), Some(RunStatus::Success))
    );
    assert_eq!(
        (end.progress_pct, end.bytes_transferred, end.bytes_processed),
        (Some(100.0), Some(0), Some(1000))
    );
    assert_eq!(end.stats_json.unwrap().files, 4);
    let heard = server.heard();
    assert_eq!(heard.events[0].message_id, events::BACKUP_STARTING);
    assert!(heard.message_ids().contains(&events::KOPIA_PROGRESS_UPDATE));
    assert_eq!(
        *heard.message_ids().last().unwrap(),
        events::BACKUP_COMPLETE
    );
    assert!(heard.place(events::BACKUP_COMPLETE) < heard.place("success"));
    assert!(
        heard
            .updates
            .iter()
            .map(|update| update.seq)
            .is_sorted_by(|a, b| a < b)
    );
    let processed: Vec<u64> = heard
        .updates
        .iter()
        .filter_map(|update| update.bytes_processed)
        .collect();
    assert!(processed.is_sorted());
    let mut distinct = processed.clone();
    distinct.dedup();
    assert!(distinct.len() >= 5, "{processed:?}");
    assert!(
        heard
            .updates
            .iter()
            .filter_map(|update| update.bytes_total)
            .all(|total| total == 1000)
    );
    let items: Vec<&str> = heard
        .updates
        .iter()
        .filter_map(|update| update.current_item.as_deref())
        .collect();
    assert!(
        items.len() >= 5 && items.iter().all(|item| *item == "/srv/file"),
        "{items:?}"
    );
    assert_eq!(heard.ends()[0].current_item, None);
    assert_eq!(heard.polls[0].slots, 1);
    assert!(
        heard
            .polls
            .iter()
            .any(|poll| poll.slots == 0 && poll.running.len() == 1)
    );
    agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_that_failed_make_it_partial() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let problem = ItemProblem {
        code: "access_denied".into(),
        path: "/srv/x".into(),
        message: String::new(),
        size: Some(3),
    };
    let result = RunResult {
        problems: vec![problem.clone()],
        problem_count: 5,
        ..RunResult::default()
    };
    let agent = start(
        &server,
        vec![ScriptedEngine::new(move |_, _| Ok(result.clone()))],
        folder.path(),
    );
    server.hand_out(work(7, 1));
    let end = server.wait_for_end().await;
    assert_eq!(end.status, Some(RunStatus::PartialSuccess));
    assert_eq!((end.problems, end.problem_count), (vec![problem], Some(5)));
    server.wait_for_event(events::BACKUP_INCOMPLETE).await;
    agent.finish().await;
}

// Requirements: CAN-4, CAN-5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_order_ends_the_run_in_the_right_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let agent = start(&server, vec![until_cancelled()], folder.path());
    server.hand_out(work(7, 1));
    server.wait_for_event(events::BACKUP_STARTING).await;
    let asked = Instant::now();
    server.cancel(7);
    server.cancel(7);
    let end = server.wait_for_end().await;
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "took {:?}",
        asked.elapsed()
    );
    assert_eq!(
        (end.status, end.error_code),
        (Some(RunStatus::Cancelled), None)
    );
    let heard = server.heard();
    assert_eq!(
        heard
            .message_ids()
            .iter()
            .filter(|id| **id == events::CANCEL_REQUESTED)
            .count(),
        1
    );
    assert!(heard.place(events::CANCEL_REQUESTED) < heard.place(events::CANCELLED));
    assert!(heard.place(events::CANCELLED) < heard.place("cancelled"));
    let requested = heard
        .events
        .iter()
        .find(|event| event.message_id == events::CANCEL_REQUESTED)
        .unwrap();
    assert_eq!(
        (requested.kind.as_str(), requested.level.as_str()),
        ("cancelled", "warn")
    );
    agent.finish().await;
}

// Requirements: AGT-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_is_seen_in_the_answer_to_an_update_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let agent = start(&server, vec![until_cancelled()], folder.path());
    server.hand_out(work(7, 1));
    server.wait_for_event(events::BACKUP_STARTING).await;
    server.cancel_by_update();
    assert_eq!(
        server.wait_for_end().await.status,
        Some(RunStatus::Cancelled)
    );
    agent.finish().await;
}

// Requirements: AGT-22, CAN-7, ENG-KOPIA-17
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_upload_that_reports_an_error_is_still_a_cancel() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let engine = ScriptedEngine::new(|_, context| {
        context.cancel.wait_timeout(Duration::from_secs(30));
        Err(Failure::new(failures::STORAGE_FAILED, "put p123: context canceled").into())
    });
    let agent = start(&server, vec![engine], folder.path());
    server.hand_out(work(7, 1));
    server.wait_for_event(events::BACKUP_STARTING).await;
    server.cancel(7);
    let end = server.wait_for_end().await;
    assert_eq!(
        (end.status, end.error_summary),
        (Some(RunStatus::Cancelled), None)
    );
    assert!(!server.heard().message_ids().contains(&events::RUN_FAILED));
    agent.finish().await;
}

// Requirements: AGT-9, AGT-23, AGT-25, ENG-KOPIA-17
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_carry_their_code_and_the_loop_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let count = AtomicUsize::new(0);
    let engine =
        ScriptedEngine::new(
            move |_, context| match count.fetch_add(1, Ordering::SeqCst) {
                0 => Err(Failure::new(
                    failures::REPOSITORY_MISSING,
                    "no kopia.repository in /backup",
                )
                .into()),
                1 => {
                    context
                        .recorder
                        .stage(events::STAGE, events::stages::UPLOAD_START);
                    Err(Failure::new(failures::STORAGE_FULL, "disk full").into())
                }
                2 => panic!("told to"),
                _ => Err(WorkError::Cancelled),
            },
        );
    let agent = start(&server, vec![engine], folder.path());
    for run in 1..=4 {
        server.hand_out(work(run, 1));
        server
            .wait_for("the end", |heard| {
                (heard.ends().len() == run as usize).then_some(())
            })
            .await;
    }
    let mut unknown = work(5, 1);
    unknown.engine = "teleport".into();
    server.hand_out(unknown);
    let ends = server
        .wait_for("five ends", |heard| {
            (heard.ends().len() == 5).then(|| heard.ends().into_iter().cloned().collect::<Vec<_>>())
        })
        .await;
    assert!(ends.iter().all(|end| end.status == Some(RunStatus::Failed)));
    let codes: Vec<&str> = ends
        .iter()
        .map(|end| end.error_code.as_deref().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            failures::REPOSITORY_MISSING,
            failures::STORAGE_FULL,
            failures::INTERNAL,
            failures::INTERNAL,
            failures::UNKNOWN_ENGINE
        ]
    );
    assert_eq!(
        ends[0].error_summary.as_deref(),
        Some("no Holdfast.repository in /backup")
    );
    let heard = server.heard();
    assert_eq!(
        heard
            .message_ids()
            .iter()
            .filter(|id| **id == events::KOPIA_UPLOAD_FAILED)
            .count(),
        1
    );
    assert_eq!(
        heard
            .message_ids()
            .iter()
            .filter(|id| **id == events::RUN_FAILED)
            .count(),
        4
    );
    agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_becomes_free_is_offered_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let engine = ScriptedEngine::new(|_, _| {
        std::thread::sleep(Duration::from_millis(100));
        Ok(RunResult::default())
    });
    let agent = start(&server, vec![engine], folder.path());
    let began = Instant::now();
    for run in 1..=5 {
        server.hand_out(work(run, 1));
    }
    server
        .wait_for("five ends", |heard| (heard.ends().len() == 5).then_some(()))
        .await;
    // A poll without a free slot waits half a second in this script; five of them would take longer than this.
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    let ids: Vec<i64> = server
        .heard()
        .ends()
        .iter()
        .map(|end| end.run_id.0)
        .collect();
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_another_claim_is_given_up_without_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let agent = start(&server, vec![until_cancelled()], folder.path());
    for (run, by_update) in [(1, true), (2, false)] {
        server.hand_out(work(run, 1));
        server
            .wait_for("the first update", |heard| {
                heard
                    .updates
                    .iter()
                    .any(|update| update.run_id.0 == run)
                    .then_some(())
            })
            .await;
        if by_update {
            server.set_update_error(Some(ApiErrorKind::Conflict));
        } else {
            server.forget(RunningRun {
                run_id: RunId(run),
                attempt: Attempt(1),
            });
        }
        let polls = server.heard().polls.len();
        let free = |heard: &crate::script::Heard| {
            heard
                .polls
                .iter()
                .skip(polls)
                .any(|poll| poll.running.is_empty())
                .then_some(())
        };
        server
            .wait_for("the run to leave the agent's hands", free)
            .await;
        server.set_update_error(None);
    }
    let heard = server.heard();
    assert!(heard.ends().is_empty() && !heard.message_ids().contains(&events::CANCELLED));
    agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_agent_stops_its_runs_and_looks_for_another_identity() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let looked = Arc::new(AtomicUsize::new(0));
    let count = looked.clone();
    let ended = Arc::new(AtomicUsize::new(0));
    let counted = ended.clone();
    let engine = ScriptedEngine::new(move |_, context| {
        assert!(context.cancel.wait_timeout(Duration::from_secs(30)));
        counted.fetch_add(1, Ordering::SeqCst);
        Err(WorkError::Cancelled)
    });
    let agent = start_with(&server, vec![engine], folder.path(), move || {
        count.fetch_add(1, Ordering::SeqCst);
        None
    });
    server.hand_out(work(7, 1));
    server.wait_for_event(events::BACKUP_STARTING).await;
    server.set_poll_error(Some(ApiErrorKind::Unauthorized));
    server
        .wait_for("the run to stop", |_| {
            (ended.load(Ordering::SeqCst) == 1).then_some(())
        })
        .await;
    assert!(looked.load(Ordering::SeqCst) >= 1);
    server.set_poll_error(None);
    let hellos = server.heard().hellos.len();
    server
        .wait_for("another hello", |heard| {
            (heard.hellos.len() > hellos || heard.polls.last()?.slots == 1).then_some(())
        })
        .await;
    agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_report_becomes_a_failure_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    server.refuse_status(RunStatus::Success);
    let engine = ScriptedEngine::new(|_, _| Ok(RunResult::default()));
    let agent = start(&server, vec![engine], folder.path());
    server.hand_out(work(7, 1));
    let end = server.wait_for_end().await;
    assert_eq!(
        (end.status, end.error_code.as_deref()),
        (Some(RunStatus::Failed), Some(failures::REPORT_REFUSED))
    );
    let why = end.error_summary.unwrap();
    assert!(
        why.contains("success") && why.contains("too long by half"),
        "{why}"
    );
    // Nothing is left to say after the next start.
    agent.finish().await;
    let agent = start(&server, Vec::new(), folder.path());
    server
        .wait_for("a poll with nothing in hand", |heard| {
            heard.polls.last()?.running.is_empty().then_some(())
        })
        .await;
    agent.finish().await;
    assert_eq!(server.heard().ends().len(), 1);
}

// Requirements: AGT-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_the_server_cannot_store_hold_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    server.set_event_error(Some(ApiErrorKind::Server));
    let agent = start(&server, vec![until_cancelled()], folder.path());
    server.hand_out(work(7, 1));
    server
        .wait_for("updates", |heard| (heard.updates.len() >= 2).then_some(()))
        .await;
    server.cancel_by_update();
    assert_eq!(
        server.wait_for_end().await.status,
        Some(RunStatus::Cancelled)
    );
    agent.finish().await;
}

// Requirements: LOG-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_reaches_the_server_whole_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::new();
    let engine = ScriptedEngine::new(|_, context| {
        for line in 0..1200 {
            context
                .recorder
                .log(LogLevel::Info, &format!("line {line}"));
        }
        context.recorder.log(LogLevel::Error, "first\nsecond");
        Ok(RunResult::default())
    });
    let agent = start(&server, vec![engine], folder.path());
    server.hand_out(work(7, 1));
    server.wait_for_end().await;
    let heard = server.heard();
    assert!(
        heard
            .log
            .iter()
            .all(|batch| batch.lines.len() <= MOST_LOG_LINES
                && (batch.run_id, batch.attempt) == (RunId(7), Attempt(1)))
    );
    let lines: Vec<_> = heard.log.iter().flat_map(|batch| &batch.lines).collect();
    let mut seqs: Vec<u64> = lines.iter().map(|line| line.seq).collect();
    // A batch whose answer came late may be sent again with the last words.
    seqs.dedup();
    assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "{seqs:?}");
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    for wanted in [
        "The backup has begun.",
        "line 0",
        "line 1199",
        "first",
        "second",
    ] {
        assert!(texts.contains(&wanted), "{wanted}");
    }
    agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_no_log_gets_everything_else() {
    for error in [
        ApiErrorKind::NotFound,
        ApiErrorKind::Conflict,
        ApiErrorKind::Rejected,
        ApiErrorKind::Server,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = ScriptedServer::new();
        server.set_log_error(Some(error));
        let engine = ScriptedEngine::new(|_, context| {
            context.recorder.log(LogLevel::Info, "nobody wants this");
            Ok(RunResult::default())
        });
        let agent = start(&server, vec![engine], folder.path());
        server.hand_out(work(7, 1));
        let end = server.wait_for_end().await;
        assert_eq!(end.status, Some(RunStatus::Success), "{error:?}");
        assert!(
            server
                .heard()
                .message_ids()
                .contains(&events::BACKUP_STARTING)
        );
        agent.finish().await;
    }
}
