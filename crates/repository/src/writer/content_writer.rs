//! One worker's way into the repository: its own pending packs, nothing locked while sealing.

use std::sync::Arc;

use holdfast_storage::BlobId;

use super::in_flight::InFlight;
use super::open_pack::{OpenPack, Sink};
use super::session::{Claim, Shared};
use super::upload::Upload;
use crate::blob_names::{self, DATA_PACK, METADATA_PACK};
use crate::compress::{Compression, CompressionAlgorithm, Compressors, UNCOMPRESSED};
use crate::content_id::ContentId;
use crate::crypto::{RandomSource, random_bytes};
use crate::error::{Error, Result};
use crate::index::{IndexEntry, MAX_LENGTH};
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
    tombstones: Vec<IndexEntry>,
    tombstone_packs: Vec<BlobId>,
    /// Memory of the last streamed pack's buffer.
    buffer: Vec<u8>,
}

impl Slot {
    fn new(class: char) -> Self {
        Self {
            class,
            pack: None,
            tombstones: Vec::new(),
            tombstone_packs: Vec::new(),
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
        Ok(exists || self.shared.known().contains(id))
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
        if let Err(error) = &result {
            // The claim stays, and with it every reference to the content; the session cannot be completed.
            self.shared
                .lose(format!("content {id} could not be stored ({error})"));
            // Part of the payload may be in the pack, so nothing behind it would be where its entry says.
            let slot = if id.is_metadata() {
                &mut self.metadata
            } else {
                &mut self.data
            };
            slot.pack = None;
        }
        result
    }

    fn append(
        &mut self,
        id: ContentId,
        payload: Payload<'_>,
        compression: Compression,
        min_time: u64,
    ) -> Result<Written> {
        let time = self.shared.entry_time(min_time)?;
        let original_length = payload.bytes().len() as u32;
        let Self {
            shared,
            data,
            metadata,
            tools,
            ..
        } = self;
        let slot = if id.is_metadata() { metadata } else { data };
        let mut packed_id = UNCOMPRESSED;
        if let Some(algorithm) = compression
            && tools
                .compressors
                .compress(algorithm, payload.bytes(), &mut tools.compressed)?
        {
            packed_id = algorithm.id();
        }
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
        let offset = if packed_id == UNCOMPRESSED {
            match payload {
                Payload::Copied(bytes) => {
                    pack.append_copy(cipher, &mut tools.random, &id, bytes)?
                }
                Payload::InPlace(bytes) => {
                    pack.append_in_place(cipher, &mut tools.random, &id, bytes)?
                }
            }
        } else {
            pack.append_copy(cipher, &mut tools.random, &id, &tools.compressed)?
        };
        let packed = (pack.length() - before) as u32;
        pack.entries.push(IndexEntry {
            id,
            deleted: false,
            format_version: pack.format_version,
            encryption_key_id: 0,
            pack: 0,
            offset: u32::try_from(offset).map_err(|_| Error::Limit {
                what: "an offset in a pack",
                limit: "2^30 bytes",
            })?,
            packed_length: packed,
            original_length,
            compression: packed_id,
            time,
        });
        if pack.length() >= pack.full_length {
            self.finish_class(id.is_metadata())?;
        }
        Ok(Written {
            id,
            compressed: false,
            new: true,
            packed,
        })
    }

    /// Marks a published content as deleted (format 1 §6.5); nothing happens when it is unknown or deleted already.
    ///
    /// # Errors
    /// Of the index, and of storing the session's marker.
    pub fn delete_content(&mut self, id: &ContentId) -> Result<()> {
        let Some(info) = self
            .shared
            .repository
            .content_info(id)?
            .filter(|info| !info.deleted)
        else {
            return Ok(());
        };
        self.shared.ensure_marker()?;
        let time = self.shared.entry_time(info.time.saturating_add(1))?;
        let slot = if id.is_metadata() {
            &mut self.metadata
        } else {
            &mut self.data
        };
        let pack = slot
            .tombstone_packs
            .iter()
            .position(|pack| *pack == info.pack)
            .unwrap_or_else(|| {
                slot.tombstone_packs.push(info.pack.clone());
                slot.tombstone_packs.len() - 1
            });
        let tombstone = IndexEntry::from_info(&info, pack as u32)?;
        if slot.tombstones.iter().all(|other| other.id != *id) {
            slot.tombstones.push(IndexEntry {
                deleted: true,
                time,
                ..tombstone
            });
        }
        Ok(())
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
        let slot = if metadata {
            &mut self.metadata
        } else {
            &mut self.data
        };
        let tombstones = std::mem::take(&mut slot.tombstones);
        let tombstone_packs = std::mem::take(&mut slot.tombstone_packs);
        let stored = match slot.pack.take() {
            Some(pack) => {
                let (id, count) = (pack.id.clone(), pack.entries.len());
                let stored = self.store_pack(pack, metadata, &tombstones, &tombstone_packs);
                if let Err(error) = &stored {
                    self.shared.lose(format!(
                        "pack {id} with {count} contents could not be stored ({error})"
                    ));
                }
                stored
            }
            None => Ok(()),
        };
        self.shared.deleted(&tombstone_packs, &tombstones);
        stored
    }

    fn store_pack(
        &mut self,
        mut pack: OpenPack,
        metadata: bool,
        tombstones: &[IndexEntry],
        tombstone_packs: &[BlobId],
    ) -> Result<()> {
        let repository = &self.shared.repository;
        // An id may be deleted and written again in one session; the local index names it once.
        let tombstones: Vec<IndexEntry> = tombstones
            .iter()
            .filter(|tombstone| pack.entries.iter().all(|entry| entry.id != tombstone.id))
            .copied()
            .collect();
        pack.complete(
            repository.hasher(),
            repository.cipher(),
            &tombstones,
            tombstone_packs,
        )?;
        let length = pack.length();
        let (id, sink, mut buffer, entries) = pack.into_parts();
        match sink {
            Sink::Stream(writer) => {
                writer.commit()?;
                buffer.clear();
                let slot = if metadata {
                    &mut self.metadata
                } else {
                    &mut self.data
                };
                slot.buffer = buffer;
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
