//! The grammar as the program explains it.

use crate::program::{holdfast, run};

/// The whole help of one command. Wrapped text depends on the terminal, and there is none here.
fn help(words: &[&str]) -> String {
    let ended = run(holdfast().args(words).arg("--help"));
    assert_eq!(ended.code, 0);
    ended.stdout
}

#[test]
fn help_texts() {
    let commands: &[&[&str]] = &[
        &[],
        &["repo"],
        &["repo", "create"],
        &["repo", "status"],
        &["repo", "check"],
        &["repo", "change-password"],
        &["repo", "set-parameters"],
        &["repo", "sync-to"],
        &["repo", "connect"],
        &["snapshot"],
        &["snapshot", "create"],
        &["snapshot", "list"],
        &["snapshot", "restore"],
        &["snapshot", "verify"],
        &["snapshot", "diff"],
        &["snapshot", "delete"],
        &["snapshot", "expire"],
        &["snapshot", "pin"],
        &["policy"],
        &["policy", "show"],
        &["policy", "set"],
        &["policy", "list"],
        &["policy", "delete"],
        &["policy", "export"],
        &["policy", "import"],
        &["maintenance"],
        &["maintenance", "run"],
        &["maintenance", "status"],
        &["maintenance", "set"],
        &["find"],
        &["copy"],
        &["content"],
        &["content", "list"],
        &["content", "show"],
        &["content", "verify"],
        &["blob"],
        &["blob", "list"],
        &["blob", "show"],
        &["blob", "stats"],
        &["index"],
        &["index", "list"],
        &["index", "inspect"],
        &["manifest"],
        &["manifest", "list"],
        &["manifest", "show"],
        &["bench"],
        &["bench", "crypto"],
        &["bench", "splitter"],
        &["bench", "compression"],
        &["drive"],
        &["drive", "mount"],
        &["mount"],
        &["ls"],
        &["cat"],
        &["server"],
        &["up"],
    ];
    let texts: Vec<String> = commands.iter().map(|words| help(words)).collect();
    insta::assert_snapshot!(texts.join("\n────────\n\n"));
}

#[test]
fn wrong_usage_ends_with_2() {
    for words in [
        &[][..],
        &["snapshot"],
        &["snapshot", "create", "--repo", "/r"],
        &["snapshot", "restore", "--repo", "/r", "only-an-id"],
        &["repo", "status"],
        &["repo", "status", "--repo", "ftp://host/x"],
        &["nonsense"],
        &[
            "snapshot",
            "create",
            "--repo",
            "/r",
            "--override-source",
            "u@h:/p",
            "--hostname",
            "x",
            ".",
        ],
    ] {
        let ended = run(holdfast().args(words).env("HOLDFAST_PASSWORD", "x"));
        assert_eq!(ended.code, 2, "{words:?}: {ended:#?}");
        assert!(ended.stdout.is_empty(), "{words:?}");
        assert!(!ended.stderr.is_empty(), "{words:?}");
    }
}
