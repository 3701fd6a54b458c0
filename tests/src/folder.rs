//! Directories that are written without a source, for repositories that are made in a hurry.

use anyhow::Result;
use holdfast_repository::directory::{DirectoryEntry, EntryKind, FileMode, SummaryBuilder, encode};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::object::{ObjectOptions, write_object};
use holdfast_repository::{CompressionAlgorithm, ContentWriter};

/// Writes a directory; returns its entry in the one above.
pub(crate) fn folder(
    name: &str,
    entries: &[DirectoryEntry],
    writer: &mut ContentWriter,
) -> Result<DirectoryEntry> {
    let mut summary = SummaryBuilder::new();
    entries.iter().for_each(|entry| summary.add(entry));
    let summary = summary.finish(UnixNanos::EPOCH, "");
    let splitter = writer.repository().splitter("")?;
    let options = ObjectOptions::directory(splitter, Some(CompressionAlgorithm::ZstdFastest));
    let object = write_object(writer, &encode(entries, &summary, None), &options)?;
    let mut entry = DirectoryEntry::new(name, EntryKind::Directory);
    entry.mode = FileMode::from_unix(0o755);
    entry.object = Some(object);
    entry.summary = Some(Box::new(summary));
    Ok(entry)
}
