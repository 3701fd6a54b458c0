//! Arguments of `content`, `blob`, `index` and `manifest`: looking into a repository below its snapshots.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use holdfast_repository::ContentId;
use holdfast_storage::BlobId;

use super::RepositoryArguments;

#[derive(Subcommand)]
pub(crate) enum ContentCommand {
    /// List contents in the order of their ids.
    #[command(alias = "ls")]
    List(ListContentsArguments),
    /// Print what contents hold.
    #[command(alias = "cat")]
    Show(ShowContentsArguments),
    /// Check that every content has its pack, and read contents if asked for.
    Verify(VerifyContentsArguments),
}

#[derive(Subcommand)]
pub(crate) enum BlobCommand {
    /// List the blobs of the store; needs no password.
    #[command(alias = "ls")]
    List(ListBlobsArguments),
    /// Print blobs; needs no password without --decrypt.
    #[command(alias = "cat")]
    Show(ShowBlobsArguments),
    /// Count blobs by kind and size; needs no password.
    Stats(BlobStatsArguments),
}

#[derive(Subcommand)]
pub(crate) enum IndexCommand {
    /// List the index blobs that count.
    #[command(alias = "ls")]
    List(ListIndexesArguments),
    /// Print the entries of index blobs.
    Inspect(InspectIndexesArguments),
}

#[derive(Subcommand)]
pub(crate) enum ManifestCommand {
    /// List manifests: snapshots, policies and whatever else has labels.
    #[command(alias = "ls")]
    List(ListManifestsArguments),
    /// Print manifests.
    Show(ShowManifestsArguments),
}

/// Where large indexes are unpacked.
#[derive(Args)]
pub(crate) struct CacheArguments {
    /// Where large indexes are unpacked, so that they need no memory.
    #[arg(long, value_name = "DIR", env = "HOLDFAST_CACHE_DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
}

/// Which contents, by their ids.
#[derive(Args)]
pub(crate) struct ContentSelection {
    /// Only contents whose id begins so.
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
    /// Only contents whose id has a letter in front: directories, manifests and other metadata.
    #[arg(long, conflicts_with = "non_prefixed")]
    pub(crate) prefixed: bool,
    /// Only contents whose id has no letter in front: data of files.
    #[arg(long)]
    pub(crate) non_prefixed: bool,
}

impl ContentSelection {
    /// Whether a content is one of them.
    pub(crate) fn has(&self, id: &ContentId) -> bool {
        let unwanted = match id.prefix() {
            Some(_) => self.non_prefixed,
            None => self.prefixed,
        };
        let prefix = self.prefix.as_deref();
        !unwanted && prefix.is_none_or(|prefix| id.to_string().starts_with(prefix))
    }
}

#[derive(Args)]
pub(crate) struct ListContentsArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
    #[command(flatten)]
    pub(crate) selection: ContentSelection,
    /// Also deleted contents that may still be readable.
    #[arg(long)]
    pub(crate) deleted: bool,
    /// Only deleted contents.
    #[arg(long)]
    pub(crate) deleted_only: bool,
    /// Also where each content lies and how it is stored.
    #[arg(long, short)]
    pub(crate) long: bool,
    /// Only how many there are and how large.
    #[arg(long, short, conflicts_with = "long")]
    pub(crate) summary: bool,
}

#[derive(Args)]
pub(crate) struct ShowContentsArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Ids of contents.
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<ContentId>,
    /// Unpack contents with manifests, which are compressed once more inside.
    #[arg(long, short = 'z')]
    pub(crate) unzip: bool,
}

#[derive(Args)]
pub(crate) struct VerifyContentsArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
    #[command(flatten)]
    pub(crate) selection: ContentSelection,
    /// Also deleted contents.
    #[arg(long)]
    pub(crate) include_deleted: bool,
    /// Read and decrypt every content.
    #[arg(long)]
    pub(crate) full: bool,
    /// Read and decrypt so many in a hundred contents, chosen by chance.
    #[arg(long, value_name = "PERCENT", conflicts_with = "full", value_parser = percent)]
    pub(crate) download_percent: Option<f64>,
    /// How many threads work; the number of processors by default.
    #[arg(long, value_name = "N")]
    pub(crate) parallel: Option<NonZeroUsize>,
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("a share is a number from 0 to 100".to_owned()),
    }
}

#[derive(Args)]
pub(crate) struct ListBlobsArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Only blobs whose name begins so.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) prefix: String,
    /// No blobs whose name begins so; may be repeated.
    #[arg(long, value_name = "TEXT")]
    pub(crate) exclude_prefix: Vec<String>,
    /// Only blobs of at least so many bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) min_size: Option<u64>,
    /// Only blobs of at most so many bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_size: Option<u64>,
    /// Only packs.
    #[arg(long)]
    pub(crate) data_only: bool,
}

#[derive(Args)]
pub(crate) struct ShowBlobsArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Names of blobs.
    #[arg(value_name = "BLOB", required = true)]
    pub(crate) ids: Vec<BlobId>,
    /// Decrypt indexes, logs and session markers; other blobs are printed as they are.
    #[arg(long)]
    pub(crate) decrypt: bool,
}

#[derive(Args)]
pub(crate) struct BlobStatsArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Only blobs whose name begins so.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) prefix: String,
    /// Plain numbers of bytes.
    #[arg(long, short)]
    pub(crate) raw: bool,
}

/// The order of a list of index blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IndexOrder {
    Time,
    Size,
    Name,
}

#[derive(Args)]
pub(crate) struct ListIndexesArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Also those that were merged into others and do not count any more.
    #[arg(long)]
    pub(crate) superseded: bool,
    /// The order.
    #[arg(long, value_enum, value_name = "ORDER", default_value_t = IndexOrder::Time)]
    pub(crate) sort: IndexOrder,
}

#[derive(Args)]
pub(crate) struct InspectIndexesArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
    /// Names of index blobs.
    #[arg(value_name = "BLOB", required_unless_present_any = ["all", "active"])]
    pub(crate) blobs: Vec<BlobId>,
    /// All index blobs of the store, superseded ones included.
    #[arg(long, conflicts_with_all = ["blobs", "active"])]
    pub(crate) all: bool,
    /// All index blobs that count.
    #[arg(long, conflicts_with = "blobs")]
    pub(crate) active: bool,
    /// Only entries of this content; may be repeated.
    #[arg(long, value_name = "ID")]
    pub(crate) content_id: Vec<ContentId>,
}

#[derive(Args)]
pub(crate) struct ListManifestsArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Only manifests with this label, as KEY:VALUE; may be repeated.
    #[arg(long, value_name = "KEY:VALUE", value_parser = label)]
    pub(crate) filter: Vec<(String, String)>,
    /// Labels to sort by, before the time; may be repeated.
    #[arg(long, value_name = "KEY")]
    pub(crate) sort: Vec<String>,
}

#[derive(Args)]
pub(crate) struct ShowManifestsArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Ids of manifests.
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a label is written KEY:VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_chosen_by_their_ids() {
        let data: ContentId = "ab12".parse().expect("an id");
        let folder: ContentId = "kab12".parse().expect("an id");
        for (prefix, prefixed, non_prefixed, expected) in [
            (None, false, false, [true, true]),
            (None, true, false, [false, true]),
            (None, false, true, [true, false]),
            (Some("ab"), false, false, [true, false]),
            (Some("k"), false, false, [false, true]),
            (Some("kab12"), true, false, [false, true]),
            (Some("b"), false, false, [false, false]),
        ] {
            let selection = ContentSelection {
                prefix: prefix.map(str::to_owned),
                prefixed,
                non_prefixed,
            };
            assert_eq!(
                [&data, &folder].map(|id| selection.has(id)),
                expected,
                "{prefix:?} {prefixed} {non_prefixed}"
            );
        }
    }

    #[test]
    fn shares() {
        assert_eq!(percent("12.5"), Ok(12.5));
        for text in ["", "-1", "100.1", "NaN", "x"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
