//! The size of the sources, found beside the upload so that its progress has a denominator.

use std::sync::Arc;

use holdfast_files::{Kind, RootNode, ScanRequest, SourceDirectory, SourceTree, scan_directory};
use holdfast_planning::ignore::{RelativePath, Rules};
use holdfast_repository::policy::PolicyTree;

use super::directory::file_policy;

/// Files and bytes of a source after the ignore rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Estimate {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

struct Pending {
    directory: Arc<dyn SourceDirectory>,
    path: RelativePath,
    text: String,
    rules: Arc<Rules>,
    device: u64,
}

/// Adds up a source without reading files. What cannot be read counts nothing: the upload reports it. `None` when `stop`
/// says so before the end.
pub(super) fn estimate(
    tree: &dyn SourceTree,
    policies: &PolicyTree,
    stop: &dyn Fn() -> bool,
) -> Option<Estimate> {
    let mut sum = Estimate::default();
    let Ok(root) = tree.root() else {
        return Some(sum);
    };
    let RootNode::Directory(directory) = root.node else {
        return Some(Estimate {
            files: 1,
            bytes: root.metadata.size,
        });
    };
    let (path, text, rules) = (RelativePath::root(), String::new(), Rules::none());
    let mut pending = vec![Pending {
        directory,
        path,
        text,
        rules,
        device: root.metadata.device,
    }];
    while let Some(next) = pending.pop() {
        if stop() {
            return None;
        }
        let policy = policies.policy(&next.text);
        let defined = policies
            .defined(&next.text)
            .map(|policy| file_policy(&policy.files));
        let request = ScanRequest {
            path: &next.path,
            rules: &next.rules,
            policy: defined.as_ref(),
            skip_caches: policy.files.ignore_cache_dirs.unwrap_or(true),
            device: next.device,
        };
        let Ok(scan) = scan_directory(next.directory.as_ref(), request) else {
            continue;
        };
        for entry in scan.listing.iter() {
            match entry.metadata.kind {
                Kind::File => {
                    sum.files += 1;
                    sum.bytes += entry.metadata.size;
                }
                Kind::Symlink => sum.files += 1,
                Kind::Directory => {
                    let Ok(directory) = next.directory.open_directory(entry.name) else {
                        continue;
                    };
                    let name = String::from_utf8_lossy(entry.name);
                    let text = if next.text.is_empty() {
                        name.into_owned()
                    } else {
                        format!("{}/{name}", next.text)
                    };
                    let path = next.path.child(entry.name);
                    let rules = Arc::clone(&scan.rules);
                    pending.push(Pending {
                        directory,
                        path,
                        text,
                        rules,
                        device: entry.metadata.device,
                    });
                }
                Kind::Other => {}
            }
        }
    }
    Some(sum)
}
