//! A place on a disk, and calls of the program with little memory there.

use std::path::PathBuf;

use holdfast_tests::cli::Cli;
use holdfast_tests::memory_group::MemoryGroup;
use serde_json::Value;

/// What the group may hold.
const LIMIT: u64 = 256 << 20;
/// What the program may hold for itself.
const ANONYMOUS: u64 = 160 << 20;

pub(crate) struct Room {
    place: tempfile::TempDir,
    pub(crate) cli: Cli,
}

impl Room {
    /// Nothing, and a line that says so, where memory cannot be limited.
    pub(crate) fn new() -> Option<Self> {
        if MemoryGroup::new(LIMIT).is_none() {
            println!("skipped: needs a memory cgroup");
            return None;
        }
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("folder");
        let repository = place.path().join("repository");
        let cache = place.path().join("cache");
        let cli = Cli::directory(&repository)
            .with("HOLDFAST_CACHE_DIR", cache.to_str().expect("a plain name"));
        Some(Self { place, cli })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Calls the program with `--json` in little memory. It must succeed and hold no more than it may; what it took is
    /// printed.
    pub(crate) fn call(&self, what: &str, arguments: &[&str]) -> Value {
        let group = MemoryGroup::new(LIMIT).expect("a group");
        let mut command = group.command(holdfast_testkit::bin("holdfast"));
        command.arg("--json").args(arguments);
        self.cli.prepare(&mut command);
        let measured = group.measure(&mut command);
        println!(
            "{what}: {:.1} s, anonymous {} MiB, charged {} MiB",
            measured.wall.as_secs_f64(),
            measured.anonymous >> 20,
            measured.charged >> 20
        );
        let finished = measured.finished;
        assert_eq!(finished.code, 0, "{what}: {finished:#?}");
        assert!(
            measured.anonymous <= ANONYMOUS,
            "{what} took {} bytes",
            measured.anonymous
        );
        let mut values = serde_json::Deserializer::from_str(&finished.stdout).into_iter();
        values
            .next()
            .and_then(Result::ok)
            .unwrap_or_else(|| panic!("{what}: {finished:#?}"))
    }
}
