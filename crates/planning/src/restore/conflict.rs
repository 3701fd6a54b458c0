//! What a restore does where something exists already.

/// Whether existing files are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Overwrite {
    /// Replace them.
    #[default]
    Always,
    /// Leave them as they are.
    Never,
    /// Replace them if size or modification time differ.
    Different,
}

/// What an entry is, as far as conflicts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Anything else.
    Other,
}

/// What is in the target under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Existing {
    /// What it is.
    pub shape: Shape,
    /// Its size in bytes.
    pub size: u64,
    /// Its modification time, nanoseconds since 1970.
    pub modified: i64,
}

/// What is to be restored under that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it is.
    pub shape: Shape,
    /// Its size in bytes.
    pub size: u64,
    /// Its modification time, nanoseconds since 1970.
    pub modified: i64,
}

/// What happens to one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is created where nothing is.
    Create,
    /// It takes the place of what is there.
    Replace,
    /// What is there stays, because nothing is to be overwritten.
    Keep,
    /// What is there is the same already; a directory is filled.
    Same,
    /// Something of another kind is in the way and is not removed.
    Cannot,
}

/// Decides what happens to an entry. A directory is never removed for something else, and nothing for a directory.
pub fn decide(existing: Option<Existing>, wanted: Wanted, overwrite: Overwrite) -> Action {
    let Some(existing) = existing else {
        return Action::Create;
    };
    match (wanted.shape, existing.shape) {
        (Shape::Directory, Shape::Directory) => return Action::Same,
        (Shape::Directory, _) | (_, Shape::Directory) => return Action::Cannot,
        _ => {}
    }
    match overwrite {
        Overwrite::Always => Action::Replace,
        Overwrite::Never => Action::Keep,
        Overwrite::Different => {
            let same = existing.shape == wanted.shape
                && existing.size == wanted.size
                && existing.modified == wanted.modified;
            if same { Action::Same } else { Action::Replace }
        }
    }
}

/// How many entries each action takes, and how much is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries created.
    pub create: u64,
    /// Entries replaced.
    pub replace: u64,
    /// Existing entries kept.
    pub keep: u64,
    /// Entries that are the same already.
    pub same: u64,
    /// Entries that cannot be restored.
    pub cannot: u64,
    /// Bytes of files to write.
    pub bytes: u64,
}

impl Counts {
    /// Counts one entry of `size` bytes; directories have size 0.
    pub fn add(&mut self, action: Action, size: u64) {
        let counter = match action {
            Action::Create => &mut self.create,
            Action::Replace => &mut self.replace,
            Action::Keep => &mut self.keep,
            Action::Same => &mut self.same,
            Action::Cannot => &mut self.cannot,
        };
        *counter += 1;
        if matches!(action, Action::Create | Action::Replace) {
            self.bytes += size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn existing(shape: Shape) -> Option<Existing> {
        Some(Existing {
            shape,
            size: 5,
            modified: 7,
        })
    }

    fn wanted(shape: Shape) -> Wanted {
        Wanted {
            shape,
            size: 5,
            modified: 7,
        }
    }

    #[test]
    fn every_pair_has_its_action() {
        use Action::{Cannot, Create, Keep, Replace, Same};
        use Overwrite::{Always, Different, Never};
        use Shape::{Directory, File, Other, Symlink};
        let cases = [
            (None, File, Never, Create),
            (existing(File), File, Always, Replace),
            (existing(File), File, Never, Keep),
            (existing(File), File, Different, Same),
            (existing(Symlink), File, Different, Replace),
            (existing(Symlink), Symlink, Different, Same),
            (existing(Other), File, Always, Replace),
            (existing(Other), File, Never, Keep),
            (existing(Directory), Directory, Never, Same),
            (existing(Directory), File, Always, Cannot),
            (existing(Directory), Symlink, Never, Cannot),
            (existing(File), Directory, Always, Cannot),
            (existing(Symlink), Directory, Always, Cannot),
        ];
        for (there, shape, overwrite, action) in cases {
            assert_eq!(
                decide(there, wanted(shape), overwrite),
                action,
                "{there:?} {shape:?} {overwrite:?}"
            );
        }
        let changed = Wanted {
            modified: 8,
            ..wanted(File)
        };
        assert_eq!(decide(existing(File), changed, Different), Replace);
        let longer = Wanted {
            size: 6,
            ..wanted(File)
        };
        assert_eq!(decide(existing(File), longer, Different), Replace);
    }

    #[test]
    fn only_what_is_written_counts_bytes() {
        let mut counts = Counts::default();
        for action in [
            Action::Create,
            Action::Replace,
            Action::Keep,
            Action::Same,
            Action::Cannot,
        ] {
            counts.add(action, 10);
        }
        assert_eq!(
            counts,
            Counts {
                create: 1,
                replace: 1,
                keep: 1,
                same: 1,
                cannot: 1,
                bytes: 20
            }
        );
    }
}
