//! The policies of a repository.

use super::{
    Level, Policy, PolicyDocument, PolicyTarget, PolicyTree, effective, hierarchy, policy_labels,
    policy_target, validate,
};
use crate::manifest::{Manifest, ManifestEdits, ManifestId, Manifests, labels};
use crate::source::{SourceIdentity, nested_path};
use crate::{Error, Result};

/// A policy and its manifest.
#[derive(Debug)]
pub struct StoredPolicy {
    /// Id of the manifest.
    pub id: ManifestId,
    /// For what it is defined.
    pub target: PolicyTarget,
    /// What it says, or why it cannot be read.
    pub document: Result<PolicyDocument>,
}

/// All policies, in the order of their targets; of several for one target the oldest first.
pub fn list(manifests: &Manifests) -> Vec<StoredPolicy> {
    let found = manifests.find(&labels([("type", "policy")]));
    let mut policies: Vec<StoredPolicy> = found
        .into_iter()
        .map(|manifest| StoredPolicy {
            id: manifest.id.clone(),
            target: policy_target(&manifest.labels),
            document: read(manifest),
        })
        .collect();
    policies.sort_by(|left, right| left.target.cmp(&right.target));
    policies
}

/// The policy defined for a target itself; the latest if there are several.
///
/// # Errors
/// [`Error::Damaged`] naming the policy and its manifest when its payload cannot be read.
pub fn defined_document(
    manifests: &Manifests,
    target: &PolicyTarget,
) -> Result<Option<PolicyDocument>> {
    manifests
        .latest(&policy_labels(target))
        .map(read)
        .transpose()
}

/// What is understood of the policy defined for a target itself.
///
/// # Errors
/// As [`defined_document`].
pub fn defined(manifests: &Manifests, target: &PolicyTarget) -> Result<Option<Policy>> {
    Ok(defined_document(manifests, target)?.map(|document| document.policy))
}

/// The policies that count for a source, the most specific first. The first is that of the source itself, empty when none
/// is defined. Where two clients stored one policy at the same time, both take part, oldest first.
///
/// # Errors
/// As [`defined`].
pub fn levels(manifests: &Manifests, source: &SourceIdentity) -> Result<Vec<Level>> {
    let mut levels = Vec::new();
    for (position, target) in hierarchy(source).into_iter().enumerate() {
        for manifest in manifests.find(&policy_labels(&target)) {
            levels.push(Level {
                target: target.clone(),
                policy: read(manifest)?.policy,
            });
        }
        if position == 0 && levels.is_empty() {
            levels.push(Level {
                target,
                policy: Policy::default(),
            });
        }
    }
    Ok(levels)
}

/// What applies to a source: its own policy, those of the levels above and the defaults, merged (format 2 §7.3).
///
/// # Errors
/// As [`defined`]. A policy that cannot be read never counts as none: its rules might keep files or snapshots.
pub fn effective_policy(manifests: &Manifests, source: &SourceIdentity) -> Result<Policy> {
    let levels = levels(manifests, source)?;
    Ok(effective(levels.iter().map(|level| &level.policy)))
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
            below.push((relative, read(manifest)?.policy));
        }
    }
    Ok(PolicyTree::new(effective_policy(manifests, source)?, below))
}

/// Stores the policy of a target in place of the one it has. Members of the present one that this version does not know
/// are kept.
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
    let document = match defined_document(manifests, target) {
        Ok(present) => present.unwrap_or_default().with_policy(policy.clone()),
        Err(error) => {
            tracing::warn!(%target, %error, "a damaged policy is replaced");
            policy.clone().into()
        }
    };
    set_document(edits, manifests, target, &document)
}

/// Stores a document that was checked, in place of the policy that the target has.
///
/// # Errors
/// As [`ManifestEdits::put`].
pub fn set_document(
    edits: &mut ManifestEdits,
    manifests: &Manifests,
    target: &PolicyTarget,
    document: &PolicyDocument,
) -> Result<()> {
    edits.replace(manifests, policy_labels(target), document)?;
    Ok(())
}

/// Removes the policy of a target, if it has one; says whether it had.
pub fn remove(edits: &mut ManifestEdits, manifests: &Manifests, target: &PolicyTarget) -> bool {
    let wanted = policy_labels(target);
    let found = manifests.find(&wanted);
    let own = found.iter().filter(|manifest| manifest.labels == wanted);
    own.clone()
        .for_each(|manifest| edits.delete_id(manifests, &manifest.id));
    own.count() > 0
}

fn read(manifest: &Manifest) -> Result<PolicyDocument> {
    PolicyDocument::parse(manifest.data.get().as_bytes()).map_err(|error| {
        let target = policy_target(&manifest.labels);
        let reason = format!("{error}; `policy delete` removes it, so that it can be set anew");
        Error::damaged(
            format_args!("the policy of {target} (manifest {})", manifest.id),
            reason,
        )
    })
}
