//! A tree that changes by chance from snapshot to snapshot; the same seed gives the same history.

use std::collections::BTreeMap;

use holdfast_files::MemoryTree;

use crate::support::random;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Planned {
    File { seed: u64, length: usize },
    Link(u64),
}

/// The tree as it is now.
pub(crate) struct History {
    state: u64,
    entries: BTreeMap<String, (Planned, u32, i64)>,
}

impl History {
    /// A tree of `files` entries in few folders, several levels deep, some with the same content.
    pub(crate) fn new(seed: u64, files: usize) -> Self {
        let mut history = Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            entries: BTreeMap::new(),
        };
        for _ in 0..files {
            history.add();
        }
        history
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % end
    }

    fn add(&mut self) {
        let depth = self.below(4);
        let mut path = String::new();
        for _ in 0..depth {
            path += &format!("dir-{}/", self.below(3));
        }
        let stem = ["Report", "notes", "é", "x"][self.below(4) as usize];
        path += &format!(
            "{stem}-{}.{}",
            self.below(6),
            ["txt", "bin"][self.below(2) as usize]
        );
        let planned = match self.below(8) {
            0 => Planned::Link(self.below(4)),
            _ => Planned::File {
                seed: self.below(5),
                length: self.below(300) as usize,
            },
        };
        let mode = [0o644, 0o600][self.below(2) as usize];
        let time = self.below(1_000) as i64 * 1_000_000_000;
        self.entries.insert(path, (planned, mode, time));
    }

    /// Changes up to `changes` entries: added, removed, replaced, or only with other times or permissions.
    pub(crate) fn step(&mut self, changes: u64) {
        for _ in 0..self.below(changes + 1) {
            let at = self.below(self.entries.len().max(1) as u64) as usize;
            let path = self.entries.keys().nth(at).cloned();
            let kind = self.below(5);
            let value = self.below(1_000);
            let Some(path) = path.filter(|_| kind < 4) else {
                self.add();
                continue;
            };
            if kind == 0 {
                self.entries.remove(&path);
                continue;
            }
            let (planned, mode, time) = self.entries.get_mut(&path).expect("it is there");
            match kind {
                1 => *time += 1_000_000_000,
                2 => *mode ^= 0o111,
                _ => {
                    *planned = Planned::File {
                        seed: value % 5,
                        length: value as usize,
                    };
                    *time += 1;
                }
            }
        }
    }

    /// The tree for a snapshot.
    pub(crate) fn tree(&self) -> MemoryTree {
        let mut tree = MemoryTree::new("data");
        for (path, (planned, mode, time)) in &self.entries {
            match planned {
                Planned::File { seed, length } => tree.file(path, random(*seed, *length)),
                Planned::Link(target) => tree.symlink(path, format!("target-{target}")),
            };
            tree.metadata(path, |metadata| {
                metadata.mode = *mode;
                metadata.modified = *time;
                metadata.changed = *time;
            });
        }
        tree
    }
}
