//! The text that ignore patterns are matched against.

/// Path of an entry below the snapshot root as code points: empty for the root, else `/` before every name.
///
/// Names that are not UTF-8 are represented by one U+FFFD for each byte outside a valid sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelativePath {
    characters: Vec<char>,
}

impl RelativePath {
    /// The path of the snapshot root.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of an entry of this directory.
    pub fn child(&self, name: &[u8]) -> Self {
        let mut path = Self {
            characters: Vec::with_capacity(self.characters.len() + name.len() + 1),
        };
        path.characters.extend_from_slice(&self.characters);
        path.push(name);
        path
    }

    /// Appends a name.
    pub fn push(&mut self, name: &[u8]) {
        self.characters.push('/');
        if name.is_ascii() {
            self.characters
                .extend(name.iter().map(|&byte| char::from(byte)));
            return;
        }
        for chunk in name.utf8_chunks() {
            self.characters.extend(chunk.valid().chars());
            self.characters
                .extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        }
    }

    /// Number of code points, for [`truncate`](Self::truncate).
    pub fn len(&self) -> usize {
        self.characters.len()
    }

    /// Whether this is the snapshot root.
    pub fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }

    /// Goes back to an earlier length, so that one buffer serves all entries of a directory.
    pub fn truncate(&mut self, length: usize) {
        self.characters.truncate(length);
    }

    /// The code points.
    pub fn characters(&self) -> &[char] {
        &self.characters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_byte_is_one_replacement() {
        let path = RelativePath::root()
            .child(b"a")
            .child(b"\xe2\x82x\xff\xc3\xa9");
        let text: String = path.characters().iter().collect();
        assert_eq!(text, "/a/\u{fffd}\u{fffd}x\u{fffd}é");
    }

    #[test]
    fn one_buffer_serves_all_entries() {
        let mut path = RelativePath::root().child(b"dir");
        let length = path.len();
        path.push(b"one");
        path.truncate(length);
        path.push(b"two");
        assert_eq!(path, RelativePath::root().child(b"dir").child(b"two"));
    }
}
