//! `estimate` and `explain_path`: what a job would take of its machine, and why, before it runs.

use serde::{Deserialize, Serialize};

use crate::agent::run::JobPolicy;

/// What a job reads, and what selects the files in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Source paths, absolute.
    pub source_paths: Vec<String>,
    /// Only files that match one of these are taken, when there are any.
    #[serde(default)]
    pub include_globs: Vec<String>,
    /// Files and folders that match one of these are left out.
    #[serde(default)]
    pub exclude_globs: Vec<String>,
    /// The other settings that select files.
    #[serde(default)]
    pub policy_json: JobPolicy,
}

/// Counts what a job would take and leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// What is counted.
    #[serde(flatten)]
    pub selection: Selection,
}

/// The counts: of everything in the result, so far in its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EstimateResult {
    /// What is taken of each source path, in the order of the request.
    pub sources: Vec<SourceCount>,
    /// What is left out, by cause: first each rule that leaves out in its order, also when it matches nothing.
    pub left_out: Vec<LeftOutCount>,
    /// What each rule that takes has taken, in the order of these rules.
    pub taken: Vec<Amount>,
    /// Files, folders and ignore files that cannot be read.
    pub unreadable: u64,
    /// A few of them.
    pub unreadable_examples: Vec<String>,
    /// Whether everything has been counted.
    pub complete: bool,
}

/// Files and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Amount {
    /// Number of files.
    pub files: u64,
    /// Their sizes.
    pub bytes: u64,
}

/// What is taken of one source path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SourceCount {
    /// The path.
    pub path: String,
    /// Files.
    pub files: u64,
    /// Their sizes.
    pub bytes: u64,
    /// Folders.
    pub dirs: u64,
    /// Why it cannot be read at all, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Why something is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutBy {
    /// A rule that leaves out.
    Rule,
    /// There are rules that take, and none of them takes it.
    NotTaken,
    /// An ignore file in the source.
    IgnoreFile,
    /// It is larger than allowed.
    TooLarge,
    /// It lies on another file system.
    OtherFileSystem,
    /// It lies in a folder that is marked as a cache.
    Cache,
}

/// What one cause leaves out, with everything in the folders that it leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LeftOutCount {
    /// The cause.
    pub by: LeftOutBy,
    /// Which rule, counted from 0, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<u32>,
    /// Files.
    pub files: u64,
    /// Their sizes.
    pub bytes: u64,
    /// Folders.
    pub dirs: u64,
    /// The first few paths that it left out.
    pub examples: Vec<String>,
}

/// Asks whether one path would be taken, and which rule decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainPath {
    /// What decides.
    #[serde(flatten)]
    pub selection: Selection,
    /// The path, absolute. A separator at its end means a folder, when it does not exist.
    pub path: String,
}

/// What decides about a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PathExplanation {
    /// The verdict.
    pub verdict: PathVerdict,
    /// Why it is left out, with that verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<LeftOutBy>,
    /// The rule that decided, counted from 0: one that leaves out or one that takes, by the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<u32>,
    /// The path about which was decided: the one that was asked for, or a folder above it.
    pub at: String,
    /// Whether the path exists on the machine. One that does not is judged by its name.
    pub exists: bool,
}

/// Whether a path would be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PathVerdict {
    /// It is part of the backup.
    Taken,
    /// It is left out.
    LeftOut,
    /// It lies in none of the source paths.
    Outside,
}
