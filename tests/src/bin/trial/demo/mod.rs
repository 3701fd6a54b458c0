//! The whole path on this machine through the public API: sign in, machine, vault, job, run, restore, compare.

mod api;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use holdfast_testkit::tree::{Compare, Comparison, compare_trees};
use serde_json::{Value, json};

use self::api::Api;
use self::server::{Access, Server};

/// What the demo uses.
#[derive(Args)]
pub(crate) struct DemoArguments {
    /// The folder with the built programs.
    #[arg(long)]
    programs: PathBuf,
    /// Where server, agent, vault and restored files go; made anew each time.
    #[arg(long)]
    data: PathBuf,
    /// A folder to back up; may be repeated.
    #[arg(long = "source", required = true)]
    sources: Vec<PathBuf>,
    /// Stop after the comparison instead of serving until Ctrl-C.
    #[arg(long)]
    once: bool,
}

/// A restore or a backup of the demo's size is over long before this.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often the state is asked for.
const PERIOD: Duration = Duration::from_millis(250);

pub(crate) fn run(arguments: &DemoArguments) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("start the runtime")?
        .block_on(demonstrate(arguments))
}

async fn demonstrate(arguments: &DemoArguments) -> Result<()> {
    let data = fresh_folder(&arguments.data)?;
    let sources: Vec<PathBuf> = arguments
        .sources
        .iter()
        .map(|path| {
            fs::canonicalize(path).with_context(|| format!("find the source {}", path.display()))
        })
        .collect::<Result<_>>()?;
    let mut clock = Clock::new();
    let mut server = Server::start(&arguments.programs, &data.join("state"))?;
    let access = server.access();
    let result = tokio::select! {
        result = walk_through(&mut clock, &access, &data, &sources) => result,
        ended = server.ended() => Err(ended),
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    if let Err(error) = result {
        server.stop().await?;
        return Err(error.context(format!(
            "the demo failed; what the programs said is in {}",
            server.log().display()
        )));
    }
    println!();
    println!("Page     {}", access.address);
    println!("Sign in  {}   {}", access.email, access.password);
    if !arguments.once {
        println!("Serving until Ctrl-C.");
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            ended = server.ended() => return Err(ended),
        }
    }
    server.stop().await
}

async fn walk_through(
    clock: &mut Clock,
    access: &Access,
    data: &Path,
    sources: &[PathBuf],
) -> Result<()> {
    let mut api = Api::new(&access.address)?;
    api.wait_until_up(PATIENCE).await?;
    clock.lap("server is up");
    let page = api.page("/").await?;
    ensure!(
        page.contains("/assets/") && page.contains("<script"),
        "the server serves the placeholder instead of the web client: build web/dist first"
    );
    api.sign_in(&access.email, &access.password).await?;
    let agent = wait_for(|| online_agent(&api))
        .await
        .context("wait for the agent of this machine")?;
    clock.lap("agent of this machine is enrolled and online");

    let vault = api
        .post(
            "/vaults",
            json!({
                "name": "Demo vault",
                "storage": {"kind": "directory", "agent_id": agent, "path": data.join("vault")},
            }),
        )
        .await
        .context("make the vault")?;
    let vault_path = format!("/vaults/{}", text(&vault, "id")?);
    wait_for(|| async {
        let vault = api.get(&vault_path).await?;
        match (vault["state"].as_str(), vault["failure"].is_null()) {
            (Some("ready"), _) => Ok(Some(())),
            (_, false) => bail!(
                "the vault's repository was not created: {}",
                vault["failure"]
            ),
            _ => Ok(None),
        }
    })
    .await
    .context("wait for the vault's repository")?;
    clock.lap("vault in a folder is ready");

    let job = api
        .post(
            "/jobs",
            json!({
                "name": "Demo job",
                "agent_id": agent,
                "vault_id": text(&vault, "id")?,
                "paths": sources,
            }),
        )
        .await
        .context("make the job")?;
    let run = api
        .post(&format!("/jobs/{}/runs", text(&job, "id")?), json!({}))
        .await
        .context("start the job")?;
    let run = finished(&api, &run).await.context("back up")?;
    let statistics = &run["statistics"];
    clock.lap(&format!(
        "backed up {} files, {} bytes, of which {} were sent",
        statistics["files"], statistics["total_bytes"], statistics["bytes_uploaded"]
    ));

    let point = api
        .get(&format!("/points/{}", text(&run, "point_id")?))
        .await
        .context("find the restore point")?;
    let snapshots = point["snapshots"]
        .as_array()
        .context("the restore point has no snapshots")?;
    ensure!(
        snapshots.len() == sources.len(),
        "{} paths made {} snapshots",
        sources.len(),
        snapshots.len()
    );
    let mut total = Comparison::default();
    for snapshot in snapshots {
        let source = PathBuf::from(text(snapshot, "path")?);
        let target = data
            .join("restored")
            .join(source.file_name().context("a source has no name")?);
        let restore = api
            .post(
                "/restores",
                json!({
                    "point_id": text(&point, "id")?,
                    "agent_id": agent,
                    "items": [{"snapshot_id": text(snapshot, "id")?}],
                    "target_path": target,
                }),
            )
            .await
            .context("start the restore")?;
        finished(&api, &restore).await.context("restore")?;
        add(
            &mut total,
            compare_trees(&source, &target, Compare::WITHOUT_OWNERS).context("compare")?,
        );
    }
    ensure!(
        total.differences.is_empty(),
        "restored files differ from the source: {:#?}",
        total.differences
    );
    ensure!(total.files > 0, "nothing was restored");
    clock.lap(&format!(
        "restored beside the source and compared {} files, {} folders, {} links: every one of {} bytes is equal",
        total.files, total.directories, total.links, total.bytes
    ));
    Ok(())
}

/// The id of the enrolled agent once it is online.
async fn online_agent(api: &Api) -> Result<Option<String>> {
    let agents = api.get("/agents").await?;
    let online = agents["items"]
        .as_array()
        .and_then(|items| items.iter().find(|agent| agent["state"] == "online"));
    online.map(|agent| text(agent, "id")).transpose()
}

/// Waits until a run is over and wants it to be a success.
async fn finished(api: &Api, run: &Value) -> Result<Value> {
    let path = format!("/runs/{}", text(run, "id")?);
    wait_for(|| async {
        let run = api.get(&path).await?;
        match run["status"].as_str() {
            Some("success") => Ok(Some(run)),
            Some("failed" | "cancelled" | "partial_success" | "warning") => {
                bail!(
                    "the run ended as {}: {} {}",
                    run["status"],
                    run["failure"],
                    run["problem_groups"]
                )
            }
            _ => Ok(None),
        }
    })
    .await
}

async fn wait_for<T, F>(mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = attempt().await? {
            return Ok(value);
        }
        ensure!(
            Instant::now() < deadline,
            "not within {} s",
            PATIENCE.as_secs()
        );
        tokio::time::sleep(PERIOD).await;
    }
}

fn text(value: &Value, name: &str) -> Result<String> {
    Ok(value[name]
        .as_str()
        .with_context(|| format!("the answer has no {name}: {value}"))?
        .to_owned())
}

fn add(total: &mut Comparison, one: Comparison) {
    total.files += one.files;
    total.directories += one.directories;
    total.links += one.links;
    total.bytes += one.bytes;
    total.differences.extend(one.differences);
}

/// An empty folder for the demo. Only a folder that an earlier demo made is deleted.
fn fresh_folder(path: &Path) -> Result<PathBuf> {
    const MARK: &str = "made-by-holdfast-demo";
    if path.exists() {
        ensure!(
            path.join(MARK).exists(),
            "{} exists and was not made by the demo: move it away first",
            path.display()
        );
        fs::remove_dir_all(path).with_context(|| format!("remove {}", path.display()))?;
    }
    fs::create_dir_all(path).with_context(|| format!("make {}", path.display()))?;
    fs::write(path.join(MARK), "").with_context(|| format!("mark {}", path.display()))?;
    fs::canonicalize(path).with_context(|| format!("find {}", path.display()))
}

/// Prints what was done and how long it took.
struct Clock {
    last: Instant,
}

impl Clock {
    fn new() -> Self {
        Self {
            last: Instant::now(),
        }
    }

    fn lap(&mut self, what: &str) {
        println!("{:>7.2} s  {what}", self.last.elapsed().as_secs_f64());
        self.last = Instant::now();
    }
}
