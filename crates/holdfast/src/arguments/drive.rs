//! Arguments of `drive` and `mount`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, value_parser};

use super::{RepositoryArguments, SnapshotPath};

/// What `mount` takes for all snapshots.
const ALL: &str = "all";
const ONE_SNAPSHOT: &str = "snapshot:";
const MANY_SNAPSHOTS: &str = "snapshots:";

#[derive(Subcommand)]
pub(crate) enum DriveCommand {
    /// Show snapshots as a folder that is only read, until Ctrl-C or until it is unmounted.
    ///
    /// SRC is `snapshot:ID`, `snapshot:ID:SUBPATH`, `snapshots:` for all snapshots of the repository, or
    /// `snapshots:SOURCE` for those of a source, written as a path of this machine, USER@HOST:PATH, USER@HOST or @HOST.
    /// Several snapshots lie in it as HOST/USER/PATH/TIME, without what SOURCE says already, with a link `latest`.
    Mount(DriveMountArguments),
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MountSource {
    /// A snapshot or an object, and a path inside it.
    Snapshot(SnapshotPath),
    /// All snapshots, or those of a source.
    Snapshots(Option<String>),
}

#[derive(Args)]
pub(crate) struct DriveMountArguments {
    /// What to mount.
    #[arg(value_name = "SRC", value_parser = drive_source)]
    pub(crate) source: MountSource,
    #[command(flatten)]
    pub(crate) mount: MountPointArguments,
}

#[derive(Args)]
pub(crate) struct MountArguments {
    /// The snapshot, by its id or that of its root object, and optionally a path inside it; `all` for all snapshots.
    #[arg(value_name = "ID[:SUBPATH]", value_parser = mount_source)]
    pub(crate) source: MountSource,
    #[command(flatten)]
    pub(crate) mount: MountPointArguments,
}

#[derive(Args)]
pub(crate) struct MountPointArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// An empty folder; what is mounted appears in it.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Let other users in; each may read what owner and permissions of the entries allow. Else you alone may look into it,
    /// and read everything.
    #[arg(long)]
    pub(crate) allow_other: bool,
    /// Memory for what was read and may be wanted again, in bytes, at least 16 MiB.
    #[arg(long, value_name = "BYTES", default_value_t = 128 << 20, value_parser = value_parser!(u64).range(16 << 20..))]
    pub(crate) cache_size: u64,
    /// How many requests of programs are answered at a time.
    #[arg(long, value_name = "N", default_value = "16")]
    pub(crate) parallel: NonZeroUsize,
    /// The most that is fetched from the store, in bytes a second.
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(1..))]
    pub(crate) download_limit: Option<u64>,
}

fn drive_source(text: &str) -> Result<MountSource, String> {
    if let Some(source) = text.strip_prefix(MANY_SNAPSHOTS) {
        let source = (!source.is_empty()).then(|| source.to_owned());
        return Ok(MountSource::Snapshots(source));
    }
    match text.strip_prefix(ONE_SNAPSHOT) {
        Some(path) => Ok(MountSource::Snapshot(path.parse()?)),
        None => Err("write snapshot:ID, snapshots: or snapshots:SOURCE".to_owned()),
    }
}

fn mount_source(text: &str) -> Result<MountSource, String> {
    match text {
        ALL => Ok(MountSource::Snapshots(None)),
        path => Ok(MountSource::Snapshot(path.parse()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(text: &str) -> MountSource {
        MountSource::Snapshot(text.parse().expect("a snapshot"))
    }

    #[test]
    fn sources() {
        let many = |source: Option<&str>| Ok(MountSource::Snapshots(source.map(str::to_owned)));
        assert_eq!(drive_source("snapshot:abc:docs"), Ok(snapshot("abc:docs")));
        assert_eq!(drive_source("snapshots:"), many(None));
        assert_eq!(
            drive_source("snapshots:ann@web:/x"),
            many(Some("ann@web:/x"))
        );
        for wrong in ["abc", "snapshot:", "snapshot:abc:../x", "s3://bucket/x"] {
            assert!(drive_source(wrong).is_err(), "{wrong}");
        }
        assert_eq!(mount_source("all"), many(None));
        assert_eq!(mount_source("abc:docs"), Ok(snapshot("abc:docs")));
        assert!(mount_source("").is_err());
    }
}
