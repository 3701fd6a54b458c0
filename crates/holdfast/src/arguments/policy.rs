//! Arguments of `policy`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

use super::{RepositoryArguments, Setting};

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Show what applies to a source and where each value comes from.
    #[command(visible_alias = "get")]
    Show(ShowPolicyArguments),
    /// Change the policy of a target.
    Set(Box<SetPolicyArguments>),
    /// List the policies that are defined.
    #[command(visible_alias = "ls")]
    List(ListPolicyArguments),
    /// Remove the policies of targets.
    #[command(visible_aliases = ["remove", "rm"])]
    Delete(DeletePolicyArguments),
    /// Write policies as one JSON document.
    Export(ExportPolicyArguments),
    /// Define policies from a JSON document that `policy export` wrote.
    Import(ImportPolicyArguments),
}

/// For what policies are defined.
#[derive(Args)]
pub(crate) struct PolicyTargets {
    /// A path, USER@HOST:PATH, USER@HOST, @HOST, or the id of a policy.
    #[arg(value_name = "TARGET", conflicts_with = "global")]
    pub(crate) targets: Vec<String>,
    /// The global policy.
    #[arg(long)]
    pub(crate) global: bool,
}

#[derive(Args)]
pub(crate) struct ShowPolicyArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    #[command(flatten)]
    pub(crate) targets: PolicyTargets,
}

#[derive(Args)]
pub(crate) struct ListPolicyArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
}

#[derive(Args)]
pub(crate) struct DeletePolicyArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    #[command(flatten)]
    pub(crate) targets: PolicyTargets,
    /// Only say what would be removed.
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct ExportPolicyArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    #[command(flatten)]
    pub(crate) targets: PolicyTargets,
    /// Write to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) to_file: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long, requires = "to_file")]
    pub(crate) overwrite: bool,
}

#[derive(Args)]
pub(crate) struct ImportPolicyArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    #[command(flatten)]
    pub(crate) targets: PolicyTargets,
    /// Read a file instead of standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// Keep fields that this version does not know; without it they are an error.
    #[arg(long)]
    pub(crate) allow_unknown_fields: bool,
    /// Remove all policies that the document does not have.
    #[arg(long)]
    pub(crate) delete_other_policies: bool,
}

/// `never`, `always` or `when-available`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShadowCopy(pub(crate) i64);

impl FromStr for ShadowCopy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "never" => Ok(Self(0)),
            "always" => Ok(Self(1)),
            "when-available" => Ok(Self(2)),
            _ => Err("write never, always or when-available"),
        }
    }
}

/// What a failing action means, and whether it is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ActionMode {
    /// Its failure is an error of the snapshot.
    Essential,
    /// Its failure is logged.
    Optional,
    /// It is started and not waited for.
    Async,
}

impl ActionMode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Essential => "essential",
            Self::Optional => "optional",
            Self::Async => "async",
        }
    }
}

/// Options have the names that stock clients use. A value `inherit` removes the field, so that the level above counts.
#[derive(Args)]
#[command(next_line_help = true)]
pub(crate) struct SetPolicyArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    #[command(flatten)]
    pub(crate) targets: PolicyTargets,
    /// Whether levels above and the defaults count for what is not set here.
    #[arg(long, value_name = "BOOL")]
    pub(crate) inherit: Option<bool>,
    #[command(flatten, next_help_heading = "Retention")]
    pub(crate) retention: RetentionOptions,
    #[command(flatten, next_help_heading = "Files")]
    pub(crate) files: FilesOptions,
    #[command(flatten, next_help_heading = "Errors")]
    pub(crate) errors: ErrorOptions,
    #[command(flatten, next_help_heading = "Compression")]
    pub(crate) compression: CompressionOptions,
    #[command(flatten, next_help_heading = "Schedule")]
    pub(crate) scheduling: SchedulingOptions,
    #[command(flatten, next_help_heading = "Actions")]
    pub(crate) actions: ActionOptions,
    #[command(flatten, next_help_heading = "Upload")]
    pub(crate) upload: UploadOptions,
    #[command(flatten, next_help_heading = "Log")]
    pub(crate) logging: LoggingOptions,
}

#[derive(Args)]
pub(crate) struct RetentionOptions {
    /// How many of the newest snapshots are kept.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) keep_latest: Option<Setting<i64>>,
    /// For how many hours the newest snapshot is kept.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) keep_hourly: Option<Setting<i64>>,
    /// For how many days the newest snapshot is kept.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) keep_daily: Option<Setting<i64>>,
    /// For how many weeks the newest snapshot is kept.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) keep_weekly: Option<Setting<i64>>,
    /// For how many months the newest snapshot is kept.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) keep_monthly: Option<Setting<i64>>,
    /// For how many years the newest snapshot is kept.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) keep_annual: Option<Setting<i64>>,
    /// Whether a snapshot in which nothing changed is not saved.
    #[arg(long, value_name = "BOOL")]
    pub(crate) ignore_identical_snapshots: Option<Setting<bool>>,
}

#[derive(Args)]
pub(crate) struct FilesOptions {
    /// A rule for what is left out; may be repeated. Rules keep their order, and later ones win.
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    pub(crate) add_ignore: Vec<String>,
    /// A rule to remove; may be repeated.
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    pub(crate) remove_ignore: Vec<String>,
    /// Remove all rules first.
    #[arg(long)]
    pub(crate) clear_ignore: bool,
    /// A name of files in the source that hold rules; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) add_dot_ignore: Vec<String>,
    /// A name to remove; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) remove_dot_ignore: Vec<String>,
    /// Remove all names first.
    #[arg(long)]
    pub(crate) clear_dot_ignore: bool,
    /// Leave out larger files, in bytes.
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    pub(crate) max_file_size: Option<Setting<i64>>,
    /// Whether other file systems below the source are left out.
    #[arg(long, value_name = "BOOL")]
    pub(crate) one_file_system: Option<Setting<bool>>,
    /// Whether folders that are marked as caches are stored empty.
    #[arg(long, value_name = "BOOL")]
    pub(crate) ignore_cache_dirs: Option<Setting<bool>>,
}

#[derive(Args)]
pub(crate) struct ErrorOptions {
    /// Whether files that cannot be read count as no error.
    #[arg(long, value_name = "BOOL")]
    pub(crate) ignore_file_errors: Option<Setting<bool>>,
    /// Whether folders that cannot be read count as no error.
    #[arg(long, value_name = "BOOL")]
    pub(crate) ignore_dir_errors: Option<Setting<bool>>,
    /// Whether devices, pipes and sockets are skipped silently.
    #[arg(long, value_name = "BOOL")]
    pub(crate) ignore_unknown_types: Option<Setting<bool>>,
}

#[derive(Args)]
pub(crate) struct CompressionOptions {
    /// The compressor of files.
    #[arg(long, value_name = "NAME")]
    pub(crate) compression: Option<Setting<String>>,
    /// Do not compress smaller files, in bytes.
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    pub(crate) compression_min_size: Option<Setting<i64>>,
    /// Do not compress larger files, in bytes.
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    pub(crate) compression_max_size: Option<Setting<i64>>,
    /// A file name extension, with its dot, that is compressed even if it is also one not to compress; may be repeated.
    #[arg(long, value_name = "EXTENSION")]
    pub(crate) add_only_compress: Vec<String>,
    /// An extension to remove; may be repeated.
    #[arg(long, value_name = "EXTENSION")]
    pub(crate) remove_only_compress: Vec<String>,
    /// Remove all these extensions first.
    #[arg(long)]
    pub(crate) clear_only_compress: bool,
    /// A file name extension, with its dot, that is not compressed; may be repeated.
    #[arg(long, value_name = "EXTENSION")]
    pub(crate) add_never_compress: Vec<String>,
    /// An extension to remove; may be repeated.
    #[arg(long, value_name = "EXTENSION")]
    pub(crate) remove_never_compress: Vec<String>,
    /// Remove all these extensions first.
    #[arg(long)]
    pub(crate) clear_never_compress: bool,
    /// The compressor of folders and indexes.
    #[arg(long, value_name = "NAME")]
    pub(crate) metadata_compression: Option<Setting<String>>,
    /// The splitter of files.
    #[arg(long, value_name = "NAME")]
    pub(crate) splitter: Option<Setting<String>>,
}

/// What a stock server does by itself; this program takes snapshots when it is told to.
#[derive(Args)]
pub(crate) struct SchedulingOptions {
    /// Distance of snapshots, such as 6h or 90m.
    #[arg(long, value_name = "DURATION")]
    pub(crate) snapshot_interval: Option<Setting<jiff::SignedDuration>>,
    /// Times of day, as HH:MM,HH:MM.
    #[arg(long, value_name = "TIMES")]
    pub(crate) snapshot_time: Option<String>,
    /// Cron expressions, with semicolons between them.
    #[arg(long, value_name = "EXPRESSIONS")]
    pub(crate) snapshot_time_crontab: Option<String>,
    /// Whether missed times are made up for.
    #[arg(long, value_name = "BOOL")]
    pub(crate) run_missed: Option<Setting<bool>>,
    /// Never by schedule; removes the schedule of this policy.
    #[arg(long, conflicts_with_all = ["snapshot_interval", "snapshot_time", "snapshot_time_crontab", "run_missed"])]
    pub(crate) manual: bool,
}

/// Programs; `none` removes one.
#[derive(Args)]
pub(crate) struct ActionOptions {
    /// A program with arguments that runs before this folder is read.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) before_folder_action: Option<String>,
    /// A program with arguments that runs after this folder was read.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) after_folder_action: Option<String>,
    /// A program with arguments that runs before a snapshot.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) before_snapshot_root_action: Option<String>,
    /// A program with arguments that runs after a snapshot.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) after_snapshot_root_action: Option<String>,
    /// How long the program may run.
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub(crate) action_command_timeout: jiff::SignedDuration,
    /// What its failure means.
    #[arg(long, value_enum, value_name = "MODE", default_value_t = ActionMode::Essential)]
    pub(crate) action_command_mode: ActionMode,
    /// Store the text of the script instead of its path.
    #[arg(long)]
    pub(crate) persist_action_script: bool,
}

#[derive(Args)]
pub(crate) struct UploadOptions {
    /// How many snapshots a stock server takes at a time; for a user or a host.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_parallel_snapshots: Option<Setting<i64>>,
    /// How many files are read at a time.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_parallel_file_reads: Option<Setting<i64>>,
    /// Read larger files in parts of this size, in MiB.
    #[arg(long, value_name = "MIB", allow_negative_numbers = true)]
    pub(crate) parallel_upload_above_size_mib: Option<Setting<i64>>,
    /// Whether a volume shadow copy is read: never, always or when-available; Windows only.
    #[arg(long, value_name = "MODE")]
    pub(crate) enable_volume_shadow_copy: Option<Setting<ShadowCopy>>,
}

/// Details from 0, nothing, to 10, everything.
#[derive(Args)]
pub(crate) struct LoggingOptions {
    /// Of folders that are stored.
    #[arg(long, value_name = "0..10", allow_negative_numbers = true)]
    pub(crate) log_dir_snapshotted: Option<Setting<i64>>,
    /// Of folders that are left out.
    #[arg(long, value_name = "0..10", allow_negative_numbers = true)]
    pub(crate) log_dir_ignored: Option<Setting<i64>>,
    /// Of files that are stored.
    #[arg(long, value_name = "0..10", allow_negative_numbers = true)]
    pub(crate) log_entry_snapshotted: Option<Setting<i64>>,
    /// Of files that are left out.
    #[arg(long, value_name = "0..10", allow_negative_numbers = true)]
    pub(crate) log_entry_ignored: Option<Setting<i64>>,
    /// Of files that an earlier snapshot has.
    #[arg(long, value_name = "0..10", allow_negative_numbers = true)]
    pub(crate) log_entry_cache_hit: Option<Setting<i64>>,
    /// Of files that no earlier snapshot has.
    #[arg(long, value_name = "0..10", allow_negative_numbers = true)]
    pub(crate) log_entry_cache_miss: Option<Setting<i64>>,
}
