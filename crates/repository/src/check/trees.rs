//! Trees of snapshots: every directory and what every entry stands on (format 2 §4, §11).

use std::collections::HashSet;

use super::Run;
use crate::directory::{
    Directory, DirectoryEntry, DirectorySummary, EntryKind, Extras, SummaryBuilder, decode, encode,
};
use crate::json::UnixNanos;
use crate::object::{ObjectId, SeenObjects};
use crate::snapshot::SnapshotManifest;
use crate::{Error, Result};

/// Objects that were visited.
struct Visited {
    directories: SeenObjects,
    /// Files, symlinks, and whatever else an entry stands on.
    others: SeenObjects,
    /// Those that the index does not have.
    missing: HashSet<ObjectId>,
}

impl Visited {
    fn first_time(&mut self, object: &ObjectId, is_directory: bool) -> Result<bool> {
        let seen = match is_directory {
            true => &mut self.directories,
            false => &mut self.others,
        };
        match seen.first_time(object) {
            Err(Error::ContentMissing { .. }) => Ok(self.missing.insert(*object)),
            other => other,
        }
    }
}

/// A directory still to be read.
struct Pending {
    path: String,
    object: ObjectId,
    summary: Option<Box<DirectorySummary>>,
}

impl Run<'_> {
    pub(super) fn trees(&mut self, snapshots: &[SnapshotManifest]) -> Result<()> {
        let index = self.repository.index()?;
        let mut visited = Visited {
            directories: SeenObjects::new(&index),
            others: SeenObjects::new(&index),
            missing: HashSet::new(),
        };
        for (at, snapshot) in snapshots.iter().enumerate() {
            self.snapshot_progress(at, snapshots.len());
            let Some(root) = &snapshot.root_entry else {
                continue;
            };
            let mut pending = Vec::new();
            self.entry(
                &format!("snapshot {}", snapshot.id),
                root,
                &mut visited,
                &mut pending,
            )?;
            while let Some(directory) = pending.pop() {
                self.go_on()?;
                self.directory(directory, &mut visited, &mut pending)?;
            }
        }
        Ok(())
    }

    fn directory(
        &mut self,
        item: Pending,
        visited: &mut Visited,
        pending: &mut Vec<Pending>,
    ) -> Result<()> {
        self.report.counts.directories += 1;
        let text = match self.repository.read_object(&item.object) {
            Ok(text) => text,
            Err(error) => return self.finding(&item.path, error),
        };
        let directory = match decode(&text) {
            Ok(directory) => directory,
            Err(error) => {
                self.found(
                    &item.path,
                    Error::damaged(format_args!("object {}", item.object), error),
                );
                return Ok(());
            }
        };
        if self.options.strict {
            for problem in layout(&item, &directory, &text) {
                self.found(
                    &item.path,
                    format_args!("directory {}: {problem}", item.object),
                );
            }
        }
        self.large_values(&item.path, directory.extras.as_deref(), visited)?;
        for entry in &directory.entries {
            self.entry(
                &format!("{}/{}", item.path, entry.name_text()),
                entry,
                visited,
                pending,
            )?;
        }
        Ok(())
    }

    /// Checks what an entry stands on, once for each object.
    fn entry(
        &mut self,
        path: &str,
        entry: &DirectoryEntry,
        visited: &mut Visited,
        pending: &mut Vec<Pending>,
    ) -> Result<()> {
        let Some(object) = entry.object else {
            self.found(path, "it has no object");
            return Ok(());
        };
        self.large_values(path, entry.extras.as_deref(), visited)?;
        match visited.first_time(&object, entry.is_directory()) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return self.finding(path, error),
        }
        if let Err(error) = self.backing(&object) {
            return self.finding(path, error);
        }
        if entry.is_directory() {
            let summary = entry.summary.clone();
            pending.push(Pending {
                path: path.to_owned(),
                object,
                summary,
            });
            return Ok(());
        }
        self.report.counts.files += 1;
        if self.options.strict {
            self.file(path, entry, &object)?;
        }
        Ok(())
    }

    /// Extended attributes that are objects of their own.
    fn large_values(
        &mut self,
        path: &str,
        extras: Option<&Extras>,
        visited: &mut Visited,
    ) -> Result<()> {
        for object in extras.iter().flat_map(|extras| extras.overflow.values()) {
            if visited.first_time(object, false)?
                && let Err(error) = self.backing(object)
            {
                self.finding(path, error)?;
            }
        }
        Ok(())
    }

    /// Every content of an object has an entry in the index.
    fn backing(&self, object: &ObjectId) -> Result<()> {
        let repository = self.repository;
        repository.for_each_object_content(object, &mut |content| match repository
            .content_info(&content)?
        {
            Some(info) if !info.deleted => Ok(()),
            Some(_) => Err(Error::damaged(
                format_args!("content {content}"),
                "it is marked as deleted",
            )),
            None => Err(Error::ContentMissing { id: content }),
        })
    }

    fn file(&mut self, path: &str, entry: &DirectoryEntry, object: &ObjectId) -> Result<()> {
        if matches!(entry.kind, EntryKind::Other(_)) {
            self.found(
                path,
                format_args!("its type {:?} is unknown", entry.kind.as_str()),
            );
        }
        if object.is_directory() {
            self.found(path, "its object has the prefix of directories");
        }
        // A file that was being read at a checkpoint stands with its full size.
        if entry.name.starts_with(b".checkpointed.") {
            return Ok(());
        }
        let length = match self.repository.object_length(object) {
            Ok(length) => length,
            Err(error) => return self.finding(path, error),
        };
        if i64::try_from(length) != Ok(entry.size) {
            self.found(
                path,
                format_args!(
                    "its size is {} but its object has {length} bytes",
                    entry.size
                ),
            );
        }
        Ok(())
    }
}

/// What is unusual about a directory's stream.
fn layout(item: &Pending, directory: &Directory, text: &[u8]) -> Vec<String> {
    let mut problems = Vec::new();
    let again = encode(
        &directory.entries,
        &directory.summary,
        directory.extras.as_deref(),
    );
    // Names that the reference implementation stored lossily are the one thing that cannot be written again.
    if again != text && again != unescaped_replacements(text) {
        problems.push("writing it again gives other text".to_owned());
    }
    let mut names = HashSet::new();
    for entry in &directory.entries {
        let name = entry.name_text();
        if name.is_empty() || matches!(name.as_ref(), "." | "..") || name.contains(['/', '\0']) {
            problems.push(format!("{name:?} is no valid name"));
        }
        if !names.insert(entry.name.as_slice()) {
            problems.push(format!("the name {name:?} occurs twice"));
        }
        if entry.is_directory() && entry.summary.is_none() {
            problems.push(format!("the directory {name:?} has no summary"));
        }
    }
    if !directory
        .entries
        .is_sorted_by(|left, right| left.stream_order(right).is_le())
    {
        let lossy = directory
            .entries
            .iter()
            .any(|entry| entry.name_text().contains('\u{fffd}'));
        // Sorted by names that were altered when they were stored.
        if !lossy {
            problems.push("its entries are not in order".to_owned());
        }
    }
    if item
        .summary
        .as_deref()
        .is_some_and(|summary| *summary != directory.summary)
    {
        problems.push("its summary is not the one in its parent".to_owned());
    }
    problems.extend(summary(directory).map(|field| format!("its summary has a wrong {field}")));
    problems
}

/// The first field of the summary that does not follow from the entries.
fn summary(directory: &Directory) -> Option<&'static str> {
    let mut builder = SummaryBuilder::new();
    directory
        .entries
        .iter()
        .for_each(|entry| builder.add(entry));
    // The directory's own time is not known here; it is the latest time only of a directory without entries.
    let built = builder.finish(UnixNanos::EPOCH, "");
    let stored = &directory.summary;
    let time = directory.entries.is_empty() || built.max_time == stored.max_time;
    // Failures of the directory itself add to those of its children.
    let errors = stored.failed >= built.failed && stored.ignored_errors >= built.ignored_errors;
    [
        (built.total_size == stored.total_size, "size"),
        (built.files == stored.files, "number of files"),
        (built.symlinks == stored.symlinks, "number of symlinks"),
        (built.dirs == stored.dirs, "number of directories"),
        (time, "latest time"),
        (errors, "number of errors"),
    ]
    .into_iter()
    .find_map(|(right, field)| (!right).then_some(field))
}

/// The text with escaped replacement characters written as they are.
fn unescaped_replacements(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\\ufffd") {
            out.extend_from_slice("\u{fffd}".as_bytes());
            rest = after;
        } else if byte == b'\\' {
            // An escape of two bytes at least; its second may be a backslash of its own.
            let (escape, after) = rest.split_at(rest.len().min(2));
            out.extend_from_slice(escape);
            rest = after;
        } else {
            out.push(byte);
            rest = after;
        }
    }
    out
}
