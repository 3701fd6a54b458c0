//! Reading the folders of new points, level by level, each distinct folder of a path once, however many points have it.

use std::collections::BTreeMap;

use holdfast_repository::directory::DirectoryEntry;
use holdfast_repository::{ObjectId, Repository};
use parking_lot::Mutex;

use super::Failure;
use super::block::folder_digest;
use super::file::Unread;
use super::key;
use super::sorter::Sorter;
use super::spans::Spans;
use super::state::{self, Digest};
use crate::error::Error;
use crate::find::FindRequest;
use crate::read::each_directory;

/// So many folders are looked up and read together.
const BATCH: usize = 1 << 14;

/// The folders of one level, by path: their objects, and the points that have them.
type Level = BTreeMap<Vec<u8>, Vec<(ObjectId, Spans)>>;

fn add(level: &mut Level, key: Vec<u8>, object: ObjectId, spans: &Spans) {
    let folders = level.entry(key).or_default();
    match folders.iter_mut().find(|(known, _)| *known == object) {
        Some((_, points)) => points.unite(spans),
        None => folders.push((object, spans.clone())),
    }
}

struct Shared<'a, 's> {
    sorter: &'a mut Sorter<'s>,
    next: Level,
    harvested: Harvested,
}

/// What reading came to.
#[derive(Debug, Default)]
pub(super) struct Harvested {
    /// Folders that were read.
    pub(super) folders: u64,
    /// Those that cannot be read.
    pub(super) unread: Vec<Unread>,
}

/// Hands all entries of points to the sorter, but those below folders that are in `known`: the digests of the folders of
/// the latest point, sorted.
pub(super) fn harvest(
    repo: &Repository,
    request: &FindRequest,
    points: &[(u32, &DirectoryEntry)],
    known: &[Digest],
    sorter: &mut Sorter<'_>,
) -> Result<Harvested, Failure> {
    let mut first = Level::new();
    for (number, root) in points {
        let spans = Spans::of(*number, *number);
        match root.object.filter(|_| root.is_directory()) {
            Some(object) => add(&mut first, Vec::new(), object, &spans),
            // A source that is a single file.
            None if !root.is_directory() => {
                let mut own = Vec::new();
                key::push_name(&mut own, &root.name_text());
                sorter.add(own, &state::encode(repo.hasher(), root), &spans)?;
            }
            None => {}
        }
    }
    let shared = Mutex::new(Shared {
        sorter,
        next: first,
        harvested: Harvested::default(),
    });
    loop {
        let mut level = std::mem::take(&mut shared.lock().next);
        if level.is_empty() {
            return Ok(shared.into_inner().harvested);
        }
        let mut unchanged = Vec::new();
        level.retain(|key, folders| {
            let objects = folders.iter().map(|(object, _)| *object);
            let digest = match known.is_empty() {
                true => None,
                false => folder_digest(repo.hasher(), key, objects),
            };
            let is_known = digest.is_some_and(|digest| known.binary_search(&digest).is_ok());
            if is_known {
                unchanged.push(key.clone());
            }
            !is_known
        });
        for key in unchanged {
            shared.lock().sorter.unchanged_below(key)?;
        }
        let folders: Vec<(&Vec<u8>, &ObjectId, &Spans)> = level
            .iter()
            .flat_map(|(key, folders)| {
                folders
                    .iter()
                    .map(move |(object, spans)| (key, object, spans))
            })
            .collect();
        for batch in folders.chunks(BATCH) {
            read(repo, request, batch, &shared)?;
        }
    }
}

fn read(
    repo: &Repository,
    request: &FindRequest,
    folders: &[(&Vec<u8>, &ObjectId, &Spans)],
    shared: &Mutex<Shared<'_, '_>>,
) -> Result<(), Failure> {
    let numbered: Vec<(usize, ObjectId)> = folders
        .iter()
        .enumerate()
        .map(|(number, (_, object, _))| (number, **object))
        .collect();
    let read = each_directory(
        repo,
        &numbered,
        request.workers(),
        &request.cancel,
        &|number, directory| {
            let (folder, object, spans) = folders[number];
            let directory = match directory {
                Ok(directory) => directory,
                Err(reason) => {
                    shared.lock().harvested.unread.push(Unread {
                        key: folder.clone(),
                        object: object.to_string(),
                        reason,
                    });
                    return Ok(());
                }
            };
            request.progress.add_folder();
            let entries: Vec<(Vec<u8>, Vec<u8>, Option<ObjectId>)> = directory
                .entries
                .iter()
                .map(|entry| {
                    let mut key = Vec::with_capacity(folder.len() + entry.name.len() + 1);
                    key.extend_from_slice(folder);
                    key::push_name(&mut key, &entry.name_text());
                    let below = entry.object.filter(|_| entry.is_directory());
                    (key, state::encode(repo.hasher(), entry), below)
                })
                .collect();
            let mut shared = shared.lock();
            shared.harvested.folders += 1;
            for (key, state, below) in entries {
                if let Some(object) = below {
                    add(&mut shared.next, key.clone(), object, spans);
                }
                shared
                    .sorter
                    .add(key, &state, spans)
                    .map_err(Error::Output)?;
            }
            Ok(())
        },
    );
    match read {
        Ok(()) => Ok(()),
        // Nothing else here writes anything.
        Err(Error::Output(error)) => Err(error.into()),
        Err(error) => Err(Failure::Stop(error)),
    }
}
