//! A JSON tree in source order, with the leniency of the reference reader (format 2 §0.2).

use std::borrow::Cow;

/// Why a text is not JSON, or not the JSON that is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text breaks the grammar at this byte.
    #[error("invalid JSON at byte {0}")]
    Syntax(usize),
    /// Lists and objects are nested deeper than any document of the format.
    #[error("JSON nested too deeply at byte {0}")]
    TooDeep(usize),
    /// A value has another type or range than its field.
    #[error("{0}")]
    Mismatch(String),
    /// The same of a field of an object.
    #[error("{field}: {reason}")]
    Field {
        /// Names from the top of the document, with dots.
        field: String,
        /// What is wrong with its value.
        reason: String,
    },
}

impl JsonError {
    /// The error of a value as that of the field that holds it.
    pub(crate) fn in_field(self, name: &str) -> Self {
        match self {
            Self::Mismatch(reason) => Self::Field {
                field: name.to_owned(),
                reason,
            },
            Self::Field { field, reason } => Self::Field {
                field: format!("{name}.{field}"),
                reason,
            },
            other => other,
        }
    }
}

impl serde::de::Error for JsonError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Mismatch(message.to_string())
    }
}

/// Nesting that is still read. Documents of the format have at most six levels.
const MAX_DEPTH: usize = 256;

/// One JSON value and the text it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    /// The value's own text, without surrounding white space.
    pub raw: &'a [u8],
    /// The value.
    pub kind: Kind<'a>,
}

/// The value of a [`Node`].
#[derive(Debug, Clone, PartialEq)]
pub enum Kind<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number; its text is [`Node::raw`].
    Number,
    /// A string, unescaped; bytes that are not UTF-8 and lone surrogates became U+FFFD.
    String(Cow<'a, str>),
    /// A list.
    Array(Vec<Node<'a>>),
    /// An object, keys in source order, repeated ones kept.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl Node<'_> {
    /// What to call the value in a message.
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number => "a number",
            Kind::String(_) => "a string",
            Kind::Array(_) => "a list",
            Kind::Object(_) => "an object",
        }
    }

    /// The text of a number, for an error or to parse it.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.raw)
    }
}

/// Reads the first JSON value of `text`; whatever follows is ignored.
pub fn parse_prefix(text: &[u8]) -> Result<Node<'_>, JsonError> {
    Cursor { text, at: 0 }.value(0)
}

/// Whether two keys are equal when the case of letters is ignored, as the reference reader compares them.
pub(crate) fn fold_equal(left: &str, right: &str) -> bool {
    // The reference also folds U+017F to `s` and U+212A (Kelvin) to `k`.
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    left.chars().map(fold).eq(right.chars().map(fold))
}

/// Calls `each` for every member of the object at the cursor; it has to consume the value.
pub(crate) fn for_each_member<'a, E: From<JsonError>>(
    cursor: &mut Cursor<'a>,
    mut each: impl FnMut(&str, &mut Cursor<'a>) -> Result<(), E>,
) -> Result<(), E> {
    cursor.expect(b'{')?;
    if cursor.peek()? == b'}' {
        return Ok(cursor.expect(b'}')?);
    }
    loop {
        cursor.peek()?;
        let key = cursor.string()?;
        cursor.expect(b':')?;
        each(&key, cursor)?;
        if !cursor.comma_or(b'}')? {
            return Ok(());
        }
    }
}

/// A position in a JSON text.
pub(crate) struct Cursor<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    /// Skips white space and returns the next byte without consuming it.
    pub(crate) fn peek(&mut self) -> Result<u8, JsonError> {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                _ => return Ok(byte),
            }
        }
        Err(self.error())
    }

    pub(crate) fn error(&self) -> JsonError {
        JsonError::Syntax(self.at)
    }

    /// Consumes `byte` after white space, or fails.
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek()? != byte {
            return Err(self.error());
        }
        self.at += 1;
        Ok(())
    }

    /// Consumes `,` (true) or `end` (false).
    pub(crate) fn comma_or(&mut self, end: u8) -> Result<bool, JsonError> {
        let byte = self.peek()?;
        if byte != b',' && byte != end {
            return Err(self.error());
        }
        self.at += 1;
        Ok(byte == b',')
    }

    pub(crate) fn value(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep(self.at));
        }
        let first = self.peek()?;
        let start = self.at;
        let kind = match first {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => Kind::String(self.string()?),
            b't' => self.word(b"true", Kind::Bool(true))?,
            b'f' => self.word(b"false", Kind::Bool(false))?,
            b'n' => self.word(b"null", Kind::Null)?,
            _ => self.number()?,
        };
        Ok(Node {
            raw: &self.text[start..self.at],
            kind,
        })
    }

    fn object(&mut self, depth: usize) -> Result<Kind<'a>, JsonError> {
        self.expect(b'{')?;
        let mut members = Vec::new();
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(Kind::Object(members));
        }
        loop {
            self.peek()?;
            let key = self.string()?;
            self.expect(b':')?;
            members.push((key, self.value(depth + 1)?));
            if !self.comma_or(b'}')? {
                // Room for four is taken at once, which counts where a text is nothing but small objects.
                members.shrink_to_fit();
                return Ok(Kind::Object(members));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Kind<'a>, JsonError> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(Kind::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.comma_or(b']')? {
                items.shrink_to_fit();
                return Ok(Kind::Array(items));
            }
        }
    }

    /// Passes over a value and returns its text; nothing is kept of it, however long it is.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<&'a [u8], JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep(self.at));
        }
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'{' | b'[' => {
                let end = if first == b'{' { b'}' } else { b']' };
                self.at += 1;
                if self.peek()? == end {
                    self.at += 1;
                } else {
                    loop {
                        if first == b'{' {
                            self.peek()?;
                            self.string()?;
                            self.expect(b':')?;
                        }
                        self.skip(depth + 1)?;
                        if !self.comma_or(end)? {
                            break;
                        }
                    }
                }
            }
            _ => drop(self.value(depth)?),
        }
        Ok(&self.text[start..self.at])
    }

    fn word(&mut self, word: &[u8], kind: Kind<'a>) -> Result<Kind<'a>, JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error());
        }
        self.at += word.len();
        Ok(kind)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let count = self.text[self.at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return Err(self.error());
        }
        self.at += count;
        Ok(())
    }

    fn number(&mut self) -> Result<Kind<'a>, JsonError> {
        if self.text.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Kind::Number)
    }

    /// Reads a string at the current byte, which must be its opening quote.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        if self.text.get(self.at) != Some(&b'"') {
            return Err(self.error());
        }
        self.at += 1;
        let start = self.at;
        let mut unescaped: Option<Vec<u8>> = None;
        let mut copied = start;
        loop {
            let Some(&byte) = self.text.get(self.at) else {
                return Err(self.error());
            };
            match byte {
                b'"' => break,
                b'\\' => {
                    let out = unescaped.get_or_insert_with(Vec::new);
                    out.extend_from_slice(&self.text[copied..self.at]);
                    self.at += 1;
                    let character = self.escape()?;
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    copied = self.at;
                }
                0..0x20 => return Err(self.error()),
                _ => self.at += 1,
            }
        }
        let tail = &self.text[copied..self.at];
        self.at += 1;
        Ok(match unescaped {
            None => lossy(tail),
            Some(mut out) => {
                out.extend_from_slice(tail);
                Cow::Owned(lossy(&out).into_owned())
            }
        })
    }

    /// The character of an escape whose backslash has been consumed.
    fn escape(&mut self) -> Result<char, JsonError> {
        let Some(&byte) = self.text.get(self.at) else {
            return Err(self.error());
        };
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.unit()?;
                self.pair(unit)
                    .unwrap_or_else(|| char::from_u32(unit).unwrap_or('\u{fffd}'))
            }
            _ => {
                self.at -= 1;
                return Err(self.error());
            }
        })
    }

    fn unit(&mut self) -> Result<u32, JsonError> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .ok_or_else(|| self.error())?;
        let mut value = 0;
        for &digit in digits {
            value = value * 16 + char::from(digit).to_digit(16).ok_or_else(|| self.error())?;
        }
        self.at += 4;
        Ok(value)
    }

    /// The character of a surrogate pair whose first unit is `high`; nothing is consumed when it is not a pair.
    fn pair(&mut self, high: u32) -> Option<char> {
        if !(0xd800..0xdc00).contains(&high) || !self.text[self.at..].starts_with(b"\\u") {
            return None;
        }
        let start = self.at;
        self.at += 2;
        match self.unit() {
            Ok(low @ 0xdc00..0xe000) => {
                char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
            }
            _ => {
                self.at = start;
                None
            }
        }
    }
}

/// Text with U+FFFD for each byte that is not part of a valid sequence.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &[u8]) -> String {
        match parse_prefix(json).expect("valid JSON").kind {
            Kind::String(text) => text.into_owned(),
            kind => panic!("not a string: {kind:?}"),
        }
    }

    #[test]
    fn strings_are_unescaped_with_replacements() {
        assert_eq!(read(br#""\u00e9\n\/\ud83d\ude00""#), "\u{e9}\n/\u{1f600}");
        assert_eq!(
            read(br#""\ud83dx\ude00\ud83d\u0041""#),
            "\u{fffd}x\u{fffd}\u{fffd}A"
        );
        assert_eq!(read(b"\"a\xff\xfeb\""), "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn text_after_the_first_value_is_ignored() {
        let node = parse_prefix(b" {\"a\": [1, 2.5e+3]} garbage").expect("first value");
        assert_eq!(node.raw, b"{\"a\": [1, 2.5e+3]}");
    }

    #[test]
    fn broken_texts_are_refused() {
        for bad in [
            "",
            "{",
            "[1,]",
            "{\"a\" 1}",
            "\"\\x\"",
            "\"\\u12g4\"",
            "tru",
            "01x",
            "-",
            "1.",
            "\"a\nb\"",
            "{1:2}",
        ] {
            let result = parse_prefix(bad.as_bytes());
            // `01` is the number 0 followed by something that is ignored.
            assert_eq!(result.is_ok(), bad == "01x", "{bad}");
        }
        assert!(matches!(
            parse_prefix("[".repeat(100_000).as_bytes()),
            Err(JsonError::TooDeep(_))
        ));
    }

    #[test]
    fn keys_are_compared_without_case() {
        assert!(fold_equal("ENTRIES", "entries"));
        assert!(fold_equal("userName", "USERNAME"));
        assert!(fold_equal("\u{17f}umm", "summ"));
        assert!(!fold_equal("entry", "entries"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = parse_prefix(&bytes);
        }

        #[test]
        fn json_like_text_never_panics(text in "[\\[\\]{}\":,\\\\u0-9a-f tn-]{0,60}") {
            let read = parse_prefix(text.as_bytes()).map(|node| node.raw);
            prop_assert_eq!(Cursor { text: text.as_bytes(), at: 0 }.skip(0), read);
        }

        #[test]
        fn written_strings_read_back(text: String) {
            let mut out = Vec::new();
            super::super::push_string(&mut out, text.as_bytes());
            prop_assert_eq!(read(&out), text);
        }
    }
}
