//! How every change that a person makes ends: audited, committed, told.

use holdfast_protocol::errors::ErrorCode;

use crate::{
    app::{App, now},
    auth::{Caller, idempotency},
    db::{self, Txn, audit::Object},
    live::Change,
    problem::{ApiError, ApiResult},
};

/// Writes the line of the audit log, commits, and tells what changed.
pub(crate) async fn finish(
    app: &App,
    txn: Txn,
    caller: &Caller,
    action: &str,
    object: Object<'_>,
    changes: impl IntoIterator<Item = Change>,
) -> ApiResult<()> {
    let (scope, actor) = (caller.scope, caller.actor());
    idempotency::note_effect(&txn, action, &object).await?;
    db::audit::write(&txn, scope, &actor, action, object, now()).await?;
    txn.commit().await?;
    app.tell_all(changes);
    Ok(())
}

/// The refusal of a change that is based on another version than the present one.
pub(crate) fn version_changed(current: &impl serde::Serialize) -> ApiError {
    ApiError::from(ErrorCode::VersionChanged).current(current)
}

/// Refuses a name, or what else must be unique, that another object has.
pub(crate) fn free<T>(
    other: Option<T>,
    is_own: impl FnOnce(&T) -> bool,
    pointer: &str,
    detail: impl Into<String>,
) -> ApiResult<()> {
    match other {
        Some(other) if !is_own(&other) => Err(ApiError::from(ErrorCode::NameTaken)
            .detail(detail)
            .at(pointer)),
        _ => Ok(()),
    }
}
