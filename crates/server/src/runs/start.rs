//! Starting runs, and stopping them.

use holdfast_protocol::{
    agent::{
        CommandPayload,
        commands::{CreateRepository, Overwrite, Restore, RestoreItem},
    },
    errors::ErrorCode,
};
use sea_orm::ConnectionTrait;

use super::{
    changed, is_over, over,
    state::{RunInput, RunOutcome, apply},
    state_of, write_failure, write_state,
};
use crate::{
    app::{App, now},
    commands::queue::{self, Order},
    db::{
        self, AgentRow, JobRow, PointRow, PointSnapshotRow, RunRow, Scope, VaultRow, occurrences,
        runs::NewRun,
    },
    live::{Change, What},
    problem::{ApiError, ApiResult},
    retention,
};

/// What became of a request to start a job.
pub(crate) enum Started {
    /// A new run waits for its agent.
    New(RunRow),
    /// One waited already; the request joined it.
    Joined(RunRow),
}

/// Starts a run of a job. At most one waits: a second request joins it.
pub(crate) async fn start_job(
    app: &App,
    conn: &impl ConnectionTrait,
    job: &JobRow,
    agent: &AgentRow,
    vault: &VaultRow,
    trigger: &str,
) -> ApiResult<(Started, Vec<Change>)> {
    let scope = Scope::tenant(job.tenant_id);
    if !job.enabled {
        return Err(ApiError::from(ErrorCode::JobDisabled)
            .detail(format!("The job \"{}\" is disabled.", job.name)));
    }
    if agent.disabled {
        return Err(ApiError::from(ErrorCode::AgentDisabled)
            .detail(format!("The machine \"{}\" is disabled.", agent.name)));
    }
    let mut changes = Vec::new();
    if vault.state == "new" {
        changes.extend(order_repository(app, conn, vault, agent).await?);
    }
    if let Some(mut run) = db::runs::queued_of_job(conn, scope, job.id).await? {
        // What somebody asked for is bound to no window, and is not withdrawn.
        if trigger == "manual" && run.trigger_kind != trigger {
            run.trigger_kind = trigger.to_owned();
            run.stop_at = None;
            run = db::runs::save(conn, run).await?;
            changes.push(changed(&run));
        }
        return Ok((Started::Joined(run), changes));
    }
    let new = queued_backup(job, trigger, policy_snapshot(job)?);
    let run = db::runs::insert(conn, scope, new, now()).await?;
    changes.push(changed(&run));
    changes.push(Change {
        tenant_id: job.tenant_id,
        what: What::Job { uuid: job.uuid },
    });
    Ok((Started::New(run), changes))
}

/// A backup of a job that waits.
pub(super) fn queued_backup(job: &JobRow, trigger: &str, policy: String) -> NewRun {
    NewRun {
        job_id: Some(job.id),
        job_name: job.name.clone(),
        agent_id: job.agent_id,
        vault_id: job.vault_id,
        run_type: "backup".to_owned(),
        trigger_kind: trigger.to_owned(),
        attempt: 0,
        paths: job.paths.clone(),
        policy,
        source_point_id: None,
        target_path: None,
        stop_at: None,
    }
}

/// The settings of a job as they are at a run's start.
pub(crate) fn policy_snapshot(job: &JobRow) -> ApiResult<String> {
    let policy: serde_json::Value = serde_json::from_str(&job.policy)?;
    let schedule: serde_json::Value = serde_json::from_str(&job.schedule)?;
    let snapshot = serde_json::json!({
        "policy": policy,
        "retention": retention::of_job(job)?,
        "schedule": schedule,
        "upload_limit_bytes_per_second": job.upload_limit,
    });
    Ok(snapshot.to_string())
}

/// Asks an agent to make a vault's repository, unless one was asked already.
pub(crate) async fn order_repository(
    app: &App,
    conn: &impl ConnectionTrait,
    vault: &VaultRow,
    agent: &AgentRow,
) -> ApiResult<Vec<Change>> {
    let scope = Scope::tenant(vault.tenant_id);
    let kind = holdfast_protocol::agent::CommandType::CreateRepository.as_str();
    if !db::commands::open_of(conn, scope, kind, None, Some(vault.id))
        .await?
        .is_empty()
    {
        return Ok(Vec::new());
    }
    db::vaults::set_state(conn, scope, vault.id, "creating", None, Some(agent.id)).await?;
    let order = Order::about_vault(
        CommandPayload::CreateRepository(CreateRepository {}),
        agent,
        vault,
    );
    let command = queue::insert(app, conn, order).await?;
    Ok(vec![
        Change {
            tenant_id: vault.tenant_id,
            what: What::Vault { uuid: vault.uuid },
        },
        Change {
            tenant_id: vault.tenant_id,
            what: What::Command { uuid: command.uuid },
        },
    ])
}

/// What a restore is made of.
pub(crate) struct RestoreOrder<'a> {
    pub(crate) point: &'a PointRow,
    pub(crate) snapshots: &'a [PointSnapshotRow],
    /// Parts of the snapshots; empty for all of them.
    pub(crate) items: Vec<(PointSnapshotRow, String)>,
    pub(crate) agent: &'a AgentRow,
    pub(crate) vault: &'a VaultRow,
    pub(crate) target_path: &'a str,
    pub(crate) overwrite: Overwrite,
    pub(crate) job_name: String,
}

/// Starts a restore: its run shows the progress, its command does the work.
pub(crate) async fn start_restore(
    app: &App,
    conn: &impl ConnectionTrait,
    order: RestoreOrder<'_>,
) -> ApiResult<(RunRow, Vec<Change>)> {
    let scope = Scope::tenant(order.point.tenant_id);
    let items = restore_items(&order);
    let first = order.snapshots.first().ok_or(ErrorCode::PointGone)?;
    let paths: Vec<String> = if order.items.is_empty() {
        order
            .snapshots
            .iter()
            .map(|snapshot| snapshot.path.clone())
            .collect()
    } else {
        order
            .items
            .iter()
            .map(|(snapshot, path)| join(&snapshot.path, path))
            .collect()
    };
    let new = NewRun {
        job_id: order.point.job_id,
        job_name: order.job_name,
        agent_id: order.agent.id,
        vault_id: order.vault.id,
        run_type: "restore".to_owned(),
        trigger_kind: "manual".to_owned(),
        attempt: 1,
        paths: serde_json::to_string(&paths)?,
        policy: serde_json::json!({ "overwrite": order.overwrite }).to_string(),
        source_point_id: Some(order.point.id),
        target_path: Some(order.target_path.to_owned()),
        stop_at: None,
    };
    let run = db::runs::insert(conn, scope, new, now()).await?;
    let payload = CommandPayload::Restore(Restore {
        manifest_id: first.manifest_id.clone(),
        target_path: order.target_path.to_owned(),
        restore_run_id: holdfast_protocol::agent::RunId(run.id),
        attempt: holdfast_protocol::agent::Attempt(1),
        items,
        overwrite: order.overwrite,
        parallelism: None,
        bandwidth_limit_kbps: None,
    });
    let mut command = Order::about_vault(payload, order.agent, order.vault);
    command.run_id = Some(run.id);
    let command = queue::insert(app, conn, command).await?;
    let changes = vec![
        changed(&run),
        Change {
            tenant_id: run.tenant_id,
            what: What::Command { uuid: command.uuid },
        },
    ];
    Ok((run, changes))
}

fn join(root: &str, path: &str) -> String {
    if path.is_empty() {
        root.to_owned()
    } else {
        format!("{}/{path}", root.trim_end_matches('/'))
    }
}

/// What the agent is told to bring back. Chosen files and folders get their own names below the target, so that one
/// does not run into another; several source paths go into folders of their own, named after them.
fn restore_items(order: &RestoreOrder<'_>) -> Vec<RestoreItem> {
    if !order.items.is_empty() {
        let whole = matches!(&order.items[..], [(_, path)] if path.is_empty());
        let names = folder_names(order.items.iter().map(|(snapshot, path)| {
            if path.is_empty() {
                snapshot.path.as_str()
            } else {
                path.as_str()
            }
        }));
        return order
            .items
            .iter()
            .zip(names)
            .map(|((snapshot, path), name)| RestoreItem {
                manifest_id: Some(snapshot.manifest_id.clone()),
                path: path.clone(),
                into: if whole { String::new() } else { name },
            })
            .collect();
    }
    if order.snapshots.len() <= 1 {
        return Vec::new();
    }
    let folders = folder_names(
        order
            .snapshots
            .iter()
            .map(|snapshot| snapshot.path.as_str()),
    );
    order
        .snapshots
        .iter()
        .zip(folders)
        .map(|(snapshot, into)| RestoreItem {
            manifest_id: Some(snapshot.manifest_id.clone()),
            path: String::new(),
            into,
        })
        .collect()
}

/// One folder name a source path: its last part, with a number where two would be the same.
fn folder_names<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    paths
        .map(|path| {
            let last = path
                .rsplit(['/', '\\'])
                .find(|part| !part.is_empty())
                .unwrap_or("root");
            let last = last.replace(':', "");
            let mut name = last.clone();
            let mut number = 2;
            while !taken.insert(name.to_lowercase()) {
                name = format!("{last}-{number}");
                number += 1;
            }
            name
        })
        .collect()
}

/// Asks to stop a run; one that only waits is over at once. The caller commits and wakes the agent.
pub(crate) async fn cancel(
    app: &App,
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
) -> ApiResult<(RunRow, Vec<Change>)> {
    let now = now();
    let mut changes = Vec::new();
    let mut run = db::runs::lock(conn, scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    match apply(state_of(&run), RunInput::Cancel) {
        RunOutcome::Changed(state) => {
            write_state(&mut run, state, now);
            run = db::runs::save(conn, run).await?;
            if state.status.is_terminal() {
                over(app, conn, &run).await?;
                let reason = Some(occurrences::reasons::CANCELLED);
                occurrences::leave_queue(conn, run.id, occurrences::SKIPPED, reason).await?;
                let restore = holdfast_protocol::agent::CommandType::Restore.as_str();
                for command in
                    db::commands::open_of(conn, scope, restore, Some(run.id), None).await?
                {
                    let why = ErrorCode::CommandWithdrawn.failure(None);
                    changes.extend(queue::withdraw(app, conn, command, why, now).await?);
                }
            }
        }
        RunOutcome::Ignored => {}
        _ => return Err(is_over()),
    }
    changes.push(changed(&run));
    Ok((run, changes))
}

/// Ends a run by the schedule's own rule, whose code is a failure's and an event's at once; one that only waits is over
/// at once, one at work is asked to stop. One that is over, or was asked already, is left alone.
pub(crate) async fn end_early(
    app: &App,
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    code: &str,
) -> ApiResult<Vec<Change>> {
    let now = now();
    let Some(mut run) = db::runs::lock(conn, scope, id).await? else {
        return Ok(Vec::new());
    };
    let RunOutcome::Changed(state) = apply(state_of(&run), RunInput::Cancel) else {
        return Ok(Vec::new());
    };
    write_failure(app, &mut run, code, None);
    write_state(&mut run, state, now);
    let event = super::events::Incoming::of_server(code, serde_json::Map::new(), now);
    let attempt = run.attempt;
    let mut changes = super::events::append(conn, app, &mut run, attempt, vec![event]).await?;
    let run = db::runs::save(conn, run).await?;
    if state.status.is_terminal() {
        over(app, conn, &run).await?;
    }
    changes.push(changed(&run));
    Ok(changes)
}

/// Fails a run that cannot be carried out.
pub(crate) async fn fail(
    app: &App,
    conn: &impl ConnectionTrait,
    mut run: RunRow,
    code: &str,
    detail: Option<&str>,
) -> ApiResult<Vec<Change>> {
    let now = now();
    let RunOutcome::Changed(state) = apply(state_of(&run), RunInput::Impossible) else {
        return Ok(Vec::new());
    };
    occurrences::leave_queue(conn, run.id, occurrences::STARTED, None).await?;
    write_failure(app, &mut run, code, detail);
    write_state(&mut run, state, now);
    let mut params = serde_json::Map::new();
    let failure = crate::view::failures::failure(code, detail.map(str::to_owned));
    params.insert(
        "message".to_owned(),
        failure.detail.unwrap_or(failure.title).into(),
    );
    let event = super::events::Incoming::of_server(
        holdfast_protocol::agent::events::RUN_FAILED,
        params,
        now,
    );
    let attempt = run.attempt;
    let mut changes = super::events::append(conn, app, &mut run, attempt, vec![event]).await?;
    let run = db::runs::save(conn, run).await?;
    over(app, conn, &run).await?;
    changes.push(changed(&run));
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::{folder_names, join};

    #[test]
    fn several_paths_get_folders_of_their_own() {
        let names = folder_names(["/srv/data", "/home/data/", "C:\\Users", "/", "D:"].into_iter());
        assert_eq!(names, ["data", "data-2", "Users", "root", "D"]);
    }

    #[test]
    fn a_part_is_named_below_its_source_path() {
        assert_eq!(join("/srv/", "a/b"), "/srv/a/b");
        assert_eq!(join("/srv", ""), "/srv");
    }
}
