//! Whose data a snapshot holds: this user, this host, an absolute path, or what the command line says instead.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use holdfast_repository::source::SourceIdentity;

use crate::failure::UsageError;

/// The identity of a path of this machine.
pub(super) fn local(path: &Path, host: Option<&str>, user: Option<&str>) -> Result<SourceIdentity> {
    let own = |given: Option<&str>, own: fn() -> String| given.map_or_else(own, str::to_owned);
    Ok(SourceIdentity::new(
        own(user, holdfast_host::user_name),
        own(host, holdfast_host::host_name),
        absolute(path)?.to_string_lossy(),
    ))
}

/// The identity that was written out as `USER@HOST:PATH`.
pub(super) fn written(text: &str) -> Result<SourceIdentity> {
    let source = SourceIdentity::parse_full(text).ok().flatten();
    let complete = |source: &SourceIdentity| {
        !source.user_name.is_empty() && !source.host.is_empty() && !source.path.is_empty()
    };
    source.filter(complete).ok_or_else(|| {
        UsageError::new(format!("{text:?} names no source"))
            .hint("Write USER@HOST:PATH.")
            .into()
    })
}

/// A source or what a policy is defined for: `USER@HOST:PATH`, `USER@HOST`, `@HOST`, `(global)` or a path of this machine.
pub(super) fn target(text: &str) -> Result<SourceIdentity> {
    match SourceIdentity::parse_full(text) {
        Ok(Some(target)) => Ok(target),
        Ok(None) => local(Path::new(text), None, None),
        Err(error) => Err(UsageError::new(error.to_string())
            .hint("Write a path, USER@HOST:PATH, USER@HOST or @HOST.")
            .into()),
    }
}

/// The path from the root, without `.` and `..`, as the words say: symbolic links are not followed.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    let full =
        std::path::absolute(path).with_context(|| format!("make {} absolute", path.display()))?;
    let mut cleaned = PathBuf::new();
    for component in full.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                cleaned.pop();
            }
            other => cleaned.push(other),
        }
    }
    Ok(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn paths_become_absolute_and_clean() -> Result<()> {
        for (path, expected) in [("/a/./b/../c/", "/a/c"), ("/../x", "/x"), ("/", "/")] {
            assert_eq!(absolute(Path::new(path))?, Path::new(expected), "{path}");
        }
        let here = std::env::current_dir()?;
        assert_eq!(absolute(Path::new("x"))?, here.join("x"));
        Ok(())
    }

    #[test]
    fn a_written_source_has_all_three_parts() {
        let source = written("ann@web-01:/srv/data")
            .map(|source| (source.user_name, source.host, source.path));
        assert_eq!(
            source.ok(),
            Some((
                "ann".to_owned(),
                "web-01".to_owned(),
                "/srv/data".to_owned()
            ))
        );
        for text in [
            "",
            "ann",
            "/srv",
            "ann@web-01",
            "@web-01",
            "ann@web-01:",
            "(global)",
        ] {
            assert!(written(text).is_err(), "{text}");
        }
    }
}
