//! Which alerts should be open: a pure function of the facts.

use holdfast_protocol::{agent::hello::CLOCK_WARNING_SECONDS, alerts::AlertKind};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::facts::{
    AgentFacts, ChannelFacts, EndResult, Facts, JobFacts, Object, Unopenable, VaultFacts,
    VaultState,
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

/// Maintenance, deletions, reading back and the extension of locks are due each day or so; a machine that is off for a night and
/// a day need not be told of.
pub(super) const OVERDUE_AFTER: i64 = 48 * HOUR;

/// A channel by which nothing arrives for so long does not work; a receiver that is started anew need not be told of.
pub(super) const FAILING_AFTER: i64 = 15 * MINUTE;

/// Machines that an alert names; it counts the others.
const MOST_NAMED: usize = 3;

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
    if let Some(since) = job
        .retention_waits_since
        .filter(|since| now - since >= OVERDUE_AFTER)
    {
        let overdue = Wanted::new(AlertKind::RetentionOverdue, object, "open_job", since);
        wanted.push(overdue.with("hours", OVERDUE_AFTER / HOUR));
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
    let is_open = |kind| agent.open.contains(&kind);
    // What was opened stays until its cause is known to be gone: that the server was away repairs nothing. What is opened anew
    // must have been so while the server could see it.
    let seen_silent_for = agent.silent_for.min(agent.server_up_for);
    let is_away = agent.silent_for >= GONE_AFTER;
    let is_gone =
        seen_silent_for >= GONE_AFTER || (is_away && is_open(AlertKind::AgentUnreachable));
    if agent.has_jobs && is_gone {
        wanted.push(alert(AlertKind::AgentUnreachable, now - agent.silent_for));
    }
    if let Some(age) = agent.cloned_for {
        let unseen_for = age.min(agent.server_up_for);
        let is_cloned =
            age < CLONED_FOR || (unseen_for < CLONED_FOR && is_open(AlertKind::AgentCloned));
        if is_cloned {
            wanted.push(alert(AlertKind::AgentCloned, now - age));
        }
    }
    // Of a machine that is away nobody knows what time it has: neither that its clock is wrong, nor that it is right again.
    if let Some(offset) = agent.clock_offset
        && offset.abs() > CLOCK_WARNING_SECONDS * 1000
        && (!is_away || is_open(AlertKind::ClockWrong))
    {
        let seconds = offset.abs() / 1000;
        wanted.push(alert(AlertKind::ClockWrong, now).with("seconds", seconds));
    }
}

fn of_upkeep(vault: &VaultFacts, now: i64, wanted: &mut Vec<Wanted>) {
    let upkeep = &vault.upkeep;
    let overdue = |due: Option<i64>| due.filter(|due| now - due >= OVERDUE_AFTER);
    // What a run could not extend need not become overdue first.
    let not_extended = upkeep.locks_failing_since.or(overdue(upkeep.locks_due_at));
    for (kind, since) in [
        (AlertKind::MaintenanceOverdue, overdue(upkeep.full_due_at)),
        (AlertKind::VerificationOverdue, overdue(upkeep.read_due_at)),
        (AlertKind::LockNotExtended, not_extended),
    ] {
        if let Some(since) = since {
            let found = Wanted::new(kind, &vault.object, "run_maintenance", since);
            wanted.push(match &upkeep.failing {
                Some(code) => found.with("code", code.as_str()),
                None => found,
            });
        }
    }
    if let Some((at, count)) = upkeep.damaged {
        let found = Wanted::new(AlertKind::VaultDamaged, &vault.object, "open_vault", at);
        wanted.push(found.with("count", count));
    }
}

/// The one alert about machines that cannot open a vault. It keeps its beginning and its reason, those of the machine that has
/// not opened it for longest, whoever else comes and goes.
fn unopenable(vault: &VaultFacts) -> Option<Wanted> {
    let mut machines: Vec<&Unopenable> = vault.unopenable.iter().collect();
    machines.sort_by_key(|machine| (machine.since, &machine.machine));
    let first = machines.first()?;
    let mut found = Wanted::new(
        AlertKind::VaultUnopenable,
        &vault.object,
        "open_vault",
        first.since,
    );
    let named: Vec<&str> = machines
        .iter()
        .take(MOST_NAMED)
        .map(|machine| machine.machine.as_str())
        .collect();
    found = found.with("machines", named.join(", "));
    if machines.len() > MOST_NAMED {
        found = found.with("more", machines.len() - MOST_NAMED);
    }
    match &first.code {
        Some(code) => Some(found.with("code", code.as_str())),
        None => Some(found),
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
            wanted.extend(unopenable(vault));
            if !vault.kit_shown {
                let mut found = alert(AlertKind::KitNotShown, vault.made_at);
                found.action = "download_kit";
                wanted.push(found);
            }
            if now - vault.listed_at >= STALE_AFTER {
                let stale = alert(AlertKind::CatalogueStale, vault.listed_at + STALE_AFTER);
                wanted.push(stale.with("hours", STALE_AFTER / HOUR));
            }
            of_upkeep(vault, now, wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::alerts::AlertKind::{self, *};
    use uuid::Uuid;

    use super::{CLONED_FOR, FAILING_AFTER, GONE_AFTER, HOUR, OVERDUE_AFTER, STALE_AFTER, wanted};
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
            server_up_for: 1000 * HOUR,
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
                    vault.unopenable = vec![Unopenable::default()];
                }),
                &[VaultUnopenable],
            ),
            (vault(|vault| vault.kit_shown = false), &[KitNotShown]),
            (vault(|vault| vault.listed_at = NOW - STALE_AFTER + 1), &[]),
            (
                vault(|vault| vault.listed_at = NOW - STALE_AFTER),
                &[CatalogueStale],
            ),
            (
                job(|job| job.retention_waits_since = Some(NOW - OVERDUE_AFTER + 1)),
                &[],
            ),
            (
                job(|job| job.retention_waits_since = Some(NOW - OVERDUE_AFTER)),
                &[RetentionOverdue],
            ),
            (
                vault(|vault| {
                    let early = Some(NOW - OVERDUE_AFTER + 1);
                    vault.upkeep.full_due_at = early;
                    vault.upkeep.read_due_at = early;
                    vault.upkeep.locks_due_at = early;
                    vault.upkeep.failing = Some("x".into());
                }),
                &[],
            ),
            (
                vault(|vault| vault.upkeep.full_due_at = Some(NOW - OVERDUE_AFTER)),
                &[MaintenanceOverdue],
            ),
            (
                vault(|vault| vault.upkeep.read_due_at = Some(NOW - OVERDUE_AFTER)),
                &[VerificationOverdue],
            ),
            (
                vault(|vault| vault.upkeep.locks_due_at = Some(NOW - OVERDUE_AFTER)),
                &[LockNotExtended],
            ),
            (
                vault(|vault| vault.upkeep.locks_failing_since = Some(NOW)),
                &[LockNotExtended],
            ),
            (
                vault(|vault| vault.upkeep.damaged = Some((NOW, 3))),
                &[VaultDamaged],
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
    fn a_restart_of_the_server_closes_nothing_and_opens_nothing() {
        let restarted = |change: fn(&mut AgentFacts)| {
            kinds(&agent(|agent| {
                agent.server_up_for = 0;
                agent.silent_for = 2 * GONE_AFTER;
                change(agent);
            }))
        };
        // While the server was away nobody could be heard.
        assert_eq!(restarted(|_| {}), []);
        let was_gone = |agent: &mut AgentFacts| agent.open = vec![AgentUnreachable];
        assert_eq!(restarted(was_gone), [AgentUnreachable]);
        assert_eq!(
            restarted(|agent| {
                agent.open = vec![AgentUnreachable];
                agent.silent_for = 0;
            }),
            [],
            "it is back"
        );
        // What time it has is not known before it calls.
        assert_eq!(restarted(|agent| agent.clock_offset = Some(600_000)), []);
        let was_wrong = |agent: &mut AgentFacts| {
            agent.clock_offset = Some(600_000);
            agent.open = vec![ClockWrong];
        };
        assert_eq!(restarted(was_wrong), [ClockWrong]);
        assert_eq!(
            restarted(|agent| {
                agent.clock_offset = Some(0);
                agent.open = vec![ClockWrong];
            }),
            []
        );
        // Nor whether there is still a second one.
        assert_eq!(restarted(|agent| agent.cloned_for = Some(CLONED_FOR)), []);
        let was_cloned = |agent: &mut AgentFacts| {
            agent.cloned_for = Some(CLONED_FOR);
            agent.open = vec![AgentCloned];
        };
        assert_eq!(restarted(was_cloned), [AgentCloned]);
    }

    #[test]
    fn the_clock_of_a_machine_that_is_gone_is_not_right_again() {
        let facts = agent(|agent| {
            agent.clock_offset = Some(600_000);
            agent.silent_for = GONE_AFTER;
            agent.open = vec![ClockWrong];
        });
        assert_eq!(kinds(&facts), [AgentUnreachable, ClockWrong]);
    }

    #[test]
    fn one_alert_names_the_machines_that_cannot_open_a_vault() {
        let cannot = |machine: &str, since, code: &str| Unopenable {
            machine: machine.to_owned(),
            since: NOW - since * HOUR,
            code: Some(code.to_owned()),
        };
        let alert_of = |machines: Vec<Unopenable>| {
            let mut found = wanted(&vault(|vault| vault.unopenable = machines));
            assert_eq!(found.len(), 1, "{found:?}");
            found.remove(0)
        };
        let first = cannot("web-02", 9, "storage_denied");
        let one = alert_of(vec![first.clone()]);
        assert_eq!(one.params["machines"], "web-02");
        assert!(!one.params.contains_key("more"));
        let others = ["db-01", "db-02", "db-03"].map(|name| cannot(name, 2, "wrong_password"));
        let all = alert_of(others.into_iter().chain([first]).collect());
        assert_eq!(
            (all.since, &all.params["code"]),
            (NOW - 9 * HOUR, &"storage_denied".into())
        );
        assert_eq!(all.params["machines"], "web-02, db-01, db-02");
        assert_eq!(all.params["more"], 1);
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
