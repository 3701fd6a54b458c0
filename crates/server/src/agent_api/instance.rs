//! Which process of an agent is the living one.
//!
//! `instance` is random per start. A new one takes over at once, because after a crash nothing says good-bye. The one
//! before is refused from then on; should it call after all, two processes live under one identity, and people are
//! told.

use holdfast_protocol::errors::ErrorCode;
use uuid::Uuid;

use crate::{
    app::{App, now},
    db::{self, AgentRow},
    live::What,
    problem::{ApiError, ApiResult},
};

/// What the caller's instance means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is the living one.
    Same,
    /// It is new and takes over.
    New,
    /// It was taken over from and calls after all.
    Superseded,
}

/// Judges an instance.
pub(super) fn standing(current: Option<Uuid>, previous: Option<Uuid>, caller: Uuid) -> Standing {
    if current == Some(caller) {
        Standing::Same
    } else if previous == Some(caller) {
        Standing::Superseded
    } else {
        Standing::New
    }
}

/// Lets the living instance pass, lets a new one take over, refuses the one before.
pub(super) async fn admit(app: &App, agent: &AgentRow, caller: Uuid) -> ApiResult<Standing> {
    // The row in hand may be older than a take-over that another request just made.
    let row = db::agents::by_wire_id(app.db.reader(), agent.id)
        .await?
        .ok_or(ErrorCode::AgentUnauthorized)?;
    let standing = standing(row.instance, row.previous_instance, caller);
    match standing {
        Standing::Same => {}
        Standing::New => {
            let txn = app.db.begin().await?;
            db::agents::take_over(&txn, row.id, caller, row.instance).await?;
            db::commands::drop_leases(&txn, row.id).await?;
            txn.commit().await?;
            // The poll of the instance before ends.
            app.wake.ring(row.id);
        }
        Standing::Superseded => {
            db::agents::mark_cloned(app.db.writer(), row.id, now()).await?;
            app.tell(row.tenant_id, What::Agent { uuid: row.uuid });
            return Err(ApiError::from(ErrorCode::AgentCloned)
                .detail(format!("Another process of \"{}\" took over.", row.name)));
        }
    }
    Ok(standing)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Standing, standing};

    #[test]
    fn a_new_process_takes_over_and_the_old_one_is_refused() {
        let [first, second, third] = [Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()];
        assert_eq!(standing(None, None, first), Standing::New);
        assert_eq!(standing(Some(first), None, first), Standing::Same);
        assert_eq!(standing(Some(first), None, second), Standing::New);
        assert_eq!(
            standing(Some(second), Some(first), first),
            Standing::Superseded
        );
        assert_eq!(standing(Some(second), Some(first), third), Standing::New);
    }
}
