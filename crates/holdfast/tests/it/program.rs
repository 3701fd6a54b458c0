//! Starting the program with a repository of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use holdfast_testkit::s3::S3Server;
use serde_json::Value;

/// The password of every repository here.
pub(crate) const PASSWORD: &str = "correct horse";

/// The program, without anything from the environment of the tests.
pub(crate) fn holdfast() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    for variable in [
        "HOLDFAST_REPO",
        "HOLDFAST_PASSWORD",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "HOLDFAST_CACHE_DIR",
        "HOLDFAST_DESTINATION_PASSWORD",
        "HOLDFAST_DESTINATION_ACCESS_KEY_ID",
        "HOLDFAST_DESTINATION_SECRET_ACCESS_KEY",
    ] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

/// A folder with a repository in it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Place {
    /// A folder that holds nothing yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("make a folder");
        let repository = format!("file://{}", folder.path().join("repository").display());
        Self {
            folder,
            environment: vec![("HOLDFAST_REPO", repository)],
        }
    }

    /// A folder beside the bucket of a server, which holds nothing yet.
    pub(crate) fn beside(server: &S3Server) -> Self {
        let keys = server.options();
        Self {
            folder: tempfile::tempdir().expect("make a folder"),
            environment: vec![
                ("HOLDFAST_REPO", server.location("bucket", "vault")),
                ("AWS_ACCESS_KEY_ID", keys.access_key.clone()),
                ("AWS_SECRET_ACCESS_KEY", keys.secret_key.clone()),
            ],
        }
    }

    /// A folder with an empty repository.
    pub(crate) fn with_repository() -> Self {
        let place = Self::new();
        place.succeed(["repo", "create"]);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The program, told about the repository and its password.
    pub(crate) fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(
        &self,
        arguments: I,
    ) -> Command {
        let mut command = holdfast();
        command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("HOLDFAST_PASSWORD", PASSWORD)
            .env("HOLDFAST_CACHE_DIR", self.path("cache"))
            .args(arguments);
        command
    }

    /// Runs it; it must end well. Returns what it printed.
    pub(crate) fn succeed<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(
        &self,
        arguments: I,
    ) -> String {
        let output = run(&mut self.command(arguments));
        assert_eq!(output.code, 0, "{output:#?}");
        output.stdout
    }

    /// Runs it with `--json`; it must end well. Returns the document.
    pub(crate) fn json<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Value {
        let output = run(self.command(arguments).arg("--json"));
        assert_eq!(output.code, 0, "{output:#?}");
        serde_json::from_str(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", output.stdout))
    }
}

/// How a run ended and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The problem document on standard error.
    pub(crate) fn problem(&self) -> Value {
        serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("start the program");
    let ended = Ended {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    };
    assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
    ended
}
