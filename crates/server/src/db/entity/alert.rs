//! Rows of `alerts`.

use sea_orm::entity::prelude::*;

/// An alert, open or over.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alerts")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub tenant_id: i64,
    pub reseller_id: Option<i64>,
    pub kind: String,
    pub object_type: String,
    pub object_uuid: Uuid,
    pub object_name: String,
    pub severity: String,
    pub action: String,
    pub target_type: String,
    pub target_uuid: Uuid,
    #[sea_orm(column_type = "Text")]
    pub params: String,
    pub since_at: i64,
    pub opened_at: i64,
    pub last_seen_at: i64,
    pub closed_at: Option<i64>,
    pub acknowledged_at: Option<i64>,
    pub acknowledged_by: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub notified: Option<String>,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
