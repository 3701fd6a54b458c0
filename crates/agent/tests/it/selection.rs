//! `estimate` and `explain_path` on real folders.

use std::path::{Path, PathBuf};

use holdfast_agent::commands::{Partials, estimate, explain_path};
use holdfast_agent::failure::WorkError;
use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{
    Amount, Estimate, EstimateResult, ExplainPath, LeftOutBy, PathVerdict, Selection,
};
use holdfast_protocol::agent::failures;

fn write(folder: &Path, name: &str, bytes: usize) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, vec![b'x'; bytes]).unwrap();
    path
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn source() -> (tempfile::TempDir, Selection) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "plan.doc", 100);
    write(folder.path(), "old/plan.doc", 50);
    write(folder.path(), "scan.tmp", 10);
    write(folder.path(), "node_modules/left/pad.doc", 7);
    let selection = Selection {
        source_paths: vec![text(folder.path())],
        exclude_globs: ["*.tmp", "node_modules/", "*.bak"]
            .map(str::to_owned)
            .to_vec(),
        ..Selection::default()
    };
    (folder, selection)
}

fn count(selection: Selection) -> EstimateResult {
    let (partials, _parts) = Partials::channel();
    estimate(&Estimate { selection }, &Cancel::new(), &partials).unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, WorkError>) -> &'static str {
    match result {
        Err(WorkError::Failed(failure)) => failure.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rules_are_counted_in_their_order_also_those_that_match_nothing() {
    let (folder, selection) = source();
    let found = count(selection);
    assert!(found.complete);
    let taken = &found.sources[0];
    assert_eq!(
        (taken.path.as_str(), taken.files, taken.bytes, taken.dirs),
        (text(folder.path()).as_str(), 2, 150, 2)
    );
    let left: Vec<_> = found
        .left_out
        .iter()
        .map(|count| (count.by, count.rule, count.files, count.bytes))
        .collect();
    assert_eq!(
        left,
        [
            (LeftOutBy::Rule, Some(0), 1, 10),
            (LeftOutBy::Rule, Some(1), 1, 7),
            (LeftOutBy::Rule, Some(2), 0, 0),
        ]
    );
    assert_eq!(
        found.left_out[1].examples,
        [text(&folder.path().join("node_modules"))]
    );
}

#[test]
fn only_what_is_to_be_taken_is_and_the_rest_says_why_not() {
    let (folder, mut selection) = source();
    selection.include_globs = vec!["*.doc".to_owned(), "*.xls".to_owned()];
    write(folder.path(), "photo.jpg", 1000);
    let found = count(selection.clone());
    assert_eq!(found.sources[0].files, 2);
    let amount = Amount {
        files: 2,
        bytes: 150,
    };
    assert_eq!(found.taken, [amount, Amount::default()]);
    let rest = found.left_out.last().unwrap();
    assert_eq!((rest.by, rest.files), (LeftOutBy::NotTaken, 2));
    let ask = |name: &str| {
        let path = text(&folder.path().join(name));
        let selection = selection.clone();
        let found = explain_path(&ExplainPath { selection, path }).unwrap();
        (found.verdict, found.by, found.rule)
    };
    assert_eq!(ask("plan.doc"), (PathVerdict::Taken, None, Some(0)));
    assert_eq!(
        ask("photo.jpg"),
        (PathVerdict::LeftOut, Some(LeftOutBy::NotTaken), None)
    );
    assert_eq!(
        ask("node_modules/left/pad.doc"),
        (PathVerdict::LeftOut, Some(LeftOutBy::Rule), Some(1))
    );
}

#[test]
fn a_path_is_explained_by_the_folder_that_decides() {
    let (folder, selection) = source();
    let ask = |path: String| {
        explain_path(&ExplainPath {
            selection: selection.clone(),
            path,
        })
    };
    let found = ask(text(&folder.path().join("node_modules/left/pad.doc"))).unwrap();
    assert_eq!(found.at, text(&folder.path().join("node_modules")));
    assert!(found.exists);
    let root = ask(text(folder.path())).unwrap();
    assert_eq!(
        (root.verdict, root.at),
        (PathVerdict::Taken, text(folder.path()))
    );
    let elsewhere = folder.path().with_extension("other");
    let outside = ask(text(&elsewhere)).unwrap();
    assert_eq!(
        (outside.verdict, outside.exists),
        (PathVerdict::Outside, false)
    );
    assert_eq!(code(ask("plan.doc".to_owned())), failures::PATH_INVALID);
}

#[test]
fn a_missing_source_says_so_and_the_others_are_counted() {
    let (folder, mut selection) = source();
    selection
        .source_paths
        .insert(0, text(&folder.path().join("gone")));
    let found = count(selection);
    assert!(found.sources[0].error.is_some());
    assert_eq!(found.sources[1].files, 2);
    let relative = Selection {
        source_paths: vec!["here".to_owned()],
        ..Selection::default()
    };
    let (partials, _parts) = Partials::channel();
    let request = Estimate {
        selection: relative,
    };
    let refused = estimate(&request, &Cancel::new(), &partials);
    assert_eq!(code(refused), failures::PATH_INVALID);
}
