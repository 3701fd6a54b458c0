//! The lines of a run's log that the server does not have yet.

use std::collections::VecDeque;

use holdfast_protocol::agent::log::{LogLevel, LogLine, MOST_LOG_BYTES, MOST_LOG_LINES, cut_line};
use jiff::Timestamp;

/// Most bytes of text that wait while the server is away; of more, the oldest lines are lost, which the server notices by
/// their numbers.
const MOST_WAITING_BYTES: usize = 2 << 20;

/// What a line costs besides its text.
const LINE_BYTES: usize = 64;

/// Lines that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct LogBuffer {
    waiting: VecDeque<LogLine>,
    bytes: usize,
    last_seq: u64,
}

fn cost(line: &LogLine) -> usize {
    line.text.len() + LINE_BYTES
}

impl LogBuffer {
    /// Adds a line; a text of several lines becomes several.
    pub(super) fn push(&mut self, time: Timestamp, level: LogLevel, text: &str) {
        for text in text
            .lines()
            .map(str::trim_end)
            .filter(|text| !text.is_empty())
        {
            self.last_seq += 1;
            let line = LogLine {
                seq: self.last_seq,
                time,
                level,
                text: cut_line(text).to_owned(),
            };
            self.bytes += cost(&line);
            self.waiting.push_back(line);
        }
        while self.bytes > MOST_WAITING_BYTES {
            let Some(lost) = self.waiting.pop_front() else {
                break;
            };
            self.bytes -= cost(&lost);
        }
    }

    /// The first lines, as many as one request holds.
    pub(super) fn batch(&self) -> Vec<LogLine> {
        first_batch(self.waiting.iter()).cloned().collect()
    }

    /// Forgets lines up to `seq`.
    pub(super) fn acknowledge(&mut self, seq: u64) {
        while let Some(line) = self.waiting.front()
            && line.seq <= seq
        {
            self.bytes -= cost(line);
            self.waiting.pop_front();
        }
    }

    /// Everything that waits.
    pub(super) fn all(&self) -> Vec<LogLine> {
        self.waiting.iter().cloned().collect()
    }
}

/// The first lines, as many as one request holds; at least one.
pub(super) fn first_batch<'l>(
    lines: impl Iterator<Item = &'l LogLine>,
) -> impl Iterator<Item = &'l LogLine> {
    let mut bytes = 0;
    lines.take(MOST_LOG_LINES).take_while(move |line| {
        let fits = bytes == 0 || bytes + cost(line) <= MOST_LOG_BYTES;
        bytes += cost(line);
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(buffer: &mut LogBuffer, text: &str) {
        buffer.push(Timestamp::UNIX_EPOCH, LogLevel::Info, text);
    }

    #[test]
    fn lines_are_numbered_and_kept_until_acknowledged() {
        let mut buffer = LogBuffer::default();
        push(&mut buffer, "one\ntwo\n\n");
        push(&mut buffer, "three");
        let texts: Vec<_> = buffer
            .all()
            .iter()
            .map(|line| (line.seq, line.text.clone()))
            .collect();
        assert_eq!(
            texts,
            [(1, "one".into()), (2, "two".into()), (3, "three".into())]
        );
        buffer.acknowledge(2);
        assert_eq!(buffer.batch().len(), 1);
        buffer.acknowledge(9);
        assert_eq!((buffer.batch().len(), buffer.bytes), (0, 0));
    }

    #[test]
    fn a_batch_is_bounded_by_lines_and_bytes() {
        let mut buffer = LogBuffer::default();
        for _ in 0..MOST_LOG_LINES + 5 {
            push(&mut buffer, "x");
        }
        assert_eq!(buffer.batch().len(), MOST_LOG_LINES);
        let mut buffer = LogBuffer::default();
        for _ in 0..100 {
            push(&mut buffer, &"y".repeat(8000));
        }
        let bytes: usize = buffer.batch().iter().map(cost).sum();
        assert!(bytes <= MOST_LOG_BYTES && bytes > MOST_LOG_BYTES - 9000);
    }

    #[test]
    fn a_long_outage_costs_the_oldest_lines() {
        let mut buffer = LogBuffer::default();
        for _ in 0..1000 {
            push(&mut buffer, &"z".repeat(5000));
        }
        let waiting = buffer.all();
        assert!(buffer.bytes <= MOST_WAITING_BYTES);
        assert_eq!(waiting.last().map(|line| line.seq), Some(1000));
        assert!(waiting[0].seq > 1);
    }
}
