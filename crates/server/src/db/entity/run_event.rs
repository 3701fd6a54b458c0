//! Rows of `run_events`.

use sea_orm::entity::prelude::*;

/// An event of a run.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "run_events")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub run_id: i64,
    pub seq: i64,
    pub attempt: i64,
    pub agent_seq: Option<i64>,
    pub time: i64,
    pub kind: String,
    pub level: String,
    pub message_id: String,
    pub sealed_params: Vec<u8>,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
