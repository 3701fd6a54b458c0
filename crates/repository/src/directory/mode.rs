//! Permission bits in the numbering of the format (format 2 §4.3).

use std::fmt;

/// Permission bits of an entry: the nine lower bits as in Unix, set-uid, set-gid and sticky elsewhere.
///
/// File type bits are never part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FileMode(i32);

/// A text that is not a mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a file mode")]
pub struct InvalidMode(String);

/// The rwx bits of owner, group and others.
const PERMISSIONS: i32 = 0o777;
/// Bits of the format and of Unix for set-uid, set-gid and sticky.
const SPECIAL: [(i32, u32); 3] = [(1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000)];

impl FileMode {
    /// The bits as the format numbers them.
    pub fn from_bits(bits: i32) -> Self {
        Self(bits)
    }

    /// The bits as the format numbers them.
    pub fn bits(self) -> i32 {
        self.0
    }

    /// From a Unix mode; type bits are dropped.
    pub fn from_unix(mode: u32) -> Self {
        let special = SPECIAL
            .iter()
            .filter(|(_, unix)| mode & unix != 0)
            .map(|(bit, _)| bit);
        Self((mode & 0o777) as i32 | special.sum::<i32>())
    }

    /// As a Unix mode without type bits; what Unix does not know is dropped.
    pub fn to_unix(self) -> u32 {
        let special = SPECIAL
            .iter()
            .filter(|(bit, _)| self.0 & bit != 0)
            .map(|(_, unix)| unix);
        (self.0 & PERMISSIONS) as u32 | special.sum::<u32>()
    }

    /// Whether the mode is left out of a directory entry.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Appends the text of the mode: `0` and octal digits.
    pub(super) fn push_text(self, out: &mut Vec<u8>) {
        use std::io::Write as _;
        // Writing to a vector cannot fail.
        let _ = if self.0 < 0 {
            write!(out, "0-{:o}", self.0.unsigned_abs())
        } else {
            write!(out, "0{:o}", self.0)
        };
    }

    /// Reads a mode: base by prefix (`0` octal, `0x`, `0o`, `0b`, none decimal), `_` allowed after a prefix.
    pub fn parse(text: &str) -> Result<Self, InvalidMode> {
        let invalid = || InvalidMode(text.chars().take(40).collect());
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let lower = digits.to_ascii_lowercase();
        let (radix, body) = match lower.as_bytes() {
            [b'0', b'x', ..] => (16, &lower[2..]),
            [b'0', b'o', ..] => (8, &lower[2..]),
            [b'0', b'b', ..] => (2, &lower[2..]),
            [b'0', _, ..] => (8, &lower[1..]),
            _ => (10, lower.as_str()),
        };
        if !underscores_are_valid(body, radix != 10) {
            return Err(invalid());
        }
        let value = i64::from_str_radix(&body.replace('_', ""), radix).map_err(|_| invalid())?;
        if body.starts_with(['+', '-']) {
            return Err(invalid());
        }
        let value = if negative { -value } else { value };
        i32::try_from(value).map(Self).map_err(|_| invalid())
    }
}

/// `_` stands between digits, or between a prefix and a digit.
fn underscores_are_valid(body: &str, after_prefix: bool) -> bool {
    if !body.contains('_') {
        return true;
    }
    after_prefix && !body.ends_with('_') && !body.contains("__")
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.push_text(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_bits_are_renumbered() {
        for (unix, text) in [
            (0o644, "0644"),
            (0o4755, "040000755"),
            (0o2755, "020000755"),
            (0o1777, "04000777"),
            (0o7777, "064000777"),
        ] {
            let mode = FileMode::from_unix(0o100_000 | unix);
            assert_eq!(mode.to_string(), text);
            assert_eq!(mode.to_unix(), unix);
            assert_eq!(FileMode::parse(text), Ok(mode));
        }
    }

    #[test]
    fn misplaced_signs_and_underscores_are_refused() {
        for text in ["0x-1", "1_0", "0_", "0__7", "0x", "--1", "+", "_"] {
            assert!(FileMode::parse(text).is_err(), "{text}");
        }
    }
}
