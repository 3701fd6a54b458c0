//! What alerts are decided by. Times are milliseconds since 1970, ages and limits milliseconds.
//!
//! A fact that no part of the server knows has no field here.

use holdfast_protocol::alerts::AlertKind;
use uuid::Uuid;

/// Everything about one tenant at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The moment.
    pub(super) now: i64,
    pub(super) jobs: Vec<JobFacts>,
    pub(super) agents: Vec<AgentFacts>,
    pub(super) vaults: Vec<VaultFacts>,
    pub(super) channels: Vec<ChannelFacts>,
}

/// What an alert is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) uuid: Uuid,
    pub(super) name: String,
}

/// A job that may run.
#[derive(Clone, Debug, Default)]
pub(super) struct JobFacts {
    pub(super) object: Object,
    pub(super) made_at: i64,
    /// Its machine, when that is not there.
    pub(super) absent_agent: Option<Uuid>,
    /// How old the newest restore point may be; unknown for a job that nothing starts and nobody limits.
    pub(super) max_age: Option<i64>,
    pub(super) newest_point: Option<i64>,
    /// When the start was due that nobody made, and nobody made up for.
    pub(super) missed_due: Option<i64>,
    /// How the last run ended that was not cancelled.
    pub(super) last_end: Option<End>,
    /// Since when points wait for their deletion that its retention does not keep.
    pub(super) retention_waits_since: Option<i64>,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) run: Uuid,
    pub(super) at: i64,
    pub(super) result: EndResult,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EndResult {
    Success,
    /// So many items are missing.
    Partial(i64),
    /// The code of the failure.
    Failed(String),
}

/// A machine that is not disabled.
#[derive(Clone, Debug, Default)]
pub(super) struct AgentFacts {
    pub(super) object: Object,
    /// It has jobs that may run.
    pub(super) has_jobs: bool,
    /// For how long it was not heard from.
    pub(super) silent_for: i64,
    /// For how long the server could have heard it: while the server was away nobody could be heard.
    pub(super) server_up_for: i64,
    /// How long ago a second process of its identity was refused.
    pub(super) cloned_for: Option<i64>,
    /// By how much its clock differs from the server's, in milliseconds; behind is negative.
    pub(super) clock_offset: Option<i64>,
    /// Kinds of which an alert about it is open.
    pub(super) open: Vec<AlertKind>,
}

/// A vault.
#[derive(Clone, Debug, Default)]
pub(super) struct VaultFacts {
    pub(super) object: Object,
    pub(super) made_at: i64,
    pub(super) state: VaultState,
    /// The machines that cannot open it, of those that need to.
    pub(super) unopenable: Vec<Unopenable>,
    /// Somebody saw its recovery kit.
    pub(super) kit_shown: bool,
    /// When the list of its points was last compared with it, else when it was made.
    pub(super) listed_at: i64,
    pub(super) upkeep: Upkeep,
}

/// How a ready vault is kept in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Upkeep {
    /// When full maintenance was to be done by; nothing where it is another program's.
    pub(super) full_due_at: Option<i64>,
    /// When what waits longest was to be read back.
    pub(super) read_due_at: Option<i64>,
    /// When object locks were to be extended; nothing where they are not.
    pub(super) locks_due_at: Option<i64>,
    /// Since when full maintenance fails to extend them.
    pub(super) locks_failing_since: Option<i64>,
    /// The code with which maintenance fails.
    pub(super) failing: Option<String>,
    /// So many objects were damaged or missing when they were read, by what was told at a time.
    pub(super) damaged: Option<(i64, u64)>,
}

/// Whether a vault's repository is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum VaultState {
    /// It was not made yet, and nothing failed.
    #[default]
    New,
    /// It could not be made: the code says why.
    Failed(String),
    Ready,
}

/// A channel of notifications that sends messages.
#[derive(Clone, Debug, Default)]
pub(super) struct ChannelFacts {
    pub(super) object: Object,
    /// Since when nothing arrives.
    pub(super) failing_since: Option<i64>,
}

/// A machine that cannot open a vault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unopenable {
    /// The machine's name.
    pub(super) machine: String,
    pub(super) since: i64,
    /// The code of the failure, where it said one.
    pub(super) code: Option<String>,
}
