//! What a repair is told and what it tells.

use std::path::PathBuf;

use holdfast_host::Cancel;
use serde::Serialize;

/// What is repaired.
#[derive(Debug, Clone, Default)]
pub struct RepairOptions {
    /// Makes the changes; otherwise they are only told.
    pub apply: bool,
    /// Reads every content; otherwise only those in packs that are damaged.
    pub read_data: bool,
    /// Also brings back contents of which nobody can say whether the index lost them or dropped them after they were
    /// deleted. Deleted snapshots may come back with them, and where a merged index blob cannot be read, what sessions stored
    /// that have not ended.
    pub uncertain: bool,
    /// What becomes of manifest containers that cannot be read.
    pub lost_manifests: LostManifests,
    /// The directory of maintenance's locks, [`RunOptions::lock_directory`]: a repair that makes changes refuses to work
    /// beside maintenance, which deletes packs. Nothing where no maintenance can run.
    ///
    /// [`RunOptions::lock_directory`]: crate::maintenance::RunOptions::lock_directory
    pub lock_directory: Option<PathBuf>,
    /// Stops the repair; running it again goes on.
    pub cancel: Cancel,
}

/// What becomes of manifest containers that cannot be read. As long as they count, no program can list the snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LostManifests {
    /// They are told and left as they are, so that nothing can go before their packs are back or somebody decides.
    #[default]
    Wait,
    /// They are marked as deleted, with a record of it: the repository can be used without the snapshots and policies in
    /// them, a later repair brings them back when their pack is there again, and maintenance frees nothing until then.
    SetAside,
    /// They are marked as deleted for good, those of earlier repairs as well.
    GiveUp,
}

/// What a repair found, and did if it was to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RepairReport {
    /// Whether the changes were made.
    pub applied: bool,
    /// The format blob could not be used, and a pack has a copy.
    pub format_blob: Option<RestoredFormat>,
    /// Index blobs that cannot be read, and logs of compactions; they are deleted once the recovered entries are stored.
    pub unreadable_indexes: Vec<UnreadableIndex>,
    /// Entries that packs have and the index had lost.
    pub recovered_contents: u64,
    /// Packs with such entries.
    pub recovered_packs: u64,
    /// Entries that the index has lost, or has dropped because the contents were deleted.
    pub uncertain_contents: u64,
    /// Packs that the index may lack and that belong to sessions which have not ended; they were left out.
    pub packs_under_way: u64,
    /// Packs that are missing or damaged and hold contents that count.
    pub damaged_packs: Vec<DamagedPack>,
    /// Contents of damaged packs that can be read; they are stored once more.
    pub moved_contents: u64,
    /// Contents that cannot be read any more; they are marked as deleted, so that the next snapshot stores them again.
    pub lost_contents: u64,
    /// Those of them that hold manifests; see [`LostManifests`].
    pub lost_manifest_containers: u64,
    /// Manifest containers that an earlier repair set aside and that can be read again; they count from now on.
    pub returned_manifest_containers: u64,
    /// Manifest containers that are set aside when this repair is done.
    pub set_aside_manifest_containers: u64,
    /// Manifest containers that an earlier repair set aside and that are given up.
    pub given_up_manifest_containers: u64,
    /// Lists of parts of long files that name lost contents; they are marked as deleted, so that the next snapshot reads
    /// those files again.
    pub incomplete_files: u64,
}

impl RepairReport {
    /// Whether there is nothing to repair.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.format_blob.is_none()
            && self.unreadable_indexes.is_empty()
            && self.recovered_contents == 0
            && self.damaged_packs.is_empty()
            && self.returned_manifest_containers == 0
            && self.given_up_manifest_containers == 0
    }
}

/// Where the format blob was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoredFormat {
    /// The pack that carries it.
    pub pack: String,
    /// Why the blob itself cannot be used.
    pub reason: String,
}

/// An index blob that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnreadableIndex {
    /// Its name.
    pub blob: String,
    /// What is wrong with it.
    pub reason: String,
    /// It is not deleted, because it may name packs of sessions that have not ended: without it, nothing would tell any
    /// more that their contents were published. [`RepairOptions::uncertain`] takes those packs as well.
    pub kept: bool,
}

/// A pack that is missing or damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedPack {
    /// Its name.
    pub pack: String,
    /// What is wrong with it.
    pub reason: String,
    /// Contents in it that can be read.
    pub readable_contents: u64,
    /// Contents in it that cannot.
    pub lost_contents: u64,
}
