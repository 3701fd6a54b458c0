//! Which rule decides about one path.

use std::sync::Arc;

use holdfast_files::{Kind, RootNode, ScanRequest, SourceTree, scan_directory_with};
use holdfast_planning::ignore::{RelativePath, Rules};
use holdfast_repository::policy::Policy;

use super::{Cause, Selection};
use crate::error::{Error, Result};

/// Whether a path is part of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is; perhaps because a negated pattern of the policy took it back.
    Taken {
        /// The place of that pattern.
        by: Option<usize>,
    },
    /// It is not, or a directory above it is not.
    LeftOut(Cause),
}

/// What decides about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The verdict.
    pub verdict: Verdict,
    /// How many of the path's names lead to the entry about which was decided.
    pub depth: usize,
    /// Whether the path exists. One that does not is judged by its name alone.
    pub exists: bool,
}

/// Says whether `names` below the root of `tree` would be part of a backup under `policy`, and why. `as_directory` says
/// what the last name is when it does not exist.
///
/// # Errors
/// [`Error::Source`] when the root, a directory on the way or its ignore file cannot be read.
pub fn explain(
    tree: &dyn SourceTree,
    policy: &Policy,
    names: &[&[u8]],
    as_directory: bool,
) -> Result<Explanation> {
    let selection = Selection::new(policy);
    let failed = |depth: usize, error: &dyn std::fmt::Display| Error::Source {
        path: names[..depth]
            .iter()
            .map(|name| String::from_utf8_lossy(name))
            .collect::<Vec<_>>()
            .join("/"),
        reason: error.to_string(),
    };
    let root = tree.root().map_err(|error| failed(0, &error))?;
    let taken = |by, depth, exists| Explanation {
        verdict: Verdict::Taken { by },
        depth,
        exists,
    };
    let RootNode::Directory(mut directory) = root.node else {
        return Ok(taken(None, 0, names.is_empty()));
    };
    let (mut path, mut rules, mut device) =
        (RelativePath::root(), Rules::none(), root.metadata.device);
    for (depth, name) in names.iter().enumerate() {
        let is_last = depth + 1 == names.len();
        let request = ScanRequest {
            path: &path,
            rules: &rules,
            policy: path.is_empty().then_some(&selection.policy),
            skip_caches: selection.skip_caches,
            device,
        };
        let mut cause = None;
        let scan = scan_directory_with(directory.as_ref(), request, |rules, entry, why| {
            if entry.name == *name {
                cause = Some(selection.cause(rules, &path, entry, why));
            }
        });
        let scan = scan.map_err(|error| failed(depth, &error))?;
        let left_out = |cause, depth, exists| Explanation {
            verdict: Verdict::LeftOut(cause),
            depth,
            exists,
        };
        if scan.is_cache {
            return Ok(left_out(Cause::Cache, depth, true));
        }
        if let Some(cause) = cause {
            return Ok(left_out(cause, depth + 1, true));
        }
        let child = path.child(name);
        let found = scan.listing.find(name).map(|entry| *entry.metadata);
        match found {
            Some(metadata) if is_last => {
                let by = scan
                    .rules
                    .deciding(&child, metadata.kind == Kind::Directory)
                    .and_then(|by| selection.place(by));
                return Ok(taken(by, names.len(), true));
            }
            Some(metadata) if metadata.kind == Kind::Directory => {
                device = metadata.device;
                directory = directory
                    .open_directory(name)
                    .map_err(|error| failed(depth + 1, &error))?;
            }
            _ => {
                let rest = &names[depth..];
                return Ok(by_name(
                    &selection,
                    &scan.rules,
                    path,
                    rest,
                    depth,
                    as_directory,
                ));
            }
        }
        path = child;
        rules = scan.rules;
    }
    Ok(taken(None, 0, true))
}

/// The verdict about names that do not exist, below a directory with these rules.
fn by_name(
    selection: &Selection,
    rules: &Arc<Rules>,
    mut path: RelativePath,
    names: &[&[u8]],
    above: usize,
    as_directory: bool,
) -> Explanation {
    for (index, name) in names.iter().enumerate() {
        path.push(name);
        let is_last = index + 1 == names.len();
        let is_directory = !is_last || as_directory;
        let depth = above + index + 1;
        if !rules.decide(&path, is_directory).included {
            return Explanation {
                verdict: Verdict::LeftOut(selection.cause_of_name(rules, &path, is_directory)),
                depth,
                exists: false,
            };
        }
        if is_last {
            let by = rules
                .deciding(&path, is_directory)
                .and_then(|by| selection.place(by));
            return Explanation {
                verdict: Verdict::Taken { by },
                depth,
                exists: false,
            };
        }
    }
    Explanation {
        verdict: Verdict::Taken { by: None },
        depth: above,
        exists: false,
    }
}
