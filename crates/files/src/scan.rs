//! Listing of one directory with the ignore rules applied.

use std::io;
use std::sync::Arc;

use holdfast_planning::ignore::{
    CACHE_TAG_NAME, FilePolicy, IgnoreFile, PatternError, RelativePath, Rules, is_cache_tag,
};

use crate::listing::{Listed, Listing};
use crate::metadata::Kind;
use crate::tree::SourceDirectory;

/// Largest ignore file that is read, in bytes.
const IGNORE_FILE_LIMIT: usize = 64 << 20;

/// Bytes of a cache tag that decide.
const CACHE_TAG_LENGTH: usize = 43;

/// What [`scan_directory`] needs to know about a directory.
#[derive(Clone, Copy)]
pub struct ScanRequest<'a> {
    /// Its path below the snapshot root.
    pub path: &'a RelativePath,
    /// The rules of the directory above, or [`Rules::none`].
    pub rules: &'a Arc<Rules>,
    /// The policy defined for exactly this directory; for the root the effective one.
    pub policy: Option<&'a FilePolicy>,
    /// Whether a directory marked as a cache is stored empty.
    pub skip_caches: bool,
    /// Device of the directory.
    pub device: u64,
}

/// A listed directory.
#[derive(Debug)]
pub struct Scan {
    /// What belongs to the snapshot, sorted.
    pub listing: Listing,
    /// The rules in force for the entries and the directories below.
    pub rules: Arc<Rules>,
    /// Exclusions by name, counted once for each level of rules that excludes.
    pub excluded: Excluded,
    /// Whether the directory is marked as a cache, and so appears empty.
    pub is_cache: bool,
}

/// How much the names excluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excluded {
    /// Files and other non-directories.
    pub files: u64,
    /// Their sizes, in bytes.
    pub bytes: u64,
    /// Directories.
    pub directories: u64,
}

/// Why a directory could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The directory itself.
    #[error("list the directory: {0}")]
    List(#[source] io::Error),
    /// An ignore file that is a dangling link or cannot be read.
    #[error("read the ignore file {name:?}: {source}")]
    IgnoreFile {
        /// Its name.
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// A rule of the directory's policy or of an ignore file.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// Why an entry does not belong to the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// A pattern says so.
    ByName,
    /// It lies on another file system than its directory.
    OtherFileSystem,
    /// It is larger than allowed.
    TooLarge,
}

/// Lists a directory and leaves out what the rules exclude (format 2 §5.5).
pub fn scan_directory(
    directory: &dyn SourceDirectory,
    request: ScanRequest<'_>,
) -> Result<Scan, ScanError> {
    scan_directory_with(directory, request, |_, _, _| ())
}

/// The same, telling of each entry that is left out, with the rules in force. Of a directory that is marked as a cache
/// nothing is told.
pub fn scan_directory_with(
    directory: &dyn SourceDirectory,
    request: ScanRequest<'_>,
    left_out: impl FnMut(&Rules, Listed<'_>, LeftOut),
) -> Result<Scan, ScanError> {
    let mut listing = directory.list().map_err(ScanError::List)?;
    if request.skip_caches && has_cache_tag(directory, &listing) {
        listing.clear();
        let rules = Arc::clone(request.rules);
        let excluded = Excluded {
            directories: 1,
            ..Excluded::default()
        };
        return Ok(Scan {
            listing,
            rules,
            excluded,
            is_cache: true,
        });
    }
    let contents = ignore_files(
        directory,
        &listing,
        request.rules.ignore_files(request.policy),
    )?;
    let files: Vec<IgnoreFile<'_>> = contents
        .iter()
        .map(|content| IgnoreFile { content })
        .collect();
    let rules = request.rules.enter(request.path, request.policy, &files)?;
    let excluded = apply(&rules, &mut listing, request.path, request.device, left_out);
    Ok(Scan {
        listing,
        rules,
        excluded,
        is_cache: false,
    })
}

fn has_cache_tag(directory: &dyn SourceDirectory, listing: &Listing) -> bool {
    let Some(tag) = listing.find(CACHE_TAG_NAME.as_bytes()) else {
        return false;
    };
    if tag.metadata.kind != Kind::File || tag.metadata.size < CACHE_TAG_LENGTH as u64 {
        return false;
    }
    let mut beginning = [0; CACHE_TAG_LENGTH];
    // A tag that cannot be read marks nothing.
    directory
        .read_small(tag.name, CACHE_TAG_LENGTH, &mut beginning)
        .is_ok_and(|read| is_cache_tag(&beginning[..read]))
}

fn ignore_files(
    directory: &dyn SourceDirectory,
    listing: &Listing,
    names: &[String],
) -> Result<Vec<Vec<u8>>, ScanError> {
    let mut contents = Vec::new();
    for name in names {
        let Some(found) = listing.find(name.as_bytes()) else {
            continue;
        };
        if !matches!(found.metadata.kind, Kind::File | Kind::Symlink) {
            continue;
        }
        let failed = |source| ScanError::IgnoreFile {
            name: name.clone(),
            source,
        };
        match directory
            .read_following(found.name, IGNORE_FILE_LIMIT)
            .map_err(failed)?
        {
            Some(content) => contents.push(content),
            None => {
                return Err(failed(io::Error::other(
                    "it does not lead to a regular file",
                )));
            }
        }
    }
    Ok(contents)
}

fn apply(
    rules: &Rules,
    listing: &mut Listing,
    path: &RelativePath,
    device: u64,
    mut left_out: impl FnMut(&Rules, Listed<'_>, LeftOut),
) -> Excluded {
    let mut excluded = Excluded::default();
    let mut text = path.clone();
    let length = text.len();
    let mut keep = |entry: Listed<'_>| {
        let is_directory = entry.metadata.kind == Kind::Directory;
        if rules.has_patterns() {
            text.truncate(length);
            text.push(entry.name);
            let decision = rules.decide(&text, is_directory);
            let times = u64::from(decision.exclusions);
            if is_directory {
                excluded.directories += times;
            } else {
                excluded.files += times;
                excluded.bytes += times * entry.metadata.size;
            }
            if !decision.included {
                left_out(rules, entry, LeftOut::ByName);
                return false;
            }
        }
        if rules.stays_on_file_system() && entry.metadata.device != device {
            left_out(rules, entry, LeftOut::OtherFileSystem);
            return false;
        }
        if rules.exceeds_size_limit(entry.metadata.size) {
            left_out(rules, entry, LeftOut::TooLarge);
            return false;
        }
        true
    };
    listing.retain(&mut keep);
    excluded
}
