//! The one connection that writes, with group commit.
//!
//! A commit waits for the disk, so transactions that follow each other closely share one: each is a savepoint inside a
//! transaction of the group, and all are told of their success after the group's commit. A transaction behind which
//! nobody waits commits at once; others wait for those that follow, [`LONGEST_GROUP`] at most.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    ExecResult, QueryResult, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait,
};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

/// How long the first of a group waits for others.
const LONGEST_GROUP: Duration = Duration::from_millis(20);

/// How long a transaction waits for its turn before it fails.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Name of the savepoint that is one transaction of a group; there is one at a time.
const MEMBER: &str = "member";

/// Writes, one transaction after the other. As a connection it makes each statement a transaction of its own.
#[derive(Clone, Debug)]
pub(crate) struct Writer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connection: DatabaseConnection,
    group: Arc<Mutex<Group>>,
    /// Transactions that wait for their turn.
    waiting: AtomicUsize,
}

/// Transactions that are committed together.
#[derive(Debug, Default)]
struct Group {
    open: Option<Open>,
    /// Counts groups, so that a timer knows its own.
    number: u64,
}

#[derive(Debug)]
struct Open {
    transaction: DatabaseTransaction,
    began: Instant,
    has_timer: bool,
    /// How the group ended; it is dropped without a word when the group was lost.
    end: watch::Sender<Option<Result<(), DbErr>>>,
}

/// A transaction. What is not committed is undone.
#[derive(Debug)]
pub(crate) struct Txn {
    shared: Arc<Shared>,
    /// Held until the turn is over.
    turn: Option<OwnedMutexGuard<Group>>,
}

impl Writer {
    /// With a connection that nobody else uses.
    pub(super) fn new(connection: DatabaseConnection) -> Self {
        Self(Arc::new(Shared {
            connection,
            group: Arc::default(),
            waiting: AtomicUsize::new(0),
        }))
    }

    /// Begins a transaction when its turn has come.
    ///
    /// # Errors
    /// When the turn does not come within half a minute, or the database fails.
    pub(crate) async fn begin(&self) -> Result<Txn, DbErr> {
        let shared = self.0.clone();
        let mut turn = shared.turn().await?;
        if turn.open.is_none() {
            let options = TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            };
            turn.open = Some(Open {
                transaction: shared.connection.begin_with_options(options).await?,
                began: Instant::now(),
                has_timer: false,
                end: watch::Sender::new(None),
            });
        }
        // From here on the turn is given back in order, whatever breaks off.
        let transaction = Txn {
            shared,
            turn: Some(turn),
        };
        transaction
            .group()?
            .execute_unprepared(&format!("SAVEPOINT {MEMBER}"))
            .await?;
        Ok(transaction)
    }

    /// Commits what is open and closes the connection.
    pub(super) async fn close(self) -> Result<(), DbErr> {
        let mut turn = self.0.turn().await?;
        turn.commit().await;
        self.0.connection.clone().close().await
    }
}

impl Shared {
    async fn turn(&self) -> Result<OwnedMutexGuard<Group>, DbErr> {
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&self.waiting);
        tokio::time::timeout(LONGEST_WAIT, self.group.clone().lock_owned())
            .await
            .map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
    }

    /// Ends a turn: the group is committed now when nobody waits to join it, else in time.
    fn end_turn(self: Arc<Self>, mut turn: OwnedMutexGuard<Group>) {
        let Some(open) = &mut turn.open else { return };
        let age = open.began.elapsed();
        if self.waiting.load(Ordering::SeqCst) == 0 || age >= LONGEST_GROUP {
            // Not in the caller's task: it may break off, and the others of the group must learn how it ended.
            tokio::spawn(async move { turn.commit().await });
        } else if !open.has_timer {
            open.has_timer = true;
            let number = turn.number;
            drop(turn);
            tokio::spawn(async move {
                tokio::time::sleep(LONGEST_GROUP.saturating_sub(age)).await;
                let mut turn = self.group.clone().lock_owned().await;
                if turn.number == number {
                    turn.commit().await;
                }
            });
        }
    }
}

impl Group {
    /// Commits the group, if there is one, and tells its members.
    async fn commit(&mut self) {
        if let Some(open) = self.open.take() {
            self.number += 1;
            let end = open.transaction.commit().await;
            open.end.send_replace(Some(end));
        }
    }
}

impl Txn {
    fn group(&self) -> Result<&DatabaseTransaction, DbErr> {
        self.turn
            .as_ref()
            .and_then(|turn| turn.open.as_ref())
            .map(|open| &open.transaction)
            .ok_or_else(lost)
    }

    /// Makes it last; it is on the disk when this returns.
    ///
    /// # Errors
    /// When the database cannot store it; then nothing of it was done.
    pub(crate) async fn commit(mut self) -> Result<(), DbErr> {
        self.group()?
            .execute_unprepared(&format!("RELEASE {MEMBER}"))
            .await?;
        let turn = self.turn.take().ok_or_else(lost)?;
        let mut end = turn.open.as_ref().ok_or_else(lost)?.end.subscribe();
        self.shared.clone().end_turn(turn);
        let end = end
            .wait_for(Option::is_some)
            .await
            .map_err(|_| lost())?
            .clone();
        end.unwrap_or(Ok(()))
    }
}

impl Drop for Txn {
    fn drop(&mut self) {
        let Some(mut turn) = self.turn.take() else {
            return;
        };
        let shared = self.shared.clone();
        // Without a runtime the program ends, and what is not committed ends with it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Some(open) = &turn.open {
                let undo = format!("ROLLBACK TO {MEMBER}; RELEASE {MEMBER}");
                if let Err(error) = open.transaction.execute_unprepared(&undo).await {
                    // Nothing of the whole group is certain any more; its members are told so.
                    tracing::warn!("a transaction could not be undone alone: {error}");
                    turn.number += 1;
                    turn.open = None;
                }
            }
            shared.end_turn(turn);
        });
    }
}

fn lost() -> DbErr {
    DbErr::Custom("the transaction was lost together with another one".to_owned())
}

#[async_trait]
impl ConnectionTrait for Txn {
    fn get_database_backend(&self) -> DbBackend {
        self.shared.connection.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.group()?.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.group()?.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.group()?.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.group()?.query_all_raw(statement).await
    }
}

#[async_trait]
impl ConnectionTrait for Writer {
    fn get_database_backend(&self) -> DbBackend {
        self.0.connection.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let transaction = self.begin().await?;
        let result = transaction.execute_raw(statement).await?;
        transaction.commit().await?;
        Ok(result)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let transaction = self.begin().await?;
        let result = transaction.execute_unprepared(sql).await?;
        transaction.commit().await?;
        Ok(result)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let transaction = self.begin().await?;
        let result = transaction.query_one_raw(statement).await?;
        transaction.commit().await?;
        Ok(result)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let transaction = self.begin().await?;
        let result = transaction.query_all_raw(statement).await?;
        transaction.commit().await?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Statement};

    use crate::db::Db;

    async fn database(folder: &tempfile::TempDir) -> Db {
        let db = Db::open(&folder.path().join("a?b%20.db")).await.unwrap();
        db.writer()
            .execute_unprepared("CREATE TABLE t (n INTEGER)")
            .await
            .unwrap();
        db
    }

    async fn count(db: &Db) -> i64 {
        let statement = Statement::from_string(
            sea_orm::DatabaseBackend::Sqlite,
            "SELECT count(*) AS n FROM t",
        );
        let row = db.reader().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get("", "n").unwrap()
    }

    async fn insert(conn: &impl ConnectionTrait, n: i64) {
        conn.execute_unprepared(&format!("INSERT INTO t VALUES ({n})"))
            .await
            .unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_committed_is_there_and_the_rest_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let db = database(&folder).await;
        let transaction = db.begin().await.unwrap();
        insert(&transaction, 1).await;
        assert_eq!(count(&db).await, 0, "nobody sees what is not committed");
        transaction.commit().await.unwrap();
        assert_eq!(count(&db).await, 1);
        let dropped = db.begin().await.unwrap();
        insert(&dropped, 2).await;
        drop(dropped);
        insert(db.writer(), 3).await;
        assert_eq!(count(&db).await, 2);
        db.close().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_at_once_share_commits_and_fail_alone() {
        let folder = tempfile::tempdir().unwrap();
        let db = database(&folder).await;
        let before = commits(&folder).await;
        let tasks: Vec<_> = (0..60)
            .map(|n| {
                let db = db.clone();
                tokio::spawn(async move {
                    let transaction = db.begin().await.unwrap();
                    insert(&transaction, n).await;
                    match n % 3 {
                        // Undone, cut off in the middle, and done.
                        0 => drop(transaction),
                        1 => {
                            let wrong =
                                transaction.execute_unprepared("INSERT INTO none VALUES (1)");
                            wrong.await.unwrap_err();
                        }
                        _ => transaction.commit().await.unwrap(),
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(count(&db).await, 20);
        let made = commits(&folder).await - before;
        assert!(
            (1..20).contains(&made),
            "{made} commits for 20 transactions"
        );
        db.close().await.unwrap();
    }

    /// Commits so far: SQLite marks the last frame of each commit in its log with the database's size.
    async fn commits(folder: &tempfile::TempDir) -> usize {
        let log = std::fs::read(folder.path().join("a?b%20.db-wal")).unwrap_or_default();
        let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
        log[32..]
            .chunks(24 + page)
            .filter(|frame| frame.len() > 8 && frame[4..8] != [0; 4])
            .count()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn callers_that_go_away_hold_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let db = database(&folder).await;
        for round in 0..40u64 {
            let gone = tokio::spawn({
                let db = db.clone();
                async move {
                    let transaction = db.begin().await.unwrap();
                    insert(&transaction, 0).await;
                    transaction.commit().await.unwrap();
                }
            });
            tokio::time::sleep(std::time::Duration::from_micros(round * 40)).await;
            gone.abort();
            let before = count(&db).await;
            insert(db.writer(), 1).await;
            assert!(count(&db).await > before);
        }
        db.close().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_disk_fails_what_does_not_fit_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let db = database(&folder).await;
        insert(db.writer(), 1).await;
        let writer = db.writer();
        writer
            .execute_unprepared("PRAGMA max_page_count = 1")
            .await
            .unwrap();
        let large = "INSERT INTO t WITH RECURSIVE c(n) AS \
                     (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000) SELECT n FROM c";
        let transaction = db.begin().await.unwrap();
        transaction.execute_unprepared(large).await.unwrap_err();
        drop(transaction);
        writer
            .execute_unprepared("PRAGMA max_page_count = 1000000")
            .await
            .unwrap();
        assert_eq!(count(&db).await, 1);
        insert(db.writer(), 2).await;
        let transaction = db.begin().await.unwrap();
        insert(&transaction, 3).await;
        transaction.commit().await.unwrap();
        db.close().await.unwrap();
        let db = Db::open(&folder.path().join("a?b%20.db")).await.unwrap();
        assert_eq!(count(&db).await, 3);
    }
}
