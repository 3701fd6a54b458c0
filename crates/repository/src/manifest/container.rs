//! Containers: the contents that hold manifests (format 2 §2.1).

use std::io::{Read, Write as _};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::value::RawValue;

use super::stream::Stream;
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
    /// The entries take more memory than those of a payload of this length do in good faith.
    #[error("manifest container: its entries are too many or too long for its size")]
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
const SMALL_PAYLOAD: usize = 1 << 20;
/// Text that any payload may hold, bytes. It is never held as a whole, so this bounds only the time that it takes.
const SMALL_TEXT: u64 = 64 << 20;
/// Text, and memory, for each further byte of payload.
const RATIO: usize = 100;

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
///
/// # Errors
/// When it is no container, or would take too much memory for its length.
pub fn decode_container(text: &[u8]) -> Result<Vec<Manifest>, ContainerError> {
    decode(Stream::new(text, u64::MAX), Memory::of_text(text.len()))
}

/// Reads the payload of a container's content, without holding its text. How much it may hold grows with the payload.
///
/// # Errors
/// As [`decode_container`], and when it is no gzip data.
pub fn read_container(payload: &[u8]) -> Result<Vec<Manifest>, ContainerError> {
    let more = beyond_small(payload);
    let text = Stream::new(GzDecoder::new(payload), longest_text(more));
    decode(text, Memory::allowing(more))
}

/// The text of a container from the payload of its content, whether it is valid or not.
///
/// # Errors
/// [`ContainerError::Gzip`] and [`ContainerError::TooLarge`].
pub fn gunzip_container(payload: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let limit = longest_text(beyond_small(payload));
    let mut text = Vec::new();
    let read = GzDecoder::new(payload)
        .take(limit + 1)
        .read_to_end(&mut text)
        .map_err(ContainerError::Gzip)?;
    if read as u64 > limit {
        return Err(ContainerError::TooLarge(limit));
    }
    Ok(text)
}

/// How much more text, and memory, a payload of this length may take than a small one, in bytes.
fn beyond_small(payload: &[u8]) -> usize {
    let more = payload.len().saturating_sub(SMALL_PAYLOAD);
    more.saturating_mul(RATIO)
}

fn longest_text(beyond_small: usize) -> u64 {
    MAX_TEXT.min(SMALL_TEXT.saturating_add(beyond_small as u64))
}

/// Whether the payload of a container's content holds exactly this text.
pub(crate) fn holds_text(payload: &[u8], text: &[u8]) -> bool {
    let mut decoder = GzDecoder::new(payload);
    let mut piece = [0; 4096];
    let mut left = text;
    loop {
        match decoder.read(&mut piece) {
            Ok(0) => return left.is_empty(),
            Ok(read) => match left.strip_prefix(&piece[..read]) {
                Some(rest) => left = rest,
                None => return false,
            },
            Err(_) => return false,
        }
    }
}

fn decode<R: Read>(
    mut text: Stream<R>,
    mut memory: Memory,
) -> Result<Vec<Manifest>, ContainerError> {
    let mut entries = None;
    text.expect(b'{')?;
    if text.peek()? == b'}' {
        text.finish()?;
        return Ok(Vec::new());
    }
    loop {
        let is_entries = text.value(memory.room(), |text| {
            string(text, |key| fold_equal(key, "entries"))
        })?;
        text.expect(b':')?;
        if !is_entries {
            if text.peek()? != b'"' {
                return Err(ContainerError::Layout(
                    "an unknown top-level key has a value that is not text",
                ));
            }
            text.value(memory.room(), |text| string(text, |_| ()))?;
        } else if entries.is_some() {
            return Err(ContainerError::Layout("the entries occur twice"));
        } else {
            entries = Some(read_entries(&mut text, &mut memory)?);
        }
        if !text.comma_or(b'}')? {
            text.finish()?;
            return Ok(entries.unwrap_or_default());
        }
    }
}

/// Reads a string; returns what `read` makes of it, and its length as text.
fn string<T>(text: &[u8], read: impl FnOnce(&str) -> T) -> Result<(T, usize), ContainerError> {
    let mut cursor = Cursor { text, at: 0 };
    let value = cursor.string()?;
    Ok((read(&value), cursor.at))
}

/// What the entries of a container take, estimated in bytes.
struct Memory {
    taken: usize,
    allowed: usize,
}

impl Memory {
    /// What any container may take: 30,000 snapshots of 1,000 bytes with all their labels.
    const SMALL: usize = 62 << 20;
    /// What the largest may take.
    const MAX: usize = 3 << 30;
    /// An entry without labels, and its share of the room that a growing list has in reserve.
    const ENTRY: usize = 192;
    /// The smallest set of labels.
    const LABELS: usize = 576;
    /// A label without its text.
    const LABEL: usize = 112;
    /// How many times its length an entry may take while it is read: the text itself, strings unescaped, and what becomes
    /// of bytes that are not UTF-8.
    const WHILE_READ: usize = 16;
    /// What a text of this many bytes may take beyond its length, for each byte that is more than a small one has.
    const OF_TEXT: usize = 4;

    fn allowing(more: usize) -> Self {
        Self {
            taken: 0,
            allowed: Self::MAX.min(Self::SMALL.saturating_add(more)),
        }
    }

    /// For a text of this many bytes, which lies in memory already.
    fn of_text(length: usize) -> Self {
        let more = length.saturating_sub(SMALL_PAYLOAD);
        Self::allowing(more.saturating_mul(Self::OF_TEXT))
    }

    /// The length that the next entry may have.
    fn room(&self) -> usize {
        (self.allowed - self.taken) / Self::WHILE_READ
    }

    fn take(&mut self, bytes: usize) -> Result<(), ContainerError> {
        let taken = self.taken.saturating_add(bytes);
        if taken > self.allowed {
            return Err(ContainerError::Crowded);
        }
        self.taken = taken;
        Ok(())
    }
}

/// Reads the list of entries one by one. Nothing is held as a tree, so that an entry takes little more than its text.
fn read_entries<R: Read>(
    text: &mut Stream<R>,
    memory: &mut Memory,
) -> Result<Vec<Manifest>, ContainerError> {
    if text.peek()? != b'[' {
        return Err(ContainerError::Layout("the entries are not a list"));
    }
    text.expect(b'[')?;
    let mut entries = Vec::new();
    if text.peek()? == b']' {
        text.expect(b']')?;
        return Ok(entries);
    }
    loop {
        let entry = text.value(memory.room(), |text| {
            let mut cursor = Cursor { text, at: 0 };
            Ok((entry(&mut cursor, memory)?, cursor.at))
        })?;
        entries.push(entry);
        if !text.comma_or(b']')? {
            return Ok(entries);
        }
    }
}

fn entry(cursor: &mut Cursor<'_>, memory: &mut Memory) -> Result<Manifest, ContainerError> {
    if cursor.peek()? != b'{' {
        let found = scalar(cursor)?;
        return Err(mismatch("an entry", &found).into());
    }
    memory.take(Memory::ENTRY)?;
    let mut id = String::new();
    let mut labels = Labels::new();
    let mut modified = None;
    let mut deleted = false;
    let mut data: &[u8] = b"null";
    for_each_member(cursor, |key, cursor| {
        let is = |name| fold_equal(key, name);
        if is("id") {
            id = from_node(&scalar(cursor)?)?;
            memory.take(id.len())?;
        } else if is("labels") {
            labels = read_labels(cursor, memory)?;
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
    let data = text_of(data);
    memory.take(data.len())?;
    let data =
        RawValue::from_string(data).map_err(|error| JsonError::Mismatch(error.to_string()))?;
    Ok(Manifest {
        id: id.into(),
        labels,
        modified,
        deleted,
        data,
    })
}

fn read_labels(cursor: &mut Cursor<'_>, memory: &mut Memory) -> Result<Labels, ContainerError> {
    let mut labels = Labels::new();
    if cursor.peek()? != b'{' {
        return match scalar(cursor)? {
            Node {
                kind: Kind::Null, ..
            } => Ok(labels),
            other => Err(mismatch("an object", &other).into()),
        };
    }
    memory.take(Memory::LABELS)?;
    let mut count = 0;
    for_each_member(cursor, |key, cursor| {
        let value: String = from_node(&scalar(cursor)?)?;
        count += 1;
        let node = if count > Memory::LABELS / Memory::LABEL {
            Memory::LABEL
        } else {
            0
        };
        memory.take(node + key.len() + value.len())?;
        labels.insert(key.to_owned(), value);
        Ok::<(), ContainerError>(())
    })?;
    Ok(labels)
}

/// Text with U+FFFD where it is not UTF-8, in just the room that it takes.
fn text_of(bytes: &[u8]) -> String {
    let replaced = |chunk: &std::str::Utf8Chunk<'_>| match chunk.invalid() {
        [] => "",
        _ => "\u{fffd}",
    };
    let length = bytes
        .utf8_chunks()
        .map(|chunk| chunk.valid().len() + replaced(&chunk).len());
    let mut text = String::with_capacity(length.sum());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(replaced(&chunk));
    }
    text
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
