//! Full logs of runs. Their lines may hold file names and are sealed, chunk by chunk.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::{
    Db, LogChunkRow, LogRow,
    entity::{
        run_log::{ActiveModel, Column, Entity},
        run_log_chunk::{ActiveModel as ActiveChunk, Column as ChunkColumn, Entity as ChunkEntity},
    },
};

/// What there is of a run's log. The run was looked up in its scope before.
pub(crate) async fn of_run(
    conn: &impl ConnectionTrait,
    run_id: i64,
) -> Result<Option<LogRow>, DbErr> {
    Entity::find()
        .filter(Column::RunId.eq(run_id))
        .one(conn)
        .await
}

/// The log of a run of which nothing was written yet.
pub(crate) async fn begin(
    conn: &impl ConnectionTrait,
    run_id: i64,
    now: i64,
) -> Result<LogRow, DbErr> {
    let row = ActiveModel {
        run_id: Set(run_id),
        lines: Set(0),
        bytes: Set(0),
        last_seqs: Set("{}".to_owned()),
        last_at: Set(now),
        is_full: Set(false),
        erased: Set(false),
        ..Default::default()
    };
    Entity::insert(row).exec_with_returning(conn).await
}

/// Stores what there is now.
pub(crate) async fn save(conn: &impl ConnectionTrait, row: LogRow) -> Result<(), DbErr> {
    row.into_active_model()
        .reset_all()
        .update(conn)
        .await
        .map(drop)
}

/// A chunk that is to be stored.
pub(crate) struct NewChunk {
    pub(crate) first_line: i64,
    pub(crate) lines: i64,
    pub(crate) bytes: i64,
    pub(crate) levels: i64,
    pub(crate) sealed_lines: Vec<u8>,
}

/// Stores a chunk, in the place of the one that begins with the same line.
pub(crate) async fn put_chunk(
    conn: &impl ConnectionTrait,
    run_id: i64,
    chunk: NewChunk,
) -> Result<(), DbErr> {
    ChunkEntity::delete_many()
        .filter(ChunkColumn::RunId.eq(run_id))
        .filter(ChunkColumn::FirstLine.eq(chunk.first_line))
        .exec(conn)
        .await?;
    let row = ActiveChunk {
        run_id: Set(run_id),
        first_line: Set(chunk.first_line),
        lines: Set(chunk.lines),
        bytes: Set(chunk.bytes),
        levels: Set(chunk.levels),
        sealed_lines: Set(chunk.sealed_lines),
        ..Default::default()
    };
    ChunkEntity::insert(row)
        .exec_without_returning(conn)
        .await
        .map(drop)
}

/// The chunk with the last line that is at or before `line`.
pub(crate) async fn chunk_at(
    conn: &impl ConnectionTrait,
    run_id: i64,
    line: i64,
) -> Result<Option<LogChunkRow>, DbErr> {
    chunk_at_query(run_id, line).one(conn).await
}

fn chunk_at_query(run_id: i64, line: i64) -> Select<ChunkEntity> {
    ChunkEntity::find()
        .filter(ChunkColumn::RunId.eq(run_id))
        .filter(ChunkColumn::FirstLine.lte(line))
        .order_by_desc(ChunkColumn::FirstLine)
        .limit(1)
}

/// Erases the first few logs that have had no line since `before`.
pub(crate) async fn erase_old(db: &Db, before: i64, limit: u64) -> Result<(), DbErr> {
    for log in old_query(before, limit).all(db.reader()).await? {
        let txn = db.begin().await?;
        erase(&txn, log.run_id).await?;
        txn.commit().await?;
    }
    Ok(())
}

fn old_query(before: i64, limit: u64) -> Select<Entity> {
    Entity::find()
        .filter(Column::Erased.eq(false))
        .filter(Column::LastAt.lt(before))
        .order_by_asc(Column::LastAt)
        .limit(limit)
}

/// Erases the lines of a run's log; that there was one stays known.
async fn erase(conn: &impl ConnectionTrait, run_id: i64) -> Result<(), DbErr> {
    ChunkEntity::delete_many()
        .filter(ChunkColumn::RunId.eq(run_id))
        .exec(conn)
        .await?;
    Entity::update_many()
        .set(ActiveModel {
            erased: Set(true),
            bytes: Set(0),
            ..Default::default()
        })
        .filter(Column::RunId.eq(run_id))
        .exec(conn)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Database, DatabaseBackend, QueryTrait};

    use super::{chunk_at, chunk_at_query, erase_old, of_run, old_query};
    use crate::db::{Db, events, options, query_plan};

    /// Runs 1, 2 and 3: over long ago, over lately, at work since long ago; each with a log and events.
    const FILL: &[&str] = &[
        "PRAGMA foreign_keys = OFF",
        "INSERT INTO run_logs (run_id, lines, bytes, last_seqs, last_at, is_full, erased) \
         VALUES (1, 9, 90, '{}', 100, 0, 0), (2, 9, 90, '{}', 900, 0, 0), (3, 9, 90, '{}', 950, 0, 0)",
        "INSERT INTO run_log_chunks (run_id, first_line, lines, bytes, levels, sealed_lines) \
         VALUES (1, 1, 5, 50, 1, x'00'), (1, 6, 4, 40, 1, x'00'), (2, 1, 9, 90, 1, x'00'), (3, 1, 9, 90, 1, x'00')",
        "INSERT INTO run_events (run_id, seq, attempt, time, kind, level, message_id, sealed_params) \
         VALUES (1, 1, 1, 0, 'info', 'info', 'X', x'00'), (2, 1, 1, 0, 'info', 'info', 'X', x'00'), \
         (3, 1, 1, 0, 'info', 'info', 'X', x'00')",
    ];

    // Requirements: SCH-11
    #[tokio::test]
    async fn what_is_old_is_erased_and_the_runs_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("holdfast.db");
        let db = Db::open(&file).await.unwrap();
        let raw = Database::connect(options(&file, 1, false)).await.unwrap();
        for statement in FILL {
            raw.execute_unprepared(statement).await.unwrap();
        }
        // Whatever other columns runs have, these are the ones that matter here.
        for (id, finished) in [(1, "100"), (2, "900"), (3, "NULL")] {
            run(&raw, id, finished).await;
        }
        erase_old(&db, 500, 10).await.unwrap();
        events::sweep(db.writer(), 500).await.unwrap();
        for (run_id, erased) in [(1, true), (2, false), (3, false)] {
            let log = of_run(db.reader(), run_id).await.unwrap().unwrap();
            assert_eq!((log.erased, log.lines), (erased, 9), "run {run_id}");
            let chunk = chunk_at(db.reader(), run_id, 99).await.unwrap();
            assert_eq!(chunk.is_none(), erased, "run {run_id}");
            let left = events::after(db.reader(), run_id, 0, &[], 10)
                .await
                .unwrap();
            assert_eq!(left.is_empty(), erased, "run {run_id}");
        }
        raw.close().await.unwrap();
        db.close().await.unwrap();
    }

    /// Adds a run that has nothing in its columns but what it must.
    async fn run(raw: &sea_orm::DatabaseConnection, id: i64, finished: &str) {
        let columns = "SELECT name, type FROM pragma_table_info('runs') WHERE \"notnull\" AND name NOT IN ('id', 'finished_at')";
        let statement = sea_orm::Statement::from_string(DatabaseBackend::Sqlite, columns);
        let rows = raw.query_all_raw(statement).await.unwrap();
        let names: Vec<String> = rows
            .iter()
            .map(|row| row.try_get("", "name").unwrap())
            .collect();
        let values = names.iter().map(|name| match name.as_str() {
            "uuid" => "randomblob(16)",
            _ => "0",
        });
        let sql = format!(
            "INSERT INTO runs (id, finished_at, {}) VALUES ({id}, {finished}, {})",
            names.join(", "),
            values.collect::<Vec<_>>().join(", ")
        );
        raw.execute_unprepared(&sql).await.unwrap();
    }

    #[tokio::test]
    async fn indexes_find_lines_and_old_logs() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("holdfast.db")).await.unwrap();
        let sqlite = DatabaseBackend::Sqlite;
        for query in [
            chunk_at_query(7, 1000).build(sqlite),
            old_query(5, 10).build(sqlite),
        ] {
            let text = query.to_string();
            let plan = query_plan(&db, query).await;
            assert!(
                plan.contains("SEARCH") && !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
                "{text}: {plan}"
            );
        }
        db.close().await.unwrap();
    }
}
