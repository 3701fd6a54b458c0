//! Long files, written in order and fetched ahead.

use std::sync::mpsc;

use holdfast_repository::Repository;
use parking_lot::Mutex;

use super::writer::{ArchiveWriter, Node};
use crate::error::{Error, Result};
use crate::read::{Form, Receive, Wanted, fetch};
use crate::restore::contents::Use;
use crate::restore::plan::Plan;
use crate::restore::request::RestoreRequest;

/// Bytes of contents in memory, whatever they compress to: each worker fetches a stretch of them or holds one ready, and
/// one is written. A single content may be longer than a stretch.
const MEMORY: u64 = 48 << 20;
/// A stretch is no longer, in bytes: what comes first should not wait for much.
const LONGEST: u64 = 8 << 20;
/// Workers that fetch at most; with more of them stretches would be shorter than reads.
const WORKERS: usize = 16;

/// A content, or in words why it cannot be read.
type Piece = Result<Vec<u8>, String>;

/// Writes the files whose contents are `wanted`, file by file and in order.
pub(super) fn write(
    repo: &Repository,
    request: &RestoreRequest,
    plan: &Plan,
    archive: &mut ArchiveWriter<'_>,
    wanted: Vec<Wanted>,
    uses: &[Use],
) -> Result<()> {
    let workers = request.workers().clamp(1, WORKERS);
    let stretches = stretches(wanted, LONGEST.min(MEMORY / (workers as u64 + 1)));
    let workers = workers.min(stretches.len());
    let mut files = Files {
        request,
        plan,
        archive,
        uses,
        entry: None,
        given_up: false,
    };
    std::thread::scope(|scope| {
        // Each worker fetches every so-manieth stretch and waits until it is taken, so that they are taken in order and no
        // more of them are in memory.
        let (fetching, ready): (Vec<_>, Vec<_>) = (0..workers)
            .map(|first| {
                let (sender, receiver) = mpsc::sync_channel(0);
                let own = stretches.iter().skip(first).step_by(workers);
                let thread = scope.spawn(move || -> Result<()> {
                    for stretch in own {
                        // Whoever does not want them any more has failed and says so.
                        if sender.send(read(repo, request, stretch)?).is_err() {
                            break;
                        }
                    }
                    Ok(())
                });
                (thread, receiver)
            })
            .unzip();
        let mut written = Ok(());
        for (stretch, ready) in stretches.iter().zip(ready.iter().cycle()) {
            // Whoever sends nothing has failed and says so.
            let Ok(pieces) = ready.recv() else {
                break;
            };
            let mut pieces = stretch.iter().zip(pieces);
            written = pieces.try_for_each(|(wanted, piece)| files.piece(wanted.tag, piece));
            if written.is_err() {
                break;
            }
        }
        drop(ready);
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<()>>| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        let fetched = fetching.into_iter().map(join).fold(Ok(()), Result::and);
        written.and(fetched)
    })?;
    files.end()
}

/// Cuts what is wanted into stretches of `longest` bytes at most that are fetched at a time, or of one content.
fn stretches(wanted: Vec<Wanted>, longest: u64) -> Vec<Vec<Wanted>> {
    let mut stretches: Vec<Vec<Wanted>> = Vec::new();
    let mut bytes = longest;
    for wanted in wanted {
        let length = length(&wanted);
        match stretches.last_mut() {
            Some(last) if bytes + length <= longest => {
                bytes += length;
                last.push(wanted);
            }
            _ => {
                bytes = length;
                stretches.push(vec![wanted]);
            }
        }
    }
    stretches
}

/// Bytes that a content is in memory.
fn length(wanted: &Wanted) -> u64 {
    match wanted.form {
        Form::Compressed {
            length: Some(length),
        } => length,
        // The parts of a long file all have lengths.
        Form::Plain | Form::Compressed { length: None } => wanted.info.original_length.into(),
    }
}

/// The contents of a stretch, in its order.
fn read(repo: &Repository, request: &RestoreRequest, stretch: &[Wanted]) -> Result<Vec<Piece>> {
    let numbered = stretch.iter().enumerate().map(|(tag, wanted)| Wanted {
        tag,
        ..wanted.clone()
    });
    let numbered = numbered.collect();
    let missing = || Err("it was not read".to_owned());
    let pieces: Mutex<Vec<Piece>> = Mutex::new(stretch.iter().map(|_| missing()).collect());
    fetch(repo, numbered, 1, &request.cancel, || Collect {
        pieces: &pieces,
    })?;
    Ok(pieces.into_inner())
}

struct Collect<'a> {
    pieces: &'a Mutex<Vec<Piece>>,
}

impl Receive for Collect<'_> {
    fn content(&mut self, uses: &[Wanted], data: Result<&[u8], &str>) -> Result<()> {
        for wanted in uses {
            let piece = data.map(<[u8]>::to_vec).map_err(str::to_owned);
            self.pieces.lock()[wanted.tag] = piece;
        }
        Ok(())
    }
}

/// Puts pieces together to files.
struct Files<'a, 'b> {
    request: &'a RestoreRequest,
    plan: &'a Plan,
    archive: &'a mut ArchiveWriter<'b>,
    uses: &'a [Use],
    /// The file that is being written.
    entry: Option<usize>,
    /// Whether a piece of it was missing.
    given_up: bool,
}

impl Files<'_, '_> {
    fn piece(&mut self, tag: usize, piece: Piece) -> Result<()> {
        let purpose = &self.uses[tag];
        if self.entry != Some(purpose.entry) {
            self.end()?;
            let length = purpose.long.as_ref().map_or(0, |(long, _)| long.length);
            self.archive
                .begin(Node::Entry(purpose.entry), length)
                .map_err(Error::Output)?;
            self.entry = Some(purpose.entry);
            self.given_up = false;
        }
        match piece {
            _ if self.given_up => Ok(()),
            Ok(data) => {
                self.request.progress.add_processed(data.len() as u64);
                self.archive.piece(&data).map_err(Error::Output)
            }
            Err(reason) => {
                self.given_up = true;
                let left_out = self.archive.give_up().map_err(Error::Output)?;
                let message = match left_out {
                    true => reason,
                    false => format!("{reason}; the rest of it in the archive is zeros"),
                };
                self.request.progress.add_error();
                self.plan.lost(purpose.entry, message);
                Ok(())
            }
        }
    }

    /// Ends the file that is being written.
    fn end(&mut self) -> Result<()> {
        if self.entry.take().is_some() && !self.given_up {
            self.archive.end().map_err(Error::Output)?;
            self.request.progress.add_files(1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use holdfast_repository::ContentInfo;
    use holdfast_storage::BlobId;

    use super::*;

    #[test]
    fn what_counts_is_how_long_contents_are_in_memory() {
        let wanted = |tag: usize, form: Form, original_length: u32| Wanted {
            info: ContentInfo {
                id: "0123456789abcdef0123456789abcdef".parse().expect("an id"),
                pack: BlobId::new("p0").expect("a name"),
                time: 0,
                offset: 0,
                packed_length: 10,
                original_length,
                compression: 0,
                format_version: 2,
                encryption_key_id: 0,
                deleted: false,
            },
            form,
            tag,
        };
        let compressed = |tag, length| {
            let length = Some(length);
            wanted(tag, Form::Compressed { length }, 10)
        };
        let cut = stretches(
            vec![
                wanted(0, Form::Plain, 40),
                wanted(1, Form::Plain, 60),
                compressed(2, 90),
                compressed(3, 20),
                compressed(4, 500),
                wanted(5, Form::Plain, 1),
            ],
            100,
        );
        let tags = |stretch: &Vec<Wanted>| stretch.iter().map(|wanted| wanted.tag).collect();
        let tags: Vec<Vec<usize>> = cut.iter().map(tags).collect();
        assert_eq!(tags, [vec![0, 1], vec![2], vec![3], vec![4], vec![5]]);
    }
}
