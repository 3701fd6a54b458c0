//! Contents against packs: what can still be read leaves damaged packs, what cannot is marked as deleted.

use std::collections::{BTreeMap, HashMap, HashSet};

use holdfast_storage::{BlobId, ErrorKind};

use super::plan::{Fate, FoundPack, fate};
use super::survey::Survey;
use super::{DamagedPack, Repair};
use crate::compress::{UNCOMPRESSED, decompress};
use crate::index::ContentInfo;
use crate::manifest::MANIFEST_PREFIX;
use crate::object::{INDEX_PREFIX, decode_indirect};
use crate::{ContentFilter, ContentId, Error, Result};

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
    pub(super) fn contents(
        &mut self,
        survey: &Survey,
        recovered: &HashMap<ContentId, ContentInfo>,
    ) -> Result<()> {
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
                if !info.is_unusable() && !recovered.contains_key(&info.id) {
                    sort(info);
                }
                Ok(())
            })?;
        recovered
            .values()
            .filter(|info| !info.deleted)
            .for_each(|info| sort(info.clone()));
        unread.sort_by(|left, right| (&left.pack, left.offset).cmp(&(&right.pack, right.offset)));
        for info in unread {
            self.go_on()?;
            let pack = survey.packs.get(&info.pack);
            match self.proven_loss(&info)? {
                None => findings.keep(info, pack),
                Some(reason) => findings.lose(info, pack, &reason),
            }
        }
        if !findings.lost.is_empty() {
            self.forget_moved(&mut findings)?;
        }
        let incomplete = self.incomplete_objects(&findings.lost)?;
        if self.options.apply {
            self.carry_out(&findings, &incomplete)?;
        }
        let report = &mut self.report;
        report.moved_contents = findings.readable.len() as u64;
        report.lost_contents = findings.lost.len() as u64;
        report.lost_manifest_containers = findings
            .lost
            .iter()
            .filter(|info| info.id.prefix() == Some(MANIFEST_PREFIX))
            .count() as u64;
        report.incomplete_files = incomplete.len() as u64;
        report.damaged_packs = findings.packs.into_values().collect();
        Ok(())
    }

    /// Why a content is lost, after two attempts to read it. A transfer that broke off proves nothing.
    fn proven_loss(&self, info: &ContentInfo) -> Result<Option<String>> {
        let mut reason = None;
        for _ in 0..2 {
            reason = match self.payload(info) {
                Ok(_) => return Ok(None),
                Err(error) if proves_loss(&error) => Some(error.to_string()),
                Err(error) => return Err(error),
            };
        }
        Ok(reason)
    }

    /// Reads a content and compares it with its hash; returns it decrypted and compressed as it was.
    fn payload(&self, info: &ContentInfo) -> Result<Vec<u8>> {
        let repository = self.repository;
        let mut sealed = vec![0; info.packed_length as usize];
        repository
            .store()
            .get_range(&info.pack, u64::from(info.offset), &mut sealed)?;
        let payload = repository.unseal(info, &mut sealed)?.to_vec();
        let mut unpacked = Vec::new();
        let data = if info.compression == UNCOMPRESSED {
            &payload
        } else {
            let length = info.original_length as usize;
            let what = format_args!("content {}", info.id);
            decompress(&what, info.compression, &payload, length, &mut unpacked)?;
            &unpacked
        };
        if repository.hasher().content_id(info.id.prefix(), data) == info.id {
            Ok(payload)
        } else {
            Err(Error::damaged(
                format_args!("content {} in pack {}", info.id, info.pack),
                "its hash is another one",
            ))
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

    /// Lists of parts that name lost contents, or such lists: as long as they count, a file that did not change would be
    /// taken over with what is lost.
    fn incomplete_objects(&self, lost: &[ContentInfo]) -> Result<Vec<ContentInfo>> {
        let mut missing: HashSet<ContentId> = lost
            .iter()
            .map(|info| info.id)
            .filter(|id| id.prefix().is_none_or(|prefix| prefix == INDEX_PREFIX))
            .collect();
        let mut incomplete = Vec::new();
        if missing.is_empty() {
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
            match self.repository.read_content(&info.id) {
                // What is no list after all is nobody's list of parts.
                Ok(text) => parts.extend(decode_indirect(&text).ok().map(|parts| (info, parts))),
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
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
    fn carry_out(&self, findings: &Findings, incomplete: &[ContentInfo]) -> Result<()> {
        let moved: HashSet<ContentId> = findings.readable.iter().map(|info| info.id).collect();
        if moved.is_empty() && findings.lost.is_empty() {
            return Ok(());
        }
        let session = self.repository.session()?;
        let mut writer = session.writer();
        for info in &findings.readable {
            self.go_on()?;
            let payload = self.payload(info)?;
            // A list of parts that is incomplete need not be moved as one that counts.
            writer.rewrite(info, &payload)?;
        }
        writer.finish_packs()?;
        session.close()?;
        // What somebody stored anew since is not lost any more.
        self.repository.refresh()?;
        let session = self.repository.session()?;
        let mut writer = session.writer();
        for info in findings.lost.iter().chain(incomplete) {
            // Of a list that was just moved, the entry is another one.
            if let Some(now) = self.repository.content_info(&info.id)?
                && !now.deleted
                && (now == *info || moved.contains(&info.id))
            {
                writer.set_deleted(&now, true)?;
            }
        }
        writer.finish_packs()?;
        session.close()?;
        Ok(())
    }
}

/// Whether an error shows that a content cannot be read any more, rather than that it could not be read just now.
fn proves_loss(error: &Error) -> bool {
    match error {
        Error::Storage(error) => error.is_about_blob() && error.kind() != ErrorKind::Corrupt,
        other => other.is_damage(),
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
            None => "it is missing",
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
