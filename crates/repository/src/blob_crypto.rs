//! Whole encrypted blobs: index blobs, session markers, logs (format 1 §3.4).

use std::io::{BufWriter, Write};
use std::path::Path;

use bytes::Bytes;
use holdfast_host::fs::ScratchFile;
use holdfast_storage::BlobId;

use crate::blob_names;
use crate::crypto::{self, ContentCipher, NONCE_LENGTH, TAG_LENGTH};
use crate::error::{Error, Result};
use crate::hash::{HashOutput, HashState, Hasher};

/// Encrypts `plaintext` as the blob `prefix || hash || suffix`; the suffix, if any, begins with `-`.
///
/// # Errors
/// [`Error::Random`], [`Error::InvalidParameter`] for a suffix that makes no blob name.
pub fn seal(
    hasher: &Hasher,
    cipher: &ContentCipher,
    prefix: &str,
    plaintext: &[u8],
    suffix: &str,
) -> Result<(BlobId, Bytes)> {
    let name = format!(
        "{prefix}{}{suffix}",
        hex::encode(hasher.hash(plaintext).as_bytes())
    );
    let item = item_of(&name)?;
    let sealed = cipher.seal(&item, plaintext)?;
    Ok((blob_names::blob_id(name)?, Bytes::from(sealed)))
}

/// A blob whose plaintext is written piece by piece; a large one lies in a temporary file instead of in memory.
pub(crate) struct BlobBuilder<'r> {
    hasher: &'r Hasher,
    state: HashState,
    output: Output,
    length: u64,
}

enum Output {
    Memory(Vec<u8>),
    File(BufWriter<ScratchFile>),
}

impl<'r> BlobBuilder<'r> {
    /// Starts a blob, in memory or in a file without a name in `directory`.
    pub(crate) fn start(hasher: &'r Hasher, directory: Option<&Path>) -> Result<Self> {
        let mut output = match directory {
            None => Output::Memory(Vec::new()),
            Some(path) => {
                let file = ScratchFile::new_in(path).map_err(|source| Error::Cache {
                    path: path.to_owned(),
                    source,
                })?;
                Output::File(BufWriter::with_capacity(1 << 20, file))
            }
        };
        // Where the nonce will be.
        output.write(&[0; NONCE_LENGTH])?;
        Ok(Self {
            hasher,
            state: hasher.start(),
            output,
            length: 0,
        })
    }

    /// Appends to the plaintext.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update_lanes([(&mut self.state, bytes)]);
        self.length += bytes.len() as u64;
        self.output.write(bytes)
    }

    /// Encrypts the blob where it lies and names it, as [`seal`] does.
    pub(crate) fn seal(
        self,
        cipher: &ContentCipher,
        prefix: &str,
        suffix: &str,
    ) -> Result<(BlobId, Bytes)> {
        let hash = self.hasher.finish(&self.state);
        let name = format!("{prefix}{}{suffix}", hex::encode(hash.as_bytes()));
        let item = item_of(&name)?;
        let sealed = match self.output {
            Output::Memory(mut bytes) => {
                bytes.resize(bytes.len() + TAG_LENGTH, 0);
                seal_buffer(cipher, &item, bytes)?
            }
            Output::File(file) => {
                let scratch = file.into_inner().map_err(|e| temporary(e.into_error()))?;
                let memory = scratch
                    .into_memory(self.length + crypto::OVERHEAD as u64)
                    .map_err(temporary)?;
                seal_buffer(cipher, &item, memory)?
            }
        };
        Ok((blob_names::blob_id(name)?, sealed))
    }
}

impl Output {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Memory(memory) => memory.extend_from_slice(bytes),
            Self::File(file) => file.write_all(bytes).map_err(temporary)?,
        }
        Ok(())
    }
}

fn temporary(source: std::io::Error) -> Error {
    Error::Cache {
        path: "a temporary file".into(),
        source,
    }
}

fn item_of(name: &str) -> Result<[u8; 16]> {
    blob_names::encryption_id(name).ok_or_else(|| Error::InvalidParameter {
        what: "blob name",
        reason: format!("{name} carries no hash"),
    })
}

/// Seals a buffer with room for the nonce in front and the tag behind.
fn seal_buffer<B: AsRef<[u8]> + AsMut<[u8]> + Send + 'static>(
    cipher: &ContentCipher,
    item: &[u8],
    mut buffer: B,
) -> Result<Bytes> {
    let mut nonce = [0; NONCE_LENGTH];
    crypto::random_bytes(&mut nonce)?;
    let bytes = buffer.as_mut();
    if cipher.corrects_errors() {
        // Redundancy cannot be added where the bytes lie.
        let data = NONCE_LENGTH..bytes.len() - TAG_LENGTH;
        return Ok(Bytes::from(cipher.seal(item, &bytes[data])?));
    }
    bytes[..NONCE_LENGTH].copy_from_slice(&nonce);
    let tag_at = bytes.len() - TAG_LENGTH;
    let (data, tag) = bytes[NONCE_LENGTH..].split_at_mut(tag_at - NONCE_LENGTH);
    tag.copy_from_slice(&cipher.seal_in_place(item, nonce, data));
    Ok(Bytes::from_owner(buffer))
}

/// Decrypts a blob and checks that its name carries the hash of what it holds.
///
/// # Errors
/// [`Error::Damaged`] naming the blob.
pub fn open(
    hasher: &Hasher,
    cipher: &ContentCipher,
    id: &BlobId,
    sealed: Vec<u8>,
) -> Result<Bytes> {
    open_buffer(hasher, cipher, id, sealed)
}

/// [`open`] for bytes that need not be in memory.
pub(crate) fn open_buffer<B: AsRef<[u8]> + AsMut<[u8]> + Send + 'static>(
    hasher: &Hasher,
    cipher: &ContentCipher,
    id: &BlobId,
    sealed: B,
) -> Result<Bytes> {
    let name = id.as_str();
    let damaged =
        |reason: &dyn std::fmt::Display| Error::damaged(format_args!("blob {id}"), reason);
    let item =
        blob_names::encryption_id(name).ok_or_else(|| damaged(&"its name carries no hash"))?;
    let mut buffer = sealed;
    let length = cipher
        .open_in_place(&item, buffer.as_mut())
        .map_err(|e| damaged(&e))?
        .len();
    let at = NONCE_LENGTH;
    let plaintext = Bytes::from_owner(buffer).slice(at..at + length);
    if !is_named_after(id, &hasher.hash(&plaintext)) {
        return Err(damaged(
            &"its name does not carry the hash of what it holds",
        ));
    }
    Ok(plaintext)
}

/// Whether the name of a blob carries this hash.
pub(crate) fn is_named_after(id: &BlobId, hash: &HashOutput) -> bool {
    let name = id.as_str();
    let hash = hex::encode(hash.as_bytes());
    blob_names::hash_part(name, blob_names::prefix_of(name)) == Some(hash.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::EncryptionAlgorithm;
    use crate::hash::HashAlgorithm;

    #[test]
    fn round_trip_for_every_hash_length() {
        for algorithm in [
            HashAlgorithm::Blake2b256_128,
            HashAlgorithm::HmacSha224,
            HashAlgorithm::Blake2b256,
        ] {
            let hasher = Hasher::new(algorithm, b"secret").unwrap();
            let cipher = ContentCipher::new(EncryptionAlgorithm::default(), b"master");
            for (prefix, suffix) in [
                ("xn12_", "-s0-c1"),
                ("s", "-s0"),
                ("xn0_", "--c1"),
                ("n", ""),
            ] {
                let (id, sealed) = seal(&hasher, &cipher, prefix, b"plain", suffix).unwrap();
                assert_eq!(
                    open(&hasher, &cipher, &id, sealed.to_vec()).unwrap(),
                    b"plain".as_slice()
                );
                let mut changed = sealed.to_vec();
                changed[13] ^= 1;
                assert!(open(&hasher, &cipher, &id, changed).is_err());
                let other = BlobId::new(format!("{id}").replacen(prefix, &format!("{prefix}0"), 1))
                    .unwrap();
                assert!(open(&hasher, &cipher, &other, sealed.to_vec()).is_err());
            }
        }
    }
}
