//! Commands: what the server asks an agent to do beside runs.
//!
//! A command is delivered at least once and has its effect once: `pending → delivered (lease of 60 s, renewed by being
//! listed in the poll) → completed | failed | expired | cancelled`. Payloads are stored without secrets; the server
//! adds the vault when it delivers.

mod browse;
mod diff;
mod maintenance;
mod points;
mod restore;
mod search;
mod selection;
mod transfer;
mod vault;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use browse::{BrowseDirectory, BrowseEntry, BrowseListing, LARGEST_BROWSE_PAGE};
pub use diff::{
    Change, ChangeTotals, ChangedAspect, ComparedEntry, Comparison, Diff, DiffList, EntryState,
    LARGEST_DIFF_PAGE, MOST_DIFF_ENTRIES,
};
pub use maintenance::{
    Coverage, CoverageAge, FreedLater, LocksExtended, Maintain, MaintainResult, MaintenanceDone,
};
pub use points::{
    CondemnedPoint, CondemnedSnapshot, ContentEntry, ContentListing, DeletePoints,
    DeletePointsResult, DeletionPreview, EntryKind, FindPath, LARGEST_CONTENT_PAGE,
    LARGEST_POINT_PAGE, ListContent, ListPoints, ListedPoint, ListedSoFar, MOST_POINTS_FOR_PATH,
    NamedSnapshot, PathFound, Pin, PinResult, PointListing, RefusalReason, RefusedPoint,
};
pub use restore::{CancelRun, Overwrite, Restore, RestoreItem, RestoreResult};
pub use search::{
    Deleted, FileVersion, LARGEST_SEARCH_PAGE, MOST_VERSIONS, SEARCH_PAGE, Search, SearchHit,
    SearchResult, SearchedSource, SeenIn,
};
pub use selection::{
    Amount, Estimate, EstimateResult, ExplainPath, LeftOutBy, LeftOutCount, PathExplanation,
    PathVerdict, Selection, SourceCount,
};
pub use transfer::{ReadFile, ReadFileResult, TransferForm};
pub use vault::{
    CreateRepository, CreateRepositoryResult, ProbeCheck, RepositoryFinding, TestVault,
    TestVaultResult, VaultFinding, VaultUsage,
};

use super::ids::CommandId;
use super::run::VaultContext;

/// How long a delivered command stays with its agent without being listed in a poll, in seconds.
pub const LEASE_SECONDS: u64 = 60;

/// Largest result of a command, in bytes of JSON.
pub const LARGEST_RESULT_BYTES: usize = 8 << 20;

/// One command as it is delivered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandDelivery {
    /// The command.
    pub command_id: CommandId,
    /// Wire name of the type; see [`CommandType`].
    #[serde(rename = "type")]
    pub kind: String,
    /// What to do, by type.
    #[serde(default)]
    pub payload: Value,
    /// The vault that it is about, with its secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultContext>,
}

/// Types of commands that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandType {
    /// [`BrowseDirectory`] → [`BrowseListing`].
    BrowseDirectory,
    /// [`Estimate`] → [`EstimateResult`], and parts of it on the way.
    Estimate,
    /// [`ExplainPath`] → [`PathExplanation`].
    ExplainPath,
    /// [`TestVault`] → [`TestVaultResult`].
    TestVault,
    /// [`CreateRepository`] → [`CreateRepositoryResult`].
    CreateRepository,
    /// [`ListPoints`] → [`PointListing`].
    ListPoints,
    /// [`ListContent`] → [`ContentListing`].
    ListContent,
    /// [`Search`] → [`SearchResult`], and parts of it on the way.
    Search,
    /// [`ReadFile`] → [`ReadFileResult`], and the bytes by a transfer.
    ReadFile,
    /// [`FindPath`] → [`PathFound`].
    FindPath,
    /// [`Diff`] → [`Comparison`], and parts of it on the way.
    Diff,
    /// [`Restore`] → [`RestoreResult`], and updates of its run.
    Restore,
    /// [`Pin`] → [`PinResult`].
    Pin,
    /// [`DeletePoints`] → [`DeletionPreview`].
    PreviewDeletion,
    /// [`DeletePoints`] → [`DeletePointsResult`].
    DeletePoints,
    /// [`Maintain`] → [`MaintainResult`].
    MaintenanceQuick,
    /// [`Maintain`] → [`MaintainResult`].
    MaintenanceFull,
    /// [`CancelRun`] → nothing.
    Cancel,
}

impl CommandType {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::BrowseDirectory,
        Self::Estimate,
        Self::ExplainPath,
        Self::TestVault,
        Self::CreateRepository,
        Self::ListPoints,
        Self::ListContent,
        Self::Search,
        Self::ReadFile,
        Self::FindPath,
        Self::Diff,
        Self::Restore,
        Self::Pin,
        Self::PreviewDeletion,
        Self::DeletePoints,
        Self::MaintenanceQuick,
        Self::MaintenanceFull,
        Self::Cancel,
    ];

    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BrowseDirectory => "browse_directory",
            Self::Estimate => "estimate",
            Self::ExplainPath => "explain_path",
            Self::TestVault => "test_vault",
            Self::CreateRepository => "create_repository",
            Self::ListPoints => "list_points",
            Self::ListContent => "list_content",
            Self::Search => "search",
            Self::ReadFile => "read_file",
            Self::FindPath => "find_path",
            Self::Diff => "diff",
            Self::Restore => "restore",
            Self::Pin => "pin",
            Self::PreviewDeletion => "preview_deletion",
            Self::DeletePoints => "delete_points",
            Self::MaintenanceQuick => "maintenance_quick",
            Self::MaintenanceFull => "maintenance_full",
            Self::Cancel => "cancel",
        }
    }

    /// The type of a wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it is served again when the agent was killed while serving it. The others end `failed`, code `interrupted`.
    pub fn may_repeat(self) -> bool {
        !matches!(self, Self::Restore)
    }

    /// Whether the delivery carries a vault.
    pub fn needs_vault(self) -> bool {
        !matches!(
            self,
            Self::BrowseDirectory | Self::Estimate | Self::ExplainPath | Self::Cancel
        )
    }

    /// Whether its result, or what it says about a failure, holds file names, which are erased ten minutes after its end.
    pub fn result_names_files(self) -> bool {
        matches!(
            self,
            Self::BrowseDirectory
                | Self::Estimate
                | Self::ExplainPath
                | Self::ListContent
                | Self::Search
                | Self::ReadFile
                | Self::Diff
        )
    }
}

/// A command's payload by type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum CommandPayload {
    /// List a folder of the agent's host.
    BrowseDirectory(BrowseDirectory),
    /// Count what a job would take and leave out.
    Estimate(Estimate),
    /// Say which rule decides about a path.
    ExplainPath(ExplainPath),
    /// Try a vault's storage.
    TestVault(TestVault),
    /// Create a vault's repository.
    CreateRepository(CreateRepository),
    /// List the snapshots of a vault.
    ListPoints(ListPoints),
    /// List a folder of a snapshot.
    ListContent(ListContent),
    /// Look for files in all snapshots of a vault.
    Search(Search),
    /// Send a file or a folder of a snapshot to somebody who downloads it.
    ReadFile(ReadFile),
    /// Say in which snapshots a path is.
    FindPath(FindPath),
    /// Compare two snapshots.
    Diff(Diff),
    /// Restore from a snapshot.
    Restore(Restore),
    /// Pin a restore point, or take its pins away.
    Pin(Pin),
    /// Say what deleting restore points would do.
    PreviewDeletion(DeletePoints),
    /// Delete restore points.
    DeletePoints(DeletePoints),
    /// Maintain a vault, the frequent and cheap way.
    MaintenanceQuick(Maintain),
    /// Maintain a vault thoroughly.
    MaintenanceFull(Maintain),
    /// Cancel a run.
    Cancel(CancelRun),
}

impl CommandPayload {
    /// The type.
    pub fn command_type(&self) -> CommandType {
        match self {
            Self::BrowseDirectory(_) => CommandType::BrowseDirectory,
            Self::Estimate(_) => CommandType::Estimate,
            Self::ExplainPath(_) => CommandType::ExplainPath,
            Self::TestVault(_) => CommandType::TestVault,
            Self::CreateRepository(_) => CommandType::CreateRepository,
            Self::ListPoints(_) => CommandType::ListPoints,
            Self::ListContent(_) => CommandType::ListContent,
            Self::Search(_) => CommandType::Search,
            Self::ReadFile(_) => CommandType::ReadFile,
            Self::FindPath(_) => CommandType::FindPath,
            Self::Diff(_) => CommandType::Diff,
            Self::Restore(_) => CommandType::Restore,
            Self::Pin(_) => CommandType::Pin,
            Self::PreviewDeletion(_) => CommandType::PreviewDeletion,
            Self::DeletePoints(_) => CommandType::DeletePoints,
            Self::MaintenanceQuick(_) => CommandType::MaintenanceQuick,
            Self::MaintenanceFull(_) => CommandType::MaintenanceFull,
            Self::Cancel(_) => CommandType::Cancel,
        }
    }

    /// The payload alone, as it is stored and delivered beside the type.
    pub fn to_value(&self) -> serde_json::Result<Value> {
        let mut tagged = serde_json::to_value(self)?;
        Ok(tagged
            .get_mut("payload")
            .map(Value::take)
            .unwrap_or_default())
    }

    /// Reads a delivered payload.
    ///
    /// # Errors
    /// [`BadCommand::Unknown`] for a type that this version does not know, [`BadCommand::Payload`] for fields that do not fit.
    pub fn parse(kind: &str, payload: &Value) -> Result<Self, BadCommand> {
        let known = CommandType::parse(kind).ok_or_else(|| BadCommand::Unknown(kind.to_owned()))?;
        let payload = if payload.is_null() {
            Value::Object(serde_json::Map::new())
        } else {
            payload.clone()
        };
        let bad = |source| BadCommand::Payload {
            kind: known.as_str(),
            source,
        };
        Ok(match known {
            CommandType::BrowseDirectory => {
                Self::BrowseDirectory(serde_json::from_value(payload).map_err(bad)?)
            }
            CommandType::Estimate => Self::Estimate(serde_json::from_value(payload).map_err(bad)?),
            CommandType::ExplainPath => {
                Self::ExplainPath(serde_json::from_value(payload).map_err(bad)?)
            }
            CommandType::TestVault => {
                Self::TestVault(serde_json::from_value(payload).map_err(bad)?)
            }
            CommandType::CreateRepository => {
                Self::CreateRepository(serde_json::from_value(payload).map_err(bad)?)
            }
            CommandType::ListPoints => {
                Self::ListPoints(serde_json::from_value(payload).map_err(bad)?)
            }
            CommandType::ListContent => {
                Self::ListContent(serde_json::from_value(payload).map_err(bad)?)
            }
            CommandType::Search => Self::Search(serde_json::from_value(payload).map_err(bad)?),
            CommandType::ReadFile => Self::ReadFile(serde_json::from_value(payload).map_err(bad)?),
            CommandType::FindPath => Self::FindPath(serde_json::from_value(payload).map_err(bad)?),
            CommandType::Diff => Self::Diff(serde_json::from_value(payload).map_err(bad)?),
            CommandType::Restore => Self::Restore(serde_json::from_value(payload).map_err(bad)?),
            CommandType::Pin => Self::Pin(serde_json::from_value(payload).map_err(bad)?),
            CommandType::PreviewDeletion => {
                Self::PreviewDeletion(serde_json::from_value(payload).map_err(bad)?)
            }
            CommandType::DeletePoints => {
                Self::DeletePoints(serde_json::from_value(payload).map_err(bad)?)
            }
            CommandType::MaintenanceQuick => {
                Self::MaintenanceQuick(serde_json::from_value(payload).map_err(bad)?)
            }
            CommandType::MaintenanceFull => {
                Self::MaintenanceFull(serde_json::from_value(payload).map_err(bad)?)
            }
            CommandType::Cancel => Self::Cancel(serde_json::from_value(payload).map_err(bad)?),
        })
    }
}

/// A command that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BadCommand {
    /// The type is not one of this version's.
    #[error("this agent does not know the command `{0}`; update the agent")]
    Unknown(String),
    /// The payload does not fit the type.
    #[error("the payload of the command `{kind}` is not valid: {source}")]
    Payload {
        /// The type.
        kind: &'static str,
        /// What does not fit.
        source: serde_json::Error,
    },
}

/// A part of a result, for the page that waits (`POST commands/{id}/partial`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandPartial {
    /// Number of the part, from 1; a repeated one is dropped.
    pub seq: u64,
    /// The part, in the shape of the type's result.
    pub result: Value,
}

/// How a command ended (`POST commands/{id}/complete`). Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandOutcome {
    /// Completed or failed.
    pub status: CommandOutcomeStatus,
    /// Code of a failure, one of [`super::failures`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Sentence about a failure in English, without engine names and secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Result, by type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

impl CommandOutcome {
    /// A command that did what it should.
    pub fn completed(result: Value) -> Self {
        Self {
            status: CommandOutcomeStatus::Completed,
            code: None,
            message: None,
            result: Some(result),
        }
    }

    /// A command that failed.
    pub fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status: CommandOutcomeStatus::Failed,
            code: Some(code.into()),
            message: Some(message.into()),
            result: None,
        }
    }
}

/// The two ends of a command that an agent reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandOutcomeStatus {
    /// It did what it should.
    Completed,
    /// It could not.
    Failed,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_type_has_its_own_name_and_reads_back() {
        for kind in CommandType::ALL {
            assert_eq!(CommandType::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), json!(kind.as_str()));
        }
    }

    #[test]
    fn payload_is_stored_without_its_tag() {
        let payload = CommandPayload::BrowseDirectory(BrowseDirectory {
            path: "/etc".into(),
            ..BrowseDirectory::default()
        });
        let value = payload.to_value().unwrap();
        assert_eq!(value, json!({"path": "/etc"}));
        assert_eq!(
            CommandPayload::parse("browse_directory", &value).unwrap(),
            payload
        );
    }

    #[test]
    fn restore_payload_of_the_contract_is_enough() {
        let value = json!({"manifest_id": "5c2f", "target_path": "/tmp/back", "restore_run_id": 7, "newer": true});
        let CommandPayload::Restore(restore) = CommandPayload::parse("restore", &value).unwrap()
        else {
            panic!("wrong type")
        };
        assert_eq!(restore.restore_run_id.0, 7);
        assert_eq!(restore.attempt.0, 1);
        assert_eq!(restore.overwrite, Overwrite::Different);
        assert!(restore.items.is_empty());
    }

    #[test]
    fn unknown_types_and_wrong_payloads_are_told_apart() {
        assert!(
            matches!(CommandPayload::parse("fly", &Value::Null), Err(BadCommand::Unknown(name)) if name == "fly")
        );
        let wrong = CommandPayload::parse("restore", &json!({"target_path": 5})).unwrap_err();
        assert!(
            matches!(
                wrong,
                BadCommand::Payload {
                    kind: "restore",
                    ..
                }
            ),
            "{wrong}"
        );
        assert!(CommandPayload::parse("test_vault", &Value::Null).is_ok());
    }
}
