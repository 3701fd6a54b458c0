//! Identities of what is backed up: `user@host:path` (format 2 §6).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whose data a snapshot holds. All three parts are compared exactly.
///
/// As the target of a policy, empty parts widen it: without path a user's, without user too a host's, all empty the
/// global policy's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceIdentity {
    /// Host name.
    pub host: String,
    /// User name.
    pub user_name: String,
    /// Path in the notation of its system.
    pub path: String,
}

/// What a source argument stands on when it is only a path.
#[derive(Debug, Clone, Copy)]
pub struct LocalContext<'a> {
    /// Own user name.
    pub user: &'a str,
    /// Own host name.
    pub host: &'a str,
    /// Current directory, absolute.
    pub directory: &'a str,
}

/// A source argument that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no source: a host must follow `@`")]
pub struct InvalidSource(String);

/// How [`SourceIdentity`] without any part is written.
const GLOBAL: &str = "(global)";

impl SourceIdentity {
    /// A source from its parts.
    pub fn new(user: impl Into<String>, host: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            user_name: user.into(),
            path: path.into(),
        }
    }

    /// Reads a source argument (format 2 §6.2). `user@host:path` is taken literally; a path is made absolute and
    /// cleaned by the rules of Unix.
    pub fn parse(text: &str, local: LocalContext<'_>) -> Result<Self, InvalidSource> {
        if let Some(source) = Self::parse_full(text)? {
            return Ok(source);
        }
        let path = if text.starts_with('/') {
            text.to_owned()
        } else {
            format!("{}/{text}", local.directory)
        };
        Ok(Self::new(local.user, local.host, clean_unix_path(&path)))
    }

    /// Reads `user@host:path`, `user@host`, `@host` or `(global)`; `None` when the text is a path.
    pub fn parse_full(text: &str) -> Result<Option<Self>, InvalidSource> {
        if text == GLOBAL {
            return Ok(Some(Self::default()));
        }
        let Some(at) = text.find('@') else {
            return Ok(None);
        };
        let user = &text[..at];
        match text.find(':') {
            Some(colon) if at > 0 && at < colon => Ok(Some(Self::new(
                user,
                &text[at + 1..colon],
                &text[colon + 1..],
            ))),
            None if at + 1 < text.len() => Ok(Some(Self::new(user, &text[at + 1..], ""))),
            None => Err(InvalidSource(text.to_owned())),
            Some(_) => Ok(None),
        }
    }
}

impl fmt::Display for SourceIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return f.write_str(GLOBAL);
        }
        write!(f, "{}@{}", self.user_name, self.host)?;
        if !self.path.is_empty() {
            write!(f, ":{}", self.path)?;
        }
        Ok(())
    }
}

/// Removes `.`, `..` and repeated or final separators from an absolute Unix path, without looking at the disk.
pub fn clean_unix_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Removes `.`, `..` and repeated or final separators from an absolute Windows path, without looking at the disk, and
/// writes every separator as `\`. The root of a drive keeps its separator: `C:` alone would be the current directory of
/// that drive (format 2 §6.1). Paths that begin with `\\?\` mean exactly what they say and stay as they are.
pub fn clean_windows_path(path: &str) -> String {
    if path.starts_with(r"\\?\") {
        return path.to_owned();
    }
    let path = path.replace('/', r"\");
    let (volume, rest) = match path.get(..2) {
        Some(drive) if is_drive(drive) => path.split_at(2),
        Some(r"\\") => {
            let share = path.match_indices('\\').map(|(at, _)| at).nth(3);
            path.split_at(share.unwrap_or(path.len()))
        }
        _ => ("", path.as_str()),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('\\') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() && rest.is_empty() && !is_drive(volume) {
        return volume.to_owned();
    }
    format!(r"{volume}\{}", parts.join(r"\"))
}

/// The parent of a source path in the policy hierarchy; a root, and whatever has no separator, is its own parent
/// (format 2 §7.3).
pub fn parent_path(path: &str) -> &str {
    let trimmed = trim_final_separators(path);
    if is_drive_root(path) {
        return path;
    }
    match trimmed.rfind(['/', '\\']) {
        // The root of the file system, or of a drive.
        Some(0) => &trimmed[..1],
        Some(cut) if is_drive(&trimmed[..cut]) => &trimmed[..=cut],
        Some(cut) => &trimmed[..cut],
        None => path,
    }
}

/// The path of `child` below `parent` with `/` between its parts, `None` when it is not below (format 2 §7.4).
pub fn nested_path(parent: &str, child: &str) -> Option<String> {
    let windows = parent.len() >= 3 && is_drive(&parent[..2]);
    let base = trim_final_separators(parent);
    let rest = child.strip_prefix(base)?;
    let relative = match rest.strip_prefix(['/', '\\']) {
        Some(relative) => relative,
        // A root keeps its separator in the base.
        None if base.ends_with(['/', '\\']) => rest,
        None => return None,
    };
    if relative.is_empty() {
        return None;
    }
    Some(if windows {
        relative.replace('\\', "/")
    } else {
        relative.to_owned()
    })
}

/// Whether a policy may be stored for the path: no final separator unless it is a root (format 2 §7.1).
pub fn is_valid_policy_path(path: &str) -> bool {
    path == "/" || is_drive_root(path) || !path.ends_with(['/', '\\'])
}

/// `X:`
fn is_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
}

/// `X:\` or `X:/`
fn is_drive_root(path: &str) -> bool {
    path.len() == 3 && is_drive(path.get(..2).unwrap_or("")) && path.ends_with(['/', '\\'])
}

fn trim_final_separators(path: &str) -> &str {
    let trimmed = path.trim_end_matches(['/', '\\']);
    if trimmed.is_empty() {
        &path[..path.len().min(1)]
    } else {
        trimmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_paths_are_cleaned_and_roots_keep_their_separator() {
        for (path, clean) in [
            (r"C:\", r"C:\"),
            ("C:/", r"C:\"),
            ("C:", r"C:\"),
            (r"C:\a\..\", r"C:\"),
            (r"C:\..\..\b", r"C:\b"),
            (r"d:\Users\Ann\", r"d:\Users\Ann"),
            (r"d:\Users\\.\Ann/x", r"d:\Users\Ann\x"),
            (r"\\server\share", r"\\server\share"),
            (r"\\server\share\", r"\\server\share\"),
            (r"\\server\share\a\..\b\", r"\\server\share\b"),
            (r"\\?\C:\", r"\\?\C:\"),
        ] {
            assert_eq!(clean_windows_path(path), clean, "{path}");
        }
    }
}
