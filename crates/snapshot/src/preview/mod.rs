//! What a backup would take and leave out, and which rule decides. Only directories and ignore files are read; the same
//! scan selects the files as in an upload.

mod count;
mod explain;

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_files::{LeftOut, Listed, SourceTree};
use holdfast_planning::ignore::{Deciding, FilePolicy, RelativePath, Rules};
use holdfast_repository::policy::{Policy, effective};

use crate::create::file_policy;

pub use count::preview;
pub use explain::{Explanation, Verdict, explain};

/// Most examples of one cause.
pub(crate) const MOST_EXAMPLES: usize = 3;

/// Why something is not part of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A pattern of the policy, by its place.
    Pattern(usize),
    /// A pattern of an ignore file.
    IgnoreFile,
    /// It lies on another file system.
    OtherFileSystem,
    /// It is larger than allowed.
    TooLarge,
    /// It lies in a directory that is marked as a cache.
    Cache,
}

/// Files and their bytes. A symbolic link counts as a file without bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Number of files.
    pub files: u64,
    /// Their sizes, in bytes.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// A tree to look at.
#[derive(Clone)]
pub struct PreviewSource {
    /// What its entries are called before their path below it, with the separator at the end.
    pub prefix: String,
    /// The tree.
    pub tree: Arc<dyn SourceTree>,
}

/// What would be taken of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Files.
    pub amount: Amount,
    /// Directories, the root included.
    pub directories: u64,
    /// Why the root cannot be read.
    pub error: Option<String>,
}

/// What one cause leaves out, with everything in the directories that it leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Files.
    pub amount: Amount,
    /// Directories.
    pub directories: u64,
    /// The first few paths that were left out themselves.
    pub examples: Vec<String>,
}

/// The counts so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// One for each source.
    pub sources: Vec<Taken>,
    /// What is left out, by cause.
    pub left_out: BTreeMap<Cause, Left>,
    /// Files that are there because a negated pattern of the policy took them back, by its place.
    pub taken_back: BTreeMap<usize, Amount>,
    /// Entries and directories that cannot be read.
    pub unreadable: u64,
    /// The first few of them.
    pub unreadable_examples: Vec<String>,
}

impl Preview {
    fn unreadable(&mut self, path: String) {
        self.unreadable += 1;
        if self.unreadable_examples.len() < MOST_EXAMPLES {
            self.unreadable_examples.push(path);
        }
    }
}

/// The settings that select files, with the defaults where the policy says nothing.
struct Selection {
    policy: FilePolicy,
    skip_caches: bool,
    /// Whether a pattern takes files back.
    takes_back: bool,
}

impl Selection {
    fn new(policy: &Policy) -> Self {
        let files = effective([policy]).files;
        Self {
            skip_caches: files.ignore_cache_dirs.unwrap_or(true),
            takes_back: files.ignore.iter().any(|rule| rule.starts_with('!')),
            policy: file_policy(&files),
        }
    }

    /// The place of a pattern in the policy, unless it is one of an ignore file.
    fn place(&self, by: Deciding) -> Option<usize> {
        (by.level == 1 && by.index < self.policy.ignore.len()).then_some(by.index)
    }

    /// Why an entry of the directory at `path` was left out.
    fn cause(&self, rules: &Rules, path: &RelativePath, entry: Listed<'_>, why: LeftOut) -> Cause {
        let is_directory = entry.metadata.kind == holdfast_files::Kind::Directory;
        match why {
            LeftOut::OtherFileSystem => Cause::OtherFileSystem,
            LeftOut::TooLarge => Cause::TooLarge,
            LeftOut::ByName => self.cause_of_name(rules, &path.child(entry.name), is_directory),
        }
    }

    fn cause_of_name(&self, rules: &Rules, path: &RelativePath, is_directory: bool) -> Cause {
        rules
            .deciding(path, is_directory)
            .and_then(|by| self.place(by))
            .map_or(Cause::IgnoreFile, Cause::Pattern)
    }
}
