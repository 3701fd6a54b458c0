//! Rows of `point_snapshots`.

use sea_orm::entity::prelude::*;

/// One source path of a restore point.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "point_snapshots")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub point_id: i64,
    pub vault_id: i64,
    pub path: String,
    pub manifest_id: String,
    pub root_object: String,
    pub start_time: i64,
    pub files: i64,
    pub dirs: i64,
    pub total_bytes: i64,
}

/// None: joins are written out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
