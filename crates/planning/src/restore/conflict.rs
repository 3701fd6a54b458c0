//! What a restore does where something exists already.

/// Whether existing files are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Overwrite {
    /// Replace them.
    #[default]
    Always,
    /// Leave them as they are, unless a restore that was cut off wrote them and they are not complete.
    Never,
    /// Replace them if size or modification time differ.
    Different,
    /// Change only what differs, each for itself: contents, owner, permissions, modification time. Contents are taken for
    /// the same where size and modification time are, and compared where only the size is.
    Incremental,
}

/// What a restore knows beforehand about the files of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What happens to existing files.
    pub overwrite: Overwrite,
    /// Whether a restore of the same was cut off here, so that what it wrote is looked for, and is proven rather than
    /// taken for complete. Times say nothing then: a target may keep them less exactly than snapshots.
    pub resumed: bool,
    /// The finest difference of times that both sides keep, in nanoseconds.
    pub time_unit: i64,
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
    /// Whether it was made or changed since the restore began that was cut off here.
    pub since_cut_off: bool,
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

/// What is known of an entry before contents are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This happens.
    Act(Action),
    /// The content is the same; what is there stays, and gets the attributes that it lacks.
    Attributes,
    /// What is there is compared with the snapshot: what is equal stays, what is not is replaced.
    Compare,
}

/// Decides what happens to an entry. A directory is never removed for something else, and nothing for a directory.
pub fn decide(existing: Option<Existing>, wanted: Wanted, rules: &Rules) -> Decision {
    let Some(existing) = existing else {
        return Decision::Act(Action::Create);
    };
    match (wanted.shape, existing.shape) {
        (Shape::Directory, Shape::Directory) => return Decision::Act(Action::Same),
        (Shape::Directory, _) | (_, Shape::Directory) => return Decision::Act(Action::Cannot),
        _ => {}
    }
    let unit = rules.time_unit.max(1);
    let same_shape = existing.shape == wanted.shape;
    let same_size = existing.size == wanted.size;
    let same_time = existing.modified.div_euclid(unit) == wanted.modified.div_euclid(unit);
    let alike = same_shape && same_size && same_time;
    // A power cut takes the end of what was written last, or all of it, and leaves the times.
    let own = wanted.shape == Shape::File
        && existing.since_cut_off
        && same_time
        && existing.size <= wanted.size;
    match rules.overwrite {
        Overwrite::Never if rules.resumed && own && same_shape => Decision::Compare,
        Overwrite::Never => Decision::Act(Action::Keep),
        _ if rules.resumed && same_shape && same_size => Decision::Compare,
        Overwrite::Different if alike => Decision::Act(Action::Same),
        Overwrite::Incremental if alike => Decision::Attributes,
        Overwrite::Incremental if same_shape => Decision::Compare,
        Overwrite::Always | Overwrite::Different | Overwrite::Incremental => {
            Decision::Act(Action::Replace)
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
            since_cut_off: false,
        })
    }

    fn wanted(shape: Shape) -> Wanted {
        Wanted {
            shape,
            size: 5,
            modified: 7,
        }
    }

    fn rules(overwrite: Overwrite, resumed: bool) -> Rules {
        Rules {
            overwrite,
            resumed,
            time_unit: 1,
        }
    }

    #[test]
    fn every_pair_has_its_action() {
        use Action::{Cannot, Create, Keep, Replace, Same};
        use Decision::{Act, Attributes, Compare};
        use Overwrite::{Always, Different, Incremental, Never};
        use Shape::{Directory, File, Other, Symlink};
        // The last column is for a restore that was cut off here before.
        let cases = [
            (None, File, Never, Act(Create), Act(Create)),
            (existing(File), File, Always, Act(Replace), Compare),
            (existing(File), File, Never, Act(Keep), Act(Keep)),
            (existing(File), File, Different, Act(Same), Compare),
            (existing(File), File, Incremental, Attributes, Compare),
            (
                existing(Symlink),
                File,
                Different,
                Act(Replace),
                Act(Replace),
            ),
            (
                existing(Symlink),
                File,
                Incremental,
                Act(Replace),
                Act(Replace),
            ),
            (existing(Symlink), Symlink, Different, Act(Same), Compare),
            (existing(Other), File, Always, Act(Replace), Act(Replace)),
            (existing(Other), File, Never, Act(Keep), Act(Keep)),
            (existing(Directory), Directory, Never, Act(Same), Act(Same)),
            (existing(Directory), File, Always, Act(Cannot), Act(Cannot)),
            (
                existing(Directory),
                Symlink,
                Never,
                Act(Cannot),
                Act(Cannot),
            ),
            (
                existing(File),
                Directory,
                Incremental,
                Act(Cannot),
                Act(Cannot),
            ),
            (
                existing(Symlink),
                Directory,
                Always,
                Act(Cannot),
                Act(Cannot),
            ),
        ];
        for (there, shape, overwrite, first, resumed) in cases {
            let decided = |resumed| decide(there, wanted(shape), &rules(overwrite, resumed));
            let context = format!("{there:?} {shape:?} {overwrite:?}");
            assert_eq!(
                (decided(false), decided(true)),
                (first, resumed),
                "{context}"
            );
        }
    }

    #[test]
    fn another_size_or_time_is_a_difference() {
        let changed = Wanted {
            modified: 8,
            ..wanted(Shape::File)
        };
        let longer = Wanted {
            size: 6,
            ..wanted(Shape::File)
        };
        let replace = Decision::Act(Action::Replace);
        // Of a restore that goes on, the target may have kept the time less exactly.
        for (wanted, resumed) in [(changed, Decision::Compare), (longer, replace)] {
            let decided = |overwrite, resumed| {
                decide(existing(Shape::File), wanted, &rules(overwrite, resumed))
            };
            assert_eq!(decided(Overwrite::Different, false), replace);
            assert_eq!(decided(Overwrite::Incremental, false), Decision::Compare);
            for overwrite in [Overwrite::Always, Overwrite::Different] {
                assert_eq!(decided(overwrite, true), resumed, "{overwrite:?}");
            }
        }
        let coarse = Rules {
            time_unit: 100,
            ..rules(Overwrite::Different, false)
        };
        let same = Decision::Act(Action::Same);
        assert_eq!(decide(existing(Shape::File), changed, &coarse), same);
    }

    #[test]
    fn what_never_overwrites_is_proven_only_where_the_restore_wrote_it() {
        let wanted = wanted(Shape::File);
        let own = Existing {
            shape: Shape::File,
            size: 5,
            modified: 7,
            since_cut_off: true,
        };
        let decided =
            |there, resumed| decide(Some(there), wanted, &rules(Overwrite::Never, resumed));
        let keep = Decision::Act(Action::Keep);
        assert_eq!(decided(own, true), Decision::Compare);
        assert_eq!(decided(own, false), keep);
        // A power cut takes bytes and adds none, and leaves the time; what was there before is not the restore's.
        let torn = Existing { size: 0, ..own };
        assert_eq!(decided(torn, true), Decision::Compare);
        let others = [
            Existing { size: 6, ..own },
            Existing { modified: 8, ..own },
            Existing {
                since_cut_off: false,
                ..own
            },
            Existing {
                shape: Shape::Symlink,
                ..own
            },
        ];
        for other in others {
            assert_eq!(decided(other, true), keep, "{other:?}");
        }
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
