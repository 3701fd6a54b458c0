//! Rows of `vault_usage_days`.

use sea_orm::entity::prelude::*;

/// How full a vault was on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vault_usage_days")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub vault_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: i64,
    pub stored_bytes: i64,
    pub free_bytes: Option<i64>,
    pub measured_at: i64,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
