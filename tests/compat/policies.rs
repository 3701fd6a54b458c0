//! Policies of both programs in one repository: shown alike, and obeyed alike by snapshots and by retention.

use std::collections::BTreeMap;
use std::path::Path;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;

use crate::parameters::Parameters;
use crate::programs::{Holdfast, Stock};
use crate::stock::program;
use crate::trees;

/// One repository, both programs, the same identity.
struct Both {
    place: TempDir,
    ours: Holdfast,
    stock: Stock,
}

impl Both {
    fn new(program: &Path, parameters: &[String]) -> Self {
        let place = tempfile::tempdir().expect("directory");
        let repository = place.path().join("repository");
        std::fs::create_dir(&repository).expect("folder");
        let ours = Holdfast::new(&repository, "policies");
        let mut words = vec!["repo", "create"];
        words.extend(parameters.iter().map(String::as_str));
        ours.json(&words);
        let stock = Stock::connect(program, &ours, place.path().join("stock.config"));
        Self { place, ours, stock }
    }

    /// Sets a policy by either program.
    fn set(&self, by_us: bool, target: &str, options: &[String]) {
        let mut words = vec!["policy", "set", target];
        words.extend(options.iter().map(String::as_str));
        if by_us {
            self.ours.json(&words);
        } else {
            self.stock.run(&words);
        }
    }

    fn assert_shown_alike(&self, targets: &[&str], seed: u64) {
        for target in targets {
            let mut ours = self.ours.json(&["policy", "show", target]);
            let members = ours.as_object_mut().expect("object");
            members.remove("origins");
            members.remove("nextSnapshotTime");
            let theirs = self.stock.json(&["policy", "show", target, "--json"]);
            assert_eq!(ours, theirs, "{target}, seed {seed}");
        }
    }
}

/// Options that either program understands, each taken or left at random.
fn options(random: &mut StdRng, choices: &[(&str, &[&str])]) -> Vec<String> {
    let mut options = Vec::new();
    for (name, values) in choices {
        if random.random_bool(0.4) {
            let value = values.choose(random).expect("a value");
            options.extend([format!("--{name}"), (*value).to_owned()]);
        }
    }
    options
}

const KEPT: &[&str] = &["inherit", "0", "1", "2", "3", "7", "40"];
const SWITCH: &[&str] = &["true", "false", "inherit"];
const DETAIL: &[&str] = &["0", "5", "10", "inherit"];
const SIZE: &[&str] = &["10", "700", "100000", "inherit"];

const RETENTION: &[(&str, &[&str])] = &[
    ("keep-latest", KEPT),
    ("keep-hourly", KEPT),
    ("keep-daily", KEPT),
    ("keep-weekly", KEPT),
    ("keep-monthly", KEPT),
    ("keep-annual", KEPT),
];

/// What decides about the content of a snapshot. Single rules are in the order in which stock clients sort them.
const CONTENT: &[(&str, &[&str])] = &[
    ("add-ignore", &["*.bin", "**/Bild-*", "/x-*/*", "long*/"]),
    (
        "add-ignore",
        &["[a-f]?*-?.txt", "файл*", "report-2*", "!report-2?"],
    ),
    ("add-dot-ignore", &[".rules"]),
    ("max-file-size", SIZE),
    ("one-file-system", SWITCH),
    ("ignore-cache-dirs", SWITCH),
    ("splitter", &["FIXED-1M", "DYNAMIC-1M-BUZHASH", "inherit"]),
    ("parallel-upload-above-size-mib", &["1", "64", "inherit"]),
    ("compression", &["zstd", "none", "inherit"]),
    ("add-never-compress", &[".zip"]),
    ("metadata-compression", &["zstd-fastest", "none", "inherit"]),
];

const OTHERS: &[(&str, &[&str])] = &[
    ("ignore-file-errors", SWITCH),
    ("ignore-dir-errors", SWITCH),
    ("ignore-unknown-types", SWITCH),
    ("ignore-identical-snapshots", SWITCH),
    ("add-only-compress", &[".txt", ".B"]),
    ("compression-min-size", SIZE),
    ("compression-max-size", SIZE),
    ("snapshot-interval", &["1h", "90m", "24h"]),
    ("snapshot-time", &["7:15", "23:00,1:30"]),
    (
        "snapshot-time-crontab",
        &["0 5 * * *", "*/5 * * * 1;0 0 L * *"],
    ),
    ("run-missed", SWITCH),
    ("max-parallel-file-reads", &["1", "8", "inherit"]),
    ("log-dir-ignored", DETAIL),
    ("log-entry-cache-miss", DETAIL),
    ("before-folder-action", &["/bin/x a \"b c\""]),
    ("after-snapshot-root-action", &["/bin/y"]),
    (
        "enable-volume-shadow-copy",
        &["never", "when-available", "inherit"],
    ),
];

#[test]
fn policies_of_either_program_are_shown_alike() {
    let Some(program) = program() else { return };
    let seeds = 0..3;
    for seed in seeds.clone() {
        let mut random = StdRng::seed_from_u64(seed);
        let both = Both::new(&program, &[]);
        let targets = ["@host", "user@host", "user@host:/d", "user@host:/d/e"];
        for target in targets.iter().chain(&targets) {
            let mut options = options(&mut random, &[RETENTION, CONTENT, OTHERS].concat());
            if !options.is_empty() {
                options.dedup();
                both.set(random.random(), target, &options);
            }
        }
        both.assert_shown_alike(&targets, seed);
        both.ours.assert_strictly_clean();
    }
    println!("policies of seeds {seeds:?}");
}

#[test]
fn snapshots_under_random_policies_hold_the_same() {
    let Some(program) = program() else { return };
    let seeds = 100..104;
    for seed in seeds.clone() {
        let mut random = StdRng::seed_from_u64(seed);
        let sets = Parameters::each();
        let parameters = sets.choose(&mut random).expect("a set");
        let both = Both::new(&program, &parameters.arguments());
        let folder = both.place.path().join("tree");
        trees::random(&folder, seed, parameters, true);
        std::fs::write(folder.join(".rules"), "*-3*\n!x*-3*\n/d*/\n*.gz\n").expect("write");
        let mut folders: Vec<_> = std::fs::read_dir(&folder)
            .expect("list")
            .map(|entry| entry.expect("entry"))
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        folders.sort();
        folders.shuffle(&mut random);
        folders.truncate(2);
        for path in folders.iter().chain([&folder]) {
            let options = options(&mut random, CONTENT);
            if !options.is_empty() {
                let target = format!("user@host:{}", path.display());
                both.set(random.random(), &target, &options);
            }
        }
        let source = format!("user@host:{}", folder.display());
        let said = both.ours.snapshot(&source, &folder);
        // Nothing to take over: what the other program finds, it finds by itself.
        both.ours
            .json(&["snapshot", "delete", said["id"].as_str().expect("id")]);
        let path = folder.display().to_string();
        let theirs = both.stock.json(&["snapshot", "create", &path, "--json"]);
        assert_eq!(
            said["root_object"], theirs["rootEntry"]["obj"],
            "seed {seed}"
        );
        both.ours.assert_strictly_clean();
    }
    println!("snapshots under policies of seeds {seeds:?}");
}

#[test]
fn retention_keeps_the_same_snapshots_for_the_same_reasons() {
    let Some(program) = program() else { return };
    let seed = 7;
    let mut random = StdRng::seed_from_u64(seed);
    let both = Both::new(&program, &[]);
    let zero: Vec<String> = RETENTION
        .iter()
        .flat_map(|(name, _)| [format!("--{name}"), "0".to_owned()])
        .collect();
    both.ours.json(
        &["policy", "set", "--global"]
            .into_iter()
            .chain(zero.iter().map(String::as_str))
            .collect::<Vec<_>>(),
    );
    let folder = both.place.path().join("tree");
    std::fs::create_dir(&folder).expect("folder");
    let path = folder.display().to_string();
    let mut start = jiff::Timestamp::from_second(1_710_000_000).expect("time");
    for number in 0..14 {
        let minutes = *[20, 61, 300, 1500, 9000, 50_000]
            .choose(&mut random)
            .expect("a step");
        start += jiff::SignedDuration::from_mins(minutes);
        std::fs::write(folder.join("file"), format!("{number}")).expect("write");
        let time = start.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        let mut words = vec!["snapshot", "create", &path, "--start-time", &time];
        if number % 6 == 2 {
            words.push("--pin=kept");
        }
        both.stock.run(&words);
    }
    let target = format!("user@host:{path}");
    let reasons = |snapshots: &Value| -> BTreeMap<String, Value> {
        let snapshots = snapshots.as_array().expect("list").iter();
        snapshots
            .map(|found| (found["id"].to_string(), found["retentionReason"].clone()))
            .collect()
    };
    for _ in 0..4 {
        let options = options(&mut random, RETENTION);
        if options.is_empty() {
            continue;
        }
        both.set(random.random(), &target, &options);
        let ours = reasons(&both.ours.json(&["snapshot", "list", "--all"]));
        let theirs = reasons(&both.stock.json(&["snapshot", "list", "--all", "--json"]));
        assert_eq!(ours, theirs, "{options:?}, seed {seed}");
    }
    // Whatever chance chose, the last policy deletes something.
    let mut last = zero;
    for (name, value) in [("--keep-latest", "2"), ("--keep-monthly", "3")] {
        let at = last.iter().position(|word| word == name).expect("option");
        value.clone_into(&mut last[at + 1]);
    }
    both.set(true, &target, &last);
    let expired = both.ours.json(&["snapshot", "expire", "--all"]);
    let mut left = reasons(&both.ours.json(&["snapshot", "list", "--all"]));
    for gone in expired[0]["expired"].as_array().expect("list") {
        left.remove(&gone["id"].to_string());
    }
    both.stock.run(&["snapshot", "expire", "--all", "--delete"]);
    let kept = reasons(&both.stock.json(&["snapshot", "list", "--all", "--json"]));
    assert_eq!(
        kept.keys().collect::<Vec<_>>(),
        left.keys().collect::<Vec<_>>()
    );
    assert!(kept.len() < 14, "seed {seed}");
    both.ours.assert_strictly_clean();
}
