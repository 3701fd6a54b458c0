//! Names that may be created in a target.
//!
//! A snapshot is data from elsewhere: a name in it may lead out of the target, or mean something else on this system than
//! on the one it was taken on. Such entries are refused, never renamed, so that nothing is created that nobody asked for.

/// What names may be on a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamingRules {
    /// Any bytes but `/` and NUL.
    Unix,
    /// No reserved characters, devices, or blanks and dots at the end; letter case does not tell names apart.
    Windows,
}

impl NamingRules {
    /// The rules of the system this runs on.
    pub const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else {
        Self::Unix
    };
}

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// No name at all.
    #[error("the name is empty")]
    Empty,
    /// `.` or `..`
    #[error("the name stands for a directory that exists already")]
    Relative,
    /// A separator inside.
    #[error("the name contains a separator and would lead elsewhere")]
    Separator,
    /// A NUL byte inside.
    #[error("the name contains a zero byte")]
    Nul,
    /// A character that Windows does not allow.
    #[error("Windows does not allow {0:?} in names")]
    Character(char),
    /// A blank or dot that Windows would drop.
    #[error("Windows does not allow a blank or a dot at the end of names")]
    TrailingBlankOrDot,
    /// The name of a device.
    #[error("Windows takes the name for the device {0}")]
    Device(String),
}

/// Checks that an entry of this raw name can be created without leaving its directory.
pub fn check_name(name: &[u8], rules: NamingRules) -> Result<(), NameProblem> {
    match name {
        b"" => return Err(NameProblem::Empty),
        b"." | b".." => return Err(NameProblem::Relative),
        _ => {}
    }
    if name.contains(&b'/') {
        return Err(NameProblem::Separator);
    }
    if name.contains(&0) {
        return Err(NameProblem::Nul);
    }
    match rules {
        NamingRules::Unix => Ok(()),
        NamingRules::Windows => check_windows(name),
    }
}

fn check_windows(name: &[u8]) -> Result<(), NameProblem> {
    if name.contains(&b'\\') {
        return Err(NameProblem::Separator);
    }
    if let Some(&bad) = name
        .iter()
        .find(|&&byte| byte < 0x20 || b":*?\"<>|".contains(&byte))
    {
        return Err(NameProblem::Character(char::from(bad)));
    }
    if matches!(name.last(), Some(b' ' | b'.')) {
        return Err(NameProblem::TrailingBlankOrDot);
    }
    let text = String::from_utf8_lossy(name);
    let stem = text
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_uppercase();
    if is_device(&stem) {
        Err(NameProblem::Device(stem))
    } else {
        Ok(())
    }
}

/// Whether a name without extension, in upper case, is a device.
fn is_device(stem: &str) -> bool {
    if matches!(stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let number = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"));
    let mut rest = number.unwrap_or_default().chars();
    matches!(
        (rest.next(), rest.next()),
        (Some('1'..='9' | '¹' | '²' | '³'), None)
    )
}

/// The name by which the system tells entries of a directory apart.
pub fn folded(name: &[u8], rules: NamingRules) -> Vec<u8> {
    match rules {
        NamingRules::Unix => name.to_vec(),
        NamingRules::Windows => match std::str::from_utf8(name) {
            Ok(text) => text.to_lowercase().into_bytes(),
            Err(_) => name.to_ascii_lowercase(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused_everywhere() {
        for rules in [NamingRules::Unix, NamingRules::Windows] {
            for name in [
                &b""[..],
                b".",
                b"..",
                b"a/b",
                b"/",
                b"/etc",
                b"../x",
                b"a\0b",
            ] {
                assert!(check_name(name, rules).is_err(), "{name:?}");
            }
            for name in [
                &b"a"[..],
                b"...a",
                "é".as_bytes(),
                b"a b",
                b"nul-like",
                b"COM10",
                b"comx",
                b"\xff",
            ] {
                assert_eq!(check_name(name, rules), Ok(()), "{name:?}");
            }
        }
    }

    #[test]
    fn names_that_windows_takes_for_something_else() {
        let names = [
            &b"a\\b"[..],
            b"c:",
            b"C:x",
            b"a*",
            b"a?",
            b"\"",
            b"<",
            b">",
            b"|",
            b"a\n",
            b"a.",
            b"a ",
            b"nul",
            b"NUL.txt",
            b"nul .txt",
            b"Com1",
            b"lpt9.a.b",
            "COM¹".as_bytes(),
            b"conin$",
            b"aux",
        ];
        for name in names {
            assert!(check_name(name, NamingRules::Windows).is_err(), "{name:?}");
            assert_eq!(check_name(name, NamingRules::Unix), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn case_tells_names_apart_only_on_unix() {
        assert_eq!(
            folded(b"README", NamingRules::Windows),
            folded(b"ReadMe", NamingRules::Windows)
        );
        assert_ne!(
            folded(b"README", NamingRules::Unix),
            folded(b"ReadMe", NamingRules::Unix)
        );
        assert_eq!(folded("É".as_bytes(), NamingRules::Windows), "é".as_bytes());
    }
}
