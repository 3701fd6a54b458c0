//! Policies of the directories below a source during an upload (format 2 §7.4).

use std::collections::BTreeMap;

use super::Policy;

/// The effective policy of a source and the policies defined below it, as stored and not merged.
#[derive(Debug, Clone, Default)]
pub struct PolicyTree {
    root: Policy,
    below: BTreeMap<String, Policy>,
}

impl PolicyTree {
    /// A tree from the effective policy of the source and the policies of paths below it. Paths are relative to
    /// the source, with `/` between their parts.
    pub fn new(root: Policy, below: impl IntoIterator<Item = (String, Policy)>) -> Self {
        let key = |path: String| path.trim_start_matches("./").trim_matches('/').to_owned();
        Self {
            root,
            below: below
                .into_iter()
                .map(|(path, policy)| (key(path), policy))
                .collect(),
        }
    }

    /// The same tree with another policy of the source.
    pub fn with_root(self, root: Policy) -> Self {
        Self { root, ..self }
    }

    /// The policy of the source.
    pub fn root(&self) -> &Policy {
        &self.root
    }

    /// Whether policies are defined below the source at all.
    pub fn is_flat(&self) -> bool {
        self.below.is_empty()
    }

    /// The policy that applies to a relative path, `.` or empty for the source itself.
    ///
    /// Below a directory with a policy of its own only that one counts; what it does not set is not set.
    pub fn policy(&self, path: &str) -> &Policy {
        let mut path = relative(path);
        while !path.is_empty() {
            if let Some(policy) = self.below.get(path) {
                return policy;
            }
            path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
        &self.root
    }

    /// The policy defined for exactly this path. The source itself always has one.
    pub fn defined(&self, path: &str) -> Option<&Policy> {
        match relative(path) {
            "" => Some(&self.root),
            path => self.below.get(path),
        }
    }
}

fn relative(path: &str) -> &str {
    let path = path.strip_prefix("./").unwrap_or(path);
    if path == "." { "" } else { path }
}
