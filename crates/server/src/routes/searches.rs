//! Finding files in all restore points at once.

use axum::{extract::State, http::StatusCode};
use holdfast_planning::find::NamePattern;
use holdfast_protocol::{
    Time,
    agent::{
        CommandPayload,
        commands::{LARGEST_SEARCH_PAGE, Search as Order, SearchedSource},
    },
    api::{
        common::Reference,
        searches::{Search, SearchRequest, VaultNotSearched, VaultSearch},
    },
    errors::ErrorCode,
};
use jiff::Timestamp;

use super::input;
use crate::{
    app::App,
    auth::Caller,
    commands::{executor, queue},
    db::{self, AgentRow, VaultRow},
    extract::{Body, Json},
    problem::{ApiError, ApiResult},
    view,
};

/// Longest pattern, in bytes.
const LONGEST_PATTERN: usize = 4096;

/// Versions that are told of each path; all of one are told by `points/{id}/versions`.
const VERSIONS: u32 = 10;

/// Begins to look for files in all vaults, each by a machine that reaches it.
#[utoipa::path(post, path = "/searches", tag = "searches", request_body = SearchRequest,
    responses((status = 202, body = Search)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<SearchRequest>,
) -> ApiResult<(StatusCode, Json<Search>)> {
    check(&request)?;
    let conn = app.db.reader();
    let source = match request.agent_id {
        None => None,
        Some(id) => {
            let agent = db::agents::find(conn, caller.scope, id.0).await?;
            let agent =
                agent.ok_or_else(|| ApiError::unknown("/agent_id", "there is no such machine"))?;
            Some(SearchedSource {
                user: agent.source_user,
                host: agent.source_host,
                path: String::new(),
            })
        }
    };
    let vaults = match request.vault_id {
        None => db::vaults::all(conn, caller.scope).await?,
        Some(id) => {
            let vault = db::vaults::find(conn, caller.scope, id.0).await?;
            vec![vault.ok_or_else(|| ApiError::unknown("/vault_id", "there is no such vault"))?]
        }
    };
    let order = Order {
        pattern: request.pattern.trim().to_owned(),
        match_case: request.match_case,
        path: None,
        sources: source.into_iter().collect(),
        from: request.from.map(timestamp).transpose()?,
        to: request.to.map(timestamp).transpose()?,
        deleted: request.deleted,
        cursor: request.cursor,
        limit: request.limit,
        versions: Some(VERSIONS),
    };
    // In the others is nothing yet.
    let vaults: Vec<VaultRow> = vaults
        .into_iter()
        .filter(|vault| vault.state == "ready")
        .collect();
    let mut chosen: Vec<(VaultRow, AgentRow)> = Vec::new();
    let mut not_searched = Vec::new();
    for vault in vaults {
        match executor::of_vault(conn, caller.scope, &vault).await {
            Ok(agent) => chosen.push((vault, agent)),
            Err(error) if error.code() == ErrorCode::NoAgentOnline => {
                let failure = error.code().failure(error.problem().detail);
                let vault = reference(&vault);
                not_searched.push(VaultNotSearched { vault, failure });
            }
            Err(error) => return Err(error),
        }
    }
    let mut searched = Vec::new();
    for (vault, agent) in chosen {
        let payload = CommandPayload::Search(order.clone());
        let order = queue::Order::about_vault(payload, &agent, &vault);
        let command = queue::send(&app, order).await?;
        searched.push(VaultSearch {
            vault: reference(&vault),
            command: view::commands::command(&app, &caller, command).await?,
        });
    }
    let search = Search {
        vaults: searched,
        not_searched,
    };
    Ok((StatusCode::ACCEPTED, Json(search)))
}

fn check(request: &SearchRequest) -> ApiResult<()> {
    let pattern = request.pattern.trim();
    if pattern.is_empty() {
        return Err(ApiError::field("/pattern", "missing", "must not be empty"));
    }
    if pattern.len() > LONGEST_PATTERN || pattern.contains(['\n', '\0']) {
        let detail = format!("must be one line of at most {LONGEST_PATTERN} bytes");
        return Err(ApiError::field("/pattern", "invalid", detail));
    }
    if let Err(error) = NamePattern::parse(pattern, !request.match_case) {
        return Err(ApiError::field("/pattern", "pattern", error.to_string()));
    }
    input::limit(request.limit, LARGEST_SEARCH_PAGE)?;
    if request.cursor.is_some() && request.vault_id.is_none() {
        let detail = "must be given together with vault_id, of which it is a place";
        return Err(ApiError::field("/cursor", "invalid", detail));
    }
    if let (Some(from), Some(to)) = (request.from, request.to)
        && from > to
    {
        return Err(ApiError::field("/to", "invalid", "must not be before from"));
    }
    Ok(())
}

fn timestamp(time: Time) -> ApiResult<Timestamp> {
    Timestamp::from_millisecond(time.as_millis()).map_err(ApiError::internal)
}

fn reference(vault: &VaultRow) -> Reference {
    Reference {
        id: vault.uuid,
        name: vault.name.clone(),
    }
}
