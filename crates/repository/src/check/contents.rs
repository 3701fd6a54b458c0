//! Entries of the index against the packs of the store.

use std::collections::BTreeMap;

use super::{CheckStage, Run};
use crate::index::ContentInfo;
use crate::{ContentFilter, Result};

/// Progress is told after this many entries.
const STEP: u64 = 1 << 16;

impl Run<'_> {
    /// Counts the entries of each pack, and finds those that lie outside their pack or in none.
    pub(super) fn contents(&mut self) -> Result<()> {
        let filter = ContentFilter {
            include_deleted: true,
            prefix: None,
        };
        let mut seen = 0;
        let mut outside = Vec::new();
        // Of a missing pack: how many contents, and one of them.
        let mut missing: BTreeMap<String, (u64, String)> = BTreeMap::new();
        let repository = self.repository;
        repository.for_each_content(filter, &mut |info| {
            seen += 1;
            if seen % STEP == 0 {
                self.go_on()?;
                self.progress(CheckStage::Contents, seen, 0);
            }
            let counts = &mut self.report.counts;
            *(if info.deleted {
                &mut counts.deleted_contents
            } else {
                &mut counts.contents
            }) += 1;
            let state = self.packs.entry(info.pack.clone()).or_default();
            state.indexed += 1;
            state.live += u32::from(!info.deleted);
            match state.length {
                // A deleted content may have lost its pack, or the end of it; nobody reads it.
                Some(length) if !info.deleted && end(&info) > length => {
                    outside.push((info.id, info.pack));
                }
                None if !info.deleted => {
                    missing
                        .entry(info.pack.to_string())
                        .or_insert_with(|| (0, info.id.to_string()))
                        .0 += 1;
                }
                _ => {}
            }
            Ok(())
        })?;
        for (pack, (count, example)) in missing {
            self.found(
                format!("pack {pack}"),
                format_args!("it is missing, with {count} contents such as {example}"),
            );
        }
        for (id, pack) in outside {
            self.found(
                format!("pack {pack}"),
                format_args!("it ends before content {id} does"),
            );
        }
        self.packs.retain(|_, state| state.length.is_some());
        self.report.counts.packs = self.packs.len() as u64;
        self.report.counts.unreferenced_packs = self
            .packs
            .values()
            .filter(|state| state.indexed == 0)
            .count() as u64;
        Ok(())
    }
}

/// The offset behind a content in its pack.
fn end(info: &ContentInfo) -> u64 {
    u64::from(info.offset) + u64::from(info.packed_length)
}
