//! Which messages a channel gets: pure functions.

use holdfast_protocol::api::{
    alerts::Severity,
    notifications::{NotificationRules, RunResult},
};
use uuid::Uuid;

/// Whether a channel is told of an alert; `job` is the job that it is about.
pub(super) fn tells_of_alert(
    rules: &NotificationRules,
    severity: Severity,
    job: Option<Uuid>,
) -> bool {
    // The worst comes first in the order of severities.
    rules.alerts.is_some_and(|least| severity <= least) && is_about(rules, job)
}

/// Whether a channel is told of the end of a run. `before` is how the last run of the same job ended.
pub(super) fn tells_of_run(
    rules: &NotificationRules,
    result: RunResult,
    before: Option<RunResult>,
    job: Option<Uuid>,
) -> bool {
    let is_wanted = rules.runs.contains(&result);
    // Who was told of trouble is told when it is over.
    let is_over = result == RunResult::Success
        && before.is_some_and(|before| is_trouble(before) && rules.runs.contains(&before));
    (is_wanted || is_over) && is_about(rules, job)
}

/// Whether somebody should look.
pub(super) fn is_trouble(result: RunResult) -> bool {
    matches!(result, RunResult::Failed | RunResult::PartialSuccess)
}

fn is_about(rules: &NotificationRules, job: Option<Uuid>) -> bool {
    job.is_none_or(|job| rules.job_ids.is_empty() || rules.job_ids.iter().any(|id| id.0 == job))
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{
        api::{
            alerts::Severity::{Bad, Info, Warning},
            notifications::{
                NotificationRules,
                RunResult::{Cancelled, Failed, PartialSuccess, Success},
            },
        },
        ids::JobId,
    };
    use uuid::Uuid;

    use super::{tells_of_alert, tells_of_run};

    // Requirements: NOTIF-2
    #[test]
    fn severity_result_and_job_decide() {
        let [own, other] = [Uuid::now_v7(), Uuid::now_v7()];
        let rules = NotificationRules {
            alerts: Some(Warning),
            runs: vec![Failed],
            job_ids: vec![JobId(own)],
        };
        for (severity, job, expected) in [
            (Bad, None, true),
            (Warning, Some(own), true),
            (Info, None, false),
            (Bad, Some(other), false),
        ] {
            assert_eq!(tells_of_alert(&rules, severity, job), expected);
        }
        for (result, before, job, expected) in [
            (Failed, None, Some(own), true),
            (Failed, Some(Failed), Some(own), true),
            (Failed, None, Some(other), false),
            (Success, None, Some(own), false),
            (Success, Some(Success), Some(own), false),
            (Success, Some(Failed), Some(own), true),
            (Success, Some(PartialSuccess), Some(own), false),
            (PartialSuccess, Some(Failed), Some(own), false),
            (Cancelled, None, Some(own), false),
        ] {
            assert_eq!(
                tells_of_run(&rules, result, before, job),
                expected,
                "{result:?} {before:?}"
            );
        }
        let silent = NotificationRules::default();
        assert!(!tells_of_alert(&silent, Bad, None));
        assert!(!tells_of_run(&silent, Failed, None, None));
    }
}
