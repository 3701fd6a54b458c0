//! Writing GoJSON (format 2 §0.1).

use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};

/// Appends `text` as a JSON string, quotes included.
///
/// The bytes need not be UTF-8: every byte outside a valid sequence is written as `\ufffd`, as the reference
/// implementation does with file names.
pub fn push_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut rest = text;
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                push_valid(out, valid.as_bytes());
                break;
            }
            Err(error) => {
                let (valid, bad) = rest.split_at(error.valid_up_to());
                push_valid(out, valid);
                // One replacement for each bad byte, not one for each maximal bad sequence.
                let count = error.error_len().unwrap_or(bad.len());
                for _ in 0..count {
                    out.extend_from_slice(b"\\ufffd");
                }
                rest = &bad[count..];
            }
        }
    }
    out.push(b'"');
}

/// What an ASCII byte is written as: 0 itself, `u` a `\u00xx` escape, else the letter after a backslash.
const ESCAPES: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[b'<' as usize] = b'u';
    table[b'>' as usize] = b'u';
    table[b'&' as usize] = b'u';
    table
};

/// Appends valid UTF-8 with the escapes of GoJSON.
fn push_valid(out: &mut Vec<u8>, text: &[u8]) {
    let mut start = 0;
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        if byte < 0x80 {
            let escape = ESCAPES[byte as usize];
            if escape != 0 {
                out.extend_from_slice(&text[start..at]);
                push_escape(out, byte, escape);
                start = at + 1;
            }
        } else if byte == 0xe2 && is_line_separator(&text[at..]) {
            out.extend_from_slice(&text[start..at]);
            out.extend_from_slice(if text[at + 2] == 0xa8 {
                b"\\u2028"
            } else {
                b"\\u2029"
            });
            start = at + 3;
            at += 2;
        }
        at += 1;
    }
    out.extend_from_slice(&text[start..]);
}

/// U+2028 and U+2029, which end a line in JavaScript.
fn is_line_separator(text: &[u8]) -> bool {
    matches!(text, [0xe2, 0x80, 0xa8 | 0xa9, ..])
}

fn push_escape(out: &mut Vec<u8>, byte: u8, escape: u8) {
    if escape == b'u' {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        out.extend_from_slice(b"\\u00");
        out.push(DIGITS[(byte >> 4) as usize]);
        out.push(DIGITS[(byte & 15) as usize]);
    } else {
        out.extend_from_slice(&[b'\\', escape]);
    }
}

/// Appends a decimal number.
pub fn push_i64(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    push_u64(out, value.unsigned_abs());
}

/// Appends a decimal number.
pub fn push_u64(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The GoJSON text of a value, without a final newline.
///
/// Key order, and which fields are left out, are the business of the value's `Serialize` implementation.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut out,
        GoFormatter,
    ))?;
    Ok(out)
}

/// The compact layout of `serde_json` with the additional escapes of GoJSON.
struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut text = Vec::with_capacity(fragment.len());
        push_valid(&mut text, fragment.as_bytes());
        writer.write_all(&text)
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        let byte = match escape {
            CharEscape::Quote => b'"',
            CharEscape::ReverseSolidus => b'\\',
            CharEscape::Solidus => return writer.write_all(b"/"),
            CharEscape::Backspace => 0x08,
            CharEscape::FormFeed => 0x0c,
            CharEscape::LineFeed => b'\n',
            CharEscape::CarriageReturn => b'\r',
            CharEscape::Tab => b'\t',
            CharEscape::AsciiControl(byte) => byte,
        };
        let mut text = Vec::with_capacity(6);
        push_escape(&mut text, byte, ESCAPES[byte as usize & 0x7f]);
        writer.write_all(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &[u8]) -> String {
        let mut out = Vec::new();
        push_string(&mut out, text);
        String::from_utf8(out).expect("GoJSON is UTF-8")
    }

    #[test]
    fn strings_are_escaped_as_the_format_says() {
        assert_eq!(string(b"a/'\x7f"), "\"a/'\x7f\"");
        assert_eq!(string(b"\"\\\x08\x0c\n\r\t"), r#""\"\\\b\f\n\r\t""#);
        assert_eq!(
            string(b"\x01\x1f<>&"),
            r#""\u0001\u001f\u003c\u003e\u0026""#
        );
        assert_eq!(
            string("a\u{2028}b\u{2029}c\u{2027}\u{feff}".as_bytes()),
            "\"a\\u2028b\\u2029c\u{2027}\u{feff}\""
        );
        assert_eq!(
            string("\u{1f600}\u{fffd}".as_bytes()),
            "\"\u{1f600}\u{fffd}\""
        );
    }

    #[test]
    fn each_invalid_byte_becomes_one_replacement() {
        assert_eq!(
            string(b"bad\xff\xfe\xc3(end"),
            r#""bad\ufffd\ufffd\ufffd(end""#
        );
        assert_eq!(string(b"trunc\xe2\x82"), r#""trunc\ufffd\ufffd""#);
        assert_eq!(string(b"surr\xed\xa0\x80"), r#""surr\ufffd\ufffd\ufffd""#);
    }

    #[test]
    fn numbers_are_decimal() {
        let mut out = Vec::new();
        for value in [0, -1, i64::MAX, i64::MIN] {
            push_i64(&mut out, value);
            out.push(b' ');
        }
        assert_eq!(out, b"0 -1 9223372036854775807 -9223372036854775808 ");
    }

    #[test]
    fn serde_values_use_the_same_escapes() {
        let value = serde_json::json!({"k<": ["\u{8}&\u{2028}\u{1}", 1, null]});
        assert_eq!(
            to_vec(&value).expect("serialize"),
            br#"{"k\u003c":["\b\u0026\u2028\u0001",1,null]}"#
        );
    }
}
