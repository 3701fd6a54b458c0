//! `content list`, `content show` and `content verify`.

use std::borrow::Cow;
use std::io::{self, Write};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_host::Cancel;
use holdfast_repository::manifest::gunzip_container;
use holdfast_repository::{ContentFilter, ContentInfo, Error as RepositoryError};
use holdfast_snapshot::{BadContent, ContentVerifyRequest, Progress, verify_contents};
use indicatif::HumanBytes;
use serde::Serialize;

use super::{Content, compression, open, time};
use crate::arguments::{ListContentsArguments, ShowContentsArguments, VerifyContentsArguments};
use crate::console::Console;
use crate::failure::NotThere;
use crate::interrupt;
use crate::outcome::Outcome;
use crate::progress::Display;
use crate::repository::{self, Access};

/// What a list comes to.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    contents: u64,
    deleted: u64,
    length: u64,
    original_length: u64,
}

impl Totals {
    fn add(&mut self, info: &ContentInfo) {
        self.contents += 1;
        self.deleted += u64::from(info.deleted);
        self.length += u64::from(info.packed_length);
        self.original_length += u64::from(info.original_length);
    }

    fn text(&self) -> String {
        format!(
            "{} contents, {} of them deleted, {} in packs, {} before compression",
            self.contents,
            self.deleted,
            HumanBytes(self.length),
            HumanBytes(self.original_length)
        )
    }
}

pub(super) fn list(arguments: &ListContentsArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let repo = open(&arguments.repository, &arguments.cache, &cancel)?;
    let mut totals = Totals::default();
    let mut listing = (!arguments.summary).then(|| console.listing());
    let filter = ContentFilter {
        include_deleted: arguments.deleted || arguments.deleted_only,
        prefix: None,
    };
    repo.try_for_each_content::<anyhow::Error>(filter, &mut |info| {
        cancel.check()?;
        if !arguments.selection.has(&info.id) || (arguments.deleted_only && !info.deleted) {
            return Ok(());
        }
        if let Some(listing) = &mut listing {
            listing.entry(&Content::from(&info), || line(&info, arguments.long))?;
        } else {
            totals.add(&info);
        }
        Ok(())
    })?;
    match listing {
        Some(listing) => listing.finish()?,
        None => console.result(&totals, || totals.text())?,
    }
    Ok(Outcome::Done)
}

fn line(info: &ContentInfo, long: bool) -> String {
    if !long {
        return format!("{}\n", info.id);
    }
    format!(
        "{} {} {} {} {}+{} {}{}\n",
        info.id,
        info.original_length,
        time(info.time),
        info.pack,
        info.offset,
        info.packed_length,
        compression(info.compression),
        if info.deleted { " deleted" } else { "" }
    )
}

/// A content with what it holds.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    content: Content,
    /// Base64.
    data: String,
}

pub(super) fn show(arguments: &ShowContentsArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::read(&Cancel::new()))?;
    let mut listing = console.is_json().then(|| console.listing());
    for id in &arguments.ids {
        let missing = || NotThere::content(format!("there is no content {id} in the index"));
        let info = repo.content_info(id)?.ok_or_else(missing)?;
        let stored = repo.read_content(id)?;
        let data = if arguments.unzip {
            let unpacked = gunzip_container(&stored).map_err(|error| RepositoryError::Damaged {
                what: format!("content {id}, taken for one with manifests,"),
                reason: error.to_string(),
            })?;
            Cow::Owned(unpacked)
        } else {
            Cow::Borrowed(stored.as_ref())
        };
        match &mut listing {
            Some(listing) => {
                let shown = Shown {
                    content: Content::from(&info),
                    data: STANDARD.encode(&data),
                };
                listing.entry(&shown, String::new)?;
            }
            None => io::stdout()
                .lock()
                .write_all(&data)
                .context("write to standard output")?,
        }
    }
    if let Some(listing) = listing {
        listing.finish()?;
    }
    Ok(Outcome::Done)
}

/// What a verification is asked for.
#[derive(Serialize)]
struct Asked {
    read_percent: f64,
}

/// A content that cannot be read.
#[derive(Serialize)]
struct Bad<'a> {
    #[serde(flatten)]
    content: Content,
    reason: &'a str,
}

impl<'a> From<&'a BadContent> for Bad<'a> {
    fn from(bad: &'a BadContent) -> Self {
        Self {
            content: Content::from(&bad.info),
            reason: &bad.reason,
        }
    }
}

/// What was looked at.
#[derive(Serialize)]
struct Looked {
    contents: u64,
    read: u64,
    bytes_read: u64,
    bad: u64,
    seconds: f64,
}

pub(super) fn verify(arguments: &VerifyContentsArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let repo = open(&arguments.repository, &arguments.cache, &cancel)?;
    let read_percent = match arguments.full {
        true => 100.0,
        false => arguments.download_percent.unwrap_or_default(),
    };
    let request = ContentVerifyRequest {
        include_deleted: arguments.include_deleted,
        read_percent,
        parallelism: arguments.parallel,
        progress: Progress::new().into(),
        cancel,
    };
    let mut listing = console.listing_in(&Asked { read_percent }, "damaged")?;
    let display = Display::start(console, "verify", &request.progress);
    let looked = verify_contents(
        &repo,
        &request,
        &|info| arguments.selection.has(&info.id),
        &mut |bad| {
            listing.entry(&Bad::from(bad), || {
                format!("damaged: content {}: {}\n", bad.info.id, bad.reason)
            })
        },
    );
    drop(display);
    let looked = looked?;
    let looked = Looked {
        contents: looked.contents,
        read: looked.read,
        bytes_read: looked.bytes_read,
        bad: looked.bad,
        seconds: looked.seconds,
    };
    let text = format!(
        "verified {} contents, {} of them read ({}), {} cannot be read, {:.1} s\n",
        looked.contents,
        looked.read,
        HumanBytes(looked.bytes_read),
        looked.bad,
        looked.seconds
    );
    listing.finish_with(&looked, &text)?;
    Ok(match looked.bad {
        0 => Outcome::Done,
        _ => Outcome::Failed,
    })
}
