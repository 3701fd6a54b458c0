//! Arguments of `snapshot`, `ls` and `cat`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use holdfast_repository::coverage::Budget;

use super::RepositoryArguments;

#[derive(Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Take a snapshot of each path.
    Create(CreateSnapshotArguments),
    /// List snapshots, oldest first.
    List(ListArguments),
    /// Write a snapshot, or a part of it, to a folder, an archive or standard output.
    Restore(RestoreArguments),
    /// Check that the files of snapshots can be restored.
    Verify(VerifyArguments),
    /// Show what differs between two snapshots, or between parts of them.
    ///
    /// Entries are marked `+` added, `-` removed, `~` changed (with what changed: type, content, mode, mtime, owner,
    /// group, attributes) and `!` for a folder that cannot be read.
    Diff(DiffArguments),
    /// Delete a snapshot; its data is freed by a later maintenance.
    Delete(DeleteArguments),
    /// Show which snapshots the policies no longer keep, and delete them with --delete.
    Expire(ExpireArguments),
    /// Add or remove pins; a pinned snapshot is not deleted by policies.
    Pin(PinArguments),
}

#[derive(Args)]
pub(crate) struct CreateSnapshotArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Folders or files to back up; each becomes one snapshot.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Back up standard input as a file of this name, the only one in the snapshot of the path, which need not exist.
    #[arg(long, value_name = "NAME")]
    pub(crate) stdin_file: Option<String>,
    /// A sentence that is kept with the snapshot.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// A tag that is kept with the snapshot, as KEY:VALUE; may be repeated.
    #[arg(long = "tag", value_name = "KEY:VALUE", value_parser = tag)]
    pub(crate) tags: Vec<(String, String)>,
    /// The host name of the snapshot's source instead of this machine's.
    #[arg(long, value_name = "NAME", conflicts_with = "override_source")]
    pub(crate) hostname: Option<String>,
    /// The user name of the snapshot's source instead of yours.
    #[arg(long, value_name = "NAME", conflicts_with = "override_source")]
    pub(crate) username: Option<String>,
    /// The whole source instead of the real one, as USER@HOST:PATH; with a single path only.
    #[arg(long, value_name = "USER@HOST:PATH")]
    pub(crate) override_source: Option<String>,
    /// Run the programs that policies name; whoever may write to the repository decides what they are.
    #[arg(long, visible_alias = "force-enable-actions")]
    pub(crate) enable_actions: bool,
    #[command(flatten)]
    pub(crate) work: WorkArguments,
}

/// How hard the machine and the network are used.
#[derive(Args)]
pub(crate) struct WorkArguments {
    /// How many threads work; the number of processors by default.
    #[arg(long, value_name = "N")]
    pub(crate) parallel: Option<NonZeroUsize>,
    /// The most that is sent to the store, in bytes a second.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) upload_limit: Option<u64>,
    /// The most that is fetched from the store, in bytes a second.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) download_limit: Option<u64>,
}

#[derive(Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Only snapshots of this path.
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<PathBuf>,
    /// Also snapshots of other users and hosts.
    #[arg(long)]
    pub(crate) all: bool,
    /// Also checkpoints of uploads that did not come to their end.
    #[arg(long)]
    pub(crate) incomplete: bool,
}

/// What happens to a file that the target already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OverwriteRule {
    /// Replace it.
    Always,
    /// Keep it.
    Never,
    /// Replace it when size or modification time differ.
    Different,
}

/// What a restore makes of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetForm {
    /// A folder.
    Folder,
    /// A tar archive, with pax records where they are needed.
    Tar,
    /// A ZIP archive, not compressed.
    Zip,
}

#[derive(Args)]
pub(crate) struct RestoreArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The snapshot, by its id or that of its root object, and optionally a path inside it.
    #[arg(value_name = "ID[:SUBPATH]")]
    pub(crate) from: SnapshotPath,
    /// The folder (or file) to write; it is made when it is missing. A name that ends in .tar or .zip becomes an archive
    /// when a folder is restored, and `-` is standard output: a tar archive, or the content of a single file.
    #[arg(value_name = "TARGET")]
    pub(crate) target: PathBuf,
    /// What becomes of the target, whatever its name is.
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub(crate) form: Option<TargetForm>,
    /// What happens to a file that the target already has.
    #[arg(long, value_enum, value_name = "RULE", default_value_t = OverwriteRule::Always)]
    pub(crate) overwrite: OverwriteRule,
    /// Change only what differs, each for itself: contents, owner, permissions, modification time.
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) incremental: bool,
    /// Leave long stretches of zeros as holes.
    #[arg(long)]
    pub(crate) sparse: bool,
    /// Only say what would happen to each entry; nothing is written.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) work: WorkArguments,
}

#[derive(Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The snapshots to verify; all by default.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Read and decrypt all file data; without it only directories are read and the presence of data is checked.
    #[arg(long)]
    pub(crate) read_data: bool,
    /// Read back a part of the repository, whatever snapshots it belongs to: so much, oldest first, that every blob is read
    /// again within this many days if this is run at least once a day.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650), conflicts_with_all = ["ids", "read_data"])]
    pub(crate) coverage_days: Option<u32>,
    /// The most that is read back, in bytes or as a part of the repository such as 5%.
    #[arg(long, value_name = "BYTES|PERCENT", value_parser = budget, requires = "coverage_days")]
    pub(crate) budget: Option<Budget>,
    #[command(flatten)]
    pub(crate) work: WorkArguments,
}

fn budget(text: &str) -> Result<Budget, String> {
    let wrong = || format!("{text:?} is neither a number of bytes nor a part such as 5%");
    match text.strip_suffix('%') {
        Some(part) => match part.parse() {
            Ok(part @ 1..=100) => Ok(Budget::Percent(part)),
            _ => Err(wrong()),
        },
        None => text.parse().map(Budget::Bytes).map_err(|_| wrong()),
    }
}

#[derive(Args)]
pub(crate) struct DiffArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The snapshot to start from, by its id or that of its root object, and optionally a path inside it.
    #[arg(value_name = "A[:SUBPATH]")]
    pub(crate) from: SnapshotPath,
    /// The snapshot to compare it with.
    #[arg(value_name = "B[:SUBPATH]")]
    pub(crate) to: SnapshotPath,
}

#[derive(Args)]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The snapshot to delete.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Args)]
pub(crate) struct ExpireArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The sources, as paths of this machine or USER@HOST:PATH.
    #[arg(value_name = "SOURCE", required_unless_present = "all")]
    pub(crate) sources: Vec<String>,
    /// All sources of the repository.
    #[arg(long, conflicts_with = "sources")]
    pub(crate) all: bool,
    /// Delete them; without it they are only shown.
    #[arg(long)]
    pub(crate) delete: bool,
}

#[derive(Args)]
pub(crate) struct PinArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Snapshots, by their ids or those of their root objects.
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// A pin to add; may be repeated.
    #[arg(long, value_name = "NAME", required_unless_present = "remove")]
    pub(crate) add: Vec<String>,
    /// A pin to remove; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) remove: Vec<String>,
}

#[derive(Args)]
pub(crate) struct LsArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The snapshot and optionally a folder inside it.
    #[arg(value_name = "ID[:SUBPATH]")]
    pub(crate) from: SnapshotPath,
}

#[derive(Args)]
pub(crate) struct CatArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The snapshot and a file inside it.
    #[arg(value_name = "ID:PATH")]
    pub(crate) from: SnapshotPath,
}

/// A snapshot (or object) and a path inside it, written `ID` or `ID:SUBPATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotPath {
    /// Id of a snapshot or of an object.
    pub(crate) id: String,
    /// Path inside, with `/` between names, without one at either end; empty for the root.
    pub(crate) path: String,
}

impl std::str::FromStr for SnapshotPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, path) = text.split_once(':').unwrap_or((text, ""));
        if id.is_empty() {
            return Err("the id of a snapshot is missing before the colon".to_owned());
        }
        let names: Vec<&str> = path
            .split('/')
            .filter(|name| !name.is_empty() && *name != ".")
            .collect();
        if names.contains(&"..") {
            return Err("a path inside a snapshot may not contain `..`".to_owned());
        }
        Ok(Self {
            id: id.to_owned(),
            path: names.join("/"),
        })
    }
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a tag is written KEY:VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshot_paths() {
        for (text, id, path) in [
            ("abc", "abc", ""),
            ("abc:", "abc", ""),
            ("abc:/", "abc", ""),
            ("abc:docs/readme.md", "abc", "docs/readme.md"),
            ("abc:/docs//./a:b/", "abc", "docs/a:b"),
        ] {
            let expected = SnapshotPath {
                id: id.to_owned(),
                path: path.to_owned(),
            };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in ["", ":docs", "abc:../up"] {
            assert!(text.parse::<SnapshotPath>().is_err(), "{text}");
        }
    }

    #[test]
    fn tags() {
        assert_eq!(
            tag("kind:daily:1"),
            Ok(("kind".to_owned(), "daily:1".to_owned()))
        );
        assert!(tag("kind").is_err());
        assert!(tag(":daily").is_err());
    }
}
