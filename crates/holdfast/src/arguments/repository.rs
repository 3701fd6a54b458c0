//! Arguments that name a repository, and those of `repo`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, value_parser};
use holdfast_repository::HashAlgorithm;
use holdfast_repository::crypto::EncryptionAlgorithm;
use holdfast_repository::ecc::REED_SOLOMON_CRC32;
use holdfast_repository::splitter::{DEFAULT_SPLITTER, SplitterKind};

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
    pub(crate) repo: String,
    /// Take the password from the first line of a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum RepoCommand {
    /// Create an empty repository.
    Create(CreateArguments),
    /// Show the format and the place of a repository.
    Status(RepositoryArguments),
    /// Check that the repository is whole and well formed.
    Check(CheckArguments),
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
