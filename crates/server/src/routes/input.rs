//! Checks of input that several nouns share.

use std::time::Duration;

use crate::problem::{ApiError, ApiResult};

/// Longest wait of an answer for an agent.
const LONGEST_WAIT_SECONDS: u64 = 25;

/// A name: trimmed, 1 to 100 characters, no control characters.
pub(crate) fn name(text: &str, pointer: &str) -> ApiResult<String> {
    let name = text.trim();
    let length = name.chars().count();
    if length == 0 {
        return Err(ApiError::field(pointer, "missing", "must not be empty"));
    }
    if length > 100 {
        return Err(ApiError::field(
            pointer,
            "too_long",
            "must have at most 100 characters",
        ));
    }
    if name.chars().any(char::is_control) {
        return Err(ApiError::field(
            pointer,
            "invalid",
            "must not contain control characters",
        ));
    }
    Ok(name.to_owned())
}

/// An absolute path on Linux or Windows, without `..`.
pub(crate) fn absolute_path(path: &str, pointer: &str) -> ApiResult<()> {
    if path.is_empty() {
        return Err(ApiError::field(pointer, "missing", "must not be empty"));
    }
    if path.len() > 32_768 || path.contains('\0') {
        return Err(ApiError::field(pointer, "invalid", "is not a path"));
    }
    let bytes = path.as_bytes();
    let drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    if !(path.starts_with('/') || path.starts_with("\\\\") || drive) {
        return Err(ApiError::field(
            pointer,
            "not_absolute",
            "must be an absolute path",
        ));
    }
    if path.split(['/', '\\']).any(|part| part == "..") {
        return Err(ApiError::field(
            pointer,
            "invalid",
            "must not contain \"..\"",
        ));
    }
    Ok(())
}

/// How many entries a page may have, where that is said.
pub(crate) fn limit(limit: Option<u32>, largest: u32) -> ApiResult<()> {
    if limit.is_some_and(|limit| !(1..=largest).contains(&limit)) {
        let detail = format!("must be 1 to {largest}");
        return Err(ApiError::field("/limit", "out_of_range", detail));
    }
    Ok(())
}

/// How long an answer may wait.
pub(crate) fn wait(seconds: Option<u64>) -> ApiResult<Duration> {
    let seconds = seconds.unwrap_or(LONGEST_WAIT_SECONDS);
    if seconds > LONGEST_WAIT_SECONDS {
        let detail = format!("must be 0 to {LONGEST_WAIT_SECONDS}");
        return Err(ApiError::field("/wait_seconds", "out_of_range", detail));
    }
    Ok(Duration::from_secs(seconds))
}

/// An e-mail address, in lower case. Only its shape is checked.
pub(crate) fn email(text: &str, pointer: &str) -> ApiResult<String> {
    let email = text.trim().to_lowercase();
    let shape = email
        .split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    if !shape
        || email.len() > 254
        || email
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control())
    {
        return Err(ApiError::field(
            pointer,
            "invalid",
            "is not an e-mail address",
        ));
    }
    Ok(email)
}

/// An IANA time zone.
pub(crate) fn zone(text: &str, pointer: &str) -> ApiResult<String> {
    match jiff::tz::TimeZone::get(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(ApiError::field(
            pointer,
            "invalid",
            "is not an IANA time zone such as Europe/Berlin",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{absolute_path, email, name, zone};

    #[test]
    fn paths_of_both_systems_are_taken_and_tricks_refused() {
        for path in [
            "/",
            "/srv/data",
            "C:",
            "C:\\Users",
            "d:/x",
            "\\\\server\\share",
            "/with space/é",
        ] {
            assert!(absolute_path(path, "/p").is_ok(), "{path}");
        }
        for path in ["", "srv", "./x", "/a/../b", "C:\\a\\..\\b", "/a\0b", "~"] {
            assert!(absolute_path(path, "/p").is_err(), "{path:?}");
        }
    }

    #[test]
    fn names_addresses_and_zones() {
        assert_eq!(name("  Projects ", "/n").unwrap(), "Projects");
        for text in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(name(text, "/n").is_err(), "{text:?}");
        }
        assert_eq!(email(" Ops@Example.ORG", "/e").unwrap(), "ops@example.org");
        for text in ["", "ops", "@x", "a@", "a b@c", "a@b@c"] {
            assert!(email(text, "/e").is_err(), "{text:?}");
        }
        assert!(zone("Europe/Berlin", "/z").is_ok() && zone("Mars/Base", "/z").is_err());
    }
}
