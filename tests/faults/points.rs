//! Every call of every operation, hit by every fault that applies to it.

use std::time::Duration;

use anyhow::{Context, Result};
use holdfast_storage::ErrorKind;
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::files::Files;
use crate::steps::Step;
use crate::world::{Machine, Saved, World};

/// The faults of single calls.
const TRIGGERS: [Trigger; 13] = [
    Trigger::Fail(ErrorKind::Unavailable),
    Trigger::Fail(ErrorKind::NotFound),
    Trigger::LoseAnswer,
    Trigger::Tear,
    Trigger::TearAndKill,
    Trigger::Kill,
    Trigger::KillAfter,
    Trigger::Twice,
    Trigger::Late(3),
    Trigger::Flip(1000),
    Trigger::Stale(Duration::from_secs(600)),
    Trigger::Delay(Duration::from_secs(600)),
    Trigger::Delay(Duration::from_secs(40 * 60)),
];

const MACHINE: Machine = Machine::new("one");
const OTHER: Machine = Machine::new("two");

/// A world with some history, and the step that is to be hit.
struct Scene {
    world: World,
    step: Step,
    /// What must work afterwards.
    next: Step,
}

/// What a scene came to.
#[derive(Debug, Default)]
struct Outcome {
    points: usize,
    /// Properties that did not hold, with the fault.
    violations: Vec<String>,
}

impl Outcome {
    fn note(&mut self, what: impl FnOnce() -> String, result: Result<()>) {
        self.points += 1;
        if let Err(error) = result {
            self.violations.push(format!("{}: {error:#}", what()));
        }
    }
}

/// Runs the step of a scene with every fault at every call.
fn every_fault_at_every_call(scene: &Scene) -> Result<Outcome> {
    let calls = {
        let mut world = scene.world.fork();
        let store = world.store();
        world.step(&store, MACHINE, &scene.step)?;
        world.audit()?;
        store.calls()
    };
    let mut outcome = Outcome::default();
    for (at, call) in calls.iter().enumerate() {
        let triggers = TRIGGERS.into_iter();
        for trigger in triggers.filter(|one| one.applies_to(call.operation)) {
            let result = point(scene, &|store| store.plan(None, "", at + 1, trigger));
            outcome.note(
                || format!("{trigger:?} at call {} {call:?}", at + 1),
                result,
            );
        }
    }
    let puts = calls
        .iter()
        .filter(|call| call.operation == BlobOperation::Put);
    for nth in 1..=puts.count() {
        let full = Trigger::Fail(ErrorKind::Full);
        let result = point(scene, &|store| {
            store.plan_from(Some(BlobOperation::Put), "", nth, full);
        });
        outcome.note(|| format!("full from put {nth} on"), result);
    }
    Ok(outcome)
}

/// One fault: the step is hit, all is audited, and the next step works.
fn point(scene: &Scene, fault: &dyn Fn(&FaultyStore)) -> Result<()> {
    let mut world = scene.world.fork();
    let store = world.store();
    fault(&store);
    // What it reports is noted by the step itself.
    let _ = world.step(&store, MACHINE, &scene.step);
    store.settle();
    world.note_torn(&store);
    world.audit().context("after the fault")?;
    world.wait(Duration::from_secs(60));
    world.must(MACHINE, &scene.next)?;
    world.audit().context("after the next step")
}

/// One snapshot of `/one` by each of two machines, and what `/one` has become since.
fn some_history(seed: u64) -> Result<(World, Files)> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut world = World::new();
    let mut files = Files::random(&mut random);
    world.must(MACHINE, &Step::snapshot("/one", &files))?;
    world.wait(Duration::from_secs(3600));
    world.must(OTHER, &Step::snapshot("/two", &Files::random(&mut random)))?;
    world.wait(Duration::from_secs(300));
    files.change(&mut random);
    Ok((world, files))
}

#[test]
fn a_first_snapshot() {
    let files = Files::random(&mut StdRng::seed_from_u64(1));
    let scene = Scene {
        world: World::new(),
        step: Step::snapshot("/one", &files),
        next: Step::snapshot("/one", &files),
    };
    run("a first snapshot", &scene, 100);
}

#[test]
fn an_incremental_snapshot_of_two_sources() {
    let (world, files) = some_history(2).expect("some history");
    let other = Files::random(&mut StdRng::seed_from_u64(3));
    let two = vec![Saved::new("/one", &files), Saved::new("/three", &other)];
    let scene = Scene {
        world,
        step: Step::Snapshot(two),
        next: Step::snapshot("/one", &files),
    };
    run("an incremental snapshot of two sources", &scene, 150);
}

#[test]
fn a_deletion() {
    let (world, files) = some_history(4).expect("some history");
    let oldest = world.saved.keys().next().expect("a snapshot").clone();
    let scene = Scene {
        world,
        step: Step::Delete(oldest),
        next: Step::snapshot("/one", &files),
    };
    run("a deletion", &scene, 100);
}

#[test]
fn readers() {
    let (world, files) = some_history(5).expect("some history");
    let oldest = world.saved.keys().next().expect("a snapshot").clone();
    for (name, step) in [
        ("a restore", Step::Restore(oldest)),
        ("a verification", Step::Verify),
    ] {
        let scene = Scene {
            world: world.fork(),
            step,
            next: Step::snapshot("/one", &files),
        };
        run(name, &scene, 50);
    }
}

fn run(name: &str, scene: &Scene, at_least: usize) {
    let outcome = every_fault_at_every_call(scene).expect("it works without faults");
    println!("{name}: {} fault points", outcome.points);
    let violations = outcome.violations;
    assert!(
        violations.is_empty(),
        "{name}: {} violations:\n{}",
        violations.len(),
        violations.join("\n")
    );
    assert!(
        outcome.points >= at_least,
        "{name}: only {} fault points",
        outcome.points
    );
}
