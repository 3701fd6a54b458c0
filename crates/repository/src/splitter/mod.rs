//! Where an object's byte stream is cut into contents (format 1 §4).

mod buzhash;
mod dynamic;
mod rabin_karp;
mod table;

use self::buzhash::Buzhash;
use self::dynamic::Dynamic;
use self::rabin_karp::RabinKarp;
use crate::error::{Error, Result};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Sizes that names can carry.
const SIZES: [(&str, usize); 7] = [
    ("128K", 128 * KIB),
    ("256K", 256 * KIB),
    ("512K", 512 * KIB),
    ("1M", MIB),
    ("2M", 2 * MIB),
    ("4M", 4 * MIB),
    ("8M", 8 * MIB),
];

/// Name of the splitter of new repositories.
pub const DEFAULT_SPLITTER: &str = "DYNAMIC-4M-BUZHASH";

/// A cutting rule of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitterKind {
    /// Every so many bytes.
    Fixed(usize),
    /// Content-defined with a cyclic polynomial hash; the average is given.
    Buzhash(usize),
    /// Content-defined with a Rabin-Karp hash; the average is given.
    RabinKarp(usize),
}

impl SplitterKind {
    /// Finds the rule of a splitter name; an empty name is `FIXED`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let size = |text: &str| {
            SIZES
                .iter()
                .find(|(known, _)| *known == text)
                .map(|(_, size)| *size)
        };
        match name {
            "" | "FIXED" => return Some(Self::Fixed(4 * MIB)),
            "DYNAMIC" => return Some(Self::Buzhash(4 * MIB)),
            _ => {}
        }
        if let Some(rest) = name.strip_prefix("FIXED-") {
            return size(rest).map(Self::Fixed);
        }
        let rest = name.strip_prefix("DYNAMIC-")?;
        if let Some(average) = rest.strip_suffix("-BUZHASH") {
            return size(average).map(Self::Buzhash);
        }
        size(rest.strip_suffix("-RABINKARP")?).map(Self::RabinKarp)
    }

    /// Every name of the format.
    pub const NAMES: [&str; 23] = [
        "FIXED",
        "DYNAMIC",
        "FIXED-128K",
        "DYNAMIC-128K-BUZHASH",
        "DYNAMIC-128K-RABINKARP",
        "FIXED-256K",
        "DYNAMIC-256K-BUZHASH",
        "DYNAMIC-256K-RABINKARP",
        "FIXED-512K",
        "DYNAMIC-512K-BUZHASH",
        "DYNAMIC-512K-RABINKARP",
        "FIXED-1M",
        "DYNAMIC-1M-BUZHASH",
        "DYNAMIC-1M-RABINKARP",
        "FIXED-2M",
        "DYNAMIC-2M-BUZHASH",
        "DYNAMIC-2M-RABINKARP",
        "FIXED-4M",
        "DYNAMIC-4M-BUZHASH",
        "DYNAMIC-4M-RABINKARP",
        "FIXED-8M",
        "DYNAMIC-8M-BUZHASH",
        "DYNAMIC-8M-RABINKARP",
    ];
}

/// Cuts one stream; the caller keeps the bytes of the current chunk.
#[derive(Debug, Clone)]
pub struct Splitter {
    rule: Rule,
    /// How many bytes of the current chunk were looked at.
    scanned: usize,
}

#[derive(Debug, Clone)]
enum Rule {
    Fixed(usize),
    Buzhash(Dynamic<Buzhash>),
    RabinKarp(Dynamic<RabinKarp>),
}

impl Splitter {
    /// A splitter by its name in the format.
    ///
    /// # Errors
    /// [`Error::NewerFormat`] for an unknown name.
    pub fn new(name: &str) -> Result<Self> {
        let kind = SplitterKind::by_name(name).ok_or_else(|| Error::NewerFormat {
            reason: format!("unknown splitter {name:?}"),
        })?;
        Ok(Self::of_kind(kind))
    }

    fn of_kind(kind: SplitterKind) -> Self {
        let rule = match kind {
            SplitterKind::Fixed(size) => Rule::Fixed(size),
            SplitterKind::Buzhash(average) => Rule::Buzhash(Dynamic::new(average)),
            SplitterKind::RabinKarp(average) => Rule::RabinKarp(Dynamic::new(average)),
        };
        Self { rule, scanned: 0 }
    }

    /// No chunk but the last of a stream is shorter than this, in bytes.
    #[must_use]
    pub fn min_length(&self) -> usize {
        match &self.rule {
            Rule::Fixed(size) => *size,
            Rule::Buzhash(rule) => rule.min(),
            Rule::RabinKarp(rule) => rule.min(),
        }
    }

    /// No chunk is longer than this, in bytes.
    #[must_use]
    pub fn max_length(&self) -> usize {
        match &self.rule {
            Rule::Fixed(size) => *size,
            Rule::Buzhash(rule) => rule.max(),
            Rule::RabinKarp(rule) => rule.max(),
        }
    }

    /// Looks for the end of the current chunk. `chunk` holds all bytes of the stream from the start of the
    /// chunk to as far as is known; each call may show more of them, and only what is new is scanned.
    ///
    /// Returns the length of the chunk (at most `chunk.len()`) when its end was found: the next call is then
    /// about the chunk that starts there. Returns nothing when more bytes are needed; what is left at the end
    /// of the stream is the last chunk (call [`Splitter::reset`] before the next stream).
    pub fn next_cut(&mut self, chunk: &[u8]) -> Option<usize> {
        let found = match &self.rule {
            Rule::Fixed(size) => (chunk.len() >= *size).then_some(*size),
            Rule::Buzhash(rule) => rule.find(chunk, self.scanned),
            Rule::RabinKarp(rule) => rule.find(chunk, self.scanned),
        };
        self.scanned = if found.is_some() { 0 } else { chunk.len() };
        found
    }

    /// Starts a new stream.
    pub fn reset(&mut self) {
        self.scanned = 0;
    }
}
