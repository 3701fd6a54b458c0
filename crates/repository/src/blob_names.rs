//! Names of blobs (format 1 §1.2).

use holdfast_storage::BlobId;

use crate::content_id::MAX_HASH_LENGTH;
use crate::error::{Error, Result};

/// The format blob.
pub const FORMAT: &str = "kopia.repository";
/// Settings of object lock.
pub const BLOBCFG: &str = "kopia.blobcfg";
/// Schedule and history of maintenance.
pub const MAINTENANCE: &str = "kopia.maintenance";
/// Prefix of packs with contents that have no prefix letter.
pub const DATA_PACK: char = 'p';
/// Prefix of packs with contents that have a prefix letter.
pub const METADATA_PACK: char = 'q';
/// Prefix of session markers.
pub const SESSION: &str = "s";
/// Prefix of legacy index blobs.
pub const LEGACY_INDEX: &str = "n";
/// Prefix of legacy compaction logs.
pub const LEGACY_COMPACTION: &str = "m";
/// Prefix of legacy clean-up logs.
pub const LEGACY_CLEANUP: &str = "l";
/// Prefix of uncompacted index blobs of an epoch.
pub const EPOCH_INDEX: &str = "xn";
/// Prefix of compacted index blobs of one epoch.
pub const EPOCH_SINGLE: &str = "xs";
/// Prefix of compacted index blobs of a range of epochs.
pub const EPOCH_RANGE: &str = "xr";
/// Prefix of epoch markers.
pub const EPOCH_MARKER: &str = "xe";
/// Prefix of deletion watermarks.
pub const EPOCH_WATERMARK: &str = "xw";
/// Prefix of diagnostic logs.
pub const LOG: &str = "_log_";
/// Left by an in-place upgrade so that old clients fail; to be ignored.
pub const POISON: &str = "n00000000000000000000000000000000-repository_unreadable_by_this_kopia_version_upgrade_required";

/// What a blob is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlobFamily {
    /// [`FORMAT`].
    Format,
    /// Copy of the format blob taken by an upgrade.
    FormatBackup,
    /// [`BLOBCFG`].
    BlobConfiguration,
    /// [`MAINTENANCE`].
    Maintenance,
    /// Pack of file data.
    DataPack,
    /// Pack of metadata.
    MetadataPack,
    /// Session marker.
    SessionMarker,
    /// Legacy index blob.
    LegacyIndex,
    /// Legacy compaction log entry.
    LegacyCompaction,
    /// Legacy clean-up entry.
    LegacyCleanup,
    /// Uncompacted index blob.
    EpochIndex,
    /// Compaction of one epoch.
    EpochSingle,
    /// Compaction of a range of epochs.
    EpochRange,
    /// Marker that an epoch was reached.
    EpochMarker,
    /// Deletion watermark.
    EpochWatermark,
    /// Diagnostic log.
    Log,
    /// [`POISON`].
    Poison,
}

impl BlobFamily {
    /// Family of a blob name; nothing for names the format does not know.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let exact = match name {
            FORMAT => Some(Self::Format),
            BLOBCFG => Some(Self::BlobConfiguration),
            MAINTENANCE => Some(Self::Maintenance),
            POISON => Some(Self::Poison),
            _ => None,
        };
        exact.or_else(|| {
            const PREFIXES: [(&str, BlobFamily); 14] = [
                ("kopia.repository.backup.", BlobFamily::FormatBackup),
                (EPOCH_INDEX, BlobFamily::EpochIndex),
                (EPOCH_SINGLE, BlobFamily::EpochSingle),
                (EPOCH_RANGE, BlobFamily::EpochRange),
                (EPOCH_MARKER, BlobFamily::EpochMarker),
                (EPOCH_WATERMARK, BlobFamily::EpochWatermark),
                (LOG, BlobFamily::Log),
                ("p", BlobFamily::DataPack),
                ("q", BlobFamily::MetadataPack),
                (SESSION, BlobFamily::SessionMarker),
                (LEGACY_INDEX, BlobFamily::LegacyIndex),
                (LEGACY_COMPACTION, BlobFamily::LegacyCompaction),
                (LEGACY_CLEANUP, BlobFamily::LegacyCleanup),
                ("", BlobFamily::Format),
            ];
            PREFIXES
                .iter()
                .find(|(prefix, _)| !prefix.is_empty() && name.starts_with(prefix))
                .map(|(_, f)| *f)
        })
    }
}

impl BlobFamily {
    /// Whether blobs of this family are encrypted as a whole by [`crate::blob_crypto`].
    #[must_use]
    pub fn is_sealed_blob(self) -> bool {
        matches!(
            self,
            Self::SessionMarker
                | Self::LegacyIndex
                | Self::LegacyCompaction
                | Self::LegacyCleanup
                | Self::EpochIndex
                | Self::EpochSingle
                | Self::EpochRange
                | Self::Log
        )
    }

    /// Whether blobs of this family are packs.
    #[must_use]
    pub fn is_pack(self) -> bool {
        matches!(self, Self::DataPack | Self::MetadataPack)
    }

    /// Whether blobs of this family hold the index or a part of it.
    #[must_use]
    pub fn is_index(self) -> bool {
        matches!(
            self,
            Self::LegacyIndex | Self::EpochIndex | Self::EpochSingle | Self::EpochRange
        )
    }

    /// The family in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::FormatBackup => "copy of the format",
            Self::BlobConfiguration => "blob configuration",
            Self::Maintenance => "maintenance schedule",
            Self::DataPack => "packs of data",
            Self::MetadataPack => "packs of metadata",
            Self::SessionMarker => "session markers",
            Self::LegacyIndex => "indexes outside epochs",
            Self::LegacyCompaction => "logs of compactions",
            Self::LegacyCleanup => "logs of clean-ups",
            Self::EpochIndex => "indexes of epochs",
            Self::EpochSingle => "compacted indexes of one epoch",
            Self::EpochRange => "compacted indexes of many epochs",
            Self::EpochMarker => "epoch markers",
            Self::EpochWatermark => "deletion watermarks",
            Self::Log => "logs",
            Self::Poison => "marker of an upgrade",
        }
    }
}

/// A blob id of a name this crate made from checked parts.
///
/// # Errors
/// [`Error::InvalidParameter`] when a part (a foreign session id, say) makes no blob id.
pub(crate) fn blob_id(name: String) -> Result<BlobId> {
    BlobId::new(name).map_err(|e| Error::InvalidParameter {
        what: "blob name",
        reason: e.to_string(),
    })
}

/// Item id under which a whole blob is encrypted: the last 16 bytes of the hash in its name (format 1 §3.2).
///
/// Nothing when the name has no such hash.
#[must_use]
pub fn encryption_id(name: &str) -> Option<[u8; 16]> {
    let head = name.split('-').next()?;
    let digits = head.get(head.len().checked_sub(32)?..)?;
    let mut id = [0; 16];
    hex::decode_to_slice(digits, &mut id).ok()?;
    Some(id)
}

/// The hash part of a name made by blob crypto: the hexadecimal digits between `prefix` and the first `-`.
pub(crate) fn hash_part<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let head = name.strip_prefix(prefix)?.split('-').next()?;
    (head.len() <= 2 * MAX_HASH_LENGTH).then_some(head)
}

/// Prefix in front of the hash of a blob written by blob crypto: for names with `_` all up to the last one,
/// otherwise the leading letter.
pub(crate) fn prefix_of(name: &str) -> &str {
    let head = name.split('-').next().unwrap_or(name);
    match head.rfind('_') {
        Some(at) => &head[..=at],
        None => head.get(..1).unwrap_or(head),
    }
}

/// The session of a blob (format 1 §6.7): the first part after a `-` that begins with `s`.
#[must_use]
pub fn session_of(name: &str) -> Option<&str> {
    name.split('-').skip(1).find(|part| part.starts_with('s'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        for (name, family) in [
            ("kopia.repository", BlobFamily::Format),
            ("kopia.repository.backup.me", BlobFamily::FormatBackup),
            ("xn0_aa-s1-c1", BlobFamily::EpochIndex),
            ("xe12", BlobFamily::EpochMarker),
            ("n00-s1", BlobFamily::LegacyIndex),
            (POISON, BlobFamily::Poison),
            ("q00-s1", BlobFamily::MetadataPack),
            ("_log_x", BlobFamily::Log),
        ] {
            assert_eq!(BlobFamily::of(name), Some(family), "{name}");
        }
        assert_eq!(BlobFamily::of("zz"), None);
    }

    #[test]
    fn parts_of_names() {
        let name = "xn0_73f8eeec2b4f9b40e1f7a5a479fcbe9f-sd45078c3e660efcd147-c1";
        assert_eq!(
            encryption_id(name).map(hex::encode).as_deref(),
            Some("73f8eeec2b4f9b40e1f7a5a479fcbe9f")
        );
        assert_eq!(prefix_of(name), "xn0_");
        assert_eq!(prefix_of("s73f8"), "s");
        assert_eq!(
            hash_part(name, "xn0_"),
            Some("73f8eeec2b4f9b40e1f7a5a479fcbe9f")
        );
        assert_eq!(session_of(name), Some("sd45078c3e660efcd147"));
        assert_eq!(session_of("xn0_73f8--c1"), None);
        assert_eq!(encryption_id("xe12"), None);
        assert_eq!(encryption_id("é"), None);
    }
}
