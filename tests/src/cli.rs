//! The command line program on a repository of its own.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use holdfast_testkit::bin;
use holdfast_testkit::s3::S3Server;
use serde_json::Value;

const PASSWORD: &str = "password of the cross-process tests";

/// A repository, and how the program is called on it.
#[derive(Debug, Clone)]
pub struct Cli {
    location: String,
    environment: Vec<(String, String)>,
}

/// What a call printed and how it ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Cli {
    /// A repository in a directory, which need not exist yet.
    pub fn directory(path: &Path) -> Self {
        let path = path
            .to_str()
            .expect("temporary directories have plain names");
        Self::at(format!("file://{path}"))
    }

    /// A repository in the server's bucket `bucket`.
    pub fn bucket(server: &S3Server, prefix: &str) -> Self {
        let options = server.options();
        Self::at(server.location("bucket", prefix))
            .with("AWS_ACCESS_KEY_ID", &options.access_key)
            .with("AWS_SECRET_ACCESS_KEY", &options.secret_key)
    }

    /// A repository at a location as the program takes it.
    pub fn at(location: impl Into<String>) -> Self {
        Self {
            location: location.into(),
            environment: Vec::new(),
        }
        .with("HOLDFAST_PASSWORD", PASSWORD)
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The password of the repository.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The program with arguments and environment, not yet started.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(bin("holdfast"));
        command.args(arguments);
        self.prepare(&mut command);
        command
    }

    /// Gives another program, one that starts ours, the environment of a call.
    pub fn prepare(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            let ours = name
                .to_str()
                .is_some_and(|name| name.starts_with("HOLDFAST_") || name.starts_with("AWS_"));
            if ours {
                command.env_remove(name);
            }
        }
        command.env("HOLDFAST_REPO", &self.location);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(std::process::Stdio::null());
    }

    /// Calls the program.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Finished {
        Finished::from(self.command(arguments).output().expect("start holdfast"))
    }

    /// Calls the program; it must succeed. What it printed is the result.
    pub fn succeed<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let finished = self.run(arguments);
        assert_eq!(finished.code, 0, "{finished:#?}");
        finished.stdout
    }

    /// Calls the program with `--json`; it must succeed. The first value that it printed is the result.
    pub fn json<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Value {
        let json = std::iter::once("--json".into());
        let arguments = arguments.into_iter().map(|one| one.as_ref().to_owned());
        let text = self.succeed(json.chain(arguments));
        first_value(&text).unwrap_or_else(|| panic!("not JSON: {text}"))
    }

    /// Takes a snapshot of a path; the result is its report.
    pub fn snapshot(&self, path: &Path) -> Value {
        self.json([
            OsStr::new("snapshot"),
            OsStr::new("create"),
            path.as_os_str(),
        ])
    }

    /// The snapshots, of all sources.
    pub fn snapshots(&self) -> Vec<Value> {
        match self.json(["snapshot", "list", "--all"]) {
            Value::Array(snapshots) => snapshots,
            other => panic!("not a list: {other}"),
        }
    }
}

impl Finished {
    /// The problem document that a failed call with `--json` printed.
    pub fn problem(&self) -> Value {
        let start = self.stderr.find('{').unwrap_or_else(|| panic!("{self:#?}"));
        first_value(&self.stderr[start..]).unwrap_or_else(|| panic!("{self:#?}"))
    }
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn first_value(text: &str) -> Option<Value> {
    serde_json::Deserializer::from_str(text)
        .into_iter()
        .next()?
        .ok()
}
