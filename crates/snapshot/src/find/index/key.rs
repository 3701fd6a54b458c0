//! Paths as byte strings whose order is that of a walk: a folder, then all that is below it, then its next neighbour.
//!
//! A zero stands before each name. Names that hold the bytes 0 or 1, which no file system has but a stream may, are
//! escaped so that order and names stay what they are.

const SEPARATOR: u8 = 0;
const ESCAPE: u8 = 1;

/// Appends a name to the key of its folder. The root of a snapshot has the empty key.
pub(super) fn push_name(key: &mut Vec<u8>, name: &str) {
    key.push(SEPARATOR);
    if name.bytes().all(|byte| byte > ESCAPE) {
        key.extend_from_slice(name.as_bytes());
        return;
    }
    for byte in name.bytes() {
        match byte {
            SEPARATOR | ESCAPE => key.extend([ESCAPE, byte + 1]),
            other => key.push(other),
        }
    }
}

/// The key of a path with `/` between its parts; empty parts are skipped.
pub(super) fn of_path(path: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(path.len() + 1);
    for name in path.split('/').filter(|name| !name.is_empty()) {
        push_name(&mut key, name);
    }
    key
}

/// Whether `key` is below the folder.
pub(super) fn is_below(key: &[u8], folder: &[u8]) -> bool {
    key.strip_prefix(folder)
        .is_some_and(|rest| rest.first() == Some(&SEPARATOR))
}

/// Writes the path with `/` between its names into `path`, and returns where the last name begins.
pub(super) fn write_path(key: &[u8], path: &mut Vec<u8>) -> usize {
    path.clear();
    let mut name = 0;
    let mut escaped = false;
    for &byte in key.get(1..).unwrap_or_default() {
        match byte {
            _ if escaped => {
                path.push(byte.wrapping_sub(1));
                escaped = false;
            }
            SEPARATOR => {
                path.push(b'/');
                name = path.len();
            }
            ESCAPE => escaped = true,
            other => path.push(other),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(names: &[String]) -> Vec<u8> {
        let mut key = Vec::new();
        names.iter().for_each(|name| push_name(&mut key, name));
        key
    }

    fn names() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[\u{0}\u{1}\u{2}a/é]{0,3}", 0..4)
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_names(left in names(), right in names()) {
            prop_assert_eq!(key(&left).cmp(&key(&right)), left.cmp(&right));
            prop_assert_eq!(is_below(&key(&left), &key(&right)), left.len() > right.len() && left.starts_with(&right));
        }

        #[test]
        fn the_path_comes_back(names in names()) {
            let mut path = b"rest".to_vec();
            let name = write_path(&key(&names), &mut path);
            prop_assert_eq!(String::from_utf8(path.clone()).unwrap(), names.join("/"));
            prop_assert_eq!(&path[name..], names.last().map_or(&b""[..], |name| name.as_bytes()));
        }
    }

    #[test]
    fn paths_are_taken_apart_at_slashes() {
        assert_eq!(of_path("/docs//old/"), b"\0docs\0old");
        assert_eq!(of_path(""), b"");
    }
}
