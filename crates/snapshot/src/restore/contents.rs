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
use super::decide::{Candidate, Seen, check_replaced};
use super::links::HardLinks;
use super::long::{LongFile, Start};
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

/// What was found of entries without reading their data.
struct LookedUp {
    contents: Contents,
    /// What is compared with the target first.
    items: Vec<Item>,
    /// Entries whose contents the repository lacks, and why.
    missing: Vec<(usize, String)>,
}

/// What the target holds already.
pub(super) struct There<'a> {
    /// The directory of the target.
    pub(super) root: &'a Dir,
    /// What a look at it found.
    pub(super) seen: Seen,
    /// The names of what a restore that was cut off left unfinished, if it is continued.
    pub(super) unfinished: Option<&'a Unfinished>,
}

impl Contents {
    /// Finds the contents of all entries that are to be written, and leaves out what the target has already and what is
    /// made by linking; the plan says afterwards what becomes of each. Entries whose contents the repository lacks cannot
    /// be restored.
    ///
    /// # Errors
    /// A failing store, or cancellation.
    pub(super) fn find(
        repo: &Repository,
        request: &RestoreRequest,
        plan: &mut Plan,
        links: &HardLinks,
        there: Option<&mut There<'_>>,
    ) -> Result<Self> {
        let candidates = match &there {
            Some(there) => there.seen.candidates.as_slice(),
            None => &[],
        };
        let candidates: HashMap<usize, Candidate> = candidates
            .iter()
            .filter(|candidate| !links.is_further(candidate.entry))
            .map(|candidate| (candidate.entry, *candidate))
            .collect();
        let continued = there
            .as_ref()
            .is_some_and(|there| there.unfinished.is_some());
        let written = |index: &usize| {
            let action = plan.entries[*index].action;
            matches!(action, Action::Create | Action::Replace) && !links.is_further(*index)
        };
        let entries: Vec<usize> = (0..plan.entries.len()).filter(written).collect();
        let found = Self::look_up(repo, request, plan, &entries, (candidates, continued))?;
        let LookedUp {
            mut contents,
            items,
            missing,
        } = found;
        for (entry, reason) in missing {
            for name in links.further_of(entry) {
                plan.cannot(name, ProblemCode::Damaged, reason.clone());
            }
            plan.cannot(entry, ProblemCode::Damaged, reason);
        }
        if let Some(there) = there
            && !items.is_empty()
        {
            contents.leave_out(repo, request, plan, there, items)?;
        }
        Ok(contents)
    }

    /// The contents of `entries`, which are written whatever the target has, and the entries whose contents the repository
    /// lacks, with the reasons.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(super) fn of(
        repo: &Repository,
        request: &RestoreRequest,
        plan: &Plan,
        entries: &[usize],
    ) -> Result<(Self, Vec<(usize, String)>)> {
        let found = Self::look_up(repo, request, plan, entries, (HashMap::new(), false))?;
        Ok((found.contents, found.missing))
    }

    /// The contents of what is written in any case, and those of what has to be compared first: the candidates, and long
    /// files where a restore is continued.
    fn look_up(
        repo: &Repository,
        request: &RestoreRequest,
        plan: &Plan,
        entries: &[usize],
        (candidates, continued): (HashMap<usize, Candidate>, bool),
    ) -> Result<LookedUp> {
        let objects: Vec<(usize, ObjectId)> = entries
            .iter()
            .map(|&index| (index, plan.entries[index].object))
            .collect();
        let contents = Self {
            wanted: Vec::with_capacity(objects.len()),
            uses: Vec::with_capacity(objects.len()),
            ..Self::default()
        };
        let found = LookedUp {
            contents,
            items: Vec::new(),
            missing: Vec::new(),
        };
        let found = Mutex::new((found, candidates));
        object_parts(
            repo,
            &objects,
            request.workers(),
            &request.cancel,
            &|index, parts| {
                let (found, candidates) = &mut *found.lock();
                let parts = match parts {
                    Ok(parts) => parts,
                    Err(reason) => {
                        found.missing.push((index, reason));
                        return Ok(());
                    }
                };
                let entry = &plan.entries[index];
                let begun = continued
                    && parts.len() > 1
                    && plan.directories[entry.directory].action == Action::Same;
                let candidate = candidates.remove(&index);
                if candidate.is_none() && !begun {
                    found.contents.add(index, entry, parts, Start::Nothing, &[]);
                } else {
                    found.items.push(Item {
                        entry: index,
                        parts,
                        candidate,
                    });
                }
                Ok(())
            },
        )?;
        Ok(found.into_inner().0)
    }

    /// Adds what the target does not have of `items`.
    fn leave_out(
        &mut self,
        repo: &Repository,
        request: &RestoreRequest,
        plan: &mut Plan,
        there: &mut There<'_>,
        items: Vec<Item>,
    ) -> Result<()> {
        let found = compare(repo, request, plan, there, &items)?;
        let replaced: Vec<usize> = items
            .iter()
            .zip(&found)
            .filter(|(item, found)| {
                item.candidate.is_some() && !matches!(found, Found::Same | Found::Content(_))
            })
            .map(|(item, _)| item.entry)
            .collect();
        check_replaced(plan, there.root, &mut there.seen.open, &replaced)?;
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
                Found::Old(equal) => {
                    let right = parts.iter().zip(&equal).filter(|(_, equal)| **equal);
                    let right = right.map(|(part, _)| part.clone()).collect();
                    (Start::Old(right), equal)
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
