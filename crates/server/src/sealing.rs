//! Secrets and file names at rest: AES-256-GCM under the master key.
//!
//! A sealed value is `key id (4 bytes) | nonce (12 bytes) | ciphertext and tag`. Its associated data names table,
//! column and row, so a value that is copied into another row does not open. The key id is the beginning of the
//! key's SHA-256; it tells a wrong master key from a damaged value.

use std::{fs, io, path::Path};

use holdfast_protocol::Secret;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Environment variable that gives the master key as 64 hexadecimal digits instead of the file.
pub(crate) const MASTER_KEY_VARIABLE: &str = "HOLDFAST_MASTER_KEY";

/// Name of the master key's file in the data directory.
const MASTER_KEY_FILE: &str = "master.key";

const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 4;

/// Where a sealed value lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
    pub(crate) row: Uuid,
    /// Tells apart the parts of one row, such as the events of a run.
    pub(crate) part: i64,
}

impl<'a> Place<'a> {
    /// The value of a column in the row of a UUID.
    pub(crate) fn new(table: &'a str, column: &'a str, row: Uuid) -> Self {
        Self {
            table,
            column,
            row,
            part: 0,
        }
    }

    /// The same for one part of the row.
    pub(crate) fn part(self, part: i64) -> Self {
        Self { part, ..self }
    }

    fn associated_data(&self) -> Vec<u8> {
        format!("{}/{}/{}/{}", self.table, self.column, self.row, self.part).into_bytes()
    }
}

/// Why a value does not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// It was sealed with another master key.
    #[error(
        "{place} was sealed with another master key; restore the master key that belongs to this database"
    )]
    OtherKey { place: String },
    /// It is damaged, or belongs to another row.
    #[error("{place} does not open: it is damaged or was copied from another row")]
    Damaged { place: String },
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MasterKeyError {
    /// The file cannot be read or made.
    #[error("master key {path}: {source}")]
    File { path: String, source: io::Error },
    /// The text is no key.
    #[error("{place} is not 64 hexadecimal digits")]
    Malformed { place: String },
    /// The database is there and its key is not.
    #[error(
        "the database {database} exists, but its master key {path} does not: restore it from the backup of the data directory"
    )]
    Missing { database: String, path: String },
}

/// Seals and opens values.
pub(crate) struct Sealer {
    key: LessSafeKey,
    key_id: [u8; KEY_ID_BYTES],
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.key_id())
    }
}

impl Sealer {
    /// With a given key.
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        let hash = digest(&SHA256, key);
        let mut key_id = [0; KEY_ID_BYTES];
        key_id.copy_from_slice(&hash.as_ref()[..KEY_ID_BYTES]);
        let unbound =
            UnboundKey::new(&AES_256_GCM, key).expect("the key has the algorithm's length");
        Self {
            key: LessSafeKey::new(unbound),
            key_id,
        }
    }

    /// With the master key of a data directory: from the environment, else its file, which is made at the first start.
    ///
    /// # Errors
    /// When the key cannot be read or made, or is missing beside an existing database.
    pub(crate) fn open_data_dir(
        data: &Path,
        given: Option<&Secret>,
        database: &Path,
    ) -> Result<Self, MasterKeyError> {
        if let Some(text) = given {
            return Ok(Self::new(&*parse_key(text.expose(), MASTER_KEY_VARIABLE)?));
        }
        let path = data.join(MASTER_KEY_FILE);
        let file_error = |source| MasterKeyError::File {
            path: path.display().to_string(),
            source,
        };
        match fs::read_to_string(&path).map(Zeroizing::new) {
            Ok(text) => Ok(Self::new(&*parse_key(
                text.trim(),
                &path.display().to_string(),
            )?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if database.exists() {
                    let database = database.display().to_string();
                    return Err(MasterKeyError::Missing {
                        database,
                        path: path.display().to_string(),
                    });
                }
                let mut key = Zeroizing::new([0; KEY_BYTES]);
                getrandom::fill(&mut *key)
                    .map_err(|error| file_error(io::Error::other(error.to_string())))?;
                let text = Zeroizing::new(format!("{}\n", hex::encode(*key)));
                holdfast_host::fs::atomic_write(&path, text.as_bytes(), 0o600)
                    .map_err(file_error)?;
                Ok(Self::new(&key))
            }
            Err(source) => Err(file_error(source)),
        }
    }

    /// Names the key without telling it.
    pub(crate) fn key_id(&self) -> String {
        hex::encode(self.key_id)
    }

    /// Seals a value for its place.
    pub(crate) fn seal(&self, place: Place<'_>, value: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).expect("the system gives random bytes");
        let mut sealed = Vec::with_capacity(KEY_ID_BYTES + NONCE_LEN + value.len() + 16);
        sealed.extend_from_slice(&self.key_id);
        sealed.extend_from_slice(&nonce);
        let mut text = value.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.associated_data()),
                &mut text,
            )
            .expect("the value is far below the algorithm's limit");
        sealed.extend_from_slice(&text);
        sealed
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// When it was sealed with another key, is damaged, or belongs elsewhere.
    pub(crate) fn open(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let named = || format!("{}.{} of {}", place.table, place.column, place.row);
        let damaged = || SealError::Damaged { place: named() };
        let (key_id, rest) = sealed.split_at_checked(KEY_ID_BYTES).ok_or_else(damaged)?;
        if key_id != self.key_id {
            return Err(SealError::OtherKey { place: named() });
        }
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self
            .key
            .open_in_place(nonce, Aad::from(place.associated_data()), &mut text)
            .map_err(|_| damaged())?
            .len();
        text.truncate(length);
        Ok(text)
    }

    /// Opens a sealed text.
    ///
    /// # Errors
    /// As [`Sealer::open`], and when it is not UTF-8.
    pub(crate) fn open_text(&self, place: Place<'_>, sealed: &[u8]) -> Result<String, SealError> {
        let bytes = self.open(place, sealed)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| SealError::Damaged {
            place: format!("{}.{} of {}", place.table, place.column, place.row),
        })
    }

    /// Opens a sealed secret.
    ///
    /// # Errors
    /// As [`Sealer::open_text`].
    pub(crate) fn open_secret(&self, place: Place<'_>, sealed: &[u8]) -> Result<Secret, SealError> {
        self.open_text(place, sealed).map(Secret::new)
    }
}

fn parse_key(text: &str, place: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, MasterKeyError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    hex::decode_to_slice(text.trim(), &mut *key).map_err(|_| MasterKeyError::Malformed {
        place: place.to_owned(),
    })?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Place, SealError, Sealer};

    // Requirements: SEC-5
    #[test]
    fn opens_in_its_own_place_only() {
        let sealer = Sealer::new(&[7; 32]);
        let row = Uuid::now_v7();
        let place = Place::new("vaults", "sealed_secret_key", row);
        let sealed = sealer.seal(place, b"value");
        assert_eq!(&**sealer.open(place, &sealed).unwrap(), b"value");
        let elsewhere = [
            Place::new("jobs", "sealed_secret_key", row),
            Place::new("vaults", "sealed_repository_password", row),
            Place::new("vaults", "sealed_secret_key", Uuid::now_v7()),
            place.part(1),
        ];
        for other in elsewhere {
            assert!(
                matches!(sealer.open(other, &sealed), Err(SealError::Damaged { .. })),
                "{other:?}"
            );
        }
    }

    // Requirements: SET-1e
    #[test]
    fn every_damage_is_noticed_and_a_wrong_key_is_named() {
        let sealer = Sealer::new(&[7; 32]);
        let place = Place::new("t", "c", Uuid::nil());
        let sealed = sealer.seal(place, b"value");
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            assert!(sealer.open(place, &damaged).is_err(), "byte {index}");
            assert!(
                sealer.open(place, &sealed[..index]).is_err(),
                "cut at {index}"
            );
        }
        let error = Sealer::new(&[8; 32]).open(place, &sealed).unwrap_err();
        assert!(matches!(error, SealError::OtherKey { .. }), "{error}");
    }

    #[test]
    fn the_same_value_is_never_sealed_to_the_same_bytes() {
        let sealer = Sealer::new(&[7; 32]);
        let place = Place::new("t", "c", Uuid::nil());
        assert_ne!(sealer.seal(place, b"value"), sealer.seal(place, b"value"));
    }
}
