//! What a job takes of its machine: the checks of its paths and rules, and the questions to the agent before it runs.

use axum::{extract::State, http::StatusCode};
use holdfast_planning::ignore::Pattern;
use holdfast_protocol::{
    agent::{
        CommandPayload,
        commands::{Estimate, EstimateResult, ExplainPath, PathExplanation, Selection},
    },
    api::{
        agents::{EstimateRequest, ExplanationRequest},
        commands::Command,
        jobs::JobPolicy,
    },
    errors::ErrorCode,
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{commands::answer, input};
use crate::{
    agent_api::work::selecting,
    app::{App, now},
    auth::Caller,
    commands::{
        executor::is_online,
        queue::{self, Order},
    },
    db,
    extract::{Body, Id, Json},
    problem::{ApiError, ApiResult},
};

const MOST_PATHS: usize = 200;
const MOST_RULES: usize = 1000;
const LONGEST_RULE: usize = 4096;

/// Checks the source paths of a job.
pub(super) fn check_paths(paths: &[String]) -> ApiResult<()> {
    if paths.is_empty() || paths.len() > MOST_PATHS {
        return Err(ApiError::field(
            "/paths",
            "out_of_range",
            format!("must name 1 to {MOST_PATHS} paths"),
        ));
    }
    for (index, path) in paths.iter().enumerate() {
        input::absolute_path(path, &format!("/paths/{index}"))?;
        if paths[..index].contains(path) {
            return Err(ApiError::field(
                format!("/paths/{index}"),
                "duplicate",
                "is named twice",
            ));
        }
    }
    Ok(())
}

/// Checks the policy of a job. A rule that cannot be read would make a backup fail, so it is refused here.
pub(super) fn check_policy(policy: &JobPolicy) -> ApiResult<()> {
    check_rules(&policy.ignore_rules, "/policy/ignore_rules")?;
    check_rules(&policy.include_rules, "/policy/include_rules")?;
    for (index, rule) in policy.include_rules.iter().enumerate() {
        if rule.trim_start().starts_with('!') {
            return Err(ApiError::field(
                format!("/policy/include_rules/{index}"),
                "negated",
                "must not begin with !; what is to be left out belongs to the other rules",
            ));
        }
    }
    if policy
        .max_file_size_bytes
        .is_some_and(|size| size == 0 || i64::try_from(size).is_err())
    {
        return Err(ApiError::field(
            "/policy/max_file_size_bytes",
            "out_of_range",
            "must be at least 1",
        ));
    }
    if policy
        .parallelism
        .is_some_and(|files| !(1..=64).contains(&files))
    {
        return Err(ApiError::field(
            "/policy/parallelism",
            "out_of_range",
            "must be 1 to 64",
        ));
    }
    Ok(())
}

fn check_rules(rules: &[String], pointer: &str) -> ApiResult<()> {
    if rules.len() > MOST_RULES {
        let detail = format!("must be at most {MOST_RULES} rules");
        return Err(ApiError::field(pointer, "out_of_range", detail));
    }
    for (index, rule) in rules.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        if rule.trim().is_empty() {
            return Err(ApiError::field(pointer, "missing", "must not be empty"));
        }
        if rule.len() > LONGEST_RULE || rule.contains(['\n', '\0']) {
            let detail = format!("must be one line of at most {LONGEST_RULE} bytes");
            return Err(ApiError::field(pointer, "invalid", detail));
        }
        if let Err(error) = Pattern::parse("", rule) {
            return Err(ApiError::field(pointer, "rule", error.kind.to_string()));
        }
    }
    Ok(())
}

/// Counts what a job would take of a machine and leave out, rule by rule. Counts so far come by the stream topic
/// `commands/<id>`.
#[utoipa::path(post, path = "/agents/{id}/estimates", tag = "agents", params(("id" = uuid::Uuid, Path)),
    request_body = EstimateRequest,
    responses((status = 200, body = Command<EstimateResult>), (status = 202, body = Command<EstimateResult>)))]
pub(crate) async fn estimate(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<EstimateRequest>,
) -> ApiResult<(StatusCode, Json<Command<EstimateResult>>)> {
    let selection = selection(request.paths, request.policy)?;
    let payload = CommandPayload::Estimate(Estimate { selection });
    ask(&app, &caller, id, payload, request.wait_seconds).await
}

/// Says whether a job would take one path of a machine, and which rule decides.
#[utoipa::path(post, path = "/agents/{id}/path-explanations", tag = "agents", params(("id" = uuid::Uuid, Path)),
    request_body = ExplanationRequest,
    responses((status = 200, body = Command<PathExplanation>), (status = 202, body = Command<PathExplanation>)))]
pub(crate) async fn explain(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<ExplanationRequest>,
) -> ApiResult<(StatusCode, Json<Command<PathExplanation>>)> {
    let selection = selection(request.paths, request.policy)?;
    input::absolute_path(&request.path, "/path")?;
    let payload = CommandPayload::ExplainPath(ExplainPath {
        selection,
        path: request.path,
    });
    ask(&app, &caller, id, payload, request.wait_seconds).await
}

/// The words of a job in those of the agent.
fn selection(paths: Vec<String>, policy: JobPolicy) -> ApiResult<Selection> {
    check_paths(&paths)?;
    check_policy(&policy)?;
    Ok(Selection {
        policy_json: selecting(&policy),
        source_paths: paths,
        include_globs: policy.include_rules,
        exclude_globs: policy.ignore_rules,
    })
}

async fn ask<T: DeserializeOwned>(
    app: &App,
    caller: &Caller,
    id: Uuid,
    payload: CommandPayload,
    wait_seconds: Option<u64>,
) -> ApiResult<(StatusCode, Json<Command<T>>)> {
    let wait = input::wait(wait_seconds)?;
    let agent = db::agents::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    if !is_online(&agent, now()) {
        return Err(ApiError::from(ErrorCode::NoAgentOnline)
            .detail(format!("\"{}\" is not connected.", agent.name)));
    }
    let command = queue::send(app, Order::about_machine(payload, &agent)).await?;
    answer(app, caller, command, wait).await
}
