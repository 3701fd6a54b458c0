//! Sentences for people: languages, templates with parameters, and the sanitiser.
//!
//! A template names parameters as `{name}`. `{name:size}` prints bytes with a unit, `{name:stage}` the readable name of a
//! stage. A part in square brackets is left out when one of its parameters is missing, so that the rest still reads well.

use serde_json::{Map, Value};

use super::events;

/// Product name where none is configured.
pub const PRODUCT_NAME: &str = "Holdfast";

/// Names of engines and libraries that no user-visible text shows; message ids are never rewritten, because `_` is part of a word.
const ENGINE_NAMES: [&str; 2] = ["kopia", "rclone"];

/// Phrases by which the text of a cancelled operation is recognised, in lower case.
const CANCEL_PHRASES: [&str; 6] = [
    "context canceled",
    "context cancelled",
    "operation cancelled",
    "operation canceled",
    "was cancelled",
    "was canceled",
];

/// Languages of the texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// The language of a tag such as `de` or `de-AT`; English for any other.
    pub fn from_tag(tag: &str) -> Self {
        match tag.get(..2) {
            Some(primary) if primary.eq_ignore_ascii_case("de") => Self::German,
            _ => Self::English,
        }
    }
}

/// One sentence in each language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// English.
    pub en: &'static str,
    /// German.
    pub de: &'static str,
}

impl Sentence {
    /// The sentence in `language`.
    pub fn in_language(&self, language: Language) -> &'static str {
        match language {
            Language::English => self.en,
            Language::German => self.de,
        }
    }
}

/// Fills a template. Parameters pass the sanitiser; one that is missing outside of brackets shows as `…`.
pub fn fill(
    template: &str,
    params: &Map<String, Value>,
    language: Language,
    product: &str,
) -> String {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(open) = rest.find('[') {
        filled.push_str(&fill_part(&rest[..open], params, language, product).0);
        let after = &rest[open + 1..];
        let close = after.find(']').unwrap_or(after.len());
        let (part, complete) = fill_part(&after[..close], params, language, product);
        if complete {
            filled.push_str(&part);
        }
        rest = after.get(close + 1..).unwrap_or("");
    }
    filled.push_str(&fill_part(rest, params, language, product).0);
    filled
}

/// Fills a part without brackets; the flag says whether all of its parameters were there.
fn fill_part(
    part: &str,
    params: &Map<String, Value>,
    language: Language,
    product: &str,
) -> (String, bool) {
    let mut filled = String::with_capacity(part.len() + 16);
    let mut complete = true;
    let mut rest = part;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        let after = &rest[open + 1..];
        let close = after.find('}').unwrap_or(after.len());
        let (name, shape) = after[..close]
            .split_once(':')
            .unwrap_or((&after[..close], ""));
        match params
            .get(name)
            .and_then(|value| shown(value, shape, language))
        {
            Some(text) => filled.push_str(&clean_parameter(&text, language, product)),
            None => {
                complete = false;
                filled.push('\u{2026}');
            }
        }
        rest = after.get(close + 1..).unwrap_or("");
    }
    filled.push_str(rest);
    (filled, complete)
}

fn shown(value: &Value, shape: &str, language: Language) -> Option<String> {
    match (shape, value) {
        (_, Value::Null) => None,
        ("size", Value::Number(number)) => Some(size(number.as_u64().unwrap_or(0), language)),
        ("stage", Value::String(name)) => Some(
            events::stage_name(name, language)
                .unwrap_or(name)
                .to_owned(),
        ),
        (_, Value::String(text)) if text.is_empty() => None,
        (_, Value::String(text)) => Some(text.clone()),
        (_, other) => Some(other.to_string()),
    }
}

fn clean_parameter(text: &str, language: Language, product: &str) -> String {
    if is_cancellation(text) {
        return events::CANCELLED_SENTENCE.in_language(language).to_owned();
    }
    sanitise(text, product)
}

/// Bytes with a unit of powers of two and one decimal.
pub fn size(bytes: u64, language: Language) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let number = format!("{value:.1}");
    let number = if language == Language::German {
        number.replace('.', ",")
    } else {
        number
    };
    format!("{number} {}", UNITS[unit])
}

/// Whether an error text is that of a cancelled operation.
pub fn is_cancellation(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    CANCEL_PHRASES.iter().any(|phrase| text.contains(phrase))
}

/// Replaces names of engines, as whole words in any case, by the product's name.
pub fn sanitise(text: &str, product: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let next = ENGINE_NAMES
            .iter()
            .filter_map(|name| lower[at..].find(name).map(|found| (at + found, name.len())))
            .min();
        let Some((start, length)) = next else { break };
        let end = start + length;
        let alone = !text[..start].chars().next_back().is_some_and(is_word)
            && !text[end..].chars().next().is_some_and(is_word);
        clean.push_str(&text[at..start]);
        clean.push_str(if alone { product } else { &text[start..end] });
        at = end;
    }
    clean.push_str(&text[at..]);
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn params(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn fills_and_drops_optional_parts() {
        let template = "Machine {name} is backed up[ ({type}[, consistency: {level}])].";
        let template = template.replace("[, consistency: {level}]", "");
        let full = params(json!({"name": "web", "type": "Full"}));
        assert_eq!(
            fill(&template, &full, Language::English, "P"),
            "Machine web is backed up (Full)."
        );
        let short = params(json!({"name": "web"}));
        assert_eq!(
            fill(&template, &short, Language::English, "P"),
            "Machine web is backed up."
        );
        assert_eq!(
            fill("Hello {who}.", &Map::new(), Language::English, "P"),
            "Hello \u{2026}."
        );
    }

    #[test]
    fn sizes_read_like_sizes() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1 << 20, "1.0 MiB"),
            (5 << 40, "5.0 TiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes, Language::English), text);
        }
        assert_eq!(size(1_048_575, Language::English), "1.0 MiB");
        assert_eq!(size(1536, Language::German), "1,5 KiB");
    }

    // Requirements: LOG-5, SEC-16
    #[test]
    fn engine_names_are_replaced_as_whole_words_only() {
        let cases = [
            ("Kopia failed", "Acme failed"),
            ("open KOPIA: kopia.repository", "open Acme: Acme.repository"),
            (
                "KOPIA_POLICY kopiapath my_kopia",
                "KOPIA_POLICY kopiapath my_kopia",
            ),
            ("rclone: \u{e4}kopia", "Acme: \u{e4}kopia"),
        ];
        for (text, clean) in cases {
            assert_eq!(sanitise(text, "Acme"), clean);
        }
    }

    // Requirements: CAN-10, LOG-5
    #[test]
    fn cancellation_never_shows_its_raw_text() {
        let cancelled = params(json!({"error": "upload: Context Canceled"}));
        let text = fill(
            "The data could not be sent: {error}",
            &cancelled,
            Language::English,
            "P",
        );
        assert!(!text.contains("Context"), "{text}");
        assert!(!is_cancellation("cancel"));
    }

    // Requirements: CAN-9
    #[test]
    fn each_phrase_of_a_cancel_is_known_in_any_case() {
        for phrase in [
            "context canceled",
            "context cancelled",
            "operation cancelled",
            "operation canceled",
            "was cancelled",
            "was canceled",
        ] {
            for text in [
                phrase.to_owned(),
                phrase.to_uppercase(),
                format!("upload of /a: {phrase} by somebody"),
            ] {
                assert!(is_cancellation(&text), "{text}");
            }
        }
        for text in [
            "",
            "cancel",
            "the policy cancels nothing",
            "context is gone",
        ] {
            assert!(!is_cancellation(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_template_and_text_is_filled_without_panic(template in "[\\[\\]{}:a-zäß ]{0,40}", text in "\\PC{0,40}") {
            let params = params(json!({"a": text, "b": 7}));
            fill(&template, &params, Language::German, "P");
        }

        #[test]
        fn sanitised_text_is_stable(text in "(kopia|Kopia|_|ä| |x|\\.){0,12}") {
            let once = sanitise(&text, "Acme");
            prop_assert_eq!(sanitise(&once, "Acme"), once);
        }
    }
}
