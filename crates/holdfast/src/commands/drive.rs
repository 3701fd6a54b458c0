//! `drive mount` and `mount`.

use std::sync::Arc;

use anyhow::Result;
use holdfast_drive::{Ended, MountRequest, Options, Report, Tree, Unreadable, mount, prepare};
use holdfast_host::Cancel;
use holdfast_repository::Repository;
use serde::Serialize;

use super::source;
use crate::arguments::{DriveCommand, MountArguments, MountPointArguments, MountSource};
use crate::console::Console;
use crate::outcome::Outcome;
use crate::repository::Access;
use crate::{interrupt, repository};

/// What is mounted, as soon as it is.
#[derive(Serialize)]
struct Mounted {
    mount_point: String,
    /// The snapshot or object; null when there are several snapshots.
    snapshot: Option<String>,
    path: String,
}

/// A file or folder that a program wanted and that cannot be read.
#[derive(Serialize)]
struct UnreadableDocument<'a> {
    path: &'a str,
    reason: &'a str,
}

pub(super) fn run(command: DriveCommand, console: &Console) -> Result<Outcome> {
    match command {
        DriveCommand::Mount(arguments) => show(&arguments.source, &arguments.mount, console),
    }
}

pub(super) fn alias(arguments: &MountArguments, console: &Console) -> Result<Outcome> {
    show(&arguments.source, &arguments.mount, console)
}

fn show(what: &MountSource, arguments: &MountPointArguments, console: &Console) -> Result<Outcome> {
    let stop = interrupt::listen_also_for_hangup()?;
    // First of all, before a password is asked for.
    let place = prepare(&source::absolute(&arguments.directory)?)?;
    if place.had_dead_mount {
        eprintln!("took away the mount of a process that is gone");
    }
    // While it is mounted, an interrupt lets reads under way come to their end.
    let stop_store = Cancel::new();
    let raised = stop_store.clone();
    let opening = stop.on_cancel(move || raised.cancel());
    let access = Access {
        download_limit: arguments.download_limit,
        ..Access::read(&stop_store)
    };
    let repo = repository::open(&arguments.repository, access)?;
    let tree = Arc::new(tree(&repo, what, arguments, console)?);
    drop(opening);
    let request = MountRequest {
        allow_other: arguments.allow_other,
        threads: arguments.parallel.get(),
        ..MountRequest::default()
    };
    let mut printed = Ok(());
    let ended = mount(&tree, &place, &request, &stop, || {
        let mount_point = arguments.directory.display().to_string();
        printed = console.result(&Mounted::of(what, mount_point), || {
            format!(
                "mounted at {0}; Ctrl-C or `fusermount3 -u {0}` ends it",
                arguments.directory.display()
            )
        });
    })?;
    stop_store.cancel();
    printed?;
    if ended == Ended::InUse {
        eprintln!("unmounted; programs that still have files open in it get errors from now on");
    }
    Ok(Outcome::of_items(tree.unreadable() as usize))
}

fn tree(
    repo: &Arc<Repository>,
    what: &MountSource,
    arguments: &MountPointArguments,
    console: &Console,
) -> Result<Tree> {
    let options = Options {
        cache: arguments.cache_size,
        ..Options::default()
    };
    let report = report(console.is_json());
    Ok(match what {
        MountSource::Snapshot(from) => Tree::snapshot(repo, &from.id, &from.path, options, report)?,
        MountSource::Snapshots(of) => {
            let of = of.as_deref().map(source::target).transpose()?;
            Tree::snapshots(repo, of, options, report)?
        }
    })
}

/// Prints what cannot be read, for the person or program that watches the mount; whoever wanted it gets an I/O error.
fn report(json: bool) -> Report {
    Box::new(move |unreadable: &Unreadable| {
        let Unreadable { path, reason } = unreadable;
        let document = UnreadableDocument { path, reason };
        let as_json = json
            .then(|| serde_json::to_string(&document).ok())
            .flatten();
        match as_json {
            Some(line) => eprintln!("{line}"),
            None => eprintln!("cannot read {path:?}: {reason}"),
        }
    })
}

impl Mounted {
    fn of(what: &MountSource, mount_point: String) -> Self {
        let (snapshot, path) = match what {
            MountSource::Snapshot(from) => (Some(from.id.clone()), from.path.clone()),
            MountSource::Snapshots(_) => (None, String::new()),
        };
        Self {
            mount_point,
            snapshot,
            path,
        }
    }
}
