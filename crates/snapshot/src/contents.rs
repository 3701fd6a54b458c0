//! Verification of contents themselves, whatever snapshots they belong to.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use holdfast_host::Cancel;
use holdfast_repository::{ContentFilter, ContentInfo, Repository};
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::read::{Form, Wanted, fetch};
use crate::workers::workers;

/// So many contents are sorted by their place and read together; about 10 MiB of memory.
const BATCH: usize = 1 << 16;

/// Which contents to verify, and how.
#[derive(Clone, Debug)]
pub struct ContentVerifyRequest {
    /// Also contents that are deleted but may still be readable.
    pub include_deleted: bool,
    /// How many in a hundred contents are read and authenticated, chosen by chance; of all others only the pack is
    /// looked up. 0 for none, 100 for all.
    pub read_percent: f64,
    /// Number of workers; without it one for each processor.
    pub parallelism: Option<NonZeroUsize>,
    /// Counters to watch.
    pub progress: Arc<Progress>,
    /// Stops the verification.
    pub cancel: Cancel,
}

/// A content that cannot be read.
#[derive(Clone, Debug)]
pub struct BadContent {
    /// Its entry in the index.
    pub info: ContentInfo,
    /// What is wrong, in words.
    pub reason: String,
}

/// What a verification looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ContentCounts {
    /// Contents whose pack was looked up.
    pub contents: u64,
    /// Contents among them that were read.
    pub read: u64,
    /// Bytes of those, as stored.
    pub bytes_read: u64,
    /// Contents that cannot be read.
    pub bad: u64,
    /// Duration.
    pub seconds: f64,
}

/// Verifies the contents that `wanted` chooses and hands those that cannot be read to `each`. Memory grows with the number
/// of packs, not of contents.
///
/// # Errors
/// What stops everything: a failing store, cancellation, or an error of `each` as [`Error::Output`].
pub fn verify_contents(
    repo: &Repository,
    request: &ContentVerifyRequest,
    wanted: &dyn Fn(&ContentInfo) -> bool,
    each: &mut dyn FnMut(&BadContent) -> io::Result<()>,
) -> Result<ContentCounts> {
    let began = Instant::now();
    let mut run = Run {
        repo,
        request,
        packs: packs(repo)?,
        chance: RandomState::new(),
        each,
        counts: ContentCounts::default(),
    };
    let filter = ContentFilter {
        include_deleted: request.include_deleted,
        prefix: None,
    };
    let mut batch = Vec::new();
    repo.try_for_each_content::<Error>(filter, &mut |info| {
        if !wanted(&info) {
            return Ok(());
        }
        batch.push(info);
        if batch.len() == BATCH {
            run.batch(std::mem::take(&mut batch))?;
        }
        Ok(())
    })?;
    run.batch(batch)?;
    run.counts.seconds = began.elapsed().as_secs_f64();
    Ok(run.counts)
}

/// Every pack of the store with its length in bytes.
fn packs(repo: &Repository) -> Result<HashMap<Box<str>, u64>> {
    let mut packs = HashMap::new();
    for family in ["p", "q"] {
        let listed = repo.store().list(family, &mut |blob| {
            packs.insert(blob.id.as_str().into(), blob.length);
            std::ops::ControlFlow::Continue(())
        });
        listed.map_err(holdfast_repository::Error::from)?;
    }
    Ok(packs)
}

struct Run<'a> {
    repo: &'a Repository,
    request: &'a ContentVerifyRequest,
    packs: HashMap<Box<str>, u64>,
    chance: RandomState,
    each: &'a mut dyn FnMut(&BadContent) -> io::Result<()>,
    counts: ContentCounts,
}

impl Run<'_> {
    fn batch(&mut self, batch: Vec<ContentInfo>) -> Result<()> {
        self.request.cancel.check()?;
        self.counts.contents += batch.len() as u64;
        let mut to_read = Vec::new();
        for info in batch {
            if let Some(reason) = self.missing(&info) {
                self.tell(BadContent { info, reason })?;
            } else if self.is_chosen(&info) {
                to_read.push(info);
            }
        }
        self.read(to_read)
    }

    /// What is wrong with the place of a content.
    fn missing(&self, info: &ContentInfo) -> Option<String> {
        let end = u64::from(info.offset) + u64::from(info.packed_length);
        match self.packs.get(info.pack.as_str()) {
            None => Some(format!("pack {} is missing in the store", info.pack)),
            Some(length) if *length < end => Some(format!(
                "pack {} has {length} bytes, its content ends at {end}",
                info.pack
            )),
            Some(_) => None,
        }
    }

    fn is_chosen(&self, info: &ContentInfo) -> bool {
        const STEPS: u64 = 1_000_000;
        let draw = self.chance.hash_one(info.id) % STEPS;
        (draw as f64) < self.request.read_percent / 100.0 * STEPS as f64
    }

    fn read(&mut self, contents: Vec<ContentInfo>) -> Result<()> {
        self.counts.read += contents.len() as u64;
        self.counts.bytes_read += contents
            .iter()
            .map(|info| u64::from(info.packed_length))
            .sum::<u64>();
        let bad = Mutex::new(Vec::new());
        let wanted = contents.into_iter().enumerate().map(|(tag, info)| Wanted {
            info,
            form: Form::Plain,
            tag,
        });
        let progress = &self.request.progress;
        fetch(
            self.repo,
            wanted.collect(),
            workers(self.request.parallelism),
            &self.request.cancel,
            || {
                |uses: &[Wanted], data: Result<&[u8], &str>| {
                    for wanted in uses {
                        if let Err(reason) = data {
                            progress.add_error();
                            bad.lock().push(BadContent {
                                info: wanted.info.clone(),
                                reason: reason.to_owned(),
                            });
                        }
                        progress.add_processed(u64::from(wanted.info.packed_length));
                    }
                    Ok(())
                }
            },
        )?;
        let mut bad = bad.into_inner();
        bad.sort_by_key(|bad| bad.info.id);
        bad.into_iter().try_for_each(|bad| self.tell(bad))
    }

    fn tell(&mut self, bad: BadContent) -> Result<()> {
        self.counts.bad += 1;
        (self.each)(&bad).map_err(Error::Output)
    }
}
