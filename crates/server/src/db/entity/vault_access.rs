//! Rows of `vault_access`.

use sea_orm::entity::prelude::*;

/// Whether a machine could open a vault when it tried last.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vault_access")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub vault_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub agent_id: i64,
    pub told_at: i64,
    pub failed_since: Option<i64>,
    pub code: Option<String>,
    pub failed_writing: bool,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
