//! The command line's grammar.

mod bench;
mod copy;
#[cfg(unix)]
mod drive;
mod find;
mod maintenance;
mod policy;
mod repository;
#[cfg(feature = "server")]
mod service;
mod setting;
mod snapshot;
mod support;

use clap::{Parser, Subcommand};

pub(crate) use bench::{BenchArguments, BenchCommand, BenchCompressionArguments};
pub(crate) use copy::CopyArguments;
#[cfg(unix)]
pub(crate) use drive::{DriveCommand, MountArguments, MountPointArguments, MountSource};
pub(crate) use find::{FindArguments, KindArgument};
pub(crate) use maintenance::{
    MaintenanceCommand, MaintenanceStatusArguments, RunMaintenanceArguments, SafetyRule,
    SetMaintenanceArguments,
};
pub(crate) use policy::{
    ActionMode, DeletePolicyArguments, ExportPolicyArguments, ImportPolicyArguments,
    ListPolicyArguments, PolicyCommand, PolicyTargets, SetPolicyArguments, ShowPolicyArguments,
};
pub(crate) use repository::{
    ChangePasswordArguments, CheckArguments, ConnectArguments, CreateArguments,
    EarlyRepositoryArguments, LostManifestsArgument, ObjectLockArguments, ObjectLockMode,
    RepairArguments, RepoCommand, RepositoryArguments, SetParametersArguments, SyncToArguments,
};
#[cfg(feature = "server")]
pub(crate) use service::{ServerArguments, UpAgentArguments, UpArguments};
pub(crate) use setting::Setting;
pub(crate) use snapshot::{
    CatArguments, CreateSnapshotArguments, DeleteArguments, DiffArguments, ExpireArguments,
    ListArguments, LsArguments, OverwriteRule, PinArguments, RestoreArguments, SnapshotCommand,
    SnapshotPath, TargetForm, VerifyArguments, WorkArguments,
};
pub(crate) use support::{
    BlobCommand, BlobStatsArguments, CacheArguments, ContentCommand, IndexCommand, IndexOrder,
    InspectIndexesArguments, ListBlobsArguments, ListContentsArguments, ListIndexesArguments,
    ListManifestsArguments, ManifestCommand, ShowBlobsArguments, ShowContentsArguments,
    ShowManifestsArguments, VerifyContentsArguments,
};

/// Back up folders into a repository and get them back.
///
/// The repository is given by --repo (anywhere on the line) or HOLDFAST_REPO, its password by --password-file, HOLDFAST_PASSWORD or a prompt.
/// Keys for S3 come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 finished with errors in some items.
#[derive(Parser)]
#[command(
    name = "holdfast",
    version,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    /// Print results as JSON on standard output, and failures as a problem document on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) early: EarlyRepositoryArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create, look at and check repositories.
    #[command(subcommand)]
    Repo(RepoCommand),
    /// Take, list, restore, verify and delete snapshots.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Decide what snapshots contain and how long they are kept.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Free what no snapshot needs any more, and keep packs and indexes in order.
    #[command(subcommand)]
    Maintenance(MaintenanceCommand),
    /// Find files in all snapshots.
    ///
    /// PATTERN is a part of a name, or a pattern with `*`, `?` and `[…]` for the whole name. With a `/` inside it is
    /// compared with the path below the root of the snapshot, where `**` stands for any folders: `docs/**/*.txt`.
    Find(FindArguments),
    /// Copy snapshots to another repository, which may have another password and other parameters.
    ///
    /// Snapshots keep their source, times, description, tags and pins; ids are new. Those that the destination has are
    /// left alone.
    ///
    /// Keys of a bucket as destination come from HOLDFAST_DESTINATION_ACCESS_KEY_ID,
    /// HOLDFAST_DESTINATION_SECRET_ACCESS_KEY and HOLDFAST_DESTINATION_SESSION_TOKEN, or are those of the source.
    Copy(CopyArguments),
    /// Show snapshots as a folder, without restoring them.
    #[cfg(unix)]
    #[command(subcommand)]
    Drive(DriveCommand),
    /// Show a snapshot as a folder that is only read, as `drive mount snapshot:ID` does.
    #[cfg(unix)]
    Mount(MountArguments),
    /// List a folder of a snapshot.
    Ls(LsArguments),
    /// Print a file of a snapshot.
    Cat(CatArguments),
    /// Look at contents: the pieces that files and folders are stored in.
    #[command(subcommand)]
    Content(ContentCommand),
    /// Look at blobs: the objects or files of the store.
    #[command(subcommand)]
    Blob(BlobCommand),
    /// Look at indexes: which content lies where.
    #[command(subcommand)]
    Index(IndexCommand),
    /// Look at manifests: the documents of snapshots and policies.
    #[command(subcommand)]
    Manifest(ManifestCommand),
    /// Measure how fast this machine is with the algorithms of the format.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Run the server with its web page.
    #[cfg(feature = "server")]
    Server(ServerArguments),
    /// Run the server and an agent of this machine.
    #[cfg(feature = "server")]
    Up(UpArguments),
    /// The agent that `up` starts.
    #[cfg(feature = "server")]
    #[command(hide = true)]
    UpAgent(UpAgentArguments),
}

impl Command {
    /// Whether the command works on a repository that the command line names.
    pub(crate) fn works_on_a_repository(&self) -> bool {
        match self {
            #[cfg(feature = "server")]
            Self::Server(_) | Self::Up(_) | Self::UpAgent(_) => false,
            Self::Bench(_) => false,
            _ => true,
        }
    }
}
