//! What the files of a plan consist of.

use std::collections::HashMap;
use std::sync::Arc;

use holdfast_host::dir::Dir;
use holdfast_planning::restore::Action;
use holdfast_repository::Repository;
use holdfast_repository::directory::EntryKind;
use holdfast_repository::object::ObjectId;
use parking_lot::Mutex;

use super::compare::{Compared, Found, Item, compare};
use super::decide::{Candidate, OpenDirectories, check_replaced};
use super::long::{LongFile, Start, stretches};
use super::plan::{Plan, PlannedEntry};
use super::request::RestoreRequest;
use super::unfinished::Unfinished;
use crate::error::Result;
use crate::problem::ProblemCode;
use crate::read::{Part, Wanted, object_parts};

/// Everything that has to be read for a plan, and what for.
#[derive(Default)]
pub(super) struct Contents {
    /// The contents to read; the tag is the position of the use.
    pub(super) wanted: Vec<Wanted>,
    /// What each is for.
    pub(super) uses: Vec<Use>,
    /// The files of several contents.
    pub(super) long: Vec<Arc<LongFile>>,
    /// Entries whose content is right already and whose attributes are not, and what was compared.
    pub(super) attributes: Vec<(usize, Compared)>,
}

/// What a content is for.
#[derive(Clone)]
pub(super) struct Use {
    /// Position of the entry in the plan.
    pub(super) entry: usize,
    /// For files of several contents: which one, and where in it.
    pub(super) long: Option<(Arc<LongFile>, u64)>,
}

/// What the target holds already.
pub(super) struct There<'a> {
    /// The directory of the target.
    pub(super) root: &'a Dir,
    /// Entries that are compared with what lies there.
    pub(super) candidates: Vec<Candidate>,
    /// Directories of which it is known whether entries may be made in them.
    pub(super) open: OpenDirectories,
    /// The names of what a restore that was cut off left unfinished, if it is continued.
    pub(super) unfinished: Option<&'a Unfinished>,
}

impl Contents {
    /// Finds the contents of all entries that are to be written, and leaves out what the target has already; the plan says
    /// afterwards what becomes of each. Entries whose contents the repository lacks cannot be restored.
    ///
    /// # Errors
    /// A failing store, or cancellation.
    pub(super) fn find(
        repo: &Repository,
        request: &RestoreRequest,
        plan: &mut Plan,
        mut there: Option<There<'_>>,
    ) -> Result<Self> {
        let candidates = there
            .as_mut()
            .map(|there| std::mem::take(&mut there.candidates));
        let candidates: HashMap<usize, Candidate> = candidates
            .into_iter()
            .flatten()
            .map(|candidate| (candidate.entry, candidate))
            .collect();
        let continued = there
            .as_ref()
            .is_some_and(|there| there.unfinished.is_some());
        let (mut contents, items) = Self::look_up(repo, request, plan, candidates, continued)?;
        if let Some(there) = there
            && !items.is_empty()
        {
            contents.leave_out(repo, request, plan, there, items)?;
        }
        Ok(contents)
    }

    /// The contents of what is written in any case, and those of what has to be compared first.
    fn look_up(
        repo: &Repository,
        request: &RestoreRequest,
        plan: &mut Plan,
        candidates: HashMap<usize, Candidate>,
        continued: bool,
    ) -> Result<(Self, Vec<Item>)> {
        let written =
            |entry: &PlannedEntry| matches!(entry.action, Action::Create | Action::Replace);
        let objects: Vec<(usize, ObjectId)> = plan
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| written(entry))
            .map(|(index, entry)| (index, entry.object))
            .collect();
        let contents = Self {
            wanted: Vec::with_capacity(objects.len()),
            uses: Vec::with_capacity(objects.len()),
            ..Self::default()
        };
        let found = Mutex::new((contents, Vec::new(), candidates));
        let missing = Mutex::new(Vec::new());
        let planned = &*plan;
        object_parts(
            repo,
            &objects,
            request.workers(),
            &request.cancel,
            &|index, parts| {
                let parts = match parts {
                    Ok(parts) => parts,
                    Err(reason) => {
                        missing.lock().push((index, reason));
                        return Ok(());
                    }
                };
                let entry = &planned.entries[index];
                let begun = continued
                    && parts.len() > 1
                    && planned.directories[entry.directory].action == Action::Same;
                let (contents, items, candidates) = &mut *found.lock();
                let candidate = candidates.remove(&index);
                if candidate.is_none() && !begun {
                    contents.add(index, entry, parts, Start::Nothing, &[]);
                } else {
                    items.push(Item {
                        entry: index,
                        parts,
                        candidate,
                    });
                }
                Ok(())
            },
        )?;
        for (entry, reason) in missing.into_inner() {
            plan.cannot(entry, ProblemCode::Damaged, reason);
        }
        let (contents, items, _) = found.into_inner();
        Ok((contents, items))
    }

    /// Adds what the target does not have of `items`.
    fn leave_out(
        &mut self,
        repo: &Repository,
        request: &RestoreRequest,
        plan: &mut Plan,
        there: There<'_>,
        items: Vec<Item>,
    ) -> Result<()> {
        let found = compare(repo, request, plan, &there, &items)?;
        let replaced: Vec<usize> = items
            .iter()
            .zip(&found)
            .filter(|(item, found)| {
                item.candidate.is_some() && !matches!(found, Found::Same | Found::Content(_))
            })
            .map(|(item, _)| item.entry)
            .collect();
        check_replaced(plan, there.root, there.open, &replaced)?;
        for (item, found) in items.into_iter().zip(found) {
            let Item { entry, parts, .. } = item;
            let planned = &mut plan.entries[entry];
            if planned.action == Action::Cannot {
                continue;
            }
            let (start, equal) = match found {
                Found::Same => {
                    planned.action = Action::Same;
                    continue;
                }
                Found::Content(compared) => {
                    let size = planned.size;
                    plan.spare(entry, size);
                    self.attributes.push((entry, compared));
                    continue;
                }
                Found::Unfinished(equal) => (Start::Unfinished, equal),
                Found::Old(equal, state) => {
                    let ranges = parts.iter().map(|part| part.start..part.end());
                    let stretches = stretches(ranges.zip(equal.iter().copied()));
                    (Start::Old(stretches, state), equal)
                }
                Found::Nothing => (Start::Nothing, Vec::new()),
            };
            let spared = parts.iter().zip(&equal).filter(|(_, equal)| **equal);
            let spared = spared.map(|(part, _)| part.end() - part.start).sum();
            plan.spare(entry, spared);
            self.add(entry, &plan.entries[entry], parts, start, &equal);
        }
        Ok(())
    }

    /// Adds the contents of a file or link. `equal` says of each whether it is there already; none when it is empty.
    fn add(
        &mut self,
        index: usize,
        entry: &PlannedEntry,
        parts: Vec<Part>,
        start: Start,
        equal: &[bool],
    ) {
        let is_there = |part: usize| equal.get(part).copied().unwrap_or_default();
        // One content that is there already is copied like those of a file of several.
        let is_copied = matches!(start, Start::Old(..));
        let single = entry.kind == EntryKind::Symlink || (parts.len() == 1 && !is_copied);
        let long = (!single).then(|| {
            let length = parts.last().map_or(0, Part::end);
            let left = (0..parts.len()).filter(|&part| !is_there(part)).count();
            let long = Arc::new(LongFile::new(index, length, start, left));
            self.long.push(Arc::clone(&long));
            long
        });
        for (number, part) in parts.into_iter().enumerate() {
            if is_there(number) {
                continue;
            }
            let start = part.start;
            self.wanted.push(Wanted::of(part, self.uses.len()));
            self.uses.push(Use {
                entry: index,
                long: long.clone().map(|long| (long, start)),
            });
        }
    }
}
