//! Checking a whole repository: everything that a reader may one day need is opened and compared.
//!
//! The order follows the layers: blobs, index blobs, packs, session markers, manifests, trees. A finding never ends
//! the check; only what makes checking itself impossible does.

mod contents;
mod indexes;
mod manifests;
mod packs;
mod report;
mod trees;

pub use report::{CheckCounts, CheckOptions, CheckProblem, CheckReport, CheckStage, Progress};

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use holdfast_storage::BlobId;

use crate::blob_names::BlobFamily;
use crate::coverage::COVERAGE;
use crate::repository::Repository;
use crate::{Error, Result};

/// Checks a repository.
///
/// Always: index blobs, session markers, local index and postamble of every pack, lengths of packs against the index, every
/// manifest, and every tree that a snapshot reaches. With [`CheckOptions::strict`] also the rules that make a
/// repository indistinguishable from one written by the reference implementation (format 1 §14, format 2 §11). With
/// [`CheckOptions::read_data`] every content is read and compared with its hash.
///
/// # Errors
/// When the store or the index cannot be used at all, or the check was cancelled.
pub fn check(repository: &Arc<Repository>, options: &CheckOptions<'_>) -> Result<CheckReport> {
    repository.refresh()?;
    let mut run = Run {
        repository,
        options,
        report: CheckReport::default(),
        packs: HashMap::new(),
    };
    let blobs = run.list_blobs()?;
    run.indexes()?;
    run.markers(&blobs.markers)?;
    run.contents()?;
    run.packs()?;
    run.manifests()?;
    Ok(run.report)
}

/// What is known about a pack.
#[derive(Debug, Clone, Copy, Default)]
struct PackState {
    /// Length in the store, bytes; `None` when the store does not have it.
    length: Option<u64>,
    /// Entries of the index that point into it.
    indexed: u32,
    /// Those of them that are not deleted.
    live: u32,
}

/// One check on its way.
struct Run<'r> {
    repository: &'r Arc<Repository>,
    options: &'r CheckOptions<'r>,
    report: CheckReport,
    packs: HashMap<BlobId, PackState>,
}

/// Blobs that are looked at one by one.
#[derive(Default)]
struct Blobs {
    markers: Vec<BlobId>,
}

impl Run<'_> {
    fn list_blobs(&mut self) -> Result<Blobs> {
        let mut blobs = Blobs::default();
        let mut unknown = Vec::new();
        self.repository.store().list("", &mut |info| {
            self.report.counts.blobs += 1;
            match BlobFamily::of(info.id.as_str()) {
                Some(family) if family.is_pack() => {
                    let state = PackState {
                        length: Some(info.length),
                        ..PackState::default()
                    };
                    self.packs.insert(info.id, state);
                }
                Some(BlobFamily::SessionMarker) => blobs.markers.push(info.id),
                Some(_) => {}
                None if info.id.as_str() == COVERAGE => {}
                None => unknown.push(info.id),
            }
            if self.options.cancel.is_cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        self.go_on()?;
        if self.options.strict {
            for id in unknown {
                self.found(
                    format!("blob {id}"),
                    "the format knows no blob of this name",
                );
            }
        }
        Ok(blobs)
    }

    /// Session markers: each can be decrypted, carries its hash in its name and names its session.
    fn markers(&mut self, markers: &[BlobId]) -> Result<()> {
        self.report.counts.session_markers = markers.len() as u64;
        for id in markers {
            self.go_on()?;
            if let Err(error) = self.repository.read_session_marker(id) {
                self.finding(format!("session marker {id}"), error)?;
            }
        }
        Ok(())
    }

    /// Fails when the check was cancelled.
    fn go_on(&self) -> Result<()> {
        self.options.go_on(self.repository)
    }

    fn progress(&self, stage: CheckStage, done: u64, total: u64) {
        if let Some(progress) = self.options.progress {
            progress(Progress { stage, done, total });
        }
    }

    fn found(&mut self, subject: impl Into<String>, reason: impl std::fmt::Display) {
        self.report.problems.push(CheckProblem {
            subject: subject.into(),
            reason: reason.to_string(),
        });
    }

    /// Notes an error that says something about the repository; returns any other.
    fn finding(&mut self, subject: impl Into<String>, error: Error) -> Result<()> {
        let problem = finding(subject, error)?;
        self.report.problems.push(problem);
        Ok(())
    }
}

/// Tells errors that are findings from those that end the check.
fn finding(subject: impl Into<String>, error: Error) -> Result<CheckProblem> {
    match error {
        Error::Damaged { what, reason } => {
            let subject = subject.into();
            // The error names the smaller thing; the subject says where it belongs.
            let reason = if subject == what {
                reason
            } else {
                format!("{what} is damaged: {reason}")
            };
            Ok(CheckProblem { subject, reason })
        }
        Error::Storage(error) if !error.is_about_blob() => Err(error.into()),
        error @ (Error::Storage(_)
        | Error::ContentMissing { .. }
        | Error::PackMissing { .. }
        | Error::NewerFormat { .. }
        | Error::NotSupportedYet { .. }) => Ok(CheckProblem {
            subject: subject.into(),
            reason: error.to_string(),
        }),
        other => Err(other),
    }
}
