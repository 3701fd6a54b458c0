//! The tree to restore and what happens to each entry.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use holdfast_planning::restore::{Action, Counts, NamingRules, check_length, check_name, folded};
use holdfast_repository::Repository;
use holdfast_repository::directory::{DirectoryEntry, EntryKind};
use holdfast_repository::object::ObjectId;
use parking_lot::Mutex;

use super::attributes::Goal;
use super::beyond::{Beyond, put_back_all, put_back_large};
use super::request::RestoreRequest;
use crate::error::Result;
use crate::problem::{Problem, ProblemCode, Severity};
use crate::read::{Located, each_directory};

/// Metadata to restore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
    /// What it has beyond them, if it has something.
    pub(super) beyond: Option<Box<Beyond>>,
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
    /// What it has beyond them, if it has something.
    pub(super) beyond: Option<Box<Beyond>>,
    pub(super) action: Action,
}

impl PlannedEntry {
    /// Where the file held data, if it had holes.
    pub(super) fn data_ranges(&self) -> Option<&[(u64, u64)]> {
        self.beyond.as_ref()?.extended.data.as_deref()
    }

    /// Whether the file had several names.
    pub(super) fn has_further_names(&self) -> bool {
        let mut beyond = self.beyond.iter();
        beyond.any(|beyond| !beyond.hard_link.is_empty())
    }

    /// What is to be set on it.
    pub(super) fn goal(&self) -> Goal<'_> {
        Goal {
            attributes: &self.attributes,
            beyond: self.beyond.as_deref().filter(|beyond| beyond.is_set()),
        }
    }
}

impl PlannedDirectory {
    /// What is to be set on it.
    pub(super) fn goal(&self) -> Goal<'_> {
        Goal {
            attributes: &self.attributes,
            beyond: self.beyond.as_deref().filter(|beyond| beyond.is_set()),
        }
    }
}

/// Everything that is to be restored.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) directories: Vec<PlannedDirectory>,
    pub(super) entries: Vec<PlannedEntry>,
    pub(super) problems: Mutex<Vec<Problem>>,
    /// Whether the root directory is restored itself, rather than receiving a single entry.
    with_root: bool,
    /// Entries that are not in the plan because they can never be restored.
    refused: u64,
    /// Bytes of entries that are not written although the entry is, because the target has them.
    spared: HashMap<usize, u64>,
    /// Positions of entries that failed while they were restored.
    failed: Mutex<HashSet<usize>>,
    /// Path of the root in messages, with a final `/` unless it is empty.
    prefix: String,
}

impl Plan {
    fn new(prefix: &str, root: Attributes, with_root: bool) -> Self {
        let root = PlannedDirectory {
            parent: 0,
            name: Box::default(),
            attributes: root,
            beyond: None,
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
            problems: Mutex::default(),
            with_root,
            refused: 0,
            spared: HashMap::new(),
            failed: Mutex::default(),
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

    /// Path of an entry of a directory below the root, as it is.
    pub(super) fn raw_path(&self, mut directory: usize, name: &[u8]) -> Vec<u8> {
        let mut names = vec![name];
        while directory != 0 {
            let planned = &self.directories[directory];
            names.push(&planned.name);
            directory = planned.parent;
        }
        names.reverse();
        names.join(&b'/')
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

    /// Says that an entry cannot be restored.
    pub(super) fn cannot(&mut self, entry: usize, code: ProblemCode, message: String) {
        let planned = &mut self.entries[entry];
        planned.action = Action::Cannot;
        let (directory, name) = (planned.directory, planned.name.clone());
        let path = self.path_of(directory, &name);
        self.problem(code, Severity::Error, path, message);
    }

    /// Notes that this many bytes of an entry are not written, because the target has them.
    pub(super) fn spare(&mut self, entry: usize, bytes: u64) {
        if bytes > 0 {
            self.spared.insert(entry, bytes);
        }
    }

    /// Says that something of what an entry has beyond its attributes is no longer in the repository.
    fn lost_beyond(&self, path: String, reason: &str) {
        let message = format!("extended attributes or the like are lost: {reason}");
        self.problem(
            ProblemCode::AttributesNotSet,
            Severity::Warning,
            path,
            message,
        );
    }

    /// Says that the data of an entry turned out to be missing or damaged.
    pub(super) fn lost(&self, entry: usize, message: String) {
        self.failed(entry);
        let planned = &self.entries[entry];
        let path = self.path_of(planned.directory, &planned.name);
        self.problem(ProblemCode::Damaged, Severity::Error, path, message);
    }

    /// Notes that an entry could not be restored although that was planned.
    pub(super) fn failed(&self, entry: usize) {
        self.failed.lock().insert(entry);
    }

    /// Whether a directory is part of what is restored, which the root need not be.
    pub(super) fn is_part(&self, directory: usize) -> bool {
        directory > 0 || self.with_root
    }

    /// How many directories are part of what is restored.
    pub(super) fn directories_in_it(&self) -> u64 {
        self.directories.len() as u64 - u64::from(!self.with_root)
    }

    /// What happens to the entries; after a restore, what happened to them. `missing` says of each directory whether it
    /// could not be made; none when it is empty.
    pub(super) fn counts(&self, missing: &[bool]) -> Counts {
        let is_missing = |directory: usize| missing.get(directory).copied().unwrap_or_default();
        let done = |action: Action, lost: bool| if lost { Action::Cannot } else { action };
        let mut counts = Counts {
            cannot: self.refused,
            ..Counts::default()
        };
        let first = usize::from(!self.with_root);
        for (index, directory) in self.directories.iter().enumerate().skip(first) {
            counts.add(done(directory.action, is_missing(index)), 0);
        }
        let failed = self.failed.lock();
        for (index, entry) in self.entries.iter().enumerate() {
            let lost = is_missing(entry.directory) || failed.contains(&index);
            let size = match entry.kind {
                EntryKind::File => entry.size,
                _ => 0,
            };
            let spared = self.spared.get(&index).copied().unwrap_or_default();
            counts.add(done(entry.action, lost), size.saturating_sub(spared));
        }
        counts
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
    naming: Naming,
}

/// What names of entries the target can hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Naming {
    pub(super) rules: NamingRules,
    /// Length of the longest name.
    pub(super) longest: usize,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        repo: &'a Arc<Repository>,
        request: &'a RestoreRequest,
        naming: Naming,
    ) -> Self {
        Self {
            repo,
            request,
            naming,
        }
    }

    /// The plan for one file or symbolic link under a name of its own.
    pub(super) fn single(&self, entry: &DirectoryEntry, name: Vec<u8>) -> Result<Plan> {
        let mut plan = Plan::new("", Attributes::default(), false);
        let mut entry = entry.clone();
        if let Some(reason) = put_back_large(self.repo, entry.extras.as_deref_mut())? {
            plan.lost_beyond(plan.path_of(0, &name), &reason);
        }
        self.naming.add_entry(&mut plan, 0, &entry, name);
        Ok(plan)
    }

    /// The plan for a directory and everything below it, read level by level.
    pub(super) fn tree(&self, located: &Located) -> Result<Plan> {
        let mut plan = Plan::new(&located.path, Attributes::of(&located.entry), true);
        let mut extras = located.entry.extras.clone();
        if let Some(reason) = put_back_large(self.repo, extras.as_deref_mut())? {
            plan.lost_beyond(plan.path_of_directory(0), &reason);
        }
        plan.directories[0].beyond = Beyond::of(extras.as_deref());
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
            each_directory(
                self.repo,
                &level,
                self.request.workers(),
                &self.request.cancel,
                &|index, mut directory| {
                    let lost = match &mut directory {
                        Ok(directory) => put_back_all(self.repo, directory)?,
                        Err(_) => Vec::new(),
                    };
                    let plan = &mut *shared.lock();
                    for (name, reason) in lost {
                        plan.lost_beyond(plan.path_of(index, &name), &reason);
                    }
                    match directory {
                        Ok(directory) => {
                            // The root of a snapshot has no entry above that could keep them.
                            if directory.extras.is_some() {
                                plan.directories[index].beyond =
                                    Beyond::of(directory.extras.as_deref());
                            }
                            self.naming.add_directory(
                                plan,
                                index,
                                &directory.entries,
                                &mut next.lock(),
                            );
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

impl Naming {
    /// Adds the entries of a directory; its own directories go to `next` as well.
    fn add_directory(
        &self,
        plan: &mut Plan,
        index: usize,
        entries: &[DirectoryEntry],
        next: &mut Vec<(usize, ObjectId)>,
    ) {
        let mut taken = HashSet::with_capacity(entries.len());
        for entry in entries {
            let mut name = entry.file_name().to_vec();
            if !taken.insert(folded(&name, self.rules)) {
                name = free_name(&name, &mut taken, self.rules);
                let message = format!(
                    "its name is taken in this folder, it is restored as {:?}",
                    String::from_utf8_lossy(&name)
                );
                let path = plan.path_of(index, entry.file_name());
                plan.problem(ProblemCode::DuplicateName, Severity::Warning, path, message);
            }
            if !entry.is_directory() {
                self.add_entry(plan, index, entry, name);
            } else if let Some((name, object)) = self.usable(plan, index, entry, name) {
                next.push((plan.directories.len(), object));
                plan.directories.push(PlannedDirectory {
                    parent: index,
                    name: name.into(),
                    attributes: Attributes::of(entry),
                    beyond: Beyond::of(entry.extras.as_deref()),
                    action: Action::Create,
                });
            }
        }
    }

    fn add_entry(&self, plan: &mut Plan, directory: usize, entry: &DirectoryEntry, name: Vec<u8>) {
        if let Some((name, object)) = self.usable(plan, directory, entry, name) {
            plan.entries.push(PlannedEntry {
                directory,
                name: name.into(),
                kind: entry.kind.clone(),
                size: u64::try_from(entry.size).unwrap_or(0),
                object,
                attributes: Attributes::of(entry),
                beyond: Beyond::of(entry.extras.as_deref()),
                action: Action::Create,
            });
        }
    }

    /// The name and the data of an entry, unless it can never be restored, which the plan then says.
    fn usable(
        &self,
        plan: &mut Plan,
        directory: usize,
        entry: &DirectoryEntry,
        name: Vec<u8>,
    ) -> Option<(Vec<u8>, ObjectId)> {
        let named = check_name(&name, self.rules)
            .and_then(|()| check_length(&name, self.rules, self.longest));
        let (code, message) = match (named, &entry.kind, entry.object) {
            (Err(problem), _, _) => (ProblemCode::NameRefused, problem.to_string()),
            (Ok(()), EntryKind::Other(kind), _) => (
                ProblemCode::UnsupportedType,
                format!("entries of the type {kind:?} cannot be restored"),
            ),
            (Ok(()), _, None) => (
                ProblemCode::Damaged,
                "the snapshot has no data for it".to_owned(),
            ),
            (Ok(()), _, Some(object)) => return Some((name, object)),
        };
        // Nothing of a directory is restored with it, and its summary counts itself.
        let all = entry
            .summary
            .as_ref()
            .map(|summary| [summary.files, summary.symlinks, summary.dirs]);
        let all = all.map(|counts| counts.iter().filter_map(|&n| u64::try_from(n).ok()).sum());
        plan.refused += all.unwrap_or(1u64).max(1);
        let path = plan.path_of(directory, &name);
        plan.problem(code, Severity::Error, path, message);
        None
    }
}

/// `name` with a number that is free.
fn free_name(name: &[u8], taken: &mut HashSet<Vec<u8>>, rules: NamingRules) -> Vec<u8> {
    let mut number = 2u32;
    loop {
        let mut free = name.to_vec();
        free.extend_from_slice(format!(" ({number})").as_bytes());
        if taken.insert(folded(&free, rules)) {
            return free;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(rules: NamingRules, names: &[&[u8]]) -> Plan {
        let mut plan = Plan::new("", Attributes::default(), true);
        let entries: Vec<DirectoryEntry> = names
            .iter()
            .map(|name| {
                let mut entry = DirectoryEntry::new(*name, EntryKind::File);
                entry.object = "0123456789abcdef0123456789abcdef".parse().ok();
                entry
            })
            .collect();
        let naming = Naming { rules, longest: 12 };
        naming.add_directory(&mut plan, 0, &entries, &mut Vec::new());
        plan
    }

    fn names(plan: &Plan) -> Vec<String> {
        let name = |entry: &PlannedEntry| String::from_utf8_lossy(&entry.name).into_owned();
        plan.entries.iter().map(name).collect()
    }

    #[test]
    fn names_that_the_target_takes_for_one_are_all_restored() {
        let both: [&[u8]; 2] = [b"README", b"ReadMe"];
        let plan = plan_of(NamingRules::Unix, &both);
        assert_eq!(names(&plan), ["README", "ReadMe"]);
        assert!(plan.problems.lock().is_empty());
        for rules in [
            NamingRules::UnixFoldingCase,
            NamingRules::Fat,
            NamingRules::Windows,
        ] {
            let plan = plan_of(rules, &both);
            assert_eq!(names(&plan), ["README", "ReadMe (2)"], "{rules:?}");
            let problems = plan.problems.lock();
            let codes: Vec<_> = problems.iter().map(|p| (p.code, p.severity)).collect();
            assert_eq!(codes, [(ProblemCode::DuplicateName, Severity::Warning)]);
        }
    }

    #[test]
    fn names_that_the_target_cannot_hold_are_counted() {
        let plan = plan_of(
            NamingRules::Fat,
            &[b"good", b"a:b", b"far too long a name", b".."],
        );
        assert_eq!(names(&plan), ["good"]);
        assert_eq!((plan.counts(&[]).create, plan.counts(&[]).cannot), (2, 3));
        assert_eq!(plan.problems.lock().len(), 3);
    }
}
