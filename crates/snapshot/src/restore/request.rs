//! What is asked of a restore and what it answers.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use holdfast_host::Cancel;
use holdfast_host::dir::extended::{SystemExtended, WriteExtended};
use holdfast_planning::restore::{Counts, Overwrite};

use super::archive::Format;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::workers::workers;

/// What a restore makes of its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A folder, or a file for an entry that is none.
    #[default]
    Folder,
    /// An archive with the entry in it.
    Archive(Format),
    /// An archive where a folder is restored to a name that ends like one, and does not exist as a folder.
    ByName,
}

/// What to restore, and where to.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// Id of a snapshot, or of an object.
    pub snapshot: String,
    /// Path below its root, `/` between the parts; empty for all of it.
    pub path: String,
    /// A directory takes the place of the target, or is merged into it; anything else goes into the target if that is a
    /// directory, and becomes the target otherwise.
    pub target: PathBuf,
    /// What becomes of the target.
    pub form: Form,
    /// What happens to existing files; an archive that exists is replaced, or is an error with [`Overwrite::Never`].
    pub overwrite: Overwrite,
    /// Whether owners are set; without the right to do so nothing happens.
    pub owners: bool,
    /// Whether permissions are set.
    pub permissions: bool,
    /// Whether times are set.
    pub times: bool,
    /// Sets what entries have beyond that: extended attributes, access control lists (with the permissions), what only
    /// Windows has.
    pub extended: Arc<dyn WriteExtended>,
    /// Whether long stretches of zeros are left as holes in files that are made anew, also where the file had none.
    pub sparse: bool,
    /// Whether only the plan is made and nothing written.
    pub dry_run: bool,
    /// Number of workers; without it one for each processor.
    pub parallelism: Option<NonZeroUsize>,
    /// Counters to watch.
    pub progress: Arc<Progress>,
    /// Stops the restore. What is complete stays.
    pub cancel: Cancel,
}

impl RestoreRequest {
    /// A request with defaults: everything is restored as it was and replaces what is there.
    pub fn new(
        snapshot: impl Into<String>,
        path: impl Into<String>,
        target: impl Into<PathBuf>,
    ) -> Self {
        Self {
            snapshot: snapshot.into(),
            path: path.into(),
            target: target.into(),
            form: Form::default(),
            overwrite: Overwrite::Always,
            owners: true,
            permissions: true,
            times: true,
            extended: Arc::new(SystemExtended),
            sparse: false,
            dry_run: false,
            parallelism: None,
            progress: Arc::default(),
            cancel: Cancel::new(),
        }
    }

    pub(super) fn workers(&self) -> usize {
        workers(self.parallelism)
    }
}

/// What became of a restore.
#[derive(Debug, Clone)]
pub struct RestoreReport {
    /// What happened, or in a dry run would happen, to the entries.
    pub counts: Counts,
    /// Files in what was asked for.
    pub files: u64,
    /// Directories in it, the root included.
    pub directories: u64,
    /// Symbolic links in it.
    pub symlinks: u64,
    /// What went wrong with single entries, by path.
    pub problems: Vec<Problem>,
    /// Duration.
    pub seconds: f64,
}

impl RestoreReport {
    /// Number of entries that could not be restored.
    pub fn errors(&self) -> usize {
        super::errors(&self.problems)
    }
}
