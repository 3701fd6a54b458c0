//! From the machine's request to the browser's answer.

use std::{io, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures::Stream;
use holdfast_protocol::{
    agent::failures,
    api::{downloads::DownloadState, problem::Failure},
    errors::ErrorCode,
};
use http_body_util::BodyExt;
use tokio::{sync::mpsc, time::timeout};

use super::Transfer;
use crate::{
    app::App,
    problem::{ApiError, ApiResult},
    view::failures::failure,
};

/// Pieces that wait for the browser.
const WAITING: usize = 8;

/// A download that is ready waits for the browser for so long.
const UNFETCHED: Duration = Duration::from_secs(60);

/// A machine that sends nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(120);

/// A browser that takes nothing for so long has gone.
const STALLED: Duration = Duration::from_secs(600);

/// What goes from the one side to the other.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes.
    Data(Bytes),
    /// That was all.
    End,
}

/// Takes what a machine sends and hands it on, until all of it is taken.
///
/// # Errors
/// `conflict` when nobody takes it, or not to its end: the machine stops then.
pub(crate) async fn take_in(
    app: &App,
    transfer: &Arc<Transfer>,
    size: Option<u64>,
    body: Body,
) -> ApiResult<()> {
    let (sender, pieces) = mpsc::channel(WAITING);
    if !transfer.offer(size, pieces) {
        return Err(ErrorCode::Conflict.into());
    }
    let mut ending = Ending {
        transfer,
        why: Some(failure(failures::TRANSFER_BROKEN, None)),
    };
    let mut states = transfer.state.subscribe();
    let taken = timeout(
        UNFETCHED,
        states.wait_for(|state| state.state != DownloadState::Ready),
    );
    let is_taken = tokio::select! {
        () = app.stopping.cancelled() => false,
        taken = taken => taken.is_ok(),
    };
    if !is_taken {
        ending.why = Some(failure(failures::TRANSFER_UNFETCHED, None));
        return Err(ErrorCode::Conflict.into());
    }
    let pumped = tokio::select! {
        () = app.stopping.cancelled() => Err(Broken::Sender("the server stops".to_owned())),
        pumped = pump(body, size, &sender) => pumped,
    };
    match pumped {
        Ok(()) => {
            ending.why = None;
            Ok(())
        }
        Err(Broken::Receiver) => {
            ending.why = Some(failure(failures::CANCELLED, None));
            Err(ErrorCode::Conflict.into())
        }
        Err(Broken::Sender(reason)) => {
            tracing::info!(transfer = %transfer.uuid, reason, "a download broke off");
            let detail = "the body broke off";
            Err(ApiError::from(ErrorCode::InvalidRequest).detail(detail))
        }
    }
}

/// Where it broke.
enum Broken {
    /// The machine stopped sending.
    Sender(String),
    /// The browser takes no more.
    Receiver,
}

/// Hands on piece by piece, and at last that it was all.
async fn pump(
    mut body: Body,
    size: Option<u64>,
    sender: &mpsc::Sender<Piece>,
) -> Result<(), Broken> {
    let mut sent: u64 = 0;
    loop {
        let frame = timeout(SILENCE, body.frame()).await;
        let frame = frame.map_err(|_| Broken::Sender("silence".to_owned()))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| Broken::Sender(error.to_string()))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        sent += data.len() as u64;
        if size.is_some_and(|size| sent > size) {
            return Err(Broken::Sender("more than was announced".to_owned()));
        }
        hand(sender, Piece::Data(data)).await?;
    }
    match size {
        Some(size) if sent != size => Err(Broken::Sender("less than was announced".to_owned())),
        // An answer of known length ends with its last byte, and nobody waits for more.
        Some(_) => {
            let _ = hand(sender, Piece::End).await;
            Ok(())
        }
        None => hand(sender, Piece::End).await,
    }
}

async fn hand(sender: &mpsc::Sender<Piece>, piece: Piece) -> Result<(), Broken> {
    let handed = sender.send_timeout(piece, STALLED).await;
    handed.map_err(|_| Broken::Receiver)
}

/// Says what became of a download, also when the machine's request is dropped in the middle.
struct Ending<'a> {
    transfer: &'a Transfer,
    why: Option<Failure>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.transfer.end(self.why.take());
    }
}

/// The pieces as the body of an answer. When they end before the machine said that it was all, the answer breaks off.
pub(crate) fn stream(pieces: mpsc::Receiver<Piece>) -> impl Stream<Item = io::Result<Bytes>> {
    futures::stream::unfold(Some(pieces), |pieces| async {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(Piece::Data(data)) => Some((Ok(data), Some(pieces))),
            Some(Piece::End) => None,
            None => Some((Err(io::Error::other("the machine stopped sending")), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    /// What a browser gets of a body, and how the pumping ended.
    async fn pumped(
        parts: Vec<io::Result<&'static str>>,
        size: Option<u64>,
    ) -> (String, bool, bool) {
        let parts = parts
            .into_iter()
            .map(|part| part.map(|text| Bytes::from_static(text.as_bytes())));
        let body = Body::from_stream(futures::stream::iter(parts));
        let (sender, pieces) = mpsc::channel(1);
        let pump = async {
            let result = pump(body, size, &sender).await;
            drop(sender);
            result.is_ok()
        };
        let read = async {
            let (mut text, mut is_whole) = (String::new(), true);
            let mut answer = Box::pin(stream(pieces));
            while let Some(piece) = answer.next().await {
                match piece {
                    Ok(piece) => text.push_str(&String::from_utf8_lossy(&piece)),
                    Err(_) => is_whole = false,
                }
            }
            (text, is_whole)
        };
        let (is_good, (text, is_whole)) = futures::join!(pump, read);
        (text, is_whole, is_good)
    }

    #[tokio::test]
    async fn only_what_came_to_its_end_looks_whole() {
        let broken = || Err(io::Error::other("broken"));
        let whole = ("abcd".to_owned(), true, true);
        assert_eq!(pumped(vec![Ok("ab"), Ok("cd")], Some(4)).await, whole);
        assert_eq!(pumped(vec![Ok("ab"), Ok("cd")], None).await, whole);
        let cut = |text: &str| (text.to_owned(), false, false);
        assert_eq!(pumped(vec![Ok("ab"), broken()], None).await, cut("ab"));
        assert_eq!(pumped(vec![Ok("ab")], Some(4)).await, cut("ab"));
        assert_eq!(pumped(vec![Ok("ab"), Ok("cde")], Some(4)).await, cut("ab"));
        assert_eq!(
            pumped(Vec::new(), Some(0)).await,
            (String::new(), true, true)
        );
    }

    #[tokio::test]
    async fn a_browser_that_goes_ends_it() {
        let body = Body::from("abcd");
        let (sender, pieces) = mpsc::channel(1);
        drop(pieces);
        let result = pump(body, None, &sender).await;
        assert!(matches!(result, Err(Broken::Receiver)));
    }
}
