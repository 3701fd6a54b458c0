//! Sending bytes that are made on a thread that may block, by a call that is not.
//!
//! A few pieces wait between the two, so that memory is bounded however slowly they are taken. What was not finished breaks
//! off with an error: nobody may take a part for the whole.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream;
use holdfast_host::{Cancel, CancelCallback};
use holdfast_protocol::agent::{ApiError, ApiErrorKind, ServerApi, TransferBody, failures};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::failure::{Failure, WorkError};

/// Bytes of a piece.
const PIECE: usize = 256 << 10;

/// Pieces that wait to be sent.
const WAITING: usize = 4;

/// Begins uploads.
#[derive(Clone)]
pub struct Uploads {
    api: Arc<dyn ServerApi>,
    runtime: Handle,
}

impl fmt::Debug for Uploads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Uploads").finish_non_exhaustive()
    }
}

/// What goes from the one side to the other.
enum Piece {
    Data(Bytes),
    End,
}

impl Uploads {
    /// Uploads to a server; their calls run on `runtime`.
    pub fn new(api: Arc<dyn ServerApi>, runtime: Handle) -> Self {
        Self { api, runtime }
    }

    /// An upload for somebody who waits for `transfer`. The call begins with its first piece.
    pub fn prepare(&self, transfer: Uuid, size: Option<u64>, cancel: &Cancel) -> Upload {
        Upload {
            uploads: self.clone(),
            transfer,
            size,
            cancel: cancel.clone(),
            pending: BytesMut::new(),
            sent: 0,
            call: None,
        }
    }
}

/// An upload that is written to. It is whole only once it is finished.
pub struct Upload {
    uploads: Uploads,
    transfer: Uuid,
    size: Option<u64>,
    cancel: Cancel,
    pending: BytesMut,
    sent: u64,
    call: Option<Call>,
}

/// The call that is under way.
struct Call {
    pieces: mpsc::Sender<Piece>,
    ended: oneshot::Receiver<Result<(), ApiError>>,
    _on_cancel: CancelCallback,
}

impl fmt::Debug for Upload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Upload");
        debug
            .field("transfer", &self.transfer)
            .field("sent", &self.sent);
        debug.finish_non_exhaustive()
    }
}

impl Upload {
    fn begin(&self) -> Call {
        let (pieces, waiting) = mpsc::channel(WAITING);
        let (end, ended) = oneshot::channel();
        let stopped = CancellationToken::new();
        let stop = stopped.clone();
        let on_cancel = self.cancel.on_cancel(move || stop.cancel());
        let (api, transfer, size) = (self.uploads.api.clone(), self.transfer, self.size);
        self.uploads.runtime.spawn(async move {
            let result = tokio::select! {
                result = api.transfer(transfer, size, body(waiting)) => result,
                () = stopped.cancelled() => Err(ApiError::new(ApiErrorKind::Conflict, "it was stopped")),
            };
            // Nobody waits for the end of an upload that was given up.
            let _ = end.send(result);
        });
        Call {
            pieces,
            ended,
            _on_cancel: on_cancel,
        }
    }

    fn send(&mut self, piece: Piece) -> io::Result<()> {
        if self.call.is_none() {
            self.call = Some(self.begin());
        }
        let sent = self
            .call
            .as_ref()
            .map(|call| call.pieces.blocking_send(piece));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "nobody takes it any more",
            )),
        }
    }

    /// Sends what is left and waits until all of it was taken; answers how many bytes that were.
    ///
    /// # Errors
    /// As [`Self::failure`].
    pub fn finish(mut self) -> Result<u64, WorkError> {
        let sent = self.flush_piece().and_then(|()| self.send(Piece::End));
        let Some(call) = self.call.take() else {
            return Err(Failure::internal("an upload was not begun").into());
        };
        drop(call.pieces);
        match call.ended.blocking_recv() {
            Ok(Ok(())) if sent.is_ok() => Ok(self.sent),
            Ok(Err(error)) => Err(refused(&error)),
            _ => Err(Failure::of_code(failures::TRANSFER_BROKEN).into()),
        }
    }

    /// Why an upload broke off whose writing failed: `Cancelled` when nobody waits for it, a failure when the server could
    /// not be reached.
    pub fn failure(mut self) -> WorkError {
        let Some(call) = self.call.take() else {
            return Failure::internal("an upload was not begun").into();
        };
        drop(call.pieces);
        match call.ended.blocking_recv() {
            Ok(Err(error)) => refused(&error),
            _ => Failure::of_code(failures::TRANSFER_BROKEN).into(),
        }
    }

    fn flush_piece(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let piece = self.pending.split().freeze();
        self.sent += piece.len() as u64;
        self.send(Piece::Data(piece))
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE - self.pending.len().min(PIECE);
        let taken = &bytes[..bytes.len().min(room)];
        self.pending.extend_from_slice(taken);
        if self.pending.len() >= PIECE {
            self.flush_piece()?;
        }
        Ok(taken.len())
    }

    /// Pieces go as they are full: an archive flushes at its end, and that is not yet the end of the upload.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The pieces as the body of a call. When they end before their end was announced, it breaks off.
fn body(pieces: mpsc::Receiver<Piece>) -> TransferBody {
    Box::pin(stream::unfold(Some(pieces), |pieces| async {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(Piece::Data(data)) => Some((Ok(data), Some(pieces))),
            Some(Piece::End) => None,
            None => Some((
                Err(io::Error::other("it could not be read to its end")),
                None,
            )),
        }
    }))
}

fn refused(error: &ApiError) -> WorkError {
    match error.kind {
        ApiErrorKind::Conflict | ApiErrorKind::NotFound => WorkError::Cancelled,
        _ => Failure::new(failures::TRANSFER_BROKEN, error.to_string()).into(),
    }
}
