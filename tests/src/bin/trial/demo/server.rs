//! `holdfast up`: server and agent of this machine, as child processes.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::process::{Child, Command};

/// How to get in.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) address: String,
    pub(crate) email: String,
    pub(crate) password: String,
}

/// The port that the server has by default; another one is taken when it is in use.
const PORT: u16 = 8440;

/// The running programs.
pub(crate) struct Server {
    child: Child,
    access: Access,
    log: PathBuf,
}

impl Server {
    pub(crate) fn start(programs: &Path, data: &Path) -> Result<Self> {
        fs::create_dir_all(data).with_context(|| format!("make {}", data.display()))?;
        let log = data.join("holdfast-up.log");
        let output = File::create(&log).with_context(|| format!("make {}", log.display()))?;
        let listen = format!("127.0.0.1:{}", free_port()?);
        let access = Access {
            address: format!("http://{listen}"),
            email: "demo@example.com".to_owned(),
            password: uuid::Uuid::new_v4().simple().to_string(),
        };
        let child = Command::new(programs.join("holdfast"))
            .args(["up", "--listen", &listen, "--data"])
            .arg(data)
            .env("HOLDFAST_ADMIN_EMAIL", &access.email)
            .env("HOLDFAST_ADMIN_PASSWORD", &access.password)
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("share the log file")?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .context("start holdfast up")?;
        Ok(Self { child, access, log })
    }

    /// Where the page is and who may sign in.
    pub(crate) fn access(&self) -> Access {
        self.access.clone()
    }

    /// What the programs said.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until the programs end by themselves, which is always an error.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        match self.child.wait().await {
            Ok(status) => anyhow!("holdfast up ended with {status}"),
            Err(error) => anyhow::Error::from(error).context("wait for holdfast up"),
        }
    }

    /// Asks the programs to end and waits for it.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let Some(process) = self.child.id() else {
            return Ok(());
        };
        let terminate = Command::new("kill")
            .args(["-TERM", &process.to_string()])
            .status();
        terminate.await.context("ask holdfast up to end")?;
        match tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await {
            Ok(status) => {
                status.context("wait for holdfast up")?;
            }
            Err(_) => self.child.kill().await.context("end holdfast up")?,
        }
        Ok(())
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", PORT))
        .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
        .context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}
