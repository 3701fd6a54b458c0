//! Downloads: what a machine sends is handed straight to the browser that waits for it.
//!
//! They live in memory only, and so does what is sent, a few pieces at a time. The browser's answer ends well only when the
//! machine has said that all of it came; in every other case its connection is broken off, so that no file looks whole that
//! is not.

mod pipe;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_protocol::{
    agent::{commands::TransferForm, failures},
    api::{downloads::DownloadState, problem::Failure},
    errors::ErrorCode,
};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::{
    app::App,
    db::{AgentRow, Scope},
    problem::{ApiError, ApiResult},
    view::failures::failure,
};

pub(crate) use self::pipe::{Piece, stream, take_in};

/// Downloads of one account that may be under way.
const MOST_OPEN: usize = 20;

/// What became of a download can be read for so long after it was asked for.
const KEPT: Duration = Duration::from_secs(3600);

/// One download.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) uuid: Uuid,
    tenant_id: i64,
    user_id: i64,
    /// The machine that sends it.
    pub(crate) agent_id: i64,
    /// What the machine was asked by.
    command: Uuid,
    /// Name of the file that the browser gets.
    pub(crate) name: String,
    pub(crate) form: TransferForm,
    asked_at: Instant,
    state: watch::Sender<State>,
    /// What the machine sends, until somebody takes it.
    pieces: Mutex<Option<mpsc::Receiver<Piece>>>,
}

/// Where a download stands.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) state: DownloadState,
    /// Its length in bytes, where it is known.
    pub(crate) size: Option<u64>,
    pub(crate) failure: Option<Failure>,
}

impl State {
    /// Nothing will change any more.
    fn is_over(&self) -> bool {
        matches!(self.state, DownloadState::Done | DownloadState::Failed)
    }
}

/// What a new download is.
pub(crate) struct NewTransfer<'a> {
    pub(crate) uuid: Uuid,
    pub(crate) scope: Scope,
    pub(crate) user_id: i64,
    pub(crate) agent: &'a AgentRow,
    pub(crate) command: Uuid,
    pub(crate) name: String,
    pub(crate) form: TransferForm,
}

impl Transfer {
    /// How it stands now.
    pub(crate) fn present(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits until the machine sends, or something else came of it; at most so long.
    pub(crate) async fn prepared(&self, longest: Duration) {
        let mut states = self.state.subscribe();
        let prepared = states.wait_for(|state| state.state != DownloadState::Preparing);
        // What it is after the wait is for the caller to see.
        let _ = tokio::time::timeout(longest, prepared).await;
    }

    /// The machine begins to send: false when nobody waits for that.
    fn offer(&self, size: Option<u64>, pieces: mpsc::Receiver<Piece>) -> bool {
        self.state.send_if_modified(|state| {
            let is_wanted = state.state == DownloadState::Preparing;
            if is_wanted {
                *self.pieces.lock() = Some(pieces);
                (state.state, state.size) = (DownloadState::Ready, size);
            }
            is_wanted
        })
    }

    /// Takes what is sent, once.
    ///
    /// # Errors
    /// What became of it when there is nothing to take.
    pub(crate) fn take(&self) -> ApiResult<(Option<u64>, mpsc::Receiver<Piece>)> {
        let mut taken = None;
        self.state.send_if_modified(|state| {
            let is_ready = state.state == DownloadState::Ready;
            if is_ready {
                taken = self.pieces.lock().take();
                state.state = DownloadState::Running;
            }
            is_ready
        });
        let state = self.present();
        taken.map(|pieces| (state.size, pieces)).ok_or_else(|| {
            let detail = match (state.state, state.failure) {
                (_, Some(failure)) => failure.detail.unwrap_or(failure.title),
                (DownloadState::Preparing, _) => "The machine does not send it yet.".to_owned(),
                _ => "It was fetched already; begin the download again.".to_owned(),
            };
            ApiError::from(ErrorCode::Conflict).detail(detail)
        })
    }

    /// It came to an end, unless it had come to one before.
    fn end(&self, why: Option<Failure>) {
        self.state.send_if_modified(|state| {
            let was_over = state.is_over();
            if !was_over {
                state.state = match why {
                    None => DownloadState::Done,
                    Some(_) => DownloadState::Failed,
                };
                state.failure = why;
                // Whoever would still take it is not to wait for pieces that nobody sends.
                self.pieces.lock().take();
            }
            !was_over
        });
    }
}

/// The downloads that are known.
#[derive(Debug, Default)]
pub(crate) struct Transfers(Mutex<HashMap<Uuid, Arc<Transfer>>>);

impl Transfers {
    /// Enters a download.
    ///
    /// # Errors
    /// `too_many_downloads`.
    pub(crate) fn open(&self, new: NewTransfer<'_>) -> ApiResult<Arc<Transfer>> {
        let mut known = self.0.lock();
        known.retain(|_, transfer| {
            !transfer.state.borrow().is_over() || transfer.asked_at.elapsed() < KEPT
        });
        let of_user = known.values().filter(|transfer| {
            transfer.user_id == new.user_id && !transfer.state.borrow().is_over()
        });
        if of_user.count() >= MOST_OPEN {
            return Err(ErrorCode::TooManyDownloads.into());
        }
        let state = State {
            state: DownloadState::Preparing,
            size: None,
            failure: None,
        };
        let transfer = Arc::new(Transfer {
            uuid: new.uuid,
            tenant_id: new.scope.tenant_id(),
            user_id: new.user_id,
            agent_id: new.agent.id,
            command: new.command,
            name: new.name,
            form: new.form,
            asked_at: Instant::now(),
            state: watch::Sender::new(state),
            pieces: Mutex::default(),
        });
        known.insert(transfer.uuid, transfer.clone());
        Ok(transfer)
    }

    /// A download of one account.
    pub(crate) fn of_user(&self, scope: Scope, user_id: i64, uuid: Uuid) -> Option<Arc<Transfer>> {
        let transfer = self.0.lock().get(&uuid)?.clone();
        (transfer.tenant_id == scope.tenant_id() && transfer.user_id == user_id).then_some(transfer)
    }

    /// A download that one machine sends.
    fn of_agent(&self, agent_id: i64, uuid: Uuid) -> Option<Arc<Transfer>> {
        let transfer = self.0.lock().get(&uuid)?.clone();
        (transfer.agent_id == agent_id).then_some(transfer)
    }

    /// The command by which a machine was asked for a download ended without success.
    pub(crate) fn command_failed(&self, command: Uuid, why: Option<Failure>) {
        let known = self.0.lock();
        let transfer = known.values().find(|transfer| transfer.command == command);
        if let Some(transfer) = transfer {
            let why = why.unwrap_or_else(|| failure(failures::INTERNAL, None));
            transfer.end(Some(why));
        }
    }
}

/// The download that a machine wants to send.
///
/// # Errors
/// `not_found` for a machine that was not asked for it.
pub(crate) fn asked_of(app: &App, agent: &AgentRow, uuid: Uuid) -> ApiResult<Arc<Transfer>> {
    let transfer = app.transfers.of_agent(agent.id, uuid);
    transfer.ok_or_else(|| ErrorCode::NotFound.into())
}
