//! Faults on order.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// PUT of an object.
    Put,
    /// GET of an object or a part of it.
    Get,
    /// HEAD of an object or bucket.
    Head,
    /// Listing of a bucket.
    List,
    /// DELETE of an object, or a batch of them.
    Delete,
    /// PUT of the lock of an object.
    Extend,
    /// GET of the lock of an object.
    Retention,
    /// Everything else, multipart uploads among them.
    Other,
}

/// One fault: which requests, how often, and what happens to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only this operation; every one when missing.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// Only keys that contain this.
    #[serde(default)]
    pub key_contains: String,
    /// How many matching requests pass before the first is hit.
    #[serde(default)]
    pub skip: u32,
    /// How many requests are hit; without it, every one.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    pub effect: Effect,
}

impl Fault {
    /// A fault of every request of `operation`.
    pub fn new(operation: Operation, effect: Effect) -> Self {
        Self {
            operation: Some(operation),
            key_contains: String::new(),
            skip: 0,
            times: None,
            effect,
        }
    }

    /// Only keys that contain `text`.
    #[must_use]
    pub fn key(mut self, text: &str) -> Self {
        self.key_contains = text.to_owned();
        self
    }

    /// Only the first `times` matching requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets `skip` matching requests pass first.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }
}

/// What a fault does to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Answers with a status and an S3 error code instead of doing anything.
    Status {
        /// HTTP status.
        status: u16,
        /// S3 error code, such as `SlowDown`; empty answers without a body.
        code: String,
    },
    /// Does what was asked, and breaks the answer's body off after some bytes.
    Truncate {
        /// Bytes that still arrive.
        after: u64,
    },
    /// Does what was asked, and announces and sends that many bytes less.
    Shorten {
        /// Bytes that are missing at the end.
        by: u64,
    },
    /// Inverts the bits of one byte of the answer's body.
    Flip {
        /// Which byte.
        offset: u64,
    },
    /// Waits before the answer.
    Delay {
        /// Milliseconds.
        millis: u64,
    },
    /// Does nothing and never answers; the client has to give up.
    Hang,
    /// Does what was asked and never answers; the log shows the status that the answer would have had.
    Silent,
    /// Reads some bytes of the request's body and breaks the connection.
    Disconnect {
        /// Bytes that are read.
        after: u64,
    },
    /// Does what was asked and answers with an internal error all the same.
    LoseAnswer,
    /// Sends the whole object when a part was asked for.
    IgnoreRange,
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Mutex<Vec<Fault>>,
}

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.list.lock().push(fault);
    }

    pub(super) fn clear(&self) {
        self.list.lock().clear();
    }

    /// The effect that hits a request, and counts it.
    pub(super) fn take(&self, operation: Operation, key: &str) -> Option<Effect> {
        let mut list = self.list.lock();
        for fault in list.iter_mut() {
            let fits = fault.operation.is_none_or(|wanted| wanted == operation)
                && key.contains(&fault.key_contains);
            if !fits || fault.times == Some(0) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            return Some(fault.effect.clone());
        }
        None
    }
}
