//! Rows of `jobs`.

use sea_orm::entity::prelude::*;

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub tenant_id: i64,
    pub reseller_id: Option<i64>,
    pub agent_id: i64,
    pub vault_id: i64,
    pub name: String,
    pub kind: String,
    pub enabled: bool,
    #[sea_orm(column_type = "Text")]
    pub paths: String,
    #[sea_orm(column_type = "Text")]
    pub policy: String,
    #[sea_orm(column_type = "Text")]
    pub schedule: String,
    pub upload_limit: Option<i64>,
    pub max_age_seconds: Option<i64>,
    pub next_due_at: Option<i64>,
    pub next_start_at: Option<i64>,
    pub offline_start: bool,
    #[sea_orm(column_type = "Text")]
    pub retention: String,
    pub retention_at: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub retention_applied: Option<String>,
    pub retention_waits_since: Option<i64>,
    pub created_at: i64,
    pub version: i64,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
