//! Times the engine alone, without a command line around it: `measure create|restore|verify REPOSITORY PATH`.
//!
//! `create` makes the repository when the directory is missing. `restore` writes the newest snapshot to PATH.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use holdfast_repository::{CreateOptions, OpenOptions, Repository, SourceIdentity, snapshot};
use holdfast_snapshot::{
    RestoreRequest, SnapshotRequest, Source, VerifyRequest, create, restore, verify,
};
use holdfast_storage::LocalStore;
use secrecy::SecretString;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [action, repository, rest @ ..] = arguments.as_slice() else {
        bail!("usage: measure create|restore|verify REPOSITORY [PATH]");
    };
    let path = rest.first().map_or("", String::as_str);
    let password = SecretString::from("measure");
    let began = Instant::now();
    let repo = open(repository, &password)?;
    eprintln!("open {:.3} s", began.elapsed().as_secs_f64());
    match action.as_str() {
        "create" => {
            let identity = SourceIdentity::new("user", "host", path);
            let report = create(
                &repo,
                &SnapshotRequest::new(vec![Source::local(path, identity)]),
            )?;
            let source = &report.sources[0];
            println!(
                "create {:.3} s, read {}, new {}, uploaded {}, cached {}, errors {}",
                report.seconds,
                source.bytes_read,
                source.bytes_new,
                source.bytes_uploaded,
                source.stats.cached_files,
                source.errors()
            );
        }
        "restore" => {
            let snapshots = snapshot::list(&repo.manifests()?, None);
            let newest = snapshots.last().context("there is no snapshot")?;
            let report = restore(&repo, &RestoreRequest::new(newest.id.as_str(), "", path))?;
            println!(
                "restore {:.3} s, {:?}, errors {}",
                report.seconds,
                report.counts,
                report.errors()
            );
        }
        "verify" => {
            let report = verify(&repo, &VerifyRequest::new(Vec::new(), true))?;
            println!(
                "verify {:.3} s, {} contents, damaged {}",
                report.seconds,
                report.contents,
                report.damaged.len()
            );
        }
        other => bail!("{other:?} is no action"),
    }
    Ok(())
}

fn open(path: &str, password: &SecretString) -> anyhow::Result<Arc<Repository>> {
    let options = OpenOptions::default();
    if Path::new(path).exists() {
        return Ok(Repository::open(
            Arc::new(LocalStore::open(path)?),
            password,
            &options,
        )?);
    }
    let store = Arc::new(LocalStore::create_directory(path)?);
    Ok(Repository::initialize(
        store,
        password,
        &CreateOptions::default(),
        &options,
    )?)
}
