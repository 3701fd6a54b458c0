//! What lies in the target already, content by content.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_host::dir::{self, Dir, FileState, Kind, Metadata};
use holdfast_host::fs::read_exact_at;
use holdfast_repository::Repository;
use holdfast_repository::directory::EntryKind;

use super::attributes::{TIME_UNIT, is_own};
use super::contents::There;
use super::decide::Candidate;
use super::directories::{Directories, DirectoryCache};
use super::plan::{Plan, PlannedEntry};
use super::request::RestoreRequest;
use super::unfinished::Unfinished;
use crate::error::Result;
use crate::read::{Form, Part};

/// An entry of which something may lie in the target already.
pub(super) struct Item {
    /// Position in the plan.
    pub(super) entry: usize,
    /// Its contents.
    pub(super) parts: Vec<Part>,
    /// What lies under its name, if that is to be compared.
    pub(super) candidate: Option<Candidate>,
}

/// The file or link that was compared, and how it was then: something else may have its name by now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Compared {
    File(FileState),
    Symlink(Metadata),
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

/// What of an entry lies in the target.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// All of it, attributes included.
    Same,
    /// All of it but the attributes, which may be set where it is as long as it is this.
    Content(Compared),
    /// These contents, in a file that a restore that was cut off left unfinished.
    Unfinished(Vec<bool>),
    /// These contents, in the file that is to be replaced.
    Old(Vec<bool>),
    /// Nothing that helps.
    Nothing,
}

/// Reads what lies in the target for each of `items` and says how much of it is right. Nothing is changed.
///
/// # Errors
/// Cancellation. A file that cannot be read is no help, and so no error.
pub(super) fn compare(
    repo: &Repository,
    request: &RestoreRequest,
    plan: &Plan,
    there: &There<'_>,
    items: &[Item],
) -> Result<Vec<Found>> {
    let directories = Directories::of(plan, there.root)?;
    let next = AtomicUsize::new(0);
    let run = || -> Result<Vec<(usize, Found)>> {
        let mut comparison = Comparison {
            repo,
            request,
            plan,
            unfinished: there.unfinished,
            cache: DirectoryCache::new(&directories),
            buffer: Vec::new(),
        };
        let mut found = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else {
                return Ok(found);
            };
            found.push((index, comparison.item(item)?));
        }
    };
    let workers = request.workers().min(items.len());
    let all = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect::<Result<Vec<_>>>()
    })?;
    let mut all: Vec<(usize, Found)> = all.into_iter().flatten().collect();
    all.sort_unstable_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, found)| found).collect())
}

struct Comparison<'a> {
    repo: &'a Repository,
    request: &'a RestoreRequest,
    plan: &'a Plan,
    unfinished: Option<&'a Unfinished>,
    cache: DirectoryCache<'a>,
    buffer: Vec<u8>,
}

impl Comparison<'_> {
    fn item(&mut self, item: &Item) -> Result<Found> {
        self.request.cancel.check()?;
        let entry = &self.plan.entries[item.entry];
        let Ok(dir) = self.cache.get(entry.directory) else {
            return Ok(Found::Nothing);
        };
        if let Some(found) = self.unfinished(entry, &item.parts, &dir)? {
            return Ok(found);
        }
        let Some(candidate) = &item.candidate else {
            return Ok(Found::Nothing);
        };
        if entry.kind == EntryKind::Symlink {
            return Ok(self.link(entry, candidate, &item.parts, &dir));
        }
        let opened = dir
            .open_file(&entry.name)
            .and_then(|file| Ok((dir::file_state(&file)?, file)));
        // What cannot be read is replaced.
        let Ok((state, file)) = opened else {
            return Ok(Found::Nothing);
        };
        if !state.is_file {
            return Ok(Found::Nothing);
        }
        // A file of several names may be one outside of the target as well, which is none of this restore's business.
        let in_place = candidate.in_place
            && state.links == 1
            && dir.may_change_attributes(&entry.name, state.uid);
        if candidate.trusted && in_place && is_alike(&state, entry) {
            return Ok(Found::Content(Compared::File(state)));
        }
        // A file of one content is there or not; one of several may be there in part.
        let length = item.parts.last().map_or(0, Part::end);
        if item.parts.len() == 1 && state.size != length {
            return Ok(Found::Nothing);
        }
        let Some(equal) = self.equal(&file, &state, &item.parts)? else {
            return Ok(Found::Nothing);
        };
        let whole = state.size == length && equal.iter().all(|&equal| equal);
        Ok(match (whole, candidate.attributes_set) {
            (true, true) => Found::Same,
            (true, false) if in_place => Found::Content(Compared::File(state)),
            _ if equal.contains(&true) => Found::Old(equal),
            _ => Found::Nothing,
        })
    }

    /// What a restore that was cut off left of a file of several contents.
    fn unfinished(
        &mut self,
        entry: &PlannedEntry,
        parts: &[Part],
        dir: &Dir,
    ) -> Result<Option<Found>> {
        let Some(unfinished) = self.unfinished.filter(|_| parts.len() > 1) else {
            return Ok(None);
        };
        let opened = dir
            .open_file(&unfinished.long_name(entry))
            .and_then(|file| Ok((dir::file_state(&file)?, file)));
        let Ok((state, file)) = opened else {
            return Ok(None);
        };
        if !is_own(&state) {
            return Ok(None);
        }
        Ok(self.equal(&file, &state, parts)?.map(Found::Unfinished))
    }

    /// Says of each part whether a file has it. Nothing if the file cannot be read.
    fn equal(
        &mut self,
        file: &File,
        state: &FileState,
        parts: &[Part],
    ) -> Result<Option<Vec<bool>>> {
        let mut equal = Vec::with_capacity(parts.len());
        for part in parts {
            self.request.cancel.check()?;
            let length = part.info.original_length as usize;
            // Of a chunk whose compressed form was hashed, the hash of the chunk itself is not known.
            if part.form != Form::Plain || part.end() > state.size {
                equal.push(false);
                continue;
            }
            if self.buffer.len() < length {
                self.buffer.resize(length, 0);
            }
            let buffer = &mut self.buffer[..length];
            if read_exact_at(file, buffer, part.start).is_err() {
                return Ok(None);
            }
            let id = &part.info.id;
            equal.push(self.repo.hasher().content_id(id.prefix(), buffer) == *id);
        }
        Ok(Some(equal))
    }

    fn link(
        &self,
        entry: &PlannedEntry,
        candidate: &Candidate,
        parts: &[Part],
        dir: &Dir,
    ) -> Found {
        let [part] = parts else {
            return Found::Nothing;
        };
        let equal = candidate.trusted
            || dir.read_link(&entry.name).is_ok_and(|target| {
                let id = &part.info.id;
                part.form == Form::Plain
                    && self.repo.hasher().content_id(id.prefix(), &target) == *id
            });
        let there = dir.metadata(&entry.name);
        match (equal, there) {
            (true, _) if candidate.attributes_set => Found::Same,
            (true, Ok(there))
                if candidate.in_place
                    && there.kind == Kind::Symlink
                    && there.links == 1
                    && dir.may_change_attributes(&entry.name, there.uid) =>
            {
                Found::Content(Compared::Symlink(there))
            }
            _ => Found::Nothing,
        }
    }
}

/// Whether size and modification time are still those for which a content is trusted.
fn is_alike(state: &FileState, entry: &PlannedEntry) -> bool {
    let modified = state.modified.wrapped_nanoseconds();
    state.size == entry.size
        && modified.div_euclid(TIME_UNIT) == entry.attributes.modified.div_euclid(TIME_UNIT)
}
