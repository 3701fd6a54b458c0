//! The tar format: POSIX ustar headers, with pax records for what those cannot hold.
//!
//! Source: POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Extended Header". Names are bytes; a name that is not
//! UTF-8 in a pax record is announced by `hdrcharset=BINARY`.

/// Headers and contents are padded to multiples of this, in bytes.
const BLOCK: usize = 512;
/// The largest size that 11 octal digits hold.
const LARGEST_SIZE: u64 = (1 << 33) - 1;
/// The largest user or group that 7 octal digits hold.
const LARGEST_ID: u32 = (1 << 21) - 1;
/// Bytes of the fields for the last part of a path, for what is before it, and for the target of a link.
const NAME: usize = 100;
const PREFIX: usize = 155;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
}

/// A member of an archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    /// Path, `/` between the names, without one at either end.
    pub(super) path: &'a [u8],
    pub(super) kind: Kind,
    /// Target of a symbolic link.
    pub(super) link: &'a [u8],
    /// Bytes of content that follow the header.
    pub(super) size: u64,
    /// Permissions, `0o7777`.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Nanoseconds since 1970.
    pub(super) modified: i64,
}

/// The header of a member, with the extended one before it where it needs one.
pub(super) fn header(member: &Member<'_>) -> Vec<u8> {
    let mut path = member.path.to_vec();
    if member.kind == Kind::Directory {
        path.push(b'/');
    }
    let mut records = Vec::new();
    let split = split(&path);
    let (prefix, name) = split.unwrap_or((&b""[..], &path[..path.len().min(NAME)]));
    if split.is_none() {
        record(&mut records, "path", &path);
    }
    if member.link.len() > NAME {
        record(&mut records, "linkpath", member.link);
    }
    let binary = |bytes: &[u8]| std::str::from_utf8(bytes).is_err();
    let in_record = [
        (split.is_none(), &path[..]),
        (member.link.len() > NAME, member.link),
    ];
    if in_record
        .iter()
        .any(|(is_in, bytes)| *is_in && binary(bytes))
    {
        let mut announced = Vec::new();
        record(&mut announced, "hdrcharset", b"BINARY");
        announced.append(&mut records);
        records = announced;
    }
    if member.size > LARGEST_SIZE {
        record(&mut records, "size", member.size.to_string().as_bytes());
    }
    for (key, id) in [("uid", member.uid), ("gid", member.gid)] {
        if id > LARGEST_ID {
            record(&mut records, key, id.to_string().as_bytes());
        }
    }
    let seconds = member.modified.div_euclid(1_000_000_000);
    let nanoseconds = member.modified.rem_euclid(1_000_000_000);
    let in_field = u64::try_from(seconds).ok().filter(|&s| s <= LARGEST_SIZE);
    if nanoseconds != 0 || in_field.is_none() {
        record(&mut records, "mtime", decimal(member.modified).as_bytes());
    }
    let mut bytes = Vec::with_capacity(BLOCK);
    if !records.is_empty() {
        let extended = Fields {
            name: b"././@PaxHeader",
            prefix: b"",
            kind: b'x',
            link: b"",
            size: records.len() as u64,
            mode: 0o644,
            uid: 0,
            gid: 0,
            seconds: 0,
        };
        bytes.extend(block(&extended));
        let length = records.len() as u64;
        bytes.append(&mut records);
        bytes.extend(std::iter::repeat_n(0, padding(length)));
    }
    bytes.extend(block(&Fields {
        name,
        prefix,
        kind: match member.kind {
            Kind::File => b'0',
            Kind::Directory => b'5',
            Kind::Symlink => b'2',
        },
        link: &member.link[..member.link.len().min(NAME)],
        size: if member.size > LARGEST_SIZE {
            0
        } else {
            member.size
        },
        mode: member.mode & 0o7777,
        uid: if member.uid > LARGEST_ID {
            0
        } else {
            member.uid
        },
        gid: if member.gid > LARGEST_ID {
            0
        } else {
            member.gid
        },
        seconds: in_field.unwrap_or_default(),
    }));
    bytes
}

/// Zeros that follow a content of this many bytes.
pub(super) fn padding(length: u64) -> usize {
    (BLOCK - (length % BLOCK as u64) as usize) % BLOCK
}

/// What an archive ends with.
pub(super) fn end() -> [u8; 2 * BLOCK] {
    [0; 2 * BLOCK]
}

struct Fields<'a> {
    name: &'a [u8],
    prefix: &'a [u8],
    kind: u8,
    link: &'a [u8],
    size: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    seconds: u64,
}

fn block(fields: &Fields<'_>) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, fields.name);
    put(100, octal(fields.mode.into(), 7).as_bytes());
    put(108, octal(fields.uid.into(), 7).as_bytes());
    put(116, octal(fields.gid.into(), 7).as_bytes());
    put(124, octal(fields.size, 11).as_bytes());
    put(136, octal(fields.seconds, 11).as_bytes());
    // The sum is taken with blanks in its own place.
    put(148, b"        ");
    put(156, &[fields.kind]);
    put(157, fields.link);
    put(257, b"ustar\x0000");
    put(345, fields.prefix);
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn octal(number: u64, digits: usize) -> String {
    format!("{number:0digits$o}")
}

/// A path as prefix and name, where both fit into their fields: at a separator that belongs to neither.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= NAME {
        return Some((b"", path));
    }
    let fits = |at: &usize| *at <= PREFIX && (1..=NAME).contains(&(path.len() - at - 1));
    let at = (1..path.len()).find(|at| path[*at] == b'/' && fits(at))?;
    Some((&path[..at], &path[at + 1..]))
}

/// Adds the record `LENGTH KEY=VALUE\n`, whose length counts its own digits.
fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() > length {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

/// Nanoseconds as seconds with a fraction.
fn decimal(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let amount = nanoseconds.unsigned_abs();
    let (whole, fraction) = (amount / 1_000_000_000, amount % 1_000_000_000);
    format!("{sign}{whole}.{fraction:09}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(path: &[u8]) -> Member<'_> {
        Member {
            path,
            kind: Kind::File,
            link: b"",
            size: 5,
            mode: 0o4755,
            uid: 1000,
            gid: 100,
            modified: 1_700_000_000_000_000_000,
        }
    }

    #[test]
    fn what_fits_needs_one_block() {
        let bytes = header(&member(b"dir/file"));
        assert_eq!(bytes.len(), BLOCK);
        assert_eq!(&bytes[..9], b"dir/file\0");
        assert_eq!(&bytes[100..108], b"0004755\0");
        assert_eq!(&bytes[124..136], b"00000000005\0");
        assert_eq!(&bytes[257..265], b"ustar\x0000");
        let mut zeroed = bytes.clone();
        zeroed[148..156].fill(b' ');
        let sum: u32 = zeroed.iter().map(|&byte| u32::from(byte)).sum();
        assert_eq!(&bytes[148..156], format!("{sum:06o}\0 ").as_bytes());
    }

    #[test]
    fn long_paths_are_split_or_recorded() {
        let split = [&[b'a'; 120][..], b"/", &[b'b'; 90]].concat();
        let bytes = header(&member(&split));
        assert_eq!(bytes.len(), BLOCK);
        assert_eq!((&bytes[..90], bytes[90]), (&[b'b'; 90][..], 0));
        assert_eq!((&bytes[345..465], bytes[465]), (&[b'a'; 120][..], 0));
        let long = [b'c'; 130];
        let bytes = header(&member(&long));
        assert_eq!((bytes.len(), bytes[156]), (3 * BLOCK, b'x'));
        let text = String::from_utf8_lossy(&bytes[BLOCK..2 * BLOCK]);
        assert!(
            text.starts_with(&format!("140 path={}\n", "c".repeat(130))),
            "{text}"
        );
    }

    #[test]
    fn a_record_counts_its_own_digits() {
        for length in 80..120 {
            let mut records = Vec::new();
            record(&mut records, "key", &vec![b'v'; length]);
            let said = String::from_utf8_lossy(&records);
            let said: usize = said.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(said, records.len(), "{length}");
        }
    }

    #[test]
    fn large_and_fine_values_are_recorded() {
        let odd = Member {
            size: 9 << 30,
            uid: u32::MAX,
            modified: -1_500_000_000,
            ..member(b"f")
        };
        let bytes = header(&odd);
        let text = String::from_utf8_lossy(&bytes[BLOCK..2 * BLOCK]).into_owned();
        for record in [
            "size=9663676416\n",
            "uid=4294967295\n",
            "mtime=-1.500000000\n",
        ] {
            assert!(text.contains(record), "{text}");
        }
        assert!(!text.contains("gid"), "{text}");
    }

    #[test]
    fn names_that_are_no_text_are_announced() {
        let bytes = header(&member(&[0xff; 130]));
        assert!(bytes[BLOCK..].starts_with(b"21 hdrcharset=BINARY\n140 path=\xff"));
        assert_eq!(header(&member(b"short\xff")).len(), BLOCK);
    }

    #[test]
    fn contents_end_at_blocks() {
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
