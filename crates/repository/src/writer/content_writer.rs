//! One worker's way into the repository: its own pending packs, nothing locked while sealing.

use std::collections::HashSet;
use std::sync::Arc;

use holdfast_storage::BlobId;

use super::in_flight::InFlight;
use super::open_pack::{OpenPack, Sink};
use super::session::{Claim, Shared};
use super::tombstones::Tombstones;
use super::upload::Upload;
use crate::blob_names::{self, DATA_PACK, METADATA_PACK};
use crate::compress::{Compression, CompressionAlgorithm, Compressors, UNCOMPRESSED};
use crate::content_id::ContentId;
use crate::crypto::{RandomSource, random_bytes};
use crate::error::{Error, Result};
use crate::index::{ContentInfo, IndexEntry, MAX_LENGTH};
use crate::object::{ContentSink, ObjectId};

/// What became of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Id of the content that is stored: that of the compressed form where objects are compressed.
    pub id: ContentId,
    /// Whether the content is the compressed form of the data.
    pub compressed: bool,
    /// Whether it was new to the repository; otherwise nothing was stored.
    pub new: bool,
    /// Bytes that it takes in a pack; 0 when it was not new.
    pub packed: u32,
}

impl Written {
    /// The object that consists of the data written.
    #[must_use]
    pub fn object(&self) -> ObjectId {
        if self.compressed {
            ObjectId::compressed(self.id)
        } else {
            ObjectId::direct(self.id)
        }
    }
}

/// Writes contents for one worker. Packs are stored as they fill; the last ones by [`ContentWriter::finish_packs`].
///
/// A writer that is dropped with unfinished packs makes its session incomplete.
pub struct ContentWriter {
    shared: Arc<Shared>,
    data: Slot,
    metadata: Slot,
    tools: Tools,
    in_flight: Arc<InFlight>,
}

/// What is needed to seal a content.
#[derive(Default)]
struct Tools {
    random: RandomSource,
    compressors: Compressors,
    compressed: Vec<u8>,
}

/// Pending contents of one class, file data or metadata.
struct Slot {
    class: char,
    pack: Option<OpenPack>,
    tombstones: Tombstones,
    /// Memory of the last streamed pack's buffer.
    buffer: Vec<u8>,
}

impl Slot {
    fn new(class: char) -> Self {
        Self {
            class,
            pack: None,
            tombstones: Tombstones::default(),
            buffer: Vec::new(),
        }
    }
}

/// Bytes of a content: to be copied, or sealed where they are.
enum Payload<'a> {
    Copied(&'a [u8]),
    InPlace(&'a mut [u8]),
}

impl Payload<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::InPlace(bytes) => bytes,
        }
    }
}

impl ContentSink for ContentWriter {
    fn put_chunk(
        &mut self,
        prefix: Option<u8>,
        data: &[u8],
        compression: Compression,
    ) -> Result<ObjectId> {
        Ok(self.write(prefix, data, compression)?.object())
    }
}

impl std::fmt::Debug for ContentWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentWriter")
            .field("session", &self.shared.id)
            .finish_non_exhaustive()
    }
}

impl ContentWriter {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            data: Slot::new(DATA_PACK),
            metadata: Slot::new(METADATA_PACK),
            tools: Tools::default(),
            in_flight: Arc::new(InFlight::default()),
        }
    }

    /// The repository that is written to.
    #[must_use]
    pub fn repository(&self) -> &Arc<crate::Repository> {
        &self.shared.repository
    }

    /// Whether a content need not be written: it exists, or a worker of this session has it.
    ///
    /// # Errors
    /// Of the index.
    pub fn is_known(&self, id: &ContentId) -> Result<bool> {
        let winner = self.shared.repository.index()?.winner(id)?;
        let exists = winner.is_some_and(|winner| !winner.deleted && !winner.is_unusable());
        Ok(exists && !self.shared.is_deleted(id) || self.shared.known().contains(id))
    }

    /// Hashes and stores a content; `prefix` is a letter `g`..`z` for metadata.
    ///
    /// # Errors
    /// [`Error::Limit`] from 2^28 bytes on, [`Error::NotSupportedYet`] for a compression, and those of store and
    /// index.
    ///
    /// # Panics
    /// When the prefix is no such letter.
    pub fn write(
        &mut self,
        prefix: Option<u8>,
        data: &[u8],
        compression: Compression,
    ) -> Result<Written> {
        let id = self.shared.repository.hasher().content_id(prefix, data);
        self.write_hashed(id, data, compression)
    }

    /// Stores a content whose id the caller computed with the repository's hasher.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_hashed(
        &mut self,
        id: ContentId,
        data: &[u8],
        compression: Compression,
    ) -> Result<Written> {
        self.write_payload(id, Payload::Copied(data), compression)
    }

    /// As [`Self::write_hashed`], but may encrypt where the data lies: `data` then holds nothing of use. For large
    /// contents.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_in_place(
        &mut self,
        id: ContentId,
        data: &mut [u8],
        compression: Compression,
    ) -> Result<Written> {
        self.write_payload(id, Payload::InPlace(data), compression)
    }

    fn write_payload(
        &mut self,
        id: ContentId,
        payload: Payload<'_>,
        compression: Compression,
    ) -> Result<Written> {
        if !self.shared.compresses_objects {
            return self.write_content(id, payload, compression);
        }
        // Contents with a prefix are never compressed there.
        match compression.filter(|_| !id.is_metadata()) {
            Some(algorithm) => self.write_compressed(id, payload, algorithm),
            None => self.write_content(id, payload, None),
        }
    }

    /// Stores the compressed form of data as a content of its own, when that is shorter (format 2 §1.3).
    fn write_compressed(
        &mut self,
        id: ContentId,
        payload: Payload<'_>,
        algorithm: CompressionAlgorithm,
    ) -> Result<Written> {
        let mut compressed = std::mem::take(&mut self.tools.compressed);
        let shorter = self
            .tools
            .compressors
            .compress(algorithm, payload.bytes(), &mut compressed);
        let written = match shorter {
            Ok(true) => {
                let id = self
                    .shared
                    .repository
                    .hasher()
                    .content_id(None, &compressed);
                self.write_content(id, Payload::Copied(&compressed), None)
                    .map(|written| Written {
                        compressed: true,
                        ..written
                    })
            }
            Ok(false) => self.write_content(id, payload, None),
            Err(error) => Err(error),
        };
        self.tools.compressed = compressed;
        written
    }

    fn write_content(
        &mut self,
        id: ContentId,
        payload: Payload<'_>,
        compression: Compression,
    ) -> Result<Written> {
        let original_length = payload.bytes().len();
        let cipher = self.shared.repository.cipher();
        if original_length >= MAX_LENGTH || cipher.sealed_length(original_length) >= MAX_LENGTH {
            return Err(Error::Limit {
                what: "a content",
                limit: "2^28 bytes",
            });
        }
        if let Some(algorithm) = compression {
            algorithm.check_writable()?;
        }
        self.in_flight.check()?;
        let min_time = match self.shared.claim(id)? {
            Claim::Known => {
                return Ok(Written {
                    id,
                    compressed: false,
                    new: false,
                    packed: 0,
                });
            }
            Claim::Write { min_time } => min_time,
        };
        let result = self.append(id, payload, compression, min_time);
        self.lose_on_error(id, &result);
        result.map(|packed| Written {
            id,
            compressed: false,
            new: true,
            packed,
        })
    }

    fn lose_on_error(&mut self, id: ContentId, result: &Result<u32>) {
        if let Err(error) = result {
            // The claim stays, and with it every reference to the content; the session cannot be completed.
            self.shared
                .lose(format!("content {id} could not be stored ({error})"));
            // Part of the payload may be in the pack, so nothing behind it would be where its entry says.
            self.slot(id.is_metadata()).pack = None;
        }
    }

    /// Compresses, seals and appends a content; returns the bytes that it takes.
    fn append(
        &mut self,
        id: ContentId,
        payload: Payload<'_>,
        compression: Compression,
        min_time: u64,
    ) -> Result<u32> {
        let entry = IndexEntry {
            id,
            deleted: false,
            format_version: self.shared.repository.format().version as u8,
            encryption_key_id: 0,
            pack: 0,
            offset: 0,
            packed_length: 0,
            original_length: payload.bytes().len() as u32,
            compression: UNCOMPRESSED,
            time: self.shared.entry_time(min_time)?,
        };
        let Some(algorithm) = compression else {
            return self.append_sealed(payload, entry);
        };
        let mut compressed = std::mem::take(&mut self.tools.compressed);
        let smaller = self
            .tools
            .compressors
            .compress(algorithm, payload.bytes(), &mut compressed);
        let result = match smaller {
            Ok(true) => self.append_sealed(
                Payload::Copied(&compressed),
                IndexEntry {
                    compression: algorithm.id(),
                    ..entry
                },
            ),
            Ok(false) => self.append_sealed(payload, entry),
            Err(error) => Err(error),
        };
        self.tools.compressed = compressed;
        result
    }

    /// Seals and appends a payload; place and packed length of the entry are filled in here. Returns the bytes that it
    /// takes.
    fn append_sealed(&mut self, payload: Payload<'_>, entry: IndexEntry) -> Result<u32> {
        let id = entry.id;
        let Self {
            shared,
            data,
            metadata,
            tools,
            ..
        } = self;
        let slot = if id.is_metadata() { metadata } else { data };
        let pack = match &mut slot.pack {
            Some(pack) => pack,
            empty => empty.insert(start_pack(
                shared,
                slot.class,
                std::mem::take(&mut slot.buffer),
            )?),
        };
        let cipher = shared.repository.cipher();
        let before = pack.length();
        let offset = match payload {
            Payload::Copied(bytes) => pack.append_copy(cipher, &mut tools.random, &id, bytes)?,
            Payload::InPlace(bytes) => {
                pack.append_in_place(cipher, &mut tools.random, &id, bytes)?
            }
        };
        let packed = (pack.length() - before) as u32;
        pack.entries.push(IndexEntry {
            offset: u32::try_from(offset).map_err(|_| Error::Limit {
                what: "an offset in a pack",
                limit: "2^30 bytes",
            })?,
            packed_length: packed,
            ..entry
        });
        if pack.length() >= pack.full_length {
            self.finish_class(id.is_metadata())?;
        }
        Ok(packed)
    }

    /// Marks a published content as deleted (format 1 §6.5); nothing happens when it is unknown or deleted already.
    /// Written again in the same session it is stored again. The mark is published once everything that the session
    /// wrote is stored, because it may stand for the loss of what was written instead.
    ///
    /// # Errors
    /// Of the index, and of storing the session's marker.
    pub fn delete_content(&mut self, id: &ContentId) -> Result<()> {
        match self.shared.repository.content_info(id)? {
            Some(info) if !info.deleted => self.set_deleted(&info, true).map(drop),
            _ => Ok(()),
        }
    }

    /// Marks a content as deleted, or takes the mark away, given the entry that counts at present. The content stays
    /// where it is. Returns the time of the new entry, unix seconds.
    pub(crate) fn set_deleted(&mut self, info: &ContentInfo, deleted: bool) -> Result<u64> {
        self.shared.ensure_marker()?;
        let time = self.shared.entry_time(info.time.saturating_add(1))?;
        let tombstones = &mut self.slot(info.id.is_metadata()).tombstones;
        let pack = tombstones.pack(&info.pack);
        let first = tombstones.add(IndexEntry {
            deleted,
            time,
            ..IndexEntry::from_info(info, pack)?
        });
        if first && deleted {
            self.shared.note_deleted(info.id, u64::from(time));
        }
        Ok(u64::from(time))
    }

    /// Stores a content that exists once more, in a new pack; `payload` is its decrypted form, compressed as it was
    /// (format 1 §6.5). A mark as deleted is kept.
    pub(crate) fn rewrite(&mut self, info: &ContentInfo, payload: &[u8]) -> Result<()> {
        self.in_flight.check()?;
        self.shared.begin_pending();
        let result = self.append_sealed(
            Payload::Copied(payload),
            IndexEntry {
                time: self.shared.entry_time(info.time.saturating_add(1))?,
                ..IndexEntry::from_info(info, 0)?
            },
        );
        self.lose_on_error(info.id, &result);
        result.map(drop)
    }

    fn slot(&mut self, metadata: bool) -> &mut Slot {
        if metadata {
            &mut self.metadata
        } else {
            &mut self.data
        }
    }

    /// Completes this writer's packs and waits until all of them are stored.
    ///
    /// # Errors
    /// Of the store; the session is then incomplete.
    pub fn finish_packs(&mut self) -> Result<()> {
        let finished = self
            .finish_class(false)
            .and_then(|()| self.finish_class(true));
        self.in_flight.wait().and(finished)
    }

    fn finish_class(&mut self, metadata: bool) -> Result<()> {
        let slot = self.slot(metadata);
        let tombstones = std::mem::take(&mut slot.tombstones);
        let stored = match slot.pack.take() {
            Some(pack) => {
                let (id, count) = (pack.id.clone(), pack.entries.len());
                let stored = self.store_pack(pack, metadata, &tombstones);
                if let Err(error) = &stored {
                    self.shared.lose(format!(
                        "pack {id} with {count} contents could not be stored ({error})"
                    ));
                }
                stored
            }
            None => Ok(()),
        };
        self.shared.deleted(&tombstones.packs, &tombstones.entries);
        stored
    }

    fn store_pack(
        &mut self,
        mut pack: OpenPack,
        metadata: bool,
        tombstones: &Tombstones,
    ) -> Result<()> {
        let repository = &self.shared.repository;
        // An id may be deleted and written again in one session; the local index names it once.
        let written: HashSet<ContentId> = match tombstones.entries.is_empty() {
            true => HashSet::new(),
            false => pack.entries.iter().map(|entry| entry.id).collect(),
        };
        let others: Vec<IndexEntry> = tombstones
            .entries
            .iter()
            .filter(|tombstone| !written.contains(&tombstone.id))
            .copied()
            .collect();
        pack.complete(
            repository.hasher(),
            repository.cipher(),
            &others,
            &tombstones.packs,
        )?;
        let length = pack.length();
        let (id, sink, mut buffer, entries) = pack.into_parts();
        match sink {
            Sink::Stream(writer) => {
                writer.commit()?;
                buffer.clear();
                self.slot(metadata).buffer = buffer;
                self.shared.stored(id, length, entries);
            }
            Sink::Memory => self.upload(id, buffer, length, entries)?,
        }
        Ok(())
    }

    fn upload(
        &self,
        id: BlobId,
        bytes: Vec<u8>,
        length: u64,
        entries: Vec<IndexEntry>,
    ) -> Result<()> {
        let options = self.shared.repository.put_options(&id)?;
        let Some(uploader) = self.shared.uploader() else {
            return Err(Error::SessionIncomplete {
                reason: "there are no upload threads".to_owned(),
            });
        };
        let (shared, in_flight, name) = (
            Arc::downgrade(&self.shared),
            self.in_flight.clone(),
            id.clone(),
        );
        in_flight.begin();
        uploader.submit(Upload {
            id,
            bytes,
            options,
            done: Box::new(move |result| {
                if let Some(shared) = shared.upgrade() {
                    match &result {
                        Ok(()) => shared.stored(name, length, entries),
                        Err(error) => shared.lose(format!(
                            "pack {name} with {} contents could not be stored ({error})",
                            entries.len()
                        )),
                    }
                }
                in_flight.end(result);
            }),
        });
        Ok(())
    }
}

impl Drop for ContentWriter {
    fn drop(&mut self) {
        let unfinished = [&self.data, &self.metadata]
            .into_iter()
            .flat_map(|slot| &slot.pack);
        let count: usize = unfinished.map(|pack| pack.entries.len()).sum();
        if count > 0 {
            self.shared.lose(format!(
                "a worker ended before {count} contents were stored"
            ));
        }
    }
}

/// Starts a pack of one class: the marker first, then the pack itself.
fn start_pack(shared: &Shared, class: char, buffer: Vec<u8>) -> Result<OpenPack> {
    shared.ensure_marker()?;
    let mut name = [0; 16];
    random_bytes(&mut name)?;
    let id = blob_names::blob_id(format!("{class}{}-{}", hex::encode(name), shared.id))?;
    let settings = shared.repository.settings();
    match shared.uploader() {
        Some(uploader) => OpenPack::start(id, Sink::Memory, uploader.buffer(), &settings),
        None => {
            let options = shared.repository.put_options(&id)?;
            let writer = shared.repository.store().create(&id, &options)?;
            OpenPack::start(id, Sink::Stream(writer), buffer, &settings)
        }
    }
}
