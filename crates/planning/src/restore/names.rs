//! Names that may be created in a target.
//!
//! A snapshot is data from elsewhere: a name in it may lead out of the target, or mean something else on this system than
//! on the one it was taken on. Such entries are refused, never renamed, so that nothing is created that nobody asked for.

/// What names may be on a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamingRules {
    /// Any bytes but `/` and NUL.
    Unix,
    /// The same, and letter case does not tell names apart: file systems that were set up so, or are served so.
    UnixFoldingCase,
    /// No reserved characters, or blanks and dots at the end; letter case does not tell names apart: FAT and exFAT.
    Fat,
    /// As FAT, and no names of devices.
    Windows,
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
    /// A character that FAT and Windows do not allow.
    #[error("the target does not allow {0:?} in names")]
    Character(char),
    /// A blank or dot that FAT and Windows would drop.
    #[error("the target does not keep a blank or a dot at the end of names")]
    TrailingBlankOrDot,
    /// The name of a device.
    #[error("Windows takes the name for the device {0}")]
    Device(String),
    /// More than the target keeps.
    #[error("the name has a length of {length}, the target keeps {longest}")]
    TooLong {
        /// Bytes, or units of UTF-16 on Windows.
        length: usize,
        /// The same of the longest name.
        longest: usize,
    },
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
        NamingRules::Unix | NamingRules::UnixFoldingCase => Ok(()),
        NamingRules::Fat => check_fat(name),
        NamingRules::Windows => check_fat(name).and_then(|()| check_device(name)),
    }
}

/// Checks that a file system keeps a name as a whole. Lengths are bytes, or units of UTF-16 on Windows.
pub fn check_length(name: &[u8], rules: NamingRules, longest: usize) -> Result<(), NameProblem> {
    let length = match rules {
        NamingRules::Unix | NamingRules::UnixFoldingCase | NamingRules::Fat => name.len(),
        NamingRules::Windows => String::from_utf8_lossy(name).encode_utf16().count(),
    };
    if length <= longest {
        return Ok(());
    }
    Err(NameProblem::TooLong { length, longest })
}

fn check_fat(name: &[u8]) -> Result<(), NameProblem> {
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
    Ok(())
}

fn check_device(name: &[u8]) -> Result<(), NameProblem> {
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
        NamingRules::UnixFoldingCase | NamingRules::Fat | NamingRules::Windows => {
            match std::str::from_utf8(name) {
                Ok(text) => text.to_lowercase().into_bytes(),
                Err(_) => name.to_ascii_lowercase(),
            }
        }
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
    fn fat_has_no_devices() {
        for name in [&b"nul"[..], b"aux.txt", b"COM1"] {
            assert_eq!(check_name(name, NamingRules::Fat), Ok(()), "{name:?}");
        }
        for name in [&b"a:b"[..], b"a\\b", b"a ", b"a.", b"..", b"a/b"] {
            assert!(check_name(name, NamingRules::Fat).is_err(), "{name:?}");
        }
        assert_eq!(check_name(b"a:b", NamingRules::UnixFoldingCase), Ok(()));
    }

    #[test]
    fn the_target_limits_the_length() {
        let accents = "é".repeat(200);
        let length = |rules, longest| check_length(accents.as_bytes(), rules, longest);
        assert_eq!(length(NamingRules::Windows, 255), Ok(()));
        assert_eq!(length(NamingRules::Unix, 400), Ok(()));
        assert_eq!(
            length(NamingRules::Unix, 255),
            Err(NameProblem::TooLong {
                length: 400,
                longest: 255
            })
        );
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
        for rules in [
            NamingRules::UnixFoldingCase,
            NamingRules::Fat,
            NamingRules::Windows,
        ] {
            assert_eq!(folded("É".as_bytes(), rules), "é".as_bytes());
        }
    }
}
