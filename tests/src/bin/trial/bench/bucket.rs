//! The steps through a bucket whose server waits before each answer, beside the same blobs put and fetched as they are.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use holdfast_testkit::s3::{Behaviour, S3Server};

use super::measure::Measured;
use super::programs::{Compression, Holdfast, Program};
use super::report::Report;
use super::targets::step;
use super::{Series, remove};

/// How long the server waits before each answer.
const LATENCY_MILLIS: u64 = 20;
/// How many connections the plain copies are tried with; the best counts.
const CONNECTIONS: [u32; 4] = [1, 4, 8, 16];

/// Measures one data set. The limit of a step is 1.1 times the plain copy of its blobs and half of the processor seconds
/// that it takes on a local repository.
pub(super) fn measure_set(program: &Path, series: &Series, report: &mut Report) -> Result<()> {
    println!("{}: through a bucket", series.set.name());
    let server = S3Server::start();
    let local = Holdfast::new(program, &series.home);
    series.create_repository(&local, Compression::Off)?;
    series.step(
        &local.snapshot(&series.source, Compression::Off),
        series.bytes,
    )?;
    server.set_behaviour(slow());
    let put = plain_put(&server, series, &local)?;
    remove(&series.home)?;

    let ours = Holdfast::at(
        program,
        server.location("bucket", "ours"),
        credentials(&server),
    );
    series.create_repository(&ours, Compression::Off)?;
    let first = series.step(
        &ours.snapshot(&series.source, Compression::Off),
        series.bytes,
    )?;
    line(report, series, step::FIRST, first.wall, put);
    let get = plain_get(series, &ours)?;
    let restore = ours.restore(&first, &series.restored)?;
    server.clear_log();
    let whole = series.step(&restore, series.bytes)?;
    line(report, series, step::RESTORE, whole.wall, get);
    let fetched = server.totals().get_bytes;
    series.compare()?;
    remove(&series.restored)?;
    report.add_line(format!(
        "{}, restore through a bucket: {:.3} bytes fetched for each that was restored",
        series.set.name(),
        fetched as f64 / series.bytes as f64
    ));
    cut_off(&server, series, &restore, fetched, report)
}

fn slow() -> Behaviour {
    Behaviour {
        latency_millis: LATENCY_MILLIS,
        ..Behaviour::default()
    }
}

fn credentials(server: &S3Server) -> Vec<(&'static str, String)> {
    let options = server.options();
    vec![
        ("AWS_ACCESS_KEY_ID", options.access_key.clone()),
        ("AWS_SECRET_ACCESS_KEY", options.secret_key.clone()),
    ]
}

/// The shortest time in which our program puts the blobs of a repository into the bucket.
fn plain_put(server: &S3Server, series: &Series, local: &Holdfast) -> Result<f64> {
    best(|connections| {
        let mut command = local.command(&["repo", "sync-to"]);
        command
            .arg(server.location("bucket", "plain"))
            .args(["--parallel", &connections.to_string()])
            .envs(credentials(server));
        let measured = series.step(&command, series.bytes)?;
        for key in server.keys("bucket") {
            server.remove_object("bucket", &key);
        }
        Ok(measured)
    })
}

/// The shortest time in which our program fetches the blobs of a repository from the bucket.
fn plain_get(series: &Series, ours: &Holdfast) -> Result<f64> {
    best(|connections| {
        let mut command = ours.command(&["repo", "sync-to"]);
        command
            .arg(format!("file://{}", series.home.display()))
            .args(["--parallel", &connections.to_string()]);
        let measured = series.step(&command, series.bytes)?;
        remove(&series.home)?;
        Ok(measured)
    })
}

fn best(mut measured: impl FnMut(u32) -> Result<Measured>) -> Result<f64> {
    let mut shortest = f64::INFINITY;
    for connections in CONNECTIONS {
        shortest = shortest.min(measured(connections)?.wall);
    }
    Ok(shortest)
}

fn line(report: &mut Report, series: &Series, name: &'static str, wall: f64, plain: f64) {
    let cpu = report.median_of(series.set, name).unwrap_or_default();
    let most = 1.1 * (plain + cpu / 2.0);
    let mark = if wall > most { " !" } else { "" };
    report.add_line(format!(
        "{}, {name} through a bucket with {LATENCY_MILLIS} ms: {wall:.2} s, plain copy {plain:.2} s, limit {most:.2} s{mark}",
        series.set.name()
    ));
}

/// Kills a restore when half is fetched, starts it again, and says how much came twice.
fn cut_off(
    server: &S3Server,
    series: &Series,
    restore: &Command,
    whole: u64,
    report: &mut Report,
) -> Result<()> {
    server.clear_log();
    let mut child = Command::new(restore.get_program())
        .args(restore.get_args())
        .envs(
            restore
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("start a restore")?;
    while server.totals().get_bytes < whole / 2 {
        ensure!(
            child.try_wait().context("watch the restore")?.is_none(),
            "the restore ended before it was cut off"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().context("kill the restore")?;
    child.wait().context("wait for the restore")?;
    series.step(restore, series.bytes)?;
    series.compare()?;
    remove(&series.restored)?;
    let twice = server.totals().get_bytes as f64 / whole as f64 - 1.0;
    let mark = if twice > 0.01 { " !" } else { "" };
    report.add_line(format!(
        "{}, restore killed at half and started again: {:.2} % fetched twice{mark}",
        series.set.name(),
        twice * 100.0
    ));
    Ok(())
}
