//! The index: lost entries are published again, then index blobs that cannot be read are deleted.

use std::collections::HashSet;

use holdfast_storage::BlobId;

use super::survey::Survey;
use super::{Repair, report};
use crate::index::ContentInfo;
use crate::repository::UnreadableIndex;
use crate::{Error, Result};

impl Repair<'_> {
    /// Publishes what the index has lost.
    pub(super) fn recover(
        &mut self,
        survey: &mut Survey,
        unreadable: Vec<UnreadableIndex>,
    ) -> Result<()> {
        let lost = &survey.lost;
        self.report.recovered_contents = lost.len() as u64;
        let packs: HashSet<_> = lost.values().map(|info| &info.pack).collect();
        self.report.recovered_packs = packs.len() as u64;
        self.report.uncertain_contents = survey.uncertain.len() as u64;
        self.report.packs_under_way = survey.under_way;
        if !unreadable.is_empty() && !self.is_own(survey) {
            // Not even one pack can be opened: the key fits nothing here, so nothing may be deleted.
            return Err(Error::damaged(
                format_args!("index blob {}", unreadable[0].blob),
                format_args!(
                    "{}; nothing else in the repository can be read either, so it is left as it is; restore the place \
                     from a copy",
                    unreadable[0].reason
                ),
            ));
        }
        if self.options.apply && !lost.is_empty() {
            self.go_on()?;
            let contents: Vec<ContentInfo> = lost.values().cloned().collect();
            let session = self.repository.session()?;
            session.republish(&contents)?;
            session.close()?;
            self.look_again(survey)?;
        }
        if self.options.apply {
            let replaced = |index: &&UnreadableIndex| !survey.needed.contains(&index.blob);
            self.delete(unreadable.iter().filter(replaced))?;
        }
        self.report.unreadable_indexes = unreadable
            .into_iter()
            .map(|index| report::UnreadableIndex {
                blob: index.blob.to_string(),
                reason: index.reason,
                kept: survey.needed.contains(&index.blob),
            })
            .collect();
        Ok(())
    }

    /// Packs without entries look like garbage to maintenance, on whatever machine it runs. What it deleted before the
    /// entries were published is gone, and what they name is lost.
    fn look_again(&self, survey: &mut Survey) -> Result<()> {
        let packs: HashSet<BlobId> = survey.lost.values().map(|info| info.pack.clone()).collect();
        for pack in packs {
            self.go_on()?;
            match self.repository.store().stat(&pack) {
                Ok(_) => {}
                Err(error) if error.is_not_found() => drop(survey.packs.remove(&pack)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether something proves that the key is that of the data.
    fn is_own(&self, survey: &Survey) -> bool {
        !self.repository.active_index_blobs().is_empty()
            || survey.packs.values().any(|pack| pack.damage.is_none())
    }

    fn delete<'u>(&self, unreadable: impl Iterator<Item = &'u UnreadableIndex>) -> Result<()> {
        for index in unreadable {
            self.go_on()?;
            // It may have been put back meanwhile, from a copy.
            match self.repository.read_index_blob(&index.blob) {
                Err(Error::Damaged { .. }) => self.repository.store().delete(&index.blob)?,
                Err(Error::Storage(error)) if error.is_not_found() => {}
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
        Ok(())
    }
}
