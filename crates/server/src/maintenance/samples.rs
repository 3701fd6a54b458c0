//! Rows for tests.

use uuid::Uuid;

use crate::db::{AgentRow, VaultRow};

/// The present, in milliseconds since 1970.
pub(super) const NOW: i64 = 1_800_000_000_000;

/// A machine that was heard from so many milliseconds ago.
pub(super) fn agent(id: i64, silence: i64) -> AgentRow {
    AgentRow {
        id,
        uuid: Uuid::from_u128(1),
        tenant_id: 1,
        reseller_id: None,
        name: format!("machine {id}"),
        host: format!("machine-{id}"),
        device_id: Uuid::from_u128(2),
        token_hash: String::new(),
        disabled: false,
        source_user: "root".to_owned(),
        source_host: format!("machine-{id}"),
        os: String::new(),
        architecture: String::new(),
        agent_version: String::new(),
        capabilities: r#"{"commands":["maintenance_full"]}"#.to_owned(),
        volumes: "[]".to_owned(),
        clock_offset_ms: None,
        instance: None,
        previous_instance: None,
        cloned_at: None,
        last_seen_at: Some(NOW - silence),
        on_server_host: false,
        created_at: 0,
        version: 1,
    }
}

/// A ready vault in a bucket that was made a moment ago.
pub(crate) fn vault() -> VaultRow {
    VaultRow {
        id: 1,
        uuid: Uuid::from_u128(3),
        tenant_id: 1,
        name: String::new(),
        state: "ready".to_owned(),
        kind: "s3".to_owned(),
        endpoint: String::new(),
        region: String::new(),
        bucket: String::new(),
        prefix: String::new(),
        access_key_id: String::new(),
        sealed_secret_key: None,
        agent_id: None,
        path: String::new(),
        sealed_repository_password: Vec::new(),
        failure: None,
        creator_agent_id: None,
        last_test_ok: None,
        last_test_at: None,
        kit_shown_at: None,
        created_at: NOW,
        listed_at: None,
        maintenance_agent_id: None,
        maintenance: None,
        quota_bytes: None,
        version: 1,
    }
}
