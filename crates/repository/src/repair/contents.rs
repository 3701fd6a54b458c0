//! Contents against packs: what can still be read leaves damaged packs, what cannot is marked as deleted.

use std::collections::{BTreeMap, HashSet};

use holdfast_storage::BlobId;

use super::plan::{Fate, FoundPack, fate};
use super::set_aside::{Lists, is_container};
use super::survey::Survey;
use super::{DamagedPack, LostManifests, Repair};
use crate::index::ContentInfo;
use crate::manifest::{AsideContainer, ManifestEdits, SetAside};
use crate::object::{INDEX_PREFIX, decode_indirect};
use crate::repository::{Mark, read_or_loss};
use crate::{ContentFilter, ContentId, Result};

/// What is wrong with a pack that is not there.
const MISSING: &str = "it is missing";

/// What is to be done.
#[derive(Debug, Default)]
struct Findings {
    /// Contents that can be read, in packs that are damaged.
    readable: Vec<ContentInfo>,
    /// Contents that cannot be read.
    lost: Vec<ContentInfo>,
    /// What is wrong with the packs of both.
    packs: BTreeMap<BlobId, DamagedPack>,
}

impl Repair<'_> {
    pub(super) fn contents(&mut self, survey: &Survey, lists: &Lists) -> Result<()> {
        // The view of the index has them only when the changes are made.
        let added = |id: &ContentId| survey.lost.get(id).or_else(|| lists.returned.get(id));
        let mut findings = Findings::default();
        let mut unread = Vec::new();
        let mut sort = |info: ContentInfo| {
            let pack = survey.packs.get(&info.pack);
            match fate(&info, pack, self.options.read_data) {
                Fate::Keep => {}
                // A pack may have been stored after the packs were listed, and listings may lag behind.
                Fate::Lost if pack.is_none() => unread.push(info),
                Fate::Read => unread.push(info),
                Fate::Lost => findings.lose(info, pack, "it ends before its contents do"),
            }
        };
        self.repository
            .for_each_content(ContentFilter::default(), &mut |info| {
                if !info.is_unusable() && added(&info.id).is_none() {
                    sort(info);
                }
                Ok(())
            })?;
        let more = survey.lost.values().chain(lists.returned.values());
        more.filter(|info| !info.deleted)
            .for_each(|info| sort(info.clone()));
        unread.sort_by(|left, right| (&left.pack, left.offset).cmp(&(&right.pack, right.offset)));
        let mut missing = None;
        for info in unread {
            self.go_on()?;
            let pack = survey.packs.get(&info.pack);
            if missing.as_ref() == Some(&info.pack) {
                findings.lose(info, None, MISSING);
                continue;
            }
            // One question for all contents of a pack that the listing lacks.
            if pack.is_none() && self.is_missing(&info.pack)? {
                missing = Some(info.pack.clone());
                findings.lose(info, None, MISSING);
                continue;
            }
            match self.content_or_loss(&info)? {
                Ok(_) => findings.keep(info, pack),
                Err(reason) => findings.lose(info, pack, &reason),
            }
        }
        if !findings.lost.is_empty() {
            self.forget_moved(&mut findings)?;
        }
        let incomplete = self.incomplete_objects(&findings.lost, survey)?;
        if self.options.apply {
            self.carry_out(&findings, &incomplete, lists)?;
        }
        let containers = findings.lost.iter().filter(|info| is_container(info));
        let containers = containers.count() as u64;
        let report = &mut self.report;
        if self.options.lost_manifests == LostManifests::SetAside {
            report.set_aside_manifest_containers += containers;
        }
        report.moved_contents = findings.readable.len() as u64;
        report.lost_contents = findings.lost.len() as u64;
        report.lost_manifest_containers = containers;
        report.incomplete_files = incomplete.len() as u64;
        report.damaged_packs = findings.packs.into_values().collect();
        Ok(())
    }

    /// Whether the store says of a pack that it has none of this name.
    fn is_missing(&self, pack: &BlobId) -> Result<bool> {
        match self.repository.store().stat(pack) {
            Ok(_) => Ok(false),
            Err(error) if error.is_not_found() => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes contents out that are elsewhere by now, because maintenance has moved them meanwhile.
    fn forget_moved(&self, findings: &mut Findings) -> Result<()> {
        if self.options.apply {
            self.repository.refresh()?;
        }
        let mut kept = Vec::new();
        for info in std::mem::take(&mut findings.lost) {
            let now = match self.options.apply {
                true => self.repository.content_info(&info.id)?,
                false => Some(info.clone()),
            };
            if now.is_some_and(|now| now == info) {
                kept.push(info);
            } else {
                findings.forget(&info.pack);
            }
        }
        findings.lost = kept;
        Ok(())
    }

    /// Lists of parts that name lost contents, contents that only a lost index knew, or such lists: as long as they count, a
    /// file that did not change would be taken over with what is lost.
    fn incomplete_objects(
        &self,
        lost: &[ContentInfo],
        survey: &Survey,
    ) -> Result<Vec<ContentInfo>> {
        let mut missing: HashSet<ContentId> = lost
            .iter()
            .map(|info| info.id)
            .filter(|id| id.prefix().is_none_or(|prefix| prefix == INDEX_PREFIX))
            .collect();
        let mut incomplete = Vec::new();
        if missing.is_empty() && !survey.index_is_hit {
            return Ok(incomplete);
        }
        let filter = ContentFilter {
            include_deleted: false,
            prefix: Some(INDEX_PREFIX),
        };
        let mut lists = Vec::new();
        self.repository.for_each_content(filter, &mut |info| {
            if !missing.contains(&info.id) {
                lists.push(info);
            }
            Ok(())
        })?;
        let mut parts = Vec::new();
        for info in lists {
            self.go_on()?;
            let Ok(text) = read_or_loss(|| self.repository.read_content(&info.id))? else {
                continue;
            };
            // What is no list after all is nobody's list of parts.
            let Ok(list) = decode_indirect(&text) else {
                continue;
            };
            for part in list.iter().filter(|_| survey.index_is_hit) {
                let id = part.object.content();
                let known = survey.lost.contains_key(&id);
                if !known && self.repository.content_info(&id)?.is_none() {
                    missing.insert(id);
                }
            }
            parts.push((info, list));
        }
        loop {
            let before = missing.len();
            parts.retain(|(info, parts)| {
                let whole = parts
                    .iter()
                    .all(|part| !missing.contains(&part.object.content()));
                if !whole {
                    missing.insert(info.id);
                    incomplete.push(info.clone());
                }
                whole
            });
            if missing.len() == before {
                return Ok(incomplete);
            }
        }
    }

    /// Stores readable contents once more and marks the others as deleted, and publishes both.
    fn carry_out(
        &self,
        findings: &Findings,
        incomplete: &[ContentInfo],
        lists: &Lists,
    ) -> Result<()> {
        let moved: HashSet<ContentId> = findings.readable.iter().map(|info| info.id).collect();
        let policy = self.options.lost_manifests;
        let waits = |info: &&ContentInfo| is_container(info) && policy == LostManifests::Wait;
        let lost = findings.lost.iter().filter(|info| !waits(info));
        let marked: Vec<&ContentInfo> = lost.chain(incomplete).collect();
        if moved.is_empty() && marked.is_empty() {
            return Ok(());
        }
        let session = self.repository.session()?;
        let mut writer = session.writer();
        for info in &findings.readable {
            self.go_on()?;
            // A list of parts that is incomplete need not be moved as one that counts.
            writer.rewrite(info, &self.content(info)?.payload)?;
        }
        writer.finish_packs()?;
        session.close()?;
        // What somebody stored anew since is not lost any more.
        self.repository.refresh()?;
        let session = self.repository.session()?;
        let mut writer = session.writer();
        let mut marks = Vec::new();
        let mut record = SetAside {
            containers: Vec::new(),
            deleted: lists.deleted.clone(),
        };
        for info in marked {
            // Of a list that was just moved, the entry is another one.
            if let Some(now) = self.repository.content_info(&info.id)?
                && !now.deleted
                && (now == *info || moved.contains(&info.id))
            {
                let time = writer.set_deleted(&now, true)?;
                if is_container(&now) && policy == LostManifests::SetAside {
                    record.containers.push(AsideContainer::new(&now, time));
                }
                marks.push(Mark { of: now, time });
            }
        }
        // It becomes visible together with the marks.
        if !record.containers.is_empty() {
            let mut edits = ManifestEdits::new(self.repository.clock().clone());
            edits.put(SetAside::labels(), &record)?;
            edits.write(&mut writer)?;
        }
        writer.finish_packs()?;
        session.close()?;
        self.repository.uncover(&marks)
    }
}

impl Findings {
    /// Notes a content that can be read; it stays when its pack is whole.
    fn keep(&mut self, info: ContentInfo, pack: Option<&FoundPack>) {
        if let Some(reason) = pack.and_then(|pack| pack.damage.as_deref()) {
            self.pack(&info.pack, reason).readable_contents += 1;
            self.readable.push(info);
        }
    }

    fn lose(&mut self, info: ContentInfo, pack: Option<&FoundPack>, reason: &str) {
        let reason = match pack {
            None => MISSING,
            Some(pack) => pack.damage.as_deref().unwrap_or(reason),
        };
        self.pack(&info.pack, reason).lost_contents += 1;
        self.lost.push(info);
    }

    /// A content of this pack is not lost after all.
    fn forget(&mut self, pack: &BlobId) {
        if let Some(damaged) = self.packs.get_mut(pack) {
            damaged.lost_contents -= 1;
            if damaged.lost_contents + damaged.readable_contents == 0 {
                self.packs.remove(pack);
            }
        }
    }

    fn pack(&mut self, pack: &BlobId, reason: &str) -> &mut DamagedPack {
        self.packs
            .entry(pack.clone())
            .or_insert_with(|| DamagedPack {
                pack: pack.to_string(),
                reason: reason.to_owned(),
                readable_contents: 0,
                lost_contents: 0,
            })
    }
}
