//! What becomes of entries, packs and contents, decided without looking at the store.

use std::collections::HashSet;

use crate::blob_names::{LEGACY_CLEANUP, LEGACY_COMPACTION, session_of};
use crate::index::{ContentInfo, supersedes};

/// What the index has lost of an entry that a pack has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing: it has this entry, or one that counts more.
    Known,
    /// The entry.
    Lost,
    /// The entry may be lost, or have been dropped because the content was deleted.
    Uncertain,
}

/// Judges an entry of a pack by the entry that counts in the index, if there is one. A content that was deleted has
/// vanished from the index only when its mark is not younger than `watermark` (unix seconds; nothing when the repository
/// does not say), and a mark is younger than what it marks. `incomplete` says that blobs of the index are known to be
/// lost that may have had the entry.
pub(super) fn verdict(
    local: &ContentInfo,
    winner: Option<&ContentInfo>,
    watermark: Option<u64>,
    incomplete: bool,
) -> Verdict {
    if local.is_unusable()
        || winner.is_some_and(|winner| !winner.is_unusable() && !supersedes(local, winner))
    {
        Verdict::Known
    } else if incomplete || watermark.is_some_and(|watermark| local.time >= watermark) {
        Verdict::Lost
    } else {
        Verdict::Uncertain
    }
}

/// What the index lacks for sure, because blobs of it are lost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Gaps {
    /// Any entry may be missing.
    pub(super) anything: bool,
    /// Entries of packs of these sessions may be missing.
    sessions: HashSet<String>,
}

/// What an index blob said, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said<'n> {
    /// Nothing of its own: it told which other blobs count.
    Nothing,
    /// What a session stored.
    Session(&'n str),
    /// What many sessions stored, or where contents were to be found that lie elsewhere.
    Anything,
}

/// What an index blob said, given the sessions that have packs. A session without any published entries of others.
pub(super) fn said<'n>(blob: &'n str, sessions: &HashSet<&str>) -> Said<'n> {
    let logs = [LEGACY_COMPACTION, LEGACY_CLEANUP];
    if logs.iter().any(|prefix| blob.starts_with(prefix)) {
        return Said::Nothing;
    }
    match session_of(blob) {
        Some(session) if sessions.contains(session) => Said::Session(session),
        _ => Said::Anything,
    }
}

impl Gaps {
    pub(super) fn of<'n>(lost: impl IntoIterator<Item = Said<'n>>) -> Self {
        let mut gaps = Self::default();
        for said in lost {
            match said {
                Said::Nothing => {}
                Said::Session(session) => drop(gaps.sessions.insert(session.to_owned())),
                Said::Anything => gaps.anything = true,
            }
        }
        gaps
    }

    /// Whether an entry of this pack may be missing.
    pub(super) fn may_lack(&self, pack: &str) -> bool {
        self.anything || session_of(pack).is_some_and(|session| self.sessions.contains(session))
    }
}

/// Whether a pack belongs to a session that has not ended, so that its contents may never have been published.
/// `markers` are the sessions with a marker, `published` those of which an index blob is known to have existed.
pub(super) fn is_under_way(
    pack: &str,
    markers: &HashSet<String>,
    published: &HashSet<String>,
) -> bool {
    session_of(pack)
        .is_some_and(|session| markers.contains(session) && !published.contains(session))
}

/// A pack as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundPack {
    /// Bytes.
    pub(super) length: u64,
    /// Why its local index cannot be read; nothing when it can.
    pub(super) damage: Option<String>,
}

/// What is known of a content that the index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is where it belongs.
    Keep,
    /// Only reading it can tell.
    Read,
    /// It cannot be read any more.
    Lost,
}

/// What is known of a content by its pack alone.
pub(super) fn fate(info: &ContentInfo, pack: Option<&FoundPack>, read_data: bool) -> Fate {
    let end = u64::from(info.offset) + u64::from(info.packed_length);
    match pack {
        None => Fate::Lost,
        Some(pack) if end > pack.length => Fate::Lost,
        Some(pack) if pack.damage.is_some() || read_data => Fate::Read,
        Some(_) => Fate::Keep,
    }
}

#[cfg(test)]
mod tests {
    use holdfast_storage::BlobId;

    use super::*;

    fn info(time: u64, deleted: bool, pack: &str) -> ContentInfo {
        ContentInfo {
            id: "00ff".parse().unwrap(),
            pack: BlobId::new(pack).unwrap(),
            time,
            offset: 100,
            packed_length: 50,
            original_length: 20,
            compression: 0,
            format_version: 3,
            encryption_key_id: 0,
            deleted,
        }
    }

    #[test]
    fn entries() {
        use Verdict::{Known, Lost, Uncertain};
        let local = info(10, false, "pa");
        let unusable = ContentInfo {
            format_version: 255,
            ..info(99, false, "pa")
        };
        for (winner, watermark, incomplete, expected) in [
            (Some(local.clone()), Some(0), true, Known),
            // A newer entry, or a mark as deleted, is never overridden.
            (Some(info(11, false, "pa")), Some(0), true, Known),
            (Some(info(11, true, "pa")), Some(0), true, Known),
            (Some(info(11, true, "pa")), Some(20), true, Known),
            (Some(info(10, false, "pb")), Some(0), true, Known),
            (Some(info(9, false, "pb")), Some(0), false, Lost),
            (Some(info(10, true, "pb")), Some(0), false, Lost),
            (Some(unusable), Some(0), false, Lost),
            (None, Some(0), false, Lost),
            (None, Some(10), false, Lost),
            (None, Some(11), false, Uncertain),
            (None, Some(11), true, Lost),
            (None, None, false, Uncertain),
            (None, None, true, Lost),
            (Some(info(9, true, "pb")), Some(11), false, Uncertain),
        ] {
            let found = verdict(&local, winner.as_ref(), watermark, incomplete);
            assert_eq!(found, expected, "{winner:?} {watermark:?} {incomplete}");
        }
        let unusable = ContentInfo {
            format_version: 255,
            ..local
        };
        assert_eq!(verdict(&unusable, None, Some(0), true), Known);
    }

    #[test]
    fn lost_blobs_tell_what_is_missing() {
        let with_packs = HashSet::from(["s1", "s2"]);
        for (blob, expected) in [
            ("xn0_aa-s1-c1", Said::Session("s1")),
            ("naa-s2", Said::Session("s2")),
            // A session that only published anew, and compactions of both schemes.
            ("xn0_aa-s9-c1", Said::Anything),
            ("xs3_aa-s8-c1", Said::Anything),
            ("naa", Said::Anything),
            ("maa", Said::Nothing),
            ("laa", Said::Nothing),
        ] {
            assert_eq!(said(blob, &with_packs), expected, "{blob}");
        }
        let one = Gaps::of([Said::Session("s1"), Said::Nothing]);
        assert!(one.may_lack("paa-s1") && !one.may_lack("paa-s2") && !one.may_lack("paa"));
        assert!(Gaps::of([Said::Anything]).may_lack("paa-s2"));
        assert!(!Gaps::of([]).may_lack("paa-s1"));
    }

    #[test]
    fn sessions() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (markers, published) = (set(&["s1", "s2"]), set(&["s2"]));
        for (pack, expected) in [
            ("paa-s1", true),
            ("paa-s2", false),
            ("paa-s3", false),
            ("paa", false),
        ] {
            assert_eq!(is_under_way(pack, &markers, &published), expected, "{pack}");
        }
    }

    #[test]
    fn fates() {
        let pack = |length, damaged: bool| FoundPack {
            length,
            damage: damaged.then(String::new),
        };
        for (pack, read_data, expected) in [
            (None, true, Fate::Lost),
            (Some(pack(149, false)), true, Fate::Lost),
            (Some(pack(149, true)), false, Fate::Lost),
            (Some(pack(150, true)), false, Fate::Read),
            (Some(pack(150, false)), true, Fate::Read),
            (Some(pack(150, false)), false, Fate::Keep),
        ] {
            let found = fate(&info(1, false, "pa"), pack.as_ref(), read_data);
            assert_eq!(found, expected, "{pack:?} {read_data}");
        }
    }
}
