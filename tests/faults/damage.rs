//! Blobs that are damaged where they lie: exactly the files concerned are named, everything else comes back, and after a
//! repair the next snapshots of the same files make all of it whole again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use holdfast_repository::repair::{LostManifests, RepairOptions};
use holdfast_repository::{ContentInfo, Repository, snapshot};
use holdfast_snapshot::{ProblemCode, RestoreRequest, VerifyRequest};
use holdfast_storage::{BlobStore, PutOptions};
use holdfast_testkit::soak;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::files::{Files, scratch};
use crate::steps::Step;
use crate::world::{Machine, Saved, World};

const MACHINE: Machine = Machine::new("one");

/// A file or directory of a snapshot.
type Place = (String, String);

/// Something that a snapshot needs to be whole.
struct Part {
    place: Place,
    content: ContentInfo,
}

/// Every content of every file and directory below `path`.
fn parts(repo: &Repository, id: &str, path: &str, into: &mut Vec<Part>) -> Result<()> {
    let located = holdfast_snapshot::locate(repo, id, path)?;
    let name = if path.is_empty() { "." } else { path };
    if let Some(object) = located.entry.object {
        // The indexes of long files too: they lie in other packs than what they list.
        repo.for_each_object_content(&object, &mut |content| {
            let content = repo.content_info(&content)?.expect("it is there");
            let place = (id.to_owned(), name.to_owned());
            into.push(Part { place, content });
            Ok(())
        })?;
    }
    if located.entry.is_directory() {
        for entry in holdfast_snapshot::list_content(repo, id, path, None, 1000)?.entries {
            let name = String::from_utf8_lossy(entry.file_name()).into_owned();
            let below = if path.is_empty() {
                name
            } else {
                format!("{path}/{name}")
            };
            parts(repo, id, &below, into)?;
        }
    }
    Ok(())
}

/// What happens to a blob.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Flip(u64),
    Zero { from: u64, to: u64 },
    Truncate(u64),
    Remove,
}

impl Damage {
    fn random(random: &mut StdRng, length: u64) -> Self {
        let at = random.random_range(0..length);
        match random.random_range(0..6) {
            0 => Self::Truncate(at),
            1 => Self::Remove,
            2 => Self::Zero {
                from: at,
                to: (at + random.random_range(1..3000)).min(length),
            },
            _ => Self::Flip(at),
        }
    }

    fn of(self, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Self::Flip(at) => bytes[at as usize] ^= 4,
            Self::Zero { from, to } => bytes[from as usize..to as usize].fill(0),
            Self::Truncate(length) => bytes.truncate(length as usize),
            Self::Remove => return None,
        }
        Some(bytes)
    }

    fn hits(self, content: &ContentInfo) -> bool {
        let start = u64::from(content.offset);
        let end = start + u64::from(content.packed_length);
        match self {
            Self::Flip(at) => (start..end).contains(&at),
            Self::Zero { from, to } => from < end && start < to,
            Self::Truncate(length) => end > length,
            Self::Remove => true,
        }
    }
}

/// Three snapshots of two sources.
fn some_world(random: &mut StdRng) -> Result<World> {
    let mut world = World::new();
    let mut files = Files::random(random);
    world.must(MACHINE, &Step::snapshot("/one", &files))?;
    world.must(MACHINE, &Step::snapshot("/two", &Files::random(random)))?;
    files.change(random);
    world.must(MACHINE, &Step::snapshot("/one", &files))?;
    Ok(world)
}

/// Damages one pack of a world. Returns false when the damage hit the list of snapshots itself.
fn round(world: &World, random: &mut StdRng) -> Result<bool> {
    let mut world = world.fork();
    let exact = exact_files_are_named(&mut world, random)?;
    mends(&mut world, exact).context("repair")?;
    Ok(exact)
}

/// A repair and new snapshots of all that was saved: every snapshot that is listed is whole then, and all are when the list
/// of snapshots was not hit.
fn mends(world: &mut World, all_listed: bool) -> Result<()> {
    world.wait(Duration::from_secs(60));
    let options = RepairOptions {
        apply: true,
        read_data: true,
        lost_manifests: LostManifests::GiveUp,
        ..RepairOptions::default()
    };
    world.repair(&options)?;
    let again = world.repair(&options)?;
    ensure!(again.is_clean(), "repaired twice: {again:#?}");
    let repo = world.open(&world.store(), MACHINE)?;
    let listed: BTreeSet<String> = snapshot::list(&repo.manifests()?, None)
        .into_iter()
        .map(|snapshot| snapshot.id.to_string())
        .collect();
    let before: Vec<Saved> = world.saved.values().cloned().collect();
    world.saved.retain(|id, _| listed.contains(id));
    ensure!(
        !all_listed || world.saved.len() == before.len(),
        "snapshots are gone"
    );
    for saved in before {
        world.wait(Duration::from_secs(60));
        world.must(MACHINE, &Step::Snapshot(vec![saved]))?;
    }
    world.audit()
}

fn exact_files_are_named(world: &mut World, random: &mut StdRng) -> Result<bool> {
    let (mut needed, repo) = (Vec::new(), world.open(&world.store(), MACHINE)?);
    for id in world.saved.keys() {
        parts(&repo, id, "", &mut needed)?;
    }
    let blobs: Arc<dyn BlobStore> = Arc::new(world.blobs().clone());
    let packs: Vec<_> = ["p", "q"]
        .into_iter()
        .map(|prefix| blobs.list_all(prefix))
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    let pack = &packs[random.random_range(0..packs.len())];
    let damage = Damage::random(random, pack.length);
    match damage.of(blobs.get(&pack.id)?.to_vec()) {
        Some(bytes) => blobs.put(&pack.id, Bytes::from(bytes), &PutOptions::default())?,
        None => blobs.delete(&pack.id)?,
    }
    let contents = repo.contents()?;
    let hit = |content: &ContentInfo| content.pack == pack.id && damage.hits(content);
    let manifests = contents
        .iter()
        .filter(|content| content.id.prefix() == Some(b'm'));
    let unlisted: Vec<_> = manifests.filter(|content| hit(content)).collect();
    let repo = world.open(&world.store(), MACHINE)?;
    let verified = holdfast_snapshot::verify(&repo, &VerifyRequest::new(Vec::new(), true));
    if let Some(container) = unlisted.first() {
        let error = match verified {
            Ok(report) => format!("{:?}", report.damaged),
            Err(error) => error.to_string(),
        };
        ensure!(
            unlisted
                .iter()
                .any(|content| error.contains(&content.id.to_string()))
                || error.contains(pack.id.as_str()),
            "{damage:?} of {}: {error:?} does not name {}",
            pack.id,
            container.id
        );
        return Ok(false);
    }
    let expected = affected(&needed, &hit);
    let found: BTreeSet<Place> = verified?
        .damaged
        .into_iter()
        .map(|file| (file.snapshot, file.path))
        .collect();
    ensure!(
        found == expected,
        "{damage:?} of {}: verify names {found:?}, damaged are {expected:?}",
        pack.id
    );
    let ids: Vec<String> = world.saved.keys().cloned().collect();
    for id in ids {
        restores_the_rest(world, &repo, &id, &expected)?;
    }
    Ok(true)
}

/// The places that the damage reaches: what lies below a directory that cannot be read is not named as well.
fn affected(needed: &[Part], hit: &dyn Fn(&ContentInfo) -> bool) -> BTreeSet<Place> {
    let all: BTreeSet<Place> = needed
        .iter()
        .filter(|part| hit(&part.content))
        .map(|part| part.place.clone())
        .collect();
    let hidden = |(id, path): &Place| {
        let above = |(other, directory): &Place| {
            other == id
                && path != directory
                && (directory == "." || path.starts_with(&format!("{directory}/")))
        };
        all.iter().any(above)
    };
    all.iter().filter(|place| !hidden(place)).cloned().collect()
}

fn restores_the_rest(
    world: &mut World,
    repo: &Arc<Repository>,
    id: &str,
    damaged: &BTreeSet<Place>,
) -> Result<()> {
    let damaged: BTreeSet<&str> = damaged
        .iter()
        .filter(|(snapshot, _)| snapshot == id)
        .map(|(_, path)| path.as_str())
        .collect();
    let target = scratch()?;
    let mut request = RestoreRequest::new(id, "", target.path());
    request.owners = false;
    if damaged.contains(".") {
        let named = match holdfast_snapshot::restore(repo, &request) {
            Ok(report) => report.errors() > 0,
            Err(_) => true,
        };
        ensure!(named, "a root that cannot be read is restored");
        return Ok(());
    }
    let report = holdfast_snapshot::restore(repo, &request)?;
    let named: BTreeSet<&str> = report
        .problems
        .iter()
        .filter(|problem| problem.code == ProblemCode::Damaged)
        .map(|problem| problem.path.as_str())
        .collect();
    ensure!(
        named == damaged,
        "restore names {named:?}, damaged are {damaged:?}"
    );
    let lost = |path: &str| {
        damaged
            .iter()
            .any(|place| path == *place || path.starts_with(&format!("{place}/")))
    };
    let saved = &world.saved[id].files;
    let expected: BTreeSet<String> = saved
        .paths()
        .filter(|path| lost(path))
        .map(|path| format!("{path} is missing"))
        .collect();
    let differences: BTreeSet<String> = saved.differences(target.path())?.into_iter().collect();
    ensure!(
        differences == expected,
        "{differences:?} instead of {expected:?}"
    );
    Ok(())
}

#[test]
fn the_exact_files_are_named() {
    let seed = crate::seed_or(31);
    let mut random = StdRng::seed_from_u64(seed);
    let (worlds, rounds) = if soak() { (40, 50) } else { (3, 20) };
    let mut judged = 0;
    for _ in 0..worlds {
        let world = some_world(&mut random).expect("a world");
        for number in 0..rounds {
            let exact = round(&world, &mut random)
                .unwrap_or_else(|error| panic!("seed {seed}, round {number}: {error:?}"));
            judged += usize::from(exact);
        }
    }
    println!(
        "damage at rest: {} fault points, seed {seed}",
        worlds * rounds
    );
    assert!(
        judged * 2 > worlds * rounds,
        "only {judged} rounds were judged exactly"
    );
}
