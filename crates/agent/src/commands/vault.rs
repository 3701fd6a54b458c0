//! `test_vault` and `create_repository`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{
    CreateRepositoryResult, ProbeCheck, RepositoryFinding, TestVaultResult, VaultFinding,
};
use holdfast_protocol::agent::{VaultContext, VaultState, failures};
use holdfast_repository::{CreateOptions, Repository};
use holdfast_storage::{BlobId, BlobStore, ErrorKind};

use super::usage::measure;
use crate::failure::{Failure, WorkError};
use crate::state::VaultFolders;
use crate::vaults::{Access, location, name, of_vault, open_options, open_store, password};

/// Name of the object that a test writes, reads and deletes. Stock programs ignore names of this form.
const PROBE_PREFIX: &str = "holdfast-probe-";

/// Size of that object in bytes.
const PROBE_SIZE: usize = 4096;

/// Somebody waits for a test: what takes longer is left to the next maintenance.
const LONGEST_MEASURE: Duration = Duration::from_secs(5);

/// Tries a vault's storage and looks for its repository. A finding that says "no" is a result, not a failure.
///
/// # Errors
/// When the vault cannot be tested at all (its fields are incomplete) or the agent stops.
pub fn test_vault(
    vault: &VaultContext,
    folders: &VaultFolders,
    cancel: &Cancel,
) -> Result<TestVaultResult, WorkError> {
    let place = location(vault)?.to_string();
    let mut test = Test {
        findings: Vec::new(),
    };
    let mut repository = RepositoryFinding::Unknown;
    let mut usage = None;
    let access = Access {
        cancel: cancel.clone(),
        create_directory: vault.vault_state != VaultState::Ready,
        ..Access::default()
    };
    if let Some(store) = test.check(ProbeCheck::List, || reach(vault, &access))?
        && test.probe(&*store)?
    {
        repository = test.repository(vault, folders, store.clone())?;
        if repository == RepositoryFinding::Present {
            usage = measure(&*store, vault, Some(LONGEST_MEASURE));
        }
    }
    let ok = test.findings.iter().all(|finding| finding.ok);
    Ok(TestVaultResult {
        ok,
        location: place,
        findings: test.findings,
        repository,
        usage,
    })
}

/// Opens the storage and lists a little of it.
fn reach(
    vault: &VaultContext,
    access: &Access,
) -> Result<std::sync::Arc<dyn BlobStore>, WorkError> {
    let store = open_store(vault, access)?;
    store.list("kopia.", &mut |_| std::ops::ControlFlow::Break(()))?;
    Ok(store)
}

struct Test {
    findings: Vec<VaultFinding>,
}

impl Test {
    /// Makes one check and notes what it found; `None` when it failed.
    fn check<T>(
        &mut self,
        check: ProbeCheck,
        work: impl FnOnce() -> Result<T, WorkError>,
    ) -> Result<Option<T>, WorkError> {
        let began = Instant::now();
        let result = work();
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (ok, failure, value) = match result {
            Ok(value) => (true, None, Some(value)),
            Err(WorkError::Failed(failure)) => (false, Some(failure), None),
            Err(WorkError::Cancelled) => return Err(WorkError::Cancelled),
        };
        self.findings.push(VaultFinding {
            check,
            ok,
            code: failure.as_ref().map(|failure| failure.code.to_owned()),
            message: failure.map(|failure| failure.message).unwrap_or_default(),
            duration_ms,
        });
        Ok(value)
    }

    /// Writes, reads and deletes an object; answers whether all three worked.
    fn probe(&mut self, store: &dyn BlobStore) -> Result<bool, WorkError> {
        let mut bytes = vec![0u8; PROBE_SIZE];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::internal(format!("no random bytes: {error}")))?;
        let id = BlobId::new(format!("{PROBE_PREFIX}{}", hex::encode(&bytes[..8])))
            .map_err(|error| Failure::internal(error.to_string()))?;
        let data = Bytes::from(bytes);
        let written = self.check(ProbeCheck::Write, || {
            Ok(store.put(&id, data.clone(), &Default::default())?)
        })?;
        if written.is_none() {
            return Ok(false);
        }
        let read = self.check(ProbeCheck::Read, || {
            let read = store.get(&id)?;
            if read != data {
                let text = format!(
                    "{} gave back {} bytes that are not the {} written",
                    store.location(),
                    read.len(),
                    data.len()
                );
                return Err(Failure::new(failures::STORAGE_UNRELIABLE, text).into());
            }
            Ok(())
        })?;
        let deleted = self.check(ProbeCheck::Delete, || {
            store.delete(&id)?;
            match store.stat(&id) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error.into()),
                Ok(_) => {
                    let text = format!(
                        "{} says that an object is deleted and still has it",
                        store.location()
                    );
                    Err(Failure::new(failures::STORAGE_UNRELIABLE, text).into())
                }
            }
        })?;
        Ok(read.is_some() && deleted.is_some())
    }

    fn repository(
        &mut self,
        vault: &VaultContext,
        folders: &VaultFolders,
        store: std::sync::Arc<dyn BlobStore>,
    ) -> Result<RepositoryFinding, WorkError> {
        let must_exist = vault.vault_state == VaultState::Ready;
        let finding = self.check(ProbeCheck::Repository, || {
            if vault.repository_password.is_none() {
                // A vault that is only being described has no password yet.
                let found = store.list_all("kopia.repository")?;
                return Ok(if found.is_empty() {
                    RepositoryFinding::Absent
                } else {
                    RepositoryFinding::Present
                });
            }
            let options = open_options(vault, folders, None)?;
            match Repository::open(store, &password(vault)?, &options) {
                Ok(_) => Ok(RepositoryFinding::Present),
                Err(holdfast_repository::Error::RepositoryMissing { .. }) if !must_exist => {
                    Ok(RepositoryFinding::Absent)
                }
                Err(error) => Err(of_vault(vault, error)),
            }
        })?;
        Ok(finding.unwrap_or(RepositoryFinding::Unusable))
    }
}

/// Creates a vault's repository. A repository that opens with the vault's password is the result of an earlier delivery.
///
/// # Errors
/// `repository_exists` when the place is taken, and the failures of the storage.
pub fn create_repository(
    vault: &VaultContext,
    folders: &VaultFolders,
    cancel: &Cancel,
) -> Result<CreateRepositoryResult, WorkError> {
    let password = password(vault)?;
    let options = open_options(vault, folders, None)?;
    let access = Access {
        cancel: cancel.clone(),
        create_directory: vault.vault_state.may_create(),
        ..Access::default()
    };
    let store = open_store(vault, &access)?;
    match Repository::open(store.clone(), &password, &options) {
        Ok(repository) => {
            return Ok(CreateRepositoryResult {
                created: false,
                unique_id: hex::encode(repository.unique_id()),
            });
        }
        Err(holdfast_repository::Error::RepositoryMissing { .. }) => {}
        Err(holdfast_repository::Error::WrongPassword { location }) => {
            let text = format!(
                "{location} already holds a repository that the password of the vault {} does not open; choose another prefix or folder",
                name(vault)
            );
            return Err(Failure::new(failures::REPOSITORY_EXISTS, text).into());
        }
        Err(error) => return Err(error.into()),
    }
    if !vault.vault_state.may_create() {
        let text = format!(
            "the vault {} is not to be created by this agent, and its repository is missing",
            name(vault)
        );
        return Err(Failure::new(failures::REPOSITORY_MISSING, text).into());
    }
    let repository = Repository::create(store, &password, &CreateOptions::default(), &options)?;
    Ok(CreateRepositoryResult {
        created: true,
        unique_id: hex::encode(repository.unique_id()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn vault(place: &std::path::Path, state: &str, password: &str) -> VaultContext {
        serde_json::from_value(json!({
            "vault_id": "01920000-0000-7000-8000-000000000002", "vault_name": "V", "vault_state": state, "dest_type": "local",
            "dest_local_path": place, "encryption_mode": "managed", "repository_password": password,
        }))
        .unwrap()
    }

    struct Place {
        folder: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
            }
        }

        fn folders(&self) -> VaultFolders {
            VaultFolders::new(
                self.folder.path().join("state"),
                self.folder.path().join("cache"),
            )
        }

        fn vault(&self, state: &str, password: &str) -> VaultContext {
            vault(&self.folder.path().join("vault"), state, password)
        }

        fn test(&self, state: &str, password: &str) -> TestVaultResult {
            test_vault(
                &self.vault(state, password),
                &self.folders(),
                &Cancel::new(),
            )
            .unwrap()
        }

        fn create(&self, state: &str, password: &str) -> Result<CreateRepositoryResult, WorkError> {
            create_repository(
                &self.vault(state, password),
                &self.folders(),
                &Cancel::new(),
            )
        }
    }

    fn code(result: Result<CreateRepositoryResult, WorkError>) -> &'static str {
        match result {
            Err(WorkError::Failed(failure)) => failure.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_new_vault_passes_and_keeps_nothing() {
        let place = Place::new();
        let result = place.test("new", "pw");
        assert!(result.ok, "{result:?}");
        let checks: Vec<ProbeCheck> = result
            .findings
            .iter()
            .map(|finding| finding.check)
            .collect();
        assert_eq!(
            checks,
            [
                ProbeCheck::List,
                ProbeCheck::Write,
                ProbeCheck::Read,
                ProbeCheck::Delete,
                ProbeCheck::Repository
            ]
        );
        assert_eq!(result.repository, RepositoryFinding::Absent);
        let left: Vec<_> = walk(&place.folder.path().join("vault"));
        assert!(left.iter().all(|path| !path.contains("probe")), "{left:?}");
    }

    fn walk(folder: &std::path::Path) -> Vec<String> {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    }

    // Requirements: ENG-KOPIA-2
    #[test]
    fn a_repository_is_created_once_and_found_again() {
        let place = Place::new();
        assert_eq!(
            code(place.create("ready", "pw")),
            failures::STORAGE_NOT_FOUND
        );
        let first = place.create("creating", "pw").unwrap();
        assert!(first.created && !first.unique_id.is_empty());
        let second = place.create("creating", "pw").unwrap();
        assert_eq!(
            (second.created, &second.unique_id),
            (false, &first.unique_id)
        );
        assert_eq!(
            code(place.create("creating", "other")),
            failures::REPOSITORY_EXISTS
        );
        assert_eq!(
            place.test("ready", "pw").repository,
            RepositoryFinding::Present
        );
        let wrong = place.test("ready", "other");
        assert_eq!(
            (wrong.ok, wrong.repository),
            (false, RepositoryFinding::Unusable)
        );
        assert_eq!(
            wrong.findings.last().unwrap().code.as_deref(),
            Some(failures::WRONG_PASSWORD)
        );
    }

    #[test]
    fn a_ready_vault_without_repository_is_a_finding() {
        let place = Place::new();
        std::fs::create_dir(place.folder.path().join("vault")).unwrap();
        let result = place.test("ready", "pw");
        assert!(!result.ok);
        assert_eq!(
            result.findings.last().unwrap().code.as_deref(),
            Some(failures::REPOSITORY_MISSING)
        );
        assert_eq!(
            code(place.create("ready", "pw")),
            failures::REPOSITORY_MISSING
        );
    }

    #[test]
    fn a_place_that_cannot_be_reached_stops_at_the_first_check() {
        let place = Place::new();
        std::fs::write(place.folder.path().join("vault"), "a file").unwrap();
        let result = place.test("new", "pw");
        assert_eq!(
            (result.ok, result.findings.len(), result.repository),
            (false, 1, RepositoryFinding::Unknown)
        );
        assert!(!result.findings[0].message.is_empty());
    }
}
