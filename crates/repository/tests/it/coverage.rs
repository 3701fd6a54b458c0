//! Reading every blob again within a window: by a clock that is set by hand.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_host::Clock;
use holdfast_repository::check::{CheckOptions, check};
use holdfast_repository::coverage::{
    Budget, COVERAGE, Coverage, CoverageOptions, CoverageRun, coverage, verify_blobs,
};
use holdfast_repository::{ContentFilter, ContentId, OpenOptions, Repository};
use holdfast_storage::{BlobId, BlobInfo, BlobStore, ErrorKind, PutOptions};
use holdfast_testkit::blobs::{BlobOperation, Trigger};
use secrecy::SecretString;

use crate::maintenance::world::{DAY, Dice, HOUR, World, content, files, options as client};
use crate::written::{save, write_snapshot};

const WINDOW: u32 = 10;

fn options() -> CoverageOptions {
    CoverageOptions {
        window_days: Some(WINDOW),
        parallelism: NonZeroUsize::MIN,
        checkpoint_bytes: 1,
        ..CoverageOptions::default()
    }
}

fn run(world: &World) -> CoverageRun {
    verify_blobs(&world.repository, &options()).expect("verify")
}

fn status(world: &World) -> Coverage {
    coverage(&world.repository).expect("coverage")
}

fn id(name: &str) -> BlobId {
    BlobId::new(name).expect("a name")
}

/// Ten snapshots, so some forty blobs.
fn filled() -> World {
    let mut world = World::new();
    for seed in 0..10 {
        world.pass(HOUR);
        world.snapshot(files(seed * 3..seed * 3 + 4));
    }
    world
}

#[test]
fn a_part_a_day_and_everything_within_the_window() {
    let world = filled();
    let before = status(&world);
    assert_eq!((before.read_blobs, before.last_run), (0, None));
    assert_eq!(before.never_read_blobs, before.blobs);
    let mut read = 0;
    for day in 1..=WINDOW {
        let found = run(&world);
        assert!(found.damaged.is_empty(), "{:?}", found.damaged);
        assert!(found.read_blobs > 0, "day {day}");
        assert!(found.read_bytes < before.bytes, "day {day}");
        read += found.read_blobs;
        assert_eq!(found.coverage, status(&world), "day {day}");
        world.pass(DAY);
    }
    assert!(read >= before.blobs);
    // From then on nothing is older than the window, for as long as the runs go on.
    for _ in 0..WINDOW * 2 {
        run(&world);
        let status = status(&world);
        assert_eq!((status.overdue_blobs, status.never_read_blobs), (0, 0));
        assert_eq!(status.read_bytes, status.bytes);
        let oldest = status.oldest.expect("a blob");
        assert!(world.clock.now().duration_since(oldest).unsigned_abs() <= DAY * WINDOW);
        world.pass(DAY);
    }
    // Without runs it grows old.
    world.pass(DAY * 30);
    let late = status(&world);
    assert_eq!((late.read_blobs, late.overdue_blobs), (0, late.blobs));
}

#[test]
fn new_blobs_come_in_and_deleted_ones_go() {
    let mut world = filled();
    for _ in 0..WINDOW {
        run(&world);
        world.pass(DAY);
    }
    let before = status(&world);
    let id = world.snapshot(files(70..74));
    let now = status(&world);
    assert!(now.blobs > before.blobs);
    assert_eq!(now.never_read_blobs, now.blobs - before.blobs);
    for _ in 0..WINDOW {
        run(&world);
        world.pass(DAY);
    }
    assert_eq!(status(&world).never_read_blobs, 0);
    world.delete(&id);
    for _ in 0..4 {
        world.pass(DAY * 2);
        world.maintain();
    }
    let after = run(&world).coverage;
    assert_eq!(after.blobs, status(&world).blobs);
    assert!(after.damaged.is_empty(), "{:?}", after.damaged);
}

#[test]
fn a_killed_run_is_not_for_nothing() {
    let world = filled();
    world.pass(DAY * WINDOW);
    let all = status(&world).blobs;
    // Everything is due, and the store is gone in the middle of it.
    world
        .store
        .plan(Some(BlobOperation::Put), COVERAGE, 4, Trigger::Kill);
    assert!(verify_blobs(&world.repository, &options()).is_err());
    world.store.reset();
    let kept = status(&world).read_blobs;
    assert!(0 < kept && kept < all, "{kept} of {all}");
    let found = run(&world);
    assert_eq!(found.read_blobs, all - kept);
    // Cancelled, it stores what it has; a store that fails for one blob does not cost the others.
    world.pass(DAY * WINDOW);
    let pack = world.blobs("p").remove(3).id;
    let failing = Trigger::Fail(ErrorKind::Unavailable);
    world.store.plan_from(None, pack.as_str(), 1, failing);
    assert!(verify_blobs(&world.repository, &options()).is_err());
    world.store.reset();
    assert!(status(&world).read_blobs > 0);
    assert_eq!(run(&world).coverage.read_blobs, all);
}

#[test]
fn a_budget_is_kept_and_what_waits_is_told() {
    let world = filled();
    world.pass(DAY * WINDOW);
    let bytes = status(&world).bytes;
    let small = CoverageOptions {
        budget: Some(Budget::Percent(20)),
        ..options()
    };
    let found = verify_blobs(&world.repository, &small).expect("verify");
    let longest = world.blobs("").iter().map(|blob| blob.length).max();
    assert!(found.read_bytes <= bytes / 5 + longest.expect("a blob"));
    world.pass(HOUR);
    assert!(status(&world).overdue_blobs > 0);
}

#[test]
fn two_clients_share_the_work() {
    let world = filled();
    let other = world.client("other");
    for day in 0..WINDOW {
        let by: &Arc<Repository> = match day % 2 {
            0 => &world.repository,
            _ => &other,
        };
        verify_blobs(by, &options()).expect("verify");
        world.pass(DAY);
    }
    let status = status(&world);
    assert_eq!((status.never_read_blobs, status.overdue_blobs), (0, 0));
}

#[test]
fn a_record_that_is_damaged_or_lost_begins_anew() {
    let world = filled();
    run(&world);
    let record = id(COVERAGE);
    let garbage = Bytes::from_static(b"no record");
    world
        .memory
        .put(&record, garbage, &PutOptions::default())
        .expect("put");
    assert_eq!(status(&world).read_blobs, 0);
    let found = run(&world);
    assert!(found.read_blobs > 0 && found.damaged.is_empty());
    world.memory.delete(&record).expect("delete");
    assert_eq!(status(&world).read_blobs, 0);
}

#[test]
fn the_record_is_no_damage_and_stays_over_maintenance() {
    let world = filled();
    run(&world);
    let strict = CheckOptions {
        strict: true,
        ..CheckOptions::default()
    };
    let report = check(&world.repository, &strict).expect("check");
    assert!(report.is_clean(), "{:#?}", report.problems);
    let before = status(&world).read_blobs;
    world.pass(DAY);
    world.maintain();
    assert!(world.memory.stat(&id(COVERAGE)).is_ok());
    assert!(status(&world).read_blobs + 5 > before);
}

/// Places of a blob in which every bit matters: of packs those of contents, else everything.
fn places(world: &World, blob: &BlobInfo) -> Vec<u64> {
    if !blob.id.as_str().starts_with(['p', 'q']) {
        return (0..blob.length).collect();
    }
    let filter = ContentFilter {
        include_deleted: false,
        prefix: None,
    };
    let mut places = Vec::new();
    let contents = &mut |info: holdfast_repository::ContentInfo| {
        if info.pack == blob.id {
            let from = u64::from(info.offset);
            places.extend(from..from + u64::from(info.packed_length));
        }
        Ok(())
    };
    let all = world.repository.for_each_content(filter, contents);
    all.expect("contents");
    // The end of a pack tells what is in it.
    places.extend(blob.length.saturating_sub(100)..blob.length);
    places
}

/// Damages a blob: turns a bit, cuts it off or takes it away.
fn damage(world: &World, blob: &BlobInfo, dice: &mut Dice) -> &'static str {
    let mut data = world.memory.get(&blob.id).expect("get").to_vec();
    let kind = match dice.below(4) {
        0 => {
            data.truncate(data.len() - 1);
            "cut off"
        }
        1 if blob.id.as_str().starts_with(['p', 'q']) => {
            world.memory.delete(&blob.id).expect("delete");
            return "taken away";
        }
        _ => {
            let places = places(world, blob);
            let at = places[dice.below(places.len() as u64) as usize] as usize;
            data[at] ^= 1 << dice.below(8);
            "a bit turned"
        }
    };
    overwrite(world, blob, data);
    kind
}

/// Changes a blob as decay does, which does not make it younger.
fn overwrite(world: &World, blob: &BlobInfo, data: Vec<u8>) {
    let (id, modified) = (blob.id.clone(), blob.modified);
    world
        .memory
        .put(&blob.id, data.into(), &PutOptions::default())
        .expect("put");
    world.store.bend_listings(move |mut listed| {
        if listed.id == id {
            listed.modified = modified;
        }
        Some(listed)
    });
}

#[test]
fn whatever_is_damaged_is_found_within_the_window() {
    let seeds = match holdfast_testkit::soak() {
        true => 0..400,
        false => 0..12,
    };
    for seed in seeds {
        let mut dice = Dice::new(seed + 1);
        let mut world = filled();
        // Anywhere in the course of things.
        for _ in 0..dice.below(u64::from(WINDOW) * 2) {
            run(&world);
            world.pass(DAY);
            if dice.below(3) == 0 {
                let seed = 100 + dice.below(50);
                world.snapshot(files(seed..seed + 3));
            }
        }
        let mut blobs = world.blobs("");
        blobs.retain(|blob| {
            blob.id.as_str().starts_with(['p', 'q']) || blob.id.as_str().starts_with("xn")
        });
        let victim = blobs.swap_remove(dice.below(blobs.len() as u64) as usize);
        // What was stored under this index is still known to clients that have it.
        let kind = damage(&world, &victim, &mut dice);
        let what = format!("seed {seed}: {kind}: {}", victim.id);
        let found_on = (0..=WINDOW).find_map(|day| {
            let found = verify_blobs(&world.repository, &options());
            world.pass(DAY);
            let found = found.expect("verify");
            let names: Vec<_> = found
                .damaged
                .iter()
                .map(|damage| damage.blob.as_str())
                .collect();
            match names.as_slice() {
                [] => None,
                [one] => {
                    assert_eq!(*one, victim.id.as_str(), "{what}");
                    Some((day, found))
                }
                more => panic!("{what}: {more:?}"),
            }
        });
        let (day, found) = found_on.unwrap_or_else(|| panic!("{what} was not found"));
        let status = status(&world);
        assert_eq!(status.damaged.len(), 1, "{what}, day {day}");
        if victim.id.as_str().starts_with(['p', 'q']) {
            // Those contents that really cannot be read.
            let mut lost = found.lost_contents.keys().copied().collect::<Vec<_>>();
            lost.sort();
            let mut unreadable = Vec::new();
            let filter = ContentFilter {
                include_deleted: false,
                prefix: None,
            };
            let mut of_victim = Vec::new();
            world
                .repository
                .for_each_content(filter, &mut |info| {
                    if info.pack == victim.id {
                        of_victim.push(info.id);
                    }
                    Ok(())
                })
                .expect("contents");
            for id in of_victim {
                if world.repository.read_content(&id).is_err() {
                    unreadable.push(id);
                }
            }
            unreadable.sort();
            assert_eq!(lost, unreadable, "{what}");
        }
        // It is told until it is made good.
        let again = run(&world);
        assert_eq!(again.damaged.len(), 1, "{what}");
        assert_eq!(again.damaged[0].found, found.damaged[0].found, "{what}");
    }
}

#[test]
fn damage_that_was_made_good_is_forgotten() {
    let world = filled();
    let victim = world.blobs("p").remove(0);
    let whole = world.memory.get(&victim.id).expect("get");
    let mut bad = whole.to_vec();
    bad[40] ^= 1;
    overwrite(&world, &victim, bad);
    world.pass(DAY * WINDOW);
    assert_eq!(run(&world).damaged.len(), 1);
    overwrite(&world, &victim, whole.to_vec());
    // At once, whatever else is due and however little may be read.
    let least = CoverageOptions {
        budget: Some(Budget::Bytes(0)),
        ..options()
    };
    let found = verify_blobs(&world.repository, &least).expect("verify");
    assert!(found.damaged.is_empty() && found.coverage.damaged.is_empty());
    // A pack that is missing, and comes back.
    world.memory.delete(&victim.id).expect("delete");
    let found = run(&world);
    assert_eq!(found.damaged.len(), 1);
    assert!(
        found.damaged[0].reason.contains("missing"),
        "{:?}",
        found.damaged
    );
    assert!(!found.lost_contents.is_empty());
    overwrite(&world, &victim, whole.to_vec());
    let found = run(&world);
    assert!(found.damaged.is_empty() && found.coverage.damaged.is_empty());
}

/// The contents that the index has in a pack.
fn contents_of(world: &World, pack: &BlobId) -> Vec<ContentId> {
    let filter = ContentFilter {
        include_deleted: false,
        prefix: None,
    };
    let mut ids = Vec::new();
    let each = &mut |info: holdfast_repository::ContentInfo| {
        if info.pack == *pack {
            ids.push(info.id);
        }
        Ok(())
    };
    let all = world.repository.for_each_content(filter, each);
    all.expect("contents");
    ids.sort();
    ids
}

fn lost(found: &CoverageRun) -> Vec<ContentId> {
    let mut lost: Vec<ContentId> = found.lost_contents.keys().copied().collect();
    lost.sort();
    lost
}

#[test]
fn a_clock_that_was_years_ahead_is_not_believed() {
    let world = filled();
    let today = world.clock.now();
    world.clock.set_wall_clock(today + DAY * 3650);
    assert!(run(&world).coverage.read_blobs > 0);
    world.clock.set_wall_clock(today);
    let told = status(&world);
    assert_eq!((told.last_run, told.read_blobs), (None, 0));
    assert_eq!(told.never_read_blobs, told.blobs);
    for _ in 0..WINDOW {
        run(&world);
        world.pass(DAY);
    }
    let told = status(&world);
    assert_eq!((told.never_read_blobs, told.overdue_blobs), (0, 0));
    assert!(told.last_run.is_some_and(|last| last < world.clock.now()));
}

#[test]
fn large_index_blobs_are_read_one_at_a_time_and_in_pieces() {
    let world = filled();
    world.pass(DAY * WINDOW);
    // Of the other scheme, so that opening does not look at them.
    let names = [7, 8].map(|number| format!("n{number:032x}"));
    for name in &names {
        world
            .memory
            .put(&id(name), vec![1; 5 << 20].into(), &PutOptions::default())
            .expect("put");
    }
    world.pass(DAY * WINDOW);
    let cache = tempfile::tempdir().expect("a directory");
    let repository = Repository::open(
        Arc::new(world.store.clone()),
        &SecretString::from("password"),
        &OpenOptions {
            cache_dir: Some(cache.path().to_owned()),
            ..client(&world.clock, "cached")
        },
    );
    let many = CoverageOptions {
        parallelism: NonZeroUsize::MIN.saturating_add(3),
        ..options()
    };
    world.store.reset();
    let found = verify_blobs(&repository.expect("open"), &many).expect("verify");
    assert_eq!(found.damaged.len(), 2, "{:?}", found.damaged);
    let mut order = Vec::new();
    for call in world.store.calls() {
        if !names.contains(&call.name) {
            continue;
        }
        assert_ne!(call.operation, BlobOperation::Get, "{}", call.name);
        if order.last() != Some(&call.name) {
            order.push(call.name);
        }
    }
    assert_eq!(order.len(), 2, "{order:?}");
}

#[test]
fn contents_that_the_index_has_in_another_pack_are_not_lost() {
    let world = filled();
    let before: Vec<BlobId> = world.blobs("p").into_iter().map(|blob| blob.id).collect();
    // Two clients that do not know of each other store the same files.
    let clients = [world.repository.clone(), world.client("other")];
    let sessions = clients.map(|client| client.session().expect("session"));
    let data: Vec<(&[u8], Vec<u8>)> = vec![(b"one", content(700)), (b"two", content(701))];
    for session in sessions {
        let (manifest, _) = write_snapshot(&session, &data, 1);
        save(session, &[manifest]);
    }
    world.repository.refresh().expect("refresh");
    let mut packs = world.blobs("p");
    packs.retain(|blob| !before.contains(&blob.id));
    assert_eq!(packs.len(), 2);
    packs.sort_by_key(|pack| contents_of(&world, &pack.id).len());
    assert!(contents_of(&world, &packs[0].id).len() < 2);
    let spoil = |pack: &BlobInfo| {
        let mut data = world.memory.get(&pack.id).expect("get").to_vec();
        let end = data.len() / 2;
        data[40..end].iter_mut().for_each(|byte| *byte ^= 1);
        overwrite(&world, pack, data);
    };
    spoil(&packs[0]);
    world.pass(DAY * WINDOW);
    let found = run(&world);
    assert_eq!(found.damaged.len(), 1, "{:?}", found.damaged);
    assert_eq!(found.damaged[0].blob, packs[0].id.as_str());
    assert_eq!(lost(&found), []);
    spoil(&packs[1]);
    world.pass(DAY * WINDOW);
    let found = run(&world);
    assert_eq!(found.damaged.len(), 2, "{:?}", found.damaged);
    assert!(!found.lost_contents.is_empty());
}

#[test]
fn what_is_listed_and_not_found_is_missing_and_what_was_deleted_meanwhile_is_not() {
    let world = filled();
    world.pass(DAY * WINDOW);
    let pack = world.blobs("p").remove(2).id;
    let index = world.blobs("xn").remove(0).id;
    for name in [&pack, &index] {
        let gone = Trigger::Fail(ErrorKind::NotFound);
        world.store.plan_from(None, name.as_str(), 1, gone);
    }
    // One that the index does not name any more, deleted by somebody else.
    let stray = id(&format!("p{:032x}", 1));
    let put = |name: &BlobId| {
        let data = Bytes::from_static(&[7; 500]);
        let stored = world.memory.put(name, data, &PutOptions::default());
        stored.expect("put");
    };
    put(&stray);
    world.pass(DAY * WINDOW);
    let (memory, name) = (world.memory.clone(), stray.clone());
    world.store.interrupt(None, stray.as_str(), 1, move || {
        memory.delete(&name).expect("delete");
    });
    let found = run(&world);
    let mut names: Vec<&str> = found.damaged.iter().map(|it| it.blob.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, [pack.as_str(), index.as_str()]);
    assert!(found.damaged.iter().all(|it| it.reason.contains("missing")));
    assert_eq!(lost(&found), contents_of(&world, &pack));
    assert_eq!(status(&world).damaged.len(), 2);
    assert!(world.memory.stat(&stray).is_err());
    // One that the index names, deleted while it is read, is told at once.
    world.store.reset();
    let pack = world.blobs("p").remove(3).id;
    let (memory, name) = (world.memory.clone(), pack.clone());
    world.store.interrupt(None, pack.as_str(), 1, move || {
        memory.delete(&name).expect("delete");
    });
    world.pass(DAY * WINDOW);
    let found = run(&world);
    assert_eq!(found.damaged.len(), 1, "{:?}", found.damaged);
    assert_eq!(found.damaged[0].blob, pack.as_str());
    assert_eq!(lost(&found), contents_of(&world, &pack));
}
