//! Where a policy applies, and the levels above it (format 2 §7.1, §7.3).

use crate::manifest::Labels;
use crate::source::{SourceIdentity, parent_path};

/// What a policy is defined for: a source with empty parts for wider levels.
pub type PolicyTarget = SourceIdentity;

/// The labels of the policy manifest of a target.
pub fn policy_labels(target: &PolicyTarget) -> Labels {
    let kind = match (
        target.host.is_empty(),
        target.user_name.is_empty(),
        target.path.is_empty(),
    ) {
        (true, ..) => "global",
        (false, true, _) => "host",
        (false, false, true) => "user",
        (false, false, false) => "path",
    };
    let mut labels = crate::manifest::labels([("type", "policy"), ("policyType", kind)]);
    let parts = [
        ("hostname", &target.host),
        ("username", &target.user_name),
        ("path", &target.path),
    ];
    let used = match kind {
        "global" => 0,
        "host" => 1,
        "user" => 2,
        _ => 3,
    };
    labels.extend(
        parts
            .iter()
            .take(used)
            .map(|(name, value)| ((*name).to_owned(), (*value).clone())),
    );
    labels
}

/// The target that the labels of a policy manifest name.
pub fn policy_target(labels: &Labels) -> PolicyTarget {
    let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
    PolicyTarget::new(label("username"), label("hostname"), label("path"))
}

/// The targets whose policies count for a source, most specific first, ending with the global one.
pub fn hierarchy(source: &SourceIdentity) -> Vec<PolicyTarget> {
    let mut targets = Vec::new();
    if !source.host.is_empty() && !source.user_name.is_empty() {
        let mut path = source.path.as_str();
        while !path.is_empty() {
            targets.push(PolicyTarget {
                path: path.to_owned(),
                ..source.clone()
            });
            let parent = parent_path(path);
            if parent == path {
                break;
            }
            path = parent;
        }
        targets.push(PolicyTarget {
            path: String::new(),
            ..source.clone()
        });
    }
    if !source.host.is_empty() {
        targets.push(PolicyTarget {
            host: source.host.clone(),
            ..PolicyTarget::default()
        });
    }
    targets.push(PolicyTarget::default());
    targets
}
