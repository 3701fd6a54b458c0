//! Writing directory streams (format 2 §4.1, §4.2).

use std::io::Write as _;

use super::{DirectoryEntry, DirectorySummary, Extras};
use crate::json::{UnixNanos, push_i64, push_string, push_u64, to_vec};

/// The bytes of a directory stream, final newline included.
///
/// Entries are written in the given order, which must be that of [`DirectoryEntry::stream_order`]. `extras` are
/// those of the directory itself, for the root of a snapshot only.
pub fn encode(
    entries: &[DirectoryEntry],
    summary: &DirectorySummary,
    extras: Option<&Extras>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(200 + entries.len() * 180);
    out.extend_from_slice(b"{\"stream\":\"kopia:directory\",\"entries\":");
    if entries.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        for (at, entry) in entries.iter().enumerate() {
            out.push(if at == 0 { b'[' } else { b',' });
            encode_entry(&mut out, entry);
        }
        out.push(b']');
    }
    out.extend_from_slice(b",\"summary\":");
    push_summary(&mut out, summary);
    push_extras(&mut out, extras);
    out.extend_from_slice(b"}\n");
    out
}

/// Appends one entry as it stands in a stream, in the root entry of a snapshot, or in a placeholder file.
pub fn encode_entry(out: &mut Vec<u8>, entry: &DirectoryEntry) {
    let start = out.len();
    out.push(b'{');
    if !entry.name.is_empty() {
        out.extend_from_slice(b"\"name\":");
        push_string(out, &entry.name);
    }
    let kind = entry.kind.as_str();
    if !kind.is_empty() {
        key(out, start, b"\"type\":");
        push_string(out, kind.as_bytes());
    }
    if !entry.mode.is_zero() {
        key(out, start, b"\"mode\":\"");
        entry.mode.push_text(out);
        out.push(b'"');
    }
    if entry.size != 0 {
        key(out, start, b"\"size\":");
        push_i64(out, entry.size);
    }
    if entry.mtime != UnixNanos::EPOCH {
        key(out, start, b"\"mtime\":\"");
        entry.mtime.push_text(out);
        out.push(b'"');
    }
    for (name, id) in [(b"\"uid\":", entry.uid), (b"\"gid\":", entry.gid)] {
        if id != 0 {
            key(out, start, name);
            push_u64(out, id.into());
        }
    }
    key(out, start, b"\"obj\":\"");
    if let Some(object) = &entry.object {
        // Writing to a vector cannot fail.
        let _ = write!(out, "{object}");
    }
    out.push(b'"');
    if let Some(summary) = &entry.summary {
        out.extend_from_slice(b",\"summ\":");
        push_summary(out, summary);
    }
    push_extras(out, entry.extras.as_deref());
    for (name, value) in &entry.unknown {
        out.push(b',');
        push_string(out, name.as_bytes());
        out.push(b':');
        out.extend_from_slice(value);
    }
    out.push(b'}');
}

/// Appends a key, after a comma unless it is the first of the object that began at `start`.
fn key(out: &mut Vec<u8>, start: usize, key: &[u8]) {
    if out.len() > start + 1 {
        out.push(b',');
    }
    out.extend_from_slice(key);
}

fn push_summary(out: &mut Vec<u8>, summary: &DirectorySummary) {
    for (name, value) in [
        (&b"{\"size\":"[..], summary.total_size),
        (b",\"files\":", summary.files),
        (b",\"symlinks\":", summary.symlinks),
        (b",\"dirs\":", summary.dirs),
    ] {
        out.extend_from_slice(name);
        push_i64(out, value);
    }
    out.extend_from_slice(b",\"maxTime\":\"");
    summary.max_time.push_text(out);
    out.push(b'"');
    if !summary.incomplete.is_empty() {
        out.extend_from_slice(b",\"incomplete\":");
        push_string(out, summary.incomplete.as_bytes());
    }
    out.extend_from_slice(b",\"numFailed\":");
    push_i64(out, summary.failed);
    if summary.ignored_errors != 0 {
        out.extend_from_slice(b",\"numIgnoredErrors\":");
        push_i64(out, summary.ignored_errors);
    }
    for (at, error) in summary.errors.iter().enumerate() {
        out.extend_from_slice(if at == 0 {
            b",\"errors\":[{\"path\":"
        } else {
            b",{\"path\":"
        });
        push_string(out, error.path.as_bytes());
        out.extend_from_slice(b",\"error\":");
        push_string(out, error.error.as_bytes());
        out.push(b'}');
    }
    out.extend_from_slice(if summary.errors.is_empty() {
        b"}"
    } else {
        b"]}"
    });
}

fn push_extras(out: &mut Vec<u8>, extras: Option<&Extras>) {
    let Some(extras) = extras.filter(|extras| !extras.is_empty()) else {
        return;
    };
    // Maps with text keys and plain values always serialize.
    if let Ok(text) = to_vec(extras) {
        out.extend_from_slice(b",\"hf\":");
        out.extend_from_slice(&text);
    }
}
