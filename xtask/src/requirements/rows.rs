//! The tables of the two documents: rows that begin with an id, below the heading of their group.

/// A row: an id and what stands beside it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) text: String,
    /// The heading above.
    pub(crate) group: String,
    /// File and line.
    pub(crate) place: String,
}

/// The rows of a document, and what is wrong with some.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Row>,
    pub(crate) faults: Vec<String>,
}

/// Reads the rows of every table whose first cell is an id. Whatever else the document says is for people.
pub(crate) fn read(path: &str, text: &str) -> Rows {
    let mut found = Rows::default();
    let mut group = String::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.trim().clone_into(&mut group);
        }
        let Some(inner) = line.trim().strip_prefix('|') else {
            continue;
        };
        let cells: Vec<&str> = inner
            .trim_end_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        if !is_id(cells[0]) {
            continue;
        }
        let place = format!("{path}:{}", number + 1);
        match cells[..] {
            [id, text] if !text.is_empty() => found.rows.push(Row {
                id: id.to_owned(),
                text: text.to_owned(),
                group: group.clone(),
                place,
            }),
            _ => found.faults.push(format!(
                "{place}: a row is `| id | text |`, without further cells"
            )),
        }
    }
    found
}

/// Whether a word has the form of an id: capitals, a number and perhaps a letter, as `API-C-1a`.
pub(crate) fn is_id(word: &str) -> bool {
    let Some((group, number)) = word.rsplit_once('-') else {
        return false;
    };
    let digits = number.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    !group.is_empty()
        && group
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter == '-')
        && !digits.is_empty()
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && number.len() - digits.len() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_capitals_and_a_number() {
        for id in ["AGT-1", "API-C-1a", "ENG-KOPIA-21"] {
            assert!(is_id(id), "{id}");
        }
        for word in ["", "AGT", "AGT-", "-1", "agt-1", "AGT-1ab", "AGT-x", "Id"] {
            assert!(!is_id(word), "{word}");
        }
    }

    #[test]
    fn rows_stand_below_their_heading() {
        let text = "# Title\n## First\n| Id | What |\n|---|---|\n| A-1 | one |\ntext\n## Second\n| A-2 | two |\n";
        let found = read("x.md", text);
        assert!(found.faults.is_empty(), "{:?}", found.faults);
        let rows: Vec<(&str, &str, &str, &str)> = found
            .rows
            .iter()
            .map(|row| (&*row.id, &*row.text, &*row.group, &*row.place))
            .collect();
        assert_eq!(
            rows,
            [
                ("A-1", "one", "First", "x.md:5"),
                ("A-2", "two", "Second", "x.md:8")
            ]
        );
    }

    #[test]
    fn rows_of_another_form_are_told() {
        let found = read("x.md", "| A-1 |\n| A-2 | |\n| A-3 | a | b |\n");
        assert!(found.rows.is_empty());
        assert_eq!(found.faults.len(), 3);
    }
}
