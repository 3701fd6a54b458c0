//! Character classes such as `[:alnum:]`, defined by Unicode general categories.

use std::sync::OnceLock;

use regex_syntax::hir::{Class, HirKind};

/// A named class of a character sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CharacterClass {
    Alnum,
    Alpha,
    Ascii,
    Blank,
    Control,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    HexDigit,
}

impl CharacterClass {
    /// Finds a class by its name, in any letter case.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "alnum" => Self::Alnum,
            "alpha" => Self::Alpha,
            "ascii" => Self::Ascii,
            "blank" => Self::Blank,
            "cntrl" => Self::Control,
            "digit" => Self::Digit,
            "graph" => Self::Graph,
            "lower" => Self::Lower,
            "print" => Self::Print,
            "punct" => Self::Punct,
            "space" => Self::Space,
            "upper" => Self::Upper,
            "xdigit" => Self::HexDigit,
            _ => return None,
        })
    }

    pub(super) fn contains(self, c: char) -> bool {
        match self {
            Self::Alnum => LETTER.contains(c) || DECIMAL_DIGIT.contains(c),
            Self::Alpha => LETTER.contains(c),
            Self::Ascii => c.is_ascii(),
            Self::Blank => c == '\t' || SPACE_SEPARATOR.contains(c),
            Self::Control => c.is_control(),
            Self::Digit => DECIMAL_DIGIT.contains(c),
            Self::Graph => GRAPHIC.contains(c),
            Self::Lower => LOWER.contains(c),
            Self::Print => c == ' ' || PRINTABLE.contains(c),
            Self::Punct => PUNCTUATION_OR_SYMBOL.contains(c),
            Self::Space => c.is_whitespace(),
            Self::Upper => UPPER.contains(c),
            Self::HexDigit => c.is_ascii_hexdigit() || DECIMAL_DIGIT.contains(c),
        }
    }
}

/// A set of code points given as a class of the regular-expression dialect, expanded at its first use.
struct Category {
    expression: &'static str,
    ranges: OnceLock<Vec<(char, char)>>,
}

static LETTER: Category = Category::new(r"\p{L}");
static DECIMAL_DIGIT: Category = Category::new(r"\p{Nd}");
static SPACE_SEPARATOR: Category = Category::new(r"\p{Zs}");
static LOWER: Category = Category::new(r"\p{Ll}");
static UPPER: Category = Category::new(r"\p{Lu}");
static PUNCTUATION_OR_SYMBOL: Category = Category::new(r"[\p{P}\p{S}]");
static PRINTABLE: Category = Category::new(r"[\p{L}\p{M}\p{N}\p{P}\p{S}]");
static GRAPHIC: Category = Category::new(r"[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]");

impl Category {
    const fn new(expression: &'static str) -> Self {
        Self {
            expression,
            ranges: OnceLock::new(),
        }
    }

    fn contains(&self, c: char) -> bool {
        let ranges = self.ranges.get_or_init(|| expand(self.expression));
        let following = ranges.partition_point(|&(first, _)| first <= c);
        following > 0 && c <= ranges[following - 1].1
    }
}

fn expand(expression: &str) -> Vec<(char, char)> {
    let parsed = regex_syntax::parse(expression).map(regex_syntax::hir::Hir::into_kind);
    let Ok(HirKind::Class(Class::Unicode(class))) = parsed else {
        // The expressions are the constants above; the test below expands each of them.
        unreachable!("{expression} is a Unicode class");
    };
    class
        .ranges()
        .iter()
        .map(|range| (range.start(), range.end()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_follows_the_general_categories() {
        let cases: [(&str, &str, &str); 13] = [
            ("alnum", "aÄ日7٣", "-_ ²"),
            ("alpha", "aß日", "7_ Ⅷ"),
            ("ascii", "a\u{7f}", "é"),
            ("blank", " \t\u{3000}", "\na"),
            ("cntrl", "\u{1}\u{85}", "a "),
            ("digit", "7٣", "²½a"),
            ("graph", "a \u{3000}-", "\t\u{1}"),
            ("lower", "aé", "Aª1"),
            ("print", "a -", "\u{3000}\t"),
            ("punct", "-$+,", "a 1"),
            ("space", " \t\n\u{85}\u{3000}", "a"),
            ("upper", "AÉ", "aǅ"),
            ("xdigit", "aF9٣", "gx"),
        ];
        for (name, inside, outside) in cases {
            let class = CharacterClass::by_name(name).expect(name);
            for c in inside.chars() {
                assert!(class.contains(c), "{name} must contain {c:?}");
            }
            for c in outside.chars() {
                assert!(!class.contains(c), "{name} must not contain {c:?}");
            }
        }
        assert_eq!(
            CharacterClass::by_name("ALPHA"),
            Some(CharacterClass::Alpha)
        );
        assert_eq!(CharacterClass::by_name("word"), None);
    }
}
