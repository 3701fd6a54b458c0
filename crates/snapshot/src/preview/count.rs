//! Counts over whole sources.

use std::sync::Arc;

use holdfast_files::{Kind, RootNode, ScanRequest, SourceDirectory, scan_directory_with};
use holdfast_host::Cancel;
use holdfast_planning::ignore::{RelativePath, Rules};
use holdfast_repository::policy::Policy;

use super::{Cause, Left, MOST_EXAMPLES, Preview, PreviewSource, Selection};
use crate::error::Result;

/// A directory that is to be looked at.
struct Pending {
    directory: Arc<dyn SourceDirectory>,
    path: RelativePath,
    /// Its path in the words of the source, without a separator at the end.
    text: String,
    device: u64,
    state: State,
}

enum State {
    /// It belongs to the backup, and these are the rules of the directory above.
    Taken(Arc<Rules>),
    /// It was left out, and so is all below it.
    Left(Cause),
}

/// Adds up what a backup of the sources under `policy` would take and leave out. `tell` is called after each directory.
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled). What cannot be read is counted, not an error.
pub fn preview(
    sources: &[PreviewSource],
    policy: &Policy,
    cancel: &Cancel,
    tell: &mut dyn FnMut(&Preview),
) -> Result<Preview> {
    let selection = Selection::new(policy);
    let mut counted = Preview {
        sources: vec![super::Taken::default(); sources.len()],
        ..Preview::default()
    };
    for (index, source) in sources.iter().enumerate() {
        let root = match source.tree.root() {
            Ok(root) => root,
            Err(error) => {
                counted.sources[index].error = Some(error.to_string());
                continue;
            }
        };
        let directory = match root.node {
            RootNode::Directory(directory) => directory,
            RootNode::File(_) => {
                counted.sources[index].amount.add(root.metadata.size);
                continue;
            }
        };
        let mut walk = Walk {
            selection: &selection,
            source,
            counted: &mut counted,
            index,
            pending: vec![Pending {
                directory,
                path: RelativePath::root(),
                text: String::new(),
                device: root.metadata.device,
                state: State::Taken(Rules::none()),
            }],
        };
        while let Some(next) = walk.pending.pop() {
            cancel.check()?;
            match &next.state {
                State::Taken(rules) => walk.taken(&next, rules),
                State::Left(cause) => walk.left(&next, *cause),
            }
            tell(walk.counted);
        }
    }
    Ok(counted)
}

struct Walk<'a> {
    selection: &'a Selection,
    source: &'a PreviewSource,
    counted: &'a mut Preview,
    index: usize,
    pending: Vec<Pending>,
}

/// An entry that was left out.
struct LeftEntry {
    name: Vec<u8>,
    kind: Kind,
    size: u64,
    device: u64,
    cause: Cause,
}

impl Walk<'_> {
    /// A directory that belongs to the backup.
    fn taken(&mut self, at: &Pending, rules: &Arc<Rules>) {
        let request = ScanRequest {
            path: &at.path,
            rules,
            policy: at.path.is_empty().then_some(&self.selection.policy),
            skip_caches: self.selection.skip_caches,
            device: at.device,
        };
        let mut left = Vec::new();
        let scanned = scan_directory_with(at.directory.as_ref(), request, |rules, entry, why| {
            left.push(LeftEntry {
                name: entry.name.to_vec(),
                kind: entry.metadata.kind,
                size: entry.metadata.size,
                device: entry.metadata.device,
                cause: self.selection.cause(rules, &at.path, entry, why),
            });
        });
        let scan = match scanned {
            Ok(scan) => scan,
            Err(error) if at.path.is_empty() => {
                self.counted.sources[self.index].error = Some(error.to_string());
                return;
            }
            Err(_) => return self.counted.unreadable(self.shown(&at.text)),
        };
        self.counted.sources[self.index].directories += 1;
        if scan.is_cache {
            // The directory itself is stored, empty.
            let example = self.shown(&at.text);
            self.example(Cause::Cache, example);
            return self.left(at, Cause::Cache);
        }
        for entry in &scan.listing.unreadable {
            let path = self.child(&at.text, &entry.name);
            let path = self.shown(&path);
            self.counted.unreadable(path);
        }
        for entry in left {
            let text = self.child(&at.text, &entry.name);
            let example = self.shown(&text);
            self.example(entry.cause, example);
            let amount = self.counted.left_out.entry(entry.cause).or_default();
            if entry.kind != Kind::Directory {
                amount.amount.add(bytes_of(entry.kind, entry.size));
                continue;
            }
            if entry.cause == Cause::OtherFileSystem {
                amount.directories += 1;
                continue;
            }
            self.descend(
                at,
                &entry.name,
                text,
                entry.device,
                State::Left(entry.cause),
            );
        }
        for entry in scan.listing.iter() {
            let metadata = entry.metadata;
            match metadata.kind {
                Kind::Directory => {
                    let text = self.child(&at.text, entry.name);
                    let state = State::Taken(Arc::clone(&scan.rules));
                    self.descend(at, entry.name, text, metadata.device, state);
                }
                Kind::Other => {}
                kind => {
                    let bytes = bytes_of(kind, metadata.size);
                    self.counted.sources[self.index].amount.add(bytes);
                    self.count_taken_back(&scan.rules, &at.path, entry.name, bytes);
                }
            }
        }
    }

    /// A directory that does not belong to the backup: everything in it counts for the cause.
    fn left(&mut self, at: &Pending, cause: Cause) {
        let listing = at.directory.list();
        let amount = self.counted.left_out.entry(cause).or_default();
        amount.directories += 1;
        // What may not be read is of no concern where it is left out anyway.
        let Ok(listing) = listing else { return };
        for entry in listing.iter() {
            let metadata = entry.metadata;
            if metadata.kind != Kind::Directory {
                let amount = self.counted.left_out.entry(cause).or_default();
                amount.amount.add(bytes_of(metadata.kind, metadata.size));
            } else if metadata.device == at.device {
                // Other file systems may be endless, and nobody asked for what is in them.
                let text = self.child(&at.text, entry.name);
                self.descend(at, entry.name, text, metadata.device, State::Left(cause));
            }
        }
    }

    fn descend(&mut self, at: &Pending, name: &[u8], text: String, device: u64, state: State) {
        match at.directory.open_directory(name) {
            Ok(directory) => self.pending.push(Pending {
                directory,
                path: at.path.child(name),
                text,
                device,
                state,
            }),
            Err(_) if matches!(state, State::Left(_)) => {}
            Err(_) => {
                let path = self.shown(&text);
                self.counted.unreadable(path);
            }
        }
    }

    fn count_taken_back(&mut self, rules: &Rules, path: &RelativePath, name: &[u8], bytes: u64) {
        if !self.selection.takes_back {
            return;
        }
        let by = rules.deciding(&path.child(name), false);
        if let Some(place) = by.and_then(|by| self.selection.place(by)) {
            self.counted.taken_back.entry(place).or_default().add(bytes);
        }
    }

    fn example(&mut self, cause: Cause, path: String) {
        let Left { examples, .. } = self.counted.left_out.entry(cause).or_default();
        if examples.len() < MOST_EXAMPLES {
            examples.push(path);
        }
    }

    fn child(&self, parent: &str, name: &[u8]) -> String {
        let name = String::from_utf8_lossy(name);
        if parent.is_empty() {
            return name.into_owned();
        }
        format!("{parent}{}{name}", std::path::MAIN_SEPARATOR)
    }

    fn shown(&self, text: &str) -> String {
        format!("{}{text}", self.source.prefix)
    }
}

/// Only files have bytes that are read.
fn bytes_of(kind: Kind, size: u64) -> u64 {
    if kind == Kind::File { size } else { 0 }
}
