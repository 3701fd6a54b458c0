//! Manifest containers, and what manifests say (format 2 §2, §3, §7).

use serde::Serialize;

use super::{CheckStage, Run};
use crate::json::to_vec;
use crate::manifest::{
    Manifest, ManifestId, Manifests, encode_container, holds_text, merge, read_container,
};
use crate::policy::{PolicyDocument, policy_labels, policy_target};
use crate::snapshot::{self, SnapshotManifest};
use crate::{ContentId, Error, Result};

impl Run<'_> {
    pub(super) fn manifests(&mut self) -> Result<()> {
        let manifests = self.load()?;
        self.report.counts.manifests = manifests.len() as u64;
        let mut all: Vec<&Manifest> = manifests.iter().collect();
        all.sort_by(|left, right| left.id.cmp(&right.id));
        let mut snapshots = Vec::new();
        for manifest in all {
            match manifest.labels.get("type").map(String::as_str) {
                Some("snapshot") => match snapshot::read(manifest) {
                    Ok(snapshot) => {
                        self.snapshot(manifest, &snapshot);
                        snapshots.push(snapshot);
                    }
                    Err(error) => self.finding(format!("snapshot {}", manifest.id), error)?,
                },
                Some("policy") => self.policy(manifest),
                Some(_) => {}
                None => self.found(
                    format!("manifest {}", manifest.id),
                    "its labels name no type",
                ),
            }
        }
        self.report.counts.snapshots = snapshots.len() as u64;
        self.trees(&snapshots)
    }

    /// Reads all containers; one that cannot be read is a finding, and the others still count.
    fn load(&mut self) -> Result<Manifests> {
        let mut entries = Vec::new();
        for id in self.repository.manifest_containers()? {
            self.go_on()?;
            match self.container(&id) {
                Ok(found) => entries.extend(found),
                Err(error) => self.finding(format!("manifest container {id}"), error)?,
            }
        }
        Ok(merge(entries))
    }

    fn container(&mut self, id: &ContentId) -> Result<Vec<Manifest>> {
        let damaged = |reason: &dyn std::fmt::Display| {
            Error::damaged(format_args!("manifest container {id}"), reason)
        };
        let payload = self.repository.read_content(id)?;
        let entries = read_container(&payload).map_err(|error| damaged(&error))?;
        if self.options.strict {
            if !holds_text(&payload, &encode_container(&entries)) {
                self.found(
                    format!("manifest container {id}"),
                    "writing its entries again gives other text",
                );
            }
            let odd =
                |id: &ManifestId| id.as_str().len() != 32 || hex::decode(id.as_str()).is_err();
            if let Some(entry) = entries.iter().find(|entry| odd(&entry.id)) {
                self.found(
                    format!("manifest {}", entry.id),
                    "its id is not 32 hexadecimal digits",
                );
            }
        }
        Ok(entries)
    }

    fn snapshot(&mut self, manifest: &Manifest, snapshot: &SnapshotManifest) {
        let subject = format!("snapshot {}", manifest.id);
        let Some(root) = &snapshot.root_entry else {
            return self.found(
                subject,
                "it has no root, which stops garbage collection of the whole repository",
            );
        };
        if root.object.is_none() {
            return self.found(
                subject,
                "its root has no object, which stops garbage collection of the whole repository",
            );
        }
        if !self.options.strict {
            return;
        }
        match snapshot.labels() {
            Ok(labels) if labels == manifest.labels => {}
            Ok(_) => self.found(&subject, "its labels are not those of its source and tags"),
            Err(error) => self.found(&subject, error),
        }
        if root.name.is_empty() || !matches!(root.kind.as_str(), "d" | "f") {
            self.found(&subject, "its root has no name or no valid type");
        }
        if root.summary.is_none() {
            self.found(&subject, "its root has no summary");
        }
        if snapshot.start_time > snapshot.end_time {
            self.found(&subject, "it ends before it starts");
        }
        if !snapshot.pins.is_sorted_by(|left, right| left < right) {
            self.found(&subject, "its pins are not sorted or not unique");
        }
        let unnamed = SnapshotManifest {
            id: ManifestId::default(),
            ..snapshot.clone()
        };
        self.same_text(&subject, manifest, &unnamed);
    }

    fn policy(&mut self, manifest: &Manifest) {
        let subject = format!("policy {}", manifest.id);
        let document = match PolicyDocument::parse(manifest.data.get().as_bytes()) {
            Ok(document) => document,
            Err(error) => return self.found(subject, error),
        };
        if !self.options.strict {
            return;
        }
        if policy_labels(&policy_target(&manifest.labels)) != manifest.labels {
            self.found(&subject, "its labels do not name its level");
        }
        // Where a later version put its fields is not known here.
        if document.unknown_fields().next().is_none() {
            self.same_text(&subject, manifest, &document);
        }
    }

    /// Writing what was read must give the text that was read.
    fn same_text<T: Serialize>(&mut self, subject: &str, manifest: &Manifest, payload: &T) {
        let same = to_vec(payload).is_ok_and(|text| text == manifest.data.get().as_bytes());
        if !same {
            self.found(subject, "writing its payload again gives other text");
        }
    }

    pub(super) fn snapshot_progress(&self, done: usize, total: usize) {
        self.progress(CheckStage::Snapshots, done as u64, total as u64);
    }
}
