//! Who calls and what they may do.

pub(crate) mod access;
pub(crate) mod caller;
pub(crate) mod idempotency;
pub(crate) mod origin;
pub(crate) mod password;
pub(crate) mod rate_limit;
pub(crate) mod session_store;
pub(crate) mod tokens;

pub(crate) use caller::Caller;
