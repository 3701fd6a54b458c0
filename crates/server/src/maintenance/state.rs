//! What is known of a vault's maintenance; a JSON document in the vault's row.

use holdfast_protocol::{
    Time,
    agent::commands::{Coverage, MaintenanceDone},
    api::{
        problem::Failure,
        vaults::{MaintenanceMode, MaintenanceRun},
    },
};
use serde::{Deserialize, Serialize};

use crate::{db::VaultRow, problem::ApiResult};

const HOUR_MS: i64 = 3600 * 1000;

/// Distance of quick ones where the repository does not say, in milliseconds.
const QUICK_MS: i64 = HOUR_MS;

/// Distance of full ones where the repository does not say, in milliseconds.
const FULL_MS: i64 = 24 * HOUR_MS;

/// Everything is read back within so many milliseconds where the repository does not say.
const READ_WITHIN_MS: i64 = 30 * 24 * HOUR_MS;

/// The next one is never sooner than this, in milliseconds.
const SOONEST_MS: i64 = 10 * 60 * 1000;

/// Nor later than this: what a repository says may be wrong.
const LATEST_MS: i64 = 31 * 24 * HOUR_MS;

/// What is known. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) quick: Option<MaintenanceRun>,
    pub(crate) full: Option<MaintenanceRun>,
    /// When the next one is due; absent: as for a new vault.
    pub(crate) next_quick_at: Option<i64>,
    pub(crate) next_full_at: Option<i64>,
    /// Who owns it in the repository, where that is none of this tenant's machines.
    pub(crate) foreign_owner: Option<String>,
    /// Why the last one failed.
    pub(crate) failure: Option<Failure>,
    /// Since when each one has failed.
    pub(crate) failing_since: Option<i64>,
    /// When a full one was due by the last one that was done; absent: as for a new vault. Failures do not put it off.
    pub(crate) full_due_at: Option<i64>,
    /// How much was read back, and when that was told.
    pub(crate) coverage: Option<Coverage>,
    pub(crate) coverage_at: Option<i64>,
    /// When something was to be read back that was not; absent: as for a new vault.
    pub(crate) read_due_at: Option<i64>,
    /// When object locks are to be extended; absent where they are not.
    pub(crate) locks_due_at: Option<i64>,
}

impl State {
    /// That of a vault.
    pub(crate) fn of(vault: &VaultRow) -> ApiResult<Self> {
        Ok(match &vault.maintenance {
            Some(text) => serde_json::from_str(text)?,
            None => Self::default(),
        })
    }

    /// When a kind is due for a vault.
    pub(crate) fn next(&self, mode: MaintenanceMode, vault: &VaultRow) -> i64 {
        match mode {
            MaintenanceMode::Quick => self.next_quick_at.unwrap_or(vault.created_at + QUICK_MS),
            MaintenanceMode::Full => self.next_full_at.unwrap_or(vault.created_at + FULL_MS),
        }
    }

    /// When a full one was to be done by; nothing where it is somebody else's.
    pub(crate) fn full_due(&self, vault: &VaultRow) -> Option<i64> {
        let due = self.full_due_at.unwrap_or(vault.created_at + FULL_MS);
        self.foreign_owner.is_none().then_some(due)
    }

    /// When what waits longest was to be read back.
    pub(crate) fn read_due(&self, vault: &VaultRow) -> i64 {
        self.read_due_at
            .unwrap_or(vault.created_at + READ_WITHIN_MS)
    }

    /// Notes how much was read back. What was in the vault before the server knew it has a whole window.
    pub(crate) fn cover(&mut self, coverage: Coverage, vault: &VaultRow, now: i64) {
        let oldest = coverage
            .oldest
            .map_or(now, |oldest| oldest.as_millisecond());
        let window = i64::from(coverage.window_days.clamp(1, 3650)) * 24 * HOUR_MS;
        self.read_due_at = Some(oldest.clamp(vault.created_at.min(now), now) + window);
        self.coverage = Some(coverage);
        self.coverage_at = Some(now);
    }

    /// Notes what one did.
    pub(crate) fn note(&mut self, mode: MaintenanceMode, done: &MaintenanceDone, now: i64) {
        let run = MaintenanceRun {
            at: Time::from_millis(now),
            seconds: done.seconds,
            freed_bytes: done.freed_bytes,
            later: done.later.clone(),
            problems: done.problems.clone(),
        };
        let bounded = |next: Option<jiff::Timestamp>, default: i64| {
            let next = next.map_or(now + default, |next| next.as_millisecond());
            next.clamp(now + SOONEST_MS, now + LATEST_MS)
        };
        self.next_quick_at = Some(match done.next_quick_at {
            Some(next) => bounded(Some(next), QUICK_MS),
            // Switched off in the repository: full ones do what quick ones would.
            None => now + LATEST_MS,
        });
        match mode {
            MaintenanceMode::Quick => self.quick = Some(run),
            MaintenanceMode::Full => {
                self.full = Some(run);
                let next = bounded(done.next_full_at, FULL_MS);
                self.next_full_at = Some(next);
                self.full_due_at = Some(next);
                self.locks_due_at = done.locks.map(|locks| locks.due_at.as_millisecond());
            }
        }
        self.foreign_owner = None;
        self.failure = None;
        self.failing_since = None;
    }

    /// Notes that it belongs to somebody else; that is looked at again in a day.
    pub(crate) fn leave_to(&mut self, owner: String, now: i64) {
        self.foreign_owner = Some(owner);
        self.full_due_at = None;
        self.locks_due_at = None;
        self.failure = None;
        self.failing_since = None;
        self.next_quick_at = Some(now + FULL_MS);
        self.next_full_at = Some(now + FULL_MS);
    }

    /// Notes a failure; it is tried again in an hour.
    pub(crate) fn fail(&mut self, mode: MaintenanceMode, failure: Failure, now: i64) {
        self.failure = Some(failure);
        self.failing_since.get_or_insert(now);
        self.put_off(mode, now + HOUR_MS);
    }

    /// Sets when a kind is due next.
    pub(crate) fn put_off(&mut self, mode: MaintenanceMode, until: i64) {
        match mode {
            MaintenanceMode::Quick => self.next_quick_at = Some(until),
            MaintenanceMode::Full => self.next_full_at = Some(until),
        }
    }
}
