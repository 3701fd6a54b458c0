//! Rows of `points`.

use sea_orm::entity::prelude::*;

/// A restore point.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "points")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub tenant_id: i64,
    pub reseller_id: Option<i64>,
    pub job_id: Option<i64>,
    pub vault_id: i64,
    pub run_id: Option<i64>,
    pub source_user: String,
    pub source_host: String,
    pub time: i64,
    pub state: String,
    pub files: i64,
    pub total_bytes: i64,
    pub bytes_uploaded: Option<i64>,
    pub problem_count: i64,
    pub created_at: i64,
    pub stamped_at: Option<i64>,
    pub by_server: bool,
    pub pinned: bool,
    pub deletion_id: Option<i64>,
    pub listed_at: Option<i64>,
    pub pin_note: Option<String>,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
