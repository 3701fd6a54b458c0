//! Files that are made from the code and committed. `HOLDFAST_GENERATE=1` writes them anew.

use std::{collections::BTreeSet, fmt::Write, fs, path::PathBuf};

use holdfast_protocol::{
    agent::{failures, text::Language},
    errors::{ErrorCode, markdown},
};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn check(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var_os("HOLDFAST_GENERATE").is_some() {
        fs::write(&file, text).expect("write the generated file");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == text,
        "{path} is not what the code makes of it; run `cargo xtask gen`"
    );
}

#[test]
fn the_description_of_the_api_is_current() {
    check("openapi.json", &holdfast_server::openapi_json());
}

#[test]
fn the_list_of_errors_is_current() {
    check("docs/errors.md", &markdown());
}

#[test]
fn the_german_words_of_failures_are_current() {
    check(
        "web/src/text/failures.de.gen.ts",
        &failures_in(Language::German),
    );
}

/// What agents and vaults fail with, as the page's catalogue of problems has it: what happened, and what to do. The page takes
/// the English words from the server.
fn failures_in(language: Language) -> String {
    let quoted = |text: &str| serde_json::to_string(text).expect("is text");
    let parts = |text: &'static str| match text.split_once(". ") {
        Some((title, hint)) => (format!("{title}."), Some(hint)),
        None => (text.to_owned(), None),
    };
    let mut file =
        "/** Made from `crates/protocol/src/agent/failures.rs` by `cargo xtask gen`. */\n\
        export const failures: Record<string, { title: string; hint?: string }> = {\n"
            .to_owned();
    for failure in failures::FAILURES {
        let (title, hint) = parts(failure.text.in_language(language));
        let (_, hint_on_server) = parts(failure.text.in_language(Language::English));
        // Else the page would show the hint of the other language.
        assert_eq!(hint.is_some(), hint_on_server.is_some(), "{}", failure.code);
        writeln!(file, "\t{}: {{", failure.code).expect("is written");
        writeln!(file, "\t\ttitle: {},", quoted(&title)).expect("is written");
        if let Some(hint) = hint {
            writeln!(file, "\t\thint: {},", quoted(hint)).expect("is written");
        }
        file.push_str("\t},\n");
    }
    file.push_str("};\n");
    file
}

#[test]
fn every_error_code_is_used() {
    let mut sources = String::new();
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("list the sources").flatten() {
            let path = entry.path();
            let is_list = path.ends_with("protocol/src/errors.rs")
                || path.components().any(|part| part.as_os_str() == "tests");
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_list {
                sources.push_str(&fs::read_to_string(&path).expect("read a source"));
            }
        }
    }
    let used: BTreeSet<&str> = sources
        .match_indices("ErrorCode::")
        .map(|(at, word)| {
            let rest = &sources[at + word.len()..];
            &rest[..rest
                .find(|letter: char| !letter.is_alphanumeric())
                .unwrap_or(rest.len())]
        })
        .collect();
    let unused: Vec<&str> = ErrorCode::ALL
        .iter()
        .map(|code| code.name())
        .filter(|name| !used.contains(name))
        .collect();
    assert!(unused.is_empty(), "nothing answers with {unused:?}");
}

#[test]
fn the_description_is_fit_for_generators() {
    fn walk(value: &Value, path: &str) {
        match value {
            Value::Object(object) => {
                if let Some(discriminator) = object.get("discriminator") {
                    assert!(discriminator["mapping"].is_object(), "{path}");
                }
                object
                    .iter()
                    .for_each(|(key, value)| walk(value, &format!("{path}/{key}")));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, path)),
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(&holdfast_server::openapi_json()).expect("is JSON");
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"))
    );
    walk(&document, "");
    let mut ids = BTreeSet::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("methods").values() {
            let id = operation["operationId"].as_str().expect("an id");
            assert!(ids.insert(id), "{id} names two operations");
        }
    }
}
