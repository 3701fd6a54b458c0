//! Which entries a search means, by their names.

use std::borrow::Cow;

use crate::ignore::{Pattern, PatternErrorKind};

/// Characters that make a text a pattern rather than a part of a name.
const WILDCARDS: [char; 4] = ['*', '?', '[', '\\'];

/// A part of a name, or a pattern in the language of ignore rules: `*`, `?`, `[…]` and `**`. A pattern with a `/` inside
/// is compared with the whole path below the root of the snapshot, any other with the name.
#[derive(Clone, Debug)]
pub struct NamePattern {
    kind: Kind,
    ignore_case: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Part(String),
    /// The path as it is.
    Exact(String),
    Glob {
        whole: Pattern,
        /// What the last name of the path has to be, as far as that alone can be told.
        name: Option<Pattern>,
    },
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern {pattern:?} {kind}")]
pub struct InvalidNamePattern {
    /// The pattern as it was written.
    pattern: String,
    /// What is wrong with it.
    kind: PatternErrorKind,
}

impl NamePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`InvalidNamePattern`] for an unfinished `[…]` or `\`.
    pub fn parse(text: &str, ignore_case: bool) -> Result<Self, InvalidNamePattern> {
        let folded = fold(text, ignore_case);
        if !folded.contains(WILDCARDS) && !folded.contains('/') {
            return Ok(Self {
                kind: Kind::Part(folded.into_owned()),
                ignore_case,
            });
        }
        let last = folded.rsplit('/').next().unwrap_or_default();
        // A separator inside of brackets is no separator.
        let name = match last.is_empty() || last.contains("**") || folded.contains('[') {
            true => None,
            false => Some(last),
        };
        let pattern = |part: &str| {
            // An exclamation mark in front would turn the rule around.
            let escaped = match part.starts_with('!') {
                true => format!("\\{part}"),
                false => part.to_owned(),
            };
            Pattern::parse("", &escaped).map_err(|error| InvalidNamePattern {
                pattern: text.to_owned(),
                kind: error.kind,
            })
        };
        Ok(Self {
            kind: Kind::Glob {
                whole: pattern(&folded)?,
                name: name.map(pattern).transpose()?,
            },
            ignore_case,
        })
    }

    /// One path and no other; letter case matters and no character has a meaning.
    #[must_use]
    pub fn exact(path: &str) -> Self {
        Self {
            kind: Kind::Exact(path.to_owned()),
            ignore_case: false,
        }
    }

    /// Whether an entry with this name can be meant, wherever it is.
    #[must_use]
    pub fn may_match(&self, name: &str, is_directory: bool) -> bool {
        let name = fold(name, self.ignore_case);
        match &self.kind {
            Kind::Part(part) => name.contains(part.as_str()),
            Kind::Exact(path) => last_name(path) == name,
            Kind::Glob { name: None, .. } => true,
            Kind::Glob {
                name: Some(pattern),
                ..
            } => pattern.matches(&characters(&name), is_directory),
        }
    }

    /// Whether an entry is meant; `path` has `/` between its parts and none in front.
    #[must_use]
    pub fn matches(&self, path: &str, is_directory: bool) -> bool {
        match &self.kind {
            Kind::Part(_) => self.may_match(last_name(path), is_directory),
            Kind::Exact(exact) => exact == path,
            Kind::Glob { whole, .. } => {
                whole.matches(&characters(&fold(path, self.ignore_case)), is_directory)
            }
        }
    }
}

fn last_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn fold(text: &str, ignore_case: bool) -> Cow<'_, str> {
    match ignore_case {
        true => Cow::Owned(text.to_lowercase()),
        false => Cow::Borrowed(text),
    }
}

fn characters(path: &str) -> Vec<char> {
    std::iter::once('/').chain(path.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> NamePattern {
        NamePattern::parse(text, false).expect("a pattern")
    }

    #[test]
    fn names_and_paths() {
        for (text, path, expected) in [
            ("port", "docs/report.txt", true),
            ("port", "port/readme", false),
            ("Port", "docs/report.txt", false),
            ("*.txt", "docs/report.txt", true),
            ("*.txt", "docs/report.txt.gz", false),
            ("report.*", "report.txt", true),
            ("r?port.txt", "docs/report.txt", true),
            ("[a-r]eport.txt", "docs/report.txt", true),
            ("docs/*.txt", "docs/report.txt", true),
            ("docs/*.txt", "old/docs/report.txt", false),
            ("docs/*.txt", "docs/old/report.txt", false),
            ("**/docs/*.txt", "old/docs/report.txt", true),
            ("docs/**", "docs/old/report.txt", true),
            ("docs/**/report.txt", "docs/a/b/report.txt", true),
            ("docs/report.txt", "docs/report.txt", true),
            ("!x", "a!x", true),
            ("!*", "!important", true),
            ("!*", "important", false),
            ("\\*", "a/*", true),
            ("\\*", "a/b", false),
            ("é", "café", true),
        ] {
            let name = path.rsplit('/').next().expect("a name");
            assert_eq!(
                pattern(text).matches(path, false),
                expected,
                "{text} {path}"
            );
            if expected {
                assert!(pattern(text).may_match(name, false), "{text} {path}");
            }
        }
    }

    #[test]
    fn case_can_be_ignored() {
        for text in ["REPORT", "*.TXT", "Docs/*"] {
            let folded = NamePattern::parse(text, true).expect("a pattern");
            assert!(folded.matches("docs/Report.txt", false), "{text}");
            assert!(!pattern(text).matches("docs/Report.txt", false), "{text}");
        }
    }

    #[test]
    fn an_exact_path_has_no_wildcards() {
        let exact = NamePattern::exact("docs/[a] *.txt");
        assert!(exact.matches("docs/[a] *.txt", false));
        assert!(exact.may_match("[a] *.txt", false) && !exact.may_match("a x.txt", false));
        for other in [
            "docs/a x.txt",
            "old/docs/[a] *.txt",
            "[a] *.txt",
            "Docs/[a] *.txt",
        ] {
            assert!(!exact.matches(other, false), "{other}");
        }
    }

    #[test]
    fn what_the_last_name_rules_out_is_not_looked_at() {
        let docs = pattern("docs/*.txt");
        assert!(docs.may_match("report.txt", false));
        assert!(!docs.may_match("report.md", false));
        assert!(pattern("docs/**").may_match("anything", false));
    }

    #[test]
    fn unfinished_patterns_are_refused() {
        for text in ["[a", "a\\", "docs/[a"] {
            let error = NamePattern::parse(text, false).expect_err(text);
            assert!(error.to_string().starts_with("the pattern"), "{error}");
        }
    }
}
