//! Files and symbolic links of a target, written in the order of the packs.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_host::dir;
use holdfast_planning::restore::Action;
use holdfast_repository::Repository;
use holdfast_repository::directory::EntryKind;
use holdfast_repository::object::ObjectId;
use parking_lot::Mutex;

use super::attributes::{Owners, UNFINISHED_FILE};
use super::directories::{Directories, DirectoryCache, is_full, target_error};
use super::plan::{Plan, PlannedEntry};
use super::request::RestoreRequest;
use super::unfinished::Unfinished;
use crate::error::Result;
use crate::problem::{ProblemCode, Severity};
use crate::read::{Part, Receive, Wanted, fetch, object_parts};

/// Files of several contents that are kept open at most; further ones are opened again for each content.
const OPEN_FILES: usize = 256;

/// Writes the files and links of a plan.
pub(super) struct Writer<'a> {
    repo: &'a Repository,
    request: &'a RestoreRequest,
    directories: &'a Directories<'a>,
    owners: &'a Owners,
    unfinished: Unfinished,
    /// Files of several contents, in the order in which they were found.
    long: Mutex<Vec<Arc<LongFile>>>,
    open_files: AtomicUsize,
}

/// What a content is for.
#[derive(Clone)]
struct Use {
    entry: usize,
    /// For files of several contents: which one, and where in it.
    long: Option<(Arc<LongFile>, u64)>,
}

/// A file of several contents while it is written.
struct LongFile {
    entry: usize,
    length: u64,
    state: Mutex<LongState>,
}

struct LongState {
    file: Option<Arc<File>>,
    created: bool,
    failed: bool,
    left: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        repo: &'a Repository,
        request: &'a RestoreRequest,
        directories: &'a Directories<'a>,
        owners: &'a Owners,
    ) -> Self {
        let (long, open_files) = (Mutex::default(), AtomicUsize::new(0));
        Self {
            repo,
            request,
            directories,
            owners,
            unfinished: Unfinished::new(),
            long,
            open_files,
        }
    }

    fn plan(&self) -> &'a Plan {
        self.directories.plan()
    }

    /// Writes everything. After an error, what is not complete is removed again.
    pub(super) fn run(&self) -> Result<()> {
        let result = self.write_all();
        if result.is_err() {
            let mut cache = DirectoryCache::new(self.directories);
            for file in self.long.lock().iter() {
                let state = file.state.lock();
                if state.created && state.left > 0 {
                    self.remove_unfinished(file.entry, &mut cache);
                }
            }
        }
        result
    }

    fn write_all(&self) -> Result<()> {
        let plan = self.plan();
        let objects: Vec<(usize, ObjectId)> = plan
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| matches!(entry.action, Action::Create | Action::Replace))
            .filter(|(_, entry)| !self.directories.is_missing(entry.directory))
            .map(|(index, entry)| (index, entry.object))
            .collect();
        let planned = Mutex::new((
            Vec::<Wanted>::with_capacity(objects.len()),
            Vec::<Use>::with_capacity(objects.len()),
        ));
        let workers = self.request.workers();
        object_parts(
            self.repo,
            &objects,
            workers,
            &self.request.cancel,
            &|entry, parts| {
                match parts {
                    Ok(parts) => self.plan_parts(entry, parts, &mut planned.lock()),
                    Err(reason) => self.damaged(entry, &reason),
                }
                Ok(())
            },
        )?;
        let (wanted, uses) = planned.into_inner();
        fetch(self.repo, wanted, workers, &self.request.cancel, || {
            FileReceiver {
                writer: self,
                uses: &uses,
                cache: DirectoryCache::new(self.directories),
            }
        })
    }

    fn plan_parts(&self, entry: usize, parts: Vec<Part>, planned: &mut (Vec<Wanted>, Vec<Use>)) {
        let (wanted, uses) = planned;
        let single = parts.len() == 1 || self.plan().entries[entry].kind == EntryKind::Symlink;
        let long = (!single).then(|| {
            let length = parts.last().map_or(0, Part::end);
            let state = LongState {
                file: None,
                created: false,
                failed: false,
                left: parts.len(),
            };
            let long = Arc::new(LongFile {
                entry,
                length,
                state: Mutex::new(state),
            });
            self.long.lock().push(Arc::clone(&long));
            long
        });
        for part in parts {
            let start = part.start;
            wanted.push(Wanted::of(part, uses.len()));
            uses.push(Use {
                entry,
                long: long.clone().map(|long| (long, start)),
            });
        }
    }

    fn problem(&self, entry: usize, code: ProblemCode, message: String) {
        let planned = &self.plan().entries[entry];
        let path = self.plan().path_of(planned.directory, &planned.name);
        self.request.progress.add_error();
        self.plan().problem(code, Severity::Error, path, message);
    }

    fn damaged(&self, entry: usize, reason: &str) {
        self.problem(entry, ProblemCode::Damaged, reason.to_owned());
    }

    /// Reports a file that cannot be written; a full disk ends the restore.
    fn write_failed(&self, entry: usize, error: &io::Error) -> Result<()> {
        if is_full(error) {
            let planned = &self.plan().entries[entry];
            return Err(target_error(
                self.plan().path_of(planned.directory, &planned.name),
                error,
            ));
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
            let _ = dir.remove_file(&self.unfinished.name(entry));
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
        let mode = self.owners.creation_mode(&entry.attributes);
        let mut file = dir.create_file(&name, mode)?;
        let written = file
            .write_all(data)
            .and_then(|()| self.owners.finish_file(&file, &entry.attributes, mode));
        drop(file);
        let written = written.and_then(|()| self.put_in_place(entry, &name, &dir));
        if written.is_err() {
            let _ = dir.remove_file(&name);
        }
        written
    }

    /// Gives a complete file its name. Nothing is ever seen under that name that is not complete, also after the process
    /// was killed.
    fn put_in_place(
        &self,
        entry: &PlannedEntry,
        unfinished: &[u8],
        dir: &dir::Dir,
    ) -> io::Result<()> {
        if entry.action == Action::Replace {
            dir.rename(unfinished, &entry.name)
        } else {
            dir.rename_new(unfinished, &entry.name)
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
        let mut finished = self.owners.finish_symlink(&dir, &name, &entry.attributes);
        if replaces && finished.is_ok() {
            finished = dir.rename(&name, &entry.name);
        }
        if finished.is_err() {
            let _ = dir.remove_file(&name);
        }
        finished
    }

    /// The open file for a content of it, created by the first.
    fn long_file(&self, long: &LongFile, cache: &mut DirectoryCache<'_>) -> io::Result<Arc<File>> {
        let mut state = long.state.lock();
        if let Some(file) = &state.file {
            return Ok(Arc::clone(file));
        }
        let entry = &self.plan().entries[long.entry];
        let dir = cache.get(entry.directory)?;
        let name = self.unfinished.name(long.entry);
        let file = if state.created {
            dir.open_file_for_writing(&name)?
        } else {
            let file = dir.create_file(&name, UNFINISHED_FILE)?;
            state.created = true;
            file.set_len(long.length)?;
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
        long: &LongFile,
        offset: u64,
        data: &[u8],
        cache: &mut DirectoryCache<'_>,
    ) -> io::Result<()> {
        if long.state.lock().failed {
            return Ok(());
        }
        let file = self.long_file(long, cache)?;
        if self.request.sparse && data.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        dir::write_all_at(&file, data, offset)
    }

    /// Marks a file as incomplete; says whether it was not before.
    fn fail(&self, long: &LongFile) -> bool {
        !std::mem::replace(&mut long.state.lock().failed, true)
    }

    /// Counts a content of a file as done and finishes the file with the last one.
    fn part_done(&self, long: &LongFile, cache: &mut DirectoryCache<'_>) -> io::Result<()> {
        let mut state = long.state.lock();
        state.left -= 1;
        if state.left > 0 {
            return Ok(());
        }
        let kept = state.file.take();
        if kept.is_some() {
            self.open_files.fetch_sub(1, Ordering::Relaxed);
        }
        let (created, failed) = (state.created, state.failed);
        drop(state);
        if failed {
            if created {
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
        let name = self.unfinished.name(index);
        let dir = cache.get(entry.directory)?;
        let file = match kept {
            Some(file) => file,
            None => Arc::new(dir.open_file_for_writing(&name)?),
        };
        self.owners
            .finish_file(&file, &entry.attributes, UNFINISHED_FILE)?;
        drop(file);
        self.put_in_place(entry, &name, &dir)
    }
}

/// What one worker does with contents.
struct FileReceiver<'a> {
    writer: &'a Writer<'a>,
    uses: &'a [Use],
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

    fn part(&mut self, long: &LongFile, offset: u64, data: &Result<&[u8], &str>) -> Result<()> {
        let writer = self.writer;
        match data {
            Ok(data) => match writer.long_part(long, offset, data, &mut self.cache) {
                Ok(()) => writer.request.progress.add_processed(data.len() as u64),
                Err(error) => {
                    if writer.fail(long) {
                        writer.write_failed(long.entry, &error)?;
                    }
                }
            },
            Err(reason) => {
                if writer.fail(long) {
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
