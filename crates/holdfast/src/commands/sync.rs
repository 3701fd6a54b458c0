//! `repo sync-to`.

use std::sync::Arc;

use anyhow::Result;
use holdfast_host::SystemClock;
use holdfast_repository::sync::{BlobTally, SyncOptions, SyncReport, sync};
use holdfast_storage::{BlobStore, ErrorKind, MemoryStore, StoreLocation};
use indicatif::HumanBytes;
use serde::Serialize;

use super::repo;
use crate::arguments::SyncToArguments;
use crate::console::Console;
use crate::failure::UsageError;
use crate::outcome::Outcome;
use crate::progress::{Display, share};
use crate::repository::Access;
use crate::{interrupt, repository};

/// Names of damaged blobs that the text gives.
const CUT_NAMES: usize = 20;

/// What was copied, and where to.
#[derive(Serialize)]
struct Document {
    destination: String,
    #[serde(flatten)]
    report: SyncReport,
}

pub(super) fn run(arguments: &SyncToArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let location = repository::parse(&arguments.destination)?;
    if repository::is_same_place(&repository::location(&arguments.repository)?, &location) {
        return Err(UsageError::new("source and destination are the same place").into());
    }
    let source = repository::store(
        &arguments.repository,
        Access {
            download_limit: arguments.download_limit,
            ..Access::read(&cancel)
        },
    )?;
    let access = match (arguments.dry_run, arguments.must_exist) {
        (true, _) => Access::read(&cancel),
        (false, true) => Access::write(&cancel),
        (false, false) => Access::create(&cancel),
    };
    let access = Access {
        upload_limit: arguments.upload_limit,
        ..access
    };
    let options = SyncOptions {
        delete: arguments.delete,
        confirmed: arguments.yes,
        lock: repo::object_lock(&arguments.object_lock)?,
        clock: Arc::new(SystemClock::new()),
        dry_run: arguments.dry_run,
        must_exist: arguments.must_exist,
        parallelism: arguments.parallel,
        progress: Arc::default(),
        cancel,
    };
    let destination = destination(&location, access, arguments)?;
    let progress = Arc::clone(&options.progress);
    let display = Display::start_with(console, "copy", move || {
        let done = share(progress.bytes_done(), progress.bytes_total());
        format!("{done}, {} blobs", progress.blobs_done())
    });
    let report = sync(source.as_ref(), destination.as_ref(), &options);
    drop(display);
    let document = Document {
        destination: location.to_string(),
        report: report?,
    };
    console.result(&document, || text(&document))?;
    Ok(Outcome::of_items(document.report.cut_names.len()))
}

/// The store of the destination. What a dry run does not find holds nothing.
fn destination(
    location: &StoreLocation,
    access: Access,
    arguments: &SyncToArguments,
) -> Result<Arc<dyn BlobStore>> {
    let opened = repository::destination_store(location, access);
    let missing = |error: &anyhow::Error| {
        let error = error.downcast_ref::<holdfast_storage::Error>();
        error.is_some_and(|error| error.kind() == ErrorKind::StoreNotFound)
    };
    match opened {
        Err(error)
            if arguments.dry_run
                && !arguments.must_exist
                && matches!(location, StoreLocation::Local(_))
                && missing(&error) =>
        {
            Ok(Arc::new(MemoryStore::new()))
        }
        other => other,
    }
}

fn text(document: &Document) -> String {
    let Document {
        destination,
        report,
    } = document;
    let amount = |tally: BlobTally| format!("{} blobs, {}", tally.blobs, HumanBytes(tally.bytes));
    let would = if report.dry_run { "would be " } else { "" };
    let mut text = format!(
        "{destination}\n  source    {}\n  same      {}\n  {would}copied    {}\n  {would}replaced  {}\n",
        amount(report.source),
        amount(report.same),
        amount(report.copied),
        amount(report.replaced),
    );
    if report.deleted.blobs > 0 {
        text += &format!("  {would}deleted   {}\n", amount(report.deleted));
        for name in &report.examples {
            text += &format!("    {name}\n");
        }
        if report.deleted.blobs > report.examples.len() as u64 {
            text += "    and others\n";
        }
    }
    if let Some(reason) = &report.needs_confirmation {
        text += &format!("  needs --yes: {reason}\n");
    }
    if report.locked.blobs > 0 {
        text += &format!(
            "  {} that the source no longer has stay until their locks end\n",
            amount(report.locked)
        );
    }
    if report.cut.blobs > 0 {
        text += &format!(
            "  the source has damaged {}, cut off; the copy keeps its own:\n",
            amount(report.cut)
        );
        for name in report.cut_names.iter().take(CUT_NAMES) {
            text += &format!("    {name}\n");
        }
        if report.cut_names.len() > CUT_NAMES {
            text += "    and others (--json names all)\n";
        }
        text += "  copy them back from the copy to the source\n";
    }
    if report.unlocked_copy {
        text += "  the source locks its blobs, the copy does not: give --object-lock-mode and --object-lock-period\n";
    }
    if report.extra.blobs > report.locked.blobs {
        text += &format!(
            "  the source no longer has {} of the destination; --delete deletes them\n",
            amount(report.extra)
        );
    }
    text
}
