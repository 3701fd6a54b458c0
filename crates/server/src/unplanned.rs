//! Jobs that agents cannot start without the server although they may. Each poll says it again, so nothing is stored.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;
use uuid::Uuid;

/// What agents have said in their last polls.
#[derive(Debug, Default)]
pub(crate) struct Unplanned(Mutex<HashMap<i64, HashSet<Uuid>>>);

/// Jobs of one agent that are remembered, as many as a plan has.
const MOST_JOBS: usize = 200;

impl Unplanned {
    /// Notes what an agent says.
    pub(crate) fn tell(&self, agent_id: i64, jobs: &[Uuid]) {
        let mut told = self.0.lock();
        if jobs.is_empty() {
            told.remove(&agent_id);
        } else {
            let jobs = jobs.iter().take(MOST_JOBS).copied().collect();
            told.insert(agent_id, jobs);
        }
    }

    /// Whether an agent cannot start a job.
    pub(crate) fn has(&self, agent_id: i64, job: Uuid) -> bool {
        let told = self.0.lock();
        told.get(&agent_id).is_some_and(|jobs| jobs.contains(&job))
    }
}
