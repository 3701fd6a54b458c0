//! Write sessions as other clients see them: ids and markers (format 1 §6.7).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// 2000-01-01T00:00:00Z in unix seconds.
const ID_EPOCH: i64 = 946_684_800;
/// 30 days in seconds.
const ID_PERIOD: i64 = 30 * 86400;

/// Id of a write session: the suffix of every pack and index blob that it writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// A new random id; it ends with the number of 30-day periods since the year 2000.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn random(now: Timestamp) -> Result<Self> {
        let mut bytes = [0; 8];
        crate::crypto::random_bytes(&mut bytes)?;
        let period = now.as_second().saturating_sub(ID_EPOCH).max(0) / ID_PERIOD;
        Ok(Self(format!("s{}{period:x}", hex::encode(bytes))))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no session id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a session id")]
pub struct InvalidSessionId(String);

impl std::str::FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        let digits = text
            .strip_prefix('s')
            .filter(|digits| digits.len() > 16 && digits.len() < 64);
        let valid = digits.is_some_and(|digits| {
            digits
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        });
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSessionId(text.chars().take(80).collect()))
        }
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a session marker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// Id of the session.
    #[serde(default)]
    pub id: String,
    /// When it began.
    pub start_time: Timestamp,
    /// When it was last known to be alive.
    pub checkpoint_time: Timestamp,
    /// User of the writer.
    #[serde(default)]
    pub username: String,
    /// Host of the writer.
    #[serde(default)]
    pub hostname: String,
}

impl SessionInfo {
    /// The JSON inside the marker.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self)
            .unwrap_or_else(|_| unreachable!("texts and times always become JSON"))
    }

    /// Parses a decrypted marker.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub(crate) fn parse(blob: &str, json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json)
            .map_err(|e| Error::damaged(format_args!("session marker {blob}"), e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_thirty_day_periods() {
        let id = SessionId::random("2026-11-22T10:58:59Z".parse().unwrap()).unwrap();
        assert!(
            id.as_str().len() == 20 && id.as_str().ends_with("147"),
            "{id}"
        );
        assert_ne!(
            id,
            SessionId::random("2026-11-22T10:58:59Z".parse().unwrap()).unwrap()
        );
    }

    #[test]
    fn markers_have_the_expected_json() {
        let info = SessionInfo {
            id: "s1".into(),
            start_time: "2026-11-22T10:58:59.69797135Z".parse().unwrap(),
            checkpoint_time: "2026-11-22T10:58:59.69797145Z".parse().unwrap(),
            username: "user1".into(),
            hostname: "host1".into(),
        };
        let json = info.to_json();
        assert_eq!(
            std::str::from_utf8(&json).unwrap(),
            r#"{"id":"s1","startTime":"2026-11-22T10:58:59.69797135Z","checkpointTime":"2026-11-22T10:58:59.69797145Z","username":"user1","hostname":"host1"}"#
        );
        assert_eq!(SessionInfo::parse("s", &json).unwrap(), info);
        assert!(SessionInfo::parse("s", b"{}").is_err());
    }
}
