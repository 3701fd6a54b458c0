//! A file of several contents while it is written.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use holdfast_host::dir::{self, Dir};
use holdfast_host::fs::read_exact_at;
use holdfast_repository::Repository;
use parking_lot::Mutex;

use super::attributes::{UNFINISHED_FILE, is_own};
use super::holes::{Below, set_hollow_length, write_stretches};
use crate::read::Part;

/// A file of several contents.
pub(super) struct LongFile {
    /// Position in the plan.
    pub(super) entry: usize,
    /// Bytes.
    pub(super) length: u64,
    /// What there is of it already.
    pub(super) start: Start,
    /// How far it is.
    pub(super) state: Mutex<LongState>,
}

/// What there is of a file before it is written.
#[derive(Debug)]
pub(super) enum Start {
    /// Nothing.
    Nothing,
    /// An unfinished file of a restore that was cut off, which is continued.
    Unfinished,
    /// The file that is to be replaced, in which these parts were right when it was compared.
    Old(Vec<Part>),
}

/// How far a file of several contents is.
pub(super) struct LongState {
    /// The open file, unless too many are open.
    pub(super) file: Option<Arc<File>>,
    /// Whether it exists in its full length, under the name of an unfinished one.
    pub(super) begun: bool,
    /// Whether it will not become complete.
    pub(super) failed: bool,
    /// Contents that are not dealt with yet.
    pub(super) left: usize,
}

impl LongFile {
    pub(super) fn new(entry: usize, length: u64, start: Start, left: usize) -> Self {
        Self {
            entry,
            length,
            start,
            state: Mutex::new(LongState {
                file: None,
                begun: false,
                failed: false,
                left,
            }),
        }
    }

    /// Marks the file as incomplete; says whether it was not before.
    pub(super) fn fail(&self) -> bool {
        !std::mem::replace(&mut self.state.lock().failed, true)
    }

    /// Whether an unfinished file of a restore that was cut off is continued.
    pub(super) fn is_continued(&self) -> bool {
        matches!(self.start, Start::Unfinished)
    }

    /// What lies where nothing is written yet.
    pub(super) fn below(&self) -> Below {
        match self.start {
            Start::Nothing => Below::Hole,
            Start::Unfinished | Start::Old(_) => Below::Anything,
        }
    }

    /// Makes the unfinished file `name` in its full length, with what there is of it already. `old` is the name of the file
    /// that it is to replace. Returns the parts as well that turned out not to be there.
    pub(super) fn begin(
        &self,
        repo: &Repository,
        dir: &Dir,
        name: &[u8],
        old: &[u8],
        holes: &Holes<'_>,
    ) -> io::Result<(File, Vec<Part>)> {
        let (file, lost) = match &self.start {
            Start::Nothing => (dir.create_file(name, UNFINISHED_FILE)?, Vec::new()),
            Start::Unfinished => {
                let file = dir.open_file_for_writing(name)?;
                // Whoever may write to the directory could have put another file there since it was looked at.
                if !is_own(&dir::file_state(&file)?) {
                    return Err(io::Error::other(
                        "the unfinished file of the restore that was cut off was replaced meanwhile",
                    ));
                }
                (file, Vec::new())
            }
            Start::Old(parts) => {
                let file = dir.create_file(name, UNFINISHED_FILE)?;
                if holes.are_allowed {
                    set_hollow_length(&file, 0)?;
                }
                let lost = match dir.open_file(old) {
                    Ok(old) => take_over(repo, parts, &old, &file, holes)?,
                    // It went away since it was compared.
                    Err(_) => parts.clone(),
                };
                (file, lost)
            }
        };
        match holes.are_allowed {
            true => set_hollow_length(&file, self.length)?,
            false => file.set_len(self.length)?,
        }
        Ok((file, lost))
    }
}

/// The stretches of a piece of a file at an offset that are written, where the rest of it may be left as holes.
type Around<'a> = dyn Fn(&[u8], u64) -> Option<Vec<Range<usize>>> + 'a;

/// The holes that a file may get.
pub(super) struct Holes<'a> {
    /// Whether it may have any.
    pub(super) are_allowed: bool,
    /// Whether it gets more than it had: a file that shares the blocks of the old one has its holes, and no others.
    pub(super) are_made: bool,
    /// Where they are.
    pub(super) around: &'a Around<'a>,
}

/// Gives a new file the parts that are right in the old one, which anybody may change meanwhile: what counts is what
/// arrives. Returns the parts that are not right any more.
fn take_over(
    repo: &Repository,
    parts: &[Part],
    old: &File,
    new: &File,
    holes: &Holes<'_>,
) -> io::Result<Vec<Part>> {
    let cloned = !holes.are_made && dir::clone_file(new, old)?;
    let from = if cloned { new } else { old };
    let mut lost = Vec::new();
    let mut buffer = Vec::new();
    for part in parts {
        let id = &part.info.id;
        buffer.resize(part.info.original_length as usize, 0);
        let is_right = read_exact_at(from, &mut buffer, part.start).is_ok()
            && repo.hasher().content_id(id.prefix(), &buffer) == *id;
        if !is_right {
            lost.push(part.clone());
        } else if cloned {
            continue;
        } else if let Some(stretches) = (holes.around)(&buffer, part.start) {
            write_stretches(new, &buffer, part.start, &stretches, Below::Hole)?;
        } else {
            dir::write_all_at(new, &buffer, part.start)?;
        }
    }
    Ok(lost)
}
