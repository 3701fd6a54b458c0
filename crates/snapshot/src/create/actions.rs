//! Programs that a policy runs before and after a snapshot, or before and after single folders (format 2 §5.9).
//!
//! They run only when the caller gives somebody to run them, because a policy comes out of the repository and may have been
//! written by anybody who writes there.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use holdfast_files::{LocalTree, RootNode, SourceDirectory, SourceTree};
use holdfast_host::{Cancel, Program, Programs, ScratchFolder};
use holdfast_repository::policy::{Action, Policy};
use parking_lot::Mutex;

use super::request::{SnapshotRequest, Source};
use super::upload::Upload;
use crate::error::{Error, Result};
use crate::problem::{Problem, ProblemCode, Severity};

/// The limit of an action that sets none, seconds.
const DEFAULT_LIMIT: u64 = 180;
/// A line of a before action's output that names the directory to read instead.
const OTHER_PATH: &[u8] = b"KOPIA_SNAPSHOT_PATH=";

/// What an action is called in its environment and in messages.
#[derive(Clone, Copy)]
enum Moment {
    BeforeRoot,
    AfterRoot,
    BeforeFolder,
    AfterFolder,
}

impl Moment {
    fn as_str(self) -> &'static str {
        match self {
            Self::BeforeRoot => "before-snapshot-root",
            Self::AfterRoot => "after-snapshot-root",
            Self::BeforeFolder => "before-folder",
            Self::AfterFolder => "after-folder",
        }
    }
}

/// What the two actions of one directory share.
struct Pair {
    id: String,
    folder: ScratchFolder,
    source: PathBuf,
    /// What is read.
    snapshot: PathBuf,
}

impl Pair {
    fn new(source: &Path) -> io::Result<Self> {
        let mut random = [0; 8];
        holdfast_host::random_bytes(&mut random)?;
        Ok(Self {
            id: hex::encode(random),
            folder: ScratchFolder::new()?,
            source: source.to_owned(),
            snapshot: source.to_owned(),
        })
    }
}

/// Runs actions, if that is allowed.
#[derive(Clone)]
struct Runner {
    programs: Arc<dyn Programs>,
    cancel: Cancel,
}

impl Runner {
    fn of(request: &SnapshotRequest) -> Option<Self> {
        let programs = Arc::clone(request.actions.as_ref()?);
        let cancel = request.cancel.clone();
        Some(Self { programs, cancel })
    }

    /// Runs one action. `Err` says why an essential one failed; what others complain of goes to `report`.
    fn run(
        &self,
        action: &Action,
        moment: Moment,
        pair: &Pair,
        report: &mut dyn FnMut(String),
    ) -> Result<Vec<u8>, String> {
        let outcome = self.outcome(action, moment, pair);
        outcome.or_else(|reason| {
            let message = format!("the {} action failed: {reason}", moment.as_str());
            let before = matches!(moment, Moment::BeforeRoot | Moment::BeforeFolder);
            if before && action.mode == "essential" {
                return Err(message);
            }
            report(message);
            Ok(Vec::new())
        })
    }

    fn outcome(&self, action: &Action, moment: Moment, pair: &Pair) -> Result<Vec<u8>, String> {
        let program = program(action, moment, pair).map_err(|error| error.to_string())?;
        if action.mode == "async" {
            let started = self.programs.start(&program);
            return started
                .map(|()| Vec::new())
                .map_err(|error| error.to_string());
        }
        let limit = u64::try_from(action.timeout)
            .ok()
            .filter(|limit| *limit > 0);
        let limit = Duration::from_secs(limit.unwrap_or(DEFAULT_LIMIT));
        // What was begun is also ended when the snapshot is cancelled.
        let cancel = match moment {
            Moment::BeforeRoot | Moment::BeforeFolder => self.cancel.clone(),
            Moment::AfterRoot | Moment::AfterFolder => Cancel::new(),
        };
        let ended = self
            .programs
            .run(&program, limit, &cancel)
            .map_err(|error| error.to_string())?;
        if ended.code == Some(0) {
            return Ok(ended.output);
        }
        let how = match ended.code {
            Some(code) => format!("{} ended with code {code}", program.path.display()),
            None => format!("{} was ended by a signal", program.path.display()),
        };
        let said = String::from_utf8_lossy(&ended.errors);
        Err(match said.trim() {
            "" => how,
            said => format!("{how}: {said}"),
        })
    }

    /// Runs a before action and notes which directory is to be read.
    fn before(
        &self,
        action: &Action,
        moment: Moment,
        pair: &mut Pair,
        report: &mut dyn FnMut(String),
    ) -> Result<(), String> {
        let output = self.run(action, moment, pair, report)?;
        for line in output.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if let Some(path) = line.strip_prefix(OTHER_PATH) {
                pair.snapshot = holdfast_host::dir::bytes_to_path(path);
            }
        }
        Ok(())
    }
}

fn program(action: &Action, moment: Moment, pair: &Pair) -> io::Result<Program> {
    let (path, arguments) = if action.script.is_empty() {
        let arguments = action.args.iter().map(OsString::from).collect();
        (PathBuf::from(&action.path), arguments)
    } else {
        pair.folder.script(&action.script)?
    };
    let variables = [
        ("KOPIA_ACTION", OsString::from(moment.as_str())),
        ("KOPIA_SNAPSHOT_ID", OsString::from(&pair.id)),
        ("KOPIA_SOURCE_PATH", pair.source.clone().into()),
        ("KOPIA_SNAPSHOT_PATH", pair.snapshot.clone().into()),
        ("KOPIA_VERSION", OsString::from(env!("CARGO_PKG_VERSION"))),
    ];
    Ok(Program {
        path,
        arguments,
        directory: pair.folder.path().to_owned(),
        variables: variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    })
}

fn warning(path: &str, message: String) -> Problem {
    Problem {
        code: ProblemCode::ActionFailed,
        severity: Severity::Warning,
        path: path.to_owned(),
        message,
        size: None,
    }
}

/// Does the work on one source between the actions of its policy. The work gets the tree to read, and what actions that
/// are not essential complained of is returned with its result.
///
/// # Errors
/// [`Error::Action`] when an essential action failed; those of the work.
pub(super) fn around<T>(
    request: &SnapshotRequest,
    source: &Source,
    policy: &Policy,
    work: impl FnOnce(&dyn SourceTree) -> Result<T>,
) -> Result<(T, Vec<Problem>)> {
    let actions = &policy.actions;
    let (before, after) = (&actions.before_snapshot_root, &actions.after_snapshot_root);
    let given = Runner::of(request).zip(source.tree.local_path());
    let Some((runner, path)) = given.filter(|_| before.is_some() || after.is_some()) else {
        return Ok((work(source.tree.as_ref())?, Vec::new()));
    };
    let failed = |reason: String| Error::Action {
        path: source.identity.path.clone(),
        reason,
    };
    let mut pair = Pair::new(path).map_err(|error| failed(error.to_string()))?;
    let mut problems = Vec::new();
    let mut report = |message| problems.push(warning("", message));
    if let Some(action) = before {
        let ran = runner.before(action, Moment::BeforeRoot, &mut pair, &mut report);
        request.cancel.check()?;
        ran.map_err(failed)?;
    }
    let result = if pair.snapshot == pair.source {
        work(source.tree.as_ref())
    } else {
        work(&LocalTree::new(&pair.snapshot))
    };
    if let Some(action) = after {
        // Never an error: it is not a before action.
        let _ = runner.run(action, Moment::AfterRoot, &pair, &mut report);
    }
    Ok((result?, problems))
}

/// The actions of single folders of one upload.
#[derive(Default)]
pub(super) struct FolderActions {
    runner: Option<(Runner, PathBuf)>,
    /// Folders whose after action is still to run, by their paths below the root.
    open: Mutex<HashMap<String, (Action, Pair)>>,
}

impl FolderActions {
    /// Those of an upload that reads the tree.
    pub(super) fn new(request: &SnapshotRequest, tree: &dyn SourceTree) -> Self {
        let runner = Runner::of(request).zip(tree.local_path().map(Path::to_owned));
        Self {
            runner,
            ..Self::default()
        }
    }

    /// Runs what the policy of a folder says before the folder is read. Returns the directory to read in its place, if the
    /// action names one, with its device.
    pub(super) fn before(
        &self,
        upload: &Upload<'_>,
        path: &str,
    ) -> io::Result<Option<(Arc<dyn SourceDirectory>, u64)>> {
        let Some((runner, root)) = &self.runner else {
            return Ok(None);
        };
        let Some(actions) = upload
            .policies()
            .defined(path)
            .map(|policy| &policy.actions)
        else {
            return Ok(None);
        };
        if actions.before_folder.is_none() && actions.after_folder.is_none() {
            return Ok(None);
        }
        let folder = if path.is_empty() {
            root.clone()
        } else {
            root.join(path)
        };
        let mut pair = Pair::new(&folder)?;
        if let Some(action) = &actions.before_folder {
            let mut report = |message| upload.report(warning(path, message));
            runner
                .before(action, Moment::BeforeFolder, &mut pair, &mut report)
                .map_err(io::Error::other)?;
        }
        let other = (pair.snapshot != pair.source).then(|| pair.snapshot.clone());
        if let Some(action) = &actions.after_folder {
            self.open
                .lock()
                .insert(path.to_owned(), (action.clone(), pair));
        }
        other.map(|path| open(&path)).transpose()
    }

    /// Runs what the policy of a folder says after the folder was read.
    pub(super) fn after(&self, upload: &Upload<'_>, path: &str) {
        if self.runner.is_none() {
            return;
        }
        let pending = self.open.lock().remove(path);
        if let (Some((action, pair)), Some((runner, _))) = (pending, &self.runner) {
            let mut report = |message| upload.report(warning(path, message));
            // Never an error: it is not a before action.
            let _ = runner.run(&action, Moment::AfterFolder, &pair, &mut report);
        }
    }

    /// Runs the after actions of folders that were begun and not completed, because the upload was stopped.
    pub(super) fn after_all(&self, upload: &Upload<'_>) {
        let paths: Vec<String> = self.open.lock().keys().cloned().collect();
        paths.iter().for_each(|path| self.after(upload, path));
    }
}

fn open(path: &Path) -> io::Result<(Arc<dyn SourceDirectory>, u64)> {
    let root = LocalTree::new(path).root()?;
    match root.node {
        RootNode::Directory(directory) => Ok((directory, root.metadata.device)),
        RootNode::File(_) => Err(io::Error::other(format!(
            "the action names {}, which is no directory",
            path.display()
        ))),
    }
}
