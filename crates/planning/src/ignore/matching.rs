//! Matching of one pattern against one path.

use super::parse::{Parsed, PatternError, Token, parse};

/// A parsed ignore pattern, bound to the directory it was written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parsed: Parsed,
}

/// What a comparison says, including how far an enclosing star may give up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Match,
    No,
    /// No longer text can match.
    Abort,
    /// Only an enclosing double star may go on.
    AbortToDouble,
}

impl Pattern {
    /// Parses a pattern of the directory `base`, which is empty for the snapshot root and else begins with `/`.
    pub fn parse(base: &str, pattern: &str) -> Result<Self, PatternError> {
        Ok(Self {
            parsed: parse(base, pattern)?,
        })
    }

    /// Whether the pattern begins with `!`.
    pub fn is_negated(&self) -> bool {
        self.parsed.negated
    }

    /// Whether an entry is to be ignored according to this pattern alone. A negated pattern answers `false` where it
    /// matches and `true` where it does not.
    pub fn matches(&self, path: &[char], is_directory: bool) -> bool {
        let applies = !self.parsed.directories_only || is_directory;
        let matched = applies && outcome(&self.parsed.tokens, path) == Outcome::Match;
        matched != self.parsed.negated
    }
}

fn outcome(tokens: &[Token], text: &[char]) -> Outcome {
    let mut at = 0;
    for (index, token) in tokens.iter().enumerate() {
        let current = text.get(at).copied();
        let same = match (token, current) {
            (Token::Star | Token::DoubleStar, _) => {
                match star(token, &tokens[index + 1..], text, at) {
                    Step::Done(outcome) => return outcome,
                    // The separator that follows the star is compared by the next turn.
                    Step::Skip(separator) => at = separator,
                }
                continue;
            }
            (_, None) => return Outcome::Abort,
            (Token::Literal(literal), Some(c)) => *literal == c,
            (Token::Separator, Some(c)) => c == '/',
            (Token::Any, Some(c)) => c != '/',
            (Token::Sequence { members, negated }, Some(c)) => {
                members.iter().any(|member| member.contains(c)) != *negated
            }
        };
        if !same {
            return Outcome::No;
        }
        at += 1;
    }
    if at == text.len() {
        Outcome::Match
    } else {
        Outcome::No
    }
}

enum Step {
    Done(Outcome),
    /// Go on with the next token at this position.
    Skip(usize),
}

/// Compares from a star at `at`; `after` are the tokens behind it.
fn star(token: &Token, after: &[Token], text: &[char], at: usize) -> Step {
    let plain = *token == Token::Star;
    let rest = &text[at..];
    let Some(next) = after.first() else {
        let crosses = plain && rest.contains(&'/');
        return Step::Done(if crosses { Outcome::No } else { Outcome::Match });
    };
    if *next == Token::Separator {
        if plain {
            return match rest.iter().position(|&c| c == '/') {
                Some(distance) => Step::Skip(at + distance),
                None => Step::Done(Outcome::No),
            };
        }
        if after.len() > 1 && outcome(&after[1..], rest) == Outcome::Match {
            return Step::Done(Outcome::Match);
        }
    }
    // `seen` lags one position behind, so a plain star that has taken a character may take one separator too when the
    // rest matches right after it. Stored snapshots depend on that.
    let mut seen = rest.first().copied();
    for from in at..text.len() {
        let inner = outcome(after, &text[from..]);
        if inner != Outcome::No && (plain || inner != Outcome::AbortToDouble) {
            return Step::Done(inner);
        }
        if inner == Outcome::No && plain && seen == Some('/') {
            return Step::Done(Outcome::AbortToDouble);
        }
        seen = text.get(from).copied();
    }
    Step::Done(Outcome::Abort)
}
