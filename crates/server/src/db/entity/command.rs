//! Rows of `commands`.

use sea_orm::entity::prelude::*;

/// A command to an agent.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "commands")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub tenant_id: i64,
    pub agent_id: i64,
    pub run_id: Option<i64>,
    pub vault_id: Option<i64>,
    pub kind: String,
    pub sealed_payload: Vec<u8>,
    pub status: String,
    pub lease_until: Option<i64>,
    pub deliveries: i64,
    pub sealed_result: Option<Vec<u8>>,
    #[sea_orm(column_type = "Text", nullable)]
    pub failure: Option<String>,
    pub expires_at: i64,
    pub created_at: i64,
    pub finished_at: Option<i64>,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
