//! Full logs of runs: taken from agents without doubles, kept in sealed and compressed chunks, read back line by line.

mod lines;

use std::collections::BTreeMap;

use holdfast_protocol::{
    Time,
    agent::{LogLevel, PushLog},
    api::run_logs::{RunLog, RunLogLine},
    errors::ErrorCode,
};
use sea_orm::ConnectionTrait;

use self::lines::{CHUNK_BYTES, Chunk, Extent, LARGEST_CHUNK, StoredLine, bit, fresh, lay_out};
use super::report::stale_attempt;
use crate::{
    app::{App, now},
    db::{self, AgentRow, LogChunkRow, LogRow, RunRow, run_logs::NewChunk},
    problem::{ApiError, ApiResult},
    sealing::Place,
};

/// Chunks that are looked through for one answer.
const MOST_CHUNKS: usize = 64;

/// Logs that are erased at a time.
const MOST_ERASED: u64 = 50;

fn place(run: &RunRow, first_line: i64) -> Place<'static> {
    Place::new("run_log_chunks", "sealed_lines", run.uuid).part(first_line)
}

/// Takes lines of a run's log. Lines of an older attempt may arrive late; they happened and are kept.
pub(crate) async fn push(
    app: &App,
    agent: &AgentRow,
    run_id: i64,
    pushed: PushLog,
) -> ApiResult<()> {
    let now = now();
    let txn = app.db.begin().await?;
    let run = db::runs::lock_of_agent(&txn, agent.id, run_id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let attempt = i64::from(pushed.attempt.0);
    if attempt > run.attempt {
        return Err(stale_attempt(&run));
    }
    let mut log = match db::run_logs::of_run(&txn, run.id).await? {
        Some(log) => log,
        None => db::run_logs::begin(&txn, run.id, now).await?,
    };
    let mut seqs: BTreeMap<i64, u64> = serde_json::from_str(&log.last_seqs)?;
    let last = seqs.entry(attempt).or_default();
    let lines = fresh(pushed.lines, attempt, last);
    if lines.is_empty() || log.erased {
        return Ok(());
    }
    let open = match db::run_logs::chunk_at(&txn, run.id, i64::MAX).await? {
        Some(row) if (row.bytes as usize) < CHUNK_BYTES => Some(unpack(app, &run, &row)?),
        _ => None,
    };
    let before = Extent {
        lines: log.lines,
        bytes: log.bytes,
        is_full: log.is_full,
    };
    let (chunks, after) = lay_out(open, before, lines);
    for chunk in chunks {
        db::run_logs::put_chunk(&txn, run.id, pack(app, &run, &chunk)?).await?;
    }
    log.lines = after.lines;
    log.bytes = after.bytes;
    log.is_full = after.is_full;
    log.last_at = now;
    log.last_seqs = serde_json::to_string(&seqs)?;
    db::run_logs::save(&txn, log).await?;
    txn.commit().await?;
    Ok(())
}

fn pack(app: &App, run: &RunRow, chunk: &Chunk) -> ApiResult<NewChunk> {
    let packed = zstd::bulk::compress(chunk.text.as_bytes(), zstd::DEFAULT_COMPRESSION_LEVEL)
        .map_err(|error| unusable(run, &error))?;
    Ok(NewChunk {
        first_line: chunk.first_line,
        lines: chunk.lines,
        bytes: chunk.text.len() as i64,
        levels: chunk.levels,
        sealed_lines: app.sealer.seal(place(run, chunk.first_line), &packed),
    })
}

fn unpack(app: &App, run: &RunRow, row: &LogChunkRow) -> ApiResult<Chunk> {
    let packed = app
        .sealer
        .open(place(run, row.first_line), &row.sealed_lines)?;
    let bytes =
        zstd::bulk::decompress(&packed, LARGEST_CHUNK).map_err(|error| unusable(run, &error))?;
    Ok(Chunk {
        first_line: row.first_line,
        lines: row.lines,
        levels: row.levels,
        text: String::from_utf8(bytes).map_err(|error| unusable(run, &error))?,
    })
}

fn unusable(run: &RunRow, error: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(run = %run.uuid, "a part of the run's log cannot be used: {error}");
    ApiError::from(ErrorCode::Internal)
}

/// Which way a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Lines before this one, the newest of them.
    Before(i64),
    /// Lines after this one, the oldest of them.
    After(i64),
}

/// Which lines are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) direction: Direction,
    /// Empty: all.
    pub(crate) levels: Vec<LogLevel>,
    /// In lower case; empty: all.
    pub(crate) search: String,
    pub(crate) limit: usize,
}

impl Wanted {
    fn levels(&self) -> i64 {
        self.levels.iter().fold(0, |bits, level| bits | bit(*level))
    }

    fn takes(&self, line: &StoredLine) -> bool {
        (self.levels.is_empty() || self.levels.contains(&line.level))
            && (self.search.is_empty() || line.text.to_lowercase().contains(&self.search))
    }
}

fn shown(line: i64, stored: StoredLine) -> RunLogLine {
    RunLogLine {
        line,
        time: Time::from_millis(stored.time),
        level: stored.level,
        attempt: stored.attempt,
        text: stored.text,
    }
}

/// Reads a part of a run's log.
pub(crate) async fn read(
    app: &App,
    conn: &impl ConnectionTrait,
    run: &RunRow,
    wanted: &Wanted,
) -> ApiResult<RunLog> {
    let Some(log) = db::run_logs::of_run(conn, run.id).await? else {
        return Ok(RunLog::default());
    };
    let mut answer = RunLog {
        lines: log.lines,
        full: log.is_full,
        erased: log.erased,
        ..RunLog::default()
    };
    if log.erased {
        return Ok(answer);
    }
    match wanted.direction {
        Direction::Before(line) => {
            read_back(app, conn, run, wanted, &log, line, &mut answer).await?
        }
        Direction::After(line) => read_on(app, conn, run, wanted, &log, line, &mut answer).await?,
    }
    Ok(answer)
}

async fn read_back(
    app: &App,
    conn: &impl ConnectionTrait,
    run: &RunRow,
    wanted: &Wanted,
    log: &LogRow,
    before: i64,
    answer: &mut RunLog,
) -> ApiResult<()> {
    let levels = wanted.levels();
    let mut next = before.saturating_sub(1).min(log.lines);
    answer.to = next.max(0);
    let mut found = Vec::new();
    for _ in 0..MOST_CHUNKS {
        if next < 1 || found.len() >= wanted.limit {
            break;
        }
        let Some(row) = db::run_logs::chunk_at(conn, run.id, next).await? else {
            break;
        };
        if levels != 0 && row.levels & levels == 0 {
            next = row.first_line - 1;
            continue;
        }
        let chunk = unpack(app, run, &row)?;
        let newest = next;
        for (number, line) in chunk.read().rev().filter(|(number, _)| *number <= newest) {
            if found.len() >= wanted.limit {
                break;
            }
            next = number - 1;
            if wanted.takes(&line) {
                found.push(shown(number, line));
            }
        }
        if found.len() < wanted.limit {
            next = row.first_line - 1;
        }
    }
    found.reverse();
    answer.items = found;
    answer.from = next.max(0) + 1;
    answer.more = next >= 1;
    Ok(())
}

async fn read_on(
    app: &App,
    conn: &impl ConnectionTrait,
    run: &RunRow,
    wanted: &Wanted,
    log: &LogRow,
    after: i64,
    answer: &mut RunLog,
) -> ApiResult<()> {
    let levels = wanted.levels();
    let mut last = after.max(0);
    answer.from = last + 1;
    for _ in 0..MOST_CHUNKS {
        if last >= log.lines || answer.items.len() >= wanted.limit {
            break;
        }
        let Some(row) = db::run_logs::chunk_at(conn, run.id, last + 1).await? else {
            break;
        };
        let end = row.first_line + row.lines - 1;
        if end <= last {
            break;
        }
        if levels != 0 && row.levels & levels == 0 {
            last = end;
            continue;
        }
        let chunk = unpack(app, run, &row)?;
        let known = last;
        for (number, line) in chunk.read().filter(|(number, _)| *number > known) {
            if answer.items.len() >= wanted.limit {
                break;
            }
            last = number;
            if wanted.takes(&line) {
                answer.items.push(shown(number, line));
            }
        }
        if answer.items.len() < wanted.limit {
            last = end;
        }
    }
    answer.to = last;
    answer.more = last < log.lines;
    Ok(())
}

/// A line of the log as text. Whatever an agent or a file name holds, it stays one line.
pub(crate) fn as_text(line: &RunLogLine) -> String {
    let mut text = format!("{} {:<5} ", line.time, line.level.as_str().to_uppercase());
    for letter in line.text.chars() {
        if letter.is_control() {
            text.extend(letter.escape_default());
        } else {
            text.push(letter);
        }
    }
    text.push('\n');
    text
}

/// Erases logs and events that are older than the settings say, some at a time. The runs stay.
pub(crate) async fn erase_old(app: &App, now: i64) -> ApiResult<()> {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    let settings = app.settings();
    let before = |days: u64| now - days as i64 * DAY_MS;
    let logs = before(settings.run_log_days());
    db::run_logs::erase_old(&app.db, logs, MOST_ERASED).await?;
    db::events::sweep(app.db.writer(), before(settings.run_event_days())).await?;
    Ok(())
}
