//! What the index keeps of an entry: all that a search tells, and a digest of the rest, so that states that differ only
//! in that are two.

use holdfast_repository::directory::{
    DirectoryEntry, DirectorySummary, EntryKind, Extras, FileMode, encode_entry,
};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::{ContentId, Hasher, ObjectId};

use super::codec::{Reader, push_bytes, push_number, push_signed};

/// Length of a digest in bytes; all hashes of the format have at least as many.
pub(super) const DIGEST: usize = 16;

/// What stands for longer byte strings.
pub(super) type Digest = [u8; DIGEST];

/// The keyed hash of the repository over bytes for one purpose.
pub(super) fn digest(hasher: &Hasher, purpose: &str, bytes: &[u8]) -> Digest {
    let mut state = hasher.start();
    hasher.update_lanes([(&mut state, purpose.as_bytes())]);
    hasher.update_lanes([(&mut state, bytes)]);
    let hash = hasher.finish(&state);
    let mut digest = [0; DIGEST];
    let length = hash.as_bytes().len().min(DIGEST);
    digest[..length].copy_from_slice(&hash.as_bytes()[..length]);
    digest
}

const KIND: u8 = 0b11;
const FOLDER: u8 = 1;
const HAS_OBJECT: u8 = 1 << 2;
const HAS_SUMMARY: u8 = 1 << 3;
const HAS_RAW_NAME: u8 = 1 << 4;
const HAS_MORE: u8 = 1 << 5;
/// Beside the level of indirection of an object.
const COMPRESSED: u8 = 0x80;

/// Whether these bytes of [`encode`] are a folder's.
pub(super) fn is_folder(state: &[u8]) -> bool {
    state.first().is_some_and(|flags| flags & KIND == FOLDER)
}

/// The bytes of a state; equal states have equal bytes.
pub(super) fn encode(hasher: &Hasher, entry: &DirectoryEntry) -> Vec<u8> {
    let kind = match &entry.kind {
        EntryKind::File => 0,
        EntryKind::Directory => FOLDER,
        EntryKind::Symlink => 2,
        EntryKind::Other(_) => 3,
    };
    let raw_name = entry
        .extras
        .as_ref()
        .and_then(|extras| extras.raw_name.as_ref());
    let more = more(entry);
    let flags = [
        (HAS_OBJECT, entry.object.is_some()),
        (HAS_SUMMARY, entry.summary.is_some()),
        (HAS_RAW_NAME, raw_name.is_some()),
        (HAS_MORE, more.is_some()),
    ];
    let set = flags.into_iter().filter(|(_, set)| *set);
    let mut out = Vec::with_capacity(64);
    out.push(set.fold(kind, |flags, (flag, _)| flags | flag));
    if let EntryKind::Other(text) = &entry.kind {
        push_bytes(&mut out, text.as_bytes());
    }
    push_signed(&mut out, entry.mode.bits().into());
    push_signed(&mut out, entry.size);
    push_signed(&mut out, entry.mtime.0);
    push_number(&mut out, entry.uid.into());
    push_number(&mut out, entry.gid.into());
    if let Some(object) = &entry.object {
        push_object(&mut out, object);
    }
    if let Some(summary) = &entry.summary {
        for value in [
            summary.total_size,
            summary.files,
            summary.symlinks,
            summary.dirs,
            summary.max_time.0,
            summary.failed,
            summary.ignored_errors,
        ] {
            push_signed(&mut out, value);
        }
        push_bytes(&mut out, summary.incomplete.as_bytes());
    }
    if let Some(raw_name) = raw_name {
        push_bytes(&mut out, &raw_name.0);
    }
    if let Some(more) = more {
        out.extend_from_slice(&digest(hasher, "more of an entry", &more));
    }
    out
}

/// What is not kept, as a text.
fn more(entry: &DirectoryEntry) -> Option<Vec<u8>> {
    let errors = entry
        .summary
        .as_ref()
        .map_or(&[][..], |summary| &summary.errors);
    let extras = entry.extras.as_ref().filter(|extras| {
        let name = extras.raw_name.as_ref();
        name.is_none_or(|name| ***extras != Extras::with_raw_name(&name.0))
    });
    if errors.is_empty() && extras.is_none() && entry.unknown.is_empty() {
        return None;
    }
    let mut rest = DirectoryEntry::new(Vec::new(), EntryKind::Other("".into()));
    rest.extras = extras.cloned();
    rest.unknown = entry.unknown.clone();
    rest.summary = (!errors.is_empty()).then(|| {
        Box::new(DirectorySummary {
            errors: errors.to_vec(),
            ..DirectorySummary::default()
        })
    });
    let mut text = Vec::new();
    encode_entry(&mut text, &rest);
    Some(text)
}

/// The entry with this name, without what is not kept; `None` for bytes that are no state.
pub(super) fn decode(name: &str, state: &[u8]) -> Option<DirectoryEntry> {
    let mut reader = Reader::new(state);
    let flags = reader.byte()?;
    let kind = match flags & KIND {
        0 => EntryKind::File,
        FOLDER => EntryKind::Directory,
        2 => EntryKind::Symlink,
        _ => EntryKind::Other(reader.text()?.into()),
    };
    let mut entry = DirectoryEntry::new(name, kind);
    entry.mode = FileMode::from_bits(reader.signed()?.try_into().ok()?);
    entry.size = reader.signed()?;
    entry.mtime = UnixNanos(reader.signed()?);
    entry.uid = reader.narrow()?;
    entry.gid = reader.narrow()?;
    if flags & HAS_OBJECT != 0 {
        entry.object = Some(read_object(&mut reader)?);
    }
    if flags & HAS_SUMMARY != 0 {
        entry.summary = Some(Box::new(DirectorySummary {
            total_size: reader.signed()?,
            files: reader.signed()?,
            symlinks: reader.signed()?,
            dirs: reader.signed()?,
            max_time: UnixNanos(reader.signed()?),
            failed: reader.signed()?,
            ignored_errors: reader.signed()?,
            incomplete: reader.text()?.to_owned(),
            errors: Vec::new(),
        }));
    }
    if flags & HAS_RAW_NAME != 0 {
        entry.extras = Some(Box::new(Extras::with_raw_name(reader.bytes()?)));
    }
    if flags & HAS_MORE != 0 {
        reader.array::<DIGEST>()?;
    }
    reader.is_empty().then_some(entry)
}

pub(super) fn push_object(out: &mut Vec<u8>, object: &ObjectId) {
    let levels = std::iter::successors(object.index_object(), ObjectId::index_object).count();
    let compressed = if object.is_compressed() {
        COMPRESSED
    } else {
        0
    };
    out.push(levels as u8 | compressed);
    let content = object.content();
    push_number(out, content.key_length() as u64);
    content.append_key(out);
}

fn read_object(reader: &mut Reader<'_>) -> Option<ObjectId> {
    let form = reader.byte()?;
    let content = ContentId::from_key(reader.bytes()?)?;
    if form == COMPRESSED {
        return Some(ObjectId::compressed(content));
    }
    (0..form).try_fold(ObjectId::direct(content), |object, _| {
        ObjectId::indirect(object)
    })
}

#[cfg(test)]
mod tests {
    use holdfast_repository::HashAlgorithm;
    use holdfast_repository::directory::EntryError;
    use proptest::prelude::*;

    use super::*;

    fn hasher() -> Hasher {
        Hasher::new(HashAlgorithm::default(), b"secret").unwrap()
    }

    fn whole() -> DirectoryEntry {
        let mut entry = DirectoryEntry::new("docs", EntryKind::Directory);
        entry.mode = FileMode::from_unix(0o4755);
        entry.size = -1;
        entry.mtime = UnixNanos(-1_700_000_000_123_456_789);
        (entry.uid, entry.gid) = (u32::MAX, 1);
        entry.object = "k0123456789abcdef0123456789abcdef".parse().ok();
        entry.summary = Some(Box::new(DirectorySummary {
            total_size: 1 << 60,
            files: 7,
            incomplete: "canceled".to_owned(),
            ..DirectorySummary::default()
        }));
        entry
    }

    #[test]
    fn what_is_kept_comes_back() {
        for object in ["aa", "IIk0b", "Zaa", "IIIIIIIIIIIIIIIIaa"] {
            for kind in ["f", "d", "s", "b", ""] {
                let mut entry = whole();
                entry.object = Some(object.parse().unwrap());
                entry.kind = EntryKind::from_text(kind);
                let state = encode(&hasher(), &entry);
                assert_eq!(is_folder(&state), kind == "d");
                assert_eq!(decode("docs", &state), Some(entry));
            }
        }
        let mut named = whole();
        named.extras = Some(Box::new(Extras::with_raw_name(b"d\xff")));
        named.object = None;
        assert_eq!(decode("docs", &encode(&hasher(), &named)), Some(named));
    }

    #[test]
    fn states_that_differ_in_anything_are_two() {
        type Change = fn(&mut DirectoryEntry);
        let changes: [Change; 11] = [
            |_| {},
            |entry| entry.kind = EntryKind::File,
            |entry| entry.mode = FileMode::from_unix(0o755),
            |entry| entry.size = 0,
            |entry| entry.mtime = UnixNanos(0),
            |entry| entry.gid = 0,
            |entry| entry.object = None,
            |entry| entry.summary = None,
            |entry| {
                entry.extras = Some(Box::new(Extras {
                    hard_link: "1".to_owned(),
                    ..Extras::default()
                }))
            },
            |entry| entry.unknown = vec![("new".to_owned(), b"1".to_vec())],
            |entry| {
                entry.summary.as_mut().unwrap().errors = vec![EntryError {
                    path: "x".to_owned(),
                    error: "y".to_owned(),
                }];
            },
        ];
        let states: std::collections::HashSet<Vec<u8>> = changes
            .iter()
            .map(|change| {
                let mut entry = whole();
                change(&mut entry);
                encode(&hasher(), &entry)
            })
            .collect();
        assert_eq!(states.len(), changes.len());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(state: Vec<u8>) {
            let _ = decode("x", &state);
        }
    }
}
