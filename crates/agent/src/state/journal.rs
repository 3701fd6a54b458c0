//! The journal: an append-only file of records that survives a crash at any byte.
//!
//! Layout: one record a line, `<8 hex digits of the CRC-32 of the JSON> <JSON>\n`. Writing: append, then fsync, then
//! acknowledge. Reading stops at the first line that is torn or does not match its checksum; the rest is cut off, because
//! nothing after it was acknowledged. The file is written anew (atomically) when it has grown much beyond its state.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use holdfast_host::fs;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::record::{JournalState, Record};

/// How long reported commands are remembered, so that a late delivery is recognised.
const MEMORY: Duration = Duration::from_secs(24 * 3600);

/// The file is written anew when it holds this many more records than its state needs.
const SLACK_RECORDS: usize = 512;

/// The journal of one agent. Its calls block for an fsync.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Closed while the file is written anew, and after a failure until the next append opens it again.
    file: Option<File>,
    state: JournalState,
    records: usize,
    /// Bytes of the file that were acknowledged; what lies behind them was not, and is no record.
    length: u64,
}

impl Journal {
    /// Opens the journal, cuts a torn end off, and forgets what is too old to matter.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self> {
        let mut inner = open_and_read(path, None)?;
        if let Ok(limit) = now.checked_sub(MEMORY) {
            inner.state.forget_before(limit);
        }
        let journal = Self {
            path: path.to_owned(),
            inner: Mutex::new(inner),
        };
        journal.compact_if_long(&mut journal.inner.lock())?;
        Ok(journal)
    }

    /// Appends a record; it is durable when this returns.
    pub fn append(&self, record: &Record) -> Result<()> {
        let mut inner = self.inner.lock();
        let line = encode(record)?;
        if inner.file.is_none() {
            *inner = open_and_read(&self.path, Some(inner.length))?;
        }
        let mut file = inner.file.take().context("the journal is open")?;
        // A file that fails stays closed: what was written of the line, even all of it, is cut off when it is opened again.
        // Whoever was told that it failed writes it anew.
        file.write_all(&line)
            .and_then(|()| file.sync_data())
            .with_context(|| format!("write the journal {}", self.path.display()))?;
        inner.file = Some(file);
        inner.records += 1;
        inner.length += line.len() as u64;
        inner.state.apply(record);
        if let Err(error) = self.compact_if_long(&mut inner) {
            tracing::warn!("the journal could not be made shorter; it goes on growing: {error:#}");
        }
        Ok(())
    }

    /// Looks at the state.
    pub fn read<T>(&self, look: impl FnOnce(&JournalState) -> T) -> T {
        look(&self.inner.lock().state)
    }

    fn compact_if_long(&self, inner: &mut Inner) -> Result<()> {
        let needed = inner.state.records();
        if inner.records < needed.len() + SLACK_RECORDS {
            return Ok(());
        }
        let mut bytes = Vec::new();
        for record in &needed {
            bytes.extend_from_slice(&encode(record)?);
        }
        // Windows does not replace a file that is open.
        inner.file = None;
        fs::atomic_write(&self.path, &bytes, 0o600)
            .with_context(|| format!("write the journal {} anew", self.path.display()))?;
        inner.length = bytes.len() as u64;
        *inner = open_and_read(&self.path, Some(inner.length))?;
        Ok(())
    }
}

/// Opens the file for appending, sums up its records and cuts off what is torn, or lies behind the `acknowledged` bytes.
fn open_and_read(path: &Path, acknowledged: Option<u64>) -> Result<Inner> {
    let mut file = open_file(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .with_context(|| format!("read the journal {}", path.display()))?;
    let known = acknowledged.map_or(bytes.len(), |length| {
        usize::try_from(length).map_or(bytes.len(), |length| length.min(bytes.len()))
    });
    let (records, valid) = decode(&bytes[..known]);
    if valid < bytes.len() {
        tracing::warn!(path = %path.display(), cut_bytes = bytes.len() - valid, "the journal's last record was torn and is cut off");
        file.set_len(valid as u64)
            .and_then(|()| file.sync_all())
            .with_context(|| format!("cut the journal {}", path.display()))?;
    }
    file.seek(SeekFrom::End(0))
        .with_context(|| format!("read the journal {}", path.display()))?;
    let mut state = JournalState::default();
    for record in &records {
        state.apply(record);
    }
    Ok(Inner {
        file: Some(file),
        state,
        records: records.len(),
        length: valid as u64,
    })
}

fn open_file(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let existed = path.exists();
    let file = options
        .open(path)
        .with_context(|| format!("open the journal {}", path.display()))?;
    if let (false, Some(folder)) = (existed, path.parent()) {
        fs::sync_dir(folder).with_context(|| format!("sync the folder {}", folder.display()))?;
    }
    Ok(file)
}

fn encode(record: &Record) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(record).context("write a journal record")?;
    let mut line = format!("{:08x} ", crc32fast::hash(&json)).into_bytes();
    line.extend_from_slice(&json);
    line.push(b'\n');
    Ok(line)
}

/// The valid records at the beginning of `bytes` and how many bytes they take.
fn decode(bytes: &[u8]) -> (Vec<Record>, usize) {
    let mut records = Vec::new();
    let mut valid = 0;
    while let Some(length) = bytes[valid..].iter().position(|byte| *byte == b'\n') {
        let Some(record) = decode_line(&bytes[valid..valid + length]) else {
            break;
        };
        records.push(record);
        valid += length + 1;
    }
    (records, valid)
}

fn decode_line(line: &[u8]) -> Option<Record> {
    let (checksum, json) = line.split_at_checked(9)?;
    let checksum = std::str::from_utf8(checksum).ok()?.strip_suffix(' ')?;
    let checksum = u32::from_str_radix(checksum, 16).ok()?;
    if checksum != crc32fast::hash(json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::agent::{Attempt, CommandId, CommandOutcome, RunId, RunUpdate};
    use proptest::prelude::*;

    use super::*;
    use crate::state::{CommandProgress, RunFinal};

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn record() -> impl Strategy<Value = Record> {
        let id = 0i64..6;
        let attempt = (1u32..4).prop_map(Attempt);
        prop_oneof![
            (id.clone(), any::<bool>(), 0i64..100).prop_map(|(id, restore, at)| {
                Record::CommandStarted {
                    id: CommandId(id),
                    kind: "restore \u{e4}\n\"".into(),
                    run: restore.then_some((RunId(id), Attempt(1))),
                    time: second(at),
                }
            }),
            (id.clone(), any::<bool>(), 0i64..100).prop_map(|(id, kept, at)| {
                Record::CommandFinished {
                    id: CommandId(id),
                    outcome: kept.then(|| CommandOutcome::failed("interrupted", "line\nbreak")),
                    time: second(at),
                }
            }),
            (id.clone(), 0i64..100).prop_map(|(id, at)| Record::CommandReported {
                id: CommandId(id),
                time: second(at)
            }),
            (id.clone(), attempt.clone(), 0i64..100).prop_map(|(id, attempt, at)| {
                Record::RunStarted {
                    id: RunId(id),
                    attempt,
                    time: second(at),
                }
            }),
            (id.clone(), attempt, 0i64..100).prop_map(|(id, attempt, at)| Record::RunFinished {
                id: RunId(id),
                attempt,
                report: Box::new(RunFinal::new(
                    Vec::new(),
                    RunUpdate::heartbeat(RunId(id), attempt, 9)
                )),
                time: second(at),
            }),
            (id, 0i64..100).prop_map(|(id, at)| Record::RunReported {
                id: RunId(id),
                time: second(at)
            }),
        ]
    }

    fn sum(records: &[Record]) -> JournalState {
        let mut state = JournalState::default();
        records.iter().for_each(|record| state.apply(record));
        state
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_cut_at_any_byte_keeps_every_acknowledged_record(records in prop::collection::vec(record(), 0..12), cut in 0usize..4000) {
            let lines: Vec<Vec<u8>> = records.iter().map(|record| encode(record).unwrap()).collect();
            let bytes = lines.concat();
            let cut = cut % (bytes.len() + 1);
            let whole = lines.iter().scan(0, |end, line| { *end += line.len(); Some(*end) }).filter(|end| *end <= cut).count();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("journal");
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let journal = Journal::open(&path, second(0)).unwrap();
            prop_assert_eq!(journal.read(Clone::clone), sum(&records[..whole]));
            let more = Record::RunStarted { id: RunId(99), attempt: Attempt(1), time: second(1) };
            journal.append(&more).unwrap();
            let mut expected = sum(&records[..whole]);
            expected.apply(&more);
            prop_assert_eq!(Journal::open(&path, second(0)).unwrap().read(Clone::clone), expected);
        }

        #[test]
        fn a_flipped_byte_is_never_read_as_a_record(records in prop::collection::vec(record(), 1..6), at in 0usize..4000, bit in 0u32..8) {
            let mut bytes: Vec<u8> = records.iter().flat_map(|record| encode(record).unwrap()).collect();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let (read, _) = decode(&bytes);
            for (read, written) in read.iter().zip(&records) {
                prop_assert_eq!(read, written);
            }
        }

        #[test]
        fn the_short_form_adds_up_to_the_same_state(records in prop::collection::vec(record(), 0..30)) {
            let state = sum(&records);
            prop_assert_eq!(sum(&state.records()), state);
        }
    }

    #[test]
    fn a_journal_that_could_not_be_opened_is_opened_by_the_next_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path, second(0)).unwrap();
        let start = |id| Record::RunStarted {
            id: RunId(id),
            attempt: Attempt(1),
            time: second(id),
        };
        journal.append(&start(1)).unwrap();
        // As it is left by a file that failed, or that could not be opened after it was written anew.
        journal.inner.lock().file = None;
        let aside = folder.path().join("aside");
        std::fs::copy(&path, &aside).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        journal.append(&start(2)).unwrap_err();
        std::fs::remove_dir(&path).unwrap();
        std::fs::copy(&aside, &path).unwrap();
        journal.append(&start(3)).unwrap();
        let runs = |journal: &Journal| journal.read(|state| state.runs.len());
        assert_eq!(runs(&journal), 2);
        assert_eq!(runs(&Journal::open(&path, second(0)).unwrap()), 2);
    }

    #[test]
    fn a_record_that_failed_does_not_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path, second(0)).unwrap();
        let start = |id| Record::RunStarted {
            id: RunId(id),
            attempt: Attempt(1),
            time: second(id),
        };
        journal.append(&start(1)).unwrap();
        // As it is left by a disk that took the line and failed to make it durable.
        let mut file = journal.inner.lock().file.take().unwrap();
        file.write_all(&encode(&start(2)).unwrap()).unwrap();
        drop(file);
        journal.append(&start(3)).unwrap();
        let runs = |journal: &Journal| {
            journal.read(|state| state.runs.keys().map(|id| id.0).collect::<Vec<_>>())
        };
        assert_eq!(runs(&journal), [1, 3]);
        assert_eq!(runs(&Journal::open(&path, second(0)).unwrap()), [1, 3]);
    }

    #[test]
    fn a_long_journal_is_written_anew_and_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path, second(0)).unwrap();
        for id in 0..(SLACK_RECORDS as i64 + 10) {
            journal
                .append(&Record::RunStarted {
                    id: RunId(id % 3),
                    attempt: Attempt(1),
                    time: second(id),
                })
                .unwrap();
        }
        let lines = std::fs::read(&path)
            .unwrap()
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        assert!(lines < 50, "{lines} lines are left");
        assert_eq!(
            Journal::open(&path, second(0)).unwrap().read(Clone::clone),
            journal.read(Clone::clone)
        );
    }

    #[test]
    fn reported_commands_are_forgotten_after_a_day_and_open_ones_never() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path, second(0)).unwrap();
        for id in [1, 2] {
            journal
                .append(&Record::CommandStarted {
                    id: CommandId(id),
                    kind: "restore".into(),
                    run: None,
                    time: second(0),
                })
                .unwrap();
        }
        journal
            .append(&Record::CommandFinished {
                id: CommandId(2),
                outcome: None,
                time: second(1),
            })
            .unwrap();
        journal
            .append(&Record::CommandReported {
                id: CommandId(2),
                time: second(2),
            })
            .unwrap();
        drop(journal);
        let later = Journal::open(&path, second(2 * 24 * 3600)).unwrap();
        let commands = later.read(|state| state.commands.clone());
        assert_eq!(commands.len(), 1);
        assert_eq!(commands[&CommandId(1)].progress, CommandProgress::Started);
    }
}
