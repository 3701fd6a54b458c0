//! Contents in the order of their packs, neighbours with one read, many reads at a time.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_host::Cancel;
use holdfast_planning::restore::{Extent, windows};
use holdfast_repository::compress::decompress_object;
use holdfast_repository::{ContentInfo, Repository};
use parking_lot::Mutex;

use super::{Form, Part, is_about_data};
use crate::error::{Error, Result};

/// Largest stretch of a pack that is read at once; more leaves the processor's cache.
const WINDOW: u64 = 1 << 20;
/// Unwanted bytes that are read along rather than asking twice.
const GAP: u64 = 32 << 10;
/// A worker takes about as many neighbouring windows as a pack has.
const WINDOWS_AT_A_TIME: usize = 20;

/// A content to read and what it is for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Where it lies.
    pub(crate) info: ContentInfo,
    /// What it is of the chunk that the receiver gets.
    pub(crate) form: Form,
    /// The caller's number for the use of it.
    pub(crate) tag: usize,
}

impl Wanted {
    /// What has to be read for a part of an object.
    pub(crate) fn of(part: Part, tag: usize) -> Self {
        Self {
            info: part.info,
            form: part.form,
            tag,
        }
    }
}

/// What a worker does with contents.
pub(crate) trait Receive {
    /// Takes a content; all `uses` have the same one. `Err` says in words why it cannot be read.
    fn content(&mut self, uses: &[Wanted], data: Result<&[u8], &str>) -> Result<()>;
}

impl<F: FnMut(&[Wanted], Result<&[u8], &str>) -> Result<()>> Receive for F {
    fn content(&mut self, uses: &[Wanted], data: Result<&[u8], &str>) -> Result<()> {
        self(uses, data)
    }
}

/// Reads all `wanted` contents, each distinct one once, and hands them to receivers made by `receiver`, one for each of
/// `workers` threads. Every content is authenticated.
///
/// # Errors
/// A store that cannot be reached, cancellation, or the first error of a receiver. Missing or damaged data is no error
/// here; the receiver is told.
pub(crate) fn fetch<R: Receive>(
    repo: &Repository,
    mut wanted: Vec<Wanted>,
    workers: usize,
    cancel: &Cancel,
    receiver: impl Fn() -> R + Sync,
) -> Result<()> {
    wanted.sort_unstable_by(|a, b| {
        let key = |wanted: &Wanted| {
            let info = &wanted.info;
            (info.offset, info.packed_length, wanted.form, wanted.tag)
        };
        a.info
            .pack
            .cmp(&b.info.pack)
            .then_with(|| key(a).cmp(&key(b)))
    });
    let windows = windows(&extents(&wanted), WINDOW, GAP);
    let next = AtomicUsize::new(0);
    let moved = Moved {
        repo,
        renewed: Mutex::new(false),
    };
    let run = || {
        let mut reader = WindowReader::new(&moved);
        let mut receiver = receiver();
        let result = (|| {
            loop {
                let first = next.fetch_add(WINDOWS_AT_A_TIME, Ordering::Relaxed);
                if first >= windows.len() {
                    return Ok(());
                }
                for window in &windows[first..windows.len().min(first + WINDOWS_AT_A_TIME)] {
                    cancel.check()?;
                    reader.read(repo, &wanted[window.clone()], &mut receiver)?;
                }
            }
        })();
        if result.is_err() {
            // Nothing is handed out to the others any more.
            next.store(windows.len(), Ordering::Relaxed);
        }
        result
    };
    let workers = workers.clamp(1, windows.len().div_ceil(WINDOWS_AT_A_TIME).max(1));
    let result = if workers == 1 {
        run()
    } else {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(join).fold(Ok(()), Result::and)
        })
    };
    result.map_err(|error| {
        if cancel.is_cancelled() {
            Error::Cancelled
        } else {
            error
        }
    })
}

fn join(thread: std::thread::ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Numbers the packs of sorted contents.
fn extents(wanted: &[Wanted]) -> Vec<Extent> {
    let mut pack = 0;
    let mut extents = Vec::with_capacity(wanted.len());
    for (position, Wanted { info, .. }) in wanted.iter().enumerate() {
        if position > 0 && wanted[position - 1].info.pack != info.pack {
            pack += 1;
        }
        extents.push(Extent {
            pack,
            offset: info.offset,
            length: info.packed_length,
        });
    }
    extents
}

/// Finds contents whose pack went away since they were looked up, because maintenance moved them (format 1 §6.6).
struct Moved<'a> {
    repo: &'a Repository,
    /// Whether the index was renewed for this; once is enough, and a repository that lost packs is not listed for each
    /// of its contents.
    renewed: Mutex<bool>,
}

impl Moved<'_> {
    fn find(&self, old: &ContentInfo) -> Result<Option<ContentInfo>> {
        let mut renewed = self.renewed.lock();
        if !*renewed {
            self.repo.refresh()?;
            *renewed = true;
        }
        drop(renewed);
        let new = self.repo.content_info(&old.id)?;
        Ok(new.filter(|new| new.pack != old.pack))
    }
}

struct WindowReader<'a> {
    moved: &'a Moved<'a>,
    buffer: Vec<u8>,
    scratch: Vec<u8>,
}

impl<'a> WindowReader<'a> {
    fn new(moved: &'a Moved<'a>) -> Self {
        Self {
            moved,
            buffer: Vec::new(),
            scratch: Vec::new(),
        }
    }

    fn read(
        &mut self,
        repo: &Repository,
        window: &[Wanted],
        receiver: &mut impl Receive,
    ) -> Result<()> {
        let Range { start, end } = span(window);
        let length = (end - start) as usize;
        if self.buffer.len() < length {
            self.buffer.resize(length.max(WINDOW as usize), 0);
        }
        let buffer = &mut self.buffer[..length];
        let pack = &window[0].info.pack;
        match repo.store().get_range(pack, start, buffer) {
            Ok(()) => open_all(repo, window, start, buffer, &mut self.scratch, receiver),
            Err(error) => {
                let error = holdfast_repository::Error::from(error);
                if !is_about_data(&error) {
                    return Err(error.into());
                }
                self.read_one_by_one(repo, window, receiver)
            }
        }
    }

    /// A window that cannot be read as a whole, because its pack is missing or ends too early: what can be read of it is.
    fn read_one_by_one(
        &mut self,
        repo: &Repository,
        window: &[Wanted],
        receiver: &mut impl Receive,
    ) -> Result<()> {
        for uses in window.chunk_by(same_place) {
            let mut info = Cow::Borrowed(&uses[0].info);
            let mut read = self.read_place(repo, &info);
            if matches!(&read, Err(holdfast_repository::Error::Storage(error)) if error.is_not_found())
                && let Some(moved) = self.moved.find(&info)?
            {
                read = self.read_place(repo, &moved);
                info = Cow::Owned(moved);
            }
            let sealed = &mut self.buffer[..info.packed_length as usize];
            match read {
                Ok(()) => open(repo, &info, uses, sealed, &mut self.scratch, receiver)?,
                Err(error) if is_about_data(&error) => {
                    receiver.content(uses, Err(&error.to_string()))?
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl WindowReader<'_> {
    /// Reads one content into the beginning of the buffer.
    fn read_place(
        &mut self,
        repo: &Repository,
        info: &ContentInfo,
    ) -> holdfast_repository::Result<()> {
        let length = info.packed_length as usize;
        self.buffer.resize(self.buffer.len().max(length), 0);
        let sealed = &mut self.buffer[..length];
        Ok(repo
            .store()
            .get_range(&info.pack, info.offset.into(), sealed)?)
    }
}

fn span(window: &[Wanted]) -> Range<u64> {
    let start = window
        .first()
        .map_or(0, |first| u64::from(first.info.offset));
    let ends = window
        .iter()
        .map(|wanted| u64::from(wanted.info.offset) + u64::from(wanted.info.packed_length));
    start..ends.max().unwrap_or(start)
}

fn same_place(a: &Wanted, b: &Wanted) -> bool {
    (a.info.offset, a.info.packed_length, a.info.id, a.form)
        == (b.info.offset, b.info.packed_length, b.info.id, b.form)
}

fn open_all(
    repo: &Repository,
    window: &[Wanted],
    start: u64,
    buffer: &mut [u8],
    scratch: &mut Vec<u8>,
    receiver: &mut impl Receive,
) -> Result<()> {
    for uses in window.chunk_by(same_place) {
        let info = &uses[0].info;
        let at = (u64::from(info.offset) - start) as usize;
        open(
            repo,
            info,
            uses,
            &mut buffer[at..at + info.packed_length as usize],
            scratch,
            receiver,
        )?;
    }
    Ok(())
}

fn open(
    repo: &Repository,
    info: &ContentInfo,
    uses: &[Wanted],
    sealed: &mut [u8],
    scratch: &mut Vec<u8>,
    receiver: &mut impl Receive,
) -> Result<()> {
    let mut unpacked = Vec::new();
    let chunk = repo
        .open_payload(info, sealed, scratch)
        .and_then(|data| match uses[0].form {
            Form::Plain => Ok(data),
            Form::Compressed { length } => unpack(info, data, length, &mut unpacked),
        });
    match chunk {
        Ok(data) => receiver.content(uses, Ok(data)),
        Err(error) if is_about_data(&error) => receiver.content(uses, Err(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// The chunk that a content is the compressed form of.
fn unpack<'a>(
    info: &ContentInfo,
    data: &[u8],
    length: Option<u64>,
    chunk: &'a mut Vec<u8>,
) -> holdfast_repository::Result<&'a [u8]> {
    let what = format!("content {}", info.id);
    decompress_object(&what, data, chunk)?;
    match length {
        Some(length) if chunk.len() as u64 != length => Err(holdfast_repository::Error::Damaged {
            reason: format!(
                "{} bytes came out of decompression, the list of its parts says {length}",
                chunk.len()
            ),
            what,
        }),
        _ => Ok(chunk),
    }
}
