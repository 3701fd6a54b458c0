//! Opening the storage and the repository of a vault.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use holdfast_host::Cancel;
use holdfast_protocol::agent::{
    DestinationType, EncryptionMode, SourceIdentity, VaultContext, failures,
};
use holdfast_repository::{OpenOptions, Repository};
use holdfast_storage::{BlobStore, Endpoint, OpenStore, S3Credentials, S3Location, StoreLocation};
use secrecy::SecretString;

use crate::failure::{Failure, WorkError};
use crate::state::VaultFolders;

/// Region for stores that do not care.
const DEFAULT_REGION: &str = "us-east-1";

/// How often a wait for something uninterruptible looks for a cancel.
const CANCEL_CHECK: Duration = Duration::from_millis(20);

/// How a vault's storage is opened.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Ends the work, requests in flight included.
    pub cancel: Cancel,
    /// Upload limit in bytes per second.
    pub upload_limit: Option<u64>,
    /// Download limit in bytes per second.
    pub download_limit: Option<u64>,
    /// Refuse to change anything.
    pub read_only: bool,
    /// Create the directory of a directory vault.
    pub create_directory: bool,
}

impl Access {
    /// For work that changes what is stored.
    pub fn changing(cancel: &Cancel) -> Self {
        Self {
            cancel: cancel.clone(),
            ..Self::default()
        }
    }

    /// For work that only reads.
    pub fn reading(cancel: &Cancel) -> Self {
        Self {
            read_only: true,
            ..Self::changing(cancel)
        }
    }
}

/// The vault's place.
///
/// # Errors
/// `bad_request` when the fields of its kind are missing or make no sense.
pub fn location(vault: &VaultContext) -> Result<StoreLocation, Failure> {
    let bad = |what: &str| {
        Failure::new(
            failures::BAD_REQUEST,
            format!("the vault {} has {what}", name(vault)),
        )
    };
    match vault.dest_type {
        DestinationType::Local => {
            let path = Path::new(&vault.dest_local_path);
            if !path.is_absolute() {
                return Err(bad("no absolute folder"));
            }
            Ok(StoreLocation::local(path))
        }
        DestinationType::S3 => {
            if vault.dest_bucket.is_empty() {
                return Err(bad("no bucket"));
            }
            let endpoint = match vault.endpoint.trim() {
                "" => None,
                text => Some(
                    Endpoint::parse(text)
                        .map_err(|error| bad(&format!("no usable endpoint: {error}")))?,
                ),
            };
            let region = if vault.region.is_empty() {
                DEFAULT_REGION
            } else {
                &vault.region
            };
            let (bucket, prefix) = (vault.dest_bucket.clone(), vault.dest_prefix.clone());
            Ok(StoreLocation::S3(S3Location {
                bucket,
                prefix,
                endpoint,
                region: region.to_owned(),
            }))
        }
        DestinationType::Other => Err(bad(
            "a kind of storage that this agent does not know; update the agent",
        )),
    }
}

/// The vault's name for messages.
pub fn name(vault: &VaultContext) -> String {
    if vault.vault_name.is_empty() {
        vault.vault_id.to_string()
    } else {
        format!("\"{}\"", vault.vault_name)
    }
}

/// Opens the vault's storage.
pub fn open_store(vault: &VaultContext, access: &Access) -> Result<Arc<dyn BlobStore>, WorkError> {
    let credentials = match (&vault.access_key, &vault.secret_key) {
        (Some(access_key), Some(secret_key)) => Some(S3Credentials {
            access_key_id: access_key.expose().to_owned(),
            secret_access_key: secret_key.to_secret_string(),
            session_token: None,
        }),
        _ if vault.dest_type == DestinationType::S3 => {
            return Err(Failure::new(
                failures::BAD_REQUEST,
                format!("the keys of the vault {} are missing", name(vault)),
            )
            .into());
        }
        _ => None,
    };
    let store = location(vault)?.open(&OpenStore {
        credentials,
        cancel: access.cancel.clone(),
        upload_limit_bytes_per_second: access.upload_limit,
        download_limit_bytes_per_second: access.download_limit,
        read_only: access.read_only,
        create_directory: access.create_directory,
    })?;
    Ok(store)
}

/// The password that came with the work.
pub fn password(vault: &VaultContext) -> Result<SecretString, Failure> {
    match (&vault.encryption_mode, &vault.repository_password) {
        (EncryptionMode::Managed, Some(password)) if !password.is_empty() => {
            Ok(password.to_secret_string())
        }
        (EncryptionMode::Managed, _) => Err(Failure::new(
            failures::BAD_REQUEST,
            format!(
                "the password of the vault {} did not come with the work",
                name(vault)
            ),
        )),
        _ => Err(Failure::new(
            failures::BAD_REQUEST,
            format!(
                "the vault {} keeps its password in a way that this agent does not know; update the agent",
                name(vault)
            ),
        )),
    }
}

/// Opens the vault's repository.
///
/// # Errors
/// `repository_missing` when there is none: it is never created here, so that a typo cannot begin an empty history.
pub fn open_repository(
    vault: &VaultContext,
    folders: &VaultFolders,
    identity: Option<&SourceIdentity>,
    access: &Access,
) -> Result<Arc<Repository>, WorkError> {
    let password = password(vault)?;
    let store = open_store(vault, access)?;
    let options = open_options(vault, folders, identity)?;
    let opened = unless_cancelled(&access.cancel, move || {
        Repository::open(store, &password, &options)
    })?;
    opened.map_err(|error| of_vault(vault, error))
}

/// Does work that cannot be interrupted (deriving the key takes a second or more on a busy machine) on a thread of its own
/// and stops waiting for it when the work is cancelled. What it still does then is not seen by anybody.
fn unless_cancelled<T: Send + 'static>(
    cancel: &Cancel,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WorkError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let run = move || {
        // Nobody receives when the wait was given up.
        let _ = sender.send(work());
    };
    std::thread::Builder::new()
        .name("open vault".to_owned())
        .spawn(run)
        .map_err(|error| Failure::internal(format!("cannot start a thread: {error}")))?;
    loop {
        match receiver.recv_timeout(CANCEL_CHECK) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) => cancel.check()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::internal("opening the vault stopped unexpectedly").into());
            }
        }
    }
}

/// How this agent works with the vault's repository.
pub fn open_options(
    vault: &VaultContext,
    folders: &VaultFolders,
    identity: Option<&SourceIdentity>,
) -> Result<OpenOptions, Failure> {
    let cache = folders
        .cache_of(vault.vault_id)
        .map_err(|error| Failure::internal(format!("cannot use the cache folder: {error}")))?;
    let mut options = OpenOptions {
        cache_dir: Some(cache),
        ..OpenOptions::default()
    };
    if let Some(identity) = identity {
        options.user = identity.user.clone();
        options.host = identity.host.clone();
    }
    Ok(options)
}

/// An error of a repository, in the words of vaults.
pub fn of_vault(vault: &VaultContext, error: holdfast_repository::Error) -> WorkError {
    match error {
        holdfast_repository::Error::RepositoryMissing { location } => Failure::new(
            failures::REPOSITORY_MISSING,
            format!(
                "the vault {} has no repository at {location}, where one must be; check bucket, prefix or folder (it is never created anew by itself)",
                name(vault)
            ),
        )
        .into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn vault(fields: serde_json::Value) -> VaultContext {
        let mut all = json!({
            "vault_id": "01920000-0000-7000-8000-000000000002", "vault_name": "V", "vault_state": "ready", "dest_type": "s3",
            "dest_bucket": "b", "dest_prefix": "p/", "encryption_mode": "managed", "repository_password": "pw",
        });
        for (name, value) in fields.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    // Requirements: AGT-18, ENG-KOPIA-3
    #[test]
    fn endpoints_come_as_urls_or_bare_hosts() {
        for (given, host, tls) in [
            ("http://127.0.0.1:9000", "127.0.0.1:9000", false),
            ("https://s3.x/path", "s3.x", true),
            ("s3.x", "s3.x", true),
        ] {
            let StoreLocation::S3(location) = location(&vault(json!({"endpoint": given}))).unwrap()
            else {
                panic!("not a bucket")
            };
            let endpoint = location.endpoint.unwrap();
            assert_eq!(
                (endpoint.host.as_str(), endpoint.tls),
                (host, tls),
                "{given}"
            );
            assert_eq!(
                (location.prefix.as_str(), location.region.as_str()),
                ("p/", "us-east-1")
            );
        }
    }

    #[test]
    fn incomplete_vaults_are_refused_with_what_is_missing() {
        for (fields, word) in [
            (json!({"dest_bucket": ""}), "bucket"),
            (
                json!({"dest_type": "local", "dest_local_path": "relative"}),
                "absolute",
            ),
            (json!({"dest_type": "tape"}), "update the agent"),
        ] {
            let failure = location(&vault(fields)).unwrap_err();
            assert_eq!(failure.code, failures::BAD_REQUEST);
            assert!(
                failure.message.contains(word) && failure.message.contains("\"V\""),
                "{failure}"
            );
        }
        assert!(
            open_store(&vault(json!({})), &Access::default()).is_err(),
            "keys are missing"
        );
        assert!(password(&vault(json!({"repository_password": ""}))).is_err());
        assert!(password(&vault(json!({"encryption_mode": "agent_held"}))).is_err());
    }

    #[test]
    fn a_cancel_does_not_wait_for_what_cannot_be_interrupted() {
        let cancel = Cancel::new();
        let (release, held) = mpsc::channel::<()>();
        let work = move || held.recv().is_ok();
        let stop = cancel.clone();
        std::thread::spawn(move || stop.cancel());
        assert_eq!(unless_cancelled(&cancel, work), Err(WorkError::Cancelled));
        drop(release);
        assert_eq!(unless_cancelled(&Cancel::new(), || 7), Ok(7));
    }

    #[test]
    fn a_missing_repository_is_named_as_such_and_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let folders = VaultFolders::new(folder.path().join("state"), folder.path().join("cache"));
        let place = folder.path().join("vault");
        std::fs::create_dir(&place).unwrap();
        let vault = vault(json!({"dest_type": "local", "dest_local_path": place}));
        let WorkError::Failed(failure) =
            open_repository(&vault, &folders, None, &Access::default()).unwrap_err()
        else {
            panic!("cancelled")
        };
        assert_eq!(failure.code, failures::REPOSITORY_MISSING);
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);
    }
}
