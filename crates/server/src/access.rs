//! What the ends of runs and commands tell of whether their machine can open their vault.
//!
//! Of each machine what it told last counts, for itself alone: that one machine reaches a vault says nothing of another one.

use holdfast_protocol::{
    agent::{
        CommandType,
        commands::{ProbeCheck, RepositoryFinding, TestVaultResult},
        failures,
    },
    api::{commands::CommandStatus, problem::Failure},
};
use sea_orm::ConnectionTrait;
use serde_json::Value;

use crate::{
    db::{
        self, CommandRow, RunRow,
        vault_access::{Depth, Told},
    },
    problem::ApiResult,
};

/// Codes with which work fails because its vault cannot be opened.
const CLOSED_VAULT: &[&str] = &[
    failures::REPOSITORY_MISSING,
    failures::WRONG_PASSWORD,
    failures::REPOSITORY_TOO_NEW,
    failures::REPOSITORY_DAMAGED,
    failures::STORAGE_UNREACHABLE,
    failures::STORAGE_DENIED,
    failures::STORAGE_NOT_FOUND,
    failures::STORAGE_UNRELIABLE,
];

/// Notes what the end of a run tells.
pub(crate) async fn of_run(conn: &impl ConnectionTrait, run: &RunRow) -> ApiResult<()> {
    let depth = match run.run_type.as_str() {
        "backup" => Depth::Writing,
        _ => Depth::Reading,
    };
    let told = by_status(&run.status, run.error_code.as_deref(), depth);
    if let (Some(told), Some(agent), Some(at)) = (told, run.agent_id, run.finished_at) {
        db::vault_access::tell(conn, run.vault_id, agent, told, at).await?;
    }
    Ok(())
}

/// Notes what the end of a command tells, at `now`.
pub(crate) async fn of_command(
    conn: &impl ConnectionTrait,
    command: &CommandRow,
    status: CommandStatus,
    result: Option<&Value>,
    why: Option<&Failure>,
    now: i64,
) -> ApiResult<()> {
    let kind = CommandType::parse(&command.kind);
    let told = kind.and_then(|kind| by_command(kind, status, result, why));
    if let (Some(told), Some(vault)) = (told, command.vault_id) {
        db::vault_access::tell(conn, vault, command.agent_id, told, now).await?;
    }
    Ok(())
}

fn by_status(status: &str, code: Option<&str>, depth: Depth) -> Option<Told> {
    match status {
        "success" | "partial_success" => Some(Told::Opened(depth)),
        "failed" => by_code(code?, depth),
        _ => None,
    }
}

fn by_code(code: &str, depth: Depth) -> Option<Told> {
    CLOSED_VAULT
        .contains(&code)
        .then(|| Told::Failed(depth, Some(code.to_owned())))
}

fn by_command(
    kind: CommandType,
    status: CommandStatus,
    result: Option<&Value>,
    why: Option<&Failure>,
) -> Option<Told> {
    match (kind, status) {
        (CommandType::TestVault, CommandStatus::Completed) => {
            by_test(&serde_json::from_value(result?.clone()).ok()?)
        }
        (CommandType::CreateRepository, CommandStatus::Completed) => {
            Some(Told::Opened(Depth::Writing))
        }
        // There may have been nothing to write.
        (
            CommandType::ListPoints
            | CommandType::ListContent
            | CommandType::DeletePoints
            | CommandType::MaintenanceQuick
            | CommandType::MaintenanceFull,
            CommandStatus::Completed,
        ) => Some(Told::Opened(Depth::Reading)),
        // What only reads fails for nothing else than that the vault cannot be read.
        (CommandType::ListPoints | CommandType::ListContent, CommandStatus::Failed) => {
            by_code(&why?.code, Depth::Reading)
        }
        _ => None,
    }
}

/// A test deletes as well, and who may not delete can still open.
fn by_test(test: &TestVaultResult) -> Option<Told> {
    if test.ok {
        let is_there = test.repository == RepositoryFinding::Present;
        return is_there.then_some(Told::Opened(Depth::Writing));
    }
    match test.findings.iter().find(|finding| !finding.ok) {
        Some(finding) if finding.check == ProbeCheck::Delete => None,
        Some(finding) => Some(Told::Failed(Depth::Writing, finding.code.clone())),
        None => Some(Told::Failed(Depth::Writing, None)),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{
        agent::{CommandType, failures},
        api::commands::CommandStatus::{Cancelled, Completed, Expired, Failed},
    };
    use serde_json::json;

    use super::{Depth, Told, by_command, by_status};
    use crate::view::failures::failure;

    #[test]
    fn runs_tell_by_their_end() {
        let failed = |code: &str| Some(Told::Failed(Depth::Reading, Some(code.to_owned())));
        let opened = Some(Told::Opened(Depth::Reading));
        for (status, code, expected) in [
            ("success", None, opened.clone()),
            ("partial_success", None, opened),
            (
                "failed",
                Some(failures::STORAGE_DENIED),
                failed("storage_denied"),
            ),
            ("failed", Some(failures::SOURCE_MISSING), None),
            ("failed", Some(failures::AGENT_OFFLINE), None),
            ("failed", None, None),
            ("cancelled", None, None),
        ] {
            assert_eq!(
                by_status(status, code, Depth::Reading),
                expected,
                "{status} {code:?}"
            );
        }
    }

    #[test]
    fn commands_tell_when_they_came_to_the_vault() {
        let denied = failure(failures::STORAGE_DENIED, None);
        let failed = |depth| Some(Told::Failed(depth, Some("storage_denied".to_owned())));
        let test = |ok: bool, check: &str, repository: &str| {
            let finding = json!({ "check": check, "ok": ok, "code": "storage_denied", "message": "", "duration_ms": 1 });
            json!({ "ok": ok, "location": "x", "findings": [finding], "repository": repository })
        };
        for (kind, status, result, why, expected) in [
            (
                CommandType::TestVault,
                Completed,
                Some(test(true, "list", "present")),
                None,
                Some(Told::Opened(Depth::Writing)),
            ),
            // That there is room for a repository tells nothing of one.
            (
                CommandType::TestVault,
                Completed,
                Some(test(true, "list", "absent")),
                None,
                None,
            ),
            (
                CommandType::TestVault,
                Completed,
                Some(test(false, "list", "unknown")),
                None,
                failed(Depth::Writing),
            ),
            (
                CommandType::TestVault,
                Completed,
                Some(test(false, "delete", "unknown")),
                None,
                None,
            ),
            // Nobody tried.
            (CommandType::TestVault, Expired, None, None, None),
            (CommandType::TestVault, Cancelled, None, None, None),
            (
                CommandType::ListPoints,
                Completed,
                None,
                None,
                Some(Told::Opened(Depth::Reading)),
            ),
            (
                CommandType::ListPoints,
                Failed,
                None,
                Some(&denied),
                failed(Depth::Reading),
            ),
            // It may be that only deleting is not allowed.
            (
                CommandType::MaintenanceFull,
                Failed,
                None,
                Some(&denied),
                None,
            ),
            (CommandType::BrowseDirectory, Completed, None, None, None),
        ] {
            assert_eq!(
                by_command(kind, status, result.as_ref(), why),
                expected,
                "{kind:?} {status:?}"
            );
        }
    }
}
