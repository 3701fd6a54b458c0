//! Why a snapshot is kept, in the words that the format's programs show.

use std::collections::BTreeMap;
use std::fmt;

/// A kind of snapshot that retention counts, in the order of display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// One of the newest.
    Latest,
    /// The newest of an hour.
    Hourly,
    /// The newest of a day.
    Daily,
    /// The newest of an ISO week.
    Weekly,
    /// The newest of a month.
    Monthly,
    /// The newest of a year.
    Annual,
}

impl Kind {
    /// All kinds, in the order of display.
    pub const ALL: [Self; 6] = [
        Self::Latest,
        Self::Hourly,
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Annual,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Annual => "annual",
        }
    }
}

/// One reason to keep a snapshot; in the order of display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A young or recent upload that did not run to its end.
    Incomplete,
    /// The n-th of a kind, counted from the newest, which is 1.
    Kept(Kind, i64),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete => f.write_str("incomplete"),
            Self::Kept(kind, number) => write!(f, "{}-{number}", kind.as_str()),
        }
    }
}

/// Reasons for display, consecutive numbers of a kind joined: `daily-1..3`.
pub fn compact(reasons: &[Reason]) -> Vec<String> {
    let mut texts = Vec::new();
    let mut numbers: BTreeMap<Kind, Vec<i64>> = BTreeMap::new();
    for reason in reasons {
        match reason {
            Reason::Incomplete => texts.push(reason.to_string()),
            Reason::Kept(kind, number) => numbers.entry(*kind).or_default().push(*number),
        }
    }
    for (kind, mut numbers) in numbers {
        numbers.sort_unstable();
        for run in numbers.chunk_by(|left, right| left + 1 == *right) {
            texts.push(match run {
                [first, .., last] => format!("{}-{first}..{last}", kind.as_str()),
                _ => Reason::Kept(kind, run[0]).to_string(),
            });
        }
    }
    texts
}
