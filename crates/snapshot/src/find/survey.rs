//! Below which folders something can match: every distinct folder is read once.

use std::collections::{HashMap, HashSet};

use holdfast_repository::Repository;
use holdfast_repository::directory::DirectoryEntry;
use holdfast_repository::object::ObjectId;
use parking_lot::Mutex;

use super::{FindReport, FindRequest};
use crate::error::Result;
use crate::read::each_directory;

/// So many folders are looked up and read together.
const BATCH: usize = 1 << 14;

/// The folders in which, or below which, something can match.
pub(super) struct Survey {
    fertile: HashSet<ObjectId>,
}

#[derive(Default)]
struct State {
    /// The number of each folder that was met.
    numbers: HashMap<ObjectId, u32>,
    /// Child and parent.
    edges: Vec<(u32, u32)>,
    /// Folders with an entry that can match.
    matching: Vec<u32>,
    /// Folders to read next.
    next: Vec<(u32, ObjectId)>,
    report: FindReport,
}

impl State {
    fn number(&mut self, object: ObjectId) -> u32 {
        let new = self.numbers.len() as u32;
        match self.numbers.entry(object) {
            std::collections::hash_map::Entry::Occupied(known) => *known.get(),
            std::collections::hash_map::Entry::Vacant(free) => {
                self.next.push((new, object));
                *free.insert(new)
            }
        }
    }
}

impl Survey {
    /// Reads every distinct folder below the roots.
    pub(super) fn of<'e>(
        repo: &Repository,
        request: &FindRequest,
        roots: impl Iterator<Item = &'e DirectoryEntry>,
        report: &mut FindReport,
    ) -> Result<Self> {
        let state = Mutex::new(State::default());
        for root in roots.filter(|root| root.is_directory()) {
            if let Some(object) = root.object {
                state.lock().number(object);
            }
        }
        loop {
            let mut level = std::mem::take(&mut state.lock().next);
            if level.is_empty() {
                break;
            }
            let rest = level.split_off(level.len().min(BATCH));
            state.lock().next = rest;
            let numbered: Vec<(usize, ObjectId)> = level
                .iter()
                .enumerate()
                .map(|(index, (_, object))| (index, *object))
                .collect();
            each_directory(
                repo,
                &numbered,
                request.workers(),
                &request.cancel,
                &|index, directory| {
                    let (number, object) = level[index];
                    let directory = match directory {
                        Ok(directory) => directory,
                        Err(reason) => {
                            let unreadable = &mut state.lock().report.unreadable;
                            unreadable.insert(object.to_string(), reason);
                            return Ok(());
                        }
                    };
                    let matching = directory
                        .entries
                        .iter()
                        .any(|entry| request.may_match(entry));
                    let mut state = state.lock();
                    state.report.folders += 1;
                    state.report.entries += directory.entries.len() as u64;
                    if matching {
                        state.matching.push(number);
                    }
                    for entry in &directory.entries {
                        if let Some(below) = entry.object.filter(|_| entry.is_directory()) {
                            let child = state.number(below);
                            state.edges.push((child, number));
                        }
                    }
                    drop(state);
                    request.progress.add_folder();
                    Ok(())
                },
            )?;
        }
        let state = state.into_inner();
        report.folders += state.report.folders;
        report.entries += state.report.entries;
        report.unreadable.extend(state.report.unreadable);
        Ok(Self {
            fertile: fertile(state.numbers, state.edges, state.matching),
        })
    }

    /// Whether anything in or below a folder can match.
    pub(super) fn is_fertile(&self, folder: &ObjectId) -> bool {
        self.fertile.contains(folder)
    }
}

/// The folders with a match, and everything above them.
fn fertile(
    numbers: HashMap<ObjectId, u32>,
    mut edges: Vec<(u32, u32)>,
    matching: Vec<u32>,
) -> HashSet<ObjectId> {
    edges.sort_unstable();
    edges.dedup();
    let mut is_fertile = vec![false; numbers.len()];
    let mut pending = matching;
    while let Some(number) = pending.pop() {
        if std::mem::replace(&mut is_fertile[number as usize], true) {
            continue;
        }
        let first = edges.partition_point(|(child, _)| *child < number);
        let parents = edges[first..]
            .iter()
            .take_while(|(child, _)| *child == number);
        pending.extend(parents.map(|(_, parent)| *parent));
    }
    numbers
        .into_iter()
        .filter(|(_, number)| is_fertile[*number as usize])
        .map(|(object, _)| object)
        .collect()
}
