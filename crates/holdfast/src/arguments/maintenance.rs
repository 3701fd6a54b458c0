//! Arguments of `maintenance`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Subcommand, ValueEnum};

use super::RepositoryArguments;

#[derive(Subcommand)]
pub(crate) enum MaintenanceCommand {
    /// Run maintenance: the kind that is due, or the one that is named.
    Run(RunMaintenanceArguments),
    /// Show who maintains the repository, when it is due, and what the last runs did.
    #[command(visible_alias = "info")]
    Status(MaintenanceStatusArguments),
    /// Change who maintains the repository and how often.
    Set(SetMaintenanceArguments),
}

#[derive(Args)]
pub(crate) struct MaintenanceStatusArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Do not ask the store for the object lock of each blob.
    #[arg(long)]
    pub(crate) skip_locks: bool,
}

#[derive(Args)]
pub(crate) struct RunMaintenanceArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Everything: collect garbage, move contents out of short packs, delete packs, merge indexes.
    #[arg(long, conflicts_with = "quick")]
    pub(crate) full: bool,
    /// Only merge indexes.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Change nothing; say what would be deleted and freed, now and later.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Which margins of time are kept; `none` frees everything at once and destroys snapshots of other clients that are
    /// at work meanwhile.
    #[arg(long, value_enum, default_value = "full")]
    pub(crate) safety: SafetyRule,
    /// Also when maintenance belongs to another client.
    #[arg(long)]
    pub(crate) force: bool,
    /// Where large indexes are unpacked and the lock of this machine lies.
    #[arg(long, value_name = "DIR", env = "HOLDFAST_CACHE_DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum SafetyRule {
    Full,
    None,
}

#[derive(Args)]
pub(crate) struct SetMaintenanceArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Who runs maintenance; `me` is this user on this host.
    #[arg(long, value_name = "USER@HOST")]
    pub(crate) owner: Option<String>,
    /// Whether quick maintenance runs by itself.
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub(crate) enable_quick: Option<bool>,
    /// Whether full maintenance runs by itself.
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub(crate) enable_full: Option<bool>,
    /// Whether full maintenance extends the object locks of all that is needed.
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub(crate) extend_object_locks: Option<bool>,
    /// Time between two quick runs, such as 1h.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) quick_interval: Option<Duration>,
    /// Time between two full runs, such as 24h.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) full_interval: Option<Duration>,
    /// How many diagnostic logs are kept; 0 for any number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) max_retained_log_count: Option<i64>,
    /// How long diagnostic logs are kept; 0s for ever.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) max_retained_log_age: Option<Duration>,
    /// Bytes of diagnostic logs that are kept; 0 for any number.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) max_retained_log_size: Option<i64>,
}

impl SetMaintenanceArguments {
    /// Whether any option says what to change, be it to the value that is set already.
    pub(crate) fn names_a_change(&self) -> bool {
        self.owner.is_some()
            || self.enable_quick.is_some()
            || self.enable_full.is_some()
            || self.extend_object_locks.is_some()
            || self.quick_interval.is_some()
            || self.full_interval.is_some()
            || self.max_retained_log_count.is_some()
            || self.max_retained_log_age.is_some()
            || self.max_retained_log_size.is_some()
    }
}

/// Reads a duration such as `90m` or `1h 30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let signed: jiff::SignedDuration = text
        .parse()
        .map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(signed).map_err(|_| "a duration below zero".to_owned())
}
