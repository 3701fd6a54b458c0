//! Between what a file system has beyond common metadata and what a directory entry keeps of it.

use holdfast_files::{Extended, Windows};
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

/// What an entry kept, as a file system gets it. Access control lists come last, because they decide who may set the rest.
pub(crate) fn to_extended(extras: Extras) -> Extended {
    let mut attributes: Vec<(String, Vec<u8>)> = extras
        .xattrs
        .into_iter()
        .map(|(name, value)| (name, value.0))
        .collect();
    let lists = extras.acl.unwrap_or_default();
    for (name, list) in [(DEFAULT, lists.default), (ACCESS, lists.access)] {
        attributes.extend(list.map(|list| (name.to_owned(), list.0)));
    }
    Extended {
        attributes,
        data: extras.data_ranges,
        windows: extras.windows.map(|windows| Windows {
            security: windows.security.map(|bytes| bytes.0).unwrap_or_default(),
            attributes: windows.attributes.unwrap_or_default(),
            streams: windows
                .streams
                .into_iter()
                .map(|(name, content)| (name, content.0))
                .collect(),
            short_name: windows.short_name,
        }),
    }
}

/// Whether an attribute is an access control list.
pub(crate) fn is_access_list(name: &str) -> bool {
    matches!(name, ACCESS | DEFAULT)
}

/// The rights of a file's group, as three bits, in its access control list. Where there is such a list the permissions of
/// the file have its mask in their place, which is what the most any user or group of the list may do.
pub(crate) fn group_rights(extended: &Extended) -> Option<u32> {
    const GROUP: u16 = 4;
    let (_, list) = extended
        .attributes
        .iter()
        .find(|(name, _)| name == ACCESS)?;
    // A version of four bytes, then tag, rights and id of each entry (`linux/posix_acl_xattr.h`).
    let entries = list.get(4..)?.chunks_exact(8);
    let number = |entry: &[u8], at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
    let mut groups = entries.filter(|entry| number(entry, 0) == GROUP);
    groups.next().map(|entry| u32::from(number(entry, 2)) & 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_has_its_own_rights_and_not_the_mask() {
        let list = [
            &[2, 0, 0, 0][..],
            &[1, 0, 6, 0, 255, 255, 255, 255],
            &[2, 0, 7, 0, 210, 4, 0, 0],
            &[4, 0, 5, 0, 255, 255, 255, 255],
            &[16, 0, 7, 0, 255, 255, 255, 255],
            &[32, 0, 0, 0, 255, 255, 255, 255],
        ];
        let with = |list: &[u8]| Extended {
            attributes: vec![(ACCESS.to_owned(), list.to_vec())],
            ..Extended::default()
        };
        assert_eq!(group_rights(&with(&list.concat())), Some(5));
        assert_eq!(group_rights(&with(&[2, 0])), None);
        assert_eq!(group_rights(&Extended::default()), None);
    }

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
        assert_eq!(to_extras(extended.clone()), expected);
        let mut back = to_extended(expected);
        let lists = back.attributes.split_off(2);
        assert_eq!(lists[0].0, DEFAULT, "lists come last: {lists:?}");
        back.attributes.extend(lists);
        back.attributes.sort();
        let mut sorted = extended;
        sorted.attributes.sort();
        assert_eq!(back, sorted);
        assert!(to_extras(Extended::default()).is_empty());
    }
}
