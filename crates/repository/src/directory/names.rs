//! Texts under which names that are not UTF-8 are stored.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

/// The stored text of each name of one directory, in the same order.
///
/// A UTF-8 name is stored as it is. Any other is stored with U+FFFD in place of bad bytes; when that text is
/// already taken in the directory, `~` and the first 8 hex digits of the SHA-256 of the raw name follow. Texts are
/// therefore unique, and a name's text depends on the set of names only, not on their order.
pub fn stored_names(names: &[&[u8]]) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut lossy = Vec::new();
    let mut texts = vec![String::new(); names.len()];
    for (at, name) in names.iter().enumerate() {
        match std::str::from_utf8(name) {
            Ok(text) => texts[at] = text.to_owned(),
            Err(_) => lossy.push(at),
        }
    }
    if lossy.is_empty() {
        return texts;
    }
    taken.extend(texts.iter().filter(|text| !text.is_empty()).cloned());
    // In the order of raw names, so that the same set always gives the same texts.
    lossy.sort_by_key(|&at| names[at]);
    for at in lossy {
        let mut text = lossy_text(names[at]);
        if !taken.insert(text.clone()) {
            text.push('~');
            text.push_str(&hex::encode(&Sha256::digest(names[at])[..4]));
            // Only a name chosen to collide gets here; more digits always end it.
            let mut digits = 4;
            while !taken.insert(text.clone()) && digits < 32 {
                digits += 4;
                text.truncate(text.rfind('~').map_or(0, |tilde| tilde + 1));
                text.push_str(&hex::encode(&Sha256::digest(names[at])[..digits]));
            }
        }
        texts[at] = text;
    }
    texts
}

/// The text of a name with U+FFFD for each byte that is not part of a valid sequence.
pub fn lossy_text(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colliding_texts_are_told_apart_whatever_the_order() {
        let names: [&[u8]; 4] = [
            b"bad-\xff",
            b"bad-\xfe",
            "bad-\u{fffd}".as_bytes(),
            b"plain",
        ];
        let texts = stored_names(&names);
        assert_eq!(texts[2], "bad-\u{fffd}");
        assert_eq!(texts[3], "plain");
        for at in [0, 1] {
            let digest = hex::encode(Sha256::digest(names[at]));
            assert_eq!(texts[at], format!("bad-\u{fffd}~{}", &digest[..8]));
        }
        let reversed: Vec<&[u8]> = names.iter().rev().copied().collect();
        let mut again = stored_names(&reversed);
        again.reverse();
        assert_eq!(again, texts);
    }

    #[test]
    fn a_lossy_text_that_is_free_is_used_as_it_is() {
        assert_eq!(stored_names(&[b"x\xff"]), ["x\u{fffd}"]);
        // The first in order of raw names keeps the plain text.
        let texts = stored_names(&[b"x\xff", b"x\xfe"]);
        assert_eq!(texts[1], "x\u{fffd}");
        assert!(texts[0].starts_with("x\u{fffd}~"));
    }
}
