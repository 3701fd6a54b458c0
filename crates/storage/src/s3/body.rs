//! The body of an upload: hands out the blob in small pieces, at the speed that is allowed, and
//! counts what leaves.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::idle::Activity;
use super::pace::Pace;
use crate::TransferCounters;
use crate::rate::RateLimit;

/// What the attempts of one upload share.
#[derive(Clone)]
pub(super) struct Upload {
    pub(super) data: Bytes,
    pub(super) limit: Option<Arc<RateLimit>>,
    pub(super) counters: Arc<TransferCounters>,
    /// The furthest that any attempt got, so that bytes sent again are not counted again.
    pub(super) furthest: Arc<AtomicU64>,
}

impl Upload {
    /// The body for one attempt.
    pub(super) fn body(&self, activity: &Activity) -> ByteStream {
        ByteStream::new(SdkBody::from_body_1_x(UploadBody {
            upload: self.clone(),
            activity: activity.clone(),
            rest: self.data.clone(),
            granted: None,
            pace: Pace::default(),
        }))
    }

    fn count(&self, sent: u64) {
        let before = self.furthest.fetch_max(sent, Ordering::Relaxed);
        if sent > before {
            self.counters.add_uploaded(sent - before);
        }
    }
}

struct UploadBody {
    upload: Upload,
    activity: Activity,
    rest: Bytes,
    /// The wait for bytes that the limit has granted already, and their number.
    granted: Option<(usize, Pin<Box<Sleep>>)>,
    pace: Pace,
}

impl UploadBody {
    /// Without a limit: large enough to cost nothing, small enough for a moving progress bar.
    const STEP: usize = 64 << 10;

    fn next_length(&self) -> usize {
        let step = self
            .upload
            .limit
            .as_ref()
            .map_or(Self::STEP, |limit| limit.step());
        step.min(self.rest.len())
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        // Whoever asks has sent what came before.
        let sent = (this.upload.data.len() - this.rest.len()) as u64;
        this.upload.count(sent);
        this.activity.touch();
        if this.granted.is_none() {
            this.pace.asked(this.activity.elapsed());
        }
        if this.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = match (&this.upload.limit, &mut this.granted) {
            (None, _) => this.next_length(),
            (Some(limit), granted) => {
                let step = limit.step().min(this.rest.len());
                let (length, sleep) = granted.get_or_insert_with(|| {
                    let wait = limit.before(step);
                    (step, Box::pin(tokio::time::sleep(wait)))
                });
                if sleep.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                *length
            }
        };
        this.granted = None;
        let piece = this.rest.split_to(length);
        this.pace.handed(length as u64, this.activity.elapsed());
        this.activity.allow(this.pace.allowance());
        if this.rest.is_empty() {
            // Nobody needs to ask again when the length was announced.
            this.upload.count(this.upload.data.len() as u64);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
