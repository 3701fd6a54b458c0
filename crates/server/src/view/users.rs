//! Accounts as the client API shows them.

use holdfast_protocol::{
    Time,
    api::{session::Role, users::User},
    ids::UserId,
};

use crate::{
    auth::{Caller, access::parse_role},
    db::UserRow,
};

/// An account.
pub(crate) fn user(caller: &Caller, row: UserRow) -> User {
    let own = (row.id == caller.user.id).then_some("One cannot delete one's own account.");
    User {
        id: UserId(row.uuid),
        role: parse_role(&row.role),
        disabled: row.disabled,
        last_sign_in_at: row.last_sign_in_at.map(Time::from_millis),
        created_at: Time::from_millis(row.created_at),
        version: row.version,
        actions: vec![
            caller.action("update", Role::Admin),
            caller.action_unless("delete", Role::Admin, own),
        ],
        email: row.email,
        name: row.name,
    }
}
