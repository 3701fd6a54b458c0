//! The tree to restore and what happens to each entry.

use std::collections::HashSet;
use std::sync::Arc;

use holdfast_planning::restore::{Action, Counts, NamingRules, check_name, folded};
use holdfast_repository::Repository;
use holdfast_repository::directory::{DirectoryEntry, EntryKind, decode};
use holdfast_repository::object::ObjectId;
use parking_lot::Mutex;

use super::request::RestoreRequest;
use crate::error::Result;
use crate::problem::{Problem, ProblemCode, Severity};
use crate::read::{Located, each_object};

/// Metadata to restore.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attributes {
    /// Permissions as on Unix, `0o7777`.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Modification time, nanoseconds since 1970.
    pub(super) modified: i64,
}

impl Attributes {
    fn of(entry: &DirectoryEntry) -> Self {
        Self {
            mode: entry.mode.to_unix(),
            uid: entry.uid,
            gid: entry.gid,
            modified: entry.mtime.0,
        }
    }
}

/// A directory of the plan. Those above come before those below.
#[derive(Debug)]
pub(super) struct PlannedDirectory {
    /// Position of the directory above; the root is its own.
    pub(super) parent: usize,
    pub(super) name: Box<[u8]>,
    pub(super) attributes: Attributes,
    pub(super) action: Action,
}

/// A file or symbolic link of the plan.
#[derive(Debug)]
pub(super) struct PlannedEntry {
    /// Position of its directory.
    pub(super) directory: usize,
    pub(super) name: Box<[u8]>,
    pub(super) kind: EntryKind,
    pub(super) size: u64,
    pub(super) object: ObjectId,
    pub(super) attributes: Attributes,
    pub(super) action: Action,
}

/// Everything that is to be restored.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) directories: Vec<PlannedDirectory>,
    pub(super) entries: Vec<PlannedEntry>,
    pub(super) counts: Counts,
    pub(super) problems: Mutex<Vec<Problem>>,
    /// Path of the root in messages, with a final `/` unless it is empty.
    prefix: String,
}

impl Plan {
    fn new(prefix: &str, root: Attributes) -> Self {
        let root = PlannedDirectory {
            parent: 0,
            name: Box::default(),
            attributes: root,
            action: Action::Create,
        };
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        };
        Self {
            directories: vec![root],
            entries: Vec::new(),
            counts: Counts::default(),
            problems: Mutex::default(),
            prefix,
        }
    }

    /// Path of a directory for messages, with a final `/` unless it is the root.
    fn directory_path(&self, mut directory: usize) -> String {
        let mut names = Vec::new();
        while directory != 0 {
            let planned = &self.directories[directory];
            names.push(String::from_utf8_lossy(&planned.name));
            directory = planned.parent;
        }
        let mut path = self.prefix.clone();
        for name in names.iter().rev() {
            path.push_str(name);
            path.push('/');
        }
        path
    }

    /// Path of an entry of a directory for messages.
    pub(super) fn path_of(&self, directory: usize, name: &[u8]) -> String {
        format!(
            "{}{}",
            self.directory_path(directory),
            String::from_utf8_lossy(name)
        )
    }

    /// Path of a directory for messages.
    pub(super) fn path_of_directory(&self, directory: usize) -> String {
        let path = self.directory_path(directory);
        if path.is_empty() {
            ".".to_owned()
        } else {
            path.trim_end_matches('/').to_owned()
        }
    }

    pub(super) fn problem(
        &self,
        code: ProblemCode,
        severity: Severity,
        path: String,
        message: String,
    ) {
        self.problems.lock().push(Problem {
            code,
            severity,
            path,
            message,
            size: None,
        });
    }

    pub(super) fn files_to_write(&self) -> u64 {
        let written =
            |entry: &&PlannedEntry| matches!(entry.action, Action::Create | Action::Replace);
        self.entries.iter().filter(written).count() as u64
    }
}

/// Reads a tree from the repository.
pub(super) struct Planner<'a> {
    repo: &'a Arc<Repository>,
    request: &'a RestoreRequest,
}

impl<'a> Planner<'a> {
    pub(super) fn new(repo: &'a Arc<Repository>, request: &'a RestoreRequest) -> Self {
        Self { repo, request }
    }

    /// The plan for one file or symbolic link under a name of its own.
    pub(super) fn single(&self, entry: &DirectoryEntry, name: Vec<u8>) -> Result<Plan> {
        let mut plan = Plan::new("", Attributes::default());
        add_entry(&mut plan, 0, entry, name);
        Ok(plan)
    }

    /// The plan for a directory and everything below it, read level by level.
    pub(super) fn tree(&self, located: &Located) -> Result<Plan> {
        let mut plan = Plan::new(&located.path, Attributes::of(&located.entry));
        let mut level: Vec<(usize, ObjectId)> = located
            .entry
            .object
            .map(|object| (0, object))
            .into_iter()
            .collect();
        while !level.is_empty() {
            self.request.cancel.check()?;
            let next = Mutex::new(Vec::new());
            let shared = Mutex::new(plan);
            each_object(
                self.repo,
                &level,
                self.request.workers(),
                &self.request.cancel,
                &|index, bytes| {
                    let decoded = bytes
                        .map_err(str::to_owned)
                        .and_then(|b| decode(b).map_err(|error| error.to_string()));
                    let plan = &mut *shared.lock();
                    match decoded {
                        Ok(directory) => {
                            add_directory(plan, index, &directory.entries, &mut next.lock())
                        }
                        Err(reason) => {
                            let message = format!(
                                "the folder cannot be read, everything in it is missing: {reason}"
                            );
                            let path = plan.path_of_directory(index);
                            plan.problem(ProblemCode::Damaged, Severity::Error, path, message);
                        }
                    }
                    Ok(())
                },
            )?;
            plan = shared.into_inner();
            level = next.into_inner();
        }
        Ok(plan)
    }
}

/// Adds the entries of a directory; its own directories go to `next` as well.
fn add_directory(
    plan: &mut Plan,
    index: usize,
    entries: &[DirectoryEntry],
    next: &mut Vec<(usize, ObjectId)>,
) {
    let mut taken = HashSet::with_capacity(entries.len());
    for entry in entries {
        let mut name = entry.file_name().to_vec();
        if !taken.insert(folded(&name, NamingRules::HERE)) {
            name = free_name(&name, &mut taken);
            let message = format!(
                "its name is taken in this folder, it is restored as {:?}",
                String::from_utf8_lossy(&name)
            );
            let path = plan.path_of(index, entry.file_name());
            plan.problem(ProblemCode::DuplicateName, Severity::Warning, path, message);
        }
        if !entry.is_directory() {
            add_entry(plan, index, entry, name);
        } else if let Some(name) = checked(plan, index, name)
            && let Some(object) = present(plan, index, entry)
        {
            next.push((plan.directories.len(), object));
            let attributes = Attributes::of(entry);
            let name = name.into();
            plan.directories.push(PlannedDirectory {
                parent: index,
                name,
                attributes,
                action: Action::Create,
            });
        }
    }
}

fn add_entry(plan: &mut Plan, directory: usize, entry: &DirectoryEntry, name: Vec<u8>) {
    let Some(name) = checked(plan, directory, name) else {
        return;
    };
    if let EntryKind::Other(kind) = &entry.kind {
        let path = plan.path_of(directory, &name);
        let message = format!("entries of the type {kind:?} cannot be restored");
        plan.problem(ProblemCode::UnsupportedType, Severity::Error, path, message);
        return;
    }
    let Some(object) = present(plan, directory, entry) else {
        return;
    };
    plan.entries.push(PlannedEntry {
        directory,
        name: name.into(),
        kind: entry.kind.clone(),
        size: u64::try_from(entry.size).unwrap_or(0),
        object,
        attributes: Attributes::of(entry),
        action: Action::Create,
    });
}

/// The name, unless it may not be used.
fn checked(plan: &mut Plan, directory: usize, name: Vec<u8>) -> Option<Vec<u8>> {
    match check_name(&name, NamingRules::HERE) {
        Ok(()) => Some(name),
        Err(problem) => {
            let path = plan.path_of(directory, &name);
            plan.problem(
                ProblemCode::NameRefused,
                Severity::Error,
                path,
                problem.to_string(),
            );
            plan.counts.add(Action::Cannot, 0);
            None
        }
    }
}

fn present(plan: &Plan, directory: usize, entry: &DirectoryEntry) -> Option<ObjectId> {
    if entry.object.is_none() {
        let path = plan.path_of(directory, entry.file_name());
        plan.problem(
            ProblemCode::Damaged,
            Severity::Error,
            path,
            "the snapshot has no data for it".to_owned(),
        );
    }
    entry.object
}

/// `name` with a number that is free.
fn free_name(name: &[u8], taken: &mut HashSet<Vec<u8>>) -> Vec<u8> {
    let mut number = 2u32;
    loop {
        let mut free = name.to_vec();
        free.extend_from_slice(format!(" ({number})").as_bytes());
        if taken.insert(folded(&free, NamingRules::HERE)) {
            return free;
        }
        number += 1;
    }
}
