//! Values of options that can also be taken from the level above.

use std::fmt::Display;
use std::str::FromStr;

/// What an option says about a field of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting<T> {
    /// The field is not set here: the value of the level above counts.
    Inherit,
    /// The field has this value.
    To(T),
}

impl<T> Setting<T> {
    /// The value that the field gets, if any.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Inherit => None,
            Self::To(value) => Some(value),
        }
    }
}

impl<T: FromStr> FromStr for Setting<T>
where
    T::Err: Display,
{
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if matches!(text, "inherit" | "default") {
            return Ok(Self::Inherit);
        }
        text.parse()
            .map(Self::To)
            .map_err(|error| format!("{error} (or write `inherit`)"))
    }
}
