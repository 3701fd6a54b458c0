//! What users do with a repository, each time as a new process.

use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use holdfast_repository::SourceIdentity;
use holdfast_repository::manifest::ManifestId;
use holdfast_snapshot::{RestoreRequest, SnapshotRequest, Source, VerifyRequest};
use holdfast_testkit::blobs::{BlobOperation, FaultyStore};

use crate::files::{Files, scratch};
use crate::world::{Machine, Saved, World};

/// One use of the repository.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Snapshots of sources, in one go.
    Snapshot(Vec<Saved>),
    /// Deletes a snapshot.
    Delete(String),
    /// Restores a snapshot.
    Restore(String),
    /// Verifies all snapshots with their data.
    Verify,
}

impl Step {
    /// A snapshot of one source.
    pub(crate) fn snapshot(path: &str, files: &Files) -> Self {
        Self::Snapshot(vec![Saved::new(path, files)])
    }
}

impl Step {
    /// What it is, for a reader.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Snapshot(sources) => {
                let paths: Vec<&str> = sources.iter().map(|source| source.path.as_str()).collect();
                format!("snapshot of {}", paths.join(", "))
            }
            Self::Delete(id) => format!("delete {id}"),
            Self::Restore(id) => format!("restore {id}"),
            Self::Verify => "verify".to_owned(),
        }
    }
}

impl World {
    /// Does it, and notes what must be found afterwards. A step that fails leaves its outcome in doubt.
    ///
    /// # Errors
    /// What the product reported.
    pub(crate) fn step(
        &mut self,
        store: &FaultyStore,
        machine: Machine,
        step: &Step,
    ) -> Result<()> {
        match step {
            Step::Snapshot(sources) => self.snapshot(store, machine, sources),
            Step::Delete(id) => self.delete(store, machine, id),
            Step::Restore(id) => self.restore(store, machine, id),
            Step::Verify => self.verify(store, machine),
        }
    }

    /// The same without faults; it must succeed.
    pub(crate) fn must(&mut self, machine: Machine, step: &Step) -> Result<()> {
        let store = self.store();
        self.step(&store, machine, step)
            .with_context(|| format!("{} without a fault", step.in_words()))
    }

    fn snapshot(&mut self, store: &FaultyStore, machine: Machine, sources: &[Saved]) -> Result<()> {
        self.attempted.extend_from_slice(sources);
        let repo = self.open(store, machine)?;
        let all = sources
            .iter()
            .map(|source| Source {
                tree: Arc::new(source.files.tree()),
                identity: SourceIdentity::new("user", machine.name, &source.path),
            })
            .collect();
        let mut request = SnapshotRequest::new(all);
        request.parallelism = NonZeroUsize::new(1);
        let report = holdfast_snapshot::create(&repo, &request)?;
        ensure!(report.is_clean(), "{report:?}");
        for (report, source) in report.sources.into_iter().zip(sources) {
            let id = report.result?.id.context("it was saved")?;
            self.saved.insert(id.to_string(), source.clone());
        }
        Ok(())
    }

    fn delete(&mut self, store: &FaultyStore, machine: Machine, id: &str) -> Result<()> {
        self.perhaps_deleted.push(id.to_owned());
        let repo = self.open(store, machine)?;
        holdfast_snapshot::delete(&repo, &[ManifestId::from(id.to_owned())])?;
        self.saved.remove(id);
        Ok(())
    }

    fn restore(&mut self, store: &FaultyStore, machine: Machine, id: &str) -> Result<()> {
        let repo = self.open(store, machine)?;
        let target = scratch()?;
        let mut request = RestoreRequest::new(id, "", target.path());
        request.owners = false;
        request.permissions = false;
        request.parallelism = NonZeroUsize::new(1);
        let report = holdfast_snapshot::restore(&repo, &request)?;
        ensure!(report.problems.is_empty(), "{:?}", report.problems);
        let differences = self.saved[id].files.differences(target.path())?;
        assert!(
            differences.is_empty(),
            "a restore that was reported done: {differences:?}"
        );
        Ok(())
    }

    fn verify(&mut self, store: &FaultyStore, machine: Machine) -> Result<()> {
        let repo = self.open(store, machine)?;
        let report = holdfast_snapshot::verify(&repo, &VerifyRequest::new(Vec::new(), true))?;
        ensure!(report.damaged.is_empty(), "{:?}", report.damaged);
        // A listing that lags behind shows fewer.
        let hit = store.hits();
        let stale = hit.iter().any(|call| call.operation == BlobOperation::List);
        assert!(
            stale || report.snapshots == self.saved.len() as u64,
            "{} snapshots instead of {}",
            report.snapshots,
            self.saved.len()
        );
        Ok(())
    }
}
