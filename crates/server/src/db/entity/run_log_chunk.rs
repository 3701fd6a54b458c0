//! Rows of `run_log_chunks`.

use sea_orm::entity::prelude::*;

/// Some lines of a run's full log.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "run_log_chunks")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub run_id: i64,
    pub first_line: i64,
    pub lines: i64,
    pub bytes: i64,
    pub levels: i64,
    pub sealed_lines: Vec<u8>,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
