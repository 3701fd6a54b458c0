//! A long absence of the server, by a clock that the test moves.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_agent::engines::{Assignment, RunResult};
use holdfast_agent::failure::{Failure, WorkError};
use holdfast_agent::state::{Journal, Record};
use holdfast_host::ManualClock;
use holdfast_protocol::agent::{
    OfflineJob, OfflinePlan, PollAnswer, RunSettings, RunStatus, failures,
};
use jiff::{Timestamp, ToSpan};
use parking_lot::Mutex;
use serde_json::json;
use uuid::Uuid;

use crate::script::{
    Heard, Running, ScriptedEngine, ScriptedServer, Setting, empty, start_in, work,
};

const HOUR: Duration = Duration::from_secs(3600);

/// What is due each full hour.
fn hourly(number: u128) -> OfflineJob {
    let mut work = work(0, 1);
    work.job_uuid = Uuid::from_u128(number);
    work.job_name = format!("job {number}");
    let settings = RunSettings {
        job_name: work.job_name.clone(),
        paths: vec!["/srv".to_owned()],
        policy: json!({ "policy": {} }),
    };
    OfflineJob {
        timetable: json!({ "rule": { "type": "hourly", "minute": 0 }, "zone": "UTC", "spread_seconds": 0,
            "offset_seconds": 0, "catch_up": true }),
        work,
        settings: Some(settings),
    }
}

/// An agent with a clock, and what it has started.
struct Scene {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    server: Arc<ScriptedServer>,
    started: Arc<Mutex<Vec<String>>>,
    agent: Running,
}

impl Scene {
    /// It is half past ten, and the agent has a plan for these jobs.
    async fn new(
        jobs: Vec<OfflineJob>,
        untold: usize,
        result: impl Fn(usize) -> Result<RunResult, WorkError> + Send + Sync + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<ManualClock> = Arc::new(ManualClock::new(at("10:30")));
        let server = ScriptedServer::new();
        server.set_clock(clock.clone());
        let started = Arc::new(Mutex::new(Vec::new()));
        let names = started.clone();
        let engine = ScriptedEngine::new(move |assignment, _| {
            let Assignment::Backup(work) = assignment else {
                panic!("a backup")
            };
            let count = {
                let mut names = names.lock();
                names.push(work.job_name.clone());
                names.len()
            };
            result(count)
        });
        let mut setting = Setting::at(&clock);
        setting.timing.offline_untold = untold;
        let agent = start_in(&server, vec![engine], folder.path(), setting);
        server.answer(PollAnswer {
            offline: Some(OfflinePlan {
                digest: "d".to_owned(),
                jobs,
            }),
            ..empty()
        });
        let has = |heard: &Heard| {
            (heard.polls.last()?.offline_digest.as_deref() == Some("d")).then_some(())
        };
        server.wait_for("the agent to have the plan", has).await;
        Self {
            folder,
            clock,
            server,
            started,
            agent,
        }
    }

    /// Goes away, and stays so.
    async fn leave(&self) {
        self.server.set_outage(true);
        let notes = self.folder.path().join("status.json");
        until("the agent to notice", || {
            let status = std::fs::read_to_string(&notes).unwrap_or_default();
            status.contains("connection refused")
        })
        .await;
        // Its silence has begun.
        for _ in 0..3 {
            self.pass(Duration::from_millis(150)).await;
        }
    }

    /// Lets time pass, in steps that are shorter than sleep.
    async fn pass(&self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(Duration::from_secs(50));
            self.clock.advance(step);
            left -= step;
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    async fn has_started(&self, count: usize) {
        until("the runs to start", || self.started.lock().len() >= count).await;
    }

    /// What stands in the journal.
    fn on_record(&self, word: &str) -> usize {
        records(self.folder.path()).matches(word).count()
    }

    async fn has_recorded(&self, word: &str, count: usize) {
        until(word, || self.on_record(word) >= count).await;
    }

    /// Comes back, and hears of so many ends.
    async fn come_back(&self, ends: usize) -> Heard {
        self.server.set_outage(false);
        let told = |heard: &Heard| (heard.ends().len() >= ends).then_some(());
        self.server.wait_for("the ends", told).await;
        self.server.heard()
    }
}

fn at(text: &str) -> Timestamp {
    format!("2026-11-24T{text}:00Z").parse().unwrap()
}

fn records(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("agent.journal")).unwrap_or_default()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

// Requirements: SCH-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_absence_has_many_starts() {
    let scene = Scene::new(
        vec![hourly(1), hourly(2)],
        500,
        |_| Ok(RunResult::default()),
    )
    .await;
    scene.leave().await;
    for round in 1..=2 {
        scene.pass(HOUR).await;
        scene.has_started(2 * round).await;
        scene.has_recorded("run_finished", 2 * round).await;
    }
    let heard = scene.come_back(4).await;
    assert_eq!(
        *scene.started.lock(),
        ["job 1", "job 2", "job 1", "job 2"],
        "one slot, two jobs, two hours"
    );
    let dues: Vec<_> = heard.offline_runs.iter().map(|run| run.due_at).collect();
    let (first, second) = (at("11:00"), at("12:00"));
    assert_eq!(dues, [first, first, second, second], "the oldest first");
    let settings = heard.offline_runs[0].settings.as_ref().unwrap();
    assert_eq!(settings.paths, ["/srv"]);
    scene.has_recorded("run_reported", 4).await;
    scene.agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_starts_than_can_be_told() {
    let scene = Scene::new(vec![hourly(1), hourly(2)], 1, |_| Ok(RunResult::default())).await;
    scene.leave().await;
    scene.pass(HOUR).await;
    scene.has_recorded("run_finished", 1).await;
    scene.pass(Duration::from_secs(120)).await;
    assert_eq!(*scene.started.lock(), ["job 1"]);
    let heard = scene.come_back(1).await;
    assert_eq!(heard.offline_runs.len(), 1);
    scene.agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_queued_and_not_handed_out_starts() {
    let scene = Scene::new(vec![hourly(1)], 500, |_| Ok(RunResult::default())).await;
    // It is due twice while the server is there; the second is handed out, the third is not.
    scene.pass(HOUR + HOUR).await;
    let mut handed = hourly(1).work;
    handed.run_id = holdfast_protocol::agent::RunId(5);
    handed.due_at = Some(at("12:00"));
    scene.server.hand_out(handed);
    scene.has_recorded("run_reported", 1).await;
    scene.pass(HOUR).await;
    let polls = scene.server.heard().polls.len();
    let more = |heard: &Heard| (heard.polls.len() > polls + 1).then_some(());
    scene.server.wait_for("the server to be heard", more).await;
    scene.leave().await;
    scene.has_started(2).await;
    let heard = scene.come_back(2).await;
    let dues: Vec<_> = heard.offline_runs.iter().map(|run| run.due_at).collect();
    assert_eq!(dues, [at("13:00")]);
    scene.agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_without_storage_uses_up_nothing() {
    let scene = Scene::new(vec![hourly(1)], 500, |count| match count {
        1 | 2 => Err(Failure::of_code(failures::STORAGE_UNREACHABLE).into()),
        _ => Ok(RunResult::default()),
    })
    .await;
    scene.leave().await;
    scene.pass(HOUR).await;
    for count in 1..=2 {
        scene.has_recorded("offline_undone", count).await;
        scene.pass(Duration::from_secs(1)).await;
    }
    scene.has_recorded("run_finished", 1).await;
    let heard = scene.come_back(1).await;
    assert_eq!(scene.started.lock().len(), 3);
    let [run] = &heard.offline_runs[..] else {
        panic!("one run is told: {:?}", heard.offline_runs)
    };
    assert_eq!(run.due_at, at("11:00"));
    assert_eq!(heard.ends()[0].status, Some(RunStatus::Success));
    scene.agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_clock_changes_nothing() {
    let scene = Scene::new(vec![hourly(1)], 500, |_| Ok(RunResult::default())).await;
    scene.leave().await;
    // Its battery is dead, or somebody sets it.
    scene.clock.set_wall_clock(at("10:30") + (40 * 24).hours());
    scene.pass(Duration::from_secs(60)).await;
    assert!(scene.started.lock().is_empty());
    assert!(scene.folder.path().join("offline.plan").exists());
    scene.clock.set_wall_clock(at("10:30") - (40 * 24).hours());
    scene.pass(HOUR).await;
    scene.has_started(1).await;
    let heard = scene.come_back(1).await;
    assert_eq!(heard.offline_runs[0].due_at, at("11:00"));
    scene.agent.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_is_dropped_under_one_name_only_when_it_is_on_record_under_the_other() {
    let scene = Scene::new(vec![hourly(1)], 500, |_| Ok(RunResult::default())).await;
    scene.leave().await;
    scene.pass(HOUR).await;
    scene.has_recorded("run_finished", 1).await;
    scene.agent.finish().await;
    // The server took the run, and the process ended before it could report.
    let path = scene.folder.path().join("agent.journal");
    let journal = Journal::open(&path, Timestamp::now()).unwrap();
    journal
        .append(&Record::OfflineTaken {
            id: holdfast_protocol::agent::RunId(-1),
            run_id: holdfast_protocol::agent::RunId(40),
            attempt: holdfast_protocol::agent::Attempt(2),
            time: Timestamp::now(),
        })
        .unwrap();
    drop(journal);
    let clock = scene.clock.clone();
    let agent = start_in(
        &scene.server,
        Vec::new(),
        scene.folder.path(),
        Setting::at(&clock),
    );
    until("the other name", || {
        records(scene.folder.path()).contains("run_reported")
    })
    .await;
    let text = records(scene.folder.path());
    let lines: Vec<&str> = text.lines().collect();
    let place = |words: [&str; 2]| {
        let has_all = |line: &&str| words.iter().all(|word| line.contains(word));
        lines.iter().position(has_all).unwrap()
    };
    let under_the_new = place(["run_finished", "\"id\":40"]);
    assert!(under_the_new < place(["run_reported", "\"id\":-1"]));
    scene.server.set_outage(false);
    let end = scene.server.wait_for_end().await;
    assert_eq!((end.run_id.0, end.attempt.0), (40, 2));
    agent.finish().await;
    let once = |word: &str| records(scene.folder.path()).matches(word).count();
    assert_eq!((once("run_finished"), once("run_reported")), (2, 2));
}
