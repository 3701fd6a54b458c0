//! `blob list`, `blob show` and `blob stats`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_host::Cancel;
use holdfast_repository::blob_names::BlobFamily;
use holdfast_repository::{OpenOptions, Repository, blob_crypto};
use holdfast_storage::{BlobId, BlobInfo, BlobStore};
use indicatif::HumanBytes;
use serde::Serialize;

use super::Blob;
use crate::arguments::{BlobStatsArguments, ListBlobsArguments, ShowBlobsArguments};
use crate::console::Console;
use crate::failure::NotThere;
use crate::interrupt;
use crate::outcome::Outcome;
use crate::password::{self, Purpose};
use crate::repository::{self, Access};

/// Blobs are printed in pieces of this size, in bytes.
const PIECE: usize = 4 << 20;

/// Upper bounds of the sizes that are counted together, in bytes.
const SIZES: [u64; 8] = [
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

pub(super) fn list(arguments: &ListBlobsArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let store = repository::store(&arguments.repository, Access::read(&cancel))?;
    let mut listing = console.listing();
    let mut printed = Ok(());
    store.list(&arguments.prefix, &mut |blob| {
        if is_wanted(&blob, arguments) {
            printed = listing.entry(&Blob::from(&blob), || {
                format!("{:<70} {:>10} {}\n", blob.id, blob.length, blob.modified)
            });
        }
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    printed?;
    listing.finish()?;
    Ok(Outcome::Done)
}

fn is_wanted(blob: &BlobInfo, arguments: &ListBlobsArguments) -> bool {
    let name = blob.id.as_str();
    let excluded = |prefix: &String| name.starts_with(prefix.as_str());
    arguments.min_size.is_none_or(|least| blob.length >= least)
        && arguments.max_size.is_none_or(|most| blob.length <= most)
        && !arguments.exclude_prefix.iter().any(excluded)
        && (!arguments.data_only || is_pack(name))
}

fn is_pack(name: &str) -> bool {
    BlobFamily::of(name).is_some_and(BlobFamily::is_pack)
}

/// A blob with what it holds.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    blob: Blob,
    decrypted: bool,
    /// Base64.
    data: String,
}

pub(super) fn show(arguments: &ShowBlobsArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let store = repository::store(&arguments.repository, Access::read(&cancel))?;
    let repo = match arguments.decrypt {
        true => Some(open(&arguments.repository.password_file, &store)?),
        false => None,
    };
    let mut listing = console.is_json().then(|| console.listing());
    for id in &arguments.ids {
        let found = store.stat(id).map_err(|error| named(id, error))?;
        let sealed = BlobFamily::of(id.as_str()).is_some_and(BlobFamily::is_sealed_blob);
        let opened = match repo.as_deref().filter(|_| sealed) {
            Some(repo) => Some(blob_crypto::open(
                repo.hasher(),
                repo.cipher(),
                id,
                store.get(id)?.into(),
            )?),
            None => None,
        };
        match (&mut listing, opened) {
            (Some(listing), opened) => {
                let decrypted = opened.is_some();
                let data = match opened {
                    Some(data) => data,
                    None => store.get(id)?,
                };
                let shown = Shown {
                    blob: Blob::from(&found),
                    decrypted,
                    data: STANDARD.encode(&data),
                };
                listing.entry(&shown, String::new)?;
            }
            (None, Some(data)) => print(&data)?,
            (None, None) => print_stored(store.as_ref(), &found, &cancel)?,
        }
    }
    if let Some(listing) = listing {
        listing.finish()?;
    }
    Ok(Outcome::Done)
}

fn open(
    password_file: &Option<std::path::PathBuf>,
    store: &Arc<dyn BlobStore>,
) -> Result<Arc<Repository>> {
    let password = password::obtain(password_file.as_deref(), Purpose::Open)?;
    let options = OpenOptions::default();
    Ok(Repository::open(Arc::clone(store), &password, &options)?)
}

/// A blob that the command line names and that is not there is no damage of the repository.
fn named(id: &BlobId, error: holdfast_storage::Error) -> anyhow::Error {
    match error.is_not_found() {
        true => NotThere::blob(format!("there is no blob {id} in the store")).into(),
        false => error.into(),
    }
}

fn print(data: &[u8]) -> Result<()> {
    io::stdout()
        .lock()
        .write_all(data)
        .context("write to standard output")
}

fn print_stored(store: &dyn BlobStore, blob: &BlobInfo, cancel: &Cancel) -> Result<()> {
    let mut buffer = vec![0; PIECE.min(blob.length as usize)];
    let mut at = 0;
    while at < blob.length {
        cancel.check()?;
        let length = (PIECE as u64).min(blob.length - at) as usize;
        store.get_range(&blob.id, at, &mut buffer[..length])?;
        print(&buffer[..length])?;
        at += length as u64;
    }
    Ok(())
}

/// Counts of blobs.
#[derive(Default, Serialize)]
struct Stats {
    count: u64,
    length: u64,
    kinds: Vec<Kind>,
    sizes: Vec<Size>,
}

/// Blobs of one kind.
#[derive(Serialize)]
struct Kind {
    kind: &'static str,
    count: u64,
    length: u64,
}

/// Blobs that are shorter than a bound, and not shorter than the one before.
#[derive(Serialize)]
struct Size {
    /// The bound in bytes; none for the largest.
    below: Option<u64>,
    count: u64,
    length: u64,
}

pub(super) fn stats(arguments: &BlobStatsArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let store = repository::store(&arguments.repository, Access::read(&cancel))?;
    let mut kinds: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
    let mut sizes = [(0, 0); SIZES.len() + 1];
    let mut all = (0, 0);
    store.list(&arguments.prefix, &mut |blob| {
        let kind = BlobFamily::of(blob.id.as_str()).map_or("other", BlobFamily::in_words);
        let size = SIZES.partition_point(|below| *below <= blob.length);
        for counted in [kinds.entry(kind).or_default(), &mut sizes[size], &mut all] {
            counted.0 += 1;
            counted.1 += blob.length;
        }
        ControlFlow::Continue(())
    })?;
    let stats = Stats {
        count: all.0,
        length: all.1,
        kinds: kinds
            .into_iter()
            .map(|(kind, (count, length))| Kind {
                kind,
                count,
                length,
            })
            .collect(),
        sizes: sizes
            .into_iter()
            .enumerate()
            .map(|(number, (count, length))| Size {
                below: SIZES.get(number).copied(),
                count,
                length,
            })
            .collect(),
    };
    console.result(&stats, || text(&stats, arguments.raw))?;
    Ok(Outcome::Done)
}

fn text(stats: &Stats, raw: bool) -> String {
    let bytes = |length: u64| match raw {
        true => length.to_string(),
        false => HumanBytes(length).to_string(),
    };
    let average = stats.length.checked_div(stats.count).unwrap_or_default();
    let mut text = format!(
        "{} blobs, {}, {} on average\n",
        stats.count,
        bytes(stats.length),
        bytes(average)
    );
    // Writing to a string cannot fail.
    for kind in &stats.kinds {
        let _ = writeln!(
            text,
            "  {:<34} {:>9} {:>14}",
            kind.kind,
            kind.count,
            bytes(kind.length)
        );
    }
    for size in stats.sizes.iter().filter(|size| size.count > 0) {
        let name = match size.below {
            Some(below) => format!("below {}", bytes(below)),
            None => format!("{} and more", bytes(SIZES[SIZES.len() - 1])),
        };
        let _ = writeln!(
            text,
            "  {name:<34} {:>9} {:>14}",
            size.count,
            bytes(size.length)
        );
    }
    text
}
