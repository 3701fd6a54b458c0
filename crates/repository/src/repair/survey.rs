//! What the packs of the store say: which there are, which are damaged, and which of their entries the index lacks.

use std::collections::{HashMap, HashSet};

use holdfast_storage::{BlobId, BlobInfo};

use super::plan::{FoundPack, Verdict, is_under_way, verdict};
use super::{Repair, go_on};
use crate::blob_names::session_of;
use crate::index::{ContentInfo, supersedes};
use crate::parallel;
use crate::repository::{UnreadableIndex, list_packs};
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
}

/// What one pack says: its damage, or the entries that the index lacks.
struct Told {
    damage: Option<String>,
    lacking: Vec<(ContentInfo, Verdict)>,
}

/// How packs are judged.
struct Judge<'r> {
    repair: &'r Repair<'r>,
    markers: HashSet<String>,
    published: HashSet<String>,
    watermark: Option<u64>,
    incomplete: bool,
}

impl Repair<'_> {
    pub(super) fn survey(&self, unreadable: &[UnreadableIndex]) -> Result<Survey> {
        let repository = self.repository;
        let epochs = repository.format().epoch_parameters.enabled;
        let judge = Judge {
            repair: self,
            // Markers before packs: a session that ends meanwhile has published its packs, or is known.
            markers: repository.sessions_with_marker()?,
            published: unreadable
                .iter()
                .filter_map(|index| session_of(index.blob.as_str()).map(str::to_owned))
                .collect(),
            watermark: match epochs {
                true => Some(repository.epoch_state()?.0.watermark),
                false => None,
            },
            incomplete: self.options.uncertain
                || !unreadable.is_empty()
                || repository.active_index_blobs().is_empty(),
        };
        let packs = list_packs(repository.store().as_ref())?;
        let told = parallel::map(&packs, PARALLEL, |pack| judge.one(pack))?;
        let mut survey = Survey::default();
        for (pack, told) in packs.into_iter().zip(told) {
            survey.add(&judge, pack, told);
        }
        let Survey {
            lost, uncertain, ..
        } = &mut survey;
        uncertain.retain(|id| !lost.contains_key(id));
        Ok(survey)
    }
}

impl Survey {
    fn add(&mut self, judge: &Judge<'_>, pack: BlobInfo, told: Told) {
        let skipped = is_under_way(pack.id.as_str(), &judge.markers, &judge.published);
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
        self.packs.insert(pack.id, found);
    }
}

impl Judge<'_> {
    /// Reads the local index of a pack.
    fn one(&self, pack: &BlobInfo) -> Result<Told> {
        go_on(self.repair.repository, self.repair.options)?;
        let (damage, entries) = match self.repair.repository.local_entries(&pack.id, pack.length) {
            Ok((_, entries)) => (None, entries),
            // Maintenance may delete packs meanwhile; a pack that is needed is looked for again.
            Err(Error::Damaged { reason, .. }) => (Some(reason), Vec::new()),
            Err(Error::Storage(error)) if error.is_about_blob() => {
                (Some(error.to_string()), Vec::new())
            }
            Err(error) => return Err(error),
        };
        let index = self.repair.repository.index()?;
        let mut lacking = Vec::new();
        for info in entries {
            let winner = index.winner(&info.id)?;
            let verdict = verdict(&info, winner.as_ref(), self.watermark, self.incomplete);
            if verdict != Verdict::Known {
                lacking.push((info, verdict));
            }
        }
        Ok(Told { damage, lacking })
    }
}
