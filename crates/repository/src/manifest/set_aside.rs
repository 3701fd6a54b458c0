//! Records of containers that repair set aside: it marked them as deleted because they could not be read, so that the
//! repository can be used without them, and takes the marks away when their pack returns.
//!
//! A record is a manifest of its own type, which every client keeps and none but this one reads. As long as there is one,
//! snapshots may exist of which nobody knows, so nothing that no snapshot needs may be freed and no policy applied.

use holdfast_storage::BlobId;
use serde::{Deserialize, Serialize};

use super::{Labels, Manifest, Manifests, labels};
use crate::index::ContentInfo;
use crate::json::from_slice;
use crate::{Error, Result};

/// Containers that one repair set aside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SetAside {
    /// The containers.
    pub(crate) containers: Vec<AsideContainer>,
    /// Ids of the manifests that were deleted when the containers were set aside. Clients that merge containers drop such
    /// deletions, and a container that returns would bring back what was deleted.
    pub(crate) deleted: Vec<String>,
}

/// A container with its place. The index forgets what is marked for long, so the place is kept here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AsideContainer {
    id: String,
    pack: String,
    offset: u32,
    packed_length: u32,
    original_length: u32,
    compression: u32,
    format_version: u8,
    /// When it was marked, unix seconds.
    pub(crate) marked: u64,
}

impl AsideContainer {
    /// A container that was marked at `marked`, unix seconds.
    pub(crate) fn new(info: &ContentInfo, marked: u64) -> Self {
        Self {
            id: info.id.to_string(),
            pack: info.pack.to_string(),
            offset: info.offset,
            packed_length: info.packed_length,
            original_length: info.original_length,
            compression: info.compression,
            format_version: info.format_version,
            marked,
        }
    }

    /// The entry of the mark; nothing when the record makes no sense.
    pub(crate) fn info(&self) -> Option<ContentInfo> {
        Some(ContentInfo {
            id: self.id.parse().ok()?,
            pack: BlobId::new(self.pack.as_str()).ok()?,
            time: self.marked,
            offset: self.offset,
            packed_length: self.packed_length,
            original_length: self.original_length,
            compression: self.compression,
            format_version: self.format_version,
            encryption_key_id: 0,
            deleted: true,
        })
    }
}

impl SetAside {
    pub(crate) fn labels() -> Labels {
        labels([("type", "holdfast-set-aside")])
    }

    /// The record that a manifest holds.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the manifest.
    pub(crate) fn read(manifest: &Manifest) -> Result<Self> {
        from_slice(manifest.data.get().as_bytes()).map_err(|error| {
            Error::damaged(format_args!("record of repair {}", manifest.id), error)
        })
    }
}

impl Manifests {
    /// How many containers repair set aside, so that snapshots and policies may exist that are not among these.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming a record that cannot be read.
    pub fn set_aside(&self) -> Result<u64> {
        let records = self.find(&SetAside::labels()).into_iter();
        records
            .map(|manifest| Ok(SetAside::read(manifest)?.containers.len() as u64))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_the_place() {
        let info = ContentInfo {
            id: "m00ff".parse().unwrap(),
            pack: BlobId::new("qaa-s1").unwrap(),
            time: 7,
            offset: 100,
            packed_length: 50,
            original_length: 20,
            compression: 0x1101,
            format_version: 3,
            encryption_key_id: 0,
            deleted: true,
        };
        let record = SetAside {
            containers: vec![AsideContainer::new(&info, 7)],
            deleted: vec!["aa".into()],
        };
        let text = crate::json::to_vec(&record).unwrap();
        let read: SetAside = from_slice(&text).unwrap();
        assert_eq!(read, record);
        assert_eq!(read.containers[0].info(), Some(info));
        assert_eq!(AsideContainer::default().info(), None);
    }
}
