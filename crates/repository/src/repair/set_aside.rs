//! Manifest containers that cannot be read: set aside with a record, brought back when their pack returns, or given up.

use std::collections::{HashMap, HashSet};

use super::survey::Survey;
use super::{LostManifests, Repair};
use crate::index::ContentInfo;
use crate::manifest::{
    AsideContainer, MANIFEST_PREFIX, Manifest, ManifestEdits, SetAside, labels_match, merge,
    read_container,
};
use crate::repository::ContentFilter;
use crate::{ContentId, Result};

/// What the manifest containers that can be read say.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Manifests that are deleted.
    pub(super) deleted: Vec<String>,
    /// Containers that were set aside and can be read again, with the entries that count from now on.
    pub(super) returned: HashMap<ContentId, ContentInfo>,
}

/// What is to be done about records of earlier repairs.
#[derive(Debug, Default)]
struct Changes {
    /// Entries with a mark that are to lose it.
    lift: Vec<ContentInfo>,
    /// Manifests in returned containers that had been deleted.
    delete: Vec<Manifest>,
    /// Records that go, each with what takes its place.
    records: Vec<(Manifest, Option<SetAside>)>,
}

impl Repair<'_> {
    /// Takes the marks from containers that earlier repairs set aside and that can be read again, and gives up the others
    /// if it is told to.
    pub(super) fn bring_back(&mut self, survey: &Survey) -> Result<Lists> {
        let entries = self.readable_manifests(&survey.lost)?;
        let mut deleted: HashSet<String> = entries
            .iter()
            .filter(|entry| entry.deleted)
            .map(|entry| entry.id.to_string())
            .collect();
        let manifests = merge(entries);
        deleted.retain(|id| manifests.get(&id.as_str().into()).is_none());

        let give_up = self.options.lost_manifests == LostManifests::GiveUp;
        let mut changes = Changes::default();
        let mut away = 0;
        let mut records: Vec<Manifest> = manifests
            .find(&SetAside::labels())
            .into_iter()
            .cloned()
            .collect();
        while let Some(manifest) = records.pop() {
            let record = SetAside::read(&manifest)?;
            let before = record.containers.len();
            let mut left = SetAside {
                containers: Vec::new(),
                deleted: record.deleted,
            };
            for container in record.containers {
                self.go_on()?;
                let Some(mark) = self.mark_of(&container, &survey.lost)? else {
                    continue;
                };
                let Some(entries) = self.container(&mark)? else {
                    left.containers.push(container);
                    continue;
                };
                changes.lift.push(mark);
                let gone = |entry: &Manifest| {
                    let id = entry.id.as_str();
                    deleted.contains(id) || left.deleted.iter().any(|deleted| deleted == id)
                };
                let (gone, back): (Vec<_>, Vec<_>) = entries
                    .into_iter()
                    .filter(|entry| !entry.deleted)
                    .partition(gone);
                changes.delete.extend(gone);
                // A record may have been set aside itself.
                let is_record = |entry: &Manifest| labels_match(&entry.labels, &SetAside::labels());
                records.extend(back.into_iter().filter(is_record));
            }
            away += left.containers.len() as u64;
            let stays = !give_up && !left.containers.is_empty();
            if !stays || left.containers.len() < before {
                changes.records.push((manifest, stays.then_some(left)));
            }
        }
        self.report.returned_manifest_containers = changes.lift.len() as u64;
        match give_up {
            true => self.report.given_up_manifest_containers = away,
            false => self.report.set_aside_manifest_containers = away,
        }
        if self.options.apply {
            self.carry_back(&changes)?;
        }
        let mut lists = Lists {
            deleted: deleted.into_iter().collect(),
            ..Lists::default()
        };
        lists.deleted.sort();
        for mark in changes.lift {
            let now = match self.options.apply {
                true => self.repository.content_info(&mark.id)?,
                false => None,
            };
            let lifted = ContentInfo {
                deleted: false,
                ..now.unwrap_or(mark)
            };
            lists.returned.insert(lifted.id, lifted);
        }
        Ok(lists)
    }

    /// Each step leaves what the next one needs: what was deleted stays so when its container returns, and a record goes
    /// last.
    fn carry_back(&self, changes: &Changes) -> Result<()> {
        let edits = || ManifestEdits::new(self.repository.clock().clone());
        let mut deletions = edits();
        changes
            .delete
            .iter()
            .for_each(|manifest| deletions.delete(manifest));
        deletions.publish(self.repository)?;
        if !changes.lift.is_empty() {
            self.go_on()?;
            let session = self.repository.session()?;
            let mut writer = session.writer();
            for mark in &changes.lift {
                writer.set_deleted(mark, false)?;
            }
            writer.finish_packs()?;
            session.close()?;
        }
        let mut records = edits();
        for (old, new) in &changes.records {
            records.delete(old);
            if let Some(new) = new {
                records.put(SetAside::labels(), new)?;
            }
        }
        records.publish(self.repository)
    }

    /// Every entry of every container that counts and can be read.
    fn readable_manifests(
        &self,
        recovered: &HashMap<ContentId, ContentInfo>,
    ) -> Result<Vec<Manifest>> {
        let filter = ContentFilter {
            include_deleted: false,
            prefix: Some(MANIFEST_PREFIX),
        };
        let mut containers = Vec::new();
        self.repository.for_each_content(filter, &mut |info| {
            if !info.is_unusable() && !recovered.contains_key(&info.id) {
                containers.push(info);
            }
            Ok(())
        })?;
        let recovered = recovered.values().filter(|info| is_container(info));
        containers.extend(recovered.filter(|info| !info.deleted).cloned());
        let mut entries = Vec::new();
        for info in containers {
            self.go_on()?;
            entries.extend(self.container(&info)?.into_iter().flatten());
        }
        Ok(entries)
    }

    /// The entries of a container; nothing when it cannot be read.
    fn container(&self, info: &ContentInfo) -> Result<Option<Vec<Manifest>>> {
        let Ok(content) = self.content_or_loss(info)? else {
            return Ok(None);
        };
        Ok(read_container(content.data()).ok())
    }

    /// The mark of a container that was set aside, as it counts now; nothing when others changed the container since.
    fn mark_of(
        &self,
        container: &AsideContainer,
        recovered: &HashMap<ContentId, ContentInfo>,
    ) -> Result<Option<ContentInfo>> {
        let Some(mark) = container.info() else {
            return Ok(None);
        };
        let now = match recovered.get(&mark.id) {
            Some(now) => Some(now.clone()),
            None => self.repository.index()?.winner(&mark.id)?,
        };
        Ok(match now {
            Some(now) if now.is_unusable() => Some(mark),
            Some(now) if !now.deleted || now.time > mark.time => None,
            _ => Some(mark),
        })
    }
}

pub(super) fn is_container(info: &ContentInfo) -> bool {
    info.id.prefix() == Some(MANIFEST_PREFIX)
}
