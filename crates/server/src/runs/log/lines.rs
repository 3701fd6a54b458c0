//! Lines of logs and how they are laid into chunks. No database here.

use holdfast_protocol::agent::{LogLevel, LogLine, log::cut_line};
use serde::{Deserialize, Serialize};

/// A chunk is closed before it holds more text, in bytes.
pub(super) const CHUNK_BYTES: usize = 64 << 10;

/// Most bytes of text of one run's log.
pub(super) const MOST_BYTES: i64 = 64 << 20;

/// Largest chunk that is ever unpacked, in bytes: one line may be longer than a chunk when it is written as JSON.
pub(super) const LARGEST_CHUNK: usize = 256 << 10;

/// A line as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredLine {
    /// Milliseconds since 1970.
    #[serde(rename = "t")]
    pub(super) time: i64,
    #[serde(rename = "l")]
    pub(super) level: LogLevel,
    #[serde(rename = "a")]
    pub(super) attempt: i64,
    #[serde(rename = "m")]
    pub(super) text: String,
}

/// The bit of a level in a chunk's `levels`.
pub(super) fn bit(level: LogLevel) -> i64 {
    match level {
        LogLevel::Info => 1,
        LogLevel::Warn => 2,
        LogLevel::Error => 4,
    }
}

/// Lines of one chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Number of its first line, from 1.
    pub(super) first_line: i64,
    /// Number of lines.
    pub(super) lines: i64,
    /// The levels that stand in it.
    pub(super) levels: i64,
    /// JSON, one line after the other.
    pub(super) text: String,
}

impl Chunk {
    /// Its lines with their numbers. One that cannot be read is left out.
    pub(super) fn read(&self) -> impl DoubleEndedIterator<Item = (i64, StoredLine)> {
        let lines: Vec<&str> = self.text.lines().collect();
        (self.first_line..)
            .zip(lines)
            .filter_map(|(number, line)| Some((number, serde_json::from_str(line).ok()?)))
            .collect::<Vec<_>>()
            .into_iter()
    }
}

/// What is known of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) lines: i64,
    pub(super) bytes: i64,
    pub(super) is_full: bool,
}

/// The lines of a batch that are not stored yet, with a word about those that are missing between. `last` is the last
/// number of the attempt that is stored, and becomes that of the batch.
pub(super) fn fresh(batch: Vec<LogLine>, attempt: i64, last: &mut u64) -> Vec<StoredLine> {
    let mut fresh = Vec::with_capacity(batch.len());
    for line in batch {
        if line.seq <= *last {
            continue;
        }
        let missing = line.seq - *last - 1;
        let time = line.time.as_millisecond();
        if missing > 0 {
            fresh.push(StoredLine {
                time,
                level: LogLevel::Warn,
                attempt,
                text: format!(
                    "{missing} lines are missing here: the agent could not keep them while the server was away."
                ),
            });
        }
        fresh.push(StoredLine {
            time,
            level: line.level,
            attempt,
            text: cut_line(&line.text).to_owned(),
        });
        *last = line.seq;
    }
    fresh
}

/// Lays lines behind what a log has. `open` is its last chunk, which is filled up first. Answers the chunks to store and
/// what the log has then; when it is full, its last line says so.
pub(super) fn lay_out(
    open: Option<Chunk>,
    before: Extent,
    lines: Vec<StoredLine>,
) -> (Vec<Chunk>, Extent) {
    let mut extent = before;
    let mut done = Vec::new();
    let mut chunk = open.unwrap_or(Chunk {
        first_line: before.lines + 1,
        ..Chunk::default()
    });
    let mut is_changed = false;
    for line in lines {
        if extent.is_full {
            break;
        }
        let mut line = line;
        let mut json = json(&line);
        if extent.bytes + json.len() as i64 > MOST_BYTES {
            extent.is_full = true;
            line.level = LogLevel::Warn;
            line.text = "The log is as long as a log may be; what follows was not kept.".to_owned();
            json = self::json(&line);
        }
        if !chunk.text.is_empty() && chunk.text.len() + json.len() > CHUNK_BYTES {
            let next = Chunk {
                first_line: extent.lines + 1,
                ..Chunk::default()
            };
            let full = std::mem::replace(&mut chunk, next);
            if is_changed {
                done.push(full);
            }
        }
        is_changed = true;
        chunk.lines += 1;
        chunk.levels |= bit(line.level);
        chunk.text.push_str(&json);
        extent.lines += 1;
        extent.bytes += json.len() as i64;
    }
    if is_changed {
        done.push(chunk);
    }
    (done, extent)
}

fn json(line: &StoredLine) -> String {
    // A line has nothing that JSON cannot hold.
    let mut json = serde_json::to_string(line).unwrap_or_default();
    json.push('\n');
    json
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn line(seq: u64, text: &str) -> LogLine {
        LogLine {
            seq,
            time: Timestamp::UNIX_EPOCH,
            level: LogLevel::Info,
            text: text.to_owned(),
        }
    }

    fn stored(text: &str) -> StoredLine {
        StoredLine {
            time: 5,
            level: LogLevel::Error,
            attempt: 1,
            text: text.to_owned(),
        }
    }

    #[test]
    fn repeated_lines_are_dropped_and_missing_ones_told() {
        let mut last = 0;
        let texts = |lines: Vec<StoredLine>| -> Vec<String> {
            lines.into_iter().map(|line| line.text).collect()
        };
        let batch = vec![line(1, "a"), line(2, "b")];
        assert_eq!(texts(fresh(batch.clone(), 1, &mut last)), ["a", "b"]);
        assert_eq!(texts(fresh(batch, 1, &mut last)), [""; 0]);
        let late = fresh(vec![line(2, "b"), line(6, "f"), line(6, "f")], 1, &mut last);
        let late = texts(late);
        assert!(late[0].starts_with("3 lines are missing here"), "{late:?}");
        assert_eq!((&late[1..], last), (&["f".to_owned()][..], 6));
    }

    #[test]
    fn chunks_are_filled_up_and_no_line_is_split() {
        let mut open = None;
        let mut extent = Extent::default();
        let mut all: Vec<Chunk> = Vec::new();
        for round in 0..40 {
            let lines = (0..50)
                .map(|index| stored(&format!("{round}/{index} {}", "x".repeat(100))))
                .collect();
            let (chunks, after) = lay_out(open.take(), extent, lines);
            for chunk in chunks {
                assert!(chunk.text.len() <= CHUNK_BYTES);
                match all.last_mut() {
                    Some(known) if known.first_line == chunk.first_line => *known = chunk,
                    _ => all.push(chunk),
                }
            }
            open = all.last().cloned();
            extent = after;
        }
        assert_eq!(extent.lines, 2000);
        assert_eq!(
            extent.bytes as usize,
            all.iter().map(|chunk| chunk.text.len()).sum::<usize>()
        );
        let read: Vec<(i64, StoredLine)> = all.iter().flat_map(Chunk::read).collect();
        assert!(read.iter().map(|(number, _)| *number).eq(1..=2000));
        assert!(read[1999].1.text.starts_with("39/49"));
        let full = all.len() - 1;
        assert!(
            all[..full]
                .iter()
                .all(|chunk| chunk.text.len() > CHUNK_BYTES - 300)
        );
    }

    #[test]
    fn a_line_longer_than_a_chunk_has_one_of_its_own() {
        let lines = vec![stored("a"), stored(&"\u{1}".repeat(8000 * 2)), stored("b")];
        let (chunks, extent) = lay_out(None, Extent::default(), lines);
        assert_eq!((chunks.len(), extent.lines), (3, 3));
        assert!(chunks[1].text.len() < LARGEST_CHUNK);
    }

    #[test]
    fn a_full_log_ends_with_a_word_about_it() {
        let before = Extent {
            lines: 9,
            bytes: MOST_BYTES - 60,
            is_full: false,
        };
        let (chunks, extent) = lay_out(
            None,
            before,
            vec![stored("short"), stored("more"), stored("still")],
        );
        assert!(extent.is_full);
        let texts: Vec<String> = chunks
            .iter()
            .flat_map(Chunk::read)
            .map(|(_, line)| line.text)
            .collect();
        assert_eq!(texts.len(), 2);
        assert!(texts[1].starts_with("The log is as long as a log may be"));
        assert_eq!(lay_out(None, extent, vec![stored("late")]).0, []);
    }
}
