//! Engines: what executes runs. Each has one file here and passes the conformance suite of the integration tests.

mod log;
mod policy;
mod restore;
mod snapshot;

use std::sync::Arc;

use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::Restore;
use holdfast_protocol::agent::{
    Attempt, ItemProblem, PointReport, RunId, RunStatistics, RunWork, VaultContext,
};

use crate::failure::WorkError;
use crate::runs::RunRecorder;
use crate::state::VaultFolders;

pub(crate) use policy::{FileRules, file_rules};
pub use restore::RestoreEngine;
pub use snapshot::{SNAPSHOT_ENGINE, SnapshotEngine};

/// What an engine is to do.
#[derive(Clone, Debug)]
pub enum Assignment {
    /// A backup that was claimed.
    Backup(Box<RunWork>),
    /// A restore that came as a command.
    Restore {
        /// What to restore.
        order: Box<Restore>,
        /// From where.
        vault: Box<VaultContext>,
    },
}

impl Assignment {
    /// The run that shows the progress.
    pub fn run_id(&self) -> RunId {
        match self {
            Self::Backup(work) => work.run_id,
            Self::Restore { order, .. } => order.restore_run_id,
        }
    }

    /// The claim of that run.
    pub fn attempt(&self) -> Attempt {
        match self {
            Self::Backup(work) => work.attempt,
            Self::Restore { order, .. } => order.attempt,
        }
    }

    /// Wire name of the engine that executes it.
    pub fn engine_name(&self) -> &str {
        match self {
            Self::Backup(work) => &work.engine,
            Self::Restore { .. } => RESTORE_ENGINE,
        }
    }

    /// Whether the figures mean bytes written to a target instead of bytes sent to storage.
    pub fn is_restore(&self) -> bool {
        matches!(self, Self::Restore { .. })
    }
}

/// Name under which the engine of restores is registered.
pub const RESTORE_ENGINE: &str = "restore";

/// What an engine works with.
pub struct RunContext {
    /// Raised when the run is to stop; the engine ends within a second and leaves nothing behind.
    pub cancel: Cancel,
    /// Takes figures, stages and events.
    pub recorder: Arc<RunRecorder>,
}

/// A run that came to its end, perhaps with items that failed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunResult {
    /// Final figures.
    pub statistics: RunStatistics,
    /// Snapshots that were written.
    pub points: Vec<PointReport>,
    /// Items that failed.
    pub problems: Vec<ItemProblem>,
    /// How many items failed, more than `problems` when there are many.
    pub problem_count: u64,
    /// What ended the run before everything was done. What is in `points` exists all the same.
    pub stopped: Option<WorkError>,
}

/// Something that executes runs of one kind.
///
/// `run` is called on a thread of its own, after a crash again with the same run and a higher attempt: it first removes
/// what the broken attempt left and then begins from the start. Figures never fall.
pub trait Engine: Send + Sync {
    /// Wire name.
    fn name(&self) -> &'static str;

    /// Executes a run.
    ///
    /// # Errors
    /// [`WorkError::Cancelled`] after the clean-up of a cancelled run, [`WorkError::Failed`] when there is no usable result.
    fn run(&self, assignment: &Assignment, context: &RunContext) -> Result<RunResult, WorkError>;
}

/// The engines of this agent.
#[derive(Clone, Default)]
pub struct Registry {
    engines: Vec<Arc<dyn Engine>>,
}

impl Registry {
    /// Adds an engine.
    #[must_use]
    pub fn with(mut self, engine: Arc<dyn Engine>) -> Self {
        self.engines.push(engine);
        self
    }

    /// The engine of a wire name.
    pub fn find(&self, name: &str) -> Option<Arc<dyn Engine>> {
        self.engines
            .iter()
            .find(|engine| engine.name() == name)
            .cloned()
    }

    /// Wire names of the backup engines.
    pub fn backup_names(&self) -> Vec<String> {
        self.engines
            .iter()
            .map(|engine| engine.name())
            .filter(|name| *name != RESTORE_ENGINE)
            .map(str::to_owned)
            .collect()
    }
}

/// Every engine of this build.
pub fn standard(folders: &VaultFolders) -> Registry {
    Registry::default()
        .with(Arc::new(SnapshotEngine::new(folders.clone())))
        .with(Arc::new(RestoreEngine::new(folders.clone())))
}
