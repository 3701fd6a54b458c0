//! Containers: the contents that hold manifests (format 2 §2.1).

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::value::RawValue;

use super::{Labels, Manifest};
use crate::json::{
    Cursor, JsonError, Kind, Node, UnixNanos, fold_equal, for_each_member, from_node, push_string,
};

/// Why a container cannot be read. The reference implementation fails on every command then, so none of these is
/// ever skipped.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// Not a gzip member.
    #[error("manifest container: not valid gzip data: {0}")]
    Gzip(#[source] std::io::Error),
    /// The text is larger than any content can have produced in good faith.
    #[error("manifest container: larger than {0} bytes when decompressed")]
    TooLarge(u64),
    /// The entries and their labels are more than a text of this length holds in good faith.
    #[error("manifest container: it has more entries and labels than content")]
    Crowded,
    /// The text is not JSON, or an entry has wrong types.
    #[error("manifest container: {0}")]
    Json(#[from] JsonError),
    /// The top level is not what every reader accepts.
    #[error("manifest container: {0}")]
    Layout(&'static str),
    /// A time is not one.
    #[error("manifest container: entry {id:?} has no valid time")]
    Time {
        /// Id of the entry.
        id: String,
    },
}

/// Limit of a decompressed container, bytes. A million snapshots take about 800 MB.
const MAX_TEXT: u64 = 1 << 30;
/// Payload from which on more text is allowed than [`SMALL_TEXT`], bytes.
const SMALL_PAYLOAD: u64 = 1 << 20;
/// Text that any payload may hold, bytes. A manifest has 60 bytes at least that do not compress, times and hashes, so
/// even a small payload holds less than this.
const SMALL_TEXT: u64 = 20 << 20;
/// Text for each further byte of payload.
const RATIO: u64 = 100;

/// The text of a container, final newline included.
pub fn encode_container(entries: &[Manifest]) -> Vec<u8> {
    let mut out = b"{\"entries\":[".to_vec();
    for (at, entry) in entries.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"{\"id\":" } else { b",{\"id\":" });
        push_string(&mut out, entry.id.as_str().as_bytes());
        out.extend_from_slice(b",\"labels\":");
        push_labels(&mut out, entry);
        out.extend_from_slice(b",\"modified\":\"");
        entry.modified.push_text(&mut out);
        out.push(b'"');
        if entry.deleted {
            out.extend_from_slice(b",\"deleted\":true");
        }
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(entry.data.get().as_bytes());
        out.push(b'}');
    }
    out.extend_from_slice(b"]}\n");
    out
}

fn push_labels(out: &mut Vec<u8>, entry: &Manifest) {
    if entry.deleted && entry.labels.is_empty() {
        out.extend_from_slice(b"null");
        return;
    }
    for (at, (name, value)) in entry.labels.iter().enumerate() {
        out.push(if at == 0 { b'{' } else { b',' });
        push_string(out, name.as_bytes());
        out.push(b':');
        push_string(out, value.as_bytes());
    }
    out.extend_from_slice(if entry.labels.is_empty() { b"{}" } else { b"}" });
}

/// Reads the text of a container.
///
/// The top level is held to what the reference reader survives: one object, `entries` once and a list, other keys
/// only with text values; what follows the object is ignored. Entries are read with the usual tolerance.
pub fn decode_container(text: &[u8]) -> Result<Vec<Manifest>, ContainerError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut entries = None;
    cursor.expect(b'{')?;
    if cursor.peek()? == b'}' {
        return Ok(Vec::new());
    }
    loop {
        cursor.peek()?;
        let key = cursor.string()?;
        cursor.expect(b':')?;
        if !fold_equal(&key, "entries") {
            if cursor.peek()? != b'"' {
                return Err(ContainerError::Layout(
                    "an unknown top-level key has a value that is not text",
                ));
            }
            cursor.string()?;
        } else if entries.is_some() {
            return Err(ContainerError::Layout("the entries occur twice"));
        } else {
            entries = Some(read_entries(&mut cursor)?);
        }
        if !cursor.comma_or(b'}')? {
            return Ok(entries.unwrap_or_default());
        }
    }
}

/// What the entries of a container take beside their data, estimated in bytes.
struct Overhead {
    taken: usize,
    allowed: usize,
}

impl Overhead {
    /// What any container may take: about 28,000 snapshots with all their labels.
    const SMALL: usize = 24 << 20;
    /// An entry without labels.
    const ENTRY: usize = 128;
    /// The smallest set of labels.
    const LABELS: usize = 576;
    /// A label without its text.
    const LABEL: usize = 112;

    /// For a text of this many bytes.
    fn of_text(length: usize) -> Self {
        let more = length.saturating_sub(SMALL_TEXT as usize);
        Self {
            taken: 0,
            allowed: Self::SMALL.saturating_add(more.saturating_mul(4)),
        }
    }

    fn take(&mut self, bytes: usize) -> Result<(), ContainerError> {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken > self.allowed {
            return Err(ContainerError::Crowded);
        }
        Ok(())
    }
}

/// Reads the list of entries one by one. Nothing is held as a tree, so that an entry takes little more than its text.
fn read_entries(cursor: &mut Cursor<'_>) -> Result<Vec<Manifest>, ContainerError> {
    if cursor.peek()? != b'[' {
        return Err(ContainerError::Layout("the entries are not a list"));
    }
    cursor.expect(b'[')?;
    let mut entries = Vec::new();
    let mut overhead = Overhead::of_text(cursor.text.len());
    if cursor.peek()? == b']' {
        cursor.expect(b']')?;
        return Ok(entries);
    }
    loop {
        entries.push(entry(cursor, &mut overhead)?);
        if !cursor.comma_or(b']')? {
            return Ok(entries);
        }
    }
}

fn entry(cursor: &mut Cursor<'_>, overhead: &mut Overhead) -> Result<Manifest, ContainerError> {
    if cursor.peek()? != b'{' {
        let found = scalar(cursor)?;
        return Err(mismatch("an entry", &found).into());
    }
    overhead.take(Overhead::ENTRY)?;
    let mut id = String::new();
    let mut labels = Labels::new();
    let mut modified = None;
    let mut deleted = false;
    let mut data: &[u8] = b"null";
    for_each_member(cursor, |key, cursor| {
        let is = |name| fold_equal(key, name);
        if is("id") {
            id = from_node(&scalar(cursor)?)?;
        } else if is("labels") {
            labels = read_labels(cursor, overhead)?;
        } else if is("modified") {
            modified = Some(scalar(cursor)?);
        } else if is("deleted") {
            deleted = from_node(&scalar(cursor)?)?;
        } else if is("data") {
            data = cursor.skip(3)?;
        } else {
            cursor.skip(3)?;
        }
        Ok::<(), ContainerError>(())
    })?;
    let modified = match modified.map(|node| node.kind) {
        None | Some(Kind::Null) => UnixNanos::FROM_NULL,
        Some(Kind::String(text)) => UnixNanos::parse(text.as_bytes())
            .map_err(|_| ContainerError::Time { id: id.clone() })?,
        Some(_) => return Err(ContainerError::Time { id }),
    };
    let data = RawValue::from_string(String::from_utf8_lossy(data).into_owned())
        .map_err(|error| JsonError::Mismatch(error.to_string()))?;
    Ok(Manifest {
        id: id.into(),
        labels,
        modified,
        deleted,
        data,
    })
}

fn read_labels(cursor: &mut Cursor<'_>, overhead: &mut Overhead) -> Result<Labels, ContainerError> {
    let mut labels = Labels::new();
    if cursor.peek()? != b'{' {
        return match scalar(cursor)? {
            Node {
                kind: Kind::Null, ..
            } => Ok(labels),
            other => Err(mismatch("an object", &other).into()),
        };
    }
    overhead.take(Overhead::LABELS)?;
    let mut count = 0;
    for_each_member(cursor, |key, cursor| {
        let value: String = from_node(&scalar(cursor)?)?;
        count += 1;
        let node = if count > Overhead::LABELS / Overhead::LABEL {
            Overhead::LABEL
        } else {
            0
        };
        overhead.take(node + key.len() + value.len())?;
        labels.insert(key.to_owned(), value);
        Ok::<(), ContainerError>(())
    })?;
    Ok(labels)
}

/// A value that is neither list nor object; those are refused before a tree of them is made.
fn scalar<'a>(cursor: &mut Cursor<'a>) -> Result<Node<'a>, JsonError> {
    match cursor.peek()? {
        b'{' | b'[' => {
            let raw = cursor.skip(3)?;
            let kind = match raw.first() {
                Some(b'[') => Kind::Array(Vec::new()),
                _ => Kind::Object(Vec::new()),
            };
            Ok(Node { raw, kind })
        }
        _ => cursor.value(3),
    }
}

fn mismatch(expected: &str, found: &Node<'_>) -> JsonError {
    JsonError::Mismatch(format!("expected {expected}, found {}", found.type_name()))
}

/// Compresses the text of a container into the payload of its content.
pub fn gzip_container(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(
        Vec::with_capacity(text.len() / 3 + 64),
        Compression::default(),
    );
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(text);
    encoder.finish().unwrap_or_default()
}

/// The text in the payload of a container's content. How much it may be grows with the payload.
pub fn gunzip_container(payload: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let more = (payload.len() as u64).saturating_sub(SMALL_PAYLOAD);
    let limit = MAX_TEXT.min(SMALL_TEXT.saturating_add(more.saturating_mul(RATIO)));
    let mut text = Vec::new();
    let mut decoder = GzDecoder::new(payload);
    // Grown by a part of what is there: doubling would take more than the entries need.
    loop {
        let left = limit as usize + 1 - text.len();
        let room = left.min(text.len() / 8 + (64 << 10));
        text.reserve_exact(room);
        let read = decoder
            .by_ref()
            .take(room as u64)
            .read_to_end(&mut text)
            .map_err(ContainerError::Gzip)?;
        if read < room || room == 0 {
            break;
        }
    }
    if text.len() as u64 > limit {
        return Err(ContainerError::TooLarge(limit));
    }
    Ok(text)
}
