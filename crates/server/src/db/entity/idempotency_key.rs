//! Rows of `idempotency_keys`.

use sea_orm::entity::prelude::*;

/// A creating request that was seen before.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub user_id: i64,
    pub key: String,
    pub request_hash: String,
    pub status: Option<i64>,
    pub sealed_response: Option<Vec<u8>>,
    pub created_at: i64,
    pub effect: Option<String>,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
