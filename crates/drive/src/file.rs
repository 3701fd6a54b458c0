//! Files that are open.

use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_repository::ObjectId;
use holdfast_repository::object::ObjectPart;
use parking_lot::Mutex;

use crate::failure::Failure;
use crate::info::Info;

/// A file that is open for reading.
#[derive(Debug)]
pub struct OpenFile {
    pub(crate) number: u64,
    pub(crate) info: Info,
    pub(crate) parts: Vec<ObjectPart>,
    length: u64,
    /// The part that was read last, counted from 1.
    last: AtomicUsize,
    /// The first part that was not yet wanted ahead.
    ahead: AtomicUsize,
    /// Ranges that hold data, once they were asked for.
    pub(crate) ranges: Mutex<Option<DataRanges>>,
}

/// Ranges of a file that hold data, ascending: offset and length in bytes.
pub(crate) type DataRanges = std::sync::Arc<[(u64, u64)]>;

/// What is looked for in a sparse file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// The next byte of data.
    Data,
    /// The next byte of a hole; one is behind the end of every file.
    Hole,
}

impl OpenFile {
    pub(crate) fn new(number: u64, info: Info, parts: Vec<ObjectPart>) -> Self {
        let length = parts.last().map_or(0, |part| part.start + part.length);
        Self {
            number,
            info,
            parts,
            length,
            last: AtomicUsize::new(0),
            ahead: AtomicUsize::new(0),
            ranges: Mutex::new(None),
        }
    }

    /// Length of its data in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether the data is as long as the entry of the file says.
    #[must_use]
    pub fn is_of_its_size(&self) -> bool {
        self.length == self.info.size
    }

    /// The position of the part in which an offset lies.
    pub(crate) fn part_at(&self, offset: u64) -> usize {
        self.parts
            .partition_point(|part| part.start + part.length <= offset)
    }

    /// The contents to read ahead now that a part is read: the next ones, up to `bytes` behind it, each once. None when
    /// the file is read here and there. The kernel asks for neighbours in any order, so one step back is no jump.
    pub(crate) fn contents_ahead(&self, part: usize, bytes: u64) -> Vec<ObjectId> {
        let last = self.last.swap(part + 1, Ordering::Relaxed);
        if last.abs_diff(part + 1) > 1 {
            self.ahead.store(part + 1, Ordering::Relaxed);
            return Vec::new();
        }
        let end = self.parts[part].start + self.parts[part].length;
        let horizon = end.saturating_add(bytes);
        let until = self.parts.partition_point(|part| part.start < horizon);
        let from = self.ahead.fetch_max(until, Ordering::Relaxed).max(part + 1);
        self.parts
            .get(from..until)
            .unwrap_or_default()
            .iter()
            .map(object)
            .collect()
    }
}

/// A part as an object of its own.
pub(crate) fn object(part: &ObjectPart) -> ObjectId {
    match part.compressed {
        true => ObjectId::compressed(part.content),
        false => ObjectId::direct(part.content),
    }
}

/// Where data or the next hole begins, from `offset` on, in a file of `length` bytes; without ranges all of it is data.
pub(crate) fn seek(
    ranges: Option<&[(u64, u64)]>,
    length: u64,
    offset: u64,
    what: Seek,
) -> Result<u64, Failure> {
    if offset >= length {
        return Err(Failure::PastEnd);
    }
    let whole = [(0, length)];
    let ranges = ranges.unwrap_or(&whole);
    let next = ranges.partition_point(|(start, size)| start.saturating_add(*size) <= offset);
    let inside = |(start, size): &(u64, u64)| {
        let end = start.saturating_add(*size);
        (*start < length).then_some((*start, end.min(length)))
    };
    let next = ranges.get(next).and_then(inside);
    match (what, next) {
        (Seek::Data, None) => Err(Failure::PastEnd),
        (Seek::Data, Some((start, _))) => Ok(start.max(offset)),
        (Seek::Hole, Some((start, end))) if start <= offset => Ok(end),
        (Seek::Hole, _) => Ok(offset),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_repository::ContentId;

    use super::*;
    use crate::info::Content;

    /// A file of parts of 10 bytes.
    fn file(parts: usize) -> OpenFile {
        let part = |at: usize| ObjectPart {
            start: at as u64 * 10,
            length: 10,
            content: ContentId::new(None, &[at as u8; 16]).expect("an id"),
            compressed: false,
        };
        let info = Info::folder(Content::Missing, 0);
        OpenFile::new(2, info, (0..parts).map(part).collect())
    }

    fn ahead(file: &OpenFile, part: usize) -> Vec<usize> {
        let contents = file.contents_ahead(part, 25);
        let position = |content: &ObjectId| {
            file.parts
                .iter()
                .position(|part| object(part) == *content)
                .expect("a part of the file")
        };
        contents.iter().map(position).collect()
    }

    #[test]
    fn parts_are_found_by_their_offsets() {
        let file = file(3);
        for (offset, part) in [(0, 0), (9, 0), (10, 1), (29, 2), (30, 3)] {
            assert_eq!(file.part_at(offset), part, "{offset}");
        }
        assert_eq!((file.length(), file.is_of_its_size()), (30, false));
    }

    #[test]
    fn each_part_is_wanted_ahead_once() {
        let file = file(8);
        assert_eq!(ahead(&file, 0), [1, 2, 3]);
        assert!(ahead(&file, 0).is_empty());
        assert_eq!(ahead(&file, 1), [4]);
        assert!(ahead(&file, 0).is_empty());
        assert_eq!(ahead(&file, 1), [0; 0]);
        assert_eq!(ahead(&file, 2), [5]);
        // A jump begins anew.
        assert!(ahead(&file, 6).is_empty());
        assert_eq!(ahead(&file, 7), [0; 0]);
        assert!(ahead(&file, 1).is_empty());
        assert_eq!(ahead(&file, 2), [3, 4, 5]);
    }

    #[test]
    fn reading_in_the_middle_wants_nothing() {
        let file = file(8);
        assert!(ahead(&file, 4).is_empty());
        assert!(ahead(&file, 2).is_empty());
        assert_eq!(ahead(&file, 3), [4, 5, 6]);
    }

    #[test]
    fn holes_are_found() {
        let ranges = [(10, 10), (30, 5), (90, 20)];
        for (offset, data, hole) in [
            (0, Ok(10), Ok(0)),
            (10, Ok(10), Ok(20)),
            (19, Ok(19), Ok(20)),
            (20, Ok(30), Ok(20)),
            (36, Ok(90), Ok(36)),
            (95, Ok(95), Ok(100)),
            (100, Err(Failure::PastEnd), Err(Failure::PastEnd)),
        ] {
            let found = |what| seek(Some(&ranges), 100, offset, what);
            assert_eq!(
                (found(Seek::Data), found(Seek::Hole)),
                (data, hole),
                "{offset}"
            );
        }
        assert_eq!(seek(None, 100, 40, Seek::Data), Ok(40));
        assert_eq!(seek(None, 100, 40, Seek::Hole), Ok(100));
        assert_eq!(seek(Some(&[]), 100, 40, Seek::Hole), Ok(40));
        assert_eq!(seek(Some(&[]), 100, 40, Seek::Data), Err(Failure::PastEnd));
    }
}
