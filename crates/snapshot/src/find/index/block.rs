//! Neighbouring paths with their states: what of the file is read, sealed and copied as one.
//!
//! A block has three sections, so that a search reads no more than it needs: the names, the states, and a digest of each
//! folder of the latest point. The latter two are read only where a name was found and when a point is added.

use holdfast_repository::Hasher;

use super::codec::{Reader, push_bytes, push_number};
use super::spans::Spans;
use super::state::{self, Digest};

/// One state of an entry and the points that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// As [`state::encode`] writes it.
    pub(super) bytes: Vec<u8>,
    /// The points.
    pub(super) spans: Spans,
}

/// A path with its states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// The path as [`super::key`] writes it.
    pub(super) key: Vec<u8>,
    /// The states, each once.
    pub(super) states: Vec<State>,
    /// In what was read of a new point: nothing below this folder changed, so it was not read.
    pub(super) unchanged_below: bool,
}

impl Row {
    /// Adds points that have a state.
    pub(super) fn add(&mut self, bytes: &[u8], spans: &Spans) {
        // Neighbours in time are equal in most cases.
        match self
            .states
            .iter_mut()
            .rev()
            .find(|state| state.bytes == bytes)
        {
            Some(state) => state.spans.unite(spans),
            None => self.states.push(State {
                bytes: bytes.to_vec(),
                spans: spans.clone(),
            }),
        }
    }

    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        let states = self.states.iter();
        32 + self.key.len() + states.map(|state| weight(&state.bytes)).sum::<usize>()
    }
}

/// About how many bytes a state takes.
pub(super) fn weight(state: &[u8]) -> usize {
    state.len() + 16
}

/// What kinds of states a path has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u8);

const FOLDER: u8 = 1;
const OTHER: u8 = 2;
const UNCHANGED_BELOW: u8 = 4;

impl Kinds {
    fn of(row: &Row) -> Self {
        let kinds = row
            .states
            .iter()
            .map(|state| match state::is_folder(&state.bytes) {
                true => FOLDER,
                false => OTHER,
            });
        let unchanged = if row.unchanged_below {
            UNCHANGED_BELOW
        } else {
            0
        };
        Self(kinds.fold(unchanged, |all, kind| all | kind))
    }

    /// Whether it was a folder, or anything else, in any point.
    pub(super) fn has(self, folder: bool) -> bool {
        self.0 & if folder { FOLDER } else { OTHER } != 0
    }
}

/// The sections of a block, not sealed yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sections {
    pub(super) names: Vec<u8>,
    pub(super) states: Vec<u8>,
    pub(super) folders: Vec<u8>,
}

/// Writes rows, which are in the order of their keys, as a block.
pub(super) fn encode(hasher: &Hasher, rows: &[Row]) -> Sections {
    let mut sections = Sections::default();
    let mut last: &[u8] = &[];
    for row in rows {
        let shared = last
            .iter()
            .zip(&row.key)
            .take_while(|(a, b)| a == b)
            .count();
        push_number(&mut sections.names, shared as u64);
        push_bytes(&mut sections.names, &row.key[shared..]);
        sections.names.push(Kinds::of(row).0);
        last = &row.key;
        push_number(&mut sections.states, row.states.len() as u64);
        for state in &row.states {
            push_bytes(&mut sections.states, &state.bytes);
            state.spans.push(&mut sections.states);
        }
        let open = row.states.iter().filter(|state| state.spans.is_open());
        let folders = open.filter_map(|state| {
            let folder = state::is_folder(&state.bytes);
            folder.then(|| state::decode("", &state.bytes)?.object)?
        });
        if let Some(digest) = folder_digest(hasher, &row.key, folders) {
            sections.folders.extend_from_slice(&digest);
        }
    }
    sections
}

/// What stands for the objects that a path has as a folder in one point; nothing where it has none.
pub(super) fn folder_digest(
    hasher: &Hasher,
    key: &[u8],
    objects: impl Iterator<Item = holdfast_repository::ObjectId>,
) -> Option<Digest> {
    let mut objects: Vec<_> = objects.collect();
    if objects.is_empty() {
        return None;
    }
    objects.sort_unstable();
    objects.dedup();
    let mut bytes = Vec::with_capacity(key.len() + 32);
    push_bytes(&mut bytes, key);
    objects
        .iter()
        .for_each(|object| state::push_object(&mut bytes, object));
    Some(state::digest(hasher, "folder of a search index", &bytes))
}

/// Calls `each` with the number, key and kinds of every row; `None` for bytes that are no names.
pub(super) fn each_name(names: &[u8], mut each: impl FnMut(usize, &[u8], Kinds)) -> Option<()> {
    let mut reader = Reader::new(names);
    let mut key = Vec::new();
    let mut number = 0;
    while !reader.is_empty() {
        let shared: usize = reader.narrow()?;
        if shared > key.len() {
            return None;
        }
        key.truncate(shared);
        key.extend_from_slice(reader.bytes()?);
        each(number, &key, Kinds(reader.byte()?));
        number += 1;
    }
    Some(())
}

/// Reads the states of rows one after another.
#[derive(Debug)]
pub(super) struct States<'a> {
    reader: Reader<'a>,
    next: usize,
}

impl<'a> States<'a> {
    pub(super) fn new(states: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(states),
            next: 0,
        }
    }

    /// The states of a row that is not before those that were asked for already: bytes and points.
    pub(super) fn of_row(&mut self, row: usize) -> Option<Vec<(&'a [u8], Spans)>> {
        while self.next < row {
            self.read(|_, _| ())?;
        }
        let mut states = Vec::new();
        self.read(|bytes, spans| states.push((bytes, spans)))?;
        Some(states)
    }

    fn read(&mut self, mut each: impl FnMut(&'a [u8], Spans)) -> Option<()> {
        let count: usize = self.reader.narrow()?;
        for _ in 0..count {
            let bytes = self.reader.bytes()?;
            each(bytes, Spans::read(&mut self.reader)?);
        }
        self.next += 1;
        Some(())
    }
}

/// All rows of a block.
pub(super) fn decode(names: &[u8], states: &[u8]) -> Option<Vec<Row>> {
    let mut rows = Vec::new();
    each_name(names, |_, key, kinds| {
        rows.push(Row {
            key: key.to_vec(),
            states: Vec::new(),
            unchanged_below: kinds.0 & UNCHANGED_BELOW != 0,
        });
    })?;
    let mut all = States::new(states);
    for (number, row) in rows.iter_mut().enumerate() {
        let states = all.of_row(number)?.into_iter();
        row.states = states
            .map(|(bytes, spans)| State {
                bytes: bytes.to_vec(),
                spans,
            })
            .collect();
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use holdfast_repository::HashAlgorithm;
    use holdfast_repository::directory::{DirectoryEntry, EntryKind};
    use proptest::prelude::*;

    use super::*;

    fn hasher() -> Hasher {
        Hasher::new(HashAlgorithm::default(), b"secret").unwrap()
    }

    fn row(path: &str, kind: &str, spans: Spans) -> Row {
        let mut entry = DirectoryEntry::new("", EntryKind::from_text(kind));
        entry.object = Some("kaa".parse().unwrap());
        let bytes = state::encode(&hasher(), &entry);
        Row {
            key: super::super::key::of_path(path),
            states: vec![State { bytes, spans }],
            unchanged_below: path.len().is_multiple_of(2),
        }
    }

    #[test]
    fn rows_come_back() {
        let rows = [
            row("docs", "d", Spans::of(0, u32::MAX)),
            row("docs/old", "d", Spans::of(0, 3)),
            row("docs/old/report", "f", Spans::of(2, 2)),
            row("x", "s", Spans::of(1, u32::MAX)),
        ];
        let sections = encode(&hasher(), &rows);
        assert_eq!(decode(&sections.names, &sections.states).unwrap(), rows);
        // Of the folders, one is in the latest point.
        let object = "kaa".parse().unwrap();
        let digest = folder_digest(&hasher(), &rows[0].key, [object].into_iter());
        assert_eq!(sections.folders, digest.unwrap());
        let mut kinds = Vec::new();
        each_name(&sections.names, |number, key, kind| {
            assert_eq!(key, rows[number].key);
            kinds.push((kind.has(true), kind.has(false)));
        });
        assert_eq!(
            kinds,
            [(true, false), (true, false), (false, true), (false, true)]
        );
        let mut states = States::new(&sections.states);
        assert_eq!(states.of_row(2).unwrap()[0].1, Spans::of(2, 2));
        assert_eq!(states.of_row(3).unwrap()[0].0, rows[3].states[0].bytes);
        assert_eq!(states.of_row(4), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(names: Vec<u8>, states: Vec<u8>) {
            let _ = decode(&names, &states);
        }
    }
}
