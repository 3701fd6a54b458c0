//! Text of a pattern to tokens (format 2 §5.5 "Pattern language").

use super::classes::CharacterClass;

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Literal(char),
    /// `?`: any character but the separator.
    Any,
    Separator,
    /// `*`
    Star,
    /// `**` between separators
    DoubleStar,
    Sequence {
        members: Box<[Member]>,
        negated: bool,
    },
}

/// One member of a `[…]` sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Member {
    One(char),
    Range(char, char),
    Class(CharacterClass),
}

impl Member {
    pub(super) fn contains(&self, c: char) -> bool {
        match self {
            Self::One(member) => *member == c,
            Self::Range(first, last) => (*first..=*last).contains(&c),
            Self::Class(class) => class.contains(c),
        }
    }
}

/// The parts of a parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) tokens: Vec<Token>,
    pub(super) negated: bool,
    pub(super) directories_only: bool,
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ignore pattern {pattern:?} {kind}")]
pub struct PatternError {
    /// The pattern as it was written.
    pub pattern: String,
    /// What is wrong with it.
    pub kind: PatternErrorKind,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternErrorKind {
    /// A backslash with nothing after it.
    #[error("ends in a backslash; write \\\\ for a literal one")]
    TrailingBackslash,
    /// `[` without its `]`.
    #[error("has a [ without its ]")]
    UnterminatedSequence,
    /// `[:name:]` with a name that does not exist.
    #[error("names the unknown character class [:{0}:]")]
    UnknownClass(String),
}

/// Parses `pattern` as a rule of the directory `base` (empty for the snapshot root, else `/dir/sub`).
pub(super) fn parse(base: &str, pattern: &str) -> Result<Parsed, PatternError> {
    Parser::new(base, pattern)
        .parse()
        .map_err(|kind| PatternError {
            pattern: pattern.to_owned(),
            kind,
        })
}

/// White space around a pattern is not part of it unless the last blank is escaped.
fn trimmed(pattern: &str) -> &str {
    let bytes = pattern.as_bytes();
    let escaped_end = bytes.len() > 2 && bytes[bytes.len() - 2] == b'\\';
    if bytes.len() > 2 && !escaped_end {
        pattern.trim()
    } else {
        pattern
    }
}

struct Parser<'a> {
    base: &'a str,
    /// Code points of the pattern; a final separator is taken off after the anchoring is decided.
    text: Vec<char>,
    /// Whether the text is `**` or empty, which are never anchored.
    whole: bool,
    position: usize,
    tokens: Vec<Token>,
}

impl<'a> Parser<'a> {
    fn new(base: &'a str, pattern: &str) -> Self {
        let pattern = trimmed(pattern);
        let base = if base.len() > 1 {
            base.strip_suffix('/').unwrap_or(base)
        } else {
            base
        };
        Self {
            base,
            text: pattern.chars().collect(),
            whole: pattern.is_empty() || pattern == "**",
            position: 0,
            tokens: Vec::new(),
        }
    }

    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, distance: usize) -> Option<char> {
        self.text
            .get(self.position + distance)
            .copied()
            .filter(|&c| c != '\0')
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position += 1;
        Some(c)
    }

    fn next_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.position += usize::from(found);
        found
    }

    fn parse(mut self) -> Result<Parsed, PatternErrorKind> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.position += 1;
        }
        let negated = self.next_if('!');
        self.anchor();
        let directories_only = self.text.last() == Some(&'/');
        if directories_only {
            self.text.pop();
        }
        while let Some(c) = self.next() {
            let token = match c {
                '\\' => Token::Literal(self.next().ok_or(PatternErrorKind::TrailingBackslash)?),
                '?' => Token::Any,
                '/' => Token::Separator,
                '*' => self.stars(),
                '[' => self.sequence()?,
                literal => Token::Literal(literal),
            };
            self.tokens.push(token);
        }
        // Files of many short patterns would take twice as much otherwise.
        self.tokens.shrink_to_fit();
        Ok(Parsed {
            tokens: self.tokens,
            negated,
            directories_only,
        })
    }

    /// A pattern with a separator inside belongs to its base directory; one without matches at any depth below it.
    fn anchor(&mut self) {
        let rest = &self.text[self.position.min(self.text.len())..];
        let rooted = rest.first() == Some(&'/');
        let separator_inside = rest
            .iter()
            .position(|&c| c == '/')
            .is_some_and(|at| at + 1 != rest.len());
        let based = !self.base.is_empty() && !self.text.is_empty();
        if based {
            let base = self.base.chars().map(|c| {
                if c == '/' {
                    Token::Separator
                } else {
                    Token::Literal(c)
                }
            });
            self.tokens.extend(base);
            if !rooted {
                self.tokens.push(Token::Separator);
            }
        }
        if rooted || self.whole {
            return;
        }
        if !separator_inside {
            self.tokens.extend([Token::DoubleStar, Token::Separator]);
        } else if self.base.is_empty() {
            self.tokens.push(Token::Separator);
        }
    }

    /// A run of stars, whose first one has been read.
    fn stars(&mut self) -> Token {
        // What stands before the run counts as written, so that a negating `!` makes it a plain star.
        let before = self
            .position
            .checked_sub(2)
            .and_then(|at| self.text.get(at))
            .copied();
        if self.peek() != Some('*') {
            return Token::Star;
        }
        while self.next_if('*') {}
        let closed = matches!(self.peek(), None | Some('/'));
        match before {
            None => Token::DoubleStar,
            Some('/') if closed => Token::DoubleStar,
            Some(_) => Token::Star,
        }
    }

    /// A sequence, whose `[` has been read.
    fn sequence(&mut self) -> Result<Token, PatternErrorKind> {
        let negated = self.next_if('!');
        let mut members = Vec::new();
        loop {
            let first = match self.next().ok_or(PatternErrorKind::UnterminatedSequence)? {
                ']' => {
                    let members = members.into_boxed_slice();
                    return Ok(Token::Sequence { members, negated });
                }
                '\\' => self.next().ok_or(PatternErrorKind::TrailingBackslash)?,
                c => c,
            };
            members.push(self.member(first)?);
        }
    }

    /// The member that begins with `first`: a range, a class or the character itself.
    fn member(&mut self, first: char) -> Result<Member, PatternErrorKind> {
        if self.peek() == Some('-') && !matches!(self.peek_at(1), None | Some(']')) {
            self.position += 1;
            let last = match self.next() {
                Some('\\') => self.next().ok_or(PatternErrorKind::TrailingBackslash)?,
                Some(last) => last,
                None => return Err(PatternErrorKind::UnterminatedSequence),
            };
            return Ok(Member::Range(first, last));
        }
        if first == '[' && self.peek() == Some(':') {
            return self.class();
        }
        Ok(Member::One(first))
    }

    /// `[:name:]`, whose `[` has been read. It is only seen near the start of a pattern: the index of its colon must be
    /// smaller than the distance to the closing bracket, a quirk that other readers of these patterns rely on.
    fn class(&mut self) -> Result<Member, PatternErrorKind> {
        let colon = self.position;
        let distance = self.text[colon..]
            .iter()
            .position(|&c| c == ']')
            .ok_or(PatternErrorKind::UnterminatedSequence)?;
        if distance <= colon + 1 || self.text[colon + distance - 1] != ':' {
            return Ok(Member::One('['));
        }
        let name: String = self.text[colon + 1..colon + distance - 1].iter().collect();
        self.position += distance + 1;
        match CharacterClass::by_name(&name) {
            Some(class) => Ok(Member::Class(class)),
            None => Err(PatternErrorKind::UnknownClass(name)),
        }
    }
}
