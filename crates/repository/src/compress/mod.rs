//! Compression of contents (format 1 §5): a header id and a stream, kept only when it saves bytes.

use std::cell::RefCell;
use std::collections::{BTreeMap, btree_map};
use std::io::{Read, Write};

use crate::error::{Error, Result};

/// Length of the header id in front of every compressed stream, in bytes.
pub const HEADER_LENGTH: usize = 4;
/// Compression id of contents that are stored raw.
pub const UNCOMPRESSED: u32 = 0;

/// Compressors of the format, by header id and policy name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "named exactly as in the format")]
#[repr(u32)]
pub enum CompressionAlgorithm {
    Gzip = 0x1000,
    GzipBestSpeed = 0x1001,
    GzipBestCompression = 0x1002,
    Zstd = 0x1100,
    ZstdFastest = 0x1101,
    ZstdBetterCompression = 0x1102,
    ZstdBestCompression = 0x1103,
    S2Default = 0x1200,
    S2Better = 0x1201,
    S2Parallel4 = 0x1202,
    S2Parallel8 = 0x1203,
    Pgzip = 0x1300,
    PgzipBestSpeed = 0x1301,
    PgzipBestCompression = 0x1302,
    Lz4 = 0x1400,
    DeflateDefault = 0x1500,
    DeflateBestSpeed = 0x1501,
    DeflateBestCompression = 0x1502,
}

impl CompressionAlgorithm {
    /// Every algorithm of the format.
    pub const ALL: [Self; 18] = [
        Self::Gzip,
        Self::GzipBestSpeed,
        Self::GzipBestCompression,
        Self::Zstd,
        Self::ZstdFastest,
        Self::ZstdBetterCompression,
        Self::ZstdBestCompression,
        Self::S2Default,
        Self::S2Better,
        Self::S2Parallel4,
        Self::S2Parallel8,
        Self::Pgzip,
        Self::PgzipBestSpeed,
        Self::PgzipBestCompression,
        Self::Lz4,
        Self::DeflateDefault,
        Self::DeflateBestSpeed,
        Self::DeflateBestCompression,
    ];

    /// Name in policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::GzipBestSpeed => "gzip-best-speed",
            Self::GzipBestCompression => "gzip-best-compression",
            Self::Zstd => "zstd",
            Self::ZstdFastest => "zstd-fastest",
            Self::ZstdBetterCompression => "zstd-better-compression",
            Self::ZstdBestCompression => "zstd-best-compression",
            Self::S2Default => "s2-default",
            Self::S2Better => "s2-better",
            Self::S2Parallel4 => "s2-parallel-4",
            Self::S2Parallel8 => "s2-parallel-8",
            Self::Pgzip => "pgzip",
            Self::PgzipBestSpeed => "pgzip-best-speed",
            Self::PgzipBestCompression => "pgzip-best-compression",
            Self::Lz4 => "lz4",
            Self::DeflateDefault => "deflate-default",
            Self::DeflateBestSpeed => "deflate-best-speed",
            Self::DeflateBestCompression => "deflate-best-compression",
        }
    }

    /// Finds an algorithm by its policy name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// Header id in front of the stream and in index entries.
    #[must_use]
    pub fn id(self) -> u32 {
        self as u32
    }

    /// Finds an algorithm by its header id.
    #[must_use]
    pub fn by_id(id: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.id() == id)
    }

    /// The stream format, with the level for writing it.
    fn codec(self) -> Codec {
        let flate = flate2::Compression::new;
        match self {
            Self::ZstdFastest => Codec::Zstd(1),
            Self::Zstd => Codec::Zstd(3),
            Self::ZstdBetterCompression => Codec::Zstd(7),
            Self::ZstdBestCompression => Codec::Zstd(15),
            Self::Gzip | Self::Pgzip => Codec::Gzip(flate(6)),
            Self::GzipBestSpeed | Self::PgzipBestSpeed => Codec::Gzip(flate(1)),
            Self::GzipBestCompression | Self::PgzipBestCompression => Codec::Gzip(flate(9)),
            Self::DeflateDefault => Codec::Deflate(flate(6)),
            Self::DeflateBestSpeed => Codec::Deflate(flate(1)),
            Self::DeflateBestCompression => Codec::Deflate(flate(9)),
            Self::S2Default | Self::S2Better | Self::S2Parallel4 | Self::S2Parallel8 => Codec::S2,
            Self::Lz4 => Codec::Lz4,
        }
    }

    /// Whether contents may be written with the algorithm. `lz4` was removed from the format: stock clients refuse
    /// it, so what older ones wrote is read, and nothing is added.
    #[must_use]
    pub fn is_writable(self) -> bool {
        self != Self::Lz4
    }

    /// Checks that the algorithm may be written.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`].
    pub fn check_writable(self) -> Result<()> {
        if self.is_writable() {
            Ok(())
        } else {
            Err(not_writable(self))
        }
    }
}

/// A stream format and the level for writing it.
#[derive(Clone, Copy)]
enum Codec {
    Zstd(i32),
    Gzip(flate2::Compression),
    Deflate(flate2::Compression),
    S2,
    /// Only read.
    Lz4,
}

/// What a writer does with a content: an algorithm, or nothing for storing it raw.
pub type Compression = Option<CompressionAlgorithm>;

fn not_writable(algorithm: CompressionAlgorithm) -> Error {
    Error::InvalidParameter {
        what: "compression",
        reason: format!(
            "{} was removed from the format and is only read",
            algorithm.name()
        ),
    }
}

/// Compressors of one worker, kept from content to content.
#[derive(Default)]
pub struct Compressors {
    zstd: BTreeMap<CompressionAlgorithm, zstd::bulk::Compressor<'static>>,
}

impl std::fmt::Debug for Compressors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.zstd.keys()).finish()
    }
}

impl Compressors {
    /// Puts header id and stream into `out` (replacing what it held) when they are strictly shorter than `data`;
    /// returns whether they are. When not, `out` holds nothing of use and the content is to be stored raw.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for an algorithm that is only read.
    pub fn compress(
        &mut self,
        algorithm: CompressionAlgorithm,
        data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        algorithm.check_writable()?;
        if data.len() <= HEADER_LENGTH {
            return Ok(false);
        }
        out.clear();
        out.extend_from_slice(&algorithm.id().to_be_bytes());
        let packed = match algorithm.codec() {
            Codec::Zstd(level) => self.zstd(algorithm, level, data, out),
            Codec::Gzip(level) => {
                let mut encoder = flate2::write::GzEncoder::new(&mut *out, level);
                encoder
                    .write_all(data)
                    .and_then(|()| encoder.finish().map(|_| ()))
            }
            Codec::Deflate(level) => {
                let mut encoder = flate2::write::DeflateEncoder::new(&mut *out, level);
                encoder
                    .write_all(data)
                    .and_then(|()| encoder.finish().map(|_| ()))
            }
            Codec::S2 => {
                let mut encoder = minlz::Writer::new(&mut *out);
                encoder.write_all(data).and_then(|()| encoder.flush())
            }
            Codec::Lz4 => return Err(not_writable(algorithm)),
        };
        packed.map_err(|e| Error::InvalidParameter {
            what: "compression",
            reason: e.to_string(),
        })?;
        Ok(out.len() < data.len())
    }

    fn zstd(
        &mut self,
        algorithm: CompressionAlgorithm,
        level: i32,
        data: &[u8],
        out: &mut Vec<u8>,
    ) -> std::io::Result<()> {
        let compressor = match self.zstd.entry(algorithm) {
            btree_map::Entry::Occupied(entry) => entry.into_mut(),
            btree_map::Entry::Vacant(entry) => entry.insert(zstd::bulk::Compressor::new(level)?),
        };
        out.reserve(zstd::zstd_safe::compress_bound(data.len()));
        let mut stream = std::io::Cursor::new(out);
        stream.set_position(HEADER_LENGTH as u64);
        compressor.compress_to_buffer(data, &mut stream).map(|_| ())
    }
}

thread_local! {
    /// Contexts are large, so each thread keeps one.
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Restores a content from header id and stream into `out` (replacing what it held); it must come out with exactly
/// `length` bytes. Room for them is taken up front, so lengths that no client can have recorded are refused before.
///
/// # Errors
/// [`Error::NewerFormat`] (naming `what`) for an id that the format does not have, [`Error::Damaged`] for everything
/// else.
pub fn decompress(
    what: &dyn std::fmt::Display,
    id: u32,
    data: &[u8],
    length: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    let Some((header, stream)) = data.split_first_chunk::<HEADER_LENGTH>() else {
        return Err(Error::damaged(
            what,
            "the compressed form is shorter than its header",
        ));
    };
    if u32::from_be_bytes(*header) != id {
        return Err(Error::damaged(
            what,
            "the compression header differs from the index",
        ));
    }
    let Some(algorithm) = CompressionAlgorithm::by_id(id) else {
        return Err(Error::NewerFormat {
            reason: format!("unknown compression 0x{id:04x} of {what}"),
        });
    };
    if length > MAX_LENGTH.max(data.len().saturating_mul(MAX_RATIO_ABOVE)) {
        return Err(Error::damaged(
            what,
            format_args!(
                "it is said to have {length} bytes, which {} compressed ones cannot hold",
                data.len()
            ),
        ));
    }
    out.clear();
    // One byte more shows what is too long; without room for it, the buffer would double.
    out.reserve_exact(length + 1);
    let unpacked = match algorithm.codec() {
        Codec::Zstd(_) => unpack_zstd(stream, out),
        codec => unpack_stream(codec, stream, length, out),
    };
    match unpacked {
        Ok(n) if n == length && out.len() == length => Ok(()),
        Ok(n) => Err(Error::damaged(
            what,
            format_args!("{n} bytes came out of decompression, expected {length}"),
        )),
        Err(e) => Err(Error::damaged(
            what,
            format_args!("decompression failed: {e}"),
        )),
    }
}

/// Longest data of a content that is always decompressed, bytes: twice the largest chunk of any splitter.
const MAX_LENGTH: usize = 32 << 20;
/// What is longer is not cut by a splitter: manifests, which are compressed already, so that they shrink to less than
/// this part of their length hardly at all.
const MAX_RATIO_ABOVE: usize = 32;

/// Restores data that was compressed before it became a content (format 1 §5, "object level") into `out`, replacing
/// what it held. Its length is known only afterwards.
///
/// # Errors
/// As [`decompress`]; data above 32 MiB counts as damaged.
pub fn decompress_object(
    what: &dyn std::fmt::Display,
    data: &[u8],
    out: &mut Vec<u8>,
) -> Result<()> {
    let Some((header, stream)) = data.split_first_chunk::<HEADER_LENGTH>() else {
        return Err(Error::damaged(
            what,
            "the compressed form is shorter than its header",
        ));
    };
    let id = u32::from_be_bytes(*header);
    let Some(algorithm) = CompressionAlgorithm::by_id(id) else {
        return Err(Error::NewerFormat {
            reason: format!("unknown compression 0x{id:04x} of {what}"),
        });
    };
    out.clear();
    let unpacked = unpack_stream(algorithm.codec(), stream, MAX_LENGTH, out);
    match unpacked {
        Ok(length) if length <= MAX_LENGTH => Ok(()),
        Ok(_) => Err(Error::damaged(what, "it is larger than any chunk can be")),
        Err(error) => Err(Error::damaged(
            what,
            format_args!("decompression failed: {error}"),
        )),
    }
}

/// Unpacks a stream of unknown length, and of at most `limit` bytes: one byte more shows that there is more.
fn unpack_stream(
    codec: Codec,
    stream: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> std::io::Result<usize> {
    match codec {
        Codec::Zstd(_) => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(stream)?;
            // No window has to be larger than the data.
            decoder.window_log_max(MAX_LENGTH.ilog2())?;
            read_up_to(decoder, limit, out)
        }
        Codec::Gzip(_) => read_up_to(flate2::bufread::MultiGzDecoder::new(stream), limit, out),
        Codec::Deflate(_) => read_up_to(flate2::bufread::DeflateDecoder::new(stream), limit, out),
        Codec::S2 => {
            check_s2_blocks(stream)?;
            read_up_to(minlz::Reader::new(stream), limit, out)
        }
        Codec::Lz4 => read_up_to(lz4_flex::frame::FrameDecoder::new(stream), limit, out),
    }
}

/// Refuses blocks that are said to be longer than the format allows: the decoder takes room for them before it looks.
fn check_s2_blocks(stream: &[u8]) -> std::io::Result<()> {
    const MAX_BLOCK: u64 = 4 << 20;
    const CHECKSUM: usize = 4;
    let mut rest = stream;
    // Whatever is cut short is left to the decoder.
    while let Some((&[kind, low, middle, high], chunks)) = rest.split_first_chunk() {
        let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
        let chunk = &chunks[..length.min(chunks.len())];
        let digits = chunk.get(CHECKSUM..).unwrap_or_default().iter().take(10);
        let mut block = 0;
        for (place, digit) in digits.enumerate() {
            block |= u64::from(digit & 0x7f)
                .checked_shl(7 * place as u32)
                .unwrap_or(0);
            if digit & 0x80 == 0 {
                break;
            }
        }
        if kind == 0 && block > MAX_BLOCK {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                format!("a block of {block} bytes is longer than the format allows"),
            ));
        }
        rest = &chunks[chunk.len()..];
    }
    Ok(())
}

/// Reads at most one byte more than `length`, so that streams that are too long show.
/// The buffer grows by no more than it holds, and never beyond that byte.
fn read_up_to(mut decoder: impl Read, length: usize, out: &mut Vec<u8>) -> std::io::Result<usize> {
    const FIRST: usize = 64 << 10;
    while out.len() <= length {
        let room = out.len().max(FIRST).min(length + 1 - out.len());
        out.reserve_exact(room);
        let read = decoder.by_ref().take(room as u64).read_to_end(out)?;
        if read < room {
            break;
        }
    }
    Ok(out.len())
}

fn unpack_zstd(stream: &[u8], out: &mut Vec<u8>) -> std::io::Result<usize> {
    ZSTD.with_borrow_mut(|context| {
        let context = match context {
            Some(context) => context,
            None => context.insert(zstd::bulk::Decompressor::new()?),
        };
        context.decompress_to_buffer(stream, out)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_object_that_unpacks_without_end_is_refused() {
        let zeros = vec![0; MAX_LENGTH + 1];
        let (mut packed, mut out) = (Vec::new(), Vec::new());
        for algorithm in [
            CompressionAlgorithm::ZstdFastest,
            CompressionAlgorithm::GzipBestSpeed,
        ] {
            assert!(
                Compressors::default()
                    .compress(algorithm, &zeros, &mut packed)
                    .unwrap()
            );
            assert!(decompress_object(&"x", &packed, &mut out).is_err());
        }
    }

    #[test]
    fn incompressible_data_is_kept_raw() {
        let mut noise = vec![0; 4096];
        crate::crypto::random_bytes(&mut noise).unwrap();
        let mut out = Vec::new();
        let mut compressors = Compressors::default();
        assert!(
            !compressors
                .compress(CompressionAlgorithm::Zstd, &noise, &mut out)
                .unwrap()
        );
        assert!(
            !compressors
                .compress(CompressionAlgorithm::Zstd, b"", &mut out)
                .unwrap()
        );
        assert!(
            !compressors
                .compress(CompressionAlgorithm::Zstd, b"aaaaa", &mut out)
                .unwrap()
        );
        assert!(
            compressors
                .compress(CompressionAlgorithm::Lz4, &noise, &mut out)
                .is_err()
        );
    }

    fn unpack(
        algorithm: CompressionAlgorithm,
        stream: &[u8],
        length: usize,
    ) -> Result<Vec<u8>, Error> {
        let packed = [&algorithm.id().to_be_bytes(), stream].concat();
        let mut out = Vec::new();
        decompress(&"x", algorithm.id(), &packed, length, &mut out).map(|()| out)
    }

    fn text() -> Vec<u8> {
        b"all work and no play makes Jack a dull boy\n".repeat(100)
    }

    /// Whatever stock decoders accept (format 1 §5).
    #[test]
    fn streams_of_several_parts_are_one_content() {
        let (text, zstd) = (text(), zstd::bulk::compress(&text(), 3).unwrap());
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"any"].concat();
        let frames = [&skippable[..], &zstd, &skippable, &zstd].concat();
        assert_eq!(
            unpack(CompressionAlgorithm::Zstd, &frames, 2 * text.len()).unwrap(),
            text.repeat(2)
        );

        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap().repeat(2);
        assert_eq!(
            unpack(CompressionAlgorithm::Pgzip, &gzip, 2 * text.len()).unwrap(),
            text.repeat(2)
        );

        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        lz4.write_all(&text).unwrap();
        let lz4 = lz4.finish().unwrap();
        assert_eq!(
            unpack(CompressionAlgorithm::Lz4, &lz4, text.len()).unwrap(),
            text
        );
        assert!(unpack(CompressionAlgorithm::Lz4, &lz4, text.len() - 1).is_err());
    }

    /// S2 readers take plain framed Snappy, and skip indexes, padding and what they need not know.
    #[test]
    fn s2_takes_snappy_and_skips_chunks() {
        let text = text();
        let crc = crc32c(&text);
        let checksum = (crc.rotate_right(15)).wrapping_add(0xa282_ead8);
        let mut stream = b"\xff\x06\x00\x00sNaPpY".to_vec();
        for skipped in [0x80, 0x99, 0xfd, 0xfe] {
            stream.extend_from_slice(&[skipped, 3, 0, 0, 1, 2, 3]);
        }
        stream.push(1);
        stream.extend_from_slice(&(text.len() as u32 + 4).to_le_bytes()[..3]);
        stream.extend_from_slice(&checksum.to_le_bytes());
        stream.extend_from_slice(&text);
        let unpacked = unpack(CompressionAlgorithm::S2Better, &stream, text.len());
        assert_eq!(unpacked.unwrap(), text);

        let last = stream.len() - 1;
        stream[last] ^= 1;
        assert!(unpack(CompressionAlgorithm::S2Better, &stream, text.len()).is_err());
        stream[last] ^= 1;
        // A chunk that a reader must understand.
        stream.extend_from_slice(&[0x02, 1, 0, 0, 0]);
        assert!(unpack(CompressionAlgorithm::S2Better, &stream, text.len()).is_err());
    }

    fn crc32c(data: &[u8]) -> u32 {
        !data.iter().fold(!0, |crc: u32, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| {
                crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 }
            })
        })
    }

    #[test]
    fn bytes_behind_the_stream_are_ignored_by_deflate_only() {
        let text = text();
        for algorithm in CompressionAlgorithm::ALL {
            if !algorithm.is_writable() {
                continue;
            }
            let mut packed = Vec::new();
            assert!(
                Compressors::default()
                    .compress(algorithm, &text, &mut packed)
                    .unwrap()
            );
            let longer = [&packed[HEADER_LENGTH..], b"garbage"].concat();
            let unpacked = unpack(algorithm, &longer, text.len());
            assert_eq!(
                unpacked.is_ok(),
                matches!(algorithm.codec(), Codec::Deflate(_)),
                "{algorithm:?}"
            );
        }
    }

    /// However much a stream unpacks to, no more than the recorded length and one byte is made of it.
    #[test]
    fn a_bomb_is_stopped_at_the_recorded_length() {
        let zeros = vec![0; 64 << 20];
        for algorithm in [
            CompressionAlgorithm::Zstd,
            CompressionAlgorithm::Gzip,
            CompressionAlgorithm::S2Default,
            CompressionAlgorithm::DeflateDefault,
        ] {
            let mut packed = Vec::new();
            assert!(
                Compressors::default()
                    .compress(algorithm, &zeros, &mut packed)
                    .unwrap()
            );
            let mut out = Vec::new();
            let refused = decompress(&"x", algorithm.id(), &packed, 1 << 20, &mut out);
            assert!(matches!(refused, Err(Error::Damaged { .. })));
            assert!(
                out.capacity() <= 4 << 20,
                "{algorithm:?} {}",
                out.capacity()
            );
        }
    }

    #[test]
    fn unknown_ids_are_named() {
        let refused = decompress(
            &"content k1",
            0x1600,
            &[0, 0, 0x16, 0, 1],
            1,
            &mut Vec::new(),
        );
        let refused = refused.unwrap_err();
        assert!(matches!(refused, Error::NewerFormat { .. }));
        assert!(refused.to_string().contains("0x1600 of content k1"));
    }

    proptest! {
        #[test]
        fn round_trip(pattern in proptest::collection::vec(any::<u8>(), 1..50), repeat in 2usize..100, algorithm in proptest::sample::select(CompressionAlgorithm::ALL.to_vec())) {
            prop_assume!(algorithm.is_writable());
            let data = pattern.repeat(repeat);
            let mut out = Vec::new();
            if Compressors::default().compress(algorithm, &data, &mut out).unwrap() {
                prop_assert!(out.len() < data.len());
                let mut back = Vec::new();
                decompress(&"x", algorithm.id(), &out, data.len(), &mut back).unwrap();
                prop_assert_eq!(&back, &data);
                decompress_object(&"x", &out, &mut back).unwrap();
                prop_assert_eq!(&back, &data);
                prop_assert!(decompress(&"x", algorithm.id(), &out, data.len() - 1, &mut back).is_err());
                prop_assert!(decompress(&"x", algorithm.id(), &out, data.len() + 1, &mut back).is_err());
            }
        }

        #[test]
        fn damaged_streams_never_panic(mut data in proptest::collection::vec(any::<u8>(), 0..300), length in 0usize..1000, algorithm in proptest::sample::select(CompressionAlgorithm::ALL.to_vec())) {
            if let Some(header) = data.first_chunk_mut::<4>() {
                *header = algorithm.id().to_be_bytes();
            }
            let _ = decompress(&"x", algorithm.id(), &data, length, &mut Vec::new());
            let _ = decompress_object(&"x", &data, &mut Vec::new());
        }
    }
}
