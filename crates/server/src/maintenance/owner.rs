//! Who maintains a vault.

use holdfast_protocol::agent::{Capabilities, CommandType};

use crate::{
    commands::executor,
    db::{AgentRow, JobRow, VaultRow},
};

/// A machine that was silent for longer, in milliseconds, loses its vaults to one that is there.
const SILENCE_MS: i64 = 3600 * 1000;

/// The machine that maintains a vault: the one that did so far while it is there or away for a moment only; else another one
/// that reaches the vault and is connected; else the one that did so far, for when it comes back.
pub(crate) fn owner<'a>(
    vault: &VaultRow,
    agents: &'a [AgentRow],
    jobs: &[JobRow],
    now: i64,
) -> Option<&'a AgentRow> {
    let reaches = |agent: &&AgentRow| vault.agent_id.is_none_or(|own| own == agent.id);
    let current = agents
        .iter()
        .filter(|agent| Some(agent.id) == vault.maintenance_agent_id && !agent.disabled)
        .find(reaches);
    if let Some(current) = current.filter(|current| !is_silent(current, now)) {
        return Some(current);
    }
    let able: Vec<AgentRow> = agents
        .iter()
        .filter(|agent| is_able(agent))
        .cloned()
        .collect();
    let chosen = executor::choose(vault, &able, jobs, now).map(|agent| agent.id);
    let chosen = chosen.and_then(|id| agents.iter().find(|agent| agent.id == id));
    chosen.or(current)
}

fn is_silent(agent: &AgentRow, now: i64) -> bool {
    agent
        .last_seen_at
        .is_none_or(|seen| now - seen > SILENCE_MS)
}

/// Whether its agent knows what maintenance is.
fn is_able(agent: &AgentRow) -> bool {
    let capabilities: Capabilities = serde_json::from_str(&agent.capabilities).unwrap_or_default();
    let word = CommandType::MaintenanceFull.as_str();
    capabilities.commands.iter().any(|known| known == word)
}

#[cfg(test)]
mod tests {
    use super::{SILENCE_MS, owner};
    use crate::maintenance::samples::{NOW, agent, vault};

    /// Number of the machine that maintains a vault which `current` maintained so far.
    fn chosen(current: Option<i64>, agents: &[crate::db::AgentRow]) -> Option<i64> {
        let mut vault = vault();
        vault.maintenance_agent_id = current;
        owner(&vault, agents, &[], NOW).map(|agent| agent.id)
    }

    #[test]
    fn a_machine_keeps_its_vault_while_it_is_away_for_a_moment() {
        let agents = [agent(1, SILENCE_MS), agent(2, 0)];
        assert_eq!(chosen(Some(1), &agents), Some(1));
        assert_eq!(chosen(None, &agents), Some(2));
        let agents = [agent(1, SILENCE_MS + 1), agent(2, 0)];
        assert_eq!(chosen(Some(1), &agents), Some(2), "silent for too long");
        let agents = [agent(1, SILENCE_MS + 1), agent(2, SILENCE_MS + 1)];
        assert_eq!(chosen(Some(1), &agents), Some(1), "nobody is better");
        assert_eq!(
            chosen(Some(3), &agents),
            None,
            "deleted, and nobody is there"
        );
    }

    #[test]
    fn a_disabled_machine_and_one_that_does_not_know_how_are_passed_over() {
        let mut agents = [agent(1, 0), agent(2, 0)];
        agents[0].disabled = true;
        assert_eq!(chosen(Some(1), &agents), Some(2));
        agents[1].capabilities = "{}".to_owned();
        assert_eq!(chosen(Some(1), &agents), None);
    }

    #[test]
    fn a_directory_is_maintained_on_its_own_machine() {
        let agents = [agent(1, 0), agent(2, 2 * SILENCE_MS)];
        let mut directory = vault();
        directory.agent_id = Some(2);
        directory.maintenance_agent_id = Some(1);
        assert!(owner(&directory, &agents, &[], NOW).is_none());
        directory.agent_id = Some(1);
        assert_eq!(
            owner(&directory, &agents, &[], NOW).map(|agent| agent.id),
            Some(1)
        );
    }
}
