//! Wakes the long poll of an agent as soon as there is work for it, and keeps standing orders from filling it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

/// A standing order (cancel, forget) is repeated no faster than this: a poll that answered it at once each time
/// would spin.
const REPEAT: Duration = Duration::from_secs(3);

/// A commit is over after this; should it take longer, the poll's own sweep finds the work.
const COMMIT_TIME: Duration = Duration::from_millis(50);

/// The sleeping polls, by agent.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    bells: Mutex<HashMap<i64, Arc<Notify>>>,
    orders: Mutex<HashMap<(Uuid, i64), Instant>>,
}

impl Wake {
    /// The bell of an agent.
    pub(crate) fn bell(&self, agent_id: i64) -> Arc<Notify> {
        self.bells.lock().entry(agent_id).or_default().clone()
    }

    /// There is work for this agent.
    pub(crate) fn ring(&self, agent_id: i64) {
        self.bell(agent_id).notify_waiters();
    }

    /// There will be work for this agent in a moment, when the present transaction is committed.
    pub(crate) fn ring_soon(&self, agent_id: i64) {
        let bell = self.bell(agent_id);
        tokio::spawn(async move {
            tokio::time::sleep(COMMIT_TIME).await;
            bell.notify_waiters();
        });
    }

    /// Whether a standing order about a run may be given to this instance now; giving it is remembered.
    pub(crate) fn may_repeat(&self, instance: Uuid, run_id: i64) -> bool {
        let now = Instant::now();
        let mut orders = self.orders.lock();
        if orders.len() > 10_000 {
            orders.retain(|_, given| now.duration_since(*given) < REPEAT);
        }
        match orders.get(&(instance, run_id)) {
            Some(given) if now.duration_since(*given) < REPEAT => false,
            _ => {
                orders.insert((instance, run_id), now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Wake;

    #[test]
    fn an_order_is_not_repeated_at_once() {
        let wake = Wake::default();
        let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
        assert!(wake.may_repeat(one, 1));
        assert!(!wake.may_repeat(one, 1));
        assert!(wake.may_repeat(one, 2));
        assert!(wake.may_repeat(other, 1));
    }
}
