//! Both programs use one repository in turn, and each maintains what the other one wrote.

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::parameters::Parameters;
use crate::rounds::{Kept, Program, Shared, change};
use crate::stock::program;

/// Snapshots that are kept; older ones are deleted, so that maintenance has something to do.
const KEPT: usize = 3;

/// What the rounds did, so that none of it was for nothing.
#[derive(Debug, Default)]
struct Counts {
    rounds: usize,
    snapshots: usize,
    deleted_by_us: usize,
    deleted_by_them: usize,
}

/// One program writes and forgets, the other one maintains, then the first one; the other one finds everything.
fn round(
    shared: &Shared,
    writer: Program,
    random: &mut StdRng,
    kept: &mut Vec<Kept>,
    counts: &mut Counts,
) {
    let other = match writer {
        Program::Ours => Program::Theirs,
        Program::Theirs => Program::Ours,
    };
    let folder = shared.path("source");
    for _ in 0..2 {
        change(&folder, random);
        let copy = format!("copy-{}", counts.snapshots);
        kept.push(shared.snapshot(writer, &folder, &copy));
        counts.snapshots += 1;
    }
    while kept.len() > KEPT {
        shared.delete(writer, &kept.remove(0));
    }
    for maintainer in [other, writer] {
        let gone = shared.maintain(maintainer);
        match maintainer {
            Program::Ours => counts.deleted_by_us += gone,
            Program::Theirs => counts.deleted_by_them += gone,
        }
        shared.ours.assert_strictly_clean();
    }
    shared.assert_all_there(other, kept);
    counts.rounds += 1;
}

fn alternate(version: u32, seed: u64, rounds: usize) {
    let Some(program) = program() else { return };
    println!("format version {version}, seed {seed}, {rounds} rounds");
    let parameters = Parameters {
        version,
        ..Parameters::default()
    };
    let shared = Shared::new(&program, &parameters);
    let mut random = StdRng::seed_from_u64(seed);
    let mut kept = Vec::new();
    let mut counts = Counts::default();
    for number in 0..rounds {
        let writer = match number % 2 {
            0 => Program::Ours,
            _ => Program::Theirs,
        };
        round(&shared, writer, &mut random, &mut kept, &mut counts);
    }
    shared.assert_all_there(Program::Ours, &kept);
    shared.assert_all_there(Program::Theirs, &kept);
    println!("version {version}: {counts:?} (packs)");
    assert!(counts.deleted_by_us > 0, "{counts:?}");
    assert!(counts.deleted_by_them > 0, "{counts:?}");
}

/// Rounds of this run.
fn rounds() -> usize {
    if holdfast_testkit::soak() { 50 } else { 3 }
}

#[test]
fn stock_and_we_take_turns() {
    alternate(3, 1, rounds());
}

#[test]
fn stock_and_we_take_turns_in_the_first_format() {
    alternate(1, 2, rounds());
}
