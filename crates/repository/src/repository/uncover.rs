//! Marks as deleted that met contents which somebody stored anew.

use std::sync::Arc;

use super::Repository;
use crate::error::Result;
use crate::index::{ContentInfo, supersedes};

/// A mark as deleted that was published.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// The entry that counted when the mark was decided on.
    pub(crate) of: ContentInfo,
    /// Time of the mark, unix seconds.
    pub(crate) time: u64,
}

impl Repository {
    /// Looks through the index once more after marks were published: between the last look and the publishing, another
    /// client may have stored one of the contents anew, and the mark, which is younger, would hide that. Such entries are
    /// written again, younger than the mark.
    ///
    /// # Errors
    /// Of the store and the index.
    pub(crate) fn uncover(self: &Arc<Self>, marks: &[Mark]) -> Result<()> {
        if marks.is_empty() {
            return Ok(());
        }
        self.refresh()?;
        let index = self.index()?;
        let mut covered = Vec::new();
        for mark in marks {
            let ours = |info: &ContentInfo| info.deleted && info.time == mark.time;
            if !index.winner(&mark.of.id)?.as_ref().is_some_and(ours) {
                continue;
            }
            let mut best: Option<ContentInfo> = None;
            index.for_each_entry(&mark.of.id, &mut |info| {
                if !info.deleted
                    && !info.is_unusable()
                    && supersedes(&info, best.as_ref().unwrap_or(&mark.of))
                {
                    best = Some(info);
                }
            })?;
            covered.extend(best.map(|info| ContentInfo {
                time: mark.time,
                ..info
            }));
        }
        if covered.is_empty() {
            return Ok(());
        }
        let session = self.session()?;
        let mut writer = session.writer();
        for info in &covered {
            tracing::info!(content = %info.id, "somebody stored it anew, its mark is taken away");
            writer.set_deleted(info, false)?;
        }
        writer.finish_packs()?;
        session.close()?;
        Ok(())
    }
}
