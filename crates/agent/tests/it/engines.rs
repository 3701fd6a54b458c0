//! The engines on a directory vault.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_agent::commands::Partials;
use holdfast_agent::commands::{create_repository, delete_points, list_content, list_points};
use holdfast_agent::engines::{
    Assignment, Engine, RestoreEngine, RunContext, RunResult, SnapshotEngine,
};
use holdfast_agent::failure::{Failure, WorkError};
use holdfast_agent::runs::RunRecorder;
use holdfast_agent::state::VaultFolders;
use holdfast_agent::vaults::{Access, open_repository};
use holdfast_host::{Cancel, SystemClock};
use holdfast_protocol::Secret;
use holdfast_protocol::agent::commands::{
    CondemnedPoint, CondemnedSnapshot, DeletePoints, ListContent, ListPoints, ListedPoint,
    RefusalReason, RefusedPoint, Restore,
};
use holdfast_protocol::agent::{
    Attempt, JobPolicy, RunWork, VaultContext, VaultState, events, failures, problems,
};
use holdfast_repository::{SourceIdentity, policy};
use holdfast_testkit::tree;
use serde_json::json;
use uuid::Uuid;

use crate::conformance::{Case, conformance};
use crate::script::work;

/// A directory vault with its repository, a source and a target.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(place.source()).unwrap();
        let mut vault = place.vault();
        vault.vault_state = VaultState::Creating;
        create_repository(&vault, &place.folders(), &Cancel::new()).unwrap();
        place
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.at("source")
    }

    pub(crate) fn folders(&self) -> VaultFolders {
        VaultFolders::new(self.at("state"), self.at("cache"))
    }

    pub(crate) fn vault(&self) -> VaultContext {
        let mut vault = work(1, 1).vault;
        vault.vault_name = "Cellar".into();
        vault.dest_local_path = self.at("vault").to_str().unwrap().to_owned();
        vault.repository_password = Some(Secret::new("planted-password"));
        vault
    }

    pub(crate) fn work(&self, attempt: u32) -> RunWork {
        let mut work = work(7, attempt);
        work.vault = self.vault();
        work.source_paths = vec![self.source().to_str().unwrap().to_owned()];
        work
    }

    pub(crate) fn back_up(&self, work: RunWork) -> (Result<RunResult, WorkError>, RunContext) {
        let context = context();
        let engine = SnapshotEngine::new(self.folders());
        let result = engine.run(&Assignment::Backup(Box::new(work)), &context);
        (result, context)
    }

    fn order(&self, manifest_id: &str) -> Restore {
        let order = json!({"manifest_id": manifest_id, "target_path": self.at("target"), "restore_run_id": 9, "overwrite": "always"});
        serde_json::from_value(order).unwrap()
    }

    fn restore(&self, order: Restore) -> Result<RunResult, WorkError> {
        self.restore_in(order, &context())
    }

    fn restore_in(&self, order: Restore, context: &RunContext) -> Result<RunResult, WorkError> {
        let assignment = Assignment::Restore {
            order: Box::new(order),
            vault: Box::new(self.vault()),
        };
        RestoreEngine::new(self.folders()).run(&assignment, context)
    }

    pub(crate) fn points(&self) -> Vec<ListedPoint> {
        list_points(
            &ListPoints::default(),
            &self.vault(),
            &self.folders(),
            &Cancel::new(),
        )
        .unwrap()
        .points
    }
}

fn context() -> RunContext {
    RunContext {
        cancel: Cancel::new(),
        recorder: Arc::new(RunRecorder::new(Arc::new(SystemClock::new()))),
    }
}

fn failure(result: Result<RunResult, WorkError>) -> Failure {
    match result {
        Err(WorkError::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

fn blobs_of_sessions(vault: &Path) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(vault).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        count += if path.is_dir() {
            blobs_of_sessions(&path)
        } else {
            usize::from(name.contains(".tmp"))
        };
    }
    count
}

struct Backup {
    place: Place,
}

impl Case for Backup {
    fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(SnapshotEngine::new(self.place.folders()))
    }

    fn slow(&self, attempt: u32) -> Assignment {
        let mut work = self.place.work(attempt);
        work.bandwidth_limit_kbps = Some(16_000);
        Assignment::Backup(Box::new(work))
    }

    fn fast(&self, attempt: u32) -> Assignment {
        Assignment::Backup(Box::new(self.place.work(attempt)))
    }

    fn assert_clean(&self) {
        assert!(
            self.place.points().is_empty(),
            "a cancelled run lists no snapshot"
        );
        assert_eq!(
            blobs_of_sessions(&self.place.at("vault")),
            0,
            "no temporary files are left"
        );
    }

    fn assert_done(&self, result: &RunResult) {
        assert_eq!((result.problem_count, result.points.len()), (0, 1));
        assert_eq!(result.statistics.bytes_total, 60 << 20);
        assert!(
            self.place
                .points()
                .iter()
                .any(|point| point.manifest_id == result.points[0].manifest_id)
        );
    }
}

// Requirements: LOG-4
#[test]
fn the_engine_of_backups_conforms() {
    let place = Place::new();
    for number in 0..12 {
        tree::write_random_file(
            &place.source().join(format!("file {number}")),
            number,
            5 << 20,
        )
        .unwrap();
    }
    conformance(&Backup { place });
}

struct Back {
    place: Place,
    manifest_id: String,
}

impl Case for Back {
    fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(RestoreEngine::new(self.place.folders()))
    }

    fn slow(&self, attempt: u32) -> Assignment {
        let mut order = self.place.order(&self.manifest_id);
        order.attempt = Attempt(attempt);
        order.bandwidth_limit_kbps = Some(16_000);
        Assignment::Restore {
            order: Box::new(order),
            vault: Box::new(self.place.vault()),
        }
    }

    fn fast(&self, attempt: u32) -> Assignment {
        let mut order = self.place.order(&self.manifest_id);
        order.attempt = Attempt(attempt);
        Assignment::Restore {
            order: Box::new(order),
            vault: Box::new(self.place.vault()),
        }
    }

    fn assert_clean(&self) {
        let target = self.place.at("target");
        if target.exists() {
            assert_eq!(blobs_of_sessions(&target), 0, "no temporary files are left");
        }
    }

    fn assert_done(&self, result: &RunResult) {
        assert_eq!(result.problem_count, 0, "{:?}", result.problems);
        tree::assert_same(
            &self.place.source(),
            &self.place.at("target"),
            &tree::Compare::ALL,
        );
    }
}

// Requirements: CAN-12, LOG-4
#[test]
fn the_engine_of_restores_conforms() {
    let place = Place::new();
    for number in 0..12 {
        tree::write_random_file(
            &place.source().join(format!("file {number}")),
            number,
            5 << 20,
        )
        .unwrap();
    }
    let manifest_id = place.back_up(place.work(1)).0.unwrap().points[0]
        .manifest_id
        .clone();
    conformance(&Back { place, manifest_id });
}

// Requirements: ENG-KOPIA-4, ENG-KOPIA-6, ENG-KOPIA-7, ENG-KOPIA-21
#[test]
fn one_of_everything_goes_in_and_comes_back() {
    let place = Place::new();
    tree::golden(&place.source()).unwrap();
    let (result, context) = place.back_up(place.work(1));
    let result = result.unwrap();
    assert_eq!(result.problem_count, 0, "{:?}", result.problems);
    let ids: Vec<String> = context
        .recorder
        .waiting(usize::MAX)
        .into_iter()
        .map(|event| event.message_id)
        .collect();
    let expected = [
        events::STAGE,
        events::KOPIA_POLICY,
        events::STAGE,
        events::KOPIA_UPLOAD_START,
        events::KOPIA_UPLOAD_COMPLETE,
    ];
    assert_eq!(ids, expected);
    let restored = place
        .restore(place.order(&result.points[0].manifest_id))
        .unwrap();
    assert_eq!(restored.problem_count, 0, "{:?}", restored.problems);
    // The second name of a file is linked, not written.
    let linked = std::fs::metadata(place.source().join("links/hard-2"));
    assert_eq!(
        restored.statistics.bytes_uploaded + linked.unwrap().len(),
        result.statistics.bytes_total
    );
    tree::assert_same(&place.source(), &place.at("target"), &tree::Compare::ALL);

    let point = &place.points()[0];
    assert_eq!(
        (point.source_user.as_str(), point.source_host.as_str()),
        ("root", "web")
    );
    let work = place.work(1);
    assert_eq!(
        (point.job_uuid, point.run_uuid),
        (Some(work.job_uuid), Some(work.run_uuid))
    );

    let again = place.back_up(place.work(1)).0.unwrap();
    assert_eq!(
        (
            again.statistics.bytes_new,
            again.points[0].root_object.as_str()
        ),
        (0, result.points[0].root_object.as_str())
    );
}

#[test]
fn contents_are_listed_in_pages_and_deleted_points_are_gone() {
    let place = Place::new();
    for number in 0..450 {
        std::fs::write(place.source().join(format!("file {number:03}")), "x").unwrap();
    }
    std::fs::create_dir(place.source().join("folder")).unwrap();
    let manifest_id = place.back_up(place.work(1)).0.unwrap().points[0]
        .manifest_id
        .clone();
    let (partials, mut parts) = Partials::channel();
    let mut request = ListContent {
        manifest_id: manifest_id.clone(),
        limit: Some(300),
        ..ListContent::default()
    };
    let (vault, folders, cancel) = (place.vault(), place.folders(), Cancel::new());
    let first = list_content(&request, &vault, &folders, &cancel, &partials).unwrap();
    assert_eq!(first.entries.len(), 300);
    assert!(parts.try_recv().is_ok(), "a long page is sent in parts too");
    request.cursor = first.next_cursor.clone();
    let second = list_content(&request, &vault, &folders, &cancel, &partials).unwrap();
    assert_eq!(
        (
            first.entries.len() + second.entries.len(),
            second.next_cursor
        ),
        (451, None)
    );
    let missing = ListContent {
        path: "none".into(),
        ..request
    };
    let result = list_content(&missing, &vault, &folders, &cancel, &partials);
    assert!(
        matches!(result, Err(WorkError::Failed(failure)) if failure.code == failures::PATH_NOT_FOUND)
    );

    let (known, unknown) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let listed = place.points();
    let mut absent = condemned(unknown, &listed[..1]);
    absent.snapshots[0].manifest_id = "none".into();
    absent.snapshots[0].start_time += jiff::SignedDuration::from_secs(1);
    let order = DeletePoints {
        job_uuid: None,
        points: vec![condemned(known, &listed[..1]), absent],
    };
    let deleted = delete_points(&order, &vault, &folders, &cancel).unwrap();
    assert_eq!(
        (deleted.deleted, deleted.missing, deleted.refused),
        (vec![known], vec![unknown], vec![])
    );
    assert!(place.points().is_empty());
    assert_eq!(
        failure(place.restore(place.order(&manifest_id))).code,
        failures::SNAPSHOT_NOT_FOUND
    );
}

/// Snapshots as the server's catalogue names them.
pub(crate) fn condemned(point: Uuid, listed: &[ListedPoint]) -> CondemnedPoint {
    let snapshots = listed.iter().map(|listed| CondemnedSnapshot {
        manifest_id: listed.manifest_id.clone(),
        source_user: listed.source_user.clone(),
        source_host: listed.source_host.clone(),
        source_path: listed.source_path.clone(),
        start_time: listed.start_time,
        root_object: listed.root_object.clone(),
    });
    CondemnedPoint {
        point,
        snapshots: snapshots.collect(),
    }
}

#[test]
fn the_agent_looks_again_before_it_deletes() {
    let place = Place::new();
    let second = place.at("second");
    std::fs::create_dir(&second).unwrap();
    std::fs::write(place.source().join("file"), "x").unwrap();
    std::fs::write(second.join("file"), "y").unwrap();
    let back_up = || {
        let mut work = place.work(1);
        work.source_paths.push(second.to_str().unwrap().to_owned());
        place.back_up(work).0.unwrap();
    };
    (0..3).for_each(|_| back_up());
    // Two paths a run, the oldest first.
    let listed = place.points();
    assert_eq!(listed.len(), 6);
    let job = place.work(1).job_uuid;
    let (vault, folders, cancel) = (place.vault(), place.folders(), Cancel::new());
    let repository = open_repository(&vault, &folders, None, &Access::default()).unwrap();
    let pin = |add: &[String], remove: &[String]| {
        let ids = [listed[1].manifest_id.clone()];
        let named = match add.is_empty() {
            false => ids.to_vec(),
            true => vec![place.points()[1].manifest_id.clone()],
        };
        holdfast_snapshot::change_pins(&repository, &named, add, remove).unwrap();
        repository.refresh().unwrap();
    };
    let delete = |job_uuid, points| {
        let order = DeletePoints { job_uuid, points };
        delete_points(&order, &vault, &folders, &cancel).unwrap()
    };
    let id = Uuid::from_u128(7);
    let refusal = |reason| vec![RefusedPoint { point: id, reason }];

    // One pinned path keeps the whole point, although the catalogue knows nothing of the pin and of the new manifest.
    pin(&["audit".to_owned()], &[]);
    let pinned = delete(Some(job), vec![condemned(id, &listed[..2])]);
    assert_eq!(pinned.refused, refusal(RefusalReason::Pinned));
    let foreign = delete(Some(Uuid::from_u128(9)), vec![condemned(id, &listed[2..4])]);
    assert_eq!(foreign.refused, refusal(RefusalReason::Foreign));
    let mut other = condemned(id, &listed[2..4]);
    other.snapshots[0].root_object = listed[1].root_object.clone();
    let other = delete(Some(job), vec![other]);
    assert_eq!(other.refused, refusal(RefusalReason::Changed));
    assert_eq!(place.points().len(), 6, "nothing was deleted so far");

    // Without the pin it goes, under whatever manifest it has now; what is gone already is missing.
    pin(&[], &["audit".to_owned()]);
    let gone = delete(Some(job), vec![condemned(id, &listed[..2])]);
    assert_eq!((gone.deleted, gone.refused), (vec![id], vec![]));
    let again = delete(Some(job), vec![condemned(id, &listed[..2])]);
    assert_eq!(again.missing, [id]);
    let left: Vec<String> = place
        .points()
        .into_iter()
        .map(|point| point.manifest_id)
        .collect();
    let expected: Vec<&String> = listed[2..].iter().map(|point| &point.manifest_id).collect();
    assert_eq!(left.iter().collect::<Vec<_>>(), expected);
}

// Requirements: ENG-KOPIA-5
#[test]
fn a_source_that_is_missing_is_named_and_the_others_are_stored() {
    let place = Place::new();
    std::fs::write(place.source().join("file"), "x").unwrap();
    let mut work = place.work(1);
    let gone = place.at("gone").to_str().unwrap().to_owned();
    work.source_paths.push(gone.clone());
    let result = place.back_up(work.clone()).0.unwrap();
    assert_eq!((result.points.len(), result.problem_count), (1, 1));
    assert_eq!(
        (result.problems[0].code.as_str(), &result.problems[0].path),
        (problems::SOURCE_MISSING, &gone)
    );
    work.source_paths = vec![gone.clone()];
    let failure = failure(place.back_up(work).0);
    assert_eq!(failure.code, failures::SOURCE_MISSING);
    assert!(failure.message.contains(&gone), "{failure}");
}

// Requirements: ENG-KOPIA-2
#[test]
fn wrong_vaults_fail_with_what_to_do() {
    let place = Place::new();
    let mut wrong = place.work(1);
    wrong.vault.repository_password = Some(Secret::new("another"));
    let failed = failure(place.back_up(wrong).0);
    assert_eq!(failed.code, failures::WRONG_PASSWORD);
    assert!(
        !failed.message.contains("another") && !failed.message.to_lowercase().contains("kopia"),
        "{failed}"
    );

    let mut missing = place.work(1);
    missing.vault.dest_local_path = place.at("elsewhere").to_str().unwrap().to_owned();
    assert_eq!(
        failure(place.back_up(missing.clone()).0).code,
        failures::STORAGE_NOT_FOUND
    );
    std::fs::create_dir(place.at("elsewhere")).unwrap();
    assert_eq!(
        failure(place.back_up(missing).0).code,
        failures::REPOSITORY_MISSING
    );
    assert_eq!(
        std::fs::read_dir(place.at("elsewhere")).unwrap().count(),
        0,
        "nothing is created"
    );

    let mut relative = place.work(1);
    relative.source_paths = vec!["relative".into()];
    assert_eq!(
        failure(place.back_up(relative).0).code,
        failures::BAD_REQUEST
    );
}

#[test]
fn excluded_files_stay_out() {
    let place = Place::new();
    for name in ["keep.txt", "drop.tmp"] {
        std::fs::write(place.source().join(name), "x").unwrap();
    }
    let mut work = place.work(1);
    work.exclude_globs = vec!["*.tmp".into()];
    let result = place.back_up(work).0.unwrap();
    assert_eq!(result.points[0].files, 1);
}

// Requirements: ENG-KOPIA-14
#[test]
fn the_jobs_policy_is_stored_when_it_changes_and_only_then() {
    let place = Place::new();
    std::fs::write(place.source().join("file"), "x").unwrap();
    let mut work = place.work(1);
    work.exclude_globs = vec!["*.tmp".into()];
    work.retention_json = Some(json!({"keep_latest": 3, "daily": 7}));
    let stored = |place: &Place| {
        let repository =
            open_repository(&place.vault(), &place.folders(), None, &Access::default()).unwrap();
        let source = SourceIdentity::new("root", "web", place.source().to_str().unwrap());
        let manifests = repository.manifests().unwrap();
        let id = manifests
            .find(&policy::policy_labels(&source))
            .first()
            .map(|manifest| manifest.id.to_string());
        (id, policy::defined(&manifests, &source).unwrap())
    };
    place.back_up(work.clone()).0.unwrap();
    let (first, document) = stored(&place);
    let document = document.expect("a policy is stored");
    assert_eq!(
        (
            document.retention.keep_latest,
            document.retention.keep_daily
        ),
        (Some(3), Some(7))
    );
    assert_eq!(
        (document.files.ignore, document.scheduling.manual),
        (vec!["*.tmp".to_owned()], true)
    );
    place.back_up(work.clone()).0.unwrap();
    assert_eq!(stored(&place).0, first);
    work.exclude_globs.clear();
    place.back_up(work).0.unwrap();
    assert_ne!(stored(&place).0, first);
}

/// What a run says about its compression, and how much of a compressible file it stores.
fn stored_with(change: impl Fn(&mut RunWork)) -> (String, u64) {
    let place = Place::new();
    let text = "the same line again and again\n".repeat(40_000);
    std::fs::write(place.source().join("text"), &text).unwrap();
    let mut work = place.work(1);
    change(&mut work);
    let (result, context) = place.back_up(work);
    let result = result.unwrap();
    assert_eq!(result.statistics.bytes_total, text.len() as u64);
    let events = context.recorder.waiting(usize::MAX);
    let policy = events
        .iter()
        .find(|event| event.message_id == events::KOPIA_POLICY)
        .unwrap();
    let compression = policy.params_json["compression"].as_str().unwrap();
    (compression.to_owned(), result.statistics.bytes_uploaded)
}

// Requirements: ENG-KOPIA-9, ENG-KOPIA-11
#[test]
fn the_policy_of_a_run_says_how_it_is_compressed() {
    let whole = "the same line again and again\n".len() as u64 * 40_000;
    // Switched on, in the job, in the policy; and what is in force.
    let cases = [
        (true, None, None, "zstd-default"),
        (true, Some("s2"), None, "s2"),
        (true, Some("s2"), Some("pgzip"), "pgzip"),
        (false, Some("s2"), None, "none"),
        (false, None, Some("zstd-default"), "zstd-default"),
        (true, Some("s2"), Some("none"), "none"),
    ];
    for (enabled, job, policy, expected) in cases {
        let (compression, bytes) = stored_with(|work| {
            work.compression_enabled = enabled;
            work.compression = job.map(str::to_owned);
            work.policy_json = Some(JobPolicy {
                compression: policy.map(str::to_owned),
                ..JobPolicy::default()
            });
        });
        assert_eq!(compression, expected, "{enabled} {job:?} {policy:?}");
        assert_eq!(
            bytes < whole / 4,
            expected != "none",
            "{expected}: {bytes} of {whole}"
        );
    }
}

// Requirements: PRG-6
#[test]
fn the_counter_follows_what_is_read_and_sent() {
    let place = Place::new();
    for number in 0..4u64 {
        let path = place.source().join(format!("file {number}"));
        tree::write_random_file(&path, number, 100_000).unwrap();
    }
    let (result, context) = place.back_up(place.work(1));
    let figures = context.recorder.figures();
    assert_eq!(
        (figures.bytes_total, figures.files_total),
        (Some(400_000), Some(4))
    );
    assert_eq!((figures.bytes_handled, figures.files_done), (400_000, 4));
    assert_eq!(
        figures.bytes_transferred,
        result.unwrap().statistics.bytes_uploaded
    );
    assert!(figures.bytes_transferred >= 400_000);
}

// Requirements: RST-5
#[test]
fn the_steps_of_a_restore_are_told() {
    let place = Place::new();
    std::fs::write(place.source().join("file"), "data").unwrap();
    let (result, _) = place.back_up(place.work(1));
    let manifest_id = result.unwrap().points[0].manifest_id.clone();
    let context = context();
    place
        .restore_in(place.order(&manifest_id), &context)
        .unwrap();
    let events = context.recorder.waiting(usize::MAX);
    let steps: Vec<&str> = events
        .iter()
        .filter(|event| event.message_id == events::KOPIA_RESTORE_STAGE)
        .filter_map(|event| event.params_json["stage"].as_str())
        .collect();
    assert_eq!(steps.first(), Some(&events::stages::STORAGE_INIT));
    assert_eq!(steps.last(), Some(&events::stages::WRITE_FILES));
    let figures = context.recorder.figures();
    assert_eq!((figures.files_done, figures.bytes_transferred), (1, 4));
}

#[test]
fn a_list_goes_on_after_its_cursor_whatever_was_deleted_meanwhile() {
    let place = Place::new();
    for seed in 0..5 {
        tree::write_random_file(&place.source().join("data"), seed, 1000).unwrap();
        place.back_up(place.work(1)).0.unwrap();
    }
    let ids = |points: &[ListedPoint]| -> Vec<String> {
        points
            .iter()
            .map(|point| point.manifest_id.clone())
            .collect()
    };
    let all = ids(&place.points());
    let page = |cursor: Option<&str>| {
        let request = ListPoints {
            cursor: cursor.map(str::to_owned),
            limit: Some(2),
            so_far: None,
        };
        list_points(&request, &place.vault(), &place.folders(), &Cancel::new())
    };
    let first = page(None).unwrap();
    assert_eq!(ids(&first.points), all[..2]);
    let request = DeletePoints {
        job_uuid: None,
        points: vec![condemned(Uuid::from_u128(1), &first.points[1..])],
    };
    let gone = delete_points(&request, &place.vault(), &place.folders(), &Cancel::new()).unwrap();
    assert_eq!(gone.deleted.len(), 1, "the one that the cursor names");
    let second = page(first.next_cursor.as_deref()).unwrap();
    assert_eq!(ids(&second.points), all[2..4]);
    let third = page(second.next_cursor.as_deref()).unwrap();
    assert_eq!(
        (ids(&third.points).as_slice(), third.next_cursor),
        (&all[4..], None)
    );
    match page(Some("nonsense")) {
        Err(WorkError::Failed(failure)) => assert_eq!(failure.code, failures::BAD_REQUEST),
        other => panic!("{other:?}"),
    }
}
