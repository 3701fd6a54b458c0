//! The life of a command as a pure function.
//!
//! ```text
//! pending ──deliver──▶ delivered (lease, renewed while the agent lists it) ──▶ completed | failed
//!    │                     └── lease over: delivered again ──┘
//!    └──────── nobody took it in time ──▶ expired          withdrawn ──▶ cancelled
//! ```

use holdfast_protocol::{agent::commands::LEASE_SECONDS, api::commands::CommandStatus};

/// What decides about a command's next state. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CommandState {
    pub(crate) status: CommandStatus,
    pub(crate) lease_until: Option<i64>,
    pub(crate) deliveries: i64,
}

/// What happens to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandInput {
    /// Its agent asks for work and does not list it.
    Deliver { now: i64 },
    /// Its agent did what was asked.
    Complete,
    /// Its agent could not.
    Fail,
    /// Its time is over.
    Expire { now: i64 },
    /// Somebody withdraws it.
    Cancel,
}

/// The new state, or `None` when nothing changes.
pub(crate) fn apply(state: CommandState, input: CommandInput) -> Option<CommandState> {
    use CommandStatus::{Cancelled, Completed, Delivered, Expired, Failed, Pending};
    if state.status.is_terminal() {
        return None;
    }
    let lease_over = |now: i64| state.lease_until.is_none_or(|until| until <= now);
    match input {
        CommandInput::Deliver { now } if state.status == Pending || lease_over(now) => {
            Some(CommandState {
                status: Delivered,
                lease_until: Some(now + lease_ms()),
                deliveries: state.deliveries + 1,
            })
        }
        CommandInput::Deliver { .. } => None,
        CommandInput::Complete => Some(CommandState {
            status: Completed,
            lease_until: None,
            ..state
        }),
        CommandInput::Fail => Some(CommandState {
            status: Failed,
            lease_until: None,
            ..state
        }),
        CommandInput::Expire { now } if state.status == Delivered && !lease_over(now) => None,
        CommandInput::Expire { .. } => Some(CommandState {
            status: Expired,
            lease_until: None,
            ..state
        }),
        CommandInput::Cancel => Some(CommandState {
            status: Cancelled,
            lease_until: None,
            ..state
        }),
    }
}

/// How long a delivered command stays with its agent unless it lists it, in milliseconds.
pub(crate) fn lease_ms() -> i64 {
    LEASE_SECONDS as i64 * 1000
}

/// The word in the database.
pub(crate) fn as_str(status: CommandStatus) -> &'static str {
    match status {
        CommandStatus::Pending => "pending",
        CommandStatus::Delivered => "delivered",
        CommandStatus::Completed => "completed",
        CommandStatus::Failed => "failed",
        CommandStatus::Expired => "expired",
        CommandStatus::Cancelled => "cancelled",
    }
}

/// The status of a word in the database.
pub(crate) fn parse(word: &str) -> CommandStatus {
    match word {
        "pending" => CommandStatus::Pending,
        "delivered" => CommandStatus::Delivered,
        "completed" => CommandStatus::Completed,
        "expired" => CommandStatus::Expired,
        "cancelled" => CommandStatus::Cancelled,
        _ => CommandStatus::Failed,
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::api::commands::CommandStatus::{self, *};

    use super::{CommandInput, CommandState, apply, as_str, lease_ms, parse};

    const ALL: [CommandStatus; 6] = [Pending, Delivered, Completed, Failed, Expired, Cancelled];

    fn at(status: CommandStatus) -> CommandState {
        CommandState {
            status,
            lease_until: (status == Delivered).then_some(1000),
            deliveries: 1,
        }
    }

    #[test]
    fn words_read_back() {
        for status in ALL {
            assert_eq!(parse(as_str(status)), status);
        }
    }

    // Requirements: RUN-14
    #[test]
    fn each_input_in_each_state() {
        let inputs = [
            (CommandInput::Deliver { now: 500 }, [Some(Delivered), None]),
            (
                CommandInput::Deliver { now: 1000 },
                [Some(Delivered), Some(Delivered)],
            ),
            (CommandInput::Complete, [Some(Completed), Some(Completed)]),
            (CommandInput::Fail, [Some(Failed), Some(Failed)]),
            (CommandInput::Expire { now: 500 }, [Some(Expired), None]),
            (
                CommandInput::Expire { now: 1000 },
                [Some(Expired), Some(Expired)],
            ),
            (CommandInput::Cancel, [Some(Cancelled), Some(Cancelled)]),
        ];
        for (input, [pending, delivered]) in inputs {
            for status in ALL {
                let expected = match status {
                    Pending => pending,
                    Delivered => delivered,
                    _ => None,
                };
                assert_eq!(
                    apply(at(status), input).map(|next| next.status),
                    expected,
                    "{status:?} {input:?}"
                );
            }
        }
    }

    #[test]
    fn a_delivery_starts_a_lease_and_is_counted() {
        let next = apply(at(Pending), CommandInput::Deliver { now: 7 }).unwrap();
        assert_eq!(
            (next.lease_until, next.deliveries),
            (Some(7 + lease_ms()), 2)
        );
    }
}
