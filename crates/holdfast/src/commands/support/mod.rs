//! `content`, `blob`, `index` and `manifest`: looking into a repository below its snapshots.

mod blob;
mod content;
mod index;
mod manifest;

use std::sync::Arc;

use anyhow::Result;
use holdfast_host::Cancel;
use holdfast_repository::compress::{CompressionAlgorithm, UNCOMPRESSED};
use holdfast_repository::{ContentInfo, Repository};
use holdfast_storage::BlobInfo;
use jiff::Timestamp;
use serde::Serialize;

use crate::arguments::{
    BlobCommand, CacheArguments, ContentCommand, IndexCommand, ManifestCommand, RepositoryArguments,
};
use crate::console::Console;
use crate::outcome::Outcome;
use crate::repository::{self, Access};

pub(super) fn content(command: &ContentCommand, console: &Console) -> Result<Outcome> {
    match command {
        ContentCommand::List(arguments) => content::list(arguments, console),
        ContentCommand::Show(arguments) => content::show(arguments, console),
        ContentCommand::Verify(arguments) => content::verify(arguments, console),
    }
}

pub(super) fn blob(command: &BlobCommand, console: &Console) -> Result<Outcome> {
    match command {
        BlobCommand::List(arguments) => blob::list(arguments, console),
        BlobCommand::Show(arguments) => blob::show(arguments, console),
        BlobCommand::Stats(arguments) => blob::stats(arguments, console),
    }
}

pub(super) fn index(command: &IndexCommand, console: &Console) -> Result<Outcome> {
    match command {
        IndexCommand::List(arguments) => index::list(arguments, console),
        IndexCommand::Inspect(arguments) => index::inspect(arguments, console),
    }
}

pub(super) fn manifest(command: &ManifestCommand, console: &Console) -> Result<Outcome> {
    match command {
        ManifestCommand::List(arguments) => manifest::list(arguments, console),
        ManifestCommand::Show(arguments) => manifest::show(arguments, console),
    }
}

/// Opens the repository with its index in files, because nobody knows how large it is.
fn open(
    arguments: &RepositoryArguments,
    cache: &CacheArguments,
    cancel: &Cancel,
) -> Result<Arc<Repository>> {
    let directory = cache
        .cache_dir
        .clone()
        .unwrap_or_else(repository::cache_directory);
    repository::open_cached(arguments, Access::read(cancel), directory)
}

/// An entry of an index, with the names that a stock client prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(rename = "contentID")]
    id: String,
    pack_file: String,
    pack_offset: u32,
    /// Bytes in the pack.
    length: u32,
    original_length: u32,
    /// Header id of the compression, 0 for none.
    compression: u32,
    deleted: bool,
    /// Unix seconds.
    time: u64,
    format_version: u8,
    #[serde(rename = "encryptionKeyID")]
    encryption_key_id: u8,
}

impl From<&ContentInfo> for Content {
    fn from(info: &ContentInfo) -> Self {
        Self {
            id: info.id.to_string(),
            pack_file: info.pack.to_string(),
            pack_offset: info.offset,
            length: info.packed_length,
            original_length: info.original_length,
            compression: info.compression,
            deleted: info.deleted,
            time: info.time,
            format_version: info.format_version,
            encryption_key_id: info.encryption_key_id,
        }
    }
}

/// A blob, with the names that a stock client prints.
#[derive(Serialize)]
struct Blob {
    id: String,
    length: u64,
    timestamp: String,
}

impl From<&BlobInfo> for Blob {
    fn from(blob: &BlobInfo) -> Self {
        Self {
            id: blob.id.to_string(),
            length: blob.length,
            timestamp: blob.modified.to_string(),
        }
    }
}

/// A time of the index, which counts whole seconds.
fn time(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| seconds.to_string(), |time| time.to_string())
}

/// The name of a compression.
fn compression(id: u32) -> String {
    match CompressionAlgorithm::by_id(id) {
        _ if id == UNCOMPRESSED => "-".to_owned(),
        Some(algorithm) => algorithm.name().to_owned(),
        None => format!("compression-{id:x}"),
    }
}
