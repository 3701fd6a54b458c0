//! Rows of `occurrences`.

use sea_orm::entity::prelude::*;

/// A start that a job's schedule asked for.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "occurrences")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub tenant_id: i64,
    pub job_id: i64,
    pub due_at: i64,
    pub start_at: i64,
    pub deadline_at: i64,
    pub state: String,
    pub reason: Option<String>,
    pub run_id: Option<i64>,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
