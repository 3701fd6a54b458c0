//! The repository's password: from `--password-file`, `HOLDFAST_PASSWORD` or a prompt, in this order.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::{Context, Result};
use secrecy::SecretString;
use zeroize::Zeroize;

use crate::failure::UsageError;

/// The variable that holds the password.
pub(crate) const VARIABLE: &str = "HOLDFAST_PASSWORD";

/// The variable that holds the new password of a change.
const NEW_VARIABLE: &str = "HOLDFAST_NEW_PASSWORD";

/// The variable that holds the password of the repository that snapshots are copied to.
const DESTINATION_VARIABLE: &str = "HOLDFAST_DESTINATION_PASSWORD";

/// What the password is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A repository that exists.
    Open,
    /// A new repository: a prompt asks twice.
    Create,
    /// The password that a repository is to get: a prompt asks twice.
    Change,
    /// The repository that snapshots are copied to.
    Destination,
}

impl Purpose {
    fn variable(self) -> &'static str {
        match self {
            Self::Open | Self::Create => VARIABLE,
            Self::Change => NEW_VARIABLE,
            Self::Destination => DESTINATION_VARIABLE,
        }
    }

    fn option(self) -> &'static str {
        match self {
            Self::Open | Self::Create => "--password-file",
            Self::Change => "--new-password-file",
            Self::Destination => "--destination-password-file",
        }
    }

    fn question(self) -> &'static str {
        match self {
            Self::Open | Self::Create => "Repository password: ",
            Self::Change => "New password: ",
            Self::Destination => "Password of the destination: ",
        }
    }
}

/// Finds the password. An empty one is refused wherever it comes from.
pub(crate) fn obtain(file: Option<&Path>, purpose: Purpose) -> Result<SecretString> {
    if let Some(path) = file {
        let text = fs::read_to_string(path)
            .with_context(|| format!("read the password file {}", path.display()))?;
        return accept(
            first_line(text),
            &format!("the password file {}", path.display()),
        );
    }
    let variable = purpose.variable();
    if let Some(value) = std::env::var_os(variable) {
        let text = value
            .into_string()
            .map_err(|_| UsageError::new(format!("{variable} is not valid UTF-8")))?;
        return accept(text, variable);
    }
    if !io::stdin().is_terminal() {
        let what = match purpose {
            Purpose::Change => "no new password",
            Purpose::Open | Purpose::Create => "no password",
            Purpose::Destination => "no password of the destination",
        };
        return Err(UsageError::new(format!(
            "{what} was given and there is no terminal to ask on"
        ))
        .hint(format!("Give {} FILE or set {variable}.", purpose.option()))
        .into());
    }
    let first = accept(prompt(purpose.question())?, "the answer")?;
    if matches!(purpose, Purpose::Create | Purpose::Change) {
        let second = accept(prompt("The same once more: ")?, "the answer")?;
        if !same(&first, &second) {
            return Err(UsageError::new("the two passwords differ").into());
        }
    }
    Ok(first)
}

fn prompt(question: &str) -> Result<String> {
    rpassword::prompt_password(question).context("read the password from the terminal")
}

/// The text up to the end of its first line; the rest is wiped.
fn first_line(mut text: String) -> String {
    let line = text.lines().next().unwrap_or_default().to_owned();
    text.zeroize();
    line
}

fn accept(text: String, origin: &str) -> Result<SecretString> {
    if text.is_empty() {
        return Err(
            UsageError::new(format!("the password is empty: {origin} holds none"))
                .hint("Choose one and keep it safe: nobody can read the repository without it.")
                .into(),
        );
    }
    Ok(SecretString::from(text))
}

fn same(first: &SecretString, second: &SecretString) -> bool {
    use secrecy::ExposeSecret;
    first.expose_secret() == second.expose_secret()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn only_the_first_line_of_a_file_counts() -> Result<()> {
        for (text, password) in [
            ("secret", "secret"),
            ("secret\n", "secret"),
            ("sec ret \r\nmore", "sec ret "),
        ] {
            let accepted = accept(first_line(text.to_owned()), "the file")?;
            assert_eq!(accepted.expose_secret(), password, "{text:?}");
        }
        Ok(())
    }

    #[test]
    fn an_empty_password_is_refused() {
        for text in ["", "\n", "\nsecond line"] {
            assert!(
                accept(first_line(text.to_owned()), "the file").is_err(),
                "{text:?}"
            );
        }
    }
}
