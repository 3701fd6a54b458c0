//! Files and symbolic links of a target, written in the order of the packs.

mod link;

use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_host::dir;
use holdfast_planning::restore::Action;
use holdfast_repository::Repository;
use holdfast_repository::directory::EntryKind;
use parking_lot::Mutex;

use super::attributes::{Owners, UNFINISHED_FILE};
use super::compare::{Compared, changed, unchanged};
use super::contents::{Contents, Use};
use super::directories::{Directories, DirectoryCache, is_full, target_error};
use super::holes::{
    Below, around_holes, may_have_holes, set_hollow_length, without_holes, write_stretches,
};
use super::links::HardLinks;
use super::long::{Holes, LongFile};
use super::plan::{Plan, PlannedEntry};
use super::request::RestoreRequest;
use super::unfinished::Unfinished;
use crate::error::{Error, Result};
use crate::problem::{ProblemCode, Severity};
use crate::read::{Part, Receive, Wanted, fetch};

/// Files of several contents that are kept open at most; further ones are opened again for each content.
const OPEN_FILES: usize = 256;

/// Writes the files and links of a plan.
pub(super) struct Writer<'a> {
    repo: &'a Repository,
    request: &'a RestoreRequest,
    directories: &'a Directories<'a>,
    owners: &'a Owners,
    links: &'a HardLinks,
    contents: Contents,
    unfinished: Unfinished,
    open_files: AtomicUsize,
    /// Parts of files that were to come from the target, and were not right any more when they did.
    lost: Mutex<Vec<(Arc<LongFile>, Part)>>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        repo: &'a Repository,
        request: &'a RestoreRequest,
        directories: &'a Directories<'a>,
        owners: &'a Owners,
        links: &'a HardLinks,
        contents: Contents,
        unfinished: Unfinished,
    ) -> Self {
        Self {
            repo,
            request,
            directories,
            owners,
            links,
            contents,
            unfinished,
            open_files: AtomicUsize::new(0),
            lost: Mutex::default(),
        }
    }

    fn plan(&self) -> &'a Plan {
        self.directories.plan()
    }

    /// Writes everything. After an error of the store what is not complete stays for a restore that continues this one;
    /// after any other it is removed again.
    pub(super) fn run(mut self) -> Result<()> {
        self.write()?;
        let copies = self.link_all()?;
        if copies.is_empty() {
            return Ok(());
        }
        let (contents, missing) = Contents::of(self.repo, self.request, self.plan(), &copies)?;
        for (entry, reason) in missing {
            self.damaged(entry, &reason);
        }
        self.contents = contents;
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        let wanted = self.wanted();
        let uses = std::mem::take(&mut self.contents.uses);
        let written = self
            .without_reading()
            .and_then(|()| self.fetch(wanted, &uses, true))
            .and_then(|()| self.fetch_lost());
        if written
            .as_ref()
            .is_err_and(|error| !matches!(error, Error::Repository(_)))
        {
            let mut cache = DirectoryCache::new(self.directories);
            for file in &self.contents.long {
                let state = file.state.lock();
                if (state.begun || file.is_continued()) && state.left > 0 {
                    self.remove_unfinished(file.entry, &mut cache);
                }
            }
        }
        written
    }

    /// Writes contents. `counted` says whether the plan counts their bytes.
    fn fetch(&self, wanted: Vec<Wanted>, uses: &[Use], counted: bool) -> Result<()> {
        fetch(
            self.repo,
            wanted,
            self.request.workers(),
            &self.request.cancel,
            || FileReceiver {
                writer: self,
                uses,
                counted,
                cache: DirectoryCache::new(self.directories),
            },
        )
    }

    /// Writes what was to come from the target, and was changed there meanwhile.
    fn fetch_lost(&self) -> Result<()> {
        let lost = std::mem::take(&mut *self.lost.lock());
        let (mut wanted, mut uses) = (Vec::new(), Vec::new());
        for (long, part) in lost {
            let start = part.start;
            wanted.push(Wanted::of(part, uses.len()));
            uses.push(Use {
                entry: long.entry,
                long: Some((long, start)),
            });
        }
        self.fetch(wanted, &uses, false)
    }

    /// Finishes what needs no contents but those that the target has.
    fn without_reading(&self) -> Result<()> {
        let mut cache = DirectoryCache::new(self.directories);
        for (entry, compared) in &self.contents.attributes {
            self.request.cancel.check()?;
            match self.change_attributes(*entry, compared, &mut cache) {
                Ok(()) => self.finished(0),
                Err(error) => {
                    let message = format!("permissions or times were not set: {error}");
                    self.problem(*entry, ProblemCode::AttributesNotSet, message);
                }
            }
        }
        let complete = |file: &&Arc<LongFile>| file.state.lock().left == 0;
        for file in self.contents.long.iter().filter(complete) {
            self.request.cancel.check()?;
            let directory = self.plan().entries[file.entry].directory;
            if self.directories.is_missing(directory) {
                continue;
            }
            let finished = self.long_file(file, &mut cache).and_then(|_| {
                let left = file.state.lock().left;
                match left {
                    0 => self.end_long(file, &mut cache),
                    _ => Ok(()),
                }
            });
            if let Err(error) = finished {
                self.write_failed(file.entry, &error)?;
            }
        }
        Ok(())
    }

    /// Sets the attributes of what was compared, if it still is what it was.
    fn change_attributes(
        &self,
        index: usize,
        compared: &Compared,
        cache: &mut DirectoryCache<'_>,
    ) -> io::Result<()> {
        let entry = &self.plan().entries[index];
        let path = || self.path_of(index);
        let dir = cache.get(entry.directory)?;
        match compared {
            Compared::File(state) => {
                let file = dir.open_file_for_attributes(&entry.name)?;
                unchanged(&file, state)?;
                self.owners.change_file(&file, entry.goal(), &path)?;
                self.note_first(index, &file)
            }
            Compared::Symlink(there) if dir.metadata(&entry.name)? == *there => self
                .owners
                .change_symlink(&dir, &entry.name, entry.goal(), &path),
            Compared::Symlink(_) => Err(changed()),
        }
    }

    /// The contents to read, without those of entries whose directory could not be made.
    fn wanted(&mut self) -> Vec<Wanted> {
        let mut wanted = std::mem::take(&mut self.contents.wanted);
        let (plan, uses) = (self.plan(), &self.contents.uses);
        wanted.retain(|wanted| {
            let entry = &plan.entries[uses[wanted.tag].entry];
            !self.directories.is_missing(entry.directory)
        });
        wanted
    }

    fn path_of(&self, entry: usize) -> String {
        let planned = &self.plan().entries[entry];
        self.plan().path_of(planned.directory, &planned.name)
    }

    fn problem(&self, entry: usize, code: ProblemCode, message: String) {
        let path = self.path_of(entry);
        self.request.progress.add_error();
        self.plan().failed(entry);
        self.plan().problem(code, Severity::Error, path, message);
    }

    fn damaged(&self, entry: usize, reason: &str) {
        self.problem(entry, ProblemCode::Damaged, reason.to_owned());
    }

    /// Reports a file that cannot be written; a full disk ends the restore.
    fn write_failed(&self, entry: usize, error: &io::Error) -> Result<()> {
        if is_full(error) {
            return Err(target_error(self.path_of(entry), error));
        }
        let code = if error.kind() == io::ErrorKind::AlreadyExists {
            ProblemCode::InTheWay
        } else {
            ProblemCode::WriteFailed
        };
        self.problem(entry, code, error.to_string());
        Ok(())
    }

    fn remove_unfinished(&self, entry: usize, cache: &mut DirectoryCache<'_>) {
        let planned = &self.plan().entries[entry];
        // What cannot be removed stays, under a name that tells what it is; the next restore removes it.
        if let Ok(dir) = cache.get(planned.directory) {
            let _ = dir.remove_file(&self.unfinished.long_name(planned));
        }
    }

    fn finished(&self, bytes: u64) {
        self.request.progress.add_files(1);
        self.request.progress.add_processed(bytes);
    }

    fn single_file(
        &self,
        index: usize,
        data: &[u8],
        cache: &mut DirectoryCache<'_>,
    ) -> io::Result<()> {
        let entry = &self.plan().entries[index];
        let dir = cache.get(entry.directory)?;
        let name = self.unfinished.name(index);
        let path = || self.path_of(index);
        let mode = self.owners.creation_mode(entry.goal());
        let mut file = dir.create_file(&name, mode)?;
        let written = match self.stretches(entry, data, 0) {
            Some(stretches) => set_hollow_length(&file, data.len() as u64)
                .and_then(|()| write_stretches(&file, data, 0, &stretches, Below::Hole)),
            None => file.write_all(data),
        };
        let written = written
            .and_then(|()| self.owners.finish_file(&file, entry.goal(), mode, &path))
            .and_then(|()| self.note_first(index, &file));
        drop(file);
        let written = written.and_then(|()| self.put_in_place(index, &name, &dir));
        if written.is_err() {
            let _ = dir.remove_file(&name);
        }
        written
    }

    /// Gives a complete file its name. Nothing is ever seen under that name that is not complete, also after the process
    /// was killed.
    fn put_in_place(&self, index: usize, unfinished: &[u8], dir: &dir::Dir) -> io::Result<()> {
        let entry = &self.plan().entries[index];
        if entry.action == Action::Replace {
            dir.rename(unfinished, &entry.name)?;
        } else {
            dir.rename_new(unfinished, &entry.name)?;
        }
        let path = || self.path_of(index);
        self.owners
            .finish_name(dir, &entry.name, entry.goal(), &path);
        Ok(())
    }

    /// The stretches of a piece of a file at `offset` that are written, where the rest of it may be left as holes.
    fn stretches(
        &self,
        entry: &PlannedEntry,
        data: &[u8],
        offset: u64,
    ) -> Option<Vec<Range<usize>>> {
        match entry.data_ranges() {
            Some(ranges) => Some(around_holes(data, offset, ranges)),
            None if self.request.sparse && may_have_holes(entry.size) => {
                Some(without_holes(data, offset))
            }
            None => None,
        }
    }

    fn symlink(
        &self,
        index: usize,
        target: &[u8],
        cache: &mut DirectoryCache<'_>,
    ) -> io::Result<()> {
        let entry = &self.plan().entries[index];
        let dir = cache.get(entry.directory)?;
        // A link is complete from the beginning; only one that replaces something needs another name for a moment.
        let replaces = entry.action == Action::Replace;
        let name = match replaces {
            true => self.unfinished.name(index),
            false => entry.name.to_vec(),
        };
        dir.symlink(target, &name)?;
        let path = || self.path_of(index);
        let mut finished = self.owners.finish_symlink(&dir, &name, entry.goal(), &path);
        if replaces && finished.is_ok() {
            finished = dir.rename(&name, &entry.name);
        }
        if finished.is_err() {
            let _ = dir.remove_file(&name);
        }
        finished
    }

    /// The open file for a content of it, begun by the first.
    fn long_file(
        &self,
        long: &Arc<LongFile>,
        cache: &mut DirectoryCache<'_>,
    ) -> io::Result<Arc<File>> {
        let mut state = long.state.lock();
        if let Some(file) = &state.file {
            return Ok(Arc::clone(file));
        }
        let entry = &self.plan().entries[long.entry];
        let dir = cache.get(entry.directory)?;
        let name = self.unfinished.long_name(entry);
        let file = if state.begun {
            dir.open_file_for_writing(&name)?
        } else {
            let holes = Holes {
                are_allowed: self.request.sparse || entry.data_ranges().is_some(),
                are_made: self.request.sparse,
                around: &|data, offset| self.stretches(entry, data, offset),
            };
            let begun = long.begin(self.repo, &dir, &name, &entry.name, &holes);
            if begun.is_err() && !long.is_continued() {
                let _ = dir.remove_file(&name);
            }
            state.begun = begun.is_ok();
            let (file, lost) = begun?;
            state.left += lost.len();
            let lost = lost.into_iter().map(|part| (Arc::clone(long), part));
            self.lost.lock().extend(lost);
            file
        };
        let file = Arc::new(file);
        if self.open_files.fetch_add(1, Ordering::Relaxed) < OPEN_FILES {
            state.file = Some(Arc::clone(&file));
        } else {
            self.open_files.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(file)
    }

    fn long_part(
        &self,
        long: &Arc<LongFile>,
        offset: u64,
        data: &[u8],
        cache: &mut DirectoryCache<'_>,
    ) -> io::Result<()> {
        if long.state.lock().failed {
            return Ok(());
        }
        let file = self.long_file(long, cache)?;
        let entry = &self.plan().entries[long.entry];
        match self.stretches(entry, data, offset) {
            Some(stretches) => write_stretches(&file, data, offset, &stretches, long.below()),
            None => dir::write_all_at(&file, data, offset),
        }
    }

    /// Counts a content of a file as done and finishes the file with the last one.
    fn part_done(&self, long: &LongFile, cache: &mut DirectoryCache<'_>) -> io::Result<()> {
        let mut state = long.state.lock();
        state.left -= 1;
        let left = state.left;
        drop(state);
        if left > 0 {
            return Ok(());
        }
        self.end_long(long, cache)
    }

    /// Finishes a file of which nothing is missing any more, or removes one that failed.
    fn end_long(&self, long: &LongFile, cache: &mut DirectoryCache<'_>) -> io::Result<()> {
        let mut state = long.state.lock();
        let kept = state.file.take();
        if kept.is_some() {
            self.open_files.fetch_sub(1, Ordering::Relaxed);
        }
        let (begun, failed) = (state.begun, state.failed);
        drop(state);
        if failed {
            if begun {
                drop(kept);
                self.remove_unfinished(long.entry, cache);
            }
            return Ok(());
        }
        let finished = self.finish_long(long.entry, kept, cache);
        match finished {
            Ok(()) => self.request.progress.add_files(1),
            Err(_) => self.remove_unfinished(long.entry, cache),
        }
        finished
    }

    fn finish_long(
        &self,
        index: usize,
        kept: Option<Arc<File>>,
        cache: &mut DirectoryCache<'_>,
    ) -> io::Result<()> {
        let entry = &self.plan().entries[index];
        let name = self.unfinished.long_name(entry);
        let dir = cache.get(entry.directory)?;
        let file = match kept {
            Some(file) => file,
            None => Arc::new(dir.open_file_for_writing(&name)?),
        };
        let path = || self.path_of(index);
        self.owners
            .finish_file(&file, entry.goal(), UNFINISHED_FILE, &path)?;
        self.note_first(index, &file)?;
        drop(file);
        self.put_in_place(index, &name, &dir)
    }
}

/// What one worker does with contents.
struct FileReceiver<'a> {
    writer: &'a Writer<'a>,
    uses: &'a [Use],
    /// Whether the plan counts the bytes.
    counted: bool,
    cache: DirectoryCache<'a>,
}

impl Receive for FileReceiver<'_> {
    fn content(&mut self, uses: &[Wanted], data: Result<&[u8], &str>) -> Result<()> {
        for wanted in uses {
            let purpose = &self.uses[wanted.tag];
            match (&purpose.long, &data) {
                (None, Ok(data)) => self.whole(purpose.entry, data)?,
                (None, Err(reason)) => self.writer.damaged(purpose.entry, reason),
                (Some((long, offset)), data) => self.part(long, *offset, data)?,
            }
        }
        Ok(())
    }
}

impl FileReceiver<'_> {
    fn whole(&mut self, index: usize, data: &[u8]) -> Result<()> {
        let writer = self.writer;
        let is_link = writer.plan().entries[index].kind == EntryKind::Symlink;
        let (written, bytes) = match is_link {
            true => (writer.symlink(index, data, &mut self.cache), 0),
            false => (
                writer.single_file(index, data, &mut self.cache),
                data.len() as u64,
            ),
        };
        match written {
            Ok(()) => {
                writer.finished(bytes);
                Ok(())
            }
            Err(error) => writer.write_failed(index, &error),
        }
    }

    fn part(
        &mut self,
        long: &Arc<LongFile>,
        offset: u64,
        data: &Result<&[u8], &str>,
    ) -> Result<()> {
        let writer = self.writer;
        match data {
            Ok(data) => match writer.long_part(long, offset, data, &mut self.cache) {
                Ok(()) if self.counted => {
                    writer.request.progress.add_processed(data.len() as u64);
                }
                Ok(()) => {}
                Err(error) => {
                    if long.fail() {
                        writer.write_failed(long.entry, &error)?;
                    }
                }
            },
            Err(reason) => {
                if long.fail() {
                    writer.damaged(long.entry, reason);
                }
            }
        }
        match writer.part_done(long, &mut self.cache) {
            Ok(()) => Ok(()),
            Err(error) => writer.write_failed(long.entry, &error),
        }
    }
}
