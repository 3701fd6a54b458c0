//! The ZIP format: members as they are (method 0), with ZIP64 for what is large.
//!
//! Source: PKWARE's APPNOTE 6.3.10; the extra fields "UT" (times) and "ux" (owners) are Info-ZIP's, and so is the place of
//! Unix permissions in the upper half of the external attributes. Names are UTF-8 and say so, or bytes.

use super::tar::{Kind, Member};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
/// Written by a Unix system, by the rules of version 4.5.
const MADE_BY: u16 = 3 << 8 | 45;
/// Version 2.0 reads directories, 4.5 reads ZIP64.
const NEEDS: u16 = 20;
const NEEDS_64: u16 = 45;
/// The name is UTF-8.
const UTF_8: u16 = 1 << 11;
/// Checksum and sizes follow the content.
const LATE: u16 = 1 << 3;
/// Of 32 bits: look into the ZIP64 field.
const IN_64: u32 = u32::MAX;
/// Where the checksum is in a local header, in bytes.
const CHECKSUM: u64 = 14;

/// A member that was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    /// CRC-32 of its content.
    pub(super) checksum: u32,
    /// Where its local header is, in bytes from the beginning of the archive.
    pub(super) offset: u64,
    /// Whether checksum and sizes follow the content.
    pub(super) is_late: bool,
}

/// The header before a member's content. Content of symbolic links is their target.
pub(super) fn local_header(member: &Member<'_>, checksum: u32) -> Vec<u8> {
    let is_large = member.size >= u64::from(IN_64);
    let mut extra = extra(member);
    if is_large {
        put(&mut extra, &[&1u16.to_le_bytes(), &16u16.to_le_bytes()]);
        put(
            &mut extra,
            &[&member.size.to_le_bytes(), &member.size.to_le_bytes()],
        );
    }
    let name = name(member);
    let size = if is_large { IN_64 } else { member.size as u32 };
    let mut bytes = Vec::with_capacity(30 + name.len() + extra.len());
    put(&mut bytes, &[&LOCAL.to_le_bytes()]);
    put(
        &mut bytes,
        &[&needs(is_large).to_le_bytes(), &flags(&name).to_le_bytes()],
    );
    put(
        &mut bytes,
        &[&0u16.to_le_bytes(), &dos_time(member.modified)],
    );
    put(
        &mut bytes,
        &[
            &checksum.to_le_bytes(),
            &size.to_le_bytes(),
            &size.to_le_bytes(),
        ],
    );
    put(
        &mut bytes,
        &[&length(&name), &length(&extra), &name, &extra],
    );
    bytes
}

/// The header before a member's content of which checksum and sizes follow, in [`descriptor`].
pub(super) fn late_local_header(member: &Member<'_>) -> Vec<u8> {
    let is_large = member.size >= u64::from(IN_64);
    let mut extra = extra(member);
    if is_large {
        // Says that the sizes that follow are wide.
        put(
            &mut extra,
            &[&1u16.to_le_bytes(), &16u16.to_le_bytes(), &[0; 16]],
        );
    }
    let name = name(member);
    let sizes = if is_large { [0xff; 8] } else { [0; 8] };
    let mut bytes = Vec::with_capacity(30 + name.len() + extra.len());
    put(
        &mut bytes,
        &[
            &LOCAL.to_le_bytes(),
            &needs(is_large).to_le_bytes(),
            &(flags(&name) | LATE).to_le_bytes(),
            &0u16.to_le_bytes(),
            &dos_time(member.modified),
            &[0; 4],
            &sizes,
        ],
    );
    put(
        &mut bytes,
        &[&length(&name), &length(&extra), &name, &extra],
    );
    bytes
}

/// What follows a member's content where its header lacks it.
pub(super) fn descriptor(size: u64, checksum: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(24);
    put(
        &mut bytes,
        &[&DESCRIPTOR.to_le_bytes(), &checksum.to_le_bytes()],
    );
    for _ in 0..2 {
        match u32::try_from(size) {
            Ok(size) if size != IN_64 => put(&mut bytes, &[&size.to_le_bytes()]),
            _ => put(&mut bytes, &[&size.to_le_bytes()]),
        }
    }
    bytes
}

/// Where to write the checksum of a member that was not known before, and its bytes.
pub(super) fn late_checksum(written: &Written) -> (u64, [u8; 4]) {
    (written.offset + CHECKSUM, written.checksum.to_le_bytes())
}

/// The entry of a member in the central directory.
pub(super) fn central_header(member: &Member<'_>, written: &Written) -> Vec<u8> {
    let mut large = Vec::new();
    let mut narrow = |value: u64, twice: bool| {
        if value < u64::from(IN_64) {
            return value as u32;
        }
        for _ in 0..1 + usize::from(twice) {
            put(&mut large, &[&value.to_le_bytes()]);
        }
        IN_64
    };
    let size = narrow(member.size, true);
    let offset = narrow(written.offset, false);
    let is_large = !large.is_empty();
    let mut extra = extra(member);
    if is_large {
        put(&mut extra, &[&1u16.to_le_bytes(), &length(&large), &large]);
    }
    let (kind, directory) = match member.kind {
        Kind::File => (0o100_000, 0),
        Kind::Directory => (0o040_000, 0x10),
        Kind::Symlink => (0o120_000, 0),
    };
    let attributes: u32 = (kind | member.mode & 0o7777) << 16 | directory;
    let name = name(member);
    let mut bytes = Vec::with_capacity(46 + name.len() + extra.len());
    put(
        &mut bytes,
        &[&CENTRAL.to_le_bytes(), &MADE_BY.to_le_bytes()],
    );
    put(
        &mut bytes,
        &[
            &needs(is_large).to_le_bytes(),
            &(flags(&name) | if written.is_late { LATE } else { 0 }).to_le_bytes(),
        ],
    );
    put(
        &mut bytes,
        &[&0u16.to_le_bytes(), &dos_time(member.modified)],
    );
    put(
        &mut bytes,
        &[
            &written.checksum.to_le_bytes(),
            &size.to_le_bytes(),
            &size.to_le_bytes(),
        ],
    );
    put(&mut bytes, &[&length(&name), &length(&extra)]);
    // No comment, first disk, no statement about text.
    put(
        &mut bytes,
        &[
            &[0; 6],
            &attributes.to_le_bytes(),
            &offset.to_le_bytes(),
            &name,
            &extra,
        ],
    );
    bytes
}

/// What an archive ends with. The central directory has that many entries and bytes and begins at `offset`.
pub(super) fn end(entries: u64, size: u64, offset: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let narrow = |value: u64| u32::try_from(value).unwrap_or(IN_64);
    let few = u16::try_from(entries).unwrap_or(u16::MAX);
    if few == u16::MAX || narrow(size) == IN_64 || narrow(offset) == IN_64 {
        put(&mut bytes, &[&END_64.to_le_bytes(), &44u64.to_le_bytes()]);
        put(
            &mut bytes,
            &[&MADE_BY.to_le_bytes(), &NEEDS_64.to_le_bytes(), &[0; 8]],
        );
        put(
            &mut bytes,
            &[&entries.to_le_bytes(), &entries.to_le_bytes()],
        );
        put(&mut bytes, &[&size.to_le_bytes(), &offset.to_le_bytes()]);
        put(&mut bytes, &[&LOCATOR_64.to_le_bytes(), &[0; 4]]);
        put(
            &mut bytes,
            &[&(offset + size).to_le_bytes(), &1u32.to_le_bytes()],
        );
    }
    put(
        &mut bytes,
        &[
            &END.to_le_bytes(),
            &[0; 4],
            &few.to_le_bytes(),
            &few.to_le_bytes(),
        ],
    );
    put(
        &mut bytes,
        &[
            &narrow(size).to_le_bytes(),
            &narrow(offset).to_le_bytes(),
            &[0; 2],
        ],
    );
    bytes
}

fn put(bytes: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
}

fn name(member: &Member<'_>) -> Vec<u8> {
    let mut name = member.path.to_vec();
    if member.kind == Kind::Directory {
        name.push(b'/');
    }
    name
}

/// Paths and extra fields have lengths of 16 bits; the caller leaves out members with longer paths.
fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes()
}

fn needs(is_large: bool) -> u16 {
    if is_large { NEEDS_64 } else { NEEDS }
}

fn flags(name: &[u8]) -> u16 {
    match std::str::from_utf8(name) {
        Ok(text) if !text.is_ascii() => UTF_8,
        _ => 0,
    }
}

/// The fields for times, where 32 bits hold them, and for owners.
fn extra(member: &Member<'_>) -> Vec<u8> {
    let mut extra = Vec::new();
    if let Ok(seconds) = i32::try_from(member.modified.div_euclid(1_000_000_000)) {
        put(
            &mut extra,
            &[b"UT", &5u16.to_le_bytes(), &[1], &seconds.to_le_bytes()],
        );
    }
    put(&mut extra, &[b"ux", &11u16.to_le_bytes(), &[1]]);
    put(
        &mut extra,
        &[
            &[4],
            &member.uid.to_le_bytes(),
            &[4],
            &member.gid.to_le_bytes(),
        ],
    );
    extra
}

/// Time and date as MS-DOS keeps them, in steps of two seconds, from 1980 to 2107. In UTC: the local time of the reader is
/// not known.
fn dos_time(modified: i64) -> [u8; 4] {
    const FIRST: u32 = 1 << 21 | 1 << 16;
    const LAST: u32 = 127 << 25 | 12 << 21 | 31 << 16 | 23 << 11 | 59 << 5 | 29;
    let time = jiff::Timestamp::from_nanosecond(modified.into())
        .map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).datetime());
    let packed = match time {
        Ok(time) if time.year() < 1980 => FIRST,
        Ok(time) if time.year() <= 2107 => {
            let (year, month, day) = (time.year() - 1980, time.month(), time.day());
            let date = (year as u32) << 9 | (month as u32) << 5 | day as u32;
            let (hour, minute, second) = (time.hour(), time.minute(), time.second());
            date << 16 | (hour as u32) << 11 | (minute as u32) << 5 | (second as u32 / 2)
        }
        _ => LAST,
    };
    packed.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(size: u64) -> Member<'static> {
        Member {
            path: b"dir/file",
            kind: Kind::File,
            link: b"",
            size,
            mode: 0o640,
            uid: 1000,
            gid: 100,
            modified: 1_700_000_001_000_000_000,
        }
    }

    fn number(bytes: &[u8]) -> u64 {
        bytes
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    }

    #[test]
    fn small_members_need_no_wide_fields() {
        let local = local_header(&member(5), 7);
        assert_eq!((number(&local[18..22]), number(&local[22..26])), (5, 5));
        assert_eq!(
            (number(&local[26..28]), number(&local[28..30])),
            (8, 9 + 15)
        );
        assert_eq!(local.len(), 30 + 8 + 24);
        let written = Written {
            checksum: 7,
            offset: 9,
            is_late: false,
        };
        let central = central_header(&member(5), &written);
        assert_eq!(
            (number(&central[42..46]), number(&central[38..42])),
            (9, 0o100_640 << 16)
        );
        assert_eq!(late_checksum(&written), (9 + 14, [7, 0, 0, 0]));
        assert_eq!(end(1, 70, 100).len(), 22);
    }

    #[test]
    fn checksum_and_sizes_can_follow_the_content() {
        let local = late_local_header(&member(5));
        assert_eq!(local.len(), local_header(&member(5), 7).len());
        assert_eq!((number(&local[6..8]), number(&local[14..26])), (8, 0));
        let follows = descriptor(5, 7);
        assert_eq!((follows.len(), number(&follows[4..8])), (16, 7));
        assert_eq!((number(&follows[8..12]), number(&follows[12..16])), (5, 5));
        let size = 9 << 30;
        let local = late_local_header(&member(size));
        assert_eq!(local.len(), local_header(&member(size), 7).len());
        let follows = descriptor(size, 7);
        assert_eq!((follows.len(), number(&follows[16..24])), (24, size));
        let written = Written {
            checksum: 7,
            offset: 9,
            is_late: true,
        };
        assert_eq!(number(&central_header(&member(5), &written)[8..10]), 8);
    }

    #[test]
    fn large_members_and_archives_have_them() {
        let size = 9 << 30;
        let local = local_header(&member(size), 7);
        assert_eq!(
            (number(&local[18..22]), number(&local[4..6])),
            (u32::MAX.into(), 45)
        );
        assert_eq!(number(&local[local.len() - 8..]), size);
        let written = Written {
            checksum: 7,
            offset: 5 << 30,
            is_late: false,
        };
        let central = central_header(&member(5), &written);
        assert_eq!(number(&central[42..46]), u64::from(u32::MAX));
        assert_eq!(number(&central[central.len() - 8..]), 5 << 30);
        for (entries, size, offset) in [(70_000, 5, 5), (5, 5 << 30, 5), (5, 5, 5 << 30)] {
            let end = end(entries, size, offset);
            assert_eq!(end.len(), 56 + 20 + 22);
            assert_eq!(number(&end[32..40]), entries);
            assert_eq!((number(&end[40..48]), number(&end[48..56])), (size, offset));
            assert_eq!(number(&end[64..72]), size + offset);
        }
    }

    #[test]
    fn times_are_kept_within_what_the_format_has() {
        let time = |seconds: i64| number(&dos_time(seconds * 1_000_000_000));
        // 2023-11-14 22:13:20
        let date = 43 << 9 | 11 << 5 | 14;
        assert_eq!(time(1_700_000_000), date << 16 | 22 << 11 | 13 << 5 | 10);
        assert_eq!(time(-1), 1 << 21 | 1 << 16);
        assert_eq!(time(9_000_000_000) >> 25, 127);
        let far = Member {
            modified: i64::MAX,
            ..member(5)
        };
        assert!(!extra(&far).starts_with(b"UT"));
    }
}
