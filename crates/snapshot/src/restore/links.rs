//! Files with several names: one of them is written, the others are linked to it.

use std::collections::{BTreeMap, HashMap, HashSet};

use holdfast_host::dir::FileId;
use holdfast_planning::restore::Action;
use holdfast_repository::directory::EntryKind;
use holdfast_repository::object::ObjectId;
use parking_lot::Mutex;

use super::contents::There;
use super::decide::{Candidate, check_replaced};
use super::plan::{Attributes, Plan};
use crate::error::Result;

/// What entries have in common that are names of one file. That the ids are equal is not enough: the number of a file may
/// have passed on to another one while the snapshot was taken.
type Identity<'p> = (&'p str, ObjectId, Attributes);

/// The names of a plan that are made by linking.
#[derive(Default)]
pub(super) struct HardLinks {
    /// Further names by their positions in the plan, with the position of the name that is written or there.
    further: BTreeMap<usize, usize>,
    /// The names with further ones.
    firsts: HashSet<usize>,
    /// Those of `firsts` that are complete, and which file each is.
    complete: Mutex<HashMap<usize, FileId>>,
}

impl HardLinks {
    /// Finds the names of one file in a plan whose entries are decided upon. `candidates` are those that are compared.
    pub(super) fn find(plan: &Plan, candidates: &[Candidate]) -> Self {
        let mut names: HashMap<Identity<'_>, Vec<usize>> = HashMap::new();
        for (index, entry) in plan.entries.iter().enumerate() {
            let link = entry.beyond.as_ref().map(|beyond| &*beyond.hard_link);
            let Some(link) = link.filter(|link| !link.is_empty()) else {
                continue;
            };
            // What stays, and what cannot be restored, is no matter here.
            if entry.kind == EntryKind::File
                && matches!(
                    entry.action,
                    Action::Create | Action::Replace | Action::Same
                )
            {
                let identity = (link, entry.object, entry.attributes);
                names.entry(identity).or_default().push(index);
            }
        }
        names.retain(|_, names| names.len() > 1);
        let mut links = Self::default();
        if names.is_empty() {
            return links;
        }
        let compared: HashSet<usize> = candidates.iter().map(|c| c.entry).collect();
        for names in names.into_values() {
            // What is there already, or may be, is not written again under another name.
            let effort = |index: &usize| match plan.entries[*index].action {
                Action::Same => 0,
                _ if compared.contains(index) => 1,
                _ => 2,
            };
            let Some(first) = names.iter().copied().min_by_key(effort) else {
                continue;
            };
            links.firsts.insert(first);
            let further = names.into_iter().filter(|name| *name != first);
            links.further.extend(further.map(|name| (name, first)));
        }
        links
    }

    /// Whether an entry is made by linking, so that it needs no contents.
    pub(super) fn is_further(&self, entry: usize) -> bool {
        self.further.contains_key(&entry)
    }

    /// The further names of an entry.
    pub(super) fn further_of(&self, entry: usize) -> Vec<usize> {
        if !self.firsts.contains(&entry) {
            return Vec::new();
        }
        let further = self.further.iter();
        further
            .filter(|(_, first)| **first == entry)
            .map(|(name, _)| *name)
            .collect()
    }

    /// Further names that are to be made, with the names that they are linked to.
    pub(super) fn to_make<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = (usize, usize)> {
        let further = self.further.iter().map(|(name, first)| (*name, *first));
        further.filter(|(name, _)| {
            matches!(plan.entries[*name].action, Action::Create | Action::Replace)
        })
    }

    /// Decides what happens to the further names, now that it is known what becomes of the first ones.
    ///
    /// # Errors
    /// A target that cannot be opened again.
    pub(super) fn settle(&self, plan: &mut Plan, there: Option<&mut There<'_>>) -> Result<()> {
        for &name in self.further.keys() {
            let size = plan.entries[name].size;
            plan.spare(name, size);
        }
        let Some(there) = there else {
            return Ok(());
        };
        let mut replaced = Vec::new();
        for (&name, &first) in &self.further {
            let id = |entry: usize| there.seen.linked.get(&entry).copied();
            let is_kept = plan.entries[first].action == Action::Same;
            if is_kept && let Some(id) = id(first) {
                self.completed(first, id);
            }
            if id(name).is_none() || plan.entries[name].action == Action::Cannot {
                continue;
            }
            if is_kept && id(name) == id(first) {
                plan.entries[name].action = Action::Same;
            } else {
                replaced.push(name);
            }
        }
        check_replaced(plan, there.root, &mut there.seen.open, &replaced)
    }

    /// Notes which file a first name is, once it is complete. Nothing happens for other entries.
    pub(super) fn completed(&self, entry: usize, id: FileId) {
        if self.firsts.contains(&entry) {
            self.complete.lock().insert(entry, id);
        }
    }

    /// Whether an entry has further names, so that it is worth to find out which file it is.
    pub(super) fn is_first(&self, entry: usize) -> bool {
        self.firsts.contains(&entry)
    }

    /// Which file a first name is, if it is complete.
    pub(super) fn id_of(&self, first: usize) -> Option<FileId> {
        self.complete.lock().get(&first).copied()
    }
}
