//! Bugs that are planted, so that the harness is known to find such ones. The list stands in `docs/testing.md`.
//!
//! Each is what the product would do without one of its rules, brought about by the store between them. The missing
//! syncs are in `crash`.

use anyhow::Result;
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::files::Files;
use crate::steps::Step;
use crate::world::{Machine, Saved, World};

const MACHINE: Machine = Machine::new("one");
/// Packs are stored by several threads: in another run, so many calls more may lie between two puts.
const OTHER_ORDER: usize = 8;
const PUT: Option<BlobOperation> = Some(BlobOperation::Put);

/// Runs a first snapshot with a bug planted, then again and killed at each call. Returns what the audits found.
fn found(step: &Step, plant: &dyn Fn(&FaultyStore)) -> Vec<String> {
    let run = |kill_at: Option<usize>| -> (usize, Result<()>) {
        let mut world = World::new();
        let store = world.store();
        plant(&store);
        if let Some(nth) = kill_at {
            store.plan(None, "", nth, Trigger::Kill);
        }
        let _ = world.step(&store, MACHINE, step);
        if kill_at.is_none() {
            // What a process holds back when it is killed is lost.
            store.settle();
        }
        (store.calls().len(), world.audit())
    };
    let (calls, whole) = run(None);
    let results = (1..=calls).map(|nth| run(Some(nth)).1);
    std::iter::once(whole)
        .chain(results)
        .filter_map(|result| result.err().map(|error| format!("{error:#}")))
        .collect()
}

/// The positions of the puts of some blobs in an undisturbed run.
fn puts(step: &Step, prefix: &str) -> Vec<usize> {
    let mut world = World::new();
    let store = world.store();
    world.step(&store, MACHINE, step).expect("it works");
    let calls = store.calls();
    let puts = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| call.operation == BlobOperation::Put && call.name.starts_with(prefix));
    puts.map(|(at, _)| at).collect()
}

fn one_source() -> Step {
    Step::snapshot("/one", &Files::random(&mut StdRng::seed_from_u64(21)))
}

#[test]
fn nothing_is_found_where_no_bug_is() {
    assert_eq!(found(&one_source(), &|_| {}), [""; 0]);
}

#[test]
fn an_index_that_is_stored_before_its_pack_is_found() {
    let step = one_source();
    for kind in ["p", "q"] {
        let pack = puts(&step, kind)[0];
        let index = puts(&step, "xn")[0];
        let late = Trigger::Late(index - pack + OTHER_ORDER);
        let found = found(&step, &|store| store.plan(PUT, kind, 1, late));
        assert!(!found.is_empty(), "nothing is found");
    }
}

#[test]
fn a_manifest_that_is_published_before_its_contents_is_found() {
    let files = Files::random(&mut StdRng::seed_from_u64(22));
    // The second source consists of contents that the first one's index publishes.
    let step = Step::Snapshot(vec![Saved::new("/one", &files), Saved::new("/two", &files)]);
    let indexes = puts(&step, "xn");
    let late = Trigger::Late(indexes[1] - indexes[0] + OTHER_ORDER);
    let found = found(&step, &|store| store.plan(PUT, "xn", 1, late));
    assert!(!found.is_empty(), "nothing is found");
}

#[test]
fn a_failed_put_that_is_ignored_is_found() {
    let step = one_source();
    for kind in ["p", "q", "xn"] {
        for nth in 1..=puts(&step, kind).len() {
            let found = found(&step, &|store| store.plan(PUT, kind, nth, Trigger::Swallow));
            assert!(!found.is_empty(), "put {nth} of {kind}: nothing is found");
        }
    }
}
