//! The snapshots of one source, path by path, all of them together.

use std::collections::BTreeMap;

use holdfast_repository::directory::DirectoryEntry;
use holdfast_repository::object::ObjectId;
use holdfast_repository::snapshot::SnapshotManifest;
use holdfast_repository::{Repository, SourceIdentity};

use super::survey::Survey;
use super::{FindReport, FindRequest, Found, FoundVersion};
use crate::error::Result;
use crate::read::is_about_data;

/// Numbers of snapshots in the list of their source, ascending.
type Snapshots = Vec<u32>;

/// An entry and the snapshots that have it so.
pub(super) struct State {
    pub(super) entry: DirectoryEntry,
    snapshots: Snapshots,
}

/// What one name is in all snapshots, each state once.
type States = Vec<State>;

/// Adds snapshots that have an entry in this state.
fn add(states: &mut States, entry: DirectoryEntry, snapshots: &[u32]) {
    // Neighbours in time are equal in most cases.
    match states.iter_mut().rev().find(|state| state.entry == entry) {
        Some(state) => {
            state.snapshots.extend(snapshots);
            state.snapshots.sort_unstable();
            state.snapshots.dedup();
        }
        None => states.push(State {
            entry,
            snapshots: snapshots.to_vec(),
        }),
    }
}

/// The roots of the snapshots, or what they have at the path that the request names.
///
/// # Errors
/// A store that cannot be used. A folder on the way that cannot be read is noted in the report.
pub(super) fn start(
    repo: &Repository,
    request: &FindRequest,
    snapshots: &[SnapshotManifest],
    report: &mut FindReport,
) -> Result<States> {
    let mut states = States::new();
    for (number, snapshot) in (0u32..).zip(snapshots) {
        if let Some(root) = &snapshot.root_entry {
            add(&mut states, root.clone(), &[number]);
        }
    }
    for name in request.path.split('/').filter(|name| !name.is_empty()) {
        let mut below = States::new();
        for (folder, snapshots) in folders(&states) {
            match repo.read_directory(&folder) {
                Ok(directory) => {
                    let entries = directory.entries.into_iter();
                    for entry in entries.filter(|entry| {
                        entry.file_name() == name.as_bytes() || entry.name == name.as_bytes()
                    }) {
                        add(&mut below, entry, &snapshots);
                    }
                }
                Err(error) if is_about_data(&error) => {
                    report
                        .unreadable
                        .insert(folder.to_string(), error.to_string());
                }
                Err(error) => return Err(error.into()),
            }
        }
        states = below;
    }
    Ok(states)
}

/// The distinct folders among states, with the snapshots that have each, in the order of these.
fn folders(states: &States) -> Vec<(ObjectId, Snapshots)> {
    let mut folders: Vec<(ObjectId, Snapshots)> = Vec::new();
    for state in states {
        let Some(object) = state.entry.object.filter(|_| state.entry.is_directory()) else {
            continue;
        };
        match folders.iter_mut().rev().find(|(known, _)| *known == object) {
            Some((_, snapshots)) => {
                snapshots.extend(&state.snapshots);
                snapshots.sort_unstable();
            }
            None => folders.push((object, state.snapshots.clone())),
        }
    }
    folders
}

/// Hands every path below the start that matches to `each`, in the order of names.
///
/// # Errors
/// A store that cannot be used, cancellation, or what `each` returns.
pub(super) fn walk(
    repo: &Repository,
    request: &FindRequest,
    survey: &Survey,
    (source, snapshots): (&SourceIdentity, &[SnapshotManifest]),
    start: States,
    each: &mut dyn FnMut(&Found<'_>) -> Result<()>,
) -> Result<()> {
    let mut walk = Walk {
        repo,
        request,
        survey,
        source,
        snapshots,
        each,
    };
    let base = request
        .path
        .split('/')
        .filter(|name| !name.is_empty())
        .collect::<Vec<_>>()
        .join("/");
    // A root that is no folder, or what the request names itself, has a name of its own.
    let (own, below): (Vec<State>, Vec<State>) = start
        .into_iter()
        .partition(|state| !state.entry.is_directory());
    let mut own_names: BTreeMap<String, States> = BTreeMap::new();
    for state in own {
        let path = match base.as_str() {
            "" => state.entry.name_text().into_owned(),
            base => base.to_owned(),
        };
        own_names.entry(path).or_default().push(state);
    }
    for (path, states) in own_names {
        walk.tell(&path, states)?;
    }
    let mut open = vec![(base, walk.entries(&below)?.into_iter())];
    while let Some((parent, rest)) = open.last_mut() {
        request.cancel.check()?;
        let Some((_, states)) = rest.next() else {
            open.pop();
            continue;
        };
        let name = states[0].entry.name_text();
        let path = match parent.as_str() {
            "" => name.into_owned(),
            parent => format!("{parent}/{name}"),
        };
        let below = walk.entries(&states)?;
        walk.tell(&path, states)?;
        if !below.is_empty() {
            open.push((path, below.into_iter()));
        }
    }
    Ok(())
}

struct Walk<'a> {
    repo: &'a Repository,
    request: &'a FindRequest,
    survey: &'a Survey,
    source: &'a SourceIdentity,
    snapshots: &'a [SnapshotManifest],
    each: &'a mut dyn FnMut(&Found<'_>) -> Result<()>,
}

impl Walk<'_> {
    /// What the folders among `states` hold that can match, or below which something can, by name.
    fn entries(&self, states: &States) -> Result<BTreeMap<Vec<u8>, States>> {
        let mut entries: BTreeMap<Vec<u8>, States> = BTreeMap::new();
        let folders = folders(states);
        let fertile = folders
            .iter()
            .filter(|(folder, _)| self.survey.is_fertile(folder));
        for (folder, snapshots) in fertile {
            let directory = match self.repo.read_directory(folder) {
                Ok(directory) => directory,
                // It could be read a moment ago; what changed since is seen by the next search.
                Err(error) if is_about_data(&error) => continue,
                Err(error) => return Err(error.into()),
            };
            for entry in directory.entries {
                let leads_on = entry.is_directory()
                    && entry
                        .object
                        .is_some_and(|object| self.survey.is_fertile(&object));
                if leads_on || self.request.may_match(&entry) {
                    let name = entry.file_name().to_vec();
                    add(entries.entry(name).or_default(), entry, snapshots);
                }
            }
        }
        Ok(entries)
    }

    /// Tells a path if it is meant, with those of its states that are.
    fn tell(&mut self, path: &str, states: States) -> Result<()> {
        let meant = states
            .into_iter()
            .filter(|state| self.request.is_meant(path, &state.entry));
        let snapshots = self.snapshots;
        let mut versions: Vec<FoundVersion<'_>> = meant
            .map(|state| FoundVersion {
                entry: state.entry,
                snapshots: state
                    .snapshots
                    .iter()
                    .filter_map(|number| snapshots.get(*number as usize))
                    .collect(),
            })
            .collect();
        if versions.is_empty() {
            return Ok(());
        }
        versions.sort_by(FoundVersion::by_first);
        (self.each)(&Found {
            source: self.source,
            path,
            versions,
        })
    }
}
