//! What an agent needs to execute a run.

use holdfast_protocol::{
    agent::{Attempt, JobId, JobPolicy, RunId, RunWork, SourceIdentity},
    api::jobs::{Compression, JobPolicy as ApiPolicy},
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    app::App,
    commands::vault_context,
    db::{AgentRow, VaultRow},
    problem::ApiResult,
};

/// What is to be done, beside agent and vault.
pub(crate) struct WorkOrder<'a> {
    pub(crate) run_id: RunId,
    pub(crate) run_uuid: Uuid,
    pub(crate) attempt: Attempt,
    pub(crate) job_id: Option<i64>,
    pub(crate) job_uuid: Uuid,
    pub(crate) job_name: &'a str,
    /// Source paths as the database has them.
    pub(crate) paths: &'a str,
    /// Settings of the job at the run's start.
    pub(crate) policy: &'a str,
    pub(crate) cancel_requested: bool,
    pub(crate) started_at: Option<Timestamp>,
    /// When the newest occurrence was due for which it was started.
    pub(crate) due_at: Option<Timestamp>,
}

/// What of a job's policy selects files beside its rules.
pub(crate) fn selecting(policy: &ApiPolicy) -> JobPolicy {
    JobPolicy {
        one_file_system: policy.one_file_system.then_some(true),
        max_file_size: policy.max_file_size_bytes,
        ..JobPolicy::default()
    }
}

/// A run with everything that its agent needs.
pub(crate) fn work(
    app: &App,
    agent: &AgentRow,
    vault: &VaultRow,
    order: WorkOrder<'_>,
) -> ApiResult<RunWork> {
    let snapshot: serde_json::Value = serde_json::from_str(order.policy)?;
    let policy: ApiPolicy = serde_json::from_value(snapshot["policy"].clone())?;
    let compression = serde_json::to_value(policy.compression)?;
    let compression = compression.as_str().map(str::to_owned);
    let paths: Vec<String> = serde_json::from_str(order.paths)?;
    let limit = snapshot["upload_limit_bytes_per_second"].as_u64();
    Ok(RunWork {
        run_id: order.run_id,
        run_uuid: order.run_uuid,
        attempt: order.attempt,
        job_id: JobId(order.job_id.unwrap_or(0)),
        job_uuid: order.job_uuid,
        job_name: order.job_name.to_owned(),
        engine: "kopia".to_owned(),
        source_type: "local_agent".to_owned(),
        source_path: paths.first().cloned().unwrap_or_default(),
        source_paths: paths,
        source_identity: SourceIdentity {
            user: agent.source_user.clone(),
            host: agent.source_host.clone(),
        },
        policy_json: Some(JobPolicy {
            compression: compression.clone(),
            ..selecting(&policy)
        }),
        include_globs: policy.include_rules,
        exclude_globs: policy.ignore_rules,
        vault: vault_context::of_vault(app, vault)?,
        // A run that was queued before jobs had a retention says nothing of it.
        retention_json: Some(snapshot["retention"].clone()).filter(|kept| !kept.is_null()),
        schedule_json: Some(snapshot["schedule"].clone()),
        compression_enabled: policy.compression != Compression::None,
        compression,
        bandwidth_limit_kbps: limit.map(|bytes| bytes.div_ceil(1000)),
        parallelism: policy.parallelism,
        network_credentials: None,
        cancel_requested: order.cancel_requested,
        started_at: order.started_at,
        due_at: order.due_at,
    })
}
