//! Indirect streams: the lists of parts of long objects (format 2 §1.2).

use std::io::Write as _;

use super::{InvalidObjectId, ObjectId};
use crate::json::{self, JsonError, Kind, Node, fold_equal, push_u64};

/// One part of an indirect object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndirectEntry {
    /// Offset of the part in the whole object, bytes.
    pub start: u64,
    /// Length of the part, uncompressed bytes.
    pub length: u64,
    /// Where the part is.
    pub object: ObjectId,
}

impl IndirectEntry {
    /// The offset behind the part.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.length)
    }
}

/// Why an indirect stream cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IndirectError {
    /// Not a JSON document of the expected types.
    #[error("index of an object: {0}")]
    Json(#[from] JsonError),
    /// A part has no valid id.
    #[error("index of an object: {0}")]
    Object(#[from] InvalidObjectId),
    /// The index lists nothing; such an object has no length.
    #[error("index of an object lists no parts")]
    Empty,
    /// A part does not say where it is.
    #[error("index of an object: part {part} has no object id")]
    NoObject {
        /// Position of the part in the list.
        part: usize,
    },
    /// A part begins or ends outside the range of offsets.
    #[error("index of an object: part {part} has an impossible offset or length")]
    Range {
        /// Position of the part in the list.
        part: usize,
    },
}

/// The bytes of an indirect stream, final newline included.
pub fn encode_indirect(entries: &[IndirectEntry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(40 + entries.len() * 72);
    out.extend_from_slice(b"{\"stream\":\"kopia:indirect\",\"entries\":[");
    for (at, entry) in entries.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"{" } else { b",{" });
        if entry.start != 0 {
            out.extend_from_slice(b"\"s\":");
            push_u64(&mut out, entry.start);
            out.push(b',');
        }
        if entry.length != 0 {
            out.extend_from_slice(b"\"l\":");
            push_u64(&mut out, entry.length);
            out.push(b',');
        }
        // Writing to a vector cannot fail.
        let _ = write!(out, "\"o\":\"{}\"}}", entry.object);
    }
    out.extend_from_slice(b"]}\n");
    out
}

/// Reads an indirect stream. The stream name and the contiguity of parts are not checked, as in the reference
/// implementation; use [`is_contiguous`] where that matters.
pub fn decode_indirect(text: &[u8]) -> Result<Vec<IndirectEntry>, IndirectError> {
    let node = json::parse_prefix(text)?;
    let Some(list) = member(&node, "entries") else {
        return Err(IndirectError::Empty);
    };
    let Kind::Array(items) = &list.kind else {
        return Err(JsonError::Mismatch(format!(
            "expected a list of entries, found {}",
            list.type_name()
        ))
        .into());
    };
    let mut entries = Vec::with_capacity(items.len());
    for (part, item) in items.iter().enumerate() {
        let entry = IndirectEntry {
            start: offset(member(item, "s"), part)?,
            length: offset(member(item, "l"), part)?,
            object: match member(item, "o").map(|node| &node.kind) {
                Some(Kind::String(text)) => text.parse()?,
                _ => return Err(IndirectError::NoObject { part }),
            },
        };
        if i64::try_from(u128::from(entry.start) + u128::from(entry.length)).is_err() {
            return Err(IndirectError::Range { part });
        }
        entries.push(entry);
    }
    if entries.is_empty() {
        return Err(IndirectError::Empty);
    }
    Ok(entries)
}

/// Whether the parts begin at 0 and follow each other without gap or overlap.
pub fn is_contiguous(entries: &[IndirectEntry]) -> bool {
    let mut end = 0;
    entries.iter().all(|entry| {
        let follows = entry.start == end;
        end = entry.end();
        follows
    })
}

/// The entries of concatenated objects (format 2 §1.6): `parts` are the entries of each object in order, a direct
/// object being one entry from 0 to its length.
pub fn concatenate(parts: impl IntoIterator<Item = Vec<IndirectEntry>>) -> Vec<IndirectEntry> {
    let mut all = Vec::new();
    let mut total = 0;
    for entries in parts {
        let length = entries.last().map_or(0, IndirectEntry::end);
        all.extend(entries.into_iter().map(|entry| IndirectEntry {
            start: entry.start + total,
            ..entry
        }));
        total += length;
    }
    all
}

fn member<'n, 'a>(node: &'n Node<'a>, name: &str) -> Option<&'n Node<'a>> {
    let Kind::Object(members) = &node.kind else {
        return None;
    };
    let last = |matches: &dyn Fn(&str) -> bool| {
        members
            .iter()
            .rev()
            .find(|(key, _)| matches(key))
            .map(|(_, node)| node)
    };
    last(&|key| fold_equal(key, name))
}

fn offset(node: Option<&Node<'_>>, part: usize) -> Result<u64, IndirectError> {
    match node {
        None => Ok(0),
        Some(Node {
            kind: Kind::Null, ..
        }) => Ok(0),
        Some(node) => node
            .text()
            .parse::<u64>()
            .map_err(|_| IndirectError::Range { part }),
    }
}
