//! Rows of `notification_channels`.

use sea_orm::entity::prelude::*;

/// A channel of notifications.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notification_channels")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub tenant_id: i64,
    pub name: String,
    pub kind: String,
    pub enabled: bool,
    pub language: String,
    #[sea_orm(column_type = "Text")]
    pub target: String,
    pub sealed_secret: Option<Vec<u8>>,
    #[sea_orm(column_type = "Text")]
    pub rules: String,
    pub attempts: i64,
    pub next_attempt_at: Option<i64>,
    pub failing_since: Option<i64>,
    pub last_ok_at: Option<i64>,
    pub last_failed_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub last_error: Option<String>,
    pub created_at: i64,
    pub version: i64,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
