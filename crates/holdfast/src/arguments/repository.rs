//! Arguments that name a repository, and those of `repo`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum, value_parser};
use holdfast_repository::HashAlgorithm;
use holdfast_repository::crypto::EncryptionAlgorithm;
use holdfast_repository::ecc::REED_SOLOMON_CRC32;
use holdfast_repository::format::VERSIONS;
use holdfast_repository::splitter::{DEFAULT_SPLITTER, SplitterKind};
use holdfast_storage::RetentionMode;

/// Which repository, and how to open it.
#[derive(Args)]
pub(crate) struct RepositoryArguments {
    /// Where the repository is: file:///DIR or s3://BUCKET/PREFIX?endpoint=URL&region=NAME.
    #[arg(
        long,
        value_name = "URL",
        env = "HOLDFAST_REPO",
        hide_env_values = true
    )]
    pub(crate) repo: Option<String>,
    /// Take the password from the first line of a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// The options of [`RepositoryArguments`] before or between the words of a command. What a command itself is given
/// counts more; a command gets these values under the same names.
#[derive(Args)]
pub(crate) struct EarlyRepositoryArguments {
    #[arg(long, global = true, hide = true, value_name = "URL")]
    repo: Option<String>,
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl EarlyRepositoryArguments {
    /// Whether the command line names a repository or a password, wherever.
    pub(crate) fn are_given(&self) -> bool {
        self.repo.is_some() || self.password_file.is_some()
    }
}

#[derive(Subcommand)]
pub(crate) enum RepoCommand {
    /// Create an empty repository.
    Create(CreateArguments),
    /// Show the format and the place of a repository.
    Status(RepositoryArguments),
    /// Check that the repository is whole and well formed.
    Check(CheckArguments),
    /// Make good what is missing or damaged, as far as the packs allow.
    Repair(RepairArguments),
    /// Change the password. Other clients have to open the repository again.
    ChangePassword(ChangePasswordArguments),
    /// Change parameters of the repository.
    SetParameters(SetParametersArguments),
    /// Copy the repository as it is to another place, blob by blob; only what is missing or different is sent.
    ///
    /// The copy has the same password. No password is needed for copying.
    ///
    /// Keys of a bucket as destination come from HOLDFAST_DESTINATION_ACCESS_KEY_ID,
    /// HOLDFAST_DESTINATION_SECRET_ACCESS_KEY and HOLDFAST_DESTINATION_SESSION_TOKEN, or are those of the source.
    SyncTo(SyncToArguments),
    /// Write a configuration file with which a stock Kopia client opens the repository.
    Connect(ConnectArguments),
}

#[derive(Args)]
pub(crate) struct CreateArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Hash that names contents.
    #[arg(long, value_name = "NAME", value_parser = hash_names(), default_value = HashAlgorithm::default().name())]
    pub(crate) hash: HashAlgorithm,
    /// Cipher of contents.
    #[arg(long, value_name = "NAME", value_parser = encryption_names(), default_value = EncryptionAlgorithm::default().name())]
    pub(crate) encryption: EncryptionAlgorithm,
    /// How files are cut, unless a policy says otherwise.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(SplitterKind::NAMES), default_value = DEFAULT_SPLITTER)]
    pub(crate) splitter: String,
    /// Error correction; it takes an overhead.
    #[arg(long, value_name = "NAME", value_parser = [REED_SOLOMON_CRC32], requires = "ecc_overhead_percent")]
    pub(crate) ecc: Option<String>,
    /// How much may be stored in addition, so that damaged bytes are made good: 1 to 100, or 0 for none.
    #[arg(long, value_name = "PERCENT", value_parser = value_parser!(u32).range(0..=100))]
    pub(crate) ecc_overhead_percent: Option<u32>,
    /// The version of the format; older ones are for older clients. Version 1 cannot change its password.
    #[arg(long, value_name = "VERSION", default_value_t = *VERSIONS.end(), value_parser = value_parser!(u32).range(1..=3))]
    pub(crate) format_version: u32,
    #[command(flatten)]
    pub(crate) object_lock: ObjectLockArguments,
}

fn hash_names() -> impl TypedValueParser<Value = HashAlgorithm> {
    PossibleValuesParser::new(HashAlgorithm::ALL.map(HashAlgorithm::name))
        .map(|name| HashAlgorithm::by_name(&name).unwrap_or_default())
}

fn encryption_names() -> impl TypedValueParser<Value = EncryptionAlgorithm> {
    PossibleValuesParser::new(EncryptionAlgorithm::ALL.map(EncryptionAlgorithm::name))
        .map(|name| EncryptionAlgorithm::by_name(&name).unwrap_or_default())
}

#[derive(Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Also hold every blob to the letter of the format: all that was written encodes to the same bytes again.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Also read and decrypt every content.
    #[arg(long)]
    pub(crate) read_data: bool,
}

#[derive(Args)]
pub(crate) struct RepairArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Make the changes; without it they are only told.
    #[arg(long)]
    pub(crate) apply: bool,
    /// Change nothing, which is the default.
    #[arg(long, conflicts_with = "apply")]
    pub(crate) dry_run: bool,
    /// Also read every content, and not only those of packs that are damaged.
    #[arg(long)]
    pub(crate) read_data: bool,
    /// Also bring back contents that may have been dropped because they were deleted; deleted snapshots may come back
    /// with them.
    #[arg(long)]
    pub(crate) uncertain: bool,
    /// What becomes of lost lists of snapshots and policies: wait for their pack, so that nothing works before; set them
    /// aside until it returns, while maintenance frees nothing; or give them up.
    #[arg(long, value_enum, value_name = "WHAT", default_value = "wait")]
    pub(crate) lost_manifests: LostManifestsArgument,
    /// Where the lock of this machine lies that keeps maintenance away.
    #[arg(long, value_name = "DIR", env = "HOLDFAST_CACHE_DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
}

/// What becomes of manifest containers that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LostManifestsArgument {
    Wait,
    SetAside,
    GiveUp,
}

#[derive(Args)]
pub(crate) struct ConnectArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The file to write; it must not exist, unless it is a configuration of the same repository.
    #[arg(long, value_name = "FILE")]
    pub(crate) config_file: PathBuf,
    /// The host name under which that client takes snapshots.
    #[arg(long, value_name = "NAME")]
    pub(crate) hostname: Option<String>,
    /// The user name under which that client takes snapshots.
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
}

#[derive(Args)]
pub(crate) struct SyncToArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Where to copy: file:///DIR or s3://BUCKET/PREFIX?endpoint=URL&region=NAME.
    #[arg(value_name = "DESTINATION")]
    pub(crate) destination: String,
    /// Delete from the destination what the repository no longer has; last of all.
    #[arg(long)]
    pub(crate) delete: bool,
    /// Delete also many packs, or what is in no place but the copy.
    #[arg(long, requires = "delete")]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) object_lock: ObjectLockArguments,
    /// Change nothing; say what would be copied and deleted.
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
    /// Fail when the destination holds no copy yet.
    #[arg(long)]
    pub(crate) must_exist: bool,
    /// How many blobs are copied at once.
    #[arg(long, value_name = "N", default_value = "8")]
    pub(crate) parallel: NonZeroUsize,
    /// The most that is sent to the destination, in bytes a second.
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(1..))]
    pub(crate) upload_limit: Option<u64>,
    /// The most that is fetched from the source, in bytes a second.
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(1..))]
    pub(crate) download_limit: Option<u64>,
}

#[derive(Args)]
pub(crate) struct ChangePasswordArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Take the new password from the first line of a file; otherwise it comes from HOLDFAST_NEW_PASSWORD or a prompt.
    #[arg(long, value_name = "FILE")]
    pub(crate) new_password_file: Option<PathBuf>,
}

/// Who may end an object lock early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ObjectLockMode {
    /// New data is not locked.
    None,
    /// Somebody with special rights may end a lock early.
    Governance,
    /// Nobody may end a lock early.
    Compliance,
}

impl ObjectLockMode {
    /// The mode of the format; nothing for no lock.
    pub(crate) fn retention(self) -> Option<RetentionMode> {
        match self {
            Self::None => None,
            Self::Governance => Some(RetentionMode::Governance),
            Self::Compliance => Some(RetentionMode::Compliance),
        }
    }
}

/// The object lock of new data, under the names of a stock client too.
#[derive(Args)]
pub(crate) struct ObjectLockArguments {
    /// The object lock of new data; takes a bucket that was created with object lock.
    #[arg(
        long,
        value_enum,
        ignore_case = true,
        value_name = "MODE",
        alias = "retention-mode"
    )]
    pub(crate) object_lock_mode: Option<ObjectLockMode>,
    /// How long new data is locked, at least 24h.
    #[arg(long, value_name = "TIME", value_parser = time, alias = "retention-period")]
    pub(crate) object_lock_period: Option<Duration>,
}

/// Times are written with a unit: 90s, 20m, 24h, 30d.
#[derive(Args)]
pub(crate) struct SetParametersArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The size at which packs are finished, in MiB, 10 to 120.
    #[arg(long, value_name = "MIB")]
    pub(crate) max_pack_size_mb: Option<u64>,
    /// The version of index blobs that are written; it is never lowered.
    #[arg(long, value_name = "VERSION")]
    pub(crate) index_version: Option<u32>,
    #[command(flatten)]
    pub(crate) object_lock: ObjectLockArguments,
    /// How long a client may use what it knows of the epochs.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) epoch_refresh_frequency: Option<Duration>,
    /// The shortest epoch.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) epoch_min_duration: Option<Duration>,
    /// The age at which superseded index blobs may be deleted.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) epoch_cleanup_safety_margin: Option<Duration>,
    /// The number of index blobs that ends an epoch.
    #[arg(long, value_name = "N")]
    pub(crate) epoch_advance_on_count: Option<u32>,
    /// The size of index blobs that ends an epoch, in MiB.
    #[arg(long, value_name = "MIB")]
    pub(crate) epoch_advance_on_size_mb: Option<u32>,
    /// How many index blobs are deleted at once.
    #[arg(long, value_name = "N")]
    pub(crate) epoch_delete_parallelism: Option<u32>,
    /// The number of epochs that one range checkpoint covers.
    #[arg(long, value_name = "N")]
    pub(crate) epoch_checkpoint_frequency: Option<u32>,
}

/// A whole number with a unit.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds: u64 = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err("a time has one of the units s, m, h and d, as in 24h".to_owned()),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "a time is a whole number with a unit, as in 24h".to_owned())?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(|| "the time is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, seconds) in [
            ("90s", 90),
            ("20m", 1200),
            ("24h", 86_400),
            ("30d", 2_592_000),
        ] {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "5",
            "h",
            "1h30m",
            "-1h",
            "1.5h",
            "99999999999999999d",
            "5µ",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
