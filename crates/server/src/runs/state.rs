//! The life of a run as a pure function: what each event does to it. Nothing here touches a clock or the database.
//!
//! ```text
//! queued ──claim──▶ starting ──report──▶ running ──report──▶ success | partial_success | failed | cancelled
//!    │                  └────────────── silence ─────────────▶ failed (AGENT_OFFLINE) ──late report, once──▶ any end
//!    └──cancel──▶ cancelled
//! ```

use holdfast_protocol::agent::RunStatus;

/// What decides about a run's next state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunState {
    pub(crate) status: RunStatus,
    /// Rises with each claim and hand-back; 0 before the first.
    pub(crate) attempt: i64,
    /// The newest update of this attempt.
    pub(crate) update_seq: i64,
    pub(crate) cancel_requested: bool,
    /// It was closed because its agent was silent.
    pub(crate) agent_offline: bool,
    /// The one late report was taken.
    pub(crate) reported_late: bool,
}

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunInput {
    /// Its agent takes it from the queue.
    Claim,
    /// Its agent is given it again, after a restart or a lost answer.
    HandBack,
    /// Its agent reports.
    Report {
        attempt: i64,
        seq: i64,
        status: Option<RunStatus>,
    },
    /// Somebody asks to stop it.
    Cancel,
    /// Its agent was silent for longer than the time-out.
    Silence,
    /// It cannot be carried out: its command failed, or its vault could not be made.
    Impossible,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunOutcome {
    /// The new state.
    Changed(RunState),
    /// The new state of a run that had been closed as silent and whose agent reported after all.
    Late(RunState),
    /// An older or repeated report, or one about a run that is over: nothing changes.
    Ignored,
    /// The report belongs to another attempt: refused.
    ForeignAttempt,
    /// The input does not fit the state.
    Refused,
}

/// What `input` does to `state`.
pub(crate) fn apply(state: RunState, input: RunInput) -> RunOutcome {
    use RunStatus::{Cancelled, Failed, Queued, Running, Starting};
    match input {
        RunInput::Claim => match state.status {
            Queued => RunOutcome::Changed(RunState {
                status: Starting,
                attempt: state.attempt + 1,
                update_seq: 0,
                ..state
            }),
            _ => RunOutcome::Refused,
        },
        RunInput::HandBack => match state.status {
            Starting | Running => RunOutcome::Changed(RunState {
                attempt: state.attempt + 1,
                update_seq: 0,
                ..state
            }),
            _ => RunOutcome::Refused,
        },
        RunInput::Report { attempt, .. } if attempt != state.attempt => RunOutcome::ForeignAttempt,
        RunInput::Report { seq, status, .. } => report(state, seq, status),
        RunInput::Cancel => match state.status {
            Queued => RunOutcome::Changed(RunState {
                status: Cancelled,
                cancel_requested: true,
                ..state
            }),
            Starting | Running if state.cancel_requested => RunOutcome::Ignored,
            Starting | Running => RunOutcome::Changed(RunState {
                cancel_requested: true,
                ..state
            }),
            _ => RunOutcome::Refused,
        },
        RunInput::Silence => match state.status {
            Starting | Running => RunOutcome::Changed(RunState {
                status: Failed,
                agent_offline: true,
                ..state
            }),
            _ => RunOutcome::Ignored,
        },
        RunInput::Impossible if state.status.is_terminal() => RunOutcome::Ignored,
        RunInput::Impossible => RunOutcome::Changed(RunState {
            status: Failed,
            ..state
        }),
    }
}

fn report(state: RunState, seq: i64, status: Option<RunStatus>) -> RunOutcome {
    if seq <= state.update_seq {
        return RunOutcome::Ignored;
    }
    if state.status.is_terminal() {
        return match status {
            Some(end) if end.is_terminal() && state.agent_offline && !state.reported_late => {
                RunOutcome::Late(RunState {
                    status: end,
                    update_seq: seq,
                    agent_offline: false,
                    reported_late: true,
                    ..state
                })
            }
            _ => RunOutcome::Ignored,
        };
    }
    // An agent never moves a run backwards.
    let status = match (state.status, status) {
        (now, None | Some(RunStatus::Queued)) => now,
        (RunStatus::Running, Some(RunStatus::Starting)) => RunStatus::Running,
        (_, Some(next)) => next,
    };
    RunOutcome::Changed(RunState {
        status,
        update_seq: seq,
        ..state
    })
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::agent::RunStatus::{self, *};

    use super::{RunInput, RunOutcome, RunState, apply};

    const ALL: [RunStatus; 7] = [
        Queued,
        Starting,
        Running,
        Success,
        PartialSuccess,
        Failed,
        Cancelled,
    ];

    fn at(status: RunStatus) -> RunState {
        RunState {
            status,
            attempt: 2,
            update_seq: 5,
            cancel_requested: false,
            agent_offline: false,
            reported_late: false,
        }
    }

    fn status_after(state: RunState, input: RunInput) -> Option<RunStatus> {
        match apply(state, input) {
            RunOutcome::Changed(next) | RunOutcome::Late(next) => Some(next.status),
            _ => None,
        }
    }

    // Requirements: RUN-3
    #[test]
    fn claims_and_hand_backs_raise_the_attempt() {
        for status in ALL {
            let claimed = apply(at(status), RunInput::Claim);
            let handed = apply(at(status), RunInput::HandBack);
            if status == Queued {
                let RunOutcome::Changed(next) = claimed else {
                    panic!("{claimed:?}")
                };
                assert_eq!(
                    (next.status, next.attempt, next.update_seq),
                    (Starting, 3, 0)
                );
            } else {
                assert_eq!(claimed, RunOutcome::Refused, "{status:?}");
            }
            if matches!(status, Starting | Running) {
                let RunOutcome::Changed(next) = handed else {
                    panic!("{handed:?}")
                };
                assert_eq!((next.status, next.attempt, next.update_seq), (status, 3, 0));
            } else {
                assert_eq!(handed, RunOutcome::Refused, "{status:?}");
            }
        }
    }

    // Requirements: RUN-3, RUN-13
    #[test]
    fn reports_move_a_run_forward_only() {
        let table = [
            (Queued, None, Some(Queued)),
            (Queued, Some(Running), Some(Running)),
            (Queued, Some(Failed), Some(Failed)),
            (Starting, None, Some(Starting)),
            (Starting, Some(Queued), Some(Starting)),
            (Starting, Some(Running), Some(Running)),
            (Starting, Some(Cancelled), Some(Cancelled)),
            (Running, Some(Starting), Some(Running)),
            (Running, Some(Success), Some(Success)),
            (Running, Some(PartialSuccess), Some(PartialSuccess)),
            (Success, Some(Running), None),
            (Cancelled, Some(Success), None),
            (Failed, Some(Success), None),
            (PartialSuccess, None, None),
        ];
        for (from, status, to) in table {
            let input = RunInput::Report {
                attempt: 2,
                seq: 6,
                status,
            };
            assert_eq!(status_after(at(from), input), to, "{from:?} {status:?}");
        }
    }

    #[test]
    fn old_repeated_and_foreign_reports_change_nothing() {
        for seq in [0, 4, 5] {
            let input = RunInput::Report {
                attempt: 2,
                seq,
                status: Some(Success),
            };
            assert_eq!(apply(at(Running), input), RunOutcome::Ignored, "seq {seq}");
        }
        for attempt in [0, 1, 3] {
            for status in ALL {
                let input = RunInput::Report {
                    attempt,
                    seq: 99,
                    status: Some(Success),
                };
                assert_eq!(
                    apply(at(status), input),
                    RunOutcome::ForeignAttempt,
                    "{status:?}"
                );
            }
        }
    }

    // Requirements: RUN-3, CAN-2
    #[test]
    fn cancel_is_immediate_only_in_the_queue() {
        let table = [
            (Queued, Some(Cancelled)),
            (Starting, Some(Starting)),
            (Running, Some(Running)),
        ];
        for (from, to) in table {
            let RunOutcome::Changed(next) = apply(at(from), RunInput::Cancel) else {
                panic!("{from:?}")
            };
            assert_eq!((Some(next.status), next.cancel_requested), (to, true));
        }
        let asked = RunState {
            cancel_requested: true,
            ..at(Running)
        };
        assert_eq!(apply(asked, RunInput::Cancel), RunOutcome::Ignored);
        for status in [Success, PartialSuccess, Failed, Cancelled] {
            assert_eq!(apply(at(status), RunInput::Cancel), RunOutcome::Refused);
        }
    }

    // Requirements: RUN-3
    #[test]
    fn silence_fails_a_run_and_one_late_report_replaces_it() {
        for status in ALL {
            let after = status_after(at(status), RunInput::Silence);
            assert_eq!(
                after,
                matches!(status, Starting | Running).then_some(Failed),
                "{status:?}"
            );
        }
        let RunOutcome::Changed(silent) = apply(at(Running), RunInput::Silence) else {
            panic!()
        };
        let progress = RunInput::Report {
            attempt: 2,
            seq: 6,
            status: Some(Running),
        };
        assert_eq!(apply(silent, progress), RunOutcome::Ignored);
        let late = RunInput::Report {
            attempt: 2,
            seq: 7,
            status: Some(Success),
        };
        let RunOutcome::Late(done) = apply(silent, late) else {
            panic!()
        };
        assert_eq!(
            (done.status, done.reported_late, done.agent_offline),
            (Success, true, false)
        );
        let again = RunInput::Report {
            attempt: 2,
            seq: 8,
            status: Some(Failed),
        };
        assert_eq!(apply(done, again), RunOutcome::Ignored);
        assert_eq!(
            apply(
                silent,
                RunInput::Report {
                    attempt: 1,
                    seq: 9,
                    status: Some(Success)
                }
            ),
            RunOutcome::ForeignAttempt
        );
    }

    // Requirements: RUN-1
    #[test]
    fn what_cannot_be_done_fails_unless_it_is_over() {
        for status in ALL {
            let after = status_after(at(status), RunInput::Impossible);
            assert_eq!(
                after,
                (!status.is_terminal()).then_some(Failed),
                "{status:?}"
            );
        }
    }
}
