//! Which entries of a folder belong to a snapshot (format 2 §5.5).
//!
//! * [`Pattern`] is one line of an ignore file or one rule of a policy.
//! * [`Rules`] is a level of rules: those of a directory's policy and of its ignore files, on top of the levels above.
//! * [`RelativePath`] is the text that patterns are matched against.
//!
//! The dialect looks like that of other tools but differs from each of them in ways that decide what is stored, so it is
//! written out here and pinned by vectors.

mod classes;
mod matching;
mod parse;
mod path;
mod rules;

pub use matching::Pattern;
pub use parse::{PatternError, PatternErrorKind};
pub use path::RelativePath;
pub use rules::{CACHE_TAG_NAME, Deciding, Decision, FilePolicy, IgnoreFile, Rules, is_cache_tag};
