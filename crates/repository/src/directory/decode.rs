//! Reading directory streams with the tolerance of the reference implementation (format 2 §0.2, §4.2).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::{
    Directory, DirectoryEntry, DirectorySummary, EntryKind, Extras, FileMode, InvalidMode, fast,
};
use crate::json::{
    self, Cursor, InvalidTime, JsonError, Kind, Node, UnixNanos, fold_equal, for_each_member,
};
use crate::object::InvalidObjectId;

/// Why a directory stream cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Not a JSON document of the expected types.
    #[error("directory: {0}")]
    Json(#[from] JsonError),
    /// Another kind of stream.
    #[error("directory: the stream is named {0:?}")]
    Stream(String),
    /// A mode is not one.
    #[error("directory: {0}")]
    Mode(#[from] InvalidMode),
    /// A time is not one.
    #[error("directory: {0:?} is no time")]
    Time(String),
    /// More entries than a text of this length can name.
    #[error("directory: it has more entries than names")]
    Crowded,
    /// An object id is not one.
    #[error("directory: {0}")]
    Object(#[from] InvalidObjectId),
}

/// Reads a directory stream. Canonical streams take a fast path, everything else the general reader; both give the
/// same result.
pub fn decode(text: &[u8]) -> Result<Directory, DirectoryError> {
    match fast::decode(text) {
        Some(directory) => Ok(directory),
        None => decode_general(text),
    }
}

/// Reads one entry, for example the root entry of a snapshot.
pub fn decode_entry(text: &[u8]) -> Result<DirectoryEntry, DirectoryError> {
    entry(&json::parse_prefix(text)?)
}

pub(super) fn decode_general(text: &[u8]) -> Result<Directory, DirectoryError> {
    let (mut stream, mut entries, mut summary, mut extras) =
        (String::new(), Vec::new(), None, None);
    let mut cursor = Cursor { text, at: 0 };
    if cursor.peek()? != b'{' {
        return Err(match cursor.value(0)? {
            Node {
                kind: Kind::Null, ..
            } => DirectoryError::Stream(stream),
            other => mismatch("an object", &other),
        });
    }
    for_each_member(&mut cursor, |key, cursor| {
        match field(key, &["stream", "entries", "summary"]) {
            Some("stream") => stream = text_of(&cursor.value(1)?)?,
            Some("entries") => entries = read_entries(cursor)?,
            Some("summary") => {
                summary = Some(json_value::<DirectorySummary>(&cursor.value(1)?)?);
            }
            _ if key == "hf" => {
                extras = json_value::<Extras>(&cursor.value(1)?).ok().map(Box::new);
            }
            _ => drop(cursor.skip(1)?),
        }
        Ok::<(), DirectoryError>(())
    })?;
    if stream != "kopia:directory" {
        return Err(DirectoryError::Stream(stream));
    }
    Ok(Directory {
        entries,
        summary: summary.unwrap_or_default(),
        extras,
    })
}

/// So many entries are read in any case.
const FEW_ENTRIES: usize = 1000;
/// Bytes of text for each entry at least; the shortest entry of any client has a name, a type and an object.
const MIN_ENTRY: usize = 24;

/// Reads the list of entries one by one, so that only one is held as a tree.
fn read_entries(cursor: &mut Cursor<'_>) -> Result<Vec<DirectoryEntry>, DirectoryError> {
    let mut entries = Vec::new();
    if cursor.peek()? != b'[' {
        return match cursor.value(1)? {
            Node {
                kind: Kind::Null, ..
            } => Ok(entries),
            other => Err(mismatch("a list", &other)),
        };
    }
    cursor.expect(b'[')?;
    if cursor.peek()? == b']' {
        cursor.expect(b']')?;
        return Ok(entries);
    }
    loop {
        entries.push(entry(&cursor.value(2)?)?);
        // Entries without a name take far more memory than text.
        if entries.len() > FEW_ENTRIES && entries.len() > cursor.text.len() / MIN_ENTRY {
            return Err(DirectoryError::Crowded);
        }
        if !cursor.comma_or(b']')? {
            return Ok(entries);
        }
    }
}

const FIELDS: [&str; 9] = [
    "name", "type", "mode", "size", "mtime", "uid", "gid", "obj", "summ",
];

fn entry(node: &Node<'_>) -> Result<DirectoryEntry, DirectoryError> {
    let mut entry = DirectoryEntry::new(Vec::new(), EntryKind::Other("".into()));
    for (key, value) in members(node)? {
        match field(key, &FIELDS) {
            Some("name") => entry.name = text_of(value)?.into_bytes(),
            Some("type") => entry.kind = EntryKind::from_text(&text_of(value)?),
            Some("mode") => match &value.kind {
                Kind::String(text) => entry.mode = FileMode::parse(text)?,
                _ => return Err(mismatch("a mode as text", value)),
            },
            Some("size") => entry.size = json_value(value)?,
            Some("mtime") => entry.mtime = time(value)?,
            Some("uid") => entry.uid = json_value(value)?,
            Some("gid") => entry.gid = json_value(value)?,
            Some("obj") => {
                let text = text_of(value)?;
                entry.object = if text.is_empty() {
                    None
                } else {
                    Some(text.parse()?)
                };
            }
            Some("summ") => {
                entry.summary = match value.kind {
                    Kind::Null => None,
                    _ => Some(Box::new(json_value(value)?)),
                }
            }
            _ => unknown(&mut entry, key, value),
        }
    }
    keep_last(&mut entry.unknown);
    Ok(entry)
}

/// Keeps a key that the format does not know: as extras where it reads as such, else as text.
fn unknown(entry: &mut DirectoryEntry, key: &str, value: &Node<'_>) {
    if key == "hf"
        && let Ok(extras) = json_value::<Extras>(value)
    {
        entry.extras = Some(Box::new(extras));
        return;
    }
    entry.unknown.push((key.to_owned(), value.raw.to_vec()));
}

/// Leaves the last of members with the same key.
fn keep_last(members: &mut Vec<(String, Vec<u8>)>) {
    let mut last: HashMap<&str, usize> = HashMap::with_capacity(members.len());
    for (at, (key, _)) in members.iter().enumerate() {
        last.insert(key, at);
    }
    if last.len() == members.len() {
        return;
    }
    let kept: HashSet<usize> = last.into_values().collect();
    let mut at = 0;
    members.retain(|_| {
        at += 1;
        kept.contains(&(at - 1))
    });
}

fn members<'n, 'a>(node: &'n Node<'a>) -> Result<&'n [(Cow<'a, str>, Node<'a>)], DirectoryError> {
    match &node.kind {
        Kind::Object(members) => Ok(members),
        Kind::Null => Ok(&[]),
        _ => Err(mismatch("an object", node)),
    }
}

/// The field that a key means: exact first, then without regard to case.
fn field<'f>(key: &str, fields: &[&'f str]) -> Option<&'f str> {
    let exact = fields.iter().find(|field| **field == key);
    exact
        .or_else(|| fields.iter().find(|field| fold_equal(field, key)))
        .copied()
}

fn text_of(node: &Node<'_>) -> Result<String, DirectoryError> {
    match &node.kind {
        Kind::String(text) => Ok(text.clone().into_owned()),
        Kind::Null => Ok(String::new()),
        _ => Err(mismatch("a string", node)),
    }
}

pub(super) fn time(node: &Node<'_>) -> Result<UnixNanos, DirectoryError> {
    match &node.kind {
        Kind::Null => Ok(UnixNanos::FROM_NULL),
        Kind::String(text) => UnixNanos::parse(text.as_bytes())
            .map_err(|InvalidTime| DirectoryError::Time(text.clone().into_owned())),
        _ => Err(mismatch("a time", node)),
    }
}

fn json_value<T: for<'de> serde::Deserialize<'de>>(node: &Node<'_>) -> Result<T, DirectoryError> {
    Ok(json::from_node(node)?)
}

fn mismatch(expected: &str, node: &Node<'_>) -> DirectoryError {
    JsonError::Mismatch(format!("expected {expected}, found {}", node.type_name())).into()
}
