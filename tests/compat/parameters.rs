//! Which parameters repositories are created with.

use std::collections::BTreeSet;

use holdfast_repository::HashAlgorithm;
use holdfast_repository::compress::CompressionAlgorithm;
use holdfast_repository::crypto::EncryptionAlgorithm;
use holdfast_repository::splitter::{DEFAULT_SPLITTER, SplitterKind};

/// Versions of the format, each with overheads of error correction; 0 is none, and version 1 has none. The overheads
/// give codes of every kind.
const FORMATS: [(u32, u32); 10] = [
    (3, 0),
    (2, 0),
    (1, 0),
    (3, 1),
    (2, 3),
    (3, 5),
    (2, 10),
    (3, 50),
    (2, 100),
    (3, 100),
];

/// Parameters of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) hash: HashAlgorithm,
    pub(crate) encryption: EncryptionAlgorithm,
    pub(crate) splitter: String,
    pub(crate) version: u32,
    pub(crate) overhead: u32,
    /// The compressor that the global policy names.
    pub(crate) compressor: Option<CompressionAlgorithm>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            hash: HashAlgorithm::default(),
            encryption: EncryptionAlgorithm::default(),
            splitter: DEFAULT_SPLITTER.to_owned(),
            version: 3,
            overhead: 0,
            compressor: None,
        }
    }
}

impl Parameters {
    /// The values that stand in one place of each parameter's list; lists that are shorter begin anew.
    fn numbered(number: usize, hash: usize, encryption: usize, format: usize) -> Self {
        let (version, overhead) = FORMATS[format % FORMATS.len()];
        let splitters = SplitterKind::NAMES;
        let compressors = compressors();
        Self {
            hash: HashAlgorithm::ALL[hash % HashAlgorithm::ALL.len()],
            encryption: EncryptionAlgorithm::ALL[encryption % EncryptionAlgorithm::ALL.len()],
            splitter: splitters[number % splitters.len()].to_owned(),
            version,
            overhead,
            compressor: compressors[number % compressors.len()],
        }
    }

    /// Every value of every parameter at least once, in the fewest sets.
    pub(crate) fn each() -> Vec<Self> {
        let count = SplitterKind::NAMES.len().max(compressors().len());
        (0..count)
            .map(|number| Self::numbered(number, number, number, number))
            .collect()
    }

    /// Every pair of hash, encryption and format; splitters and compressors take turns.
    pub(crate) fn pairs() -> Vec<Self> {
        let counts = [
            HashAlgorithm::ALL.len(),
            EncryptionAlgorithm::ALL.len(),
            FORMATS.len(),
        ];
        let rows = covering_rows(&counts).into_iter().enumerate();
        rows.map(|(number, row)| Self::numbered(number, row[0], row[1], row[2]))
            .collect()
    }

    /// What `repo create` is called with.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            "--hash".to_owned(),
            self.hash.name().to_owned(),
            "--encryption".to_owned(),
            self.encryption.name().to_owned(),
            "--splitter".to_owned(),
            self.splitter.clone(),
            "--format-version".to_owned(),
            self.version.to_string(),
        ];
        if self.overhead > 0 {
            let overhead = [
                "--ecc-overhead-percent".to_owned(),
                self.overhead.to_string(),
            ];
            arguments.extend(overhead);
        }
        arguments
    }

    /// A length of data that the splitter cuts at least once, in bytes.
    pub(crate) fn several_chunks(&self) -> usize {
        match SplitterKind::by_name(&self.splitter).expect("a splitter") {
            SplitterKind::Fixed(size) => size + 1000,
            SplitterKind::Buzhash(average) | SplitterKind::RabinKarp(average) => 2 * average + 1000,
        }
    }
}

/// No compression, and every compressor that may still be written.
fn compressors() -> Vec<Option<CompressionAlgorithm>> {
    let all = CompressionAlgorithm::ALL.into_iter();
    let writable = all.filter(|algorithm| algorithm.is_writable()).map(Some);
    [None].into_iter().chain(writable).collect()
}

/// A value of a parameter: which parameter, which value.
type Choice = (usize, usize);

/// Rows of one value for each parameter, such that any two values of two parameters meet in some row.
fn covering_rows(counts: &[usize]) -> Vec<Vec<usize>> {
    let choices = |parameter: usize| (0..counts[parameter]).map(move |value| (parameter, value));
    let mut missing: BTreeSet<(Choice, Choice)> = BTreeSet::new();
    for left in 0..counts.len() {
        for right in left + 1..counts.len() {
            let pairs = choices(left).flat_map(|one| choices(right).map(move |other| (one, other)));
            missing.extend(pairs);
        }
    }
    let mut rows = Vec::new();
    while let Some(&(one, other)) = missing.first() {
        let mut row: Vec<Choice> = vec![one, other];
        for parameter in 0..counts.len() {
            if row.iter().any(|(chosen, _)| *chosen == parameter) {
                continue;
            }
            let gain = |choice: &Choice| {
                let new = row
                    .iter()
                    .filter(|other| missing.contains(&pair(**other, *choice)));
                new.count()
            };
            let best = choices(parameter).max_by_key(gain).expect("a value");
            row.push(best);
        }
        row.sort_unstable();
        for one in &row {
            for other in &row {
                missing.remove(&pair(*one, *other));
            }
        }
        rows.push(row.into_iter().map(|(_, value)| value).collect());
    }
    rows
}

fn pair(one: Choice, other: Choice) -> (Choice, Choice) {
    (one.min(other), one.max(other))
}

#[test]
fn every_value_and_every_pair_has_its_set() {
    let each = Parameters::each();
    let pairs = Parameters::pairs();
    for sets in [&each, &pairs] {
        for splitter in SplitterKind::NAMES {
            assert!(sets.iter().any(|set| set.splitter == splitter));
        }
        for compressor in compressors() {
            assert!(sets.iter().any(|set| set.compressor == compressor));
        }
        for hash in HashAlgorithm::ALL {
            assert!(sets.iter().any(|set| set.hash == hash));
        }
        for format in FORMATS {
            assert!(sets.iter().any(|set| (set.version, set.overhead) == format));
        }
    }
    for hash in HashAlgorithm::ALL {
        for (version, overhead) in FORMATS {
            let meets = |set: &Parameters| {
                (set.hash, set.version, set.overhead) == (hash, version, overhead)
            };
            assert!(pairs.iter().any(meets), "{hash:?} {version} {overhead}");
        }
        for encryption in EncryptionAlgorithm::ALL {
            let meets = |set: &Parameters| set.hash == hash && set.encryption == encryption;
            assert!(pairs.iter().any(meets), "{hash:?} {encryption:?}");
        }
    }
}
