//! One repository that both programs use for long: what each of them does, and what must be there afterwards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use holdfast_testkit::tree::Compare;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use crate::parameters::Parameters;
use crate::programs::{Holdfast, Stock};
use crate::trees;

/// One of the two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    Theirs,
}

/// A snapshot and a copy of what it must bring back.
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) copy: PathBuf,
}

/// A repository with both programs connected.
pub(crate) struct Shared {
    place: TempDir,
    pub(crate) ours: Holdfast,
    pub(crate) stock: Stock,
}

impl Shared {
    pub(crate) fn new(program: &Path, parameters: &Parameters) -> Self {
        let place = tempfile::tempdir().expect("directory");
        let ours = Holdfast::create(&place.path().join("repository"), "shared", parameters);
        let stock = Stock::connect(program, &ours, place.path().join("stock.config"));
        Self { place, ours, stock }
    }

    /// No snapshot expires by itself.
    pub(crate) fn keep_everything(&self) {
        let mut words = vec!["policy", "set", "--global"];
        for period in ["--keep-latest", "--keep-hourly", "--keep-daily"] {
            words.extend([period, "1000"]);
        }
        self.ours.json(&words);
    }

    /// A path beside the repository.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Takes a snapshot of a folder and keeps a copy of the folder.
    pub(crate) fn snapshot(&self, by: Program, folder: &Path, copy: &str) -> Kept {
        let id = match by {
            Program::Ours => {
                let source = format!("user@host:{}", folder.display());
                let said = self.ours.snapshot(&source, folder);
                assert_eq!(said["errors"], 0, "{said}");
                said["id"].as_str().expect("id").to_owned()
            }
            Program::Theirs => self.stock.snapshot(folder),
        };
        let copy = self.path(copy);
        copy_files(folder, &copy);
        Kept { id, copy }
    }

    /// Deletes a snapshot and its copy.
    pub(crate) fn delete(&self, by: Program, kept: &Kept) {
        match by {
            Program::Ours => {
                self.ours.json(&["snapshot", "delete", &kept.id]);
            }
            Program::Theirs => {
                self.stock
                    .run(&["snapshot", "delete", "--delete", &kept.id]);
            }
        }
        std::fs::remove_dir_all(&kept.copy).expect("remove");
    }

    /// One program takes maintenance over, the other one is then refused, and all of it runs without margins of time;
    /// how many packs are gone.
    pub(crate) fn maintain(&self, by: Program) -> usize {
        let before = self.packs();
        match by {
            Program::Ours => {
                self.ours.maintain(false);
                let said = self.stock.fail(&["maintenance", "run", "--full"]);
                assert!(said.contains("designated user"), "{said}");
            }
            Program::Theirs => {
                self.stock.maintain(false);
                let (exit, code) = self.ours.fail(&["maintenance", "run", "--full"]);
                assert_eq!((exit, code.as_str()), (Some(1), "maintenance_not_owner"));
            }
        }
        before.difference(&self.packs()).count()
    }

    /// One program verifies all data and restores every snapshot; nothing else is listed.
    pub(crate) fn assert_all_there(&self, by: Program, kept: &[Kept]) {
        let listed = match by {
            Program::Ours => {
                self.ours.json(&["snapshot", "verify", "--read-data"]);
                self.ours.json(&["snapshot", "list", "--all"])
            }
            Program::Theirs => {
                self.stock.verify();
                self.stock
                    .json(&["snapshot", "list", "--all", "--show-identical", "--json"])
            }
        };
        let listed: BTreeSet<&str> = listed
            .as_array()
            .expect("list")
            .iter()
            .map(|snapshot| snapshot["id"].as_str().expect("id"))
            .collect();
        let expected: BTreeSet<&str> = kept.iter().map(|kept| kept.id.as_str()).collect();
        assert_eq!(listed, expected, "{by:?}");
        for kept in kept {
            let target = self.path("restored");
            match by {
                Program::Ours => self.ours.restore(&kept.id, &target),
                Program::Theirs => self.stock.restore(&kept.id, &target),
            }
            trees::assert_equal(&kept.copy, &target, CONTENT);
            std::fs::remove_dir_all(target).expect("remove");
        }
    }

    /// Names of the packs in the repository's directory.
    fn packs(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for class in ["p", "q"] {
            files_below(&self.path("repository").join(class), class, &mut found);
        }
        found
    }
}

/// Copies have times of their own.
const CONTENT: Compare = Compare {
    times: false,
    link_times: false,
    ..Compare::WITHOUT_OWNERS
};

fn files_below(folder: &Path, name: &str, found: &mut BTreeSet<String>) {
    // A class without packs has no folder.
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.expect("entry");
        let name = format!("{name}{}", entry.file_name().display());
        if entry.file_type().expect("type").is_dir() {
            files_below(&entry.path(), &name, found);
        } else {
            found.insert(name);
        }
    }
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a new folder");
    for entry in std::fs::read_dir(from).expect("folder") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            copy_files(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copy");
        }
    }
}

/// Adds, changes and removes some files of a flat folder with a few folders in it.
pub(crate) fn change(folder: &Path, random: &mut StdRng) {
    const FILES: u32 = 40;
    const CHANGED: u32 = 8;
    for _ in 0..CHANGED {
        let number = random.random_range(0..FILES);
        let below = folder.join(format!("folder-{}", number % 4));
        std::fs::create_dir_all(&below).expect("folder");
        let file = below.join(format!("file-{number}"));
        match random.random_range(0..4) {
            0 if file.exists() => std::fs::remove_file(file).expect("remove"),
            1 => trees::text(&file, random.random()),
            _ => {
                let length = random.random_range(0..150_000);
                let mut bytes = vec![0; length];
                StdRng::seed_from_u64(random.random()).fill(&mut bytes[..]);
                std::fs::write(file, bytes).expect("write");
            }
        }
    }
}
