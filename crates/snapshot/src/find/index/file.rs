//! The file: blocks one after another, then what they are, then where that begins.
//!
//! Every section and the table at the end are sealed with a key of the repository; the table has the authentication tag
//! of every section, so that the file is what was written as a whole, or is not used.

use std::fs::File;
use std::io::{self, Write};

use holdfast_host::fs::{ScratchFile, read_exact_at};
use holdfast_repository::{CacheSeal, Hasher};

use super::block::{self, Row};
use super::codec::{Reader, push_bytes, push_number};
use super::state::{DIGEST, Digest};

/// Also the version: a file that begins otherwise is made anew.
const MAGIC: &[u8; 16] = b"holdfast find 01";
/// Length of what stands behind the table: its length, and the magic again.
const TRAILER: usize = 8 + MAGIC.len();
/// Rows of a block take about as many bytes before they are compressed.
const BLOCK: usize = 192 << 10;
/// Longest section or table that is read, in bytes.
const MAX_LENGTH: u64 = 1 << 30;
const TAG: usize = 16;
/// Names are short of everything but repetition; more effort gains little.
const LEVEL: i32 = 1;

/// Why a file cannot be used. It is made anew then.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not what was written.
    #[error("{0}")]
    Damaged(&'static str),
}

const NO_TABLE: Broken = Broken::Damaged("its table is damaged, or of another version");
const NO_BLOCK: Broken = Broken::Damaged("a block is damaged");

/// A folder that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) key: Vec<u8>,
    pub(super) object: String,
    pub(super) reason: String,
}

/// What the file as a whole says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// Whose snapshots it is about.
    pub(super) source: String,
    /// Number and identity of each point, ascending by number.
    pub(super) points: Vec<(u32, Digest)>,
    /// The number of the point to come.
    pub(super) next: u32,
    /// How many points have gone since all blocks were written anew.
    pub(super) gone: u32,
    /// Folders that could not be read.
    pub(super) unread: Vec<Unread>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    sealed: u32,
    plain: u32,
    tag: [u8; TAG],
}

/// A block as the table knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The first and the last key.
    pub(super) first: Vec<u8>,
    pub(super) last: Vec<u8>,
    /// Number of rows.
    rows: u64,
    offset: u64,
    /// Names, states, folders.
    sections: [Section; 3],
}

impl Block {
    fn length(&self) -> usize {
        self.sections
            .iter()
            .map(|section| section.sealed as usize)
            .sum()
    }
}

fn aad(section: usize) -> &'static [u8] {
    [b"names".as_slice(), b"states", b"folders"][section]
}

/// A file to read from.
#[derive(Debug)]
pub(super) struct Segment {
    source: Source,
    seal: CacheSeal,
    pub(super) header: Header,
    pub(super) blocks: Vec<Block>,
}

#[derive(Debug)]
pub(super) enum Source {
    Named(File),
    Scratch(ScratchFile),
}

impl Source {
    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        match self {
            Self::Named(file) => read_exact_at(file, &mut bytes, offset)?,
            Self::Scratch(file) => file.read_exact_at(&mut bytes, offset)?,
        }
        Ok(bytes)
    }
}

impl Segment {
    /// Reads the table of a file.
    pub(super) fn open(file: File, seal: &CacheSeal) -> Result<Self, Broken> {
        let length = file.metadata()?.len();
        let source = Source::Named(file);
        let end = length.checked_sub(TRAILER as u64).ok_or(NO_TABLE)?;
        let trailer = source.read(end, TRAILER)?;
        let mut reader = Reader::new(&trailer);
        let table = reader.array().map(u64::from_le_bytes);
        let table = table
            .filter(|length| *length <= end.min(MAX_LENGTH))
            .ok_or(NO_TABLE)?;
        if reader.array() != Some(*MAGIC) {
            return Err(NO_TABLE);
        }
        let mut sealed = source.read(end - table, table as usize)?;
        let plain = seal.open(MAGIC, &mut sealed).map_err(|_| NO_TABLE)?;
        let plain = unpack(plain).ok_or(NO_TABLE)?;
        let (header, blocks) = read_table(&plain).ok_or(NO_TABLE)?;
        Ok(Self {
            source,
            seal: seal.clone(),
            header,
            blocks,
        })
    }

    fn section(&self, block: &Block, number: usize) -> Result<Vec<u8>, Broken> {
        let before = block.sections[..number].iter();
        let offset = block.offset + before.map(|section| u64::from(section.sealed)).sum::<u64>();
        let section = &block.sections[number];
        let mut sealed = self.source.read(offset, section.sealed as usize)?;
        if !sealed.ends_with(&section.tag) {
            return Err(NO_BLOCK);
        }
        let plain = self
            .seal
            .open(aad(number), &mut sealed)
            .map_err(|_| NO_BLOCK)?;
        let plain = unpack(plain).ok_or(NO_BLOCK)?;
        match plain.len() == section.plain as usize {
            true => Ok(plain),
            false => Err(NO_BLOCK),
        }
    }

    /// The names of a block, for [`block::each_name`].
    pub(super) fn names(&self, block: &Block) -> Result<Vec<u8>, Broken> {
        self.section(block, 0)
    }

    /// The states of a block, for [`block::States`].
    pub(super) fn states(&self, block: &Block) -> Result<Vec<u8>, Broken> {
        self.section(block, 1)
    }

    /// All rows of a block.
    pub(super) fn rows(&self, block: &Block) -> Result<Vec<Row>, Broken> {
        block::decode(&self.names(block)?, &self.states(block)?).ok_or(NO_BLOCK)
    }

    /// The digests of the folders of the latest point, sorted.
    pub(super) fn folders(&self) -> Result<Vec<Digest>, Broken> {
        let mut folders = Vec::new();
        for block in &self.blocks {
            let bytes = self.section(block, 2)?;
            let (digests, rest) = bytes.as_chunks::<DIGEST>();
            if !rest.is_empty() {
                return Err(NO_BLOCK);
            }
            folders.extend_from_slice(digests);
        }
        folders.sort_unstable();
        Ok(folders)
    }

    /// The first block that may have `key` or what comes after it.
    pub(super) fn first_block(&self, key: &[u8]) -> usize {
        self.blocks
            .partition_point(|block| block.last.as_slice() < key)
    }
}

/// What is compressed has its length in front.
fn pack(plain: &[u8]) -> io::Result<Vec<u8>> {
    let packed = zstd::bulk::compress(plain, LEVEL)?;
    let mut out = Vec::with_capacity(packed.len() + 8);
    push_number(&mut out, plain.len() as u64);
    out.extend_from_slice(&packed);
    Ok(out)
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(packed);
    let length = reader.number().filter(|length| *length <= MAX_LENGTH)?;
    let packed = reader.rest();
    let plain = zstd::bulk::decompress(packed, length as usize).ok()?;
    (plain.len() as u64 == length).then_some(plain)
}

fn read_table(bytes: &[u8]) -> Option<(Header, Vec<Block>)> {
    let mut reader = Reader::new(bytes);
    let mut header = Header {
        source: reader.text()?.to_owned(),
        next: reader.narrow()?,
        gone: reader.narrow()?,
        ..Header::default()
    };
    for _ in 0..reader.number()? {
        header.points.push((reader.narrow()?, reader.array()?));
    }
    for _ in 0..reader.number()? {
        header.unread.push(Unread {
            key: reader.bytes()?.to_vec(),
            object: reader.text()?.to_owned(),
            reason: reader.text()?.to_owned(),
        });
    }
    let mut blocks = Vec::new();
    for _ in 0..reader.number()? {
        let mut section = || {
            Some(Section {
                sealed: reader.narrow()?,
                plain: reader.narrow()?,
                tag: reader.array()?,
            })
        };
        let sections = [section()?, section()?, section()?];
        blocks.push(Block {
            sections,
            first: reader.bytes()?.to_vec(),
            last: reader.bytes()?.to_vec(),
            rows: reader.number()?,
            offset: reader.number()?,
        });
    }
    reader.is_empty().then_some((header, blocks))
}

fn write_table(header: &Header, blocks: &[Block]) -> Vec<u8> {
    let mut out = Vec::new();
    push_bytes(&mut out, header.source.as_bytes());
    push_number(&mut out, header.next.into());
    push_number(&mut out, header.gone.into());
    push_number(&mut out, header.points.len() as u64);
    for (number, identity) in &header.points {
        push_number(&mut out, (*number).into());
        out.extend_from_slice(identity);
    }
    push_number(&mut out, header.unread.len() as u64);
    for unread in &header.unread {
        push_bytes(&mut out, &unread.key);
        push_bytes(&mut out, unread.object.as_bytes());
        push_bytes(&mut out, unread.reason.as_bytes());
    }
    push_number(&mut out, blocks.len() as u64);
    for block in blocks {
        for section in &block.sections {
            push_number(&mut out, section.sealed.into());
            push_number(&mut out, section.plain.into());
            out.extend_from_slice(&section.tag);
        }
        push_bytes(&mut out, &block.first);
        push_bytes(&mut out, &block.last);
        push_number(&mut out, block.rows);
        push_number(&mut out, block.offset);
    }
    out
}

/// Writes a file, row by row in the order of their keys.
pub(super) struct Writer<'a, W> {
    out: W,
    offset: u64,
    seal: &'a CacheSeal,
    hasher: &'a Hasher,
    pending: Vec<Row>,
    weight: usize,
    blocks: Vec<Block>,
}

impl<'a, W: Write> Writer<'a, W> {
    pub(super) fn new(out: W, seal: &'a CacheSeal, hasher: &'a Hasher) -> Self {
        Self {
            out,
            offset: 0,
            seal,
            hasher,
            pending: Vec::new(),
            weight: 0,
            blocks: Vec::new(),
        }
    }

    /// Takes a row.
    pub(super) fn push(&mut self, row: Row) -> io::Result<()> {
        self.weight += row.weight();
        self.pending.push(row);
        // Two blocks are held and one is written, so that one more row in a block moves none of the others.
        if self.weight >= 2 * BLOCK {
            self.write_pending(BLOCK)?;
        }
        Ok(())
    }

    /// Whether the next block can be copied as it is: what is held makes a block of its own.
    pub(super) fn may_copy(&self) -> bool {
        self.pending.is_empty() || self.weight >= BLOCK / 4
    }

    /// Takes over a block as it is.
    pub(super) fn copy(&mut self, from: &Segment, block: &Block) -> Result<(), Broken> {
        self.write_pending(usize::MAX)?;
        let bytes = from.source.read(block.offset, block.length())?;
        let mut end = 0;
        for section in &block.sections {
            end += section.sealed as usize;
            // What is copied must be what the table says.
            if !bytes[..end].ends_with(&section.tag) {
                return Err(NO_BLOCK);
            }
        }
        self.blocks.push(Block {
            offset: self.offset,
            ..block.clone()
        });
        self.out.write_all(&bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Writes rows that are held, of about `weight` bytes.
    fn write_pending(&mut self, weight: usize) -> io::Result<()> {
        let mut taken = 0;
        let count = self.pending.iter().take_while(|row| {
            let fits = taken < weight;
            taken += row.weight();
            fits
        });
        let count = count.count();
        let rest = self.pending.split_off(count);
        let rows = std::mem::replace(&mut self.pending, rest);
        self.weight = self.pending.iter().map(Row::weight).sum();
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(());
        };
        let plain = block::encode(self.hasher, &rows);
        let offset = self.offset;
        let mut section = |number: usize, plain: &[u8]| -> io::Result<Section> {
            let sealed = self
                .seal
                .seal(aad(number), &pack(plain)?)
                .map_err(io::Error::other)?;
            self.out.write_all(&sealed)?;
            self.offset += sealed.len() as u64;
            let too_long = || io::Error::other("a block of the search index is too long");
            let tag = sealed.last_chunk().copied();
            Ok(Section {
                sealed: sealed.len().try_into().map_err(|_| too_long())?,
                plain: plain.len().try_into().map_err(|_| too_long())?,
                tag: tag.unwrap_or_default(),
            })
        };
        let sections = [
            section(0, &plain.names)?,
            section(1, &plain.states)?,
            section(2, &plain.folders)?,
        ];
        self.blocks.push(Block {
            first: first.key.clone(),
            last: last.key.clone(),
            rows: rows.len() as u64,
            offset,
            sections,
        });
        Ok(())
    }

    /// Writes what is held and the table; returns what is needed to read it all.
    pub(super) fn finish(mut self, header: Header) -> io::Result<Written<W>> {
        self.write_pending(usize::MAX)?;
        let table = pack(&write_table(&header, &self.blocks))?;
        let sealed = self.seal.seal(MAGIC, &table).map_err(io::Error::other)?;
        self.out.write_all(&sealed)?;
        self.out.write_all(&(sealed.len() as u64).to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        Ok(Written {
            out: self.out,
            header,
            blocks: self.blocks,
        })
    }
}

/// What was written.
#[derive(Debug)]
pub(super) struct Written<W> {
    pub(super) out: W,
    header: Header,
    blocks: Vec<Block>,
}

impl<W> Written<W> {
    /// The same to read from, once it is clear where.
    pub(super) fn into_segment(
        self,
        source: impl FnOnce(W) -> io::Result<Source>,
        seal: &CacheSeal,
    ) -> io::Result<Segment> {
        Ok(Segment {
            source: source(self.out)?,
            seal: seal.clone(),
            header: self.header,
            blocks: self.blocks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_comes_back() {
        let header = Header {
            source: "user@host:/data".to_owned(),
            points: vec![(3, [1; DIGEST]), (9, [2; DIGEST])],
            next: 10,
            gone: 7,
            unread: vec![Unread {
                key: b"\0docs".to_vec(),
                object: "kaa".to_owned(),
                reason: "damaged".to_owned(),
            }],
        };
        let section = |sealed| Section {
            sealed,
            plain: 9,
            tag: [sealed as u8; TAG],
        };
        let blocks = vec![Block {
            first: b"\0a".to_vec(),
            last: b"\0b".to_vec(),
            rows: 2,
            offset: 1 << 40,
            sections: [section(1), section(2), section(3)],
        }];
        let table = write_table(&header, &blocks);
        for length in 0..table.len() {
            assert_eq!(read_table(&table[..length]), None, "{length}");
        }
        assert_eq!(read_table(&table), Some((header, blocks)));
    }
}
