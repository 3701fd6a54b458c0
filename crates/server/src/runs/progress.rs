//! Progress of runs between two looks at the disk.
//!
//! Agents report every two seconds. Reports that change nothing but figures are kept here, the newest of each run, and
//! written down together once a second; readers see them at once. Changes of status, results and events never wait.

use std::{borrow::Cow, collections::HashMap};

use holdfast_protocol::agent::RunStatus;
use parking_lot::Mutex;

use super::parse_status;
use crate::{
    app::App,
    db::{self, RunRow},
    problem::ApiResult,
};

/// Runs of one transaction.
const RUNS_OF_A_TRANSACTION: usize = 200;

/// For how many flushes figures are kept that are written down. A reader that fetched its row before that was
/// committed would otherwise show figures that are older than what it showed last.
const FLUSHES_KEPT: u8 = 60;

/// The newest figures of runs.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<HashMap<i64, Kept>>);

#[derive(Debug)]
struct Kept {
    /// The run as it would be stored.
    row: RunRow,
    /// Once it is written down: how many more flushes it is kept for.
    left: Option<u8>,
}

impl Progress {
    /// The run with its newest figures.
    pub(crate) fn shown<'a>(&self, row: &'a RunRow) -> Cow<'a, RunRow> {
        let kept = self.0.lock();
        match kept.get(&row.id) {
            Some(newest) if is_newer(&newest.row, row) => {
                let mut row = row.clone();
                copy_figures(&newest.row, &mut row);
                Cow::Owned(row)
            }
            _ => Cow::Borrowed(row),
        }
    }

    /// Keeps a run's newest figures.
    pub(crate) fn keep(&self, row: RunRow) {
        self.0.lock().insert(row.id, Kept { row, left: None });
    }

    /// Puts what is kept of a run into its row, which the caller stores.
    pub(crate) fn settle(&self, row: &mut RunRow) {
        *row = self.shown(row).into_owned();
    }

    /// What is not written down yet. What has been for long enough is forgotten.
    fn begin_flush(&self) -> Vec<RunRow> {
        let mut kept = self.0.lock();
        kept.retain(|_, kept| match &mut kept.left {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        });
        let waiting = kept.values().filter(|kept| kept.left.is_none());
        waiting.map(|kept| kept.row.clone()).collect()
    }

    /// Notes what was written down, unless something newer came.
    fn written(&self, rows: &[RunRow]) {
        let mut kept = self.0.lock();
        for row in rows {
            if let Some(kept) = kept.get_mut(&row.id)
                && (kept.row.attempt, kept.row.update_seq) == (row.attempt, row.update_seq)
            {
                kept.left = Some(FLUSHES_KEPT);
            }
        }
    }
}

/// Writes down what came since the last time.
pub(crate) async fn flush(app: &App) -> ApiResult<()> {
    for batch in app.progress.begin_flush().chunks(RUNS_OF_A_TRANSACTION) {
        let txn = app.db.begin().await?;
        for newest in batch {
            let scope = db::Scope::tenant(newest.tenant_id);
            if let Some(mut row) = db::runs::lock(&txn, scope, newest.id).await?
                && is_newer(newest, &row)
            {
                copy_figures(newest, &mut row);
                db::runs::save(&txn, row).await?;
            }
        }
        txn.commit().await?;
        app.progress.written(batch);
    }
    Ok(())
}

/// Whether kept figures say something new about a run as it is stored.
fn is_newer(kept: &RunRow, stored: &RunRow) -> bool {
    parse_status(&stored.status) == RunStatus::Running
        && kept.attempt == stored.attempt
        && kept.update_seq > stored.update_seq
}

/// What a report of progress changes.
fn copy_figures(from: &RunRow, to: &mut RunRow) {
    to.update_seq = from.update_seq;
    to.progress_pct = from.progress_pct;
    to.bytes_processed = from.bytes_processed;
    to.bytes_transferred = from.bytes_transferred;
    to.bytes_total = from.bytes_total;
    to.objects_transferred = from.objects_transferred;
    to.objects_total = from.objects_total;
    to.speed = from.speed;
    to.eta_seconds = from.eta_seconds;
    to.sealed_current_item.clone_from(&from.sealed_current_item);
    to.reported_at = from.reported_at;
    to.heartbeat_at = to.heartbeat_at.max(from.heartbeat_at);
    to.stages.clone_from(&from.stages);
    to.problem_count = from.problem_count;
}
