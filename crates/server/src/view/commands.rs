//! Commands as the client API shows them.

use holdfast_protocol::{
    Time,
    api::{commands::Command, common::AgentReference, session::Role},
    ids::CommandId,
};
use serde::de::DeserializeOwned;

use crate::{
    app::{App, now},
    auth::Caller,
    commands::{executor::is_online, queue, state},
    db::{self, CommandRow},
    problem::ApiResult,
};

/// A command with its answer.
pub(crate) async fn command<T: DeserializeOwned>(
    app: &App,
    caller: &Caller,
    row: CommandRow,
) -> ApiResult<Command<T>> {
    let agent = db::agents::by_ids(app.db.reader(), caller.scope, [row.agent_id])
        .await?
        .into_iter()
        .next();
    let agent = agent.ok_or(holdfast_protocol::errors::ErrorCode::NotFound)?;
    let status = state::parse(&row.status);
    let (result, failure) = queue::outcome(app, &row)?;
    let result = result.map(serde_json::from_value).transpose()?;
    Ok(Command {
        id: CommandId(row.uuid),
        status,
        agent: AgentReference {
            id: agent.uuid,
            online: is_online(&agent, now()),
            last_seen_at: agent.last_seen_at.map(Time::from_millis),
            name: agent.name,
        },
        result,
        failure,
        created_at: Time::from_millis(row.created_at),
        finished_at: row.finished_at.map(Time::from_millis),
        actions: vec![caller.action_unless(
            "cancel",
            Role::Operator,
            status.is_terminal().then_some("It is over."),
        )],
        kind: row.kind,
    })
}
