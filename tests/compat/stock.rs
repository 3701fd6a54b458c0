//! A stock program on repositories that the product wrote, and the product on what the stock program made of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_testkit::tree::{Compare, random_bytes};
use serde_json::Value;
use tempfile::TempDir;

use crate::parameters::Parameters;
use crate::programs::{Holdfast, Stock};
use crate::trees;

/// Trees with names that every program can keep, in one repository.
const TEXT_TREES: std::ops::Range<u64> = 0..16;
/// Trees with names that a stock program alters.
const RAW_TREES: std::ops::Range<u64> = 16..20;

/// A repository of random trees, one snapshot each.
struct Written {
    place: TempDir,
    holdfast: Holdfast,
    stock: Stock,
    /// The folder of each tree and what `snapshot create` said.
    taken: Vec<(PathBuf, Value)>,
}

impl Written {
    fn new(
        program: &Path,
        parameters: &Parameters,
        seeds: std::ops::Range<u64>,
        text_names: bool,
    ) -> Self {
        let place = tempfile::tempdir().expect("directory");
        let repository = place.path().join("repository");
        let holdfast = Holdfast::create(&repository, "stock password", parameters);
        let mut taken = Vec::new();
        for seed in seeds {
            let folder = place.path().join(format!("tree-{seed}"));
            trees::random(&folder, seed, parameters, text_names);
            let said = holdfast.snapshot(&format!("user@host:{}", folder.display()), &folder);
            taken.push((folder, said));
        }
        holdfast.assert_strictly_clean();
        let stock = Stock::connect(program, &holdfast, place.path().join("stock.config"));
        Self {
            place,
            holdfast,
            stock,
            taken,
        }
    }

    fn target(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The stock program lists, verifies, restores and continues what is there.
    fn read_and_continue(&self) {
        let stock = &self.stock;
        let listed = stock.json(&["snapshot", "list", "--all", "--json"]);
        assert_eq!(listed.as_array().map(Vec::len), Some(self.taken.len()));
        stock.verify();
        let (printed, log) =
            stock.run(&["snapshot", "fix", "remove-files", "--filename=none-such"]);
        let fixed = format!("{printed}{log}");
        assert!(fixed.contains("No changes"), "{fixed}");

        for (number, (folder, said)) in self.taken.iter().enumerate() {
            let target = self.target(&format!("stock-{number}"));
            stock.restore(id(said), &target);
            trees::assert_equal(folder, &target, trees::WITHOUT_TIMES);
            std::fs::remove_dir_all(target).expect("remove");
            let own = stock.json(&[
                "snapshot",
                "create",
                &folder.display().to_string(),
                "--json",
            ]);
            assert_eq!(
                own["rootEntry"]["obj"],
                said["root_object"],
                "{}",
                folder.display()
            );
            let again = self
                .holdfast
                .snapshot(&format!("user@host:{}", folder.display()), folder);
            assert_eq!(
                again["root_object"],
                said["root_object"],
                "{}",
                folder.display()
            );
            assert_eq!(again["bytes_new"], 0, "{}", folder.display());
        }
    }

    /// What the stock program adds with the same parameters, we restore.
    fn read_what_is_added(&self) {
        let folder = self.target("theirs");
        std::fs::create_dir(&folder).expect("folder");
        trees::text(&folder.join("text of theirs"), 1);
        std::fs::write(folder.join("noise"), random_bytes(2, 300_000)).expect("file");
        let id = self.stock.snapshot(&folder);
        let target = self.target("added");
        self.holdfast.restore(&id, &target);
        trees::assert_equal(&folder, &target, Compare::WITHOUT_OWNERS);
        self.holdfast
            .json(&["snapshot", "verify", "--read-data", &id]);
        self.holdfast.json(&["snapshot", "delete", &id]);
    }

    /// The stock program maintains and verifies; we read what it leaves.
    fn maintain(&self) {
        for _ in 0..2 {
            self.stock.maintain(false);
        }
        self.stock.verify();
        self.holdfast.assert_strictly_clean();
        for (number, (folder, said)) in self.taken.iter().enumerate() {
            let target = self.target(&format!("ours-{number}"));
            self.holdfast.restore(id(said), &target);
            trees::assert_equal(folder, &target, Compare::ALL);
            std::fs::remove_dir_all(target).expect("remove");
        }
    }
}

fn id(said: &Value) -> &str {
    said["id"].as_str().expect("id")
}

/// The stock program, or a line that says why there is none.
pub(crate) fn program() -> Option<PathBuf> {
    let program = Stock::program();
    match &program {
        None => println!("skipped: needs stock kopia"),
        Some(program) => {
            let version = Command::new(program)
                .arg("--version")
                .output()
                .expect("version");
            println!(
                "stock program: {}",
                String::from_utf8_lossy(&version.stdout).trim()
            );
        }
    }
    program
}

// Requirements: PLT-9
#[test]
fn a_stock_program_reads_continues_and_maintains_what_we_write() {
    let Some(program) = program() else { return };
    let written = Written::new(&program, &Parameters::default(), TEXT_TREES, true);
    written.read_and_continue();
    written.read_what_is_added();
    written.maintain();
    println!("{} trees with text names", written.taken.len());
}

/// Every value of every parameter, a tree each; in the long run every pair of values, with 200 trees at least.
#[test]
fn a_stock_program_lives_with_every_parameter_set() {
    let Some(program) = program() else { return };
    let (sets, trees) = if holdfast_testkit::soak() {
        (Parameters::pairs(), 2)
    } else {
        (Parameters::each(), 1)
    };
    let mut seeds = 0..0;
    for parameters in &sets {
        seeds = seeds.end..seeds.end + trees;
        println!("{parameters:?}, trees {seeds:?}");
        let written = Written::new(&program, parameters, seeds.clone(), true);
        written.read_and_continue();
        written.read_what_is_added();
        written.maintain();
    }
    println!("{} parameter sets, {} trees", sets.len(), seeds.end);
}

#[test]
fn a_stock_program_lives_with_what_it_does_not_know() {
    let Some(program) = program() else { return };
    let written = Written::new(&program, &Parameters::default(), RAW_TREES, false);
    let stock = &written.stock;
    let listed = stock.json(&["snapshot", "list", "--all", "--json"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(written.taken.len()));
    stock.verify();
    for (number, (folder, said)) in written.taken.iter().enumerate() {
        let target = written.target(&format!("stock-{number}"));
        stock.restore(id(said), &target);
        // Every entry is there, under its stored name.
        assert_eq!(count(&target), count(folder), "{}", folder.display());
        std::fs::remove_dir_all(target).expect("remove");
    }
    written.maintain();
    rewritten_without_extras(&written);
    println!("{} trees with names that are not text", written.taken.len());
}

/// A stock program that rewrites our directories drops what it does not know and nothing else: both programs then
/// restore the same.
fn rewritten_without_extras(written: &Written) {
    let (printed, log) = written.stock.run(&[
        "snapshot",
        "fix",
        "remove-files",
        "--filename=none-such",
        "--commit",
    ]);
    assert!(
        !format!("{printed}{log}").contains("No changes"),
        "{printed}{log}"
    );
    written.holdfast.assert_strictly_clean();
    let listed = written.holdfast.json(&["snapshot", "list", "--all"]);
    let snapshots = listed.as_array().expect("list");
    assert_eq!(snapshots.len(), written.taken.len());
    for (number, snapshot) in snapshots.iter().enumerate() {
        let (ours, theirs) = (
            written.target(&format!("ours-{number}")),
            written.target(&format!("theirs-{number}")),
        );
        written.holdfast.restore(id(snapshot), &ours);
        written.stock.restore(id(snapshot), &theirs);
        trees::assert_equal(&theirs, &ours, trees::WITHOUT_TIMES);
        let source = snapshot["source"]["path"].as_str().expect("path");
        assert_eq!(count(&ours), count(Path::new(source)), "{source}");
    }
}

/// How many entries a tree has.
fn count(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry"));
    entries
        .map(|entry| {
            1 + if entry.file_type().expect("type").is_dir() {
                count(&entry.path())
            } else {
                0
            }
        })
        .sum()
}
