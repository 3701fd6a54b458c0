//! Random histories of writers, deletions and maintenance, and runs that are killed at every step.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_repository::maintenance::{Mode, RunOptions, Safety};
use holdfast_testkit::blobs::{BlobOperation, Trigger};

use super::world::{DAY, Dice, HOUR, World, files};

fn cases() -> u64 {
    match std::env::var_os("HOLDFAST_SOAK") {
        Some(_) => 40,
        None => 3,
    }
}

#[test]
fn nothing_needed_is_lost_and_nothing_else_stays() {
    for seed in 1..=cases() {
        println!("seed {seed}");
        history(seed);
    }
}

fn history(seed: u64) {
    let mut dice = Dice::new(seed);
    let mut world = World::new();
    let other = world.client("other");
    for _ in 0..25 {
        match dice.below(8) {
            0..=2 => {
                let first = dice.below(40);
                let count = 1 + dice.below(12);
                let client = if dice.below(2) == 0 {
                    world.repository.clone()
                } else {
                    other.clone()
                };
                world.snapshot_by(&client, files(first..first + count));
            }
            3 | 4 => {
                let count = world.alive.len() as u64;
                if let Some(at) = (count > 0).then(|| dice.below(count) as usize) {
                    let id = world.alive.keys().nth(at).expect("id").clone();
                    world.delete(&id);
                }
            }
            5 => {
                world.run(&RunOptions {
                    mode: Some(Mode::Quick),
                    ..world.options()
                });
            }
            _ => {
                let safety = match dice.below(5) {
                    0 => Safety::None,
                    _ => Safety::Full,
                };
                // Without margins nobody else may be at work, and nothing may be as young as the run.
                if safety == Safety::None {
                    world.pass(Duration::from_secs(5));
                }
                world.run(&RunOptions {
                    safety,
                    ..world.options()
                });
            }
        }
        world.assert_whole();
        let steps = [Duration::from_secs(90), HOUR, HOUR * 5, DAY, DAY * 2];
        world.pass(steps[dice.below(5) as usize]);
    }
    for _ in 0..6 {
        world.pass(DAY);
        world.maintain();
    }
    world.assert_whole();
    assert_eq!(world.contents(true), world.needed());
    // Every pack that is left holds something that is needed, or manifests.
    let report = world.run(&RunOptions {
        dry_run: true,
        ..world.options()
    });
    assert!(report.later.is_empty(), "{:?}", report.later);
}

/// Kills runs before their first change, before the second, and so on, until they end before they are killed.
#[test]
fn a_run_that_is_killed_anywhere_harms_nothing() {
    for safety in [Safety::Full, Safety::None] {
        let mut world = World::new();
        let mut killed: BTreeMap<String, usize> = BTreeMap::new();
        let mut seed = 1000;
        let triggers = [
            (BlobOperation::Put, Trigger::Kill),
            (BlobOperation::Put, Trigger::LoseAnswer),
            (BlobOperation::Delete, Trigger::Kill),
        ];
        for (operation, trigger) in triggers {
            let mut survived = 0;
            for nth in 1.. {
                let fault = (operation, trigger, nth);
                survived += u32::from(!one_killed(
                    &mut world,
                    safety,
                    &mut seed,
                    fault,
                    &mut killed,
                ));
                // Runs differ: with margins every other one deletes packs.
                if survived == 3 {
                    break;
                }
            }
        }
        println!("{safety:?}: {killed:?}");
        for step in ["Put ko", "Put xn", "Put xw", "Delete p", "Delete q"] {
            assert!(
                killed.contains_key(step),
                "never killed at {step}: {killed:?}"
            );
        }
        for _ in 0..6 {
            world.pass(DAY);
            world.maintain();
        }
        world.assert_whole();
        assert_eq!(world.contents(true), world.needed());
    }
}

/// A day with work for maintenance, and a run that is killed; false when the run ended before that.
fn one_killed(
    world: &mut World,
    safety: Safety,
    seed: &mut u64,
    (operation, trigger, nth): (BlobOperation, Trigger, usize),
    killed: &mut BTreeMap<String, usize>,
) -> bool {
    let first = world.snapshot(files(*seed..*seed + 3));
    world.snapshot(files(*seed + 2..*seed + 5));
    *seed += 5;
    world.pass(DAY + HOUR);
    world.delete(&first);
    // Only so many snapshots that checking them stays cheap.
    if world.alive.len() > 3 {
        let oldest = world.alive.keys().next().expect("id").clone();
        world.delete(&oldest);
    }
    world.pass(Duration::from_secs(5));
    let options = RunOptions {
        safety,
        ..world.options()
    };
    world.store.reset();
    world.store.plan(Some(operation), "", nth, trigger);
    let result = world.try_run(&options);
    let calls = world.store.calls();
    world.store.reset();
    world.assert_whole();
    if result.is_err() {
        let hit = calls
            .iter()
            .filter(|call| call.operation == operation)
            .nth(nth - 1);
        let hit = hit.expect("the call that was hit");
        let family: String = hit.name.chars().take(2).collect();
        let family = family.trim_end_matches(|c: char| c.is_ascii_hexdigit());
        *killed.entry(format!("{operation:?} {family}")).or_default() += 1;
        // The next run goes on; without that the next kill finds what this one left.
        if nth % 3 == 0 {
            world.pass(DAY);
            world.maintain();
            world.assert_whole();
        }
    }
    result.is_err()
}
