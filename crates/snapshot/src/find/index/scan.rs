//! Looking through the blocks, several at a time; what is found comes in the order of the paths.

use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_repository::SourceIdentity;
use holdfast_repository::snapshot::SnapshotManifest;
use parking_lot::Mutex;

use super::block::{States, each_name};
use super::file::{Block, Broken, Segment};
use super::spans::Spans;
use super::{Failure, key, state};
use crate::error::Result;
use crate::find::{FindRequest, Found, FoundVersion};

/// So many blocks a worker looks through before what was found is told.
const BLOCKS_AT_A_TIME: usize = 4;

/// The snapshots of one source, by the numbers of their points.
pub(super) struct Snapshots<'a> {
    pub(super) source: &'a SourceIdentity,
    pub(super) all: &'a [SnapshotManifest],
    /// Number of the point and place in `all`, ascending.
    pub(super) by_point: Vec<(u32, u32)>,
}

impl<'a> Snapshots<'a> {
    /// The snapshots of the points in some stretches, in their order.
    fn within(&self, spans: &Spans) -> Vec<&'a SnapshotManifest> {
        let mut places: Vec<u32> = Vec::new();
        for (first, last) in spans.stretches() {
            let from = self.by_point.partition_point(|(point, _)| point < first);
            let rest = self.by_point[from..].iter();
            let within = rest.take_while(|(point, _)| point <= last);
            places.extend(within.map(|(_, place)| *place));
        }
        places.sort_unstable();
        let snapshots = places.into_iter();
        snapshots
            .filter_map(|place| self.all.get(place as usize))
            .collect()
    }
}

/// A path that was found.
struct Hit<'a> {
    path: String,
    versions: Vec<FoundVersion<'a>>,
}

/// How far a scan came.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// The last key that was looked at: all before it, and itself, are told.
    pub(super) done_to: Option<Vec<u8>>,
    /// Paths that were compared.
    pub(super) compared: u64,
}

/// Hands every path behind `scanned.done_to` that is meant to `each`. After a failure a scan of the same snapshots in
/// another file goes on from `scanned`.
pub(super) fn scan<'a>(
    segment: &Segment,
    request: &FindRequest,
    snapshots: &Snapshots<'a>,
    scanned: &mut Scanned,
    each: &mut dyn FnMut(&Found<'_>) -> Result<()>,
) -> Result<(), Failure> {
    let base = key::of_path(&request.path);
    let from = scanned
        .done_to
        .as_deref()
        .map_or(&base[..], |done| done.max(&base));
    let first = segment.first_block(from);
    let blocks = &segment.blocks[first..];
    let is_meant = |row: &[u8]| row == base || key::is_below(row, &base);
    let end = blocks.partition_point(|block| block.first <= base || is_meant(&block.first));
    let workers = request.workers();
    for round in blocks[..end].chunks(workers.saturating_mul(BLOCKS_AT_A_TIME).max(1)) {
        request.cancel.check()?;
        let search = Search {
            segment,
            request,
            snapshots,
            base: &base,
            done_to: scanned.done_to.as_deref(),
        };
        for (block, found) in round.iter().zip(search.round(round, workers)) {
            let (compared, hits) = found?;
            for Hit { path, versions } in hits {
                let found = Found {
                    source: snapshots.source,
                    path: &path,
                    versions,
                };
                each(&found).map_err(Failure::Stop)?;
            }
            scanned.compared += compared;
            scanned.done_to = Some(block.last.clone());
        }
    }
    Ok(())
}

type BlockResult<'a> = Result<(u64, Vec<Hit<'a>>), Broken>;

struct Search<'s, 'a> {
    segment: &'s Segment,
    request: &'s FindRequest,
    snapshots: &'s Snapshots<'a>,
    base: &'s [u8],
    done_to: Option<&'s [u8]>,
}

impl<'a> Search<'_, 'a> {
    /// Looks through blocks on so many threads; the results are in the order of the blocks.
    fn round(&self, blocks: &[Block], workers: usize) -> Vec<BlockResult<'a>> {
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(blocks.len()));
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(block) = blocks.get(at) else {
                    return;
                };
                let found = self.block(block);
                results.lock().push((at, found));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..workers.min(blocks.len()) {
                scope.spawn(work);
            }
            work();
        });
        let mut results = results.into_inner();
        results.sort_unstable_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, found)| found).collect()
    }

    fn block(&self, block: &Block) -> BlockResult<'a> {
        let names = self.segment.names(block)?;
        let mut matching: Vec<(usize, String, usize, bool)> = Vec::new();
        let (mut path, mut compared, mut is_text) = (Vec::new(), 0, true);
        let read = each_name(&names, |row, key, kinds| {
            // The folder that the request names is told only where it is something else.
            let is_base = key == self.base;
            if !is_base && !key::is_below(key, self.base)
                || self.done_to.is_some_and(|done| key <= done)
            {
                return;
            }
            compared += 1;
            let name = key::write_path(key, &mut path);
            let Ok(text) = std::str::from_utf8(&path) else {
                is_text = false;
                return;
            };
            let matches = |folder| {
                kinds.has(folder)
                    && !(folder && is_base)
                    && self.request.pattern.may_match(&text[name..], folder)
                    && self.request.pattern.matches(text, folder)
            };
            if matches(false) || matches(true) {
                matching.push((row, text.to_owned(), name, is_base));
            }
        });
        const DAMAGED: Broken = Broken::Damaged("a block does not hold what was written");
        read.filter(|()| is_text).ok_or(DAMAGED)?;
        let mut hits = Vec::new();
        if matching.is_empty() {
            return Ok((compared, hits));
        }
        let bytes = self.segment.states(block)?;
        let mut states = States::new(&bytes);
        for (row, path, name, is_base) in matching {
            let mut versions = Vec::new();
            for (state, spans) in states.of_row(row).ok_or(DAMAGED)? {
                let snapshots = self.snapshots.within(&spans);
                if snapshots.is_empty() || is_base && state::is_folder(state) {
                    continue;
                }
                let entry = state::decode(&path[name..], state).ok_or(DAMAGED)?;
                if self.request.is_meant(&path, &entry) {
                    versions.push(FoundVersion { entry, snapshots });
                }
            }
            if !versions.is_empty() {
                versions.sort_by(FoundVersion::by_first);
                hits.push(Hit { path, versions });
            }
        }
        Ok((compared, hits))
    }
}
