//! Bodies that are counted, slowed down, cut and damaged on their way.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::{StreamExt, unfold};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, StreamBody};

/// A body on its way.
pub(super) type PassingBody = UnsyncBoxBody<Bytes, io::Error>;

/// What happens to a body.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    /// Bytes a second; zero means no limit.
    pub(super) bytes_per_second: u64,
    /// It fails after so many bytes.
    pub(super) fail_after: Option<u64>,
    /// It ends after so many bytes.
    pub(super) end_after: Option<u64>,
    /// The bits of this byte are inverted.
    pub(super) flip: Option<u64>,
}

/// Lets a body pass under rules; `count` hears of the bytes as they pass.
pub(super) fn watch<B>(body: B, rules: Rules, count: impl Fn(u64) + Send + 'static) -> PassingBody
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let start = (BodyStream::new(body), 0_u64, rules, count, false);
    let frames = unfold(
        start,
        |(mut body, passed, rules, count, ended)| async move {
            if ended {
                return None;
            }
            let mut piece = match body.next().await? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => data,
                    // Trailers pass unseen.
                    Err(frame) => return Some((Ok(frame), (body, passed, rules, count, false))),
                },
                Err(error) => {
                    let error = io::Error::other(error.into());
                    return Some((Err(error), (body, passed, rules, count, true)));
                }
            };
            let end = passed + piece.len() as u64;
            if let Some(at) = rules.flip.filter(|at| (passed..end).contains(at)) {
                let mut damaged = BytesMut::from(&piece[..]);
                damaged[(at - passed) as usize] ^= 0xff;
                piece = damaged.freeze();
            }
            let stop = rules
                .fail_after
                .or(rules.end_after)
                .filter(|stop| *stop < end);
            if let Some(stop) = stop {
                piece.truncate((stop - passed.min(stop)) as usize);
                if piece.is_empty() {
                    let failure = rules.fail_after.map(|_| Err(broken()));
                    return failure.map(|failure| (failure, (body, passed, rules, count, true)));
                }
            }
            if rules.bytes_per_second > 0 {
                let seconds = piece.len() as f64 / rules.bytes_per_second as f64;
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            }
            count(piece.len() as u64);
            let passed = passed + piece.len() as u64;
            Some((Ok(Frame::data(piece)), (body, passed, rules, count, false)))
        },
    );
    // Boxed, because the future of an unfolding stream must not move.
    StreamBody::new(Box::pin(frames)).boxed_unsync()
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "broken off on order")
}
