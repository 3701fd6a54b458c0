//! Deleting packs and session markers that nothing refers to (format 1 §9.5).

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use holdfast_storage::{BlobId, BlobInfo};
use jiff::Timestamp;
use serde_json::json;

use super::SafetyParameters;
use super::due::{self, Mode, later};
use super::locks::Taken;
use super::report::{Freed, FreedReason, statistics};
use super::run::Run;
use super::schedule::TaskStatistics;
use super::usage::{Packs, Usage};
use crate::Result;
use crate::blob_names::{DATA_PACK, METADATA_PACK, SESSION, session_of};

/// The storage's clock may be read a little late.
const SLACK: Duration = Duration::from_secs(1);

/// What becomes of a blob that nothing refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes now.
    Delete,
    /// It is too young until then.
    Young(Timestamp),
    /// Its session may still be at work until then.
    InSession(Timestamp),
}

/// Decides on a blob without references; `start` is when maintenance began and `session` when the blob's session was last
/// known to be alive, if it has not ended, all by the clock of the storage.
pub(super) fn fate(
    modified: Timestamp,
    session: Option<Timestamp>,
    start: Timestamp,
    safety: &SafetyParameters,
) -> Fate {
    let cut = later(start, SLACK);
    let old_from = later(modified, safety.pack_delete_min_age);
    if modified > cut || old_from > cut {
        return Fate::Young(old_from);
    }
    match session.map(|alive| later(alive, safety.session_expiration_age)) {
        Some(expires) if expires > cut => Fate::InSession(expires),
        _ => Fate::Delete,
    }
}

/// Blobs and what becomes of them.
#[derive(Debug, Default)]
struct Orphans {
    delete: Vec<BlobInfo>,
    retained: CountBytes,
    /// When those that stay can go, and why they stay.
    later: Vec<Freed>,
}

#[derive(Debug, Clone, Copy, Default)]
struct CountBytes {
    count: u64,
    bytes: u64,
}

impl CountBytes {
    fn of(blobs: &[BlobInfo]) -> Self {
        let mut sum = Self::default();
        blobs.iter().for_each(|blob| sum.add(blob.length));
        sum
    }

    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

impl Run<'_> {
    /// Whether packs may be deleted now; else why not.
    pub(super) fn deletion_is_due(&self) -> Result<(), String> {
        if let Some(reason) = self.held() {
            return Err(reason.to_owned());
        }
        match due::deletion_allowed_from(&self.schedule, &self.safety()) {
            Some(from) if self.repository.clock().now() < from => Err(format!(
                "readers may still look for contents where they were moved from, until {from}"
            )),
            _ => Ok(()),
        }
    }

    /// Deletes what nothing refers to; in a quick run only packs of metadata.
    pub(super) fn delete_orphans(&mut self, mode: Mode) -> Result<TaskStatistics> {
        // A session that ends from here on is still in this list; one that ended before has published its packs.
        let sessions: HashMap<String, Timestamp> = self
            .repository
            .active_sessions()?
            .into_iter()
            .map(|session| (session.id, session.checkpoint_time))
            .collect();
        self.repository.refresh()?;
        let packs = self.packs()?;
        let orphans = self.orphans(mode, &packs, &sessions)?;
        let Taken { free, locked } = self.take_locked(orphans.delete, |blob| &blob.id)?;
        let ids: Vec<BlobId> = free.iter().map(|blob| blob.id.clone()).collect();
        self.delete(&ids)?;
        let deleted = CountBytes::of(&free);
        let gone = match self.dry_run() {
            true => CountBytes::default(),
            false => deleted,
        };
        self.report.freed_blobs = deleted.count;
        self.report.freed_bytes = deleted.bytes;
        self.report.later.extend(orphans.later);
        self.wait_for_locks(&locked);
        let mut retained = orphans.retained;
        locked
            .iter()
            .for_each(|(blob, _)| retained.add(blob.length));
        Ok(statistics(
            "deleteUnreferencedPacksStats",
            json!({
                "unreferencedPackCount": deleted.count,
                "unreferencedTotalSize": deleted.bytes,
                "deletedPackCount": gone.count,
                "deletedTotalSize": gone.bytes,
                "retainedPackCount": retained.count,
                "retainedTotalSize": retained.bytes,
            }),
        ))
    }

    /// Packs and markers that nothing refers to.
    fn orphans(
        &self,
        mode: Mode,
        packs: &Packs,
        sessions: &HashMap<String, Timestamp>,
    ) -> Result<Orphans> {
        let mut orphans = Orphans::default();
        let safety = self.safety();
        let (data, metadata) = (DATA_PACK.to_string(), METADATA_PACK.to_string());
        let prefixes: &[&str] = match mode {
            Mode::Full => &[&data, &metadata, SESSION],
            Mode::Quick => &[&metadata],
        };
        for prefix in prefixes {
            self.go_on()?;
            self.repository.store().list(prefix, &mut |blob| {
                if self.is_unused(packs, &blob.id) {
                    let session = session_of(blob.id.as_str()).and_then(|id| sessions.get(id));
                    let fate = fate(blob.modified, session.copied(), self.start, &safety);
                    orphans.add(blob, fate, &|time| self.full_run_from(time));
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(orphans)
    }

    /// Whether nothing refers to a pack; in a dry run also when the run would have emptied it.
    fn is_unused(&self, packs: &Packs, pack: &BlobId) -> bool {
        match packs.of(pack.as_str()) {
            None => true,
            Some(usage) => {
                self.dry_run()
                    && usage.kept == usage.contents
                    && self.emptied.contains_key(pack)
                    && self.safety().rewrite_to_delete_delay.is_zero()
            }
        }
    }

    /// What becomes free in later runs: packs whose contents are all deleted or were moved.
    pub(super) fn forecast(&mut self) -> Result<()> {
        let packs = self.packs()?;
        let mut found = Vec::new();
        for prefix in [DATA_PACK, METADATA_PACK] {
            self.repository
                .store()
                .list(&prefix.to_string(), &mut |blob| {
                    // A dry run counts it among what is free now already.
                    if self.dry_run() && self.is_unused(&packs, &blob.id) {
                        return ControlFlow::Continue(());
                    }
                    let usage = packs.of(blob.id.as_str()).copied();
                    // Once contents were moved, what takes their place is there already.
                    let moved = self.emptied.get(&blob.id);
                    let moved = moved.map(|bytes| if self.dry_run() { *bytes } else { 0 });
                    found.extend(becomes_free(&blob, usage, moved));
                    ControlFlow::Continue(())
                })?;
        }
        let mut drops: HashMap<u64, Timestamp> = HashMap::new();
        for (bytes, deleted_at) in found {
            let from = match deleted_at {
                None => {
                    self.full_run_from(later(self.start, self.safety().rewrite_to_delete_delay))
                }
                Some(time) => *drops.entry(time).or_insert_with(|| self.drop_run(time)),
            };
            let reason = match deleted_at {
                None => FreedReason::Moved,
                Some(_) => FreedReason::Deleted,
            };
            Freed::add(&mut self.report.later, from, reason, bytes);
        }
        Ok(())
    }
}

/// The bytes of a pack that become free and when the last of its contents was deleted (nothing when all were moved);
/// nothing for a pack that stays, or that is an orphan already.
fn becomes_free(
    blob: &BlobInfo,
    usage: Option<Usage>,
    moved: Option<u64>,
) -> Option<(u64, Option<u64>)> {
    let deleted_at = match (usage, moved) {
        (Some(usage), None) if usage.kept > 0 => return None,
        (None, None) => return None,
        (Some(usage), _) if usage.contents > usage.kept => Some(usage.deleted_at),
        _ => None,
    };
    Some((blob.length.saturating_sub(moved.unwrap_or(0)), deleted_at))
}

impl Orphans {
    fn add(&mut self, blob: BlobInfo, fate: Fate, run_from: &dyn Fn(Timestamp) -> Timestamp) {
        let (from, reason) = match fate {
            Fate::Delete => {
                self.delete.push(blob);
                return;
            }
            Fate::Young(from) => (from, FreedReason::Young),
            Fate::InSession(from) => (from, FreedReason::Session),
        };
        self.retained.add(blob.length);
        Freed::add(&mut self.later, run_from(from), reason, blob.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const HOUR: i64 = 3600;

    #[test]
    fn fates() {
        let full = SafetyParameters::FULL;
        let start = 1000 * HOUR;
        let fate = |modified, session: Option<i64>, safety| {
            fate(second(modified), session.map(second), second(start), safety)
        };
        // A second of slack, then a day of age.
        assert_eq!(fate(start + 1 - 24 * HOUR, None, &full), Fate::Delete);
        assert_eq!(
            fate(start + 2 - 24 * HOUR, None, &full),
            Fate::Young(second(start + 2))
        );
        let old = start - 500 * HOUR;
        assert_eq!(
            fate(old, Some(start - 95 * HOUR), &full),
            Fate::InSession(second(start + HOUR))
        );
        assert_eq!(fate(old, Some(start + 1 - 96 * HOUR), &full), Fate::Delete);
        assert_eq!(fate(old, None, &full), Fate::Delete);
        // Without margins everything from before the start goes, and nothing from after it.
        let none = SafetyParameters::NONE;
        assert_eq!(fate(start + 1, Some(start), &none), Fate::Delete);
        assert_eq!(fate(start + 2, None, &none), Fate::Young(second(start + 2)));
    }

    #[test]
    fn what_becomes_free() {
        let blob = BlobInfo {
            id: BlobId::new("pa-s1").unwrap(),
            length: 100,
            modified: second(0),
        };
        let usage = |contents, kept, deleted_at| {
            Some(Usage {
                bytes: 90,
                contents,
                kept,
                deleted_at,
            })
        };
        for (usage, moved, expected) in [
            (None, None, None),
            (usage(3, 1, 7), None, None),
            (usage(3, 0, 7), None, Some((100, Some(7)))),
            // Moved: what takes its place is not free.
            (None, Some(40), Some((60, None))),
            (usage(3, 3, 0), Some(40), Some((60, None))),
            (usage(3, 1, 7), Some(40), Some((60, Some(7)))),
        ] {
            assert_eq!(
                becomes_free(&blob, usage, moved),
                expected,
                "{usage:?} {moved:?}"
            );
        }
    }
}
