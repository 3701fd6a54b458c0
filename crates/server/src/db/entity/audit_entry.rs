//! Rows of `audit_log`.

use sea_orm::entity::prelude::*;

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub tenant_id: i64,
    pub time: i64,
    pub actor: String,
    pub action: String,
    pub object_type: String,
    pub object_uuid: Option<Uuid>,
    pub object_name: String,
    pub address: Option<String>,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
