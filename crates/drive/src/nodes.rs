//! The nodes that the system remembers, by their numbers.

use std::collections::HashMap;
use std::sync::Arc;

use holdfast_repository::ObjectId;
use parking_lot::Mutex;

use crate::info::{Attributes, Info};

/// Number of the root.
pub(crate) const ROOT: u64 = 1;

/// The table is cut in so many parts that threads seldom want the same one.
const PARTS: usize = 64;

/// Where the information about a node stands. That of entries of snapshots stays where it is, and can be read again at any
/// time, so that a node takes little memory, about 100 bytes.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Here.
    Own(Arc<Info>),
    /// In a directory of the repository, at a position of its listing.
    Listed { directory: ObjectId, position: u32 },
}

/// What makes a node the same as before: a number, and more of the same hash for telling apart what shares a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    number: u64,
    check: u64,
}

impl Identity {
    /// That of an entry with a name in a folder; all names of a file with several have the same.
    pub(crate) fn of(folder: u64, name: &[u8], info: &Info) -> Self {
        let mut hasher = blake3::Hasher::new();
        match (info.hard_link(), info.object()) {
            (Some(link), Some(object)) => {
                // With all attributes, so that names whose entries differ stay apart.
                let Attributes {
                    mode,
                    user,
                    group,
                    size,
                    modified,
                    ..
                } = info.attributes(0);
                let text = format!("{link}\0{object}\0{mode}\0{user}\0{group}\0{size}\0{modified}");
                hasher.update(b"link\0").update(text.as_bytes());
            }
            _ => {
                hasher.update(b"name\0").update(&folder.to_le_bytes());
                hasher.update(name);
            }
        }
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        let value = u128::from_le_bytes(bytes);
        Self {
            // Not negative for programs that think numbers have a sign, and neither 0 nor that of the root.
            number: (value as u64 >> 1).max(ROOT + 1),
            check: (value >> 64) as u64,
        }
    }

    /// The number, unless another node that is remembered has it already.
    pub(crate) fn number(self) -> u64 {
        self.number
    }
}

#[derive(Debug)]
struct Node {
    check: u64,
    /// How often the system was told of it and has not forgotten it since.
    told: u64,
    folder: u64,
    place: Place,
}

/// The nodes that the system remembers.
#[derive(Debug)]
pub(crate) struct Nodes {
    parts: [Mutex<HashMap<u64, Node>>; PARTS],
}

impl Nodes {
    /// A table that holds the root alone, which is never forgotten.
    pub(crate) fn new(root: Info) -> Self {
        let nodes = Self {
            parts: std::array::from_fn(|_| Mutex::new(HashMap::new())),
        };
        let root = Node {
            check: 0,
            told: 1,
            folder: ROOT,
            place: Place::Own(Arc::new(root)),
        };
        nodes.part(ROOT).lock().insert(ROOT, root);
        nodes
    }

    fn part(&self, number: u64) -> &Mutex<HashMap<u64, Node>> {
        &self.parts[number as usize % PARTS]
    }

    /// Remembers that the system is told of a node of `folder`, and returns its number.
    pub(crate) fn tell(&self, identity: Identity, folder: u64, place: Place) -> u64 {
        let Identity { mut number, check } = identity;
        loop {
            let mut part = self.part(number).lock();
            match part.get_mut(&number) {
                None => {
                    let node = Node {
                        check,
                        told: 1,
                        folder,
                        place,
                    };
                    part.insert(number, node);
                    return number;
                }
                Some(node) if node.check == check && number != ROOT => {
                    node.told += 1;
                    if let Place::Own(_) = place {
                        // What is in no snapshot may have changed.
                        node.place = place;
                    }
                    return number;
                }
                Some(_) => number = number.wrapping_add(1),
            }
        }
    }

    /// The folder in which a node was found, and where the information about it stands.
    pub(crate) fn get(&self, number: u64) -> Option<(u64, Place)> {
        let part = self.part(number).lock();
        part.get(&number)
            .map(|node| (node.folder, node.place.clone()))
    }

    /// The system has forgotten so many times that it was told of a node.
    pub(crate) fn forget(&self, number: u64, times: u64) {
        if number == ROOT {
            return;
        }
        let mut part = self.part(number).lock();
        if let Some(node) = part.get_mut(&number) {
            node.told = node.told.saturating_sub(times);
            if node.told == 0 {
                part.remove(&number);
            }
        }
    }

    /// How many there are, the root included.
    pub(crate) fn count(&self) -> usize {
        self.parts.iter().map(|part| part.lock().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::info::Content;

    fn info() -> Info {
        Info::folder(Content::Missing, 0)
    }

    fn place() -> Place {
        Place::Own(Arc::new(info()))
    }

    #[test]
    fn numbers_depend_on_folder_and_name_alone() {
        let identity = |folder, name: &[u8]| Identity::of(folder, name, &info());
        assert_eq!(identity(1, b"a"), identity(1, b"a"));
        assert_ne!(identity(1, b"a").number, identity(1, b"b").number);
        assert_ne!(identity(1, b"a").number, identity(2, b"a").number);
        assert!(identity(1, b"a").number <= i64::MAX as u64);
    }

    #[test]
    fn nodes_stay_as_long_as_the_system_knows_them() {
        let nodes = Nodes::new(info());
        let identity = Identity::of(ROOT, b"a", &info());
        let number = nodes.tell(identity, ROOT, place());
        assert_eq!(nodes.tell(identity, ROOT, place()), number);
        nodes.forget(number, 1);
        assert_eq!(nodes.get(number).map(|(folder, _)| folder), Some(ROOT));
        nodes.forget(number, 1);
        assert!(nodes.get(number).is_none());
        nodes.forget(ROOT, 100);
        assert_eq!(nodes.count(), 1);
    }

    #[test]
    fn what_shares_a_number_is_told_apart() {
        let nodes = Nodes::new(info());
        let one = Identity {
            number: 7,
            check: 1,
        };
        let other = Identity {
            number: 7,
            check: 2,
        };
        assert_eq!(nodes.tell(one, ROOT, place()), 7);
        assert_eq!(nodes.tell(other, ROOT, place()), 8);
        assert_eq!(nodes.tell(one, ROOT, place()), 7);
        assert_eq!(nodes.tell(other, ROOT, place()), 8);
        let root = Identity {
            number: ROOT,
            check: 0,
        };
        assert_eq!(nodes.tell(root, ROOT, place()), 2);
    }
}
