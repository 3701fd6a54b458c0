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

/// Bodies with a limit pass in pieces of this many bytes.
const STEP: usize = 16 << 10;

/// Lets a body pass under rules; `count` hears of the bytes as they pass.
pub(super) fn watch<B>(body: B, rules: Rules, count: impl Fn(u64) + Send + 'static) -> PassingBody
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let start = Passage {
        body: BodyStream::new(body),
        rules,
        count,
        passed: 0,
        rest: Bytes::new(),
        ended: false,
    };
    let frames = unfold(start, |mut passage| async move {
        let frame = passage.next().await?;
        Some((frame, passage))
    });
    // Boxed, because the future of an unfolding stream must not move.
    StreamBody::new(Box::pin(frames)).boxed_unsync()
}

struct Passage<B, C> {
    body: BodyStream<B>,
    rules: Rules,
    count: C,
    passed: u64,
    /// What came in one piece and goes in several.
    rest: Bytes,
    ended: bool,
}

impl<B, C> Passage<B, C>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    C: Fn(u64),
{
    async fn next(&mut self) -> Option<io::Result<Frame<Bytes>>> {
        if self.ended {
            return None;
        }
        let stop = self.rules.fail_after.or(self.rules.end_after);
        if stop.is_some_and(|stop| self.passed >= stop) {
            self.ended = true;
            self.rules.fail_after?;
            // What went before must reach the other side before the connection breaks.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return Some(Err(broken()));
        }
        if self.rest.is_empty() {
            match self.body.next().await? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    // Trailers pass unseen.
                    Err(frame) => return Some(Ok(frame)),
                },
                Err(error) => {
                    self.ended = true;
                    return Some(Err(io::Error::other(error.into())));
                }
            }
        }
        let length = match self.rules.bytes_per_second {
            0 => self.rest.len(),
            _ => self.rest.len().min(STEP),
        };
        let mut piece = self.rest.split_to(length);
        let end = self.passed + piece.len() as u64;
        if let Some(at) = self.rules.flip.filter(|at| (self.passed..end).contains(at)) {
            let mut damaged = BytesMut::from(&piece[..]);
            damaged[(at - self.passed) as usize] ^= 0xff;
            piece = damaged.freeze();
        }
        if let Some(stop) = stop {
            piece.truncate((stop - self.passed) as usize);
        }
        if self.rules.bytes_per_second > 0 {
            let seconds = piece.len() as f64 / self.rules.bytes_per_second as f64;
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        }
        (self.count)(piece.len() as u64);
        self.passed += piece.len() as u64;
        Some(Ok(Frame::data(piece)))
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "broken off on order")
}
