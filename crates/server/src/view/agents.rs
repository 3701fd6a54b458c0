//! Machines as the client API shows them.

use holdfast_protocol::{
    Time,
    agent::{Capabilities, Volume},
    api::{
        agents::{Agent, AgentState, Capability},
        common::Reference,
        session::Role,
    },
    ids::AgentId,
};

use super::catalog::Catalog;
use crate::{
    auth::Caller,
    commands::executor::is_online,
    db::{AgentRow, RunRow},
};

/// Two living instances are shown for so long after they were last seen, in milliseconds.
const CLONED_SHOWN_MS: i64 = 10 * 60 * 1000;

/// A machine. `active` are the tenant's runs that are not over.
pub(crate) fn agent(
    catalog: &Catalog,
    caller: &Caller,
    active: &[RunRow],
    row: &AgentRow,
) -> Agent {
    let online = is_online(row, catalog.now);
    let jobs: Vec<Reference> = catalog
        .jobs
        .iter()
        .filter(|job| job.agent_id == row.id)
        .map(|job| Reference {
            id: job.uuid,
            name: job.name.clone(),
        })
        .collect();
    let holds_vault = catalog
        .vaults
        .iter()
        .any(|vault| vault.agent_id == Some(row.id));
    let in_use = if !jobs.is_empty() {
        Some("It still has jobs. Delete them first.")
    } else if holds_vault {
        Some("A vault lies on it. Delete that first.")
    } else {
        None
    };
    let offline = (!online).then_some("It is not connected.");
    Agent {
        id: AgentId(row.uuid),
        name: row.name.clone(),
        host: row.host.clone(),
        state: if row.disabled {
            AgentState::Disabled
        } else if online {
            AgentState::Online
        } else {
            AgentState::Unreachable
        },
        last_seen_at: row.last_seen_at.map(Time::from_millis),
        enrolled_at: Time::from_millis(row.created_at),
        os: known(&row.os),
        architecture: known(&row.architecture),
        agent_version: known(&row.agent_version),
        capabilities: capabilities(row),
        volumes: serde_json::from_str::<Vec<Volume>>(&row.volumes).unwrap_or_default(),
        clock_offset_seconds: row.clock_offset_ms.map(|offset| offset as f64 / 1000.0),
        cloned: row
            .cloned_at
            .is_some_and(|at| catalog.now - at < CLONED_SHOWN_MS),
        on_server_host: row.on_server_host,
        jobs,
        active_runs: active
            .iter()
            .filter(|run| run.agent_id == Some(row.id))
            .map(|run| Reference {
                id: run.uuid,
                name: run.job_name.clone(),
            })
            .collect(),
        version: row.version,
        actions: vec![
            caller.action("update", Role::Admin),
            caller.action_unless("browse", Role::Operator, offline),
            caller.action_unless(
                "disable",
                Role::Admin,
                row.disabled.then_some("It is disabled already."),
            ),
            caller.action_unless(
                "enable",
                Role::Admin,
                (!row.disabled).then_some("It is enabled."),
            ),
            caller.action_unless("delete", Role::Admin, in_use),
        ],
    }
}

fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn capabilities(row: &AgentRow) -> Vec<Capability> {
    let reported: Capabilities = serde_json::from_str(&row.capabilities).unwrap_or_default();
    if reported == Capabilities::default() {
        return Vec::new();
    }
    let needs_update = "This version of the agent cannot do it. Update the agent.";
    let has = |command: &str| reported.commands.iter().any(|known| known == command);
    let entry = |name: &str, available: bool, reason: &str| Capability {
        name: name.to_owned(),
        available,
        reason: (!available).then(|| reason.to_owned()),
    };
    vec![
        entry(
            "files",
            reported.engines.iter().any(|engine| engine == "kopia"),
            needs_update,
        ),
        entry("restore", has("restore"), needs_update),
        entry("browse", has("browse_directory"), needs_update),
        entry("directory_vault", has("create_repository"), needs_update),
        entry(
            "reads_everything",
            reported.privileged,
            "It does not run as root or as the system, so it reads only what its account may read.",
        ),
    ]
}
