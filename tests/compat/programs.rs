//! Running the two programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use holdfast_repository::compress::CompressionAlgorithm;
use holdfast_testkit::s3::S3Server;
use serde_json::Value;

use crate::parameters::Parameters;

/// The product's command line on one repository.
pub(crate) struct Holdfast {
    repository: String,
    password: String,
    /// Id and secret of the keys of a bucket; empty for a directory.
    keys: (String, String),
}

impl Holdfast {
    /// For the repository in a directory.
    pub(crate) fn new(directory: &Path, password: &str) -> Self {
        Self {
            repository: format!("file://{}", directory.display()),
            password: password.to_owned(),
            keys: Default::default(),
        }
    }

    /// For the repository in a bucket.
    pub(crate) fn in_bucket(server: &S3Server, prefix: &str, password: &str) -> Self {
        let options = server.options();
        Self {
            repository: server.location("bucket", prefix),
            password: password.to_owned(),
            keys: (options.access_key.clone(), options.secret_key.clone()),
        }
    }

    /// Creates the repository in its directory.
    pub(crate) fn create(directory: &Path, password: &str, parameters: &Parameters) -> Self {
        std::fs::create_dir(directory).expect("folder");
        let holdfast = Self::new(directory, password);
        let compressor = parameters.compressor.map(CompressionAlgorithm::name);
        let parameters = parameters.arguments();
        let mut arguments = vec!["repo", "create"];
        arguments.extend(parameters.iter().map(String::as_str));
        holdfast.json(&arguments);
        if let Some(compressor) = compressor {
            holdfast.json(&["policy", "set", "--global", "--compression", compressor]);
        }
        holdfast
    }

    /// Runs a command that must succeed and returns what it prints as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "holdfast {}: {}",
            arguments.join(" "),
            text(&output)
        );
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "holdfast {}: {error}: {}",
                arguments.join(" "),
                text(&output)
            )
        })
    }

    /// The same with a file as standard input.
    pub(crate) fn json_from(&self, arguments: &[&str], stdin: &Path) -> Value {
        let stdin = std::fs::File::open(stdin).expect("open");
        let output = self.command(arguments).stdin(stdin).output();
        let output = output.expect("run holdfast");
        assert!(output.status.success(), "holdfast: {}", text(&output));
        serde_json::from_slice(&output.stdout).expect("a document")
    }

    /// Runs a command.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("run holdfast")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(holdfast_testkit::bin("holdfast"));
        command
            .args(arguments)
            .arg("--json")
            .env("HOLDFAST_REPO", &self.repository)
            .env("HOLDFAST_PASSWORD", &self.password)
            .env("AWS_ACCESS_KEY_ID", &self.keys.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.keys.1);
        command
    }

    /// Runs a command that must fail; its exit code and the code of the problem that it prints.
    pub(crate) fn fail(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "holdfast {arguments:?} succeeds");
        let problem: Value = serde_json::from_slice(&output.stderr)
            .unwrap_or_else(|error| panic!("holdfast {arguments:?}: {error}: {}", text(&output)));
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        (output.status.code(), code)
    }

    /// The same repository under another password.
    pub(crate) fn with_password(&self, password: &str) -> Self {
        Self {
            repository: self.repository.clone(),
            password: password.to_owned(),
            keys: self.keys.clone(),
        }
    }

    /// Runs `repo change-password`.
    pub(crate) fn change_password(&self, new: &str) -> Output {
        let mut command = self.command(&["repo", "change-password"]);
        let output = command.env("HOLDFAST_NEW_PASSWORD", new).output();
        output.expect("run holdfast")
    }

    /// Makes this program's user the owner of maintenance and runs all of it, without margins of time unless `safe`.
    pub(crate) fn maintain(&self, safe: bool) {
        self.json(&["maintenance", "set", "--owner", "me"]);
        let safety = if safe { "full" } else { "none" };
        self.json(&["maintenance", "run", "--full", "--safety", safety]);
    }

    /// Holds the repository to the letter of the format, all data included.
    pub(crate) fn assert_strictly_clean(&self) {
        let output = self.run(&["repo", "check", "--strict", "--read-data"]);
        assert!(
            output.status.success(),
            "repo check --strict: {}",
            text(&output)
        );
    }

    /// Takes a snapshot under an identity.
    pub(crate) fn snapshot(&self, source: &str, path: &Path) -> Value {
        self.json(&[
            "snapshot",
            "create",
            "--override-source",
            source,
            &path.display().to_string(),
        ])
    }

    /// Restores a snapshot.
    pub(crate) fn restore(&self, id: &str, target: &Path) {
        self.json(&["snapshot", "restore", id, &target.display().to_string()]);
    }
}

/// A stock program with its configuration.
pub(crate) struct Stock {
    program: PathBuf,
    config: PathBuf,
    password: String,
}

impl Stock {
    /// The program that `HOLDFAST_STOCK_KOPIA` names.
    pub(crate) fn program() -> Option<PathBuf> {
        std::env::var_os("HOLDFAST_STOCK_KOPIA").map(PathBuf::from)
    }

    /// A client of the product's repository, connected by the configuration that the product writes.
    pub(crate) fn connect(program: &Path, repository: &Holdfast, config: PathBuf) -> Self {
        let file = config.display().to_string();
        repository.json(&[
            "repo",
            "connect",
            "--config-file",
            &file,
            "--hostname",
            "host",
            "--username",
            "user",
        ]);
        Self {
            program: program.to_owned(),
            config,
            password: repository.password.clone(),
        }
    }

    /// Creates a repository in a bucket.
    pub(crate) fn create_in_bucket(
        program: &Path,
        (server, prefix): (&S3Server, &str),
        config: PathBuf,
        password: &str,
        parameters: &[&str],
    ) -> Self {
        let stock = Self {
            program: program.to_owned(),
            config,
            password: password.to_owned(),
        };
        let place = [
            ("--bucket", "bucket"),
            ("--prefix", prefix),
            ("--endpoint", &server.address().to_string()),
            ("--region", "us-east-1"),
            ("--access-key", &server.options().access_key),
            ("--secret-access-key", &server.options().secret_key),
            ("--override-hostname", "host"),
            ("--override-username", "user"),
        ]
        .map(|(name, value)| format!("{name}={value}"));
        let mut arguments = vec!["repository", "create", "s3", "--disable-tls"];
        arguments.extend(place.iter().map(String::as_str));
        arguments.extend(parameters);
        stock.run(&arguments);
        stock
    }

    /// Runs a command that must succeed; what it prints, standard output first.
    pub(crate) fn run(&self, arguments: &[&str]) -> (String, String) {
        let output = self.command(arguments).output().expect("run stock");
        assert!(
            output.status.success(),
            "stock {}: {}",
            arguments.join(" "),
            text(&output)
        );
        let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (part(&output.stdout), part(&output.stderr))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(format!("--config-file={}", self.config.display()))
            .arg("--no-use-keyring")
            .args(arguments)
            .env("KOPIA_PASSWORD", &self.password)
            .env("KOPIA_CHECK_FOR_UPDATES", "false")
            .env("KOPIA_LOG_DIR", self.config.with_extension("logs"));
        command
    }

    /// Runs a command that must fail; what it says.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("run stock");
        assert!(!output.status.success(), "stock {arguments:?} succeeds");
        text(&output)
    }

    /// The same client under another password.
    pub(crate) fn with_password(&self, password: &str) -> Self {
        Self {
            program: self.program.clone(),
            config: self.config.clone(),
            password: password.to_owned(),
        }
    }

    /// Runs `repository change-password`.
    pub(crate) fn change_password(&self, new: &str) -> Output {
        let mut command = self.command(&["repository", "change-password"]);
        let output = command.env("KOPIA_NEW_PASSWORD", new).output();
        output.expect("run stock")
    }

    /// Makes this client the owner of maintenance and runs all of it, without margins of time unless `safe`.
    pub(crate) fn maintain(&self, safe: bool) {
        self.run(&["maintenance", "set", "--owner=me"]);
        let safety = if safe {
            "--safety=full"
        } else {
            "--safety=none"
        };
        self.run(&["maintenance", "run", "--full", safety]);
    }

    /// Takes a snapshot of a folder; its id.
    pub(crate) fn snapshot(&self, folder: &Path) -> String {
        let path = folder.display().to_string();
        let said = self.json(&["snapshot", "create", &path, "--json"]);
        said["id"].as_str().expect("id").to_owned()
    }

    /// Restores a snapshot.
    pub(crate) fn restore(&self, id: &str, target: &Path) {
        self.run(&["snapshot", "restore", id, &target.display().to_string()]);
    }

    /// Verifies every byte of every file of every snapshot.
    pub(crate) fn verify(&self) {
        self.run(&["snapshot", "verify", "--verify-files-percent=100"]);
    }

    /// Runs a command that prints JSON, with a file as standard input.
    pub(crate) fn json_from(&self, arguments: &[&str], stdin: &Path) -> Value {
        let stdin = std::fs::File::open(stdin).expect("open");
        let output = self.command(arguments).stdin(stdin).output();
        let output = output.expect("run stock");
        assert!(output.status.success(), "stock: {}", text(&output));
        serde_json::from_slice(&output.stdout).expect("a document")
    }

    /// Runs a command that prints JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let (printed, log) = self.run(arguments);
        serde_json::from_str(&printed)
            .unwrap_or_else(|error| panic!("stock {arguments:?}: {error}: {printed} {log}"))
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
