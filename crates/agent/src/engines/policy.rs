//! A job's settings as the repository's policies, in force for the run and stored for stock programs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use holdfast_host::fs;
use holdfast_protocol::agent::{JobPolicy, RunWork, failures};
use holdfast_repository::Repository;
use holdfast_repository::manifest::ManifestEdits;
use holdfast_repository::policy::{Files, Policy, policy_labels};
use holdfast_repository::source::SourceIdentity;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, WorkError};

/// Remembers, per source, the hash of the policy that was stored last.
const HASHES: &str = "policy-hashes.json";

/// The job's settings as a policy that wins over those in the repository.
pub(super) fn policy_of(work: &RunWork) -> Result<Policy, Failure> {
    let mut policy = Policy::default();
    policy.compression.compressor_name = compressor(work.effective_compression())?.to_owned();
    policy.files = file_rules(
        &work.include_globs,
        &work.exclude_globs,
        work.policy_json.as_ref(),
    )
    .files;
    // A run that finds nothing new has a restore point all the same: otherwise the server counts one that is not there.
    policy.retention.ignore_identical_snapshots = Some(false);
    if let Some(retention) = &work.retention_json {
        let keep = |name: &str| retention.get(name).and_then(serde_json::Value::as_i64);
        policy.retention.keep_latest = keep("keep_latest");
        policy.retention.keep_hourly = keep("hourly");
        policy.retention.keep_daily = keep("daily");
        policy.retention.keep_weekly = keep("weekly");
        policy.retention.keep_monthly = keep("monthly");
        policy.retention.keep_annual = keep("annual");
    }
    Ok(policy)
}

/// The format's name of a compression on the wire.
fn compressor(name: &str) -> Result<&'static str, Failure> {
    match name {
        "none" => Ok("none"),
        "zstd-default" | "zstd" => Ok("zstd"),
        "s2" => Ok("s2-default"),
        "pgzip" => Ok("pgzip"),
        other => Err(Failure::new(
            failures::BAD_REQUEST,
            format!("this agent does not know the compression `{other}`; update the agent"),
        )),
    }
}

/// What selects a job's files, in the format's words.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileRules {
    /// The part of the policy.
    pub(crate) files: Files,
    includes: usize,
}

/// Files are left out unless a later rule takes them; folders stay so that what is below them is seen.
const ONLY_TAKE: [&str; 2] = ["*", "!*/"];

impl FileRules {
    /// Where the rules begin that leave out.
    fn excludes_begin(&self) -> usize {
        match self.includes {
            0 => 0,
            some => ONLY_TAKE.len() + some,
        }
    }

    /// The rule that takes, by its place in the policy's list.
    pub(crate) fn include_at(&self, place: usize) -> Option<u32> {
        let rule = place.checked_sub(ONLY_TAKE.len())?;
        (rule < self.includes).then(|| u32::try_from(rule).ok())?
    }

    /// The rule that leaves out, by its place in the policy's list.
    pub(crate) fn exclude_at(&self, place: usize) -> Option<u32> {
        u32::try_from(place.checked_sub(self.excludes_begin())?).ok()
    }
}

/// Rules that leave out what is excluded, and everything but what is included when anything is.
pub(crate) fn file_rules(
    include: &[String],
    exclude: &[String],
    job: Option<&JobPolicy>,
) -> FileRules {
    let mut rules = Vec::new();
    if !include.is_empty() {
        rules.extend(ONLY_TAKE.map(str::to_owned));
        rules.extend(include.iter().map(|glob| format!("!{glob}")));
    }
    rules.extend(exclude.iter().cloned());
    let mut files = Files {
        ignore: rules,
        ..Files::default()
    };
    if let Some(job) = job {
        files.one_file_system = job.one_file_system;
        files.ignore_cache_dirs = job.ignore_cache_dirs;
        files.max_file_size = job
            .max_file_size
            .and_then(|size| i64::try_from(size).ok())
            .unwrap_or_default();
    }
    FileRules {
        files,
        includes: include.len(),
    }
}

/// Stores the job's policy for each source whose policy has changed since this agent stored it last, so that a stock
/// program obeys it too. What somebody changed in between by another program stays until the job itself changes.
pub(super) fn store(
    repository: &Arc<Repository>,
    policy: &Policy,
    sources: &[SourceIdentity],
    state: &Path,
) -> Result<(), WorkError> {
    // Nobody but the server starts runs of a job.
    let mut stored = policy.clone();
    stored.scheduling.manual = true;
    let text = serde_json::to_vec(&stored)
        .map_err(|error| Failure::internal(format!("cannot write the policy: {error}")))?;
    let hash = hex::encode(Sha256::digest(&text));
    let file = state.join(HASHES);
    let mut hashes = read_hashes(&file);
    let changed: Vec<&SourceIdentity> = sources
        .iter()
        .filter(|source| hashes.get(&source.to_string()) != Some(&hash))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let manifests = repository.manifests()?;
    let mut edits = ManifestEdits::new(repository.clock().clone());
    for source in &changed {
        edits.replace(&manifests, policy_labels(source), &stored)?;
    }
    let session = repository.session()?;
    let mut writer = session.writer();
    edits.write(&mut writer)?;
    writer.finish_packs()?;
    drop(writer);
    session.close()?;
    hashes.extend(
        changed
            .into_iter()
            .map(|source| (source.to_string(), hash.clone())),
    );
    write_hashes(&file, &hashes);
    Ok(())
}

fn read_hashes(file: &Path) -> BTreeMap<String, String> {
    // A lost or damaged file costs one more manifest.
    std::fs::read(file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

fn write_hashes(file: &Path, hashes: &BTreeMap<String, String>) {
    let written = serde_json::to_vec_pretty(hashes)
        .map_err(Into::into)
        .and_then(|json| fs::atomic_write(file, &json, 0o600));
    if let Err(error) = written {
        tracing::warn!("cannot remember which policy was stored, it will be stored again: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_names_of_compressions() {
        for (wire, format) in [
            ("none", "none"),
            ("zstd-default", "zstd"),
            ("s2", "s2-default"),
            ("pgzip", "pgzip"),
        ] {
            assert_eq!(compressor(wire).unwrap(), format);
        }
        assert_eq!(
            compressor("brotli").unwrap_err().code,
            failures::BAD_REQUEST
        );
    }

    #[test]
    fn includes_leave_the_rest_out_and_excludes_win() {
        let owned = |globs: &[&str]| {
            globs
                .iter()
                .map(|glob| (*glob).to_owned())
                .collect::<Vec<_>>()
        };
        let rules = file_rules(&[], &owned(&["*.tmp"]), None);
        assert_eq!(rules.files.ignore, ["*.tmp"]);
        assert_eq!((rules.include_at(0), rules.exclude_at(0)), (None, Some(0)));
        let rules = file_rules(&owned(&["*.doc"]), &owned(&["old/"]), None);
        assert_eq!(rules.files.ignore, ["*", "!*/", "!*.doc", "old/"]);
        let places: Vec<_> = (0..4)
            .map(|place| (rules.include_at(place), rules.exclude_at(place)))
            .collect();
        assert_eq!(
            places,
            [(None, None), (None, None), (Some(0), None), (None, Some(0))]
        );
    }
}
