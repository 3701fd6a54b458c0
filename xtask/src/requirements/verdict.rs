//! Compares list, tests and status: each requirement is either named by a test or waits, and never both.

use std::collections::{BTreeMap, BTreeSet};

use super::annotations::{Annotation, Found};
use super::rows::{Row, Rows};

/// Why a requirement is in the status list; each entry begins with one of these words and a colon.
pub(crate) const REASONS: &[&str] = &["partly", "untested", "missing", "replaced", "note"];

/// A requirement and its state.
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) group: String,
    pub(crate) state: State,
}

pub(crate) enum State {
    /// The tests that name it, sorted.
    Tested(BTreeSet<String>),
    /// One of [`REASONS`], and what follows it.
    Waits(&'static str, String),
    /// Neither, which is a fault.
    Unknown,
}

impl State {
    /// The word for it in the table.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Tested(_) => "tested",
            Self::Waits(reason, _) => reason,
            Self::Unknown => "unknown",
        }
    }
}

/// All requirements in the order of the list, and everything that does not fit together.
pub(crate) struct Verdict {
    pub(crate) entries: Vec<Entry>,
    pub(crate) faults: Vec<String>,
}

pub(crate) fn judge(list: Rows, waiting: Rows, found: Found) -> Verdict {
    let mut faults = [list.faults, waiting.faults, found.faults].concat();
    let places = places(&list.rows, &mut faults);
    let mut tests = tests_by_id(found.annotations, &places, &mut faults);
    let mut waits = waits_by_id(waiting.rows, &places, &mut faults);
    let mut entries = Vec::new();
    for row in list.rows {
        let state = match (tests.remove(&row.id), waits.remove(&row.id)) {
            (Some(tests), None) => State::Tested(tests),
            (None, Some((_, reason, text))) => State::Waits(reason, text),
            (Some(tests), Some((place, ..))) => {
                let names: Vec<&str> = tests.iter().map(String::as_str).collect();
                let names = names.join(", ");
                faults.push(format!(
                    "{place}: {} waits no longer, it is named by {names}",
                    row.id
                ));
                State::Tested(tests)
            }
            (None, None) => {
                faults.push(format!(
                    "{}: no test names {}, and the status list says nothing of it",
                    row.place, row.id
                ));
                State::Unknown
            }
        };
        entries.push(Entry {
            id: row.id,
            title: row.text,
            group: row.group,
            state,
        });
    }
    Verdict { entries, faults }
}

/// Where each id stands in the list.
fn places(list: &[Row], faults: &mut Vec<String>) -> BTreeMap<String, usize> {
    let mut places = BTreeMap::new();
    for (at, row) in list.iter().enumerate() {
        if places.insert(row.id.clone(), at).is_some() {
            faults.push(format!("{}: {} is listed twice", row.place, row.id));
        }
    }
    places
}

fn tests_by_id(
    annotations: Vec<Annotation>,
    places: &BTreeMap<String, usize>,
    faults: &mut Vec<String>,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut tests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for annotation in annotations {
        if places.contains_key(&annotation.id) {
            tests
                .entry(annotation.id)
                .or_default()
                .insert(annotation.test);
        } else {
            faults.push(format!(
                "{}: {} is not in the list",
                annotation.place, annotation.id
            ));
        }
    }
    tests
}

/// Place, reason and text of each id that waits; they stand in the order of the list.
fn waits_by_id(
    rows: Vec<Row>,
    places: &BTreeMap<String, usize>,
    faults: &mut Vec<String>,
) -> BTreeMap<String, (String, &'static str, String)> {
    let mut waits = BTreeMap::new();
    let mut before = None;
    for row in rows {
        let Some(place) = places.get(&row.id) else {
            faults.push(format!("{}: {} is not in the list", row.place, row.id));
            continue;
        };
        if before
            .replace(*place)
            .is_some_and(|before| before >= *place)
        {
            faults.push(format!(
                "{}: {} stands out of the order of the list, or twice",
                row.place, row.id
            ));
        }
        let (word, text) = row.text.split_once(": ").unwrap_or_default();
        let Some(reason) = REASONS.iter().find(|reason| **reason == word) else {
            faults.push(format!(
                "{}: the reason begins with one of {} and a colon",
                row.place,
                REASONS.join(", ")
            ));
            continue;
        };
        waits.insert(row.id, (row.place, *reason, text.to_owned()));
    }
    waits
}

#[cfg(test)]
mod tests {
    use super::super::rows;
    use super::*;

    const LIST: &str = "## Group\n| A-1 | one |\n| A-2 | two |\n";

    /// The words of the states, and the faults.
    fn verdict(list: &str, waiting: &str, ids: &[&str]) -> (Vec<&'static str>, Vec<String>) {
        let annotation = |id: &&str| Annotation {
            id: (*id).to_owned(),
            test: "a.rs test".to_owned(),
            place: "a.rs:1".to_owned(),
        };
        let found = Found {
            annotations: ids.iter().map(annotation).collect(),
            faults: Vec::new(),
        };
        let list = rows::read("list.md", list);
        let verdict = judge(list, rows::read("status.md", waiting), found);
        let words = verdict.entries.iter().map(|entry| entry.state.word());
        (words.collect(), verdict.faults)
    }

    #[test]
    fn each_is_tested_or_waits() {
        let (states, faults) = verdict(LIST, "| A-2 | missing: a tray |\n", &["A-1", "A-1"]);
        assert_eq!(states, ["tested", "missing"]);
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        let cases = [
            (LIST, "", &["A-1"][..], "list.md:3: no test names A-2"),
            (
                LIST,
                "| A-1 | missing: x |\n| A-2 | missing: x |",
                &["A-1"],
                "status.md:1: A-1 waits no longer",
            ),
            (
                LIST,
                "| A-2 | missing: x |",
                &["A-1", "A-9"],
                "a.rs:1: A-9 is not in the list",
            ),
            (
                LIST,
                "| A-2 | missing: x |\n| A-9 | missing: x |",
                &["A-1"],
                "status.md:2: A-9 is not in the list",
            ),
            (
                LIST,
                "| A-2 | missing: x |\n| A-1 | missing: x |",
                &[],
                "status.md:2: A-1 stands out of the order",
            ),
            (
                LIST,
                "| A-2 | missing: x |\n| A-2 | missing: x |",
                &["A-1"],
                "status.md:2: A-2 stands out of the order",
            ),
            (
                "| A-1 | one |\n| A-1 | two |",
                "",
                &["A-1"],
                "list.md:2: A-1 is listed twice",
            ),
        ];
        for (list, waiting, ids, expected) in cases {
            let (_, faults) = verdict(list, waiting, ids);
            assert!(
                faults.iter().any(|fault| fault.starts_with(expected)),
                "{expected}: {faults:?}"
            );
        }
    }

    #[test]
    fn a_reason_begins_with_its_kind() {
        for text in ["later", "someday: x", "missing:x"] {
            let waiting = format!("| A-2 | {text} |");
            let (_, faults) = verdict(LIST, &waiting, &["A-1"]);
            assert!(
                faults[0].starts_with("status.md:1: the reason"),
                "{faults:?}"
            );
        }
    }
}
