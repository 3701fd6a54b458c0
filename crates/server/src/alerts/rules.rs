//! Which alerts should be open: a pure function of the facts.

use holdfast_protocol::{agent::hello::CLOCK_WARNING_SECONDS, alerts::AlertKind};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::facts::{
    AgentFacts, ChannelFacts, EndResult, Facts, JobFacts, Object, VaultFacts, VaultState,
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A machine that was not heard from for so long is gone. As long as a machine may take to begin what is due: who restarts
/// need not be told of.
pub(super) const GONE_AFTER: i64 = 15 * MINUTE;

/// For so long after a second process was refused there are two.
const CLONED_FOR: i64 = 10 * MINUTE;

/// Lists of points are compared each day; one that was not for two days is stale.
pub(super) const STALE_AFTER: i64 = 48 * HOUR;

/// A channel by which nothing arrives for so long does not work; a receiver that is started anew need not be told of.
pub(super) const FAILING_AFTER: i64 = 15 * MINUTE;

/// An alert that should be open.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) kind: AlertKind,
    pub(super) object: Object,
    pub(super) action: &'static str,
    /// Noun and identity of what the action acts on.
    pub(super) target: (&'static str, Uuid),
    pub(super) params: Map<String, Value>,
    /// Since when it is so.
    pub(super) since: i64,
}

impl Wanted {
    fn new(kind: AlertKind, object: &Object, action: &'static str, since: i64) -> Self {
        Self {
            kind,
            object: object.clone(),
            action,
            target: (kind.object_type(), object.uuid),
            params: Map::new(),
            since,
        }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    fn at(mut self, noun: &'static str, uuid: Uuid) -> Self {
        self.target = (noun, uuid);
        self
    }
}

/// Every alert that should be open.
pub(super) fn wanted(facts: &Facts) -> Vec<Wanted> {
    let now = facts.now;
    let mut wanted = Vec::new();
    for job in &facts.jobs {
        of_job(job, now, &mut wanted);
    }
    for agent in &facts.agents {
        of_agent(agent, now, &mut wanted);
    }
    for vault in &facts.vaults {
        of_vault(vault, now, &mut wanted);
    }
    for channel in &facts.channels {
        of_channel(channel, now, &mut wanted);
    }
    wanted
}

fn of_channel(channel: &ChannelFacts, now: i64, wanted: &mut Vec<Wanted>) {
    if let Some(since) = channel
        .failing_since
        .filter(|since| now - since >= FAILING_AFTER)
    {
        let kind = AlertKind::NotificationFailed;
        wanted.push(Wanted::new(
            kind,
            &channel.object,
            "open_notifications",
            since,
        ));
    }
}

fn of_job(job: &JobFacts, now: i64, wanted: &mut Vec<Wanted>) {
    let object = &job.object;
    // What a job needs is a run, and what a run needs is its machine.
    let run = |kind, since| match job.absent_agent {
        Some(agent) => Wanted::new(kind, object, "open_agent", since).at("agents", agent),
        None => Wanted::new(kind, object, "run_now", since),
    };
    if let Some(due) = job.missed_due {
        wanted.push(run(AlertKind::RunMissed, due));
    }
    if let Some(end) = &job.last_end {
        let ended = |kind| Wanted::new(kind, object, "open_run", end.at).at("runs", end.run);
        match &end.result {
            EndResult::Success => {}
            EndResult::Partial(count) => {
                wanted.push(ended(AlertKind::FilesSkipped).with("count", *count));
            }
            EndResult::Failed(code) => {
                wanted.push(ended(AlertKind::RunFailed).with("code", code.as_str()));
            }
        }
    }
    if let Some(limit) = job.max_age {
        let late_from = job
            .newest_point
            .unwrap_or(job.made_at)
            .saturating_add(limit);
        if now > late_from {
            let hours = limit / HOUR;
            wanted.push(run(AlertKind::JobLate, late_from).with("hours", hours));
        }
    }
}

fn of_agent(agent: &AgentFacts, now: i64, wanted: &mut Vec<Wanted>) {
    let alert = |kind, since| Wanted::new(kind, &agent.object, "open_agent", since);
    let is_gone = agent.silent_for >= GONE_AFTER;
    if agent.has_jobs && is_gone {
        wanted.push(alert(AlertKind::AgentUnreachable, now - agent.silent_for));
    }
    if let Some(age) = agent.cloned_for.filter(|age| *age < CLONED_FOR) {
        wanted.push(alert(AlertKind::AgentCloned, now - age));
    }
    // Of a machine that is gone nobody knows what time it has.
    if let Some(offset) = agent.clock_offset.filter(|_| !is_gone)
        && offset.abs() > CLOCK_WARNING_SECONDS * 1000
    {
        let seconds = offset.abs() / 1000;
        wanted.push(alert(AlertKind::ClockWrong, now).with("seconds", seconds));
    }
}

fn of_vault(vault: &VaultFacts, now: i64, wanted: &mut Vec<Wanted>) {
    let alert = |kind, since| Wanted::new(kind, &vault.object, "open_vault", since);
    match &vault.state {
        VaultState::New => {}
        VaultState::Failed(code) => {
            wanted.push(alert(AlertKind::VaultNotReady, vault.made_at).with("code", code.as_str()));
        }
        VaultState::Ready => {
            if let Some(unopenable) = &vault.unopenable {
                let mut found = alert(AlertKind::VaultUnopenable, unopenable.since);
                if let Some(code) = &unopenable.code {
                    found = found.with("code", code.as_str());
                }
                wanted.push(found);
            }
            if !vault.kit_shown {
                let mut found = alert(AlertKind::KitNotShown, vault.made_at);
                found.action = "download_kit";
                wanted.push(found);
            }
            if now - vault.listed_at >= STALE_AFTER {
                let stale = alert(AlertKind::CatalogueStale, vault.listed_at + STALE_AFTER);
                wanted.push(stale.with("hours", STALE_AFTER / HOUR));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::alerts::AlertKind::{self, *};
    use uuid::Uuid;

    use super::{CLONED_FOR, FAILING_AFTER, GONE_AFTER, HOUR, STALE_AFTER, wanted};
    use crate::alerts::facts::{
        AgentFacts, ChannelFacts, End, EndResult, Facts, JobFacts, Unopenable, VaultFacts,
        VaultState,
    };

    const NOW: i64 = 1_800_000_000_000;

    fn kinds(facts: &Facts) -> Vec<AlertKind> {
        wanted(facts).into_iter().map(|found| found.kind).collect()
    }

    fn job(change: impl FnOnce(&mut JobFacts)) -> Facts {
        let mut job = JobFacts {
            made_at: NOW - 1000 * HOUR,
            newest_point: Some(NOW - HOUR),
            max_age: Some(50 * HOUR),
            ..JobFacts::default()
        };
        change(&mut job);
        Facts {
            now: NOW,
            jobs: vec![job],
            ..Facts::default()
        }
    }

    fn agent(change: impl FnOnce(&mut AgentFacts)) -> Facts {
        let mut agent = AgentFacts {
            has_jobs: true,
            clock_offset: Some(900),
            ..AgentFacts::default()
        };
        change(&mut agent);
        Facts {
            now: NOW,
            agents: vec![agent],
            ..Facts::default()
        }
    }

    fn vault(change: impl FnOnce(&mut VaultFacts)) -> Facts {
        let mut vault = VaultFacts {
            state: VaultState::Ready,
            kit_shown: true,
            listed_at: NOW - HOUR,
            ..VaultFacts::default()
        };
        change(&mut vault);
        Facts {
            now: NOW,
            vaults: vec![vault],
            ..Facts::default()
        }
    }

    fn channel(failing_since: Option<i64>) -> Facts {
        let channel = ChannelFacts {
            failing_since,
            ..ChannelFacts::default()
        };
        Facts {
            now: NOW,
            channels: vec![channel],
            ..Facts::default()
        }
    }

    fn end(result: EndResult) -> Option<End> {
        Some(End {
            run: Uuid::now_v7(),
            at: NOW - HOUR,
            result,
        })
    }

    #[test]
    fn each_kind_has_its_condition_and_nothing_else_opens_it() {
        let table: Vec<(Facts, &[AlertKind])> = vec![
            (job(|_| {}), &[]),
            (job(|job| job.missed_due = Some(NOW - HOUR)), &[RunMissed]),
            (job(|job| job.last_end = end(EndResult::Success)), &[]),
            (
                job(|job| job.last_end = end(EndResult::Partial(3))),
                &[FilesSkipped],
            ),
            (
                job(|job| job.last_end = end(EndResult::Failed("x".into()))),
                &[RunFailed],
            ),
            (job(|job| job.newest_point = Some(NOW - 50 * HOUR)), &[]),
            (
                job(|job| job.newest_point = Some(NOW - 50 * HOUR - 1)),
                &[JobLate],
            ),
            (job(|job| job.newest_point = None), &[JobLate]),
            (
                job(|job| {
                    job.newest_point = None;
                    job.made_at = NOW - HOUR;
                }),
                &[],
            ),
            (
                job(|job| {
                    job.newest_point = None;
                    job.max_age = None;
                }),
                &[],
            ),
            (agent(|_| {}), &[]),
            (agent(|agent| agent.silent_for = GONE_AFTER - 1), &[]),
            (
                agent(|agent| agent.silent_for = GONE_AFTER),
                &[AgentUnreachable],
            ),
            (
                agent(|agent| {
                    agent.silent_for = GONE_AFTER;
                    agent.has_jobs = false;
                }),
                &[],
            ),
            (agent(|agent| agent.cloned_for = Some(0)), &[AgentCloned]),
            (agent(|agent| agent.cloned_for = Some(CLONED_FOR)), &[]),
            (agent(|agent| agent.clock_offset = Some(60_000)), &[]),
            (
                agent(|agent| agent.clock_offset = Some(-60_001)),
                &[ClockWrong],
            ),
            (
                agent(|agent| {
                    agent.clock_offset = Some(600_000);
                    agent.silent_for = GONE_AFTER;
                }),
                &[AgentUnreachable],
            ),
            (vault(|_| {}), &[]),
            (
                vault(|vault| vault.state = VaultState::Failed("x".into())),
                &[VaultNotReady],
            ),
            (
                vault(|vault| {
                    vault.state = VaultState::New;
                    vault.kit_shown = false;
                    vault.listed_at = 0;
                }),
                &[],
            ),
            (
                vault(|vault| {
                    vault.unopenable = Some(Unopenable {
                        since: NOW - HOUR,
                        code: None,
                    });
                }),
                &[VaultUnopenable],
            ),
            (vault(|vault| vault.kit_shown = false), &[KitNotShown]),
            (vault(|vault| vault.listed_at = NOW - STALE_AFTER + 1), &[]),
            (
                vault(|vault| vault.listed_at = NOW - STALE_AFTER),
                &[CatalogueStale],
            ),
            (channel(None), &[]),
            (channel(Some(NOW - FAILING_AFTER + 1)), &[]),
            (channel(Some(NOW - FAILING_AFTER)), &[NotificationFailed]),
        ];
        let mut seen = Vec::new();
        for (facts, expected) in &table {
            assert_eq!(kinds(facts), *expected, "{facts:?}");
            seen.extend_from_slice(expected);
        }
        for kind in AlertKind::ALL {
            assert!(seen.contains(kind), "{kind:?} has no row");
        }
    }

    #[test]
    fn the_action_leads_to_what_must_be_repaired() {
        let machine = Uuid::now_v7();
        let missed = |absent| {
            let facts = job(|job| {
                job.missed_due = Some(NOW - HOUR);
                job.absent_agent = absent;
            });
            let found = wanted(&facts).remove(0);
            (found.action, found.target.0, found.target.1)
        };
        assert_eq!(missed(None), ("run_now", "jobs", Uuid::nil()));
        assert_eq!(missed(Some(machine)), ("open_agent", "agents", machine));
    }
}
