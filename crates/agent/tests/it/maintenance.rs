//! Maintenance of a directory vault: who may, what it frees, and that it goes on after a stop.

use std::path::Path;
use std::time::Duration;

use holdfast_agent::commands::{create_repository, delete_points, maintain};
use holdfast_agent::failure::{Failure, WorkError};
use holdfast_agent::vaults::{Access, open_repository};
use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{Coverage, DeletePoints, Maintain, MaintainResult};
use holdfast_protocol::agent::{SourceIdentity, VaultContext, VaultState, failures};
use holdfast_repository::format::{ParameterChanges, RetentionChange};
use holdfast_repository::maintenance::{MaintenanceParameters, Mode, Safety};
use holdfast_repository::manifest::ManifestEdits;
use holdfast_storage::RetentionMode;
use holdfast_testkit::s3::{Effect, Fault, Operation, S3Server};
use holdfast_testkit::tree;
use serde_json::json;
use uuid::Uuid;

use crate::engines::{Place, condemned};

fn identity(host: &str) -> SourceIdentity {
    SourceIdentity {
        user: "root".to_owned(),
        host: host.to_owned(),
    }
}

/// An order to a machine, with the owners that it may take over from.
pub(crate) fn order(host: &str, known: &[&str]) -> Maintain {
    Maintain {
        identity: identity(host),
        take_over_from: known.iter().map(|known| (*known).to_owned()).collect(),
        measure: true,
    }
}

fn run(
    place: &Place,
    mode: Mode,
    order: &Maintain,
    safety: Safety,
) -> Result<MaintainResult, WorkError> {
    let (vault, folders) = (place.vault(), place.folders());
    maintain(mode, order, &vault, &folders, safety, &Cancel::new())
}

fn owner(place: &Place) -> String {
    let access = Access::default();
    let repository = open_repository(&place.vault(), &place.folders(), None, &access).unwrap();
    let manifests = repository.manifests().unwrap();
    MaintenanceParameters::find(&manifests)
        .unwrap()
        .unwrap()
        .owner
}

fn give_to(place: &Place, owner: &str) {
    let access = Access::default();
    let repository = open_repository(&place.vault(), &place.folders(), None, &access).unwrap();
    let manifests = repository.manifests().unwrap();
    let parameters = MaintenanceParameters {
        owner: owner.to_owned(),
        ..MaintenanceParameters::find(&manifests).unwrap().unwrap()
    };
    let mut edits = ManifestEdits::new(repository.clock().clone());
    parameters.store(&mut edits, &manifests).unwrap();
    edits.publish(&repository).unwrap();
}

/// Bytes of the files below a folder.
pub(crate) fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => bytes_below(&entry.path()),
            false => entry.metadata().unwrap().len(),
        })
        .sum()
}

// Requirements: ENG-KOPIA-16
#[test]
fn what_retention_deleted_is_freed_by_the_owner() {
    let place = Place::new();
    let store = place.at("vault");
    for seed in [1, 2] {
        tree::write_random_file(&place.source().join("data"), seed, 6 << 20).unwrap();
        place.back_up(place.work(1)).0.unwrap();
    }
    let listed = place.points();
    let request = DeletePoints {
        job_uuid: Some(place.work(1).job_uuid),
        points: vec![condemned(Uuid::from_u128(1), &listed[..1])],
    };
    let gone = delete_points(&request, &place.vault(), &place.folders(), &Cancel::new()).unwrap();
    assert_eq!(gone.deleted.len(), 1);
    let full = bytes_below(&store);
    assert!(full > 12_000_000, "{full}");

    // With the format's margins nothing goes at once, and the result says when it will.
    let ours = order("web-01", &[]);
    let careful = run(&place, Mode::Full, &ours, Safety::Full).unwrap();
    assert_eq!(careful.owner, "root@web-01");
    let careful = careful.done.expect("it was done");
    assert_eq!(careful.freed_bytes, 0);
    assert!(careful.next_full_at > careful.next_quick_at, "{careful:?}");
    // Without them: nobody else is there. What was deleted in this very second is seen as deleted in the next one.
    let mut left = full;
    for _ in 0..20 {
        run(&place, Mode::Full, &ours, Safety::None).unwrap();
        left = bytes_below(&store);
        if left < full - 5_000_000 {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(left < full - 5_000_000, "{left} of {full} bytes are left");
    assert_eq!(place.points().len(), 1);
    let quick = run(&place, Mode::Quick, &ours, Safety::Full).unwrap();
    assert!(quick.done.is_some());
    let usage = quick.usage.expect("it was measured");
    let (there, found) = (bytes_below(&store), usage.stored_bytes);
    assert!(found > 6_000_000 && found <= there, "{found} of {there}");
    assert!(usage.free_bytes.is_some_and(|free| free > 0), "{usage:?}");
    // What is left is whole.
    tree::write_random_file(&place.source().join("data"), 2, 6 << 20).unwrap();
    place.back_up(place.work(2)).0.unwrap();
    assert!(
        bytes_below(&store) < left + 1_000_000,
        "nothing is stored anew"
    );
}

// Requirements: ENG-KOPIA-16
#[test]
fn ownership_moves_among_known_machines_and_is_left_to_others() {
    let place = Place::new();
    // The repository was made under this machine's own name.
    let first = run(&place, Mode::Quick, &order("web-01", &[]), Safety::Full).unwrap();
    assert_eq!(
        (first.owner.as_str(), first.done.is_some()),
        ("root@web-01", true)
    );
    assert_eq!(owner(&place), "root@web-01");
    let stranger = run(&place, Mode::Full, &order("web-02", &[]), Safety::Full).unwrap();
    assert_eq!(
        (stranger.owner.as_str(), stranger.done),
        ("root@web-01", None)
    );
    assert!(
        stranger.usage.is_some(),
        "what others maintain is measured too"
    );
    assert_eq!(owner(&place), "root@web-01");
    let heir = run(
        &place,
        Mode::Quick,
        &order("web-02", &["root@web-01"]),
        Safety::Full,
    )
    .unwrap();
    assert_eq!(
        (heir.owner.as_str(), heir.done.is_some()),
        ("root@web-02", true)
    );
    assert_eq!(owner(&place), "root@web-02");
    give_to(&place, "ann@laptop");
    let left = run(
        &place,
        Mode::Full,
        &order("web-02", &["root@web-01"]),
        Safety::Full,
    )
    .unwrap();
    assert_eq!((left.owner.as_str(), left.done), ("ann@laptop", None));
    assert_eq!(owner(&place), "ann@laptop");
}

#[test]
fn a_stop_ends_it_and_the_next_one_goes_on() {
    let place = Place::new();
    std::fs::write(place.source().join("file"), "x").unwrap();
    place.back_up(place.work(1)).0.unwrap();
    let ours = order("web-01", &[]);
    run(&place, Mode::Quick, &ours, Safety::Full).unwrap();
    let cancel = Cancel::new();
    cancel.cancel();
    let (vault, folders) = (place.vault(), place.folders());
    let stopped = maintain(Mode::Full, &ours, &vault, &folders, Safety::Full, &cancel);
    assert_eq!(stopped, Err(WorkError::Cancelled));
    assert!(
        run(&place, Mode::Full, &ours, Safety::Full)
            .unwrap()
            .done
            .is_some()
    );
    let Err(WorkError::Failed(Failure { code, .. })) = ({
        std::fs::remove_dir_all(place.at("vault")).unwrap();
        run(&place, Mode::Full, &ours, Safety::Full)
    }) else {
        panic!("there is nothing to maintain")
    };
    assert_eq!(code, failures::STORAGE_NOT_FOUND);
}

/// Flips a byte in each large file below a folder; answers how many there are.
fn damage_packs(folder: &Path) -> usize {
    let mut damaged = 0;
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            damaged += damage_packs(&path);
        } else if entry.metadata().unwrap().len() > 1 << 20 {
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            damaged += 1;
        }
    }
    damaged
}

#[test]
fn a_full_one_reads_a_part_back_and_tells_of_damage() {
    let place = Place::new();
    tree::write_random_file(&place.source().join("data"), 1, 6 << 20).unwrap();
    place.back_up(place.work(1)).0.unwrap();
    // What is read in the second in which it was written does not count as read: the record has whole seconds.
    std::thread::sleep(Duration::from_millis(1100));
    let ours = order("web-01", &[]);
    let quick = run(&place, Mode::Quick, &ours, Safety::Full).unwrap();
    assert_eq!(quick.coverage, None);
    let read = |result: MaintainResult| result.coverage.expect("a part was read");
    let first = read(run(&place, Mode::Full, &ours, Safety::Full).unwrap());
    assert_eq!(
        (first.window_days, first.damaged, first.overdue_bytes),
        (30, 0, 0)
    );
    assert!(
        first.bytes > 6_000_000 && first.ages[0].bytes > 0,
        "{first:?}"
    );
    assert_eq!(first.ages[0].bytes + first.never_read_bytes, first.bytes);
    // Whoever owns the maintenance: what is stored is read.
    give_to(&place, "ann@laptop");
    let foreign = run(&place, Mode::Full, &ours, Safety::Full).unwrap();
    assert!(foreign.done.is_none());
    let ever_read = |coverage: &Coverage| coverage.bytes - coverage.never_read_bytes;
    assert!(ever_read(&read(foreign)) > ever_read(&first));
    let packs = damage_packs(&place.at("vault"));
    assert!(packs > 0);
    // Each run reads what is next in turn.
    let found = (0..60)
        .map(|_| read(run(&place, Mode::Full, &ours, Safety::Full).unwrap()))
        .find(|coverage| coverage.damaged == packs as u64)
        .expect("the damage is found");
    assert_eq!(found.damage.len(), packs);
    assert!(found.damage[0].contains(": "), "{found:?}");
}

/// A vault on an object store whose blobs are locked for 30 days.
fn locked_vault(place: &Place, server: &S3Server) -> VaultContext {
    let options = server.options();
    let vault: VaultContext = serde_json::from_value(json!({
        "vault_id": "01920000-0000-7000-8000-000000000009", "vault_state": "creating", "dest_type": "s3",
        "dest_bucket": "bucket", "endpoint": server.url(), "region": "us-east-1", "access_key": options.access_key,
        "secret_key": options.secret_key, "encryption_mode": "managed", "repository_password": "planted-password",
    }))
    .unwrap();
    create_repository(&vault, &place.folders(), &Cancel::new()).unwrap();
    let vault = VaultContext {
        vault_state: VaultState::Ready,
        ..vault
    };
    let access = Access::default();
    let repository = open_repository(&vault, &place.folders(), None, &access).unwrap();
    let lock = ParameterChanges {
        retention: Some(RetentionChange::On {
            mode: Some(RetentionMode::Governance),
            period: Some(Duration::from_secs(30 * 24 * 3600)),
        }),
        ..ParameterChanges::default()
    };
    assert!(repository.set_parameters(&lock).unwrap());
    let manifests = repository.manifests().unwrap();
    let parameters = MaintenanceParameters {
        extend_object_locks: true,
        ..MaintenanceParameters::find(&manifests).unwrap().unwrap()
    };
    let mut edits = ManifestEdits::new(repository.clock().clone());
    parameters.store(&mut edits, &manifests).unwrap();
    edits.publish(&repository).unwrap();
    vault
}

#[test]
fn locks_that_could_not_be_extended_are_told_by_name() {
    let place = Place::new();
    let server = S3Server::start_with_object_lock();
    let vault = locked_vault(&place, &server);
    let full = || {
        let (ours, folders) = (order("web-01", &[]), place.folders());
        let cancel = Cancel::new();
        maintain(Mode::Full, &ours, &vault, &folders, Safety::Full, &cancel)
    };
    let denied = Effect::Status {
        status: 403,
        code: "AccessDenied".to_owned(),
    };
    server.add_fault(Fault::new(Operation::Extend, denied));
    match full() {
        Err(WorkError::Failed(failure)) => {
            assert_eq!(failure.code, failures::LOCK_NOT_EXTENDED, "{failure:?}");
        }
        other => panic!("{other:?}"),
    }
    server.clear_faults();
    let done = full().unwrap().done.expect("it was done");
    let locks = done.locks.expect("locks are extended");
    let extended = locks.at.expect("just now");
    let pause = locks.due_at.duration_since(extended);
    assert_eq!(pause.as_hours(), 72, "a tenth of the period");
}
