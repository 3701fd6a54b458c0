//! Levels of rules: what the policies and ignore files of a directory and of those above it say about an entry.

use std::sync::Arc;

use super::matching::Pattern;
use super::parse::PatternError;
use super::path::RelativePath;

/// Name of the file that marks a directory as a cache whose content is not stored.
pub const CACHE_TAG_NAME: &str = "CACHEDIR.TAG";

const CACHE_TAG_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Lines of this many bytes or more end an ignore file without an error.
const LONGEST_LINE: usize = 64 * 1024;

/// Whether the beginning of a [`CACHE_TAG_NAME`] file carries the signature; shorter content never does.
pub fn is_cache_tag(content: &[u8]) -> bool {
    content.starts_with(CACHE_TAG_SIGNATURE)
}

/// The part of a policy that selects files, as defined for one directory (not merged with its parents').
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePolicy {
    /// Patterns, in order.
    pub ignore: Vec<String>,
    /// Names of the files whose lines are further patterns.
    pub ignore_files: Vec<String>,
    /// Entries larger than this many bytes are left out; 0 inherits the limit of the level above.
    pub max_file_size: i64,
    /// Whether entries on another file system are left out; unset means they are stored.
    pub one_file_system: Option<bool>,
}

/// Content of one ignore file found in a directory.
#[derive(Clone, Copy, Debug)]
pub struct IgnoreFile<'a> {
    /// Its text; bytes that are not UTF-8 are read as U+FFFD.
    pub content: &'a [u8],
}

/// What the rules say about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the entry is part of the snapshot.
    pub included: bool,
    /// How many levels excluded it by name, which is how often the snapshot's statistics count it.
    pub exclusions: u32,
}

/// The rules in force in a directory.
#[derive(Debug, Default)]
pub struct Rules {
    parent: Option<Arc<Rules>>,
    patterns: Vec<Pattern>,
    ignore_files: Vec<String>,
    max_file_size: i64,
    one_file_system: bool,
    /// Whether neither this level nor one above has a pattern.
    without_patterns: bool,
}

impl Rules {
    /// The level above the snapshot root, which says nothing.
    pub fn none() -> Arc<Self> {
        Arc::new(Self {
            without_patterns: true,
            ..Self::default()
        })
    }

    /// The names of the ignore files to look for in a directory below this level, for which `policy` is defined.
    /// Only regular files and symbolic links to them count.
    pub fn ignore_files<'a>(&'a self, policy: Option<&'a FilePolicy>) -> &'a [String] {
        policy.map_or(&self.ignore_files, |policy| &policy.ignore_files)
    }

    /// The rules inside the directory at `path`: `policy` is the one defined for exactly this directory (for the
    /// snapshot root its effective policy), `files` the ignore files found in it, in the order of
    /// [`ignore_files`](Self::ignore_files).
    ///
    /// # Errors
    /// A pattern that cannot be parsed makes the whole directory unusable, as in every other reader of these files.
    pub fn enter(
        self: &Arc<Self>,
        path: &RelativePath,
        policy: Option<&FilePolicy>,
        files: &[IgnoreFile<'_>],
    ) -> Result<Arc<Self>, PatternError> {
        if policy.is_none() && files.is_empty() {
            return Ok(Arc::clone(self));
        }
        let base: String = path.characters().iter().collect();
        let mut patterns = Vec::new();
        for rule in policy.into_iter().flat_map(|policy| &policy.ignore) {
            patterns.push(Pattern::parse(&base, rule)?);
        }
        for file in files {
            parse_lines(&base, file.content, &mut patterns)?;
        }
        let own_limit = policy.map_or(0, |policy| policy.max_file_size);
        Ok(Arc::new(Self {
            without_patterns: self.without_patterns && patterns.is_empty(),
            patterns,
            ignore_files: unique(self.ignore_files(policy)),
            max_file_size: if own_limit != 0 {
                own_limit
            } else {
                self.max_file_size
            },
            one_file_system: match policy {
                Some(policy) => policy.one_file_system.unwrap_or(false),
                None => self.one_file_system,
            },
            parent: Some(Arc::clone(self)),
        }))
    }

    /// Whether names decide anything here; when not, [`decide`](Self::decide) includes every entry and the path need
    /// not be built.
    pub fn has_patterns(&self) -> bool {
        !self.without_patterns
    }

    /// What the names say about an entry of a directory in which these rules are in force.
    pub fn decide(&self, path: &RelativePath, is_directory: bool) -> Decision {
        let mut exclusions = 0;
        let ignored = self.ignores(path.characters(), is_directory, &mut exclusions);
        Decision {
            included: !ignored,
            exclusions,
        }
    }

    fn ignores(&self, path: &[char], is_directory: bool, exclusions: &mut u32) -> bool {
        if self.without_patterns {
            return false;
        }
        let mut ignored = match &self.parent {
            Some(parent) => parent.ignores(path, is_directory, exclusions),
            None => false,
        };
        for pattern in &self.patterns {
            // Only a pattern that could change the verdict is asked.
            if pattern.is_negated() == ignored {
                ignored = pattern.matches(path, is_directory);
            }
        }
        *exclusions += u32::from(ignored);
        ignored
    }

    /// Whether an entry of `size` bytes is too large. Directories have size 0, symbolic links that of their target text.
    pub fn exceeds_size_limit(&self, size: u64) -> bool {
        u64::try_from(self.max_file_size).is_ok_and(|limit| limit > 0 && size > limit)
    }

    /// Whether entries on another file system than their directory are left out.
    pub fn stays_on_file_system(&self) -> bool {
        self.one_file_system
    }
}

fn unique(names: &[String]) -> Vec<String> {
    let mut unique: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        if !unique.contains(name) {
            unique.push(name.clone());
        }
    }
    unique
}

fn parse_lines(
    base: &str,
    content: &[u8],
    patterns: &mut Vec<Pattern>,
) -> Result<(), PatternError> {
    for line in content.split(|&byte| byte == b'\n') {
        if line.len() >= LONGEST_LINE {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = String::from_utf8_lossy(line);
        if text.starts_with('#') || text.trim().is_empty() {
            continue;
        }
        patterns.push(Pattern::parse(base, &text)?);
    }
    Ok(())
}
