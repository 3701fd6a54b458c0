//! Contents on their way from one repository to the other, on all workers at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_repository::compress::{CompressionAlgorithm, UNCOMPRESSED};
use holdfast_repository::manifest::ManifestEdits;
use holdfast_repository::object::{
    IndirectEntry, ObjectId, ObjectOptions, finish_object, write_object,
};
use holdfast_repository::{Compression, ContentWriter, Repository, Session, Splitter};
use parking_lot::Mutex;

use super::CopyRequest;
use super::present::Present;
use crate::error::Result;
use crate::read::{Form, Part, Receive, Wanted, fetch, object_parts};

/// Stored packs are published when they have so many bytes, so that an interrupted copy sends little twice.
const PUBLISH_BYTES: u64 = 64 << 20;

/// How directories and lists of parts are stored, as other programs do it.
const METADATA: Compression = Some(CompressionAlgorithm::ZstdFastest);

/// What an object of the source is in the destination, or why it cannot be read.
pub(super) type Moved = Result<ObjectId, String>;

/// Bytes so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) read: u64,
    pub(super) new: u64,
    pub(super) stored: u64,
}

/// A write session of the destination and the writers of its workers.
pub(super) struct Contents<'a> {
    from: &'a Arc<Repository>,
    pub(super) request: &'a CopyRequest,
    session: Session,
    idle: Mutex<Vec<ContentWriter>>,
    splitter: Splitter,
    read: AtomicU64,
    new: AtomicU64,
    stored: AtomicU64,
}

impl<'a> Contents<'a> {
    pub(super) fn new(
        from: &'a Arc<Repository>,
        to: &Arc<Repository>,
        request: &'a CopyRequest,
    ) -> Result<Self> {
        Ok(Self {
            from,
            request,
            session: to.session()?,
            idle: Mutex::default(),
            splitter: to.splitter("")?,
            read: AtomicU64::new(0),
            new: AtomicU64::new(0),
            stored: AtomicU64::new(0),
        })
    }

    pub(super) fn figures(&self) -> Figures {
        Figures {
            read: self.read.load(Ordering::Relaxed),
            new: self.new.load(Ordering::Relaxed),
            stored: self.stored.load(Ordering::Relaxed),
        }
    }

    /// Copies files and whatever else is not a directory. The results come in the order of `objects`.
    pub(super) fn objects(
        &self,
        objects: &[ObjectId],
        present: &Present<'_>,
    ) -> Result<Vec<Moved>> {
        let workers = self.request.workers();
        let numbered: Vec<(usize, ObjectId)> = objects.iter().copied().enumerate().collect();
        let found: Mutex<Vec<Result<Vec<Part>, String>>> =
            Mutex::new(vec![Ok(Vec::new()); objects.len()]);
        object_parts(
            self.from,
            &numbered,
            workers,
            &self.request.cancel,
            &|index, parts| {
                found.lock()[index] = parts;
                Ok(())
            },
        )?;
        let found = found.into_inner();
        let parts = || found.iter().flatten().flatten();
        let wanted = parts()
            .enumerate()
            .map(|(tag, part)| Wanted::of(part.clone(), tag))
            .collect();
        let written: Mutex<Vec<Result<(ObjectId, u64), String>>> =
            Mutex::new(vec![Err("it was not read".to_owned()); parts().count()]);
        fetch(self.from, wanted, workers, &self.request.cancel, || {
            Copier {
                lent: self.lend(),
                present,
                written: &written,
            }
        })?;
        let mut written = written.into_inner().into_iter();
        let options = ObjectOptions::data(self.splitter.clone(), None, METADATA);
        let mut writer = self.lend();
        let moved = found.iter().map(|parts| {
            let parts = match parts {
                Ok(parts) => parts,
                Err(reason) => return Ok(Err(reason.clone())),
            };
            let mut entries = Vec::with_capacity(parts.len());
            let mut failed = None;
            for (part, written) in parts.iter().zip(written.by_ref()) {
                match written {
                    Ok((object, length)) => entries.push(IndirectEntry {
                        start: part.start,
                        length,
                        object,
                    }),
                    Err(reason) => failed = failed.or(Some(reason)),
                }
            }
            match failed {
                Some(reason) => Ok(Err(reason)),
                None => {
                    let object = finish_object(writer.get(), &entries, &options)?;
                    // The parts were looked at one by one.
                    let lost = match entries.len() {
                        1 => None,
                        _ => present.lost(&object.content())?,
                    };
                    Ok(lost.map_or(Ok(object), Err))
                }
            }
        });
        let moved = moved.collect::<Result<Vec<Moved>>>()?;
        drop(writer);
        if self.session.unpublished_bytes() >= PUBLISH_BYTES {
            self.session.commit_index()?;
        }
        Ok(moved)
    }

    /// Stores a directory.
    pub(super) fn directory(&self, stream: &[u8]) -> Result<ObjectId> {
        let options = ObjectOptions::directory(self.splitter.clone(), METADATA);
        Ok(write_object(self.lend().get(), stream, &options)?)
    }

    fn writer(&self) -> ContentWriter {
        let idle = self.idle.lock().pop();
        idle.unwrap_or_else(|| self.session.writer())
    }

    fn lend(&self) -> Lent<'_, 'a> {
        Lent {
            contents: self,
            writer: Some(self.writer()),
        }
    }

    fn finish_packs(&self) -> Result<()> {
        let writers = std::mem::take(&mut *self.idle.lock());
        writers
            .into_iter()
            .map(|mut writer| Ok(writer.finish_packs()?))
            .fold(Ok(()), Result::and)
    }

    /// Makes everything that is stored visible to others.
    pub(super) fn publish(&self) -> Result<()> {
        self.finish_packs()?;
        self.session.ensure_complete()?;
        self.session.commit_index()?;
        Ok(())
    }

    /// Writes manifests, which become visible together with everything they refer to, and ends the session.
    pub(super) fn close(self, mut edits: ManifestEdits) -> Result<()> {
        edits.write(self.lend().get())?;
        self.finish_packs()?;
        self.session.close()?;
        Ok(())
    }

    /// Ends the session without a snapshot; what is stored is used again by the next copy.
    pub(super) fn abandon(self) {
        let ended = self
            .finish_packs()
            .and_then(|()| Ok(self.session.close_interrupted()?));
        if let Err(error) = ended {
            tracing::warn!(%error, "the session stays until maintenance removes it");
        }
    }

    /// Stores one chunk; says whether the destination did not have it.
    fn write(
        &self,
        writer: &mut ContentWriter,
        wanted: &Wanted,
        data: &[u8],
    ) -> Result<(ObjectId, bool)> {
        let written = writer.write(
            wanted.info.id.prefix(),
            data,
            compression(wanted.form, wanted.info.compression),
        )?;
        let length = data.len() as u64;
        self.read.fetch_add(length, Ordering::Relaxed);
        self.request.progress.add_processed(length);
        if written.new {
            self.new.fetch_add(length, Ordering::Relaxed);
            self.stored
                .fetch_add(u64::from(written.packed), Ordering::Relaxed);
        }
        Ok((written.object(), written.new))
    }
}

/// How a chunk is compressed in the destination: as it is in the source, if it can be.
fn compression(form: Form, id: u32) -> Compression {
    match form {
        // Which algorithm compressed it stands in the data only.
        Form::Compressed { .. } => METADATA,
        Form::Plain if id == UNCOMPRESSED => None,
        Form::Plain => CompressionAlgorithm::by_id(id)
            .filter(|algorithm| algorithm.is_writable())
            .or(METADATA),
    }
}

/// A writer that goes back to the others when it is dropped: its packs are not finished yet.
struct Lent<'c, 'a> {
    contents: &'c Contents<'a>,
    writer: Option<ContentWriter>,
}

impl Lent<'_, '_> {
    fn get(&mut self) -> &mut ContentWriter {
        self.writer.get_or_insert_with(|| self.contents.writer())
    }
}

impl Drop for Lent<'_, '_> {
    fn drop(&mut self) {
        self.contents.idle.lock().extend(self.writer.take());
    }
}

/// What one worker of a fetch does.
struct Copier<'c, 'a> {
    lent: Lent<'c, 'a>,
    present: &'c Present<'c>,
    written: &'c Mutex<Vec<Result<(ObjectId, u64), String>>>,
}

impl Receive for Copier<'_, '_> {
    fn content(&mut self, uses: &[Wanted], data: Result<&[u8], &str>) -> Result<()> {
        let Some(first) = uses.first() else {
            return Ok(());
        };
        let written = match data {
            Ok(data) => {
                let contents = self.lent.contents;
                let (object, new) = contents.write(self.lent.get(), first, data)?;
                let lost = match new {
                    true => None,
                    false => self.present.lost(&object.content())?,
                };
                lost.map_or(Ok((object, data.len() as u64)), Err)
            }
            Err(reason) => {
                self.lent.contents.request.progress.add_error();
                Err(reason.to_owned())
            }
        };
        let mut all = self.written.lock();
        for wanted in uses {
            all[wanted.tag].clone_from(&written);
        }
        Ok(())
    }
}
