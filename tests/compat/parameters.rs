//! Which parameters repositories are created with.

use std::collections::BTreeSet;

use holdfast_repository::HashAlgorithm;
use holdfast_repository::crypto::EncryptionAlgorithm;
use holdfast_repository::splitter::{DEFAULT_SPLITTER, SplitterKind};

/// Overheads of error correction that give codes of every kind; 0 is none.
const OVERHEADS: [u32; 7] = [0, 1, 3, 5, 10, 50, 100];

/// Parameters of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) hash: HashAlgorithm,
    pub(crate) encryption: EncryptionAlgorithm,
    pub(crate) splitter: String,
    pub(crate) overhead: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            hash: HashAlgorithm::default(),
            encryption: EncryptionAlgorithm::default(),
            splitter: DEFAULT_SPLITTER.to_owned(),
            overhead: 0,
        }
    }
}

impl Parameters {
    /// Every value of every parameter at least once, in the fewest sets.
    pub(crate) fn each() -> Vec<Self> {
        let sets = SplitterKind::NAMES.into_iter().enumerate();
        sets.map(|(number, splitter)| Self {
            hash: HashAlgorithm::ALL[number % HashAlgorithm::ALL.len()],
            encryption: EncryptionAlgorithm::ALL[number % EncryptionAlgorithm::ALL.len()],
            splitter: splitter.to_owned(),
            overhead: OVERHEADS[number % OVERHEADS.len()],
        })
        .collect()
    }

    /// Every pair of values of two parameters, splitters apart, which take turns.
    pub(crate) fn pairs() -> Vec<Self> {
        let counts = [
            HashAlgorithm::ALL.len(),
            EncryptionAlgorithm::ALL.len(),
            OVERHEADS.len(),
        ];
        let splitters = SplitterKind::NAMES;
        let rows = covering_rows(&counts).into_iter().enumerate();
        rows.map(|(number, row)| Self {
            hash: HashAlgorithm::ALL[row[0]],
            encryption: EncryptionAlgorithm::ALL[row[1]],
            splitter: splitters[number % splitters.len()].to_owned(),
            overhead: OVERHEADS[row[2]],
        })
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
    for hash in HashAlgorithm::ALL {
        assert!(each.iter().any(|set| set.hash == hash));
    }
    for overhead in OVERHEADS {
        assert!(each.iter().any(|set| set.overhead == overhead));
    }
    let pairs = Parameters::pairs();
    for hash in HashAlgorithm::ALL {
        for overhead in OVERHEADS {
            let meets = |set: &Parameters| set.hash == hash && set.overhead == overhead;
            assert!(pairs.iter().any(meets), "{hash:?} {overhead}");
        }
        for encryption in EncryptionAlgorithm::ALL {
            let meets = |set: &Parameters| set.hash == hash && set.encryption == encryption;
            assert!(pairs.iter().any(meets), "{hash:?} {encryption:?}");
        }
    }
    for splitter in SplitterKind::NAMES {
        assert!(pairs.iter().any(|set| set.splitter == splitter));
    }
}
