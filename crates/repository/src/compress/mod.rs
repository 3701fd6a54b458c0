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

    /// The codec that this version has for the algorithm, if any, with the level for writing.
    fn codec(self) -> Option<Codec> {
        let flate = flate2::Compression::new;
        match self {
            Self::ZstdFastest => Some(Codec::Zstd(1)),
            Self::Zstd => Some(Codec::Zstd(3)),
            Self::ZstdBetterCompression => Some(Codec::Zstd(7)),
            Self::ZstdBestCompression => Some(Codec::Zstd(15)),
            Self::Gzip | Self::Pgzip => Some(Codec::Gzip(flate(6))),
            Self::GzipBestSpeed | Self::PgzipBestSpeed => Some(Codec::Gzip(flate(1))),
            Self::GzipBestCompression | Self::PgzipBestCompression => Some(Codec::Gzip(flate(9))),
            Self::DeflateDefault => Some(Codec::Deflate(flate(6))),
            Self::DeflateBestSpeed => Some(Codec::Deflate(flate(1))),
            Self::DeflateBestCompression => Some(Codec::Deflate(flate(9))),
            Self::S2Default | Self::S2Better | Self::S2Parallel4 | Self::S2Parallel8 => {
                Some(Codec::S2)
            }
            // Removed from the format: neither read nor written by present programs.
            Self::Lz4 => None,
        }
    }

    /// Checks that this version can write the algorithm.
    ///
    /// # Errors
    /// [`Error::NotSupportedYet`].
    pub fn check_writable(self) -> Result<()> {
        self.codec()
            .map(|_| ())
            .ok_or_else(|| not_supported(self.name()))
    }
}

/// A stream format and the level for writing it.
#[derive(Clone, Copy)]
enum Codec {
    Zstd(i32),
    Gzip(flate2::Compression),
    Deflate(flate2::Compression),
    S2,
}

/// What a writer does with a content: an algorithm, or nothing for storing it raw.
pub type Compression = Option<CompressionAlgorithm>;

fn not_supported(name: &str) -> Error {
    Error::NotSupportedYet {
        kind: "compression",
        name: name.to_owned(),
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
    /// [`Error::NotSupportedYet`] for an algorithm this version cannot write.
    pub fn compress(
        &mut self,
        algorithm: CompressionAlgorithm,
        data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let codec = algorithm
            .codec()
            .ok_or_else(|| not_supported(algorithm.name()))?;
        if data.len() <= HEADER_LENGTH {
            return Ok(false);
        }
        out.clear();
        out.extend_from_slice(&algorithm.id().to_be_bytes());
        let packed = match codec {
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
/// `length` bytes.
///
/// # Errors
/// [`Error::NotSupportedYet`] for an algorithm this version cannot read, [`Error::Damaged`] (naming `what`) for
/// everything else.
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
        return Err(not_supported(&format!("0x{id:04x}")));
    };
    let Some(codec) = algorithm.codec() else {
        return Err(not_supported(algorithm.name()));
    };
    out.clear();
    out.reserve_exact(length);
    let unpacked = match codec {
        Codec::Zstd(_) => unpack_zstd(stream, out),
        Codec::Gzip(_) => read_up_to(flate2::bufread::MultiGzDecoder::new(stream), length, out),
        Codec::Deflate(_) => read_up_to(flate2::bufread::DeflateDecoder::new(stream), length, out),
        Codec::S2 => read_up_to(minlz::Reader::new(stream), length, out),
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

/// Reads at most one byte more than `length`, so that streams that are too long show.
fn read_up_to(decoder: impl Read, length: usize, out: &mut Vec<u8>) -> std::io::Result<usize> {
    decoder.take(length as u64 + 1).read_to_end(out)
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

    proptest! {
        #[test]
        fn round_trip(pattern in proptest::collection::vec(any::<u8>(), 1..50), repeat in 2usize..100, algorithm in proptest::sample::select(CompressionAlgorithm::ALL.to_vec())) {
            if algorithm.check_writable().is_err() {
                return Ok(());
            }
            let data = pattern.repeat(repeat);
            let mut out = Vec::new();
            if Compressors::default().compress(algorithm, &data, &mut out).unwrap() {
                prop_assert!(out.len() < data.len());
                let mut back = Vec::new();
                decompress(&"x", algorithm.id(), &out, data.len(), &mut back).unwrap();
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
        }
    }
}
