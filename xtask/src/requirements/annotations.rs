//! Which requirements the tests name. A test that proves some has a line such as `// Requirements: CAN-2, CAN-8` above
//! its attributes, or above its call in a web test; several such lines may follow each other.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::rows::is_id;
use crate::workspace::Workspace;

/// How the line begins.
const MARK: &str = "// Requirements: ";

/// Where tests are.
const ROOTS: &[&str] = &["crates", "fuzz", "tests", "web/e2e", "web/src", "xtask"];

/// Folders without sources.
const SKIPPED: &[&str] = &["corpus", "data", "dist", "node_modules", "target"];

/// A requirement that a test names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Annotation {
    pub(crate) id: String,
    /// File and name of the test.
    pub(crate) test: String,
    /// File and line of the annotation.
    pub(crate) place: String,
}

/// What was found, and what is wrong with some of it.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) annotations: Vec<Annotation>,
    pub(crate) faults: Vec<String>,
}

/// The annotations of all sources.
pub(crate) fn all(workspace: &Workspace) -> Result<Found> {
    let mut found = Found::default();
    for root in ROOTS {
        walk(&workspace.path(root), root, &mut found)?;
    }
    Ok(found)
}

fn walk(folder: &Path, name: &str, found: &mut Found) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {name}"))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("list {name}"))?;
        let kind = entry.file_type().with_context(|| format!("list {name}"))?;
        names.push((entry.file_name().to_string_lossy().into_owned(), kind));
    }
    names.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (entry, kind) in names {
        let inner = format!("{name}/{entry}");
        let path = folder.join(&entry);
        if kind.is_dir() && !entry.starts_with('.') && !SKIPPED.contains(&entry.as_str()) {
            walk(&path, &inner, found)?;
        } else if kind.is_file() && language(&inner).is_some() {
            let text = fs::read_to_string(&path).with_context(|| format!("read {inner}"))?;
            scan(&inner, &text, found);
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Language {
    Rust,
    /// A web test.
    Test,
    /// Other sources of the web client, which have no tests.
    Page,
}

fn language(path: &str) -> Option<Language> {
    let is = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
    if is(&[".rs"]) {
        Some(Language::Rust)
    } else if is(&[".test.ts", ".test.tsx"]) {
        Some(Language::Test)
    } else if is(&[".ts", ".tsx"]) {
        Some(Language::Page)
    } else {
        None
    }
}

/// Takes the annotations out of a source.
fn scan(path: &str, text: &str, found: &mut Found) {
    let Some(language) = language(path) else {
        return;
    };
    // Few files have any.
    if !text.contains("equirement") {
        return;
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for (at, line) in lines.iter().enumerate() {
        let place = format!("{path}:{}", at + 1);
        let Some(ids) = line.strip_prefix(MARK) else {
            if is_nearly_one(line) {
                found
                    .faults
                    .push(format!("{place}: the line begins with \"{MARK}\""));
            }
            continue;
        };
        let below = &lines[at + 1..];
        let name = match language {
            Language::Rust => rust_test(below),
            Language::Test => web_test(below),
            Language::Page => Err("stands in a file without tests"),
        };
        let name = match name {
            Ok(name) => name,
            Err(why) => {
                found.faults.push(format!("{place}: {why}"));
                continue;
            }
        };
        for id in ids.split(',').map(str::trim) {
            if is_id(id) {
                found.annotations.push(Annotation {
                    id: id.to_owned(),
                    test: format!("{path} {name}"),
                    place: place.clone(),
                });
            } else {
                found
                    .faults
                    .push(format!("{place}: \"{id}\" is no id of a requirement"));
            }
        }
    }
}

/// Whether somebody wanted to write an annotation: it would be overlooked.
fn is_nearly_one(line: &str) -> bool {
    let comment = line.trim_start_matches(['/', '!', '*', ' ']);
    let word = comment.split(':').next().unwrap_or_default();
    comment.len() < line.len()
        && comment.len() > word.len()
        && ["requirement", "requirements"].contains(&word.trim().to_lowercase().as_str())
}

/// The name of the test function below an annotation, after its comments and attributes.
fn rust_test(below: &[&str]) -> Result<String, &'static str> {
    const NO_TEST: &str = "is not above the attributes of a test";
    let (mut is_test, mut open) = (false, 0);
    for line in below {
        if open > 0 || line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            if line.starts_with("#[ignore") {
                return Err("names a test that is ignored");
            }
            open += line.matches('[').count();
            open = open.saturating_sub(line.matches(']').count());
        } else if !line.starts_with("//") {
            let function = line.trim_start_matches("pub ").trim_start_matches("async ");
            let name = function.strip_prefix("fn ").filter(|_| is_test);
            let name = name.and_then(|rest| rest.split(['(', '<']).next());
            return name.map(str::to_owned).ok_or(NO_TEST);
        }
    }
    Err(NO_TEST)
}

/// The title of the test call below an annotation.
fn web_test(below: &[&str]) -> Result<String, &'static str> {
    const NO_TEST: &str = "is not above it(…) or test(…)";
    let code: Vec<&str> = below
        .iter()
        .copied()
        .skip_while(|line| line.starts_with("//"))
        .collect();
    let code = code.join(" ");
    let call = ["it", "test"]
        .iter()
        .find_map(|word| code.strip_prefix(word))
        .ok_or(NO_TEST)?;
    let arguments = if let Some(arguments) = call.strip_prefix('(') {
        arguments
    } else if call.starts_with(".each") {
        let table_end = ["])(", "] as const)("];
        let split = table_end.iter().find_map(|end| call.split_once(end));
        split.ok_or(NO_TEST)?.1
    } else {
        return Err(NO_TEST);
    };
    let title = arguments.trim_start();
    let quote = title
        .chars()
        .next()
        .filter(|letter| ['"', '\'', '`'].contains(letter))
        .ok_or(NO_TEST)?;
    let name = title[1..].split(quote).next().unwrap_or_default();
    Ok(format!("\"{name}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Found {
        let mut found = Found::default();
        scan(path, text, &mut found);
        found
    }

    fn tests(path: &str, text: &str) -> Vec<(String, String)> {
        let found = found(path, text);
        assert!(found.faults.is_empty(), "{text}: {:?}", found.faults);
        let pair = |annotation: Annotation| (annotation.id, annotation.test);
        found.annotations.into_iter().map(pair).collect()
    }

    fn fault(path: &str, text: &str) -> String {
        let found = found(path, text);
        assert!(found.annotations.is_empty(), "{text}");
        assert_eq!(found.faults.len(), 1, "{text}: {:?}", found.faults);
        found.faults[0].clone()
    }

    #[test]
    fn rust_tests_are_named_with_their_file() {
        let cases = [
            "// Requirements: A-1, A-2\n#[test]\nfn it_works() {}\n",
            "    /// Says what.\n    // Requirements: A-1\n    // Requirements: A-2\n    #[test]\n    fn it_works() {}\n",
            "// Requirements: A-1, A-2\n// Why.\n#[cfg(unix)]\n#[tokio::test(\n  flavor = \"x\",\n  on = [1]\n)]\nasync fn it_works() {}\n",
        ];
        for text in cases {
            let pair = |id: &str| (id.to_owned(), "a/b.rs it_works".to_owned());
            assert_eq!(tests("a/b.rs", text), [pair("A-1"), pair("A-2")], "{text}");
        }
    }

    #[test]
    fn web_tests_are_named_by_their_title() {
        let cases = [
            "// Requirements: A-1\nit(\"does so\", async () => {\n",
            "\t// Requirements: A-1\n\ttest(\n\t\t'does so',\n",
            "// Requirements: A-1\nit.each<[Schedule, string]>([\n[1, [2]],\n])(\"does so\", (a) => {\n",
        ];
        for text in cases {
            let expected = ("A-1".to_owned(), "a/b.test.tsx \"does so\"".to_owned());
            assert_eq!(tests("a/b.test.tsx", text), [expected], "{text}");
        }
    }

    #[test]
    fn only_tests_count() {
        let cases = [
            ("a.rs", "// Requirements: A-1\nfn product() {}\n"),
            ("a.rs", "// Requirements: A-1\n\n#[test]\nfn a() {}\n"),
            ("a.rs", "#[test]\n// Requirements: A-1\nfn a() {}\n"),
            (
                "a.rs",
                "// Requirements: A-1\n#[test]\n#[ignore]\nfn a() {}\n",
            ),
            (
                "a.rs",
                "// Requirements: A-1\n#[derive(Debug)]\nstruct A;\n",
            ),
            ("a.rs", "// Requirements: A-1\n"),
            (
                "a.test.ts",
                "// Requirements: A-1\ndescribe(\"a\", () => {\n",
            ),
            (
                "a.test.ts",
                "// Requirements: A-1\nit.skip(\"a\", () => {\n",
            ),
            ("a.test.ts", "// Requirements: A-1\nconst it = 1;\n"),
            ("a.ts", "// Requirements: A-1\nit(\"a\", () => {\n"),
        ];
        for (path, text) in cases {
            assert!(fault(path, text).starts_with(&format!("{path}:")), "{text}");
        }
    }

    #[test]
    fn what_would_be_overlooked_is_told() {
        for line in [
            "//Requirements: A-1",
            "/// Requirements: A-1",
            "// Requirement: A-1",
            "// requirements: A-1",
            "// Requirements:A-1",
            "// Requirements: A-1.",
            "// Requirements: all of A",
        ] {
            fault("a.rs", &format!("{line}\n#[test]\nfn a() {{}}\n"));
        }
        for line in [
            "let requirements: usize = 1;",
            "// requirements are listed elsewhere",
        ] {
            assert_eq!(tests("a.rs", line), []);
        }
    }
}
