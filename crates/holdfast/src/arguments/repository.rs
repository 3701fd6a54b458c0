//! Arguments that name a repository, and those of `repo`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
