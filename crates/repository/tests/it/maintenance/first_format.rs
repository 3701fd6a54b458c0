//! Maintenance of repositories without epochs, as the first format has them.

use std::time::Duration;

use holdfast_repository::CreateOptions;
use holdfast_repository::maintenance::{Mode, RunOptions, RunReport, Safety, Task};

use super::world::{DAY, HOUR, World, figure, files};

fn first_format() -> World {
    World::with(&CreateOptions {
        format_version: 1,
        ..CreateOptions::default()
    })
}

/// How many blobs there are of a kind.
fn count(world: &World, prefix: &str) -> usize {
    world.blobs(prefix).len()
}

fn ran(report: &RunReport, task: Task) -> bool {
    let done = report.tasks.iter().find(|done| done.task == task);
    done.is_some_and(|done| done.skipped.is_none())
}

#[test]
fn quick_runs_keep_packs_of_metadata_and_indexes_few() {
    let mut world = first_format();
    for day in 0..12 {
        world.snapshot(files(day * 3..day * 3 + 5));
        world.pass(HOUR);
    }
    world.pass(DAY);
    let (data, metadata, indexes) = (count(&world, "p"), count(&world, "q"), count(&world, "n"));
    assert!(data >= 12 && metadata >= 12 && indexes >= 12);
    let quick = RunOptions {
        mode: Some(Mode::Quick),
        ..world.options()
    };
    let planned = world.run(&RunOptions {
        dry_run: true,
        ..quick.clone()
    });
    assert!(ran(&planned, Task::QuickRewriteContents));
    assert_eq!(count(&world, "q"), metadata);

    // Readers may still look where the contents were, so the packs stay at first.
    let moved = world.run(&quick);
    assert!(ran(&moved, Task::QuickRewriteContents));
    assert!(!ran(&moved, Task::QuickDeleteBlobs));
    assert!(figure(&moved, Task::QuickRewriteContents, "rewrittenContentCount") >= 12);
    assert!(count(&world, "q") > metadata);
    world.assert_whole();

    world.pass(HOUR + Duration::from_secs(60));
    let freed = world.run(&quick);
    assert!(!ran(&freed, Task::QuickRewriteContents));
    assert!(ran(&freed, Task::QuickDeleteBlobs));
    assert!(freed.freed_blobs >= 12);
    assert!(count(&world, "q") <= 2, "{}", count(&world, "q"));
    assert_eq!(count(&world, "p"), data);
    world.assert_whole();

    // After a full move of contents the next quick run deletes packs of every class.
    world.pass(DAY);
    assert!(ran(&world.maintain(), Task::FullRewriteContents));
    world.pass(DAY);
    let finished = world.run(&quick);
    assert!(count(&world, "p") < data);
    assert!(ran(&finished, Task::FullDeleteBlobs));
    world.assert_whole();
}

#[test]
fn what_no_snapshot_needs_goes() {
    let mut world = first_format();
    let first = world.snapshot(files(0..20));
    world.pass(HOUR);
    world.snapshot(files(10..30));
    world.pass(2 * DAY);
    world.delete(&first);
    world.pass(HOUR);
    let collected = world.maintain();
    assert_eq!(
        figure(&collected, Task::SnapshotGc, "deletedContentCount"),
        11
    );
    for _ in 0..3 {
        world.pass(DAY);
        world.maintain();
        world.assert_whole();
    }
    assert_eq!(world.contents(true), world.needed());

    // Without margins it goes as soon as the clock has moved on by a second.
    let second = world.snapshot(files(40..50));
    world.pass(HOUR);
    world.delete(&second);
    let none = RunOptions {
        safety: Safety::None,
        ..world.options()
    };
    world.run(&none);
    world.pass(Duration::from_secs(1));
    assert!(world.run(&none).freed_blobs > 0);
    assert_eq!(world.contents(true), world.needed());
    world.assert_whole();
}
