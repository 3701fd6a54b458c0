//! Every kind of metadata past a stock program that does not know it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use holdfast_testkit::tree::{Compare, ONE_FILE, PIPE, SPARSE_FILES, beyond, metadata};

use crate::parameters::Parameters;
use crate::programs::{Holdfast, Stock};
use crate::{stock, trees};

/// A folder with every kind of metadata, and a snapshot of it.
struct Scene {
    place: tempfile::TempDir,
    source: PathBuf,
    holdfast: Holdfast,
    id: String,
    missing: Option<&'static str>,
}

impl Scene {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("directory");
        let source = place.path().join("source");
        let missing = metadata(&source);
        if let Some(reason) = missing {
            println!("skipped: needs {reason}");
        }
        let repository = place.path().join("repository");
        let holdfast = Holdfast::create(&repository, "a password", &Parameters::default());
        let mut scene = Self {
            place,
            source,
            holdfast,
            id: String::new(),
            missing,
        };
        scene.snapshot();
        scene
    }

    /// Takes a snapshot, of which nothing but the pipe is left out; how many bytes were read for it.
    fn snapshot(&mut self) -> u64 {
        let source = format!("user@host:{}", self.source.display());
        let said = self.holdfast.snapshot(&source, &self.source);
        let problems = said["problems"].as_array().expect("problems");
        let [pipe] = problems.as_slice() else {
            panic!("{problems:?}")
        };
        let named = (pipe["path"].as_str(), pipe["severity"].as_str());
        assert_eq!(named, (Some(PIPE), Some("ignored")));
        said["id"].as_str().expect("id").clone_into(&mut self.id);
        said["bytes_read"].as_u64().expect("bytes")
    }

    /// Restores with the product and compares everything but the pipe.
    fn assert_restores(&self, name: &str) {
        let target = self.place.path().join(name);
        self.holdfast.restore(&self.id, &target);
        let mut expected = beyond(&self.source);
        expected.remove(Path::new(PIPE)).expect("the pipe");
        assert_eq!(beyond(&target), expected, "{name}");
        let (pipe, aside) = (self.source.join(PIPE), self.place.path().join(PIPE));
        fs::rename(&pipe, &aside).expect("move");
        let compare = match self.missing {
            Some(_) => Compare::WITHOUT_OWNERS,
            None => Compare::ALL,
        };
        // Moving the pipe moved the time of its folder.
        let compare = Compare {
            root: false,
            ..compare
        };
        trees::assert_equal(&self.source, &target, compare);
        fs::rename(&aside, &pipe).expect("move back");
        for name in SPARSE_FILES {
            let room = |root: &Path| root.join(name).metadata().expect("metadata").blocks() * 512;
            // File systems need a few blocks for the list of stretches, more or less of them.
            let (before, after) = (room(&self.source), room(&target));
            assert!(
                after <= before + before / 8,
                "{name}: {after}, not {before}"
            );
        }
        let numbers = ONE_FILE.map(|name| target.join(name).metadata().expect("metadata").ino());
        assert_eq!(numbers[0], numbers[1], "one file with two names");
        fs::remove_dir_all(target).expect("remove");
    }
}

#[test]
fn every_kind_of_metadata_outlives_our_maintenance() {
    let mut scene = Scene::new();
    scene.holdfast.assert_strictly_clean();
    scene.assert_restores("first");
    // Nothing changed: everything is taken over, what belongs beside the tree included.
    let first = scene.id.clone();
    assert_eq!(scene.snapshot(), 0);
    scene.holdfast.json(&["snapshot", "delete", &first]);
    for _ in 0..2 {
        scene.holdfast.maintain(false);
    }
    scene.holdfast.assert_strictly_clean();
    scene.assert_restores("after maintenance");
}

#[test]
fn every_kind_of_metadata_outlives_a_stock_program() {
    let Some(program) = stock::program() else {
        return;
    };
    let mut scene = Scene::new();
    let config = scene.place.path().join("stock.config");
    let stock = Stock::connect(&program, &scene.holdfast, config);
    stock.verify();
    let target = scene.place.path().join("theirs");
    stock.restore(&scene.id, &target);
    for name in SPARSE_FILES.iter().chain(&ONE_FILE) {
        let content = |root: &Path| fs::read(root.join(name)).expect(name);
        assert!(content(&target) == content(&scene.source), "{name}");
    }
    for _ in 0..2 {
        stock.maintain(false);
    }
    stock.verify();
    scene.holdfast.assert_strictly_clean();
    scene.assert_restores("after their maintenance");

    // Their snapshot drops what they do not know, and ours on top of it reads that again.
    stock.snapshot(&scene.source);
    scene.snapshot();
    scene.assert_restores("on top of theirs");
}
