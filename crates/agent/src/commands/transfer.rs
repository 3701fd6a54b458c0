//! `read_file`: a file or a folder of a snapshot, sent to somebody who downloads it.

use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{ReadFile, ReadFileResult, TransferForm};
use holdfast_protocol::agent::{VaultContext, failures};
use holdfast_snapshot::{
    ArchiveFormat, Form, Problem, RestoreReport, RestoreRequest, Severity, locate, open_file,
    restore_to_stream,
};

use super::{Upload, Uploads};
use crate::failure::{Failure, WorkError};
use crate::state::VaultFolders;
use crate::vaults::{Access, open_repository};

/// Damaged entries that are named.
const NAMED: usize = 5;

/// Sends a file as it is, or a folder as an archive.
///
/// # Errors
/// What opening a vault may answer, `path_not_found` for what is not there or of another kind, `repository_damaged` when not
/// all of it can be read (what was sent is broken off then), `transfer_broken`, and `Cancelled` when nobody takes it.
pub fn read_file(
    request: &ReadFile,
    vault: &VaultContext,
    folders: &VaultFolders,
    cancel: &Cancel,
    uploads: &Uploads,
) -> Result<ReadFileResult, WorkError> {
    let access = Access::reading(cancel);
    let repository = open_repository(vault, folders, None, &access)?;
    let (snapshot, path) = (request.manifest_id.as_str(), request.path.as_str());
    let format = match request.form {
        TransferForm::File => {
            let file = open_file(&repository, snapshot, path, cancel)?;
            let mut upload = uploads.prepare(request.transfer, file.length(), cancel);
            let read = file.read(&repository, &mut upload, cancel);
            return done(upload, read.map(|_| None));
        }
        TransferForm::Tar => ArchiveFormat::Tar,
        TransferForm::Zip => ArchiveFormat::Zip,
    };
    if !locate(&repository, snapshot, path)?.entry.is_directory() {
        let text = format!("{path:?} is no folder, of which an archive could be made");
        return Err(Failure::new(failures::PATH_NOT_FOUND, text).into());
    }
    let mut order = RestoreRequest::new(snapshot, path, "");
    order.form = Form::Archive(format);
    order.cancel = cancel.clone();
    let mut upload = uploads.prepare(request.transfer, None, cancel);
    let report = restore_to_stream(&repository, &order, &mut upload);
    done(upload, report.map(Some))
}

/// Ends an upload, which is whole only when everything could be read.
fn done(
    upload: Upload,
    read: Result<Option<RestoreReport>, holdfast_snapshot::Error>,
) -> Result<ReadFileResult, WorkError> {
    match read {
        Ok(Some(report)) if report.errors() > 0 => Err(damaged(&report).into()),
        Ok(_) => Ok(ReadFileResult {
            bytes: upload.finish()?,
        }),
        Err(holdfast_snapshot::Error::Output(_)) => Err(upload.failure()),
        Err(error) => Err(error.into()),
    }
}

fn damaged(report: &RestoreReport) -> Failure {
    let is_error = |problem: &&Problem| problem.severity == Severity::Error;
    let problems = report.problems.iter().filter(is_error).take(NAMED);
    let named: Vec<&str> = problems.map(|problem| problem.path.as_str()).collect();
    let text = format!(
        "{} entries cannot be read, so the download was broken off: {}; a restore writes the rest",
        report.errors(),
        named.join(", ")
    );
    Failure::new(failures::REPOSITORY_DAMAGED, text)
}
