//! The table as text: each group with its counts, each requirement with its state and the tests that name it.

use std::fmt::Write;

use super::verdict::{Entry, REASONS, State, Verdict};

/// Everything, and the sum at the end.
pub(crate) fn full(verdict: &Verdict) -> String {
    let mut text = String::new();
    for group in verdict
        .entries
        .chunk_by(|one, other| one.group == other.group)
    {
        let _ = writeln!(text, "{}: {}", group[0].group, sum(group));
        for entry in group {
            let word = entry.state.word();
            let _ = writeln!(text, "  {:<12} {word:<8}  {}", entry.id, entry.title);
            for line in details(&entry.state) {
                let _ = writeln!(text, "{:25}{line}", "");
            }
        }
        text.push('\n');
    }
    let _ = writeln!(text, "In all: {}", sum(&verdict.entries));
    text
}

/// How many there are, and how many in each state.
pub(crate) fn sum(entries: &[Entry]) -> String {
    let count = |word: &str| {
        let of = entries.iter().filter(|entry| entry.state.word() == word);
        of.count()
    };
    let mut parts = vec![format!("{} tested", count("tested"))];
    for reason in REASONS {
        match count(reason) {
            0 => {}
            many => parts.push(format!("{many} {reason}")),
        }
    }
    format!("{} requirements, {}", entries.len(), parts.join(", "))
}

fn details(state: &State) -> Vec<&str> {
    match state {
        State::Tested(tests) => tests.iter().map(String::as_str).collect(),
        State::Waits(_, text) => vec![text],
        State::Unknown => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_counted_and_tests_are_named() {
        let entry = |id: &str, group: &str, state| Entry {
            id: id.to_owned(),
            title: format!("title of {id}"),
            group: group.to_owned(),
            state,
        };
        let tests = ["a.rs one", "b.rs two"].map(str::to_owned).into();
        let entries = vec![
            entry("A-1", "First", State::Tested(tests)),
            entry("A-2", "First", State::Waits("missing", "a tray".to_owned())),
            entry(
                "B-1",
                "Second",
                State::Waits("missing", "a page".to_owned()),
            ),
        ];
        let faults = Vec::new();
        let text = full(&Verdict { entries, faults });
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "First: 2 requirements, 1 tested, 1 missing",
                "A-1          tested    title of A-1",
                "a.rs one",
                "b.rs two",
                "A-2          missing   title of A-2",
                "a tray",
                "",
                "Second: 1 requirements, 0 tested, 1 missing",
                "B-1          missing   title of B-1",
                "a page",
                "",
                "In all: 3 requirements, 1 tested, 2 missing",
            ]
        );
    }
}
