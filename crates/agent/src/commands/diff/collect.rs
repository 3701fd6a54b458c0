//! Gathers differences into what is listed: totals, and the largest changes within a bound.

use std::cmp::Reverse;
use std::collections::HashMap;

use holdfast_protocol::agent::commands::{
    Change, ChangeTotals, ChangedAspect, ComparedEntry, DiffList, EntryKind, EntryState,
    MOST_DIFF_ENTRIES,
};
use holdfast_repository::directory::DirectoryEntry;
use holdfast_snapshot::{Aspect, Difference};

use crate::commands::points::{kind, mode, size};
use crate::commands::timestamp;

/// Takes differences one by one.
pub(super) struct Collector {
    list: DiffList,
    changes: Vec<Change>,
    /// In lower case.
    name: Option<String>,
    totals: ChangeTotals,
    entries: HashMap<String, ComparedEntry>,
    left_out: u64,
    /// The missing folder that was told last, with a `/`: what lies below it is not told.
    covering: Option<String>,
}

/// What was gathered, the largest change first.
pub(super) struct Collected {
    pub(super) entries: Vec<ComparedEntry>,
    /// Entries beyond the bound.
    pub(super) left_out: u64,
}

impl Collector {
    pub(super) fn new(list: DiffList, changes: &[Change], name: Option<&str>) -> Self {
        Self {
            list,
            changes: changes.to_vec(),
            name: name.map(str::to_lowercase).filter(|name| !name.is_empty()),
            totals: ChangeTotals::default(),
            entries: HashMap::new(),
            left_out: 0,
            covering: None,
        }
    }

    /// Takes one difference at its path below the compared folders, `.` for themselves.
    pub(super) fn take(&mut self, path: &str, difference: &Difference<'_>) {
        let Some(told) = Told::of(difference) else {
            return;
        };
        told.add_to(&mut self.totals);
        if path == "." {
            return;
        }
        match self.list {
            DiffList::Children => self.take_child(path, &told),
            DiffList::Files => {
                if let Some(told) = told.of_files() {
                    self.keep(path, &told);
                }
            }
            DiffList::Missing => {
                let told = told.of_files().unwrap_or(told);
                let covered = |folder: &String| path.starts_with(folder.as_str());
                if told.change != Change::Deleted || self.covering.as_ref().is_some_and(covered) {
                    return;
                }
                self.covering = told.entry.is_directory().then(|| format!("{path}/"));
                self.keep(path, &told);
            }
        }
    }

    fn take_child(&mut self, path: &str, told: &Told<'_>) {
        let (child, is_itself) = match path.split_once('/') {
            Some((child, _)) => (child, false),
            None => (path, true),
        };
        match self.entries.get_mut(child) {
            Some(known) => {
                // What a folder was and what it became have one name.
                if is_itself {
                    *known = merged(known, told.entry_at(child));
                }
            }
            None => {
                let entry = if is_itself {
                    told.entry_at(child)
                } else {
                    inside(child)
                };
                self.entries.insert(child.to_owned(), entry);
            }
        }
        if !is_itself && let Some(known) = self.entries.get_mut(child) {
            told.add_to(known.below.get_or_insert_default());
        }
        self.prune();
    }

    fn keep(&mut self, path: &str, told: &Told<'_>) {
        let entry = told.entry_at(path);
        if self.wants(&entry) {
            self.entries.insert(path.to_owned(), entry);
            self.prune();
        }
    }

    fn wants(&self, entry: &ComparedEntry) -> bool {
        let name = entry.path.rsplit('/').next().unwrap_or(&entry.path);
        (self.changes.is_empty() || self.changes.contains(&entry.change))
            && self
                .name
                .as_ref()
                .is_none_or(|wanted| name.to_lowercase().contains(wanted))
    }

    /// Forgets the smallest changes once there are twice as many as are told.
    fn prune(&mut self) {
        if self.entries.len() < 2 * MOST_DIFF_ENTRIES {
            return;
        }
        let mut sorted: Vec<ComparedEntry> = self.entries.drain().map(|(_, entry)| entry).collect();
        sort(&mut sorted);
        self.left_out += amount(sorted.len() - MOST_DIFF_ENTRIES);
        sorted.truncate(MOST_DIFF_ENTRIES);
        self.entries = sorted
            .into_iter()
            .map(|entry| (entry.path.clone(), entry))
            .collect();
    }

    /// The totals so far; `before` is how many files the earlier folder has.
    pub(super) fn totals(&self, before: Option<u64>) -> ChangeTotals {
        let gone = self.totals.deleted + self.totals.changed;
        ChangeTotals {
            unchanged: before.map(|before| before.saturating_sub(gone)),
            ..self.totals
        }
    }

    /// The largest changes so far.
    pub(super) fn largest(&self, most: usize) -> Vec<ComparedEntry> {
        let mut entries: Vec<&ComparedEntry> = self
            .entries
            .values()
            .filter(|entry| self.wants(entry))
            .collect();
        if entries.len() > most {
            entries.select_nth_unstable_by_key(most, |entry| Reverse(weight(entry)));
            entries.truncate(most);
        }
        let mut entries: Vec<ComparedEntry> = entries.into_iter().cloned().collect();
        sort(&mut entries);
        entries
    }

    pub(super) fn finish(mut self) -> Collected {
        let entries = std::mem::take(&mut self.entries);
        let mut entries: Vec<ComparedEntry> = entries
            .into_values()
            .filter(|entry| self.wants(entry))
            .collect();
        sort(&mut entries);
        let beyond = entries.len().saturating_sub(MOST_DIFF_ENTRIES);
        entries.truncate(MOST_DIFF_ENTRIES);
        Collected {
            entries,
            left_out: self.left_out + amount(beyond),
        }
    }
}

/// One difference between entries.
struct Told<'a> {
    change: Change,
    /// The later state, or the earlier one of what is gone.
    entry: &'a DirectoryEntry,
    before: Option<&'a DirectoryEntry>,
    after: Option<&'a DirectoryEntry>,
    aspects: Vec<ChangedAspect>,
}

impl<'a> Told<'a> {
    fn of(difference: &Difference<'a>) -> Option<Self> {
        match *difference {
            Difference::Added(entry) => Some(Self {
                change: Change::Added,
                entry,
                before: None,
                after: Some(entry),
                aspects: Vec::new(),
            }),
            Difference::Removed(entry) => Some(Self {
                change: Change::Deleted,
                entry,
                before: Some(entry),
                after: None,
                aspects: Vec::new(),
            }),
            Difference::Changed {
                before,
                after,
                aspects,
            } => {
                let mut aspects: Vec<ChangedAspect> =
                    aspects.iter().map(|aspect| wire(*aspect)).collect();
                aspects.dedup();
                Some(Self {
                    change: Change::Changed,
                    entry: after,
                    before: Some(before),
                    after: Some(after),
                    aspects,
                })
            }
            Difference::Unreadable { .. } => None,
        }
    }

    /// The difference without regard to folders: a file that became a folder is gone, a folder that became a file is new.
    /// `None` where there is no file.
    fn of_files(&self) -> Option<Self> {
        let file = |entry: Option<&'a DirectoryEntry>| entry.filter(|entry| !entry.is_directory());
        let (before, after) = (file(self.before), file(self.after));
        let (change, entry) = match (before, after) {
            (Some(_), Some(after)) => (Change::Changed, after),
            (Some(before), None) => (Change::Deleted, before),
            (None, Some(after)) => (Change::Added, after),
            (None, None) => return None,
        };
        Some(Self {
            change,
            entry,
            before,
            after,
            aspects: self.aspects.clone(),
        })
    }

    fn entry_at(&self, path: &str) -> ComparedEntry {
        ComparedEntry {
            path: path.to_owned(),
            kind: kind(self.entry),
            change: self.change,
            aspects: self.aspects.clone(),
            before: self.before.map(state),
            after: self.after.map(state),
            below: None,
        }
    }

    /// Counts its files.
    fn add_to(&self, totals: &mut ChangeTotals) {
        let file = |entry: Option<&'a DirectoryEntry>| entry.filter(|entry| !entry.is_directory());
        match (file(self.before), file(self.after)) {
            (Some(before), Some(after)) => {
                totals.changed += 1;
                totals.changed_bytes += signed(size(after)) - signed(size(before));
            }
            (Some(before), None) => {
                totals.deleted += 1;
                totals.deleted_bytes += size(before);
            }
            (None, Some(after)) => {
                totals.added += 1;
                totals.added_bytes += size(after);
            }
            (None, None) => {}
        }
    }
}

/// A folder of which so far only what is below it is known.
fn inside(path: &str) -> ComparedEntry {
    ComparedEntry {
        path: path.to_owned(),
        kind: EntryKind::Directory,
        change: Change::Inside,
        aspects: Vec::new(),
        before: None,
        after: None,
        below: None,
    }
}

/// What is told of an entry of which something is known already.
fn merged(known: &ComparedEntry, told: ComparedEntry) -> ComparedEntry {
    ComparedEntry {
        below: known.below,
        ..told
    }
}

/// How large a change is: bytes that came, went, or by which files grew or shrank.
fn weight(entry: &ComparedEntry) -> u64 {
    let own = match entry.kind {
        EntryKind::Directory => 0,
        _ => {
            let size = |state: &Option<EntryState>| state.as_ref().map_or(0, |state| state.size);
            size(&entry.after).abs_diff(size(&entry.before))
        }
    };
    own + entry.below.map_or(0, |below| {
        below.added_bytes + below.deleted_bytes + below.changed_bytes.unsigned_abs()
    })
}

fn sort(entries: &mut [ComparedEntry]) {
    entries.sort_by(|one, other| {
        Reverse(weight(one))
            .cmp(&Reverse(weight(other)))
            .then_with(|| one.path.cmp(&other.path))
    });
}

fn wire(aspect: Aspect) -> ChangedAspect {
    match aspect {
        Aspect::Type => ChangedAspect::Kind,
        Aspect::Content => ChangedAspect::Content,
        Aspect::Mode => ChangedAspect::Mode,
        Aspect::ModificationTime => ChangedAspect::Modified,
        Aspect::Owner | Aspect::Group => ChangedAspect::Owner,
        Aspect::Attributes => ChangedAspect::Attributes,
    }
}

/// The state of an entry; the size of a folder is that of all files below it.
pub(super) fn state(entry: &DirectoryEntry) -> EntryState {
    EntryState {
        size: size(entry),
        modified: timestamp(entry.mtime),
        mode: mode(entry),
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// A count.
pub(super) fn amount(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
