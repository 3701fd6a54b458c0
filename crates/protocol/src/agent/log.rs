//! The full log of a run (`POST runs/{id}/log`): every line that the agent has to say about it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{Attempt, RunId};

/// Most lines in one request.
pub const MOST_LOG_LINES: usize = 500;

/// Most bytes of text in one request.
pub const MOST_LOG_BYTES: usize = 256 << 10;

/// Longest text of a line, in bytes; longer ones are cut.
pub const LONGEST_LOG_LINE: usize = 8 << 10;

/// How grave a line is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
    /// As it should be; also what a newer agent says in words that are not known here.
    #[default]
    #[serde(other)]
    Info,
}

impl LogLevel {
    /// The level of an event's word.
    pub fn of_event(level: &str) -> Self {
        match level {
            "warn" => Self::Warn,
            "error" => Self::Error,
            _ => Self::Info,
        }
    }

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Lines of a run's log in their order. Repeating them changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushLog {
    /// The run.
    pub run_id: RunId,
    /// The claim under which the lines are numbered.
    pub attempt: Attempt,
    /// At most [`MOST_LOG_LINES`] and [`MOST_LOG_BYTES`].
    pub lines: Vec<LogLine>,
}

/// One line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Number inside the attempt, from 1. A gap means that the agent could not keep what is missing.
    pub seq: u64,
    /// When it was written, by the agent's clock.
    pub time: Timestamp,
    /// How grave it is.
    #[serde(default)]
    pub level: LogLevel,
    /// The text in English, one line, without secrets; it may hold paths.
    pub text: String,
}

/// Cuts a text to [`LONGEST_LOG_LINE`] bytes between characters.
pub fn cut_line(text: &str) -> &str {
    if text.len() <= LONGEST_LOG_LINE {
        return text;
    }
    let end = (0..=LONGEST_LOG_LINE)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_read_back_and_unknown_ones_are_harmless() {
        for level in [LogLevel::Info, LogLevel::Warn, LogLevel::Error] {
            let text = serde_json::to_value(level).unwrap();
            assert_eq!(text, level.as_str());
            assert_eq!(serde_json::from_value::<LogLevel>(text).unwrap(), level);
            assert_eq!(LogLevel::of_event(level.as_str()), level);
        }
        let odd = serde_json::from_str::<LogLevel>("\"trace\"").unwrap();
        assert_eq!(odd, LogLevel::Info);
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        assert_eq!(cut_line("short"), "short");
        let long = "é".repeat(LONGEST_LOG_LINE);
        let cut = cut_line(&format!("x{long}")).to_owned();
        assert_eq!(cut.len(), LONGEST_LOG_LINE - 1);
        assert!(cut.ends_with('é'));
    }
}
