//! What is to be done for a vault now, as a pure function.

use holdfast_protocol::api::vaults::MaintenanceMode;

use super::state::State;
use crate::{
    commands::executor::is_online,
    db::{AgentRow, VaultRow},
};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Wait,
    /// One is under way at a machine that does not own the vault any more: it is withdrawn, and begun anew elsewhere.
    Withdraw,
    /// One is due.
    Start(MaintenanceMode),
}

/// What is to be done for a vault whose owner is `owner`. `under_way` is the machine at which one is open.
pub(super) fn step(
    vault: &VaultRow,
    state: &State,
    owner: Option<&AgentRow>,
    under_way: Option<i64>,
    now: i64,
) -> Step {
    match (under_way, owner) {
        (Some(at), Some(owner)) if at != owner.id => return Step::Withdraw,
        (Some(_), _) | (None, None) => return Step::Wait,
        (None, Some(owner)) if !is_online(owner, now) => return Step::Wait,
        (None, Some(_)) => {}
    }
    let is_due = |mode| state.next(mode, vault) <= now;
    if is_due(MaintenanceMode::Full) {
        Step::Start(MaintenanceMode::Full)
    } else if is_due(MaintenanceMode::Quick) {
        Step::Start(MaintenanceMode::Quick)
    } else {
        Step::Wait
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{
        agent::commands::{Coverage, LocksExtended, MaintenanceDone},
        api::vaults::MaintenanceMode,
    };

    use super::{State, Step, step};
    use crate::{
        app::OFFLINE_AFTER_MS,
        maintenance::samples::{NOW, agent, vault},
        view::failures::failure,
    };

    const HOUR: i64 = 3600 * 1000;
    const QUICK: Step = Step::Start(MaintenanceMode::Quick);
    const FULL: Step = Step::Start(MaintenanceMode::Full);

    /// One that found nothing to do.
    fn done() -> MaintenanceDone {
        MaintenanceDone {
            seconds: 1.0,
            freed_blobs: 0,
            freed_bytes: 0,
            later: Vec::new(),
            problems: Vec::new(),
            next_quick_at: None,
            next_full_at: None,
            locks: None,
        }
    }

    #[test]
    fn a_new_vault_has_its_first_ones_after_an_hour_and_a_day() {
        let (vault, state, owner) = (vault(), State::default(), agent(1, -30 * HOUR));
        let at = |time| step(&vault, &state, Some(&owner), None, time);
        assert_eq!(at(NOW + HOUR - 1), Step::Wait);
        assert_eq!(at(NOW + HOUR), QUICK);
        assert_eq!(at(NOW + 24 * HOUR), FULL);
    }

    #[test]
    fn nothing_is_begun_without_a_machine_or_beside_another_one() {
        let (mut vault, state) = (vault(), State::default());
        vault.created_at = 0;
        let (there, away) = (agent(1, 0), agent(1, OFFLINE_AFTER_MS));
        assert_eq!(step(&vault, &state, Some(&there), None, NOW), FULL);
        assert_eq!(step(&vault, &state, Some(&away), None, NOW), Step::Wait);
        assert_eq!(step(&vault, &state, None, None, NOW), Step::Wait);
        assert_eq!(step(&vault, &state, Some(&there), Some(1), NOW), Step::Wait);
        assert_eq!(step(&vault, &state, None, Some(1), NOW), Step::Wait);
        assert_eq!(
            step(&vault, &state, Some(&there), Some(2), NOW),
            Step::Withdraw
        );
    }

    #[test]
    fn what_was_done_or_failed_says_when_the_next_one_comes() {
        let vault = vault();
        let mut state = State::default();
        let next = |state: &State, mode| (state.next(mode, &vault) - NOW) / HOUR;
        let mut done = MaintenanceDone {
            next_quick_at: jiff::Timestamp::from_millisecond(NOW + 2 * HOUR).ok(),
            next_full_at: jiff::Timestamp::from_millisecond(NOW + 48 * HOUR).ok(),
            ..done()
        };
        state.note(MaintenanceMode::Full, &done, NOW);
        assert_eq!(next(&state, MaintenanceMode::Quick), 2);
        assert_eq!(next(&state, MaintenanceMode::Full), 48);
        // What a repository says is bounded: neither at once again nor never.
        done.next_quick_at = jiff::Timestamp::from_millisecond(0).ok();
        done.next_full_at = jiff::Timestamp::from_millisecond(NOW + 10_000 * HOUR).ok();
        state.note(MaintenanceMode::Full, &done, NOW);
        assert!(state.next(MaintenanceMode::Quick, &vault) > NOW);
        assert_eq!(next(&state, MaintenanceMode::Full), 31 * 24);
        state.fail(MaintenanceMode::Full, failure("clock_wrong", None), NOW);
        state.fail(
            MaintenanceMode::Full,
            failure("clock_wrong", None),
            NOW + HOUR,
        );
        assert_eq!(state.failing_since, Some(NOW));
        assert_eq!(next(&state, MaintenanceMode::Full), 2);
        state.leave_to("ann@laptop".to_owned(), NOW);
        assert_eq!(
            (
                state.failure.is_none(),
                next(&state, MaintenanceMode::Quick)
            ),
            (true, 24)
        );
        state.note(MaintenanceMode::Quick, &done, NOW);
        assert_eq!((state.foreign_owner, state.failing_since), (None, None));
    }

    #[test]
    fn what_is_overdue_is_not_put_off_by_failures() {
        let vault = vault();
        let mut state = State::default();
        assert_eq!(state.full_due(&vault), Some(NOW + 24 * HOUR));
        assert_eq!(state.read_due(&vault), NOW + 30 * 24 * HOUR);
        let done = MaintenanceDone {
            next_full_at: jiff::Timestamp::from_millisecond(NOW + 48 * HOUR).ok(),
            locks: Some(LocksExtended {
                at: None,
                due_at: jiff::Timestamp::from_millisecond(NOW + 72 * HOUR).expect("a time"),
            }),
            ..done()
        };
        state.note(MaintenanceMode::Full, &done, NOW);
        state.fail(
            MaintenanceMode::Full,
            failure("clock_wrong", None),
            NOW + HOUR,
        );
        assert_eq!(
            (state.full_due(&vault), state.locks_due_at),
            (Some(NOW + 48 * HOUR), Some(NOW + 72 * HOUR))
        );
        state.note(MaintenanceMode::Quick, &done, NOW + 60 * HOUR);
        assert_eq!(state.full_due(&vault), Some(NOW + 48 * HOUR));
        state.leave_to("ann@laptop".to_owned(), NOW);
        assert_eq!((state.full_due(&vault), state.locks_due_at), (None, None));
    }

    #[test]
    fn what_a_vault_held_before_the_server_knew_it_has_a_whole_window() {
        let vault = vault();
        let due = |oldest: i64| {
            let mut state = State::default();
            let coverage = Coverage {
                window_days: 10,
                oldest: jiff::Timestamp::from_millisecond(oldest).ok(),
                ..Coverage::default()
            };
            state.cover(coverage, &vault, NOW + 20 * HOUR);
            (state.read_due(&vault) - NOW) / HOUR
        };
        assert_eq!(due(NOW - 1000 * HOUR), 240);
        assert_eq!(due(NOW + 5 * HOUR), 245);
        // A time that is not over yet is no time of reading.
        assert_eq!(due(NOW + 1000 * HOUR), 260);
    }
}
