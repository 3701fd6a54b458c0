//! `snapshot diff`.

use anyhow::Result;
use holdfast_repository::directory::{DirectoryEntry, EntryKind};
use holdfast_snapshot::{Aspect, DiffCounts, Difference, Located};
use indicatif::HumanBytes;
use serde::Serialize;

use super::content::Entry;
use crate::arguments::{DiffArguments, SnapshotPath};
use crate::console::Console;
use crate::outcome::Outcome;
use crate::repository::Access;
use crate::{interrupt, repository};

/// The two trees that are compared.
#[derive(Serialize)]
struct Sides {
    from: Side,
    to: Side,
}

/// One of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Side {
    id: String,
    path: String,
    source: Option<String>,
    start_time: Option<String>,
    obj: Option<String>,
}

impl Side {
    fn of(named: &SnapshotPath, found: &Located) -> Self {
        let snapshot = found.snapshot.as_ref();
        Self {
            id: snapshot.map_or_else(|| named.id.clone(), |snapshot| snapshot.id.to_string()),
            path: found.path.clone(),
            source: snapshot.map(|snapshot| snapshot.source.to_string()),
            start_time: snapshot.map(|snapshot| snapshot.start_time.to_string()),
            obj: found.entry.object.map(|object| object.to_string()),
        }
    }

    fn text(&self) -> String {
        let words = [
            Some(match self.path.as_str() {
                "" => self.id.clone(),
                path => format!("{}:{}", self.id, path.escape_debug()),
            }),
            self.start_time.clone(),
            self.source.clone(),
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join("  ")
    }
}

/// One difference.
#[derive(Serialize)]
struct Change<'a> {
    change: &'static str,
    path: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    what: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> Change<'a> {
    fn of(path: &'a str, difference: &Difference<'a>) -> Self {
        let plain = Self {
            change: "",
            path,
            what: Vec::new(),
            before: None,
            after: None,
            reason: None,
        };
        match difference {
            Difference::Added(entry) => Self {
                change: "added",
                after: Some(Entry::from(*entry)),
                ..plain
            },
            Difference::Removed(entry) => Self {
                change: "removed",
                before: Some(Entry::from(*entry)),
                ..plain
            },
            Difference::Changed {
                before,
                after,
                aspects,
            } => Self {
                change: "changed",
                what: aspects.iter().map(|aspect| aspect.as_str()).collect(),
                before: Some(Entry::from(*before)),
                after: Some(Entry::from(*after)),
                ..plain
            },
            Difference::Unreadable { reason } => Self {
                change: "unreadable",
                reason: Some(*reason),
                ..plain
            },
        }
    }
}

/// What was found in all.
#[derive(Serialize)]
struct Totals {
    added: u64,
    added_bytes: u64,
    removed: u64,
    removed_bytes: u64,
    changed: u64,
    unreadable: u64,
}

impl From<&DiffCounts> for Totals {
    fn from(counts: &DiffCounts) -> Self {
        Self {
            added: counts.added,
            added_bytes: counts.added_bytes,
            removed: counts.removed,
            removed_bytes: counts.removed_bytes,
            changed: counts.changed,
            unreadable: counts.unreadable,
        }
    }
}

impl Totals {
    fn text(&self) -> String {
        if self.added + self.removed + self.changed + self.unreadable == 0 {
            return "no differences\n".to_owned();
        }
        let unreadable = match self.unreadable {
            0 => String::new(),
            count => format!(", {count} folders cannot be read"),
        };
        format!(
            "{} added ({}), {} removed ({}), {} changed{unreadable}\n",
            self.added,
            HumanBytes(self.added_bytes),
            self.removed,
            HumanBytes(self.removed_bytes),
            self.changed,
        )
    }
}

pub(super) fn run(arguments: &DiffArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let repo = repository::open(&arguments.repository, Access::read(&cancel))?;
    let find = |named: &SnapshotPath| holdfast_snapshot::locate(&repo, &named.id, &named.path);
    let (before, after) = (find(&arguments.from)?, find(&arguments.to)?);
    let sides = Sides {
        from: Side::of(&arguments.from, &before),
        to: Side::of(&arguments.to, &after),
    };
    let mut listing = console.listing_in(&sides, "changes")?;
    listing.text(|| format!("--- {}\n+++ {}\n", sides.from.text(), sides.to.text()))?;
    let counts = holdfast_snapshot::diff(&repo, &before, &after, &cancel, &mut |path, found| {
        listing.entry(&Change::of(path, &found), || line(path, &found))
    })?;
    let totals = Totals::from(&counts);
    listing.finish_with(&totals, &totals.text())?;
    Ok(match counts.unreadable {
        0 => Outcome::Done,
        _ => Outcome::Partial,
    })
}

/// A difference for people: a mark, the path, and what changed from what to what.
fn line(path: &str, difference: &Difference<'_>) -> String {
    let shown = |entry: &DirectoryEntry| {
        let slash = if entry.is_directory() { "/" } else { "" };
        format!("{}{slash}", path.escape_debug())
    };
    match difference {
        Difference::Added(entry) => format!("+{}\n", shown(entry)),
        Difference::Removed(entry) => format!("-{}\n", shown(entry)),
        Difference::Changed {
            before,
            after,
            aspects,
        } => {
            let what: Vec<String> = aspects
                .iter()
                .map(|aspect| in_words(*aspect, before, after))
                .collect();
            format!("~{}  {}\n", shown(after), what.join(", "))
        }
        Difference::Unreadable { reason } => {
            format!("!{}/  {reason}\n", path.escape_debug())
        }
    }
}

fn in_words(aspect: Aspect, before: &DirectoryEntry, after: &DirectoryEntry) -> String {
    let size = |entry: &DirectoryEntry| HumanBytes(entry.size.unsigned_abs()).to_string();
    let kind = |entry: &DirectoryEntry| match &entry.kind {
        EntryKind::File => "file".to_owned(),
        EntryKind::Directory => "folder".to_owned(),
        EntryKind::Symlink => "link".to_owned(),
        EntryKind::Other(text) => text.escape_debug().to_string(),
    };
    let (from, to) = match aspect {
        Aspect::Type => (kind(before), kind(after)),
        Aspect::Content if before.size != after.size => (size(before), size(after)),
        Aspect::Content | Aspect::Attributes => return aspect.to_string(),
        Aspect::Mode => (before.mode.to_string(), after.mode.to_string()),
        Aspect::ModificationTime => (before.mtime.to_string(), after.mtime.to_string()),
        Aspect::Owner => (before.uid.to_string(), after.uid.to_string()),
        Aspect::Group => (before.gid.to_string(), after.gid.to_string()),
    };
    format!("{aspect} {from} → {to}")
}
