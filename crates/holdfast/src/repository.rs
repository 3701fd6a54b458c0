//! From `--repo` to an open repository.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use holdfast_host::Cancel;
use holdfast_repository::{OpenOptions, Repository};
use holdfast_storage::{BlobStore, OpenStore, S3Credentials, StoreLocation};
use secrecy::SecretString;

use crate::arguments::{RepositoryArguments, WorkArguments};
use crate::failure::UsageError;
use crate::password::{self, Purpose};

/// How a command uses the store.
pub(crate) struct Access {
    /// Stops requests in flight.
    pub(crate) cancel: Cancel,
    /// Makes a directory that is missing.
    pub(crate) create: bool,
    /// Refuses every write.
    pub(crate) read_only: bool,
    /// Bytes a second.
    pub(crate) upload_limit: Option<u64>,
    /// Bytes a second.
    pub(crate) download_limit: Option<u64>,
}

impl Access {
    /// Reading only, without limits.
    pub(crate) fn read(cancel: &Cancel) -> Self {
        Self {
            cancel: cancel.clone(),
            create: false,
            read_only: true,
            upload_limit: None,
            download_limit: None,
        }
    }

    /// Reading and writing.
    pub(crate) fn write(cancel: &Cancel) -> Self {
        Self {
            read_only: false,
            ..Self::read(cancel)
        }
    }

    /// Writing to a place that may not exist yet.
    pub(crate) fn create(cancel: &Cancel) -> Self {
        Self {
            create: true,
            ..Self::write(cancel)
        }
    }

    /// Keeps to the limits that the command line sets.
    pub(crate) fn limited(self, work: &WorkArguments) -> Self {
        Self {
            upload_limit: work.upload_limit,
            download_limit: work.download_limit,
            ..self
        }
    }
}

/// The place that `--repo` names.
pub(crate) fn location(arguments: &RepositoryArguments) -> Result<StoreLocation> {
    let repo = arguments.repo.as_deref().ok_or_else(|| {
        UsageError::new("no repository was given").hint("Give --repo URL or set HOLDFAST_REPO.")
    })?;
    parse(repo)
}

/// The place that an address names.
pub(crate) fn parse(address: &str) -> Result<StoreLocation> {
    StoreLocation::parse(address).map_err(|error| {
        UsageError::new(error.to_string())
            .hint("Write file:///DIR or s3://BUCKET/PREFIX?endpoint=URL&region=NAME.")
            .into()
    })
}

/// Opens the store without looking for a repository in it.
pub(crate) fn store(arguments: &RepositoryArguments, access: Access) -> Result<Arc<dyn BlobStore>> {
    open_store(&location(arguments)?, access, credentials())
}

/// Opens the store of the destination of a copy. It may need other keys than the source.
pub(crate) fn destination_store(
    location: &StoreLocation,
    access: Access,
) -> Result<Arc<dyn BlobStore>> {
    let keys = keys_of("HOLDFAST_DESTINATION").or_else(credentials);
    open_store(location, access, keys)
}

fn open_store(
    location: &StoreLocation,
    access: Access,
    credentials: Option<S3Credentials>,
) -> Result<Arc<dyn BlobStore>> {
    let options = OpenStore {
        credentials,
        cancel: access.cancel,
        upload_limit_bytes_per_second: access.upload_limit,
        download_limit_bytes_per_second: access.download_limit,
        read_only: access.read_only,
        create_directory: access.create,
    };
    Ok(location.open(&options)?)
}

/// Whether two addresses name one place.
pub(crate) fn is_same_place(one: &StoreLocation, other: &StoreLocation) -> bool {
    match (one, other) {
        (StoreLocation::Local(one), StoreLocation::Local(other)) => {
            let real = |path: &PathBuf| std::fs::canonicalize(path).ok();
            one == other || real(one).is_some_and(|one| real(other) == Some(one))
        }
        _ => one == other,
    }
}

/// Index blobs from this length on are kept between commands, in bytes; small repositories leave nothing behind.
const CACHED_FROM: u64 = 4 << 20;

/// Opens the repository with the password that was given or asked for.
pub(crate) fn open(arguments: &RepositoryArguments, access: Access) -> Result<Arc<Repository>> {
    open_cached(arguments, access, cache_directory())
}

/// As [`open`], with large indexes in files below `cache`.
pub(crate) fn open_cached(
    arguments: &RepositoryArguments,
    access: Access,
    cache: PathBuf,
) -> Result<Arc<Repository>> {
    let store = store(arguments, access)?;
    let password = password::obtain(arguments.password_file.as_deref(), Purpose::Open)?;
    Ok(Repository::open(store, &password, &cached(cache))?)
}

/// This user on this machine, with large indexes in files below `cache`.
pub(crate) fn cached(cache: PathBuf) -> OpenOptions {
    OpenOptions {
        cache_dir: Some(cache),
        cache_min_length: CACHED_FROM,
        ..OpenOptions::default()
    }
}

/// Where large indexes are unpacked: `HOLDFAST_CACHE_DIR`, else a folder of this user's for what can be made again.
pub(crate) fn cache_directory() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(named) = variable("HOLDFAST_CACHE_DIR") {
        return PathBuf::from(named);
    }
    let caches = if cfg!(windows) {
        variable("LOCALAPPDATA").map(PathBuf::from)
    } else {
        variable("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cache")))
    };
    caches
        .unwrap_or_else(std::env::temp_dir)
        .join("holdfast")
        .join("repositories")
}

/// The keys of the environment, by the names that all S3 tools know.
pub(crate) fn credentials() -> Option<S3Credentials> {
    keys_of("AWS")
}

fn keys_of(prefix: &str) -> Option<S3Credentials> {
    let variable = |name: &str| {
        let value = std::env::var(format!("{prefix}_{name}")).ok();
        value.filter(|value| !value.is_empty())
    };
    Some(S3Credentials {
        access_key_id: variable("ACCESS_KEY_ID")?,
        secret_access_key: SecretString::from(variable("SECRET_ACCESS_KEY")?),
        session_token: variable("SESSION_TOKEN").map(SecretString::from),
    })
}
