//! Containers: the contents that hold manifests (format 2 §2.1).

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::value::RawValue;

use super::{Labels, Manifest};
use crate::json::{Cursor, JsonError, Kind, Node, UnixNanos, fold_equal, from_node, push_string};

/// Why a container cannot be read. The reference implementation fails on every command then, so none of these is
/// ever skipped.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// Not a gzip member.
    #[error("manifest container: not valid gzip data: {0}")]
    Gzip(#[source] std::io::Error),
    /// The text is larger than any content can have produced in good faith.
    #[error("manifest container: larger than {MAX_TEXT} bytes when decompressed")]
    TooLarge,
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

/// Reads the list of entries one by one, so that only one is held as a tree.
fn read_entries(cursor: &mut Cursor<'_>) -> Result<Vec<Manifest>, ContainerError> {
    if cursor.peek()? != b'[' {
        return Err(ContainerError::Layout("the entries are not a list"));
    }
    cursor.expect(b'[')?;
    let mut entries = Vec::new();
    if cursor.peek()? == b']' {
        cursor.expect(b']')?;
        return Ok(entries);
    }
    loop {
        entries.push(entry(&cursor.value(2)?)?);
        if !cursor.comma_or(b']')? {
            return Ok(entries);
        }
    }
}

fn entry(node: &Node<'_>) -> Result<Manifest, ContainerError> {
    let Kind::Object(members) = &node.kind else {
        return Err(
            JsonError::Mismatch(format!("expected an entry, found {}", node.type_name())).into(),
        );
    };
    let mut id = String::new();
    let mut labels = Labels::new();
    let mut modified = None;
    let mut deleted = false;
    let mut data: &[u8] = b"null";
    for (key, value) in members {
        let is = |name| fold_equal(key, name);
        if is("id") {
            id = from_node(value)?;
        } else if is("labels") {
            labels = from_node(value)?;
        } else if is("modified") {
            modified = Some(value);
        } else if is("deleted") {
            deleted = from_node(value)?;
        } else if is("data") {
            data = value.raw;
        }
    }
    let modified = match modified.map(|node| &node.kind) {
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

/// The text in the payload of a container's content.
pub fn gunzip_container(payload: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let mut text = Vec::new();
    GzDecoder::new(payload)
        .take(MAX_TEXT + 1)
        .read_to_end(&mut text)
        .map_err(ContainerError::Gzip)?;
    if text.len() as u64 > MAX_TEXT {
        return Err(ContainerError::TooLarge);
    }
    Ok(text)
}
