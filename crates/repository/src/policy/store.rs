//! The policies of a repository.

use super::{Policy, PolicyTarget, PolicyTree, effective, hierarchy, policy_labels, validate};
use crate::json::from_slice;
use crate::manifest::{Manifest, ManifestEdits, Manifests, labels};
use crate::source::{SourceIdentity, nested_path};
use crate::{Error, Result};

/// The policy defined for a target itself; the latest if there are several.
///
/// # Errors
/// [`Error::Damaged`] naming the manifest when its payload cannot be read.
pub fn defined(manifests: &Manifests, target: &PolicyTarget) -> Result<Option<Policy>> {
    manifests
        .latest(&policy_labels(target))
        .map(read)
        .transpose()
}

/// What applies to a source: its own policy, those of the levels above and the defaults, merged (format 2 §7.3).
///
/// # Errors
/// As [`defined`].
pub fn effective_policy(manifests: &Manifests, source: &SourceIdentity) -> Result<Policy> {
    let mut levels = Vec::new();
    for (level, target) in hierarchy(source).iter().enumerate() {
        // Where two clients stored one policy at the same time, both take part, oldest first.
        for manifest in manifests.find(&policy_labels(target)) {
            levels.push(read(manifest)?);
        }
        if level == 0 && levels.is_empty() {
            levels.push(Policy::default());
        }
    }
    Ok(effective(&levels))
}

/// The policies that an upload of the source applies (format 2 §7.4).
///
/// # Errors
/// As [`defined`].
pub fn policy_tree(manifests: &Manifests, source: &SourceIdentity) -> Result<PolicyTree> {
    let mut wanted = labels([("type", "policy"), ("policyType", "path")]);
    wanted.insert("hostname".to_owned(), source.host.clone());
    wanted.insert("username".to_owned(), source.user_name.clone());
    let mut below = Vec::new();
    for manifest in manifests.find(&wanted) {
        let path = manifest.labels.get("path").map_or("", String::as_str);
        if let Some(relative) = nested_path(&source.path, path) {
            below.push((relative, read(manifest)?));
        }
    }
    Ok(PolicyTree::new(effective_policy(manifests, source)?, below))
}

/// Stores the policy of a target in place of the one it has.
///
/// # Errors
/// [`Error::InvalidParameter`] for a policy that must not be stored.
pub fn set(
    edits: &mut ManifestEdits,
    manifests: &Manifests,
    target: &PolicyTarget,
    policy: &Policy,
) -> Result<()> {
    validate(target, policy).map_err(|error| Error::InvalidParameter {
        what: "policy",
        reason: error.to_string(),
    })?;
    edits.replace(manifests, policy_labels(target), policy)?;
    Ok(())
}

/// Removes the policy of a target, if it has one.
pub fn remove(edits: &mut ManifestEdits, manifests: &Manifests, target: &PolicyTarget) {
    let wanted = policy_labels(target);
    for manifest in manifests.find(&wanted) {
        if manifest.labels == wanted {
            edits.delete_id(manifests, &manifest.id);
        }
    }
}

fn read(manifest: &Manifest) -> Result<Policy> {
    from_slice(manifest.data.get().as_bytes())
        .map_err(|error| Error::damaged(format_args!("policy {}", manifest.id), error))
}
