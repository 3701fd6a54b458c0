//! Arguments of `copy`.

use std::path::PathBuf;

use clap::Args;

use super::{RepositoryArguments, WorkArguments};

#[derive(Args)]
pub(crate) struct CopyArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The repository to copy to, which must exist: file:///DIR or s3://BUCKET/PREFIX?endpoint=URL&region=NAME.
    #[arg(value_name = "DESTINATION")]
    pub(crate) destination: String,
    /// Snapshots, by their ids or those of their root objects; all complete ones by default.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// All complete snapshots of a source, as a path of this machine, USER@HOST:PATH, USER@HOST or @HOST; may be repeated.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Vec<String>,
    /// Take the password of the destination from the first line of a file; otherwise it comes from
    /// HOLDFAST_DESTINATION_PASSWORD or a prompt.
    #[arg(long, value_name = "FILE")]
    pub(crate) destination_password_file: Option<PathBuf>,
    /// Change nothing; say what would be copied.
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) work: WorkArguments,
}
