//! A JSON text that is read piece by piece, so that no more of it is held than one value.

use std::io::Read;

use super::ContainerError;
use crate::json::JsonError;

/// How much is read at once, bytes.
const PIECE: usize = 64 << 10;

/// The text and how far it is read.
pub(super) struct Stream<R> {
    source: R,
    /// What was read last; everything in front of `at` is done with.
    window: Vec<u8>,
    at: usize,
    /// Bytes that are not in the window any more.
    passed: u64,
    /// Longest text, bytes.
    limit: u64,
}

impl<R: Read> Stream<R> {
    pub(super) fn new(source: R, limit: u64) -> Self {
        Self {
            source,
            window: Vec::new(),
            at: 0,
            passed: 0,
            limit,
        }
    }

    /// Skips white space and returns the next byte without consuming it.
    pub(super) fn peek(&mut self) -> Result<u8, ContainerError> {
        loop {
            match self.window.get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => {
                    if !self.fill()? {
                        return Err(self.error());
                    }
                }
            }
        }
    }

    /// Consumes `byte` after white space, or fails.
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), ContainerError> {
        if self.peek()? != byte {
            return Err(self.error());
        }
        self.at += 1;
        Ok(())
    }

    /// Consumes `,` (true) or `end` (false).
    pub(super) fn comma_or(&mut self, end: u8) -> Result<bool, ContainerError> {
        let byte = self.peek()?;
        if byte != b',' && byte != end {
            return Err(self.error());
        }
        self.at += 1;
        Ok(byte == b',')
    }

    /// Consumes a value of at most `room` bytes and calls `read` with its text. Only the end is looked for: `read` has to
    /// find out whether it is valid, and to say how many bytes of it that value takes.
    pub(super) fn value<T>(
        &mut self,
        room: usize,
        read: impl FnOnce(&[u8]) -> Result<(T, usize), ContainerError>,
    ) -> Result<T, ContainerError> {
        self.peek()?;
        let mut scan = Scan::default();
        let mut length = 0;
        loop {
            let more = match self.window.get(self.at + length) {
                Some(byte) => scan.takes(*byte),
                None if length > room => return Err(ContainerError::Crowded),
                None => {
                    if self.fill()? {
                        continue;
                    }
                    false
                }
            };
            if !more {
                break;
            }
            length += 1;
        }
        if length > room {
            return Err(ContainerError::Crowded);
        }
        let text = &self.window[self.at..self.at + length];
        let (value, taken) = read(text).map_err(|error| self.placed(error))?;
        if taken != length {
            self.at += taken;
            return Err(self.error());
        }
        self.at += length;
        Ok(value)
    }

    /// Reads on to the end, to learn whether all of it can be read. What it says does not count any more.
    pub(super) fn finish(mut self) -> Result<(), ContainerError> {
        loop {
            self.at = self.window.len();
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// Reads a piece more; false at the end.
    fn fill(&mut self) -> Result<bool, ContainerError> {
        self.window.drain(..self.at);
        self.passed += self.at as u64;
        self.at = 0;
        let before = self.window.len();
        let room = PIECE as u64;
        (&mut self.source)
            .take(room)
            .read_to_end(&mut self.window)
            .map_err(ContainerError::Gzip)?;
        if self.passed + self.window.len() as u64 > self.limit {
            return Err(ContainerError::TooLarge(self.limit));
        }
        Ok(self.window.len() > before)
    }

    fn error(&self) -> ContainerError {
        self.placed(JsonError::Syntax(0).into())
    }

    /// An error at a place in the value at hand, as one at a place in the text.
    fn placed(&self, error: ContainerError) -> ContainerError {
        let start = usize::try_from(self.passed).unwrap_or(usize::MAX);
        let start = start.saturating_add(self.at);
        match error {
            ContainerError::Json(JsonError::Syntax(at)) => {
                JsonError::Syntax(start.saturating_add(at)).into()
            }
            ContainerError::Json(JsonError::TooDeep(at)) => {
                JsonError::TooDeep(start.saturating_add(at)).into()
            }
            other => other,
        }
    }
}

/// Looks for the end of a value.
#[derive(Default)]
struct Scan {
    depth: usize,
    string: bool,
    escaped: bool,
    /// It began.
    begun: bool,
    /// It ended with the byte before.
    ended: bool,
}

impl Scan {
    /// Whether the next byte belongs to the value.
    fn takes(&mut self, byte: u8) -> bool {
        if self.ended {
            return false;
        }
        if self.string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.string = false;
                    self.ended = self.depth == 0;
                }
                _ => {}
            }
            return true;
        }
        let outside = self.depth == 0;
        match byte {
            // A word or number ends in front of what is no part of one.
            b'"' | b'{' | b'[' if outside && self.begun => return false,
            b',' | b':' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' if outside => return false,
            b'"' => self.string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth -= 1;
                self.ended = self.depth == 0;
            }
            _ => {}
        }
        self.begun = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = self.0.len().min(buffer.len()).min(1);
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn values(text: &str) -> Vec<String> {
        let mut stream = Stream::new(Drops(text.as_bytes()), 1000);
        let mut values = Vec::new();
        loop {
            let read = |text: &[u8]| Ok((String::from_utf8_lossy(text).into_owned(), text.len()));
            values.push(stream.value(100, read).unwrap());
            if !stream.comma_or(b']').unwrap() {
                return values;
            }
        }
    }

    #[test]
    fn values_end_where_they_should() {
        let text = r#" {"a":[1,"]}\"\\"]} , "x,\"y" ,12 ,null,[[],{}] , true ]"#;
        assert_eq!(
            values(text),
            [
                r#"{"a":[1,"]}\"\\"]}"#,
                r#""x,\"y""#,
                "12",
                "null",
                "[[],{}]",
                "true"
            ]
        );
    }

    #[test]
    fn errors_tell_their_place_in_the_whole_text() {
        let text = format!("{}?", " ".repeat(3 * PIECE));
        let mut stream = Stream::new(text.as_bytes(), u64::MAX);
        let error = stream.expect(b'{').unwrap_err();
        let at = 3 * PIECE;
        assert!(matches!(error, ContainerError::Json(JsonError::Syntax(found)) if found == at));
        let mut stream = Stream::new(text.as_bytes(), 1000);
        assert!(matches!(stream.peek(), Err(ContainerError::TooLarge(1000))));
    }

    #[test]
    fn a_value_longer_than_its_room_is_not_held() {
        let text = format!("\"{}", "a".repeat(10 * PIECE));
        let mut stream = Stream::new(text.as_bytes(), u64::MAX);
        let result = stream.value(PIECE, |text| Ok(((), text.len())));
        assert!(matches!(result, Err(ContainerError::Crowded)));
        assert!(stream.window.len() < 3 * PIECE);
    }
}
