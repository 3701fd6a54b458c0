//! Rows of `vaults`.

use sea_orm::entity::prelude::*;

/// A vault.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vaults")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub tenant_id: i64,
    pub name: String,
    pub state: String,
    pub kind: String,
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    pub prefix: String,
    pub access_key_id: String,
    pub sealed_secret_key: Option<Vec<u8>>,
    pub agent_id: Option<i64>,
    pub path: String,
    pub sealed_repository_password: Vec<u8>,
    #[sea_orm(column_type = "Text", nullable)]
    pub failure: Option<String>,
    pub creator_agent_id: Option<i64>,
    pub last_test_ok: Option<bool>,
    pub last_test_at: Option<i64>,
    pub kit_shown_at: Option<i64>,
    pub listed_at: Option<i64>,
    pub created_at: i64,
    pub maintenance_agent_id: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub maintenance: Option<String>,
    pub quota_bytes: Option<i64>,
    pub version: i64,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
