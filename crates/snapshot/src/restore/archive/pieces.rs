//! Long files, written in order and fetched ahead.

use std::sync::mpsc;

use holdfast_repository::Repository;
use parking_lot::Mutex;

use super::writer::{ArchiveWriter, Node};
use crate::error::{Error, Result};
use crate::read::{Receive, Wanted, fetch};
use crate::restore::contents::Use;
use crate::restore::plan::Plan;
use crate::restore::request::RestoreRequest;

/// Contents that are fetched at a time, in bytes as they are stored. Three of those are in memory at most: one is written,
/// one waits, one is fetched.
const STRETCH: u64 = 16 << 20;

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
    let stretches = stretches(wanted);
    let mut files = Files {
        request,
        plan,
        archive,
        uses,
        entry: None,
        given_up: false,
    };
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(1);
        let fetching = scope.spawn(move || -> Result<()> {
            for stretch in stretches {
                let tags: Vec<usize> = stretch.iter().map(|wanted| wanted.tag).collect();
                let pieces = read(repo, request, stretch)?;
                // Whoever does not want them any more has failed and says so.
                if sender.send((tags, pieces)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        let written = receiver.iter().try_for_each(|(tags, pieces)| {
            tags.into_iter()
                .zip(pieces)
                .try_for_each(|(tag, piece)| files.piece(tag, piece))
        });
        drop(receiver);
        let fetched = fetching
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.and(fetched)
    })?;
    files.end()
}

/// Cuts what is wanted into stretches that are fetched at a time.
fn stretches(wanted: Vec<Wanted>) -> Vec<Vec<Wanted>> {
    let mut stretches: Vec<Vec<Wanted>> = Vec::new();
    let mut bytes = STRETCH;
    for wanted in wanted {
        let length = u64::from(wanted.info.original_length);
        match stretches.last_mut() {
            Some(last) if bytes + length <= STRETCH => {
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

/// The contents of a stretch, in its order.
fn read(
    repo: &Repository,
    request: &RestoreRequest,
    mut stretch: Vec<Wanted>,
) -> Result<Vec<Piece>> {
    for (number, wanted) in stretch.iter_mut().enumerate() {
        wanted.tag = number;
    }
    let missing = || Err("it was not read".to_owned());
    let pieces: Mutex<Vec<Piece>> = Mutex::new(stretch.iter().map(|_| missing()).collect());
    fetch(repo, stretch, request.workers(), &request.cancel, || {
        Collect { pieces: &pieces }
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
