//! Both programs write into one repository at the same time, while one of them maintains it with all margins.

use std::sync::Barrier;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::parameters::Parameters;
use crate::rounds::{Kept, Program, Shared, change};
use crate::stock::program;

/// Snapshots that each program takes in a round.
const EACH: usize = 2;

/// One program's part of a round: part of the files is the same for both, so that both store the same contents.
fn write(shared: &Shared, by: Program, seed: u64, number: usize, start: &Barrier) -> Vec<Kept> {
    let folder = shared.path(&format!("source-{by:?}"));
    let mut common = StdRng::seed_from_u64(seed + number as u64);
    let mut own = StdRng::seed_from_u64(seed + 1000 * (1 + by as u64) + number as u64);
    start.wait();
    (0..EACH)
        .map(|snapshot| {
            change(&folder.join("common"), &mut common);
            change(&folder, &mut own);
            shared.snapshot(by, &folder, &format!("copy-{by:?}-{number}-{snapshot}"))
        })
        .collect()
}

#[test]
fn stock_and_we_write_at_the_same_time() {
    let Some(program) = program() else { return };
    let rounds = if holdfast_testkit::soak() { 20 } else { 3 };
    let seed = 3;
    println!("seed {seed}, {rounds} rounds, {EACH} snapshots of each program in a round");
    let shared = Shared::new(&program, &Parameters::default());
    shared.keep_everything();
    let mut kept = Vec::new();
    for number in 0..rounds {
        let start = Barrier::new(3);
        let taken = std::thread::scope(|scope| {
            let writers = [Program::Ours, Program::Theirs].map(|by| {
                let (shared, start) = (&shared, &start);
                scope.spawn(move || write(shared, by, seed, number, start))
            });
            start.wait();
            match number % 2 {
                0 => shared.ours.maintain(true),
                _ => shared.stock.maintain(true),
            }
            writers.map(|writer| writer.join().expect("writer"))
        });
        kept.extend(taken.into_iter().flatten());
        shared.ours.assert_strictly_clean();
    }
    assert_eq!(kept.len(), rounds * 2 * EACH);
    shared.assert_all_there(Program::Ours, &kept);
    shared.assert_all_there(Program::Theirs, &kept);
    // What both stored at once is there twice; cleaning up with no margin loses none of it.
    shared.maintain(Program::Ours);
    shared.maintain(Program::Theirs);
    shared.ours.assert_strictly_clean();
    shared.assert_all_there(Program::Ours, &kept);
    println!("{} snapshots", kept.len());
}
