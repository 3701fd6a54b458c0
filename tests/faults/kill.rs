//! The real program, killed at every request to its bucket.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use holdfast_repository::format::{FormatBlob, FormatKey};
use holdfast_storage::{BlobId, BlobStore, MemoryStore, PutOptions};
use holdfast_testkit::s3::{Effect, Fault, S3Server};
use holdfast_testkit::soak;
use holdfast_tests::cli::Cli;
use rand::SeedableRng;
use rand::rngs::StdRng;
use secrecy::SecretString;

use crate::files::Files;
use crate::world::{Saved, World};

const PREFIX: &str = "vault/";

struct Scene {
    server: S3Server,
    cli: Cli,
    source: std::path::PathBuf,
    key: FormatKey,
    /// The objects before the snapshot that is killed.
    before: BTreeMap<String, bytes::Bytes>,
    first: (String, Saved),
    second: Saved,
}

fn objects(server: &S3Server) -> BTreeMap<String, bytes::Bytes> {
    let keys = server.keys("bucket").into_iter();
    keys.filter_map(|key| server.object("bucket", &key).map(|object| (key, object)))
        .collect()
}

fn scene(folder: &Path) -> Result<Scene> {
    let source = folder.join("source");
    let mut random = StdRng::seed_from_u64(11);
    let mut files = Files::random(&mut random);
    fs::create_dir(&source)?;
    files.write(&source)?;
    let server = S3Server::start();
    let cli = Cli::bucket(&server, "vault");
    cli.succeed(["repo", "create"]);
    let report = cli.snapshot(&source);
    let path = source.to_str().context("a plain name")?;
    let id = report["id"].as_str().context("an id")?;
    let first = (id.to_owned(), Saved::new(path, &files));
    files.change(&mut random);
    fs::remove_dir_all(&source)?;
    files.write(&source)?;
    let second = Saved::new(path, &files);
    let before = objects(&server);
    let format = FormatBlob::parse(&before["vault/kopia.repository"])?;
    let key = format.derive_key(&SecretString::from(cli.password()))?;
    Ok(Scene {
        server,
        cli,
        source,
        key,
        before,
        first,
        second,
    })
}

impl Scene {
    fn reset(&self) {
        self.server.clear_faults();
        let now = objects(&self.server);
        for key in now.keys().filter(|key| !self.before.contains_key(*key)) {
            self.server.remove_object("bucket", key);
        }
        for (key, bytes) in &self.before {
            self.server.set_object("bucket", key, bytes.clone());
        }
        self.server.clear_log();
    }

    fn start(&self) -> Result<Child> {
        let arguments = [
            "snapshot".as_ref(),
            "create".as_ref(),
            self.source.as_os_str(),
        ];
        let mut command = self.cli.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.spawn()?)
    }

    /// Kills the program when it makes its `nth` request, which the server has carried out or not. Returns whether
    /// the program had ended before.
    fn kill_at(&self, nth: usize, carried_out: bool) -> Result<bool> {
        self.reset();
        let effect = match carried_out {
            true => Effect::Silent,
            false => Effect::Hang,
        };
        let fault = Fault {
            operation: None,
            key_contains: String::new(),
            skip: u32::try_from(nth)? - 1,
            times: None,
            effect,
        };
        self.server.add_fault(fault);
        let mut child = self.start()?;
        let limit = Instant::now() + Duration::from_secs(120);
        let reached = || match self.server.log().get(nth - 1) {
            Some(request) => !carried_out || request.status != 0,
            None => false,
        };
        while !reached() && child.try_wait()?.is_none() {
            ensure!(Instant::now() < limit, "request {nth} never came");
            std::thread::sleep(Duration::from_millis(2));
        }
        let ended = child.try_wait()?.is_some();
        child.kill()?;
        child.wait()?;
        Ok(ended)
    }

    fn audit(&self) -> Result<()> {
        let store = MemoryStore::new();
        for (key, bytes) in objects(&self.server) {
            let name = key.strip_prefix(PREFIX).context("below the prefix")?;
            store.put(&BlobId::new(name)?, bytes, &PutOptions::default())?;
        }
        let mut world = World::of(&store, &self.key);
        world
            .saved
            .insert(self.first.0.clone(), self.first.1.clone());
        world.attempted.push(self.second.clone());
        world.audit()
    }
}

#[test]
fn at_every_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = scene(folder.path()).expect("a repository in a bucket");
    scene.reset();
    let status = scene.start().expect("start").wait().expect("wait");
    assert!(status.success(), "without a kill it works");
    let requests = scene.server.log().len();
    // Every request in the long run, and always those from the first put on.
    let log = scene.server.log();
    let first_put = log
        .iter()
        .position(|request| request.method == "PUT")
        .expect("it stores something");
    let from = if soak() { 1 } else { first_put + 1 };
    let mut points = 0;
    for nth in from..=requests {
        for carried_out in [false, true] {
            let ended = scene.kill_at(nth, carried_out).expect("kill the program");
            assert!(
                !ended || nth == requests,
                "request {nth} of {requests} never came"
            );
            scene
                .audit()
                .unwrap_or_else(|error| panic!("killed at request {nth} of {requests}: {error:#}"));
            points += 1;
        }
    }
    println!("kill -9 at requests {from} to {requests}: {points} fault points");
    scene.server.clear_faults();
    scene.cli.snapshot(&scene.source);
    scene.cli.succeed(["repo", "check", "--strict"]);
    assert!(points >= 10, "only {points} points");
}
