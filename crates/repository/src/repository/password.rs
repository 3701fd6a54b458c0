//! Changing the password (format 1 §2.6).
//!
//! Format blob and blob configuration are both sealed under the key of the password, and no store replaces two blobs at
//! once. A missing configuration means that there is no object lock, so it is away while the format blob is replaced:
//! after every step one of the two passwords opens the repository. Where there is an object lock, the format blob
//! carries a copy of the configuration meanwhile, so that no client of ours stores an unlocked blob.

use bytes::Bytes;
use holdfast_host::Clock;
use holdfast_storage::BlobStore;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::Repository;
use super::settings::{self, put_options};
use crate::blob_names::{BLOBCFG, FORMAT};
use crate::error::{Error, Result};
use crate::format::{BlobConfiguration, FormatBlob, FormatKey};

/// Under which password something is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Under {
    Old,
    New,
}

/// One change of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Replace the format blob, with or without a copy of the configuration.
    PutFormat { under: Under, copy: bool },
    /// Remove the blob configuration.
    DeleteConfiguration,
    /// Write the blob configuration under the new password.
    PutConfiguration,
}

/// What a change finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    format: Under,
    /// Nothing when the blob is missing.
    configuration: Option<Under>,
    /// Whether the format blob carries a copy of the configuration.
    copy: bool,
    /// Whether there is an object lock.
    locked: bool,
}

/// The steps from what is found to both blobs under the new password. What an interrupted change left, another
/// program's included, is completed.
fn plan(found: Found) -> Vec<Step> {
    use Step::{DeleteConfiguration, PutConfiguration, PutFormat};
    use Under::{New, Old};
    let last = PutFormat {
        under: New,
        copy: false,
    };
    let mut steps = Vec::new();
    if found.format == Old {
        if found.configuration == Some(New) {
            return vec![last];
        }
        if found.locked && !found.copy {
            steps.push(PutFormat {
                under: Old,
                copy: true,
            });
        }
        if found.configuration.is_some() {
            steps.push(DeleteConfiguration);
        }
        steps.push(PutFormat {
            under: New,
            copy: found.locked,
        });
        steps.push(PutConfiguration);
        if found.locked {
            steps.push(last);
        }
        return steps;
    }
    if found.configuration != Some(New) {
        steps.push(PutConfiguration);
    }
    if found.copy {
        steps.push(last);
    }
    steps
}

struct Change<'a> {
    store: &'a dyn BlobStore,
    now: Timestamp,
    blob: FormatBlob,
    /// Key under which the format blob was found.
    found: &'a FormatKey,
    old: &'a FormatKey,
    new: &'a FormatKey,
    configuration: BlobConfiguration,
}

impl Repository {
    /// Changes the password of the repository in `store`. Contents and their keys stay as they are.
    ///
    /// When this is interrupted, the old password or the new one opens the repository, and calling it again completes
    /// the change. Only one client at a time may do this. Clients that are at work notice within 15 minutes and have to
    /// open the repository again.
    ///
    /// # Errors
    /// [`Error::WrongPassword`] when neither opens the repository, [`Error::PasswordFixed`] when its keys depend on the
    /// password, [`Error::InvalidParameter`] for a new password that is empty or the old one, and those of the store.
    pub fn change_password(
        store: &dyn BlobStore,
        old: &SecretString,
        new: &SecretString,
        clock: &dyn Clock,
    ) -> Result<()> {
        check(old, new)?;
        let blob = settings::read_format_blob(store)?.blob;
        let (old, new) = (blob.derive_key(old)?, blob.derive_key(new)?);
        Self::change_key(store, &old, &new, clock)
    }

    /// As [`Self::change_password`], with the keys that [`FormatBlob::derive_key`] gave.
    ///
    /// # Errors
    /// As [`Self::change_password`].
    pub fn change_key(
        store: &dyn BlobStore,
        old: &FormatKey,
        new: &FormatKey,
        clock: &dyn Clock,
    ) -> Result<()> {
        let blob = settings::read_format_blob(store)?.blob;
        let location = || store.location();
        let (under, format) = match (blob.open(old)?, blob.open(new)?) {
            (Ok(format), _) => (Under::Old, format),
            (_, Ok(format)) => (Under::New, format),
            _ => {
                return Err(Error::WrongPassword {
                    location: location(),
                });
            }
        };
        format.check(clock.now())?;
        if !format.enable_password_change {
            return Err(Error::PasswordFixed {
                location: location(),
            });
        }
        let found = match under {
            Under::Old => old,
            Under::New => new,
        };
        let copy = blob.configuration_copy(found)?;
        let mut sealed_under = None;
        let mut configuration = copy.unwrap_or_default();
        if let Some(sealed) = settings::read_sealed_configuration(store)? {
            let open = |key: &FormatKey| BlobConfiguration::open(&sealed, key, &blob.unique_id);
            let (under, opened) = match (open(old)?, open(new)?) {
                (Ok(opened), _) => (Under::Old, opened),
                (_, Ok(opened)) => (Under::New, opened),
                _ => {
                    return Err(Error::ConfigurationUnreadable {
                        location: location(),
                    });
                }
            };
            sealed_under = Some(under);
            configuration = opened;
        }
        let steps = plan(Found {
            format: under,
            configuration: sealed_under,
            copy: copy.is_some(),
            locked: configuration.retention.is_some(),
        });
        let change = Change {
            store,
            now: clock.now(),
            blob,
            found,
            old,
            new,
            configuration,
        };
        steps.into_iter().try_for_each(|step| change.take(step))
    }

    /// Writes the blob configuration where an interrupted change of the password left only its copy.
    pub(crate) fn settle_configuration(&self) -> Result<()> {
        let settings = self.settings();
        if settings.configuration_settled {
            return Ok(());
        }
        let sealed = settings.blobs.seal(&self.key, &self.unique_id)?;
        let id = settings::known_id(BLOBCFG)?;
        self.store
            .put(&id, Bytes::from(sealed), &self.put_options(&id)?)?;
        self.reread_settings()
    }
}

impl Change<'_> {
    fn take(&self, step: Step) -> Result<()> {
        match step {
            Step::DeleteConfiguration => Ok(self.store.delete(&settings::known_id(BLOBCFG)?)?),
            Step::PutConfiguration => {
                let sealed = self.configuration.seal(self.new, &self.blob.unique_id)?;
                self.put(BLOBCFG, sealed)
            }
            Step::PutFormat { under, copy } => {
                let key = match under {
                    Under::Old => self.old,
                    Under::New => self.new,
                };
                let copy = match copy {
                    true => self.configuration.seal(key, &self.blob.unique_id)?,
                    false => Vec::new(),
                };
                let blob = self.blob.resealed(self.found, key, copy)?;
                self.put(FORMAT, blob.to_bytes())
            }
        }
    }

    fn put(&self, name: &'static str, bytes: Vec<u8>) -> Result<()> {
        let id = settings::known_id(name)?;
        let options = put_options(&self.configuration, &id, self.now)?;
        Ok(self.store.put(&id, Bytes::from(bytes), &options)?)
    }
}

fn check(old: &SecretString, new: &SecretString) -> Result<()> {
    let reason = match new.expose_secret() {
        "" => "it is empty",
        same if same == old.expose_secret() => "it is the old one",
        _ => return Ok(()),
    };
    Err(Error::InvalidParameter {
        what: "new password",
        reason: reason.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The state after a step.
    fn after(state: Found, step: Step) -> Found {
        match step {
            Step::PutFormat { under, copy } => Found {
                format: under,
                copy,
                ..state
            },
            Step::DeleteConfiguration => Found {
                configuration: None,
                ..state
            },
            Step::PutConfiguration => Found {
                configuration: Some(Under::New),
                ..state
            },
        }
    }

    /// Whether one password opens both blobs, and the lock is known.
    fn is_usable(state: Found) -> bool {
        let opens = state
            .configuration
            .is_none_or(|under| under == state.format);
        let knows_lock = !state.locked || state.copy || state.configuration.is_some();
        opens && knows_lock
    }

    #[test]
    fn one_password_opens_after_every_step_and_a_repetition_completes() {
        for locked in [false, true] {
            let mut state = Found {
                format: Under::Old,
                configuration: Some(Under::Old),
                copy: false,
                locked,
            };
            let end = Found {
                format: Under::New,
                configuration: Some(Under::New),
                ..state
            };
            for step in plan(state) {
                assert!(is_usable(state), "{state:?}");
                let again = plan(state).into_iter().fold(state, after);
                assert_eq!(again, end, "from {state:?}");
                state = after(state, step);
            }
            assert_eq!(state, end);
            assert_eq!(plan(end), []);
        }
    }

    #[test]
    fn what_another_program_left_is_completed() {
        let stuck = Found {
            format: Under::Old,
            configuration: Some(Under::New),
            copy: false,
            locked: true,
        };
        assert!(!is_usable(stuck));
        let end = plan(stuck).into_iter().fold(stuck, after);
        assert!(is_usable(end) && end.format == Under::New, "{end:?}");
    }
}
