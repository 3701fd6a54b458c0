//! A file of several contents while it is written.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use holdfast_host::dir::{self, Dir, FileState};
use holdfast_host::fs::read_exact_at;
use parking_lot::Mutex;

use super::attributes::{UNFINISHED_FILE, is_own};
use super::holes::set_hollow_length;

/// Bytes that are copied at once.
const COPY: u64 = 1 << 20;

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
    /// The file that is to be replaced: these stretches of it are right as long as it is in this state.
    Old(Vec<Range<u64>>, FileState),
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

    /// Whether what is not written reads as zeros.
    pub(super) fn is_hollow(&self) -> bool {
        matches!(self.start, Start::Nothing)
    }

    /// Makes the unfinished file `name` in its full length, with what there is of it already. `old` is the name of the file
    /// that it is to replace. `is_sparse` says whether it may have holes.
    pub(super) fn begin(
        &self,
        dir: &Dir,
        name: &[u8],
        old: &[u8],
        is_sparse: bool,
    ) -> io::Result<File> {
        let file = match &self.start {
            Start::Nothing => dir.create_file(name, UNFINISHED_FILE)?,
            Start::Unfinished => {
                let file = dir.open_file_for_writing(name)?;
                // Whoever may write to the directory could have put another file there since it was looked at.
                if !is_own(&dir::file_state(&file)?) {
                    return Err(io::Error::other(
                        "the unfinished file of the restore that was cut off was replaced meanwhile",
                    ));
                }
                file
            }
            Start::Old(stretches, state) => {
                let old = dir.open_file(old)?;
                unchanged(&old, state)?;
                let file = dir.create_file(name, UNFINISHED_FILE)?;
                if !dir::clone_file(&file, &old)? {
                    copy(&old, &file, stretches)?;
                }
                unchanged(&old, state)?;
                file
            }
        };
        match is_sparse {
            true => set_hollow_length(&file, self.length)?,
            false => file.set_len(self.length)?,
        }
        Ok(file)
    }
}

/// Whether an open file is still the one that was compared, as it was then.
///
/// # Errors
/// It is not.
pub(super) fn unchanged(file: &File, state: &FileState) -> io::Result<()> {
    match dir::file_state(file)? == *state {
        true => Ok(()),
        false => Err(changed()),
    }
}

/// What lies in the target is not what was compared any more.
pub(super) fn changed() -> io::Error {
    io::Error::other("it was changed while it was restored; restore it again")
}

fn copy(from: &File, to: &File, stretches: &[Range<u64>]) -> io::Result<()> {
    let mut buffer = Vec::new();
    for stretch in stretches {
        let mut at = stretch.start;
        while at < stretch.end {
            let length = (stretch.end - at).min(COPY);
            buffer.resize(length as usize, 0);
            read_exact_at(from, &mut buffer, at)?;
            dir::write_all_at(to, &buffer, at)?;
            at += length;
        }
    }
    Ok(())
}

/// The stretches of a file that consist of equal parts, as long as they are. Parts are neighbours in order.
pub(super) fn stretches(parts: impl Iterator<Item = (Range<u64>, bool)>) -> Vec<Range<u64>> {
    let mut stretches: Vec<Range<u64>> = Vec::new();
    for (part, _) in parts.filter(|(_, equal)| *equal) {
        match stretches.last_mut() {
            Some(last) if last.end == part.start => last.end = part.end,
            _ => stretches.push(part),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_stretch() {
        let parts = [(0..4, true), (4..5, true), (5..9, false), (9..12, true)];
        assert_eq!(stretches(parts.into_iter()), [0..5, 9..12]);
    }

    #[test]
    fn an_old_file_that_changes_is_not_taken_over() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let dir = Dir::open(place.path()).expect("open");
        let path = place.path().join("old");
        std::fs::write(&path, b"0123456789").expect("write");
        let state = dir::file_state(&dir.open_file(b"old").expect("open")).expect("state");
        let long = LongFile::new(0, 12, Start::Old(vec![2..4, 8..10], state), 1);
        drop(long.begin(&dir, b"new", b"old", false).expect("begin"));
        let begun = std::fs::read(place.path().join("new")).expect("read");
        assert_eq!(
            (begun.len(), &begun[2..4], &begun[8..10]),
            (12, &b"23"[..], &b"89"[..])
        );

        std::fs::write(&path, b"something else").expect("write");
        let error = long
            .begin(&dir, b"other", b"old", true)
            .expect_err("it changed");
        assert!(error.to_string().contains("changed"), "{error}");
    }
}
