//! Whole objects and the contents they consist of.

use std::sync::Mutex;

use holdfast_host::Cancel;
use holdfast_repository::directory::{Directory, decode};
use holdfast_repository::object::{IndirectEntry, ObjectId, decode_indirect, is_contiguous};
use holdfast_repository::{ContentInfo, Repository};

use super::{Wanted, fetch, is_about_data};
use crate::error::Result;

/// A stretch of an object that is one content.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Where it begins in the object, in bytes.
    pub(crate) start: u64,
    /// The content.
    pub(crate) info: ContentInfo,
    /// What the content is of the stretch.
    pub(crate) form: Form,
}

/// What a content is of the chunk that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Form {
    /// The chunk itself.
    Plain,
    /// Its compressed form (`Z` objects, format 2 §1.1).
    Compressed {
        /// Length of the chunk in bytes, where a list of parts says it.
        length: Option<u64>,
    },
}

impl Part {
    /// The stretch as an object of its own.
    pub(crate) fn object(&self) -> ObjectId {
        match self.form {
            Form::Plain => ObjectId::direct(self.info.id),
            Form::Compressed { .. } => ObjectId::compressed(self.info.id),
        }
    }

    /// Where it ends in the object, in bytes. Not known of an object that is compressed as a whole.
    pub(crate) fn end(&self) -> u64 {
        self.known_end().unwrap_or(self.start)
    }

    /// The same where it is known.
    pub(crate) fn known_end(&self) -> Option<u64> {
        let length = match self.form {
            Form::Plain => Some(u64::from(self.info.original_length)),
            Form::Compressed { length } => length,
        };
        length.map(|length| self.start + length)
    }
}

/// The part of an object that is the direct object `object`, of which a list of parts says the length.
fn part(
    object: &ObjectId,
    start: u64,
    length: Option<u64>,
    info: ContentInfo,
) -> Result<Part, String> {
    let form = match object.is_compressed() {
        true => Form::Compressed { length },
        false => Form::Plain,
    };
    let part = Part { start, info, form };
    match length {
        Some(length) => of_length(object, part, length),
        None => Ok(part),
    }
}

/// Why a long object is not put together: its missing stretches would come back as zeros.
const GAPS: &str = "the list of its parts has gaps or overlaps";

/// The content of a part, if it is as long as the list of parts says (format 2 §1.5).
fn of_length(object: &ObjectId, part: Part, length: u64) -> Result<Part, String> {
    // The length of a compressed form is compared when it is read.
    if object.is_compressed() || u64::from(part.info.original_length) == length {
        return Ok(part);
    }
    Err(format!(
        "content {} has {} bytes, the list of its parts says {length}",
        part.info.id, part.info.original_length
    ))
}

/// The content of a direct object, `Err` in words when there is none.
fn lookup(repo: &Repository, object: &ObjectId) -> Result<Result<ContentInfo, String>> {
    match repo.content_info(&object.content()) {
        Ok(Some(info)) => Ok(Ok(info)),
        Ok(None) => {
            let error = holdfast_repository::Error::ContentMissing {
                id: object.content(),
            };
            Ok(Err(error.to_string()))
        }
        Err(error) if is_about_data(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Reads many directories and hands each to `each` with the number it was given, on any of `workers` threads. `Err` says
/// in words why a directory cannot be read.
pub(crate) fn each_directory(
    repo: &Repository,
    directories: &[(usize, ObjectId)],
    workers: usize,
    cancel: &Cancel,
    each: &(impl Fn(usize, Result<Directory, String>) -> Result<()> + Sync),
) -> Result<()> {
    each_object(repo, directories, workers, cancel, &|number, bytes| {
        let directory = bytes
            .map_err(str::to_owned)
            .and_then(|bytes| decode(bytes).map_err(|error| error.to_string()));
        each(number, directory)
    })
}

/// Reads many objects and hands each to `each` with the number it was given, on any of `workers` threads. `Err` says in
/// words why an object cannot be read.
fn each_object(
    repo: &Repository,
    objects: &[(usize, ObjectId)],
    workers: usize,
    cancel: &Cancel,
    each: &(impl Fn(usize, Result<&[u8], &str>) -> Result<()> + Sync),
) -> Result<()> {
    let mut wanted = Vec::with_capacity(objects.len());
    let mut others = Vec::new();
    for (tag, object) in objects {
        if object.is_indirect() {
            others.push((*tag, *object));
            continue;
        }
        match lookup(repo, object)?.and_then(|info| part(object, 0, None, info)) {
            Ok(part) => wanted.push(Wanted::of(part, *tag)),
            Err(reason) => each(*tag, Err(&reason))?,
        }
    }
    fetch(repo, wanted, workers, cancel, || {
        |uses: &[Wanted], data: Result<&[u8], &str>| {
            uses.iter().try_for_each(|wanted| each(wanted.tag, data))
        }
    })?;
    for (tag, object) in others {
        cancel.check()?;
        match repo.read_object(&object) {
            Ok(bytes) => each(tag, Ok(&bytes))?,
            Err(error) if is_about_data(&error) => each(tag, Err(&error.to_string()))?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Finds the contents of many objects without reading them; only the index objects of long ones are read. `each` gets
/// the number of the object and its parts in order, or why it cannot be read.
pub(crate) fn object_parts(
    repo: &Repository,
    objects: &[(usize, ObjectId)],
    workers: usize,
    cancel: &Cancel,
    each: &(impl Fn(usize, Result<Vec<Part>, String>) -> Result<()> + Sync),
) -> Result<()> {
    let mut indexes = Vec::new();
    for (tag, object) in objects {
        match object.index_object() {
            Some(index) => indexes.push((*tag, index)),
            None => match lookup(repo, object)?.and_then(|info| part(object, 0, None, info)) {
                Ok(part) => each(*tag, Ok(vec![part]))?,
                Err(reason) => each(*tag, Err(reason))?,
            },
        }
    }
    // Objects of several levels inside an index are never written, but valid.
    let nested = Mutex::new(Vec::new());
    each_object(repo, &indexes, workers, cancel, &|tag, bytes| {
        let entries = match bytes
            .map_err(str::to_owned)
            .and_then(|b| decode_indirect(b).map_err(|e| e.to_string()))
        {
            Ok(entries) => entries,
            Err(reason) => return each(tag, Err(reason)),
        };
        if !is_contiguous(&entries) {
            return each(tag, Err(GAPS.to_owned()));
        }
        let mut parts = Vec::with_capacity(entries.len());
        for entry in &entries {
            if entry.object.is_indirect() {
                if let Ok(mut nested) = nested.lock() {
                    nested.push(tag);
                }
                return Ok(());
            }
            match lookup(repo, &entry.object)?
                .and_then(|info| part(&entry.object, entry.start, Some(entry.length), info))
            {
                Ok(part) => parts.push(part),
                Err(reason) => return each(tag, Err(reason)),
            }
        }
        each(tag, Ok(parts))
    })?;
    for tag in nested.into_inner().unwrap_or_default() {
        if let Some((_, object)) = objects.iter().find(|(number, _)| *number == tag) {
            each(tag, nested_parts(repo, object)?)?;
        }
    }
    Ok(())
}

fn nested_parts(repo: &Repository, object: &ObjectId) -> Result<Result<Vec<Part>, String>> {
    let mut parts = Vec::new();
    let mut pending = vec![(0u64, None, *object)];
    while let Some((start, length, object)) = pending.pop() {
        let Some(index) = object.index_object() else {
            match lookup(repo, &object)?.and_then(|info| part(&object, start, length, info)) {
                Ok(part) => parts.push(part),
                Err(reason) => return Ok(Err(reason)),
            }
            continue;
        };
        let bytes = match repo.read_object(&index) {
            Ok(bytes) => bytes,
            Err(error) if is_about_data(&error) => return Ok(Err(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        match decode_indirect(&bytes) {
            Ok(entries) => {
                let end = entries.last().map_or(0, IndirectEntry::end);
                if !is_contiguous(&entries) || length.is_some_and(|length| length != end) {
                    return Ok(Err(GAPS.to_owned()));
                }
                pending.extend(entries.iter().rev().map(|entry| {
                    let start = start.saturating_add(entry.start);
                    (start, Some(entry.length), entry.object)
                }));
            }
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
    Ok(Ok(parts))
}
