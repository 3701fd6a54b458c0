//! What the packs of the store say: which there are, which are damaged, and which of their entries the index lacks.

use std::collections::{HashMap, HashSet};

use holdfast_storage::{BlobId, BlobInfo};

use super::plan::{FoundPack, Gaps, Said, Verdict, is_under_way, said, verdict};
use super::{Repair, go_on};
use crate::blob_names::session_of;
use crate::index::{ContentInfo, supersedes};
use crate::parallel;
use crate::repository::{NO_FORMAT_COPY, UnreadableIndex, list_packs};
use crate::{ContentId, Error, Result};

/// Packs read at once.
const PARALLEL: usize = 4;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Every pack.
    pub(super) packs: HashMap<BlobId, FoundPack>,
    /// Entries that the index has lost, those that count.
    pub(super) lost: HashMap<ContentId, ContentInfo>,
    /// Entries that it may have lost.
    pub(super) uncertain: HashSet<ContentId>,
    /// Packs of sessions that have not ended and of which the index lacks contents.
    pub(super) under_way: u64,
    /// Whether blobs of the index are lost, so that there may be contents of which nothing tells any more.
    pub(super) index_is_hit: bool,
    /// Index blobs that cannot be read and may have named those packs.
    pub(super) needed: HashSet<BlobId>,
}

/// What one pack says: its damage, or the entries that the index lacks.
struct Told {
    damage: Option<String>,
    lacking: Vec<(ContentInfo, Verdict)>,
}

/// How packs are judged.
struct Judge<'r> {
    repair: &'r Repair<'r>,
    watermark: Option<u64>,
    gaps: Gaps,
}

impl Repair<'_> {
    pub(super) fn survey(&self, unreadable: &[UnreadableIndex]) -> Result<Survey> {
        let repository = self.repository;
        let mut markers = repository.sessions_with_marker()?;
        let packs = list_packs(repository.store().as_ref())?;
        // A session may have begun in between, and another one ended.
        markers.extend(repository.sessions_with_marker()?);
        let sessions: HashSet<&str> = packs
            .iter()
            .filter_map(|pack| session_of(pack.id.as_str()))
            .collect();
        let lost = unreadable
            .iter()
            .map(|index| said(index.blob.as_str(), &sessions));
        let mut gaps = Gaps::of(lost);
        let merged = gaps.anything;
        gaps.anything |= self.options.uncertain || repository.active_index_blobs().is_empty();
        let judge = Judge {
            repair: self,
            watermark: match repository.format().epoch_parameters.enabled {
                true => Some(repository.epoch_state()?.0.watermark),
                false => None,
            },
            gaps,
        };
        let told = parallel::map(&packs, PARALLEL, |pack| judge.one(pack))?;
        let published = unreadable
            .iter()
            .filter_map(|index| session_of(index.blob.as_str()).map(str::to_owned))
            .collect();
        // What sessions published that have not ended may have been in a merged blob.
        let all = merged && self.options.uncertain;
        let mut survey = Survey::default();
        for (pack, told) in packs.iter().zip(told) {
            let skipped = !all && is_under_way(pack.id.as_str(), &markers, &published);
            survey.add(pack, told, skipped);
        }
        if survey.under_way > 0 {
            let merged = unreadable
                .iter()
                .filter(|index| said(index.blob.as_str(), &sessions) == Said::Anything);
            survey.needed = merged.map(|index| index.blob.clone()).collect();
        }
        survey.index_is_hit =
            self.options.uncertain || !unreadable.is_empty() || !survey.lost.is_empty();
        let Survey {
            lost, uncertain, ..
        } = &mut survey;
        uncertain.retain(|id| !lost.contains_key(id));
        Ok(survey)
    }
}

impl Survey {
    fn add(&mut self, pack: &BlobInfo, told: Told, skipped: bool) {
        self.under_way += u64::from(skipped && !told.lacking.is_empty());
        for (info, verdict) in told.lacking.into_iter().filter(|_| !skipped) {
            if verdict == Verdict::Uncertain {
                self.uncertain.insert(info.id);
                continue;
            }
            match self.lost.get_mut(&info.id) {
                Some(best) if !supersedes(&info, best) => {}
                Some(best) => *best = info,
                None => drop(self.lost.insert(info.id, info)),
            }
        }
        let found = FoundPack {
            length: pack.length,
            damage: told.damage,
        };
        self.packs.insert(pack.id.clone(), found);
    }
}

impl Judge<'_> {
    /// What a pack with a whole local index lacks, where everything is read: after two looks.
    fn lacks(&self, pack: &BlobInfo) -> Result<Option<String>> {
        let look = || {
            self.repair
                .repository
                .lacks_format_copy(&pack.id, pack.length)
        };
        let lacks = self.repair.options.read_data && look()? && look()?;
        Ok(lacks.then(|| NO_FORMAT_COPY.to_owned()))
    }

    /// Reads the local index of a pack.
    fn one(&self, pack: &BlobInfo) -> Result<Told> {
        go_on(self.repair.repository, self.repair.options)?;
        let (damage, entries) = match self.repair.repository.local_entries(&pack.id, pack.length) {
            Ok((_, entries)) => (self.lacks(pack)?, entries),
            // Maintenance may delete packs meanwhile; a pack that is needed is looked for again.
            Err(Error::Damaged { reason, .. }) => (Some(reason), Vec::new()),
            Err(Error::Storage(error)) if error.is_about_blob() => {
                (Some(error.to_string()), Vec::new())
            }
            Err(error) => return Err(error),
        };
        let index = self.repair.repository.index()?;
        let incomplete = self.gaps.may_lack(pack.id.as_str());
        let mut lacking = Vec::new();
        for info in entries {
            let winner = index.winner(&info.id)?;
            let verdict = verdict(&info, winner.as_ref(), self.watermark, incomplete);
            if verdict != Verdict::Known {
                lacking.push((info, verdict));
            }
        }
        Ok(Told { damage, lacking })
    }
}
