//! Arguments of `find`.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

use super::RepositoryArguments;

/// The kind of an entry, as `ls --json` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArgument {
    /// A file.
    #[value(name = "f")]
    File,
    /// A folder.
    #[value(name = "d")]
    Folder,
    /// A symbolic link.
    #[value(name = "s", alias = "l")]
    Link,
}

#[derive(Args)]
pub(crate) struct FindArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// What to look for.
    #[arg(value_name = "PATTERN")]
    pub(crate) pattern: String,
    /// Only below this folder of the snapshots.
    #[arg(long, value_name = "FOLDER", default_value = "", hide_default_value = true, value_parser = folder)]
    pub(crate) path: String,
    /// Only entries of this kind; may be repeated.
    #[arg(long = "type", value_enum, value_name = "KIND")]
    pub(crate) kinds: Vec<KindArgument>,
    /// Only files of at least so many bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) min_size: Option<u64>,
    /// Only files of at most so many bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_size: Option<u64>,
    /// Take capital and small letters for the same.
    #[arg(long, short)]
    pub(crate) ignore_case: bool,
    /// Only in snapshots of a source, as a path of this machine, USER@HOST:PATH, USER@HOST or @HOST; may be repeated.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Vec<String>,
    /// Read the folders of the snapshots instead of the search index in the cache, which is slow.
    #[arg(long)]
    pub(crate) no_index: bool,
    /// How many threads work; the number of processors by default.
    #[arg(long, value_name = "N")]
    pub(crate) parallel: Option<NonZeroUsize>,
}

/// A path inside of snapshots.
fn folder(text: &str) -> Result<String, String> {
    let names: Vec<&str> = text
        .split('/')
        .filter(|name| !name.is_empty() && *name != ".")
        .collect();
    if names.contains(&"..") {
        return Err("a path inside a snapshot may not contain `..`".to_owned());
    }
    Ok(names.join("/"))
}
