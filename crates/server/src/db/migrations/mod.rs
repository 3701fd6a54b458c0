//! The schema's history. A migration that was released is never changed; the next one follows it.

use sea_orm_migration::prelude::*;

mod m0001_first;

/// Every migration, oldest first.
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_first::Migration)]
    }
}
