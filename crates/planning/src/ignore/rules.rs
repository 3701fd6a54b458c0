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

/// The pattern that had the last word about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deciding {
    /// The level of rules it belongs to, counted from the outside; the snapshot root has level 1.
    pub level: usize,
    /// Its place in that level: the policy's patterns in order, then those of the ignore files.
    pub index: usize,
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

    /// Which pattern decided about an entry; `None` when none did, and it is included. Otherwise it is included when that
    /// pattern is a negated one.
    pub fn deciding(&self, path: &RelativePath, is_directory: bool) -> Option<Deciding> {
        self.last_word(path.characters(), is_directory).by
    }

    fn last_word(&self, path: &[char], is_directory: bool) -> LastWord {
        let mut word = match &self.parent {
            Some(parent) => {
                let word = parent.last_word(path, is_directory);
                LastWord {
                    level: word.level + 1,
                    ..word
                }
            }
            None => LastWord::default(),
        };
        for (index, pattern) in self.patterns.iter().enumerate() {
            if pattern.is_negated() != word.ignored {
                continue;
            }
            let ignored = pattern.matches(path, is_directory);
            if ignored != word.ignored {
                word.ignored = ignored;
                word.by = Some(Deciding {
                    level: word.level,
                    index,
                });
            }
        }
        word
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

/// What the rules up to a level say.
#[derive(Default)]
struct LastWord {
    ignored: bool,
    by: Option<Deciding>,
    level: usize,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What decides about an entry, and whether it is included.
    fn word(rules: &Rules, path: &[&[u8]], is_directory: bool) -> (bool, Option<(usize, usize)>) {
        let mut text = RelativePath::root();
        for name in path {
            text.push(name);
        }
        let by = rules
            .deciding(&text, is_directory)
            .map(|by| (by.level, by.index));
        (rules.decide(&text, is_directory).included, by)
    }

    #[test]
    fn the_last_pattern_that_changes_the_verdict_decides() {
        let policy = FilePolicy {
            ignore: ["*.tmp", "cache/", "!keep.tmp", "*.tmp"]
                .map(str::to_owned)
                .to_vec(),
            ..FilePolicy::default()
        };
        let root = Rules::none()
            .enter(&RelativePath::root(), Some(&policy), &[])
            .expect("rules");
        assert_eq!(word(&root, &[b"a.txt"], false), (true, None));
        assert_eq!(word(&root, &[b"a.tmp"], false), (false, Some((1, 0))));
        assert_eq!(word(&root, &[b"cache"], true), (false, Some((1, 1))));
        assert_eq!(word(&root, &[b"cache"], false), (true, None));
        // Taken back by the third and left out again by the fourth.
        assert_eq!(word(&root, &[b"keep.tmp"], false), (false, Some((1, 3))));

        let below = RelativePath::root().child(b"sub");
        let content = b"# a comment\n!*.tmp\n*.bak\n";
        let sub = root
            .enter(&below, None, &[IgnoreFile { content }])
            .expect("rules");
        assert_eq!(word(&sub, &[b"sub", b"a.tmp"], false), (true, Some((2, 0))));
        assert_eq!(
            word(&sub, &[b"sub", b"a.bak"], false),
            (false, Some((2, 1)))
        );
    }

    #[test]
    fn nothing_decides_where_there_are_no_rules() {
        assert_eq!(word(&Rules::none(), &[b"a"], false), (true, None));
    }
}
