//! Rows of `agents`.

use sea_orm::entity::prelude::*;

/// A machine with an agent.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "agents")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub tenant_id: i64,
    pub reseller_id: Option<i64>,
    pub name: String,
    pub host: String,
    pub device_id: Uuid,
    pub token_hash: String,
    pub disabled: bool,
    pub source_user: String,
    pub source_host: String,
    pub os: String,
    pub architecture: String,
    pub agent_version: String,
    #[sea_orm(column_type = "Text")]
    pub capabilities: String,
    #[sea_orm(column_type = "Text")]
    pub volumes: String,
    pub clock_offset_ms: Option<i64>,
    pub instance: Option<Uuid>,
    pub previous_instance: Option<Uuid>,
    pub cloned_at: Option<i64>,
    pub last_seen_at: Option<i64>,
    pub on_server_host: bool,
    pub created_at: i64,
    pub version: i64,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
