//! Which call is hit, and by what.

use std::time::Duration;

use holdfast_storage::ErrorKind;

use super::BlobOperation;

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The call fails; nothing is changed.
    Fail(ErrorKind),
    /// A put or delete is done and reported as failed all the same; another call fails.
    LoseAnswer,
    /// A put stores only the first half of the blob and fails, as a store would that is not atomic.
    Tear,
    /// As [`Trigger::Tear`], and the process is gone as by [`Trigger::Kill`].
    TearAndKill,
    /// This call and every later one fail, as if the process had been killed before it.
    Kill,
    /// The call is done, and the process killed before it learns that.
    KillAfter,
    /// The request is carried out twice.
    Twice,
    /// A put or delete is reported as done and nothing is changed: a store that lies, or a caller that does not look.
    Swallow,
    /// A put is reported as done and becomes visible only after so many further calls.
    Late(usize),
    /// One bit of the bytes that are read is turned; the number is taken modulo their count of bits.
    Flip(u64),
    /// A listing shows what was there that long ago.
    Stale(Duration),
    /// So much time passes before the call is made.
    Delay(Duration),
}

impl Trigger {
    /// Whether it does to such a call what it says, rather than nothing or what another one does.
    pub fn applies_to(self, operation: BlobOperation) -> bool {
        use BlobOperation::{Delete, Extend, Get, GetRange, List, Put};
        match self {
            Self::Fail(_) | Self::Kill | Self::Delay(_) => true,
            Self::LoseAnswer | Self::KillAfter => matches!(operation, Put | Delete | Extend),
            Self::Twice | Self::Swallow => matches!(operation, Put | Delete),
            Self::Tear | Self::TearAndKill | Self::Late(_) => operation == Put,
            Self::Flip(_) => matches!(operation, Get | GetRange),
            Self::Stale(_) => operation == List,
        }
    }
}

/// Calls that are hit.
pub(super) struct Plan {
    pub(super) operation: Option<BlobOperation>,
    pub(super) prefix: String,
    /// How many matching calls pass first.
    pub(super) skip: usize,
    /// How many matching calls are hit after those.
    pub(super) times: usize,
    pub(super) action: Action,
}

/// What is done at a call that is hit.
pub(super) enum Action {
    Trigger(Trigger),
    /// Something else happens first, once; the call is made after it.
    Run(Option<Box<dyn FnOnce() + Send>>),
}

/// What [`Plan::meet`] asks for.
pub(super) enum Met {
    Trigger(Trigger),
    Run(Box<dyn FnOnce() + Send>),
}

impl Plan {
    /// Counts a call; says what hits it.
    pub(super) fn meet(&mut self, operation: BlobOperation, name: &str) -> Option<Met> {
        let fits = self.operation.is_none_or(|wanted| wanted == operation)
            && name.starts_with(&self.prefix);
        if !fits || self.times == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        match &mut self.action {
            Action::Trigger(trigger) => Some(Met::Trigger(*trigger)),
            Action::Run(what) => what.take().map(Met::Run),
        }
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("operation", &self.operation)
            .field("prefix", &self.prefix)
            .field("skip", &self.skip)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}
