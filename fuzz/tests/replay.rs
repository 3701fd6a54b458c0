//! Runs every target over its corpus, its floods, and mutations of both.
//!
//! `HOLDFAST_FUZZ_SEED` repeats the mutations of an earlier run, `HOLDFAST_FUZZ_TARGET` chooses one target. With
//! `HOLDFAST_SOAK=1` every target is fuzzed for a minute, from a seed of the clock.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant, UNIX_EPOCH};

use holdfast_fuzz::mutate::{Random, mutated};
use holdfast_fuzz::{MAX_INPUT, MAX_MEMORY, MAX_TIME, TARGETS, Target};
use holdfast_host::memory::{CountingAllocator, peak_of};
use holdfast_repository::manifest::gzip_container;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Mutations of a target that `make test` runs.
const MUTATIONS: u64 = 300;
/// One in so many mutations is as long as an input may be.
const LARGE_ONE_IN: u64 = 40;
/// How long a target is fuzzed in a soak.
const SOAK: Duration = Duration::from_secs(60);

fn corpus_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The stored inputs of a target in the order of their names.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = corpus_folder().join(target.name);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("read {}: {error}", folder.display()))
        .map(|entry| entry.expect("entry of the corpus").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            fs::read(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
        })
        .collect()
}

/// Why an input fails its target, or nothing.
fn failure(target: &Target, input: &[u8]) -> Option<String> {
    let started = Instant::now();
    let (result, peak) = peak_of(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input))));
    let took = started.elapsed();
    if result.is_err() {
        return Some("it panicked".to_owned());
    }
    if peak > MAX_MEMORY {
        return Some(format!("it held {} KiB", peak >> 10));
    }
    (took > MAX_TIME).then(|| format!("it took {took:?}"))
}

/// Keeps a failing input beside the other outputs of the tests and tells where.
fn keep(target: &Target, number: usize, input: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}", target.name));
    match fs::write(&path, input) {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("nowhere ({error})"),
    }
}

/// Runs one target and returns what failed, each with the place of its input.
fn replay(target: &Target, seed: u64, soak: bool) -> Vec<String> {
    let corpus = corpus(target);
    let mut failures = Vec::new();
    let mut number = 0;
    let mut run = |input: &[u8]| {
        number += 1;
        if let Some(reason) = failure(target, input) {
            let place = keep(target, number, input);
            failures.push(format!(
                "{}: {reason} on {} bytes, input {number}, seed {seed}; it is in {place}",
                target.name,
                input.len()
            ));
        }
        failures.len() < 5
    };
    let stored = corpus.iter().all(|input| run(input));
    if !(stored && target.floods.iter().all(|flood| run(&flood.bytes()))) {
        return failures;
    }
    let mut random = Random::new(seed, target.name);
    let started = Instant::now();
    for count in 1.. {
        let done = if soak {
            started.elapsed() >= SOAK
        } else {
            count > MUTATIONS
        };
        if done || !run(&mutated(&corpus, &mut random, count % LARGE_ONE_IN == 0)) {
            break;
        }
    }
    println!(
        "{}: {number} inputs in {:.1} s",
        target.name,
        started.elapsed().as_secs_f64()
    );
    failures
}

#[test]
fn no_input_harms_a_target() {
    let soak = std::env::var_os("HOLDFAST_SOAK").is_some_and(|value| value == "1");
    let seed = match std::env::var("HOLDFAST_FUZZ_SEED") {
        Ok(seed) => seed.parse().expect("HOLDFAST_FUZZ_SEED is a number"),
        Err(_) if soak => UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs()),
        Err(_) => 1,
    };
    println!("HOLDFAST_FUZZ_SEED={seed}");
    let wanted = std::env::var("HOLDFAST_FUZZ_TARGET").ok();
    let queue = Mutex::new(
        TARGETS
            .iter()
            .filter(|target| wanted.as_deref().is_none_or(|name| name == target.name)),
    );
    let next = || queue.lock().expect("the queue").next();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            while let Some(target) = next() {
                failures.extend(replay(target, seed, soak));
            }
            failures
        };
        let started: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        started
            .into_iter()
            .flat_map(|worker| worker.join().expect("a worker"))
            .collect()
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let names: BTreeSet<String> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(names.len(), TARGETS.len(), "two targets have the same name");
    let folders: BTreeSet<String> = fs::read_dir(corpus_folder())
        .expect("the corpus")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("a name in ASCII")
        })
        .collect();
    assert_eq!(names, folders);
    for target in TARGETS {
        assert!(!corpus(target).is_empty(), "{} has no input", target.name);
    }
}

/// Texts that compress so well that a payload of full length holds a hundred times as much.
#[test]
fn what_a_container_unpacks_to_is_never_held() {
    let target = TARGETS
        .iter()
        .find(|target| target.name == "manifest_container")
        .expect("the target");
    let many = |unit: &str| {
        format!(
            "{{\"entries\":[{}{{}}]}}",
            unit.repeat((60 << 20) / unit.len())
        )
    };
    let entry = |size: usize| {
        let text = "x".repeat(size);
        format!("{{\"id\":\"{text}\",\"labels\":{{\"{text}\":\"{text}\"}},\"data\":\"{text}\"}},")
    };
    let long = |byte: &[u8]| {
        [
            b"{\"entries\":[{\"id\":\"",
            &*byte.repeat(60 << 20),
            b"\"}]}",
        ]
        .concat()
    };
    for text in [
        many("{},").into_bytes(),
        many("{\"labels\":{\"a\":\"\"}},").into_bytes(),
        many(&entry(1500)).into_bytes(),
        many(&entry(800_000)).into_bytes(),
        long(b"\xff"),
        long(b"a"),
        [b"{\"", &*b"\xff".repeat(3 << 20), b"\":\"\"}"].concat(),
    ] {
        let payload = gzip_container(&text);
        assert!(payload.len() < MAX_INPUT, "{}", payload.len());
        assert_eq!(failure(target, &payload), None);
    }
}

/// Too much memory, a panic: what a target may not do is noticed.
#[test]
fn harm_is_noticed() {
    let target = |run| Target {
        name: "harm",
        run,
        floods: &[],
    };
    let greedy = target(|input| {
        let room = Vec::<u8>::with_capacity(MAX_MEMORY + input.len() + 1);
        assert!(std::hint::black_box(&room).is_empty());
    });
    assert!(failure(&greedy, b"").is_some());
    assert!(failure(&target(|input| assert!(input.len() > 1)), b"").is_some());
    assert_eq!(failure(&target(|input| drop(input.to_vec())), b"123"), None);
}
