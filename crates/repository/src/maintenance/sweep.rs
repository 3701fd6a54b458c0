//! Marking contents that no snapshot needs as deleted, and taking the mark from those that are needed again
//! (format 1 §9.5, format 2 §9.1).

use serde_json::json;

use super::SafetyParameters;
use super::due::earlier;
use super::mark::Needed;
use super::report::statistics;
use super::run::Run;
use super::schedule::TaskStatistics;
use crate::committed::{Row, for_each_group};
use crate::manifest::MANIFEST_PREFIX;
use crate::repository::Mark;
use crate::{ContentId, Error, Result};

/// Changes that are published at once.
const FLUSH: usize = 100_000;

/// What becomes of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It holds manifests, which look after themselves.
    System,
    /// A snapshot needs it.
    Needed,
    /// A snapshot needs it although it is marked as deleted.
    Revive,
    /// Nothing needs it, but a snapshot that is being taken may.
    Recent,
    /// Nothing needs it.
    Delete,
    /// Nothing needs it and it is marked already.
    Deleted,
}

/// The verdict on a content; `time` and `young_after` are unix seconds, contents from after the latter are spared.
pub(super) fn verdict(
    id: &ContentId,
    deleted: bool,
    time: u64,
    needed: bool,
    young_after: i64,
) -> Verdict {
    if id.prefix() == Some(MANIFEST_PREFIX) {
        return Verdict::System;
    }
    match (needed, deleted) {
        (true, true) => Verdict::Revive,
        (true, false) => Verdict::Needed,
        // A mark that is young may still be lifted, but nothing has to be done for that.
        (false, true) => Verdict::Deleted,
        (false, false) if i128::from(time) > i128::from(young_after) => Verdict::Recent,
        (false, false) => Verdict::Delete,
    }
}

/// Contents and their bytes in packs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CountSum {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

impl CountSum {
    pub(super) fn add(&mut self, bytes: u32) {
        self.count += 1;
        self.bytes += u64::from(bytes);
    }
}

/// What a collection finds.
#[derive(Debug, Default)]
struct Findings {
    system: CountSum,
    needed: CountSum,
    revive: CountSum,
    recent: CountSum,
    delete: CountSum,
    deleted: CountSum,
}

impl Findings {
    fn of(&mut self, verdict: Verdict) -> &mut CountSum {
        match verdict {
            Verdict::System => &mut self.system,
            Verdict::Needed => &mut self.needed,
            Verdict::Revive => &mut self.revive,
            Verdict::Recent => &mut self.recent,
            Verdict::Delete => &mut self.delete,
            Verdict::Deleted => &mut self.deleted,
        }
    }

    fn statistics(&self, dry_run: bool) -> TaskStatistics {
        let unneeded = CountSum {
            count: self.delete.count + self.deleted.count,
            bytes: self.delete.bytes + self.deleted.bytes,
        };
        let marked = if dry_run {
            CountSum::default()
        } else {
            self.delete
        };
        let in_use = CountSum {
            count: self.needed.count + self.revive.count,
            bytes: self.needed.bytes + self.revive.bytes,
        };
        statistics(
            "snapshotGCStats",
            json!({
                "unreferencedContentCount": unneeded.count,
                "unreferencedContentSize": unneeded.bytes,
                "deletedContentCount": marked.count,
                "deletedContentSize": marked.bytes,
                "toDeleteContentCount": self.delete.count,
                "toDeleteContentSize": self.delete.bytes,
                "unreferencedRecentContentCount": self.recent.count,
                "unreferencedRecentContentSize": self.recent.bytes,
                "inUseContentCount": in_use.count,
                "inUseContentSize": in_use.bytes,
                "inUseSystemContentCount": self.system.count,
                "inUseSystemContentSize": self.system.bytes,
                "recoveredContentCount": self.revive.count,
                "recoveredContentSize": self.revive.bytes,
            }),
        )
    }
}

impl Run<'_> {
    /// The whole collection.
    pub(super) fn snapshot_gc(&mut self) -> Result<TaskStatistics> {
        let needed = self.mark()?;
        let findings = self.findings(&needed)?;
        let statistics = findings.statistics(self.dry_run());
        if !self.dry_run() && findings.delete.count + findings.revive.count > 0 {
            self.sweep(&needed)?;
        }
        self.needed = Some(needed);
        Ok(statistics)
    }

    /// What would be done. Fails when a needed content is gone for good, before anything is changed.
    fn findings(&self, needed: &Needed) -> Result<Findings> {
        let mut findings = Findings::default();
        self.for_each_verdict(needed, &mut |row, verdict| {
            findings.of(verdict).add(row.entry.packed_length);
            Ok(())
        })?;
        Ok(findings)
    }

    /// Calls `each` for every content that exists, with the verdict on it.
    pub(super) fn for_each_verdict(
        &self,
        needed: &Needed,
        each: &mut dyn FnMut(&Row, Verdict) -> Result<()>,
    ) -> Result<()> {
        let young_after = young_after(self.start.as_second(), &self.safety());
        for_each_group(needed.index.tables(), &mut |row, group| {
            let is_needed = needed.contains(group);
            if needed.index.is_dropped_row(row) {
                return match is_needed {
                    true => Err(Error::ContentMissing { id: row.id }),
                    false => Ok(()),
                };
            }
            let entry = &row.entry;
            each(
                row,
                verdict(&row.id, entry.deleted, entry.time, is_needed, young_after),
            )
        })
    }

    fn sweep(&self, needed: &Needed) -> Result<()> {
        let session = self.repository.session()?;
        let mut writer = session.writer();
        let mut waiting = 0;
        let mut renewed = Vec::new();
        self.repository.refresh()?;
        self.for_each_verdict(needed, &mut |row, verdict| {
            if !matches!(verdict, Verdict::Delete | Verdict::Revive) {
                return Ok(());
            }
            let info = needed.index.tables()[row.table].info(row.id, &row.entry)?;
            // An upload may have stored it anew since: what it stored is not to be covered by an older place.
            if verdict == Verdict::Revive
                && self.repository.content_info(&info.id)?.as_ref() != Some(&info)
            {
                return Ok(());
            }
            // The mark of a lost content is renewed: past the watermark, nobody could tell any more what is missing.
            let deleted = verdict == Verdict::Delete || !self.repository.is_whole(&info.id)?;
            // An entry that points nowhere can be neither named nor freed.
            if info.is_unusable() {
                return Ok(());
            }
            let time = writer.set_deleted(&info, deleted)?;
            if verdict == Verdict::Revive && deleted {
                renewed.push(Mark { of: info, time });
            }
            waiting += 1;
            if waiting == FLUSH {
                waiting = 0;
                self.go_on()?;
                writer.finish_packs()?;
                session.commit_index()?;
                self.repository.uncover(&std::mem::take(&mut renewed))?;
            }
            Ok(())
        })?;
        writer.finish_packs()?;
        session.close()?;
        self.repository.uncover(&renewed)
    }
}

/// Contents with a later time, in unix seconds, are too young to be collected.
fn young_after(start: i64, safety: &SafetyParameters) -> i64 {
    let start = jiff::Timestamp::from_second(start).unwrap_or(jiff::Timestamp::MIN);
    earlier(start, safety.min_content_age).as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let data: ContentId = "00ff".parse().unwrap();
        let directory: ContentId = "k00ff".parse().unwrap();
        let manifest: ContentId = "m00ff".parse().unwrap();
        for (id, deleted, time, needed, expected) in [
            (data, false, 100, true, Verdict::Needed),
            (data, true, 100, true, Verdict::Revive),
            (data, true, 300, true, Verdict::Revive),
            (data, false, 200, false, Verdict::Delete),
            (data, false, 201, false, Verdict::Recent),
            (data, true, 100, false, Verdict::Deleted),
            (data, true, 300, false, Verdict::Deleted),
            (directory, false, 100, false, Verdict::Delete),
            (manifest, false, 100, false, Verdict::System),
            (manifest, true, 100, false, Verdict::System),
            (data, false, u64::MAX, false, Verdict::Recent),
        ] {
            let found = verdict(&id, deleted, time, needed, 200);
            assert_eq!(found, expected, "{id} {deleted} {time} {needed}");
        }
    }

    #[test]
    fn a_day_of_grace() {
        assert_eq!(young_after(100_000, &SafetyParameters::FULL), 13_600);
        assert_eq!(young_after(100_000, &SafetyParameters::NONE), 100_000);
    }
}
