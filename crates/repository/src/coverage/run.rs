//! Carrying a run out, and asking how things stand.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use holdfast_host::Cancel;
use holdfast_storage::{BlobId, BlobInfo};
use jiff::Timestamp;
use parking_lot::Mutex;

use super::plan::{Budget, Item, items, plan, summary};
use super::read::{Outcome, lost_contents, read};
use super::record::Record;
use super::report::{Coverage, CoverageRun, DamagedBlob};
use crate::blob_names::BlobFamily;
use crate::maintenance::{MAX_CLOCK_SKEW, later};
use crate::parallel;
use crate::repository::{Repository, list_packs};
use crate::{ContentFilter, ContentId, ContentInfo, Error, Result};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long the record may still be stored after the work was cancelled.
const LAST_MOMENT: Duration = Duration::from_millis(1500);

/// How to read blobs again.
#[derive(Debug, Clone)]
pub struct CoverageOptions {
    /// Every blob is to be read within so many days, from now on; nothing for what was set last.
    pub window_days: Option<u32>,
    /// The most that is read apart from what was damaged; nothing for as much as the window takes. A run that is not allowed
    /// that much leaves blobs overdue.
    pub budget: Option<Budget>,
    /// Blobs that are read at once.
    pub parallelism: NonZeroUsize,
    /// What was read is stored after so many bytes, so that a run that is killed is not for nothing.
    pub checkpoint_bytes: u64,
    /// Bytes that are read, to watch.
    pub progress: Arc<CoverageProgress>,
    /// Stops the run; what was read by then counts.
    pub cancel: Cancel,
}

impl Default for CoverageOptions {
    /// As much as the window takes, four at once.
    fn default() -> Self {
        Self {
            window_days: None,
            budget: None,
            parallelism: NonZeroUsize::MIN.saturating_add(3),
            checkpoint_bytes: 1 << 30,
            progress: Arc::default(),
            cancel: Cancel::new(),
        }
    }
}

/// Counters of a run under way.
#[derive(Debug, Default)]
pub struct CoverageProgress {
    total: AtomicU64,
    done: AtomicU64,
}

impl CoverageProgress {
    /// Bytes that are to be read.
    pub fn bytes_total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Bytes that are read.
    pub fn bytes_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

/// How much of the repository was read back, and when.
///
/// # Errors
/// Those of the store.
pub fn coverage(repository: &Repository) -> Result<Coverage> {
    let record = readable_record(repository)?;
    let items = items(list(repository)?, &record, latest(repository));
    Ok(summary(&items, &record, repository.clock().now()))
}

/// The record as far as its times can be true; an empty one in place of one that is damaged, which only costs a reading.
fn readable_record(repository: &Repository) -> Result<Record> {
    let record = repository.coverage_record().or_else(|error| match error {
        Error::Damaged { .. } => {
            tracing::warn!(%error, "when blobs were read is unknown, so none counts as read");
            Ok(Record::default())
        }
        error => Err(error),
    });
    let mut record = record?;
    record.forget_after(latest(repository));
    Ok(record)
}

/// The latest time that something can have happened at, as clocks differ.
fn latest(repository: &Repository) -> Timestamp {
    later(repository.clock().now(), MAX_CLOCK_SKEW)
}

fn list(repository: &Repository) -> Result<Vec<BlobInfo>> {
    Ok(repository.store().list_all("")?)
}

/// Reads the blobs whose turn it is, looks whether every pack that the index names is there, and stores what was found.
///
/// # Errors
/// Those of the store and of the index; cancellation. What was read by then counts. Damage is in the result.
pub fn verify_blobs(
    repository: &Arc<Repository>,
    options: &CoverageOptions,
) -> Result<CoverageRun> {
    repository.refresh()?;
    let now = repository.clock().now();
    let mut record = readable_record(repository)?;
    let last_run = record.last_run;
    if let Some(days) = options.window_days {
        record.window_days = days.max(1);
    }
    let listing = list(repository)?;
    let window = DAY.saturating_mul(record.window_days);
    let planned = plan(
        items(listing.clone(), &record, latest(repository)),
        window,
        last_run,
        now,
        options.budget,
    );
    let total = planned.iter().map(|item| item.length).sum();
    options.progress.total.store(total, Ordering::Relaxed);
    let mut run = Run {
        repository,
        options,
        listed: listing.iter().map(|blob| blob.id.clone()).collect(),
        record,
        judged: HashSet::new(),
        gone: Vec::new(),
        unlisted: HashMap::new(),
        report: Found::default(),
    };
    let read = run.all(&planned);
    if read.is_ok() {
        // One that was cut off did not read its share.
        run.record.last_run = Some(now);
    }
    let stored = run.store(read.is_err());
    read?;
    stored?;
    let coverage = summary(
        &items(listing, &run.record, latest(repository)),
        &run.record,
        repository.clock().now(),
    );
    let Found {
        blobs,
        bytes,
        damaged,
        contents,
    } = run.report;
    Ok(CoverageRun {
        read_blobs: blobs,
        read_bytes: bytes,
        damaged,
        lost_contents: contents,
        coverage,
    })
}

#[derive(Default)]
struct Found {
    blobs: u64,
    bytes: u64,
    damaged: Vec<DamagedBlob>,
    contents: HashMap<ContentId, String>,
}

struct Run<'a> {
    repository: &'a Arc<Repository>,
    options: &'a CoverageOptions,
    /// Blobs that there are.
    listed: HashSet<BlobId>,
    record: Record,
    /// Blobs on which this run has the last word.
    judged: HashSet<BlobId>,
    /// Blobs that were listed and not found.
    gone: Vec<BlobId>,
    /// Packs that do not tell what they hold, with their lengths.
    unlisted: HashMap<BlobId, u64>,
    report: Found,
}

impl Run<'_> {
    fn all(&mut self, planned: &[Item]) -> Result<()> {
        let mut waiting = 0;
        // Small enough that nobody waits long for the last one of a part.
        let part = self.options.parallelism.get() * 4;
        for part in planned.chunks(part) {
            self.read(part)?;
            waiting += part.iter().map(|item| item.length).sum::<u64>();
            if waiting >= self.options.checkpoint_bytes {
                waiting = 0;
                self.store(false)?;
            }
        }
        self.gone()?;
        self.missing()?;
        self.unlisted()
    }

    fn stop(&self) -> Result<()> {
        let cancelled = || holdfast_storage::Error::cancelled("verify", self.repository.location());
        self.options.cancel.check().map_err(|_| cancelled().into())
    }

    /// Reads some blobs at once and notes what was found. When one of them stops the run, the others count.
    fn read(&mut self, part: &[Item]) -> Result<()> {
        let threads = self.options.parallelism.get();
        // Index blobs can be large, and without a cache directory there is only memory to unpack them in.
        let one_index = Mutex::new(());
        let read = parallel::map(part, threads, |item| -> Result<_> {
            let is_index = BlobFamily::of(item.id.as_str()).is_some_and(BlobFamily::is_index);
            let _alone = is_index.then(|| one_index.lock());
            let at = self.repository.clock().now();
            let outcome = read(self.repository, &item.id, item.length, &|| self.stop());
            self.options
                .progress
                .done
                .fetch_add(item.length, Ordering::Relaxed);
            Ok((at, outcome))
        })?;
        let mut failed = None;
        for (item, (at, outcome)) in part.iter().zip(read) {
            let damage = match outcome {
                Err(error) => {
                    failed = failed.or(Some(error));
                    continue;
                }
                Ok(Outcome::Gone) => {
                    self.gone.push(item.id.clone());
                    continue;
                }
                Ok(Outcome::Whole) => None,
                Ok(Outcome::Damaged {
                    reason,
                    contents,
                    unlisted,
                }) => {
                    if let Err(error) = self.lose(&item.id, contents) {
                        failed = failed.or(Some(error));
                        continue;
                    }
                    if unlisted {
                        self.unlisted.insert(item.id.clone(), item.length);
                    }
                    Some(DamagedBlob {
                        blob: item.id.to_string(),
                        reason,
                        found: at,
                    })
                }
            };
            self.report.blobs += 1;
            self.report.bytes += item.length;
            self.judge(&item.id, at, damage);
        }
        failed.map_or(Ok(()), Err)
    }

    /// Notes contents that a pack has lost, without those that the index has elsewhere, or not at all any more.
    fn lose(&mut self, pack: &BlobId, contents: Vec<(ContentId, String)>) -> Result<()> {
        for (id, reason) in contents {
            let known = self.repository.content_info(&id)?;
            if known.is_some_and(|info| !info.deleted && info.pack == *pack) {
                self.report.contents.insert(id, reason);
            }
        }
        Ok(())
    }

    fn judge(&mut self, id: &BlobId, at: Timestamp, damage: Option<DamagedBlob>) {
        self.judged.insert(id.clone());
        self.record.note(id, at, damage);
        self.report
            .damaged
            .extend(self.record.damaged.get(id.as_str()).cloned());
    }

    /// What was not found although it was listed. Deleted meanwhile, it is not listed any more, and not there from now on;
    /// what the store lists all the same is as good as missing.
    fn gone(&mut self) -> Result<()> {
        if self.gone.is_empty() {
            return Ok(());
        }
        let listed: HashSet<BlobId> = list(self.repository)?
            .into_iter()
            .map(|blob| blob.id)
            .collect();
        let (unreadable, away): (HashSet<BlobId>, HashSet<BlobId>) =
            self.gone.drain(..).partition(|id| listed.contains(id));
        self.listed.retain(|id| !away.contains(id));
        if unreadable.is_empty() {
            return Ok(());
        }
        let mut lost = Vec::new();
        self.for_each_content(&mut |info| {
            if unreadable.contains(&info.pack) {
                let reason = format!("the store lists pack {} and does not find it", info.pack);
                lost.push((info.id, reason));
            }
        })?;
        self.report.contents.extend(lost);
        for id in unreadable {
            let found = self.repository.clock().now();
            let damage = DamagedBlob {
                blob: id.to_string(),
                reason: "it is missing: the store lists it and does not find it".to_owned(),
                found,
            };
            self.judge(&id, found, Some(damage));
        }
        Ok(())
    }

    /// Packs that the index names and that are not there. Every run looks for them, because there is nothing to read.
    fn missing(&mut self) -> Result<()> {
        self.stop()?;
        let mut missing: HashMap<BlobId, Vec<ContentInfo>> = HashMap::new();
        self.for_each_content(&mut |info| {
            if !self.listed.contains(&info.pack) {
                missing.entry(info.pack.clone()).or_default().push(info);
            }
        })?;
        if missing.is_empty() {
            self.forget_missing(&missing);
            return Ok(());
        }
        // What was stored since the listing is there.
        for pack in list_packs(self.repository.store().as_ref())? {
            missing.remove(&pack.id);
        }
        self.forget_missing(&missing);
        for (pack, contents) in missing {
            let reason = "it is missing in the store, and the index names it".to_owned();
            for info in contents {
                self.report
                    .contents
                    .insert(info.id, format!("pack {pack} is missing in the store"));
            }
            let found = self.repository.clock().now();
            self.judge(
                &pack,
                found,
                Some(DamagedBlob {
                    blob: pack.to_string(),
                    reason,
                    found,
                }),
            );
        }
        Ok(())
    }

    /// What was damaged and is neither there nor missed any more is no damage.
    fn forget_missing<T>(&mut self, missing: &HashMap<BlobId, T>) {
        let gone: Vec<BlobId> = self
            .record
            .damaged
            .keys()
            .filter_map(|name| BlobId::new(name.as_str()).ok())
            .filter(|id| !self.listed.contains(id) && !missing.contains_key(id))
            .collect();
        for id in gone {
            self.record.damaged.remove(id.as_str());
            self.judged.insert(id);
        }
    }

    /// Contents of packs that do not tell what they hold: the index knows.
    fn unlisted(&mut self) -> Result<()> {
        if self.unlisted.is_empty() {
            return Ok(());
        }
        let mut contents: HashMap<BlobId, Vec<ContentInfo>> = HashMap::new();
        self.for_each_content(&mut |info| {
            if self.unlisted.contains_key(&info.pack) {
                contents.entry(info.pack.clone()).or_default().push(info);
            }
        })?;
        for (pack, mut contents) in contents {
            contents.sort_by_key(|info| info.offset);
            let length = self.unlisted.get(&pack).copied().unwrap_or_default();
            let lost = lost_contents(self.repository, &pack, length, &contents, &|| self.stop())?;
            self.report.contents.extend(lost.unwrap_or_default());
        }
        Ok(())
    }

    fn for_each_content(&self, each: &mut dyn FnMut(ContentInfo)) -> Result<()> {
        let filter = ContentFilter {
            include_deleted: false,
            prefix: None,
        };
        self.repository.for_each_content(filter, &mut |info| {
            each(info);
            Ok(())
        })
    }

    /// Stores the record, with what another run stored meanwhile.
    fn store(&mut self, ending: bool) -> Result<()> {
        let store = self.repository.store();
        if ending && self.options.cancel.is_cancelled() {
            store.finish_within(LAST_MOMENT);
        }
        let other = readable_record(self.repository)?;
        self.record.merge(other, &self.judged);
        let listed = &self.listed;
        self.record.keep(|id| listed.contains(id));
        self.repository.put_coverage_record(&self.record)
    }
}
