//! The fast path of reading: streams whose layout is exactly the canonical one.
//!
//! Nothing here decides what is valid. Whatever is not laid out as this program and the reference implementation
//! write it is left to the general reader.

use std::borrow::Cow;

use super::{Directory, DirectoryEntry, DirectorySummary, EntryError, EntryKind, Extras, FileMode};
use crate::json::{Cursor, UnixNanos, from_slice};

/// The directory, or `None` when the stream is not in canonical layout.
pub(super) fn decode(text: &[u8]) -> Option<Directory> {
    let mut scan = Scan(Cursor { text, at: 0 });
    scan.literal(b"{\"stream\":\"kopia:directory\",\"entries\":")
        .then_some(())?;
    let mut entries = Vec::new();
    if scan.literal(b"[") {
        loop {
            entries.push(scan.entry()?);
            if scan.literal(b"]") {
                break;
            }
            scan.literal(b",").then_some(())?;
        }
    } else {
        scan.literal(b"null").then_some(())?;
    }
    scan.literal(b",\"summary\":").then_some(())?;
    let summary = scan.summary()?;
    let extras = scan.extras()?;
    (scan.literal(b"}\n") && scan.rest().is_empty()).then_some(Directory {
        entries,
        summary,
        extras,
    })
}

struct Scan<'a>(Cursor<'a>);

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.0.text[self.0.at..]
    }

    /// Consumes `bytes` if they are next.
    fn literal(&mut self, bytes: &[u8]) -> bool {
        let next = self.rest().starts_with(bytes);
        if next {
            self.0.at += bytes.len();
        }
        next
    }

    fn entry(&mut self) -> Option<DirectoryEntry> {
        self.literal(b"{\"name\":").then_some(())?;
        let mut entry = DirectoryEntry::new(self.string()?.into_owned(), EntryKind::File);
        self.literal(b",\"type\":").then_some(())?;
        entry.kind = EntryKind::from_text(&self.string()?);
        if self.literal(b",\"mode\":") {
            entry.mode = FileMode::parse(&self.string()?).ok()?;
        }
        if self.literal(b",\"size\":") {
            entry.size = self.integer()?;
        }
        if self.literal(b",\"mtime\":") {
            entry.mtime = self.time()?;
        }
        if self.literal(b",\"uid\":") {
            entry.uid = self.integer()?.try_into().ok()?;
        }
        if self.literal(b",\"gid\":") {
            entry.gid = self.integer()?.try_into().ok()?;
        }
        self.literal(b",\"obj\":").then_some(())?;
        entry.object = Some(self.string()?.parse().ok()?);
        if self.literal(b",\"summ\":") {
            entry.summary = Some(Box::new(self.summary()?));
        }
        entry.extras = self.extras()?;
        self.literal(b"}").then_some(entry)
    }

    fn summary(&mut self) -> Option<DirectorySummary> {
        let mut summary = DirectorySummary::default();
        self.literal(b"{\"size\":").then_some(())?;
        summary.total_size = self.integer()?;
        self.literal(b",\"files\":").then_some(())?;
        summary.files = self.integer()?;
        self.literal(b",\"symlinks\":").then_some(())?;
        summary.symlinks = self.integer()?;
        self.literal(b",\"dirs\":").then_some(())?;
        summary.dirs = self.integer()?;
        self.literal(b",\"maxTime\":").then_some(())?;
        summary.max_time = self.time()?;
        if self.literal(b",\"incomplete\":") {
            summary.incomplete = self.string()?.into_owned();
        }
        self.literal(b",\"numFailed\":").then_some(())?;
        summary.failed = self.integer()?;
        if self.literal(b",\"numIgnoredErrors\":") {
            summary.ignored_errors = self.integer()?;
        }
        if self.literal(b",\"errors\":[") {
            loop {
                self.literal(b"{\"path\":").then_some(())?;
                let path = self.string()?.into_owned();
                self.literal(b",\"error\":").then_some(())?;
                let error = self.string()?.into_owned();
                summary.errors.push(EntryError { path, error });
                if self.literal(b"}]") {
                    break;
                }
                self.literal(b"},").then_some(())?;
            }
        }
        self.literal(b"}").then_some(summary)
    }

    /// The `hf` key if it is next: `Some(None)` when it is not there.
    fn extras(&mut self) -> Option<Option<Box<Extras>>> {
        if !self.literal(b",\"hf\":") {
            return Some(None);
        }
        let node = self.0.value(0).ok()?;
        Some(Some(Box::new(from_slice(node.raw).ok()?)))
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.0.string().ok()
    }

    fn time(&mut self) -> Option<UnixNanos> {
        UnixNanos::parse(self.string()?.as_bytes()).ok()
    }

    /// A number without fraction, exponent or leading zeros.
    fn integer(&mut self) -> Option<i64> {
        let rest = self.rest();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest[sign..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 || (digits > 1 && rest[sign] == b'0') {
            return None;
        }
        let text = &rest[..sign + digits];
        self.0.at += text.len();
        std::str::from_utf8(text).ok()?.parse().ok()
    }
}
