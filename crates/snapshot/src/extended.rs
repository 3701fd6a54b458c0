//! Between what a file system has beyond common metadata and what a directory entry keeps of it.

use holdfast_files::Extended;
use holdfast_repository::directory::{Bytes64, Extras, PosixAcls, WindowsExtras};

/// Attributes in which Linux keeps the access control lists of POSIX.
const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

/// What an entry keeps.
pub(crate) fn to_extras(extended: Extended) -> Extras {
    let mut extras = Extras {
        data_ranges: extended.data,
        windows: extended.windows.map(|windows| WindowsExtras {
            security: (!windows.security.is_empty()).then_some(Bytes64(windows.security)),
            attributes: Some(windows.attributes),
            streams: windows
                .streams
                .into_iter()
                .map(|(name, content)| (name, Bytes64(content)))
                .collect(),
            short_name: windows.short_name,
        }),
        ..Extras::default()
    };
    let mut lists = PosixAcls::default();
    for (name, value) in extended.attributes {
        match name.as_str() {
            ACCESS => lists.access = Some(Bytes64(value)),
            DEFAULT => lists.default = Some(Bytes64(value)),
            _ => drop(extras.xattrs.insert(name, Bytes64(value))),
        }
    }
    extras.acl = (lists != PosixAcls::default()).then_some(lists);
    extras
}

#[cfg(test)]
mod tests {
    use holdfast_files::Windows;

    use super::*;

    #[test]
    fn every_kind_has_its_place() {
        let extended = Extended {
            attributes: vec![
                (ACCESS.to_owned(), vec![2, 0, 0, 0, 1]),
                ("trusted.a".to_owned(), vec![0, 255]),
                (DEFAULT.to_owned(), vec![2, 0, 0, 0]),
                ("user.b".to_owned(), Vec::new()),
            ],
            data: Some(vec![(0, 4096), (1 << 40, 1)]),
            windows: Some(Windows {
                security: vec![1, 0, 4, 128],
                attributes: 0x22,
                streams: vec![("Zone.Identifier".to_owned(), b"[ZoneTransfer]".to_vec())],
                short_name: "LONGNA~1.TXT".to_owned(),
            }),
        };
        let bytes = |bytes: &[u8]| Bytes64(bytes.to_vec());
        let expected = Extras {
            xattrs: [
                ("trusted.a".to_owned(), bytes(&[0, 255])),
                ("user.b".to_owned(), bytes(&[])),
            ]
            .into(),
            acl: Some(PosixAcls {
                access: Some(bytes(&[2, 0, 0, 0, 1])),
                default: Some(bytes(&[2, 0, 0, 0])),
            }),
            data_ranges: Some(vec![(0, 4096), (1 << 40, 1)]),
            windows: Some(WindowsExtras {
                security: Some(bytes(&[1, 0, 4, 128])),
                attributes: Some(0x22),
                streams: [("Zone.Identifier".to_owned(), bytes(b"[ZoneTransfer]"))].into(),
                short_name: "LONGNA~1.TXT".to_owned(),
            }),
            ..Extras::default()
        };
        assert_eq!(to_extras(extended), expected);
        assert!(to_extras(Extended::default()).is_empty());
    }
}
