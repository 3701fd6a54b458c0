//! Single patterns, base directories, malformed patterns and whole trees, as the format's reference program decides them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holdfast_planning::ignore::{
    CACHE_TAG_NAME, FilePolicy, IgnoreFile, Pattern, RelativePath, Rules, is_cache_tag,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    matched_paths: Vec<String>,
    matched_paths_with_base: Vec<String>,
    single: Vec<Single>,
    base: Vec<Single>,
    pattern_errors: Vec<Malformed>,
    trees: Vec<Tree>,
}

#[derive(Deserialize)]
struct Single {
    #[serde(default)]
    base: String,
    pattern: String,
    matches: Option<Vec<String>>,
    #[serde(default)]
    negated: bool,
}

#[derive(Deserialize)]
struct Malformed {
    pattern: String,
    error: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tree {
    name: String,
    files: BTreeMap<String, String>,
    policies: BTreeMap<String, Policy>,
    included: Option<Vec<String>>,
    reported_ignored: BTreeMap<String, u32>,
}

#[derive(Clone, Deserialize)]
struct Policy {
    #[serde(default)]
    files: Files,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Files {
    ignore: Vec<String>,
    ignore_dot_files: Vec<String>,
    ignore_cache_dirs: Option<bool>,
    max_file_size: i64,
    one_file_system: Option<bool>,
}

fn vectors() -> Vectors {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/data/kopia/vectors/ignore.json"
    );
    serde_json::from_slice(&std::fs::read(path).expect("read the vectors"))
        .expect("parse the vectors")
}

fn matched(pattern: &Pattern, paths: &[String]) -> Vec<String> {
    let matches = |path: &&String| {
        let directory = path.len() > 1 && path.ends_with('/');
        let text: Vec<char> = if directory {
            &path[..path.len() - 1]
        } else {
            path
        }
        .chars()
        .collect();
        pattern.matches(&text, directory)
    };
    paths.iter().filter(matches).cloned().collect()
}

#[test]
fn single_patterns() {
    let vectors = vectors();
    for case in &vectors.single {
        let pattern = Pattern::parse("", &case.pattern).expect("a well-formed pattern");
        assert_eq!(pattern.is_negated(), case.negated, "{:?}", case.pattern);
        let expected = case.matches.clone().unwrap_or_default();
        assert_eq!(
            matched(&pattern, &vectors.matched_paths),
            expected,
            "{:?}",
            case.pattern
        );
    }
}

#[test]
fn patterns_with_a_base_directory() {
    let vectors = vectors();
    for case in &vectors.base {
        let pattern = Pattern::parse(&case.base, &case.pattern).expect("a well-formed pattern");
        let expected = case.matches.clone().unwrap_or_default();
        assert_eq!(
            matched(&pattern, &vectors.matched_paths_with_base),
            expected,
            "{:?} in {:?}",
            case.pattern,
            case.base
        );
    }
}

#[test]
fn malformed_patterns() {
    for case in &vectors().pattern_errors {
        assert_eq!(
            Pattern::parse("", &case.pattern).is_err(),
            case.error,
            "{:?}",
            case.pattern
        );
    }
}

#[test]
fn whole_trees() {
    for tree in &vectors().trees {
        let walk = Walk::of(tree);
        assert_eq!(
            walk.included,
            tree.included.clone().unwrap_or_default(),
            "{}",
            tree.name
        );
        assert_eq!(walk.reported, tree.reported_ignored, "{}", tree.name);
    }
}

/// A walk over the files of a vector.
struct Walk<'a> {
    tree: &'a Tree,
    included: Vec<String>,
    reported: BTreeMap<String, u32>,
}

impl<'a> Walk<'a> {
    fn of(tree: &'a Tree) -> Self {
        let mut walk = Self {
            tree,
            included: Vec::new(),
            reported: BTreeMap::new(),
        };
        walk.directory("", &RelativePath::root(), &Rules::none(), None);
        walk.included.sort();
        walk
    }

    fn content(&self, path: &str) -> Option<&'a str> {
        let content = self.tree.files.get(path)?;
        match content.strip_prefix('@') {
            Some(target) => self.content(target),
            None => Some(content),
        }
    }

    fn directory(
        &mut self,
        prefix: &str,
        path: &RelativePath,
        parent: &Arc<Rules>,
        above: Option<&Files>,
    ) {
        let key = if prefix.is_empty() {
            ".".to_owned()
        } else {
            format!("./{}", &prefix[..prefix.len() - 1])
        };
        let defined = self.tree.policies.get(&key).map(|policy| &policy.files);
        let nearest = defined.or(above);
        if nearest
            .and_then(|files| files.ignore_cache_dirs)
            .unwrap_or(true)
            && self
                .content(&format!("{prefix}{CACHE_TAG_NAME}"))
                .is_some_and(|tag| is_cache_tag(tag.as_bytes()))
        {
            *self
                .reported
                .entry(key.trim_start_matches("./").to_owned())
                .or_default() += 1;
            return;
        }
        let policy = defined.map(|files| FilePolicy {
            ignore: files.ignore.clone(),
            ignore_files: files.ignore_dot_files.clone(),
            max_file_size: files.max_file_size,
            one_file_system: files.one_file_system,
        });
        let contents: Vec<&str> = parent
            .ignore_files(policy.as_ref())
            .iter()
            .filter_map(|name| self.content(&format!("{prefix}{name}")))
            .collect();
        let files: Vec<IgnoreFile<'_>> = contents
            .iter()
            .map(|content| IgnoreFile {
                content: content.as_bytes(),
            })
            .collect();
        let rules = parent
            .enter(path, policy.as_ref(), &files)
            .expect("well-formed rules");

        let names: BTreeSet<(String, bool)> = self
            .tree
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(prefix))
            .filter(|rest| !rest.is_empty())
            .map(|rest| match rest.split_once('/') {
                Some((name, _)) => (name.to_owned(), true),
                None => (rest.to_owned(), false),
            })
            .collect();
        for (name, is_directory) in names {
            let child = path.child(name.as_bytes());
            let full = format!("{prefix}{name}");
            let decision = rules.decide(&child, is_directory);
            if decision.exclusions > 0 {
                *self.reported.entry(full.clone()).or_default() += decision.exclusions;
            }
            let size = match self
                .tree
                .files
                .get(&full)
                .map(|content| content.strip_prefix('@').unwrap_or(content))
            {
                Some(content) => content.len() as u64,
                None => 0,
            };
            if !decision.included || rules.exceeds_size_limit(size) {
                continue;
            }
            if is_directory {
                self.included.push(format!("{full}/"));
                self.directory(&format!("{full}/"), &child, &rules, nearest);
            } else {
                self.included.push(full);
            }
        }
    }
}
