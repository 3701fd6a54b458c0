//! Random histories of several machines with clocks of their own, with faults, and with one machine interrupting
//! another between any two of its calls.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use holdfast_storage::ErrorKind;
use holdfast_testkit::blobs::{FaultyStore, Trigger};
use holdfast_testkit::soak;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::files::Files;
use crate::steps::Step;
use crate::world::{Machine, World};

/// A machine with what it backs up.
struct Owner {
    machine: Machine,
    path: &'static str,
    files: Files,
}

/// A history under way.
struct History {
    random: StdRng,
    world: World,
    owners: Vec<Owner>,
    /// What happened, for whoever reads of a violation.
    log: Vec<String>,
    points: usize,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let owners = [("one", "/one"), ("two", "/two")]
            .into_iter()
            .map(|(name, path)| Owner {
                machine: Machine::new(name).ahead(random.random_range(-30..=30)),
                path,
                files: Files::random(&mut random),
            })
            .collect();
        Self {
            random,
            world: World::new(),
            owners,
            log: Vec::new(),
            points: 0,
        }
    }

    /// From a minute to two days, shorter ones more often.
    fn pause(&mut self) -> Duration {
        let minutes = f64::from(2 * 24 * 60_u32);
        Duration::from_secs_f64(60.0 * minutes.powf(self.random.random_range(0.0..1.0)))
    }

    fn snapshot_of(&mut self, owner: usize) -> Step {
        if self.random.random_range(0..4) > 0 {
            self.owners[owner].files.change(&mut self.random);
        }
        Step::snapshot(self.owners[owner].path, &self.owners[owner].files)
    }

    fn some_step(&mut self, owner: usize) -> Step {
        let ids: Vec<&String> = self.world.saved.keys().collect();
        let id = ids.choose(&mut self.random).map(|id| (*id).clone());
        match (self.random.random_range(0..10), id) {
            (0..=1, Some(id)) => Step::Delete(id),
            (2, Some(id)) => Step::Restore(id),
            (3, _) => Step::Verify,
            _ => self.snapshot_of(owner),
        }
    }

    fn some_trigger(&mut self) -> Trigger {
        let random = &mut self.random;
        match random.random_range(0..12) {
            0 => Trigger::Fail(ErrorKind::Unavailable),
            1 => Trigger::Fail(ErrorKind::NotFound),
            2 => Trigger::LoseAnswer,
            3 => Trigger::Tear,
            4 => Trigger::TearAndKill,
            5 => Trigger::Kill,
            6 => Trigger::KillAfter,
            7 => Trigger::Twice,
            8 => Trigger::Late(random.random_range(1..20)),
            9 => Trigger::Flip(random.random_range(0..1 << 20)),
            10 => Trigger::Stale(Duration::from_secs(random.random_range(1..600))),
            _ => Trigger::Delay(Duration::from_secs(random.random_range(1..3 * 3600))),
        }
    }

    /// One step of one machine, perhaps hit by a fault and interrupted by the other, then an audit.
    fn round(&mut self) -> Result<()> {
        let pause = self.pause();
        self.world.wait(pause);
        let owner = self.random.random_range(0..self.owners.len());
        let step = self.some_step(owner);
        let machine = self.owners[owner].machine;
        let store = self.world.store();
        self.log
            .push(format!("{pause:?} later {machine:?}: {}", step.in_words()));
        if self.random.random_range(0..3) > 0 {
            let trigger = self.some_trigger();
            let nth = self.random.random_range(1..28);
            self.log.push(format!("  with {trigger:?} at call {nth}"));
            store.plan(None, "", nth, trigger);
        }
        let interruption =
            (self.random.random_range(0..3) == 0).then(|| self.interrupt(&store, 1 - owner));
        let outcome = self.world.step(&store, machine, &step);
        self.log.push(format!(
            "  {}",
            outcome.map_or_else(|e| format!("{e:#}"), |()| "done".into())
        ));
        store.settle();
        self.points += store.hits().len().min(1);
        if let Some(other) = interruption.and_then(|other| other.lock().take()) {
            self.points += 1;
            self.world.adopt_what_happened_in(other);
        }
        self.world.note_torn(&store);
        self.world.audit()
    }

    /// Lets another machine take a snapshot between two calls of the first. What it did is found in the result.
    fn interrupt(&mut self, store: &FaultyStore, owner: usize) -> Arc<Mutex<Option<World>>> {
        let step = self.snapshot_of(owner);
        let machine = self.owners[owner].machine;
        let nth = self.random.random_range(1..28);
        self.log.push(format!(
            "  interrupted at call {nth} by {machine:?}: {}",
            step.in_words()
        ));
        let mut other = self.world.beside();
        let place = Arc::new(Mutex::new(None));
        let result = Arc::clone(&place);
        store.interrupt(None, "", nth, move || {
            let store = other.store();
            if let Err(error) = other.step(&store, machine, &step) {
                panic!("the interrupting step failed without a fault: {error:#}");
            }
            *result.lock() = Some(other);
        });
        place
    }
}

fn history(seed: u64, rounds: usize) -> Result<usize> {
    let mut history = History::new(seed);
    for _ in 0..rounds {
        if let Err(error) = history.round() {
            return Err(error).with_context(|| history.log.join("\n"));
        }
    }
    Ok(history.points)
}

#[test]
fn nothing_that_was_reported_done_is_lost() {
    let first = crate::seed_or(1000);
    let (wanted, rounds) = if soak() { (9000, 20) } else { (120, 12) };
    let (mut points, mut seed) = (0, first);
    while points < wanted {
        points += history(seed, rounds).unwrap_or_else(|error| {
            panic!("HOLDFAST_FAULT_SEED={seed} repeats it: {error:?}");
        });
        seed += 1;
    }
    println!(
        "histories: {points} fault points, seeds {first} to {}",
        seed - 1
    );
}
