//! A pack that is being filled (format 1 §6.3): preamble, payloads, padding, local index, postamble.

use std::io::IoSlice;

use holdfast_storage::{BlobId, BlobWriter};

use crate::content_id::ContentId;
use crate::crypto::{self, ContentCipher, NONCE_LENGTH, OVERHEAD, RandomSource};
use crate::error::Result;
use crate::hash::Hasher;
use crate::index::{self, IndexEntry, RANDOM_SUFFIX_LENGTH};
use crate::pack::{ALIGNMENT, PREAMBLE_LENGTH, Postamble, format_copy};
use crate::repository::Settings;

/// A streaming pack is written in pieces of this size, in bytes.
const PIECE_LENGTH: usize = 1 << 20;

/// Where the bytes of a pack go.
pub(super) enum Sink {
    /// Straight into the store.
    Stream(Box<dyn BlobWriter>),
    /// Into the buffer until the pack is full.
    Memory,
}

/// A pack that is being filled.
pub(super) struct OpenPack {
    pub(super) id: BlobId,
    sink: Sink,
    /// Bytes that are not written yet.
    buffer: Vec<u8>,
    /// Bytes that the sink has.
    written: u64,
    /// Entries of this pack; their pack number is 0.
    pub(super) entries: Vec<IndexEntry>,
    /// Version of the local index.
    index_version: u32,
    /// The pack is finished when it is this long.
    pub(super) full_length: u64,
}

impl OpenPack {
    /// Starts a pack: the copy of the format blob where the keys depend on the password, and the random preamble.
    /// `buffer` is empty, its memory is used.
    pub(super) fn start(
        id: BlobId,
        sink: Sink,
        mut buffer: Vec<u8>,
        settings: &Settings,
    ) -> Result<Self> {
        let format = &settings.format;
        if !format.enable_password_change {
            format_copy::append(&mut buffer, &settings.format_bytes)?;
        }
        let mut preamble = [0; PREAMBLE_LENGTH];
        crypto::random_bytes(&mut preamble)?;
        buffer.extend_from_slice(&preamble);
        Ok(Self {
            id,
            sink,
            buffer,
            written: 0,
            entries: Vec::new(),
            index_version: format.index_version(),
            full_length: format.max_pack_size(),
        })
    }

    /// Bytes of the pack so far.
    pub(super) fn length(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Appends a copy of `payload`, sealed where it comes to lie. Returns the offset of the ciphertext.
    pub(super) fn append_copy(
        &mut self,
        cipher: &ContentCipher,
        random: &mut RandomSource,
        id: &ContentId,
        payload: &[u8],
    ) -> Result<u64> {
        let offset = self.length();
        let nonce = random.take::<NONCE_LENGTH>()?;
        cipher.append_sealed(id.encryption_id(), nonce, payload, &mut self.buffer);
        if self.buffer.len() >= PIECE_LENGTH {
            self.write_out()?;
        }
        Ok(offset)
    }

    /// Appends `payload`, sealed in the caller's memory when the pack is streamed and nothing is added to the
    /// ciphertext. Returns the offset of the ciphertext.
    pub(super) fn append_in_place(
        &mut self,
        cipher: &ContentCipher,
        random: &mut RandomSource,
        id: &ContentId,
        payload: &mut [u8],
    ) -> Result<u64> {
        let writer = match &mut self.sink {
            Sink::Stream(writer) if !cipher.corrects_errors() => writer,
            _ => return self.append_copy(cipher, random, id, payload),
        };
        let offset = self.written + self.buffer.len() as u64;
        let nonce = random.take::<NONCE_LENGTH>()?;
        let tag = cipher.seal_in_place(id.encryption_id(), nonce, payload);
        writer.write(&[
            IoSlice::new(&self.buffer),
            IoSlice::new(&nonce),
            IoSlice::new(payload),
            IoSlice::new(&tag),
        ])?;
        self.written = offset + (payload.len() + OVERHEAD) as u64;
        self.buffer.clear();
        Ok(offset)
    }

    /// Hands the buffer to a streaming sink.
    fn write_out(&mut self) -> Result<()> {
        if let Sink::Stream(writer) = &mut self.sink {
            writer.write(&[IoSlice::new(&self.buffer)])?;
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Appends padding, local index and postamble. `tombstones` go into the local index as well; their pack numbers
    /// refer to `tombstone_packs`.
    pub(super) fn complete(
        &mut self,
        hasher: &Hasher,
        cipher: &ContentCipher,
        tombstones: &[IndexEntry],
        tombstone_packs: &[BlobId],
    ) -> Result<()> {
        let used = (self.length() % ALIGNMENT as u64) as usize;
        self.append_random(ALIGNMENT - used)?;

        let mut entries = self.entries.clone();
        entries.extend(tombstones.iter().map(|entry| IndexEntry {
            pack: entry.pack + 1,
            ..*entry
        }));
        let packs: Vec<BlobId> = std::iter::once(&self.id)
            .chain(tombstone_packs)
            .cloned()
            .collect();
        let mut plaintext = index::encode_as(self.index_version, &mut entries, &packs)?;
        let at = plaintext.len();
        plaintext.resize(at + RANDOM_SUFFIX_LENGTH, 0);
        crypto::random_bytes(&mut plaintext[at..])?;
        let item = hasher.hash(&plaintext);
        let sealed = cipher.seal(item.as_bytes(), &plaintext)?;
        let postamble = Postamble {
            item: item.as_bytes().to_vec(),
            offset: self.length(),
            length: sealed.len() as u64,
        };
        self.buffer.extend_from_slice(&sealed);
        self.buffer.extend_from_slice(&postamble.to_bytes());
        self.write_out()
    }

    fn append_random(&mut self, length: usize) -> Result<()> {
        let at = self.buffer.len();
        self.buffer.resize(at + length, 0);
        crypto::random_bytes(&mut self.buffer[at..])
    }

    /// Splits a completed pack into what has to be stored.
    pub(super) fn into_parts(self) -> (BlobId, Sink, Vec<u8>, Vec<IndexEntry>) {
        (self.id, self.sink, self.buffer, self.entries)
    }
}
