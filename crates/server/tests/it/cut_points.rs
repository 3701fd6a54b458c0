//! The server is killed (kill -9) at each step of a run, before what the step changes is committed and after it, when only
//! the answer is lost. Whoever asked asks again, as browser and agent do; the run's state only ever moves forward, and the
//! run ends as it should.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use holdfast_protocol::agent::RunWork;
use holdfast_server::FixedSettings;
use reqwest::Method;
use sea_orm::{
    Database, DatabaseConnection, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Client, PASSWORD, Ready, ScriptedAgent, eventually, ready_at,
    server::{ADMIN, options},
};

/// Names the data folder for the process that is the server.
const DATA_VARIABLE: &str = "HOLDFAST_TEST_CUT_DATA";

/// Names its address.
const LISTEN_VARIABLE: &str = "HOLDFAST_TEST_CUT_LISTEN";

/// Not a test of its own: the server of the test below, in a process that can be killed.
#[test]
#[ignore = "is the server of the test beside it"]
fn the_server() {
    let Ok(data) = std::env::var(DATA_VARIABLE) else {
        return;
    };
    let listen = std::env::var(LISTEN_VARIABLE).expect("an address");
    holdfast_host::install_crypto_provider();
    let mut options = options(data.as_ref(), listen.parse().expect("an address"));
    options.fixed = FixedSettings {
        reclaim_grace_seconds: Some(1),
        watchdog_timeout_seconds: Some(600),
        ..FixedSettings::default()
    };
    // It ends with its parent, however that one ended.
    let shutdown = options.shutdown.clone();
    std::thread::spawn(move || {
        let _ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        shutdown.cancel();
    });
    holdfast_server::run(options).expect("serve");
}

/// A server in a process of its own.
struct Process {
    folder: TempDir,
    address: SocketAddr,
    child: Option<Child>,
}

impl Process {
    async fn start() -> Self {
        holdfast_host::install_crypto_provider();
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let folder = TempDir::new().expect("make a folder");
        let mut process = Self {
            folder,
            address,
            child: None,
        };
        process.resume().await;
        process
    }

    async fn resume(&mut self) {
        let program = std::env::current_exe().expect("this program");
        let child = Command::new(program)
            .args(["--exact", "cut_points::the_server", "--ignored"])
            .env(DATA_VARIABLE, self.folder.path().join("data"))
            .env(LISTEN_VARIABLE, self.address.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("start the server");
        self.child = Some(child);
        let status = reqwest::Client::new().get(format!("http://{}/api/v1/status", self.address));
        eventually("the server answers", async || {
            let request = status.try_clone().expect("can be repeated");
            Client::try_send(request).await.ok().map(drop)
        })
        .await;
    }

    /// Ends it without a word.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill the server");
            child.wait().expect("wait for the server");
        }
    }

    async fn database(&self) -> DatabaseConnection {
        let file = self.folder.path().join("data/holdfast.db");
        Database::connect(format!("sqlite://{}", file.display()))
            .await
            .expect("open the database")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The steps of a run, each of which one request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Start,
    CancelQueued,
    Claim,
    Begin,
    Progress,
    Cancel,
    Finish,
}

const STEPS: [Step; 7] = [
    Step::Start,
    Step::CancelQueued,
    Step::Claim,
    Step::Begin,
    Step::Progress,
    Step::Cancel,
    Step::Finish,
];

/// When the server dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The request is there, and what it changes is not committed.
    Before,
    /// It is committed, and nobody hears of it.
    After,
}

struct Scene {
    process: Process,
    admin: Client,
    ready: Ready,
}

impl Scene {
    fn agent(&self) -> &ScriptedAgent {
        &self.ready.agent
    }

    fn end(&self, work: &RunWork) -> Value {
        let now = jiff::Timestamp::now().to_string();
        json!({ "status": "success", "points": [{ "source_path": "/srv/data", "source_user": "root",
            "source_host": "box", "manifest_id": format!("m{}", work.run_id), "root_object": format!("k{}", work.run_id),
            "start_time": now, "end_time": now, "files": 1, "dirs": 1, "bytes": 1, "errors": 0 }] })
    }

    /// The request that takes a step.
    fn request(&self, step: Step, run: &str, work: Option<&RunWork>) -> reqwest::RequestBuilder {
        let post = |path: String| self.admin.request(Method::POST, &path).json(&json!({}));
        let update = |seq: u64, change: Value| {
            let work = work.expect("the run is claimed");
            self.agent()
                .update_request(work.run_id.0, work.attempt.0, seq, change)
        };
        match step {
            Step::Start => post(format!("/jobs/{}/runs", self.ready.job_id())),
            Step::CancelQueued | Step::Cancel => post(format!("/runs/{run}/cancel")),
            Step::Claim => self.agent().poll_request(1, 0),
            Step::Begin => update(1, json!({ "status": "running" })),
            Step::Progress => update(2, json!({ "bytes_processed": 5 })),
            Step::Finish => update(3, self.end(work.expect("the run is claimed"))),
        }
    }

    /// Takes a step and hears of it.
    async fn take(&mut self, step: Step, run: &mut String, work: &mut Option<RunWork>) {
        let request = self.request(step, run, work.as_ref());
        let answer = self.admin.send(request).await;
        match step {
            Step::Start => *run = answer.expect(201)["id"].as_str().expect("an id").to_owned(),
            Step::Claim => {
                let answer = answer.expect(200);
                let claimed: RunWork =
                    serde_json::from_value(answer["run"].clone()).expect("a run");
                self.ready.agent.running = vec![(claimed.run_id.0, claimed.attempt.0)];
                *work = Some(claimed);
            }
            _ => drop(answer.expect(200)),
        }
    }

    /// Sends the request of a step and kills the server.
    async fn cut(&mut self, step: Step, cut: Cut, run: &str, work: Option<&RunWork>) {
        let request = self.request(step, run, work);
        let database = self.process.database().await;
        if cut == Cut::Before {
            // Nobody else can write now, so the server waits in the middle of the step.
            let held = database
                .begin_with_options(TransactionOptions {
                    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                    ..TransactionOptions::default()
                })
                .await
                .expect("hold the database");
            let asked = tokio::spawn(Client::try_send(request));
            tokio::time::sleep(Duration::from_millis(150)).await;
            self.process.kill();
            held.rollback().await.expect("let go");
            let _lost = asked.await;
        } else {
            Client::try_send(request).await.expect("is carried out");
            self.process.kill();
        }
        database.close().await.expect("close the database");
        self.process.resume().await;
    }

    async fn newest_run(&self) -> Option<String> {
        let path = format!("/runs?limit=1&job_id={}", self.ready.job_id());
        let runs = self.admin.get(&path).await.expect(200);
        runs["items"][0]["id"].as_str().map(str::to_owned)
    }

    /// Does what browser and agent do until the run is over; its state must only move forward.
    async fn drive(&mut self, run: &str, mut work: Option<RunWork>) -> Value {
        let (mut before, mut seq) = (0, 10);
        loop {
            let shown = self.admin.get(&format!("/runs/{run}")).await.expect(200);
            let rank = match shown["status"].as_str() {
                Some("queued") => 0,
                Some("starting") => 1,
                Some("running") => 2,
                Some("success" | "cancelled") => return shown,
                other => panic!("{other:?} is no state for this run: {shown}"),
            };
            assert!(rank >= before, "the run went back: {shown}");
            before = rank;
            seq += 1;
            match &work {
                None => {
                    self.ready.agent.running.clear();
                    work = self.agent().poll(1, 1).await.run;
                }
                Some(held) => {
                    let end = if shown["cancel_requested"] == true {
                        json!({ "status": "cancelled" })
                    } else {
                        self.end(held)
                    };
                    let (run, attempt) = (held.run_id.0, held.attempt.0);
                    let answer = self.agent().update(run, attempt, seq, end).await;
                    assert_eq!(answer.status, 200, "{}", answer.text);
                }
            }
        }
    }

    async fn play(&mut self, at: Step, cut: Cut) {
        let (mut run, mut work) = (String::new(), None);
        for step in STEPS {
            let only_at_its_own = matches!(step, Step::CancelQueued | Step::Cancel);
            if step == at {
                break;
            }
            if !only_at_its_own {
                self.take(step, &mut run, &mut work).await;
            }
        }
        let before = self.newest_run().await;
        self.cut(at, cut, &run, work.as_ref()).await;
        if at == Step::Start {
            let newest = self.newest_run().await;
            assert_eq!(newest != before, cut == Cut::After, "all or nothing");
            // The page asks again; a run that waits is joined.
            let request = self.request(Step::Start, &run, None);
            let answer = self.admin.send(request).await;
            assert_eq!(answer.status, if cut == Cut::After { 200 } else { 201 });
            run = answer.json()["id"].as_str().expect("an id").to_owned();
        } else if cut == Cut::Before && matches!(at, Step::CancelQueued | Step::Cancel) {
            let request = self.request(at, &run, work.as_ref());
            self.admin.send(request).await.expect(200);
        }
        let points = self.points().await;
        let over = self.drive(&run, work).await;
        let expected = match at {
            Step::CancelQueued | Step::Cancel => ("cancelled", points),
            Step::Finish if cut == Cut::After => ("success", points),
            _ => ("success", points + 1),
        };
        assert_eq!(
            (over["status"].as_str(), self.points().await),
            (Some(expected.0), expected.1),
            "{at:?} {cut:?}: {over}"
        );
        self.ready.agent.running.clear();
    }

    async fn points(&self) -> i64 {
        let points = self.admin.get("/points").await.expect(200);
        points["count"].as_i64().expect("a number")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_at_any_step_loses_no_run() {
    let process = Process::start().await;
    let mut admin = Client::new(&format!("http://{}", process.address));
    let sign_in = json!({ "email": ADMIN, "password": PASSWORD });
    let answer = admin.post("/session", sign_in).await;
    admin.keep_cookie(&answer);
    let ready = ready_at(&admin.base, &admin, "box").await;
    let mut scene = Scene {
        process,
        admin,
        ready,
    };
    for step in STEPS {
        for cut in [Cut::Before, Cut::After] {
            scene.play(step, cut).await;
        }
    }
}
