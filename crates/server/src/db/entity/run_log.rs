//! Rows of `run_logs`.

use sea_orm::entity::prelude::*;

/// What there is of a run's full log.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "run_logs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub run_id: i64,
    pub lines: i64,
    pub bytes: i64,
    #[sea_orm(column_type = "Text")]
    pub last_seqs: String,
    pub last_at: i64,
    pub is_full: bool,
    pub erased: bool,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
