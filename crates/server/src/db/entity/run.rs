//! Rows of `runs`.

use sea_orm::entity::prelude::*;

/// A run.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "runs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub tenant_id: i64,
    pub reseller_id: Option<i64>,
    pub job_id: Option<i64>,
    pub job_name: String,
    pub agent_id: Option<i64>,
    pub vault_id: i64,
    pub run_type: String,
    pub status: String,
    pub trigger_kind: String,
    pub attempt: i64,
    pub instance: Option<Uuid>,
    pub update_seq: i64,
    pub event_seq: i64,
    pub cancel_requested: bool,
    pub reported_late: bool,
    pub progress_pct: Option<f64>,
    pub bytes_processed: Option<i64>,
    pub bytes_transferred: Option<i64>,
    pub bytes_total: Option<i64>,
    pub objects_transferred: Option<i64>,
    pub objects_total: Option<i64>,
    pub speed: Option<i64>,
    pub eta_seconds: Option<i64>,
    pub sealed_current_item: Option<Vec<u8>>,
    pub reported_at: Option<i64>,
    pub heartbeat_at: Option<i64>,
    #[sea_orm(column_type = "Text")]
    pub stages: String,
    #[sea_orm(column_type = "Text")]
    pub statistics: String,
    pub problem_count: i64,
    pub error_code: Option<String>,
    pub sealed_error: Option<Vec<u8>>,
    #[sea_orm(column_type = "Text")]
    pub paths: String,
    #[sea_orm(column_type = "Text")]
    pub policy: String,
    pub source_point_id: Option<i64>,
    pub target_path: Option<String>,
    pub stop_at: Option<i64>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub version: i64,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
