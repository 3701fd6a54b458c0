//! The folders above snapshots: `HOST/USER/PATH/TIME`, and `latest` beside the times.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use holdfast_repository::SourceIdentity;
use holdfast_repository::json::UnixNanos;
use holdfast_repository::snapshot::SnapshotManifest;

use crate::info::{Content, Info, Kind};
use crate::listing::Listing;
use crate::tree::Totals;

/// Name of the link to the newest snapshot of a source.
const LATEST: &str = "latest";

/// Folders of snapshots at one time.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    folders: HashMap<Arc<str>, Arc<Listing>>,
    /// What the newest snapshots of all sources have.
    pub(crate) totals: Totals,
}

impl Catalogue {
    /// The complete snapshots among these, without those that only hold metadata of others. So many of the upper folders as
    /// are `known`, each of which has one entry, are left out.
    pub(crate) fn of(snapshots: &[SnapshotManifest], known: usize) -> Self {
        let mut sources: BTreeMap<&SourceIdentity, Vec<&SnapshotManifest>> = BTreeMap::new();
        for snapshot in snapshots {
            if snapshot.is_complete() && !snapshot.is_companion() && snapshot.root_entry.is_some() {
                sources.entry(&snapshot.source).or_default().push(snapshot);
            }
        }
        let mut hosts: BTreeMap<&str, BTreeMap<&str, Vec<&SourceIdentity>>> = BTreeMap::new();
        for source in sources.keys() {
            let users = hosts.entry(&source.host).or_default();
            users.entry(&source.user_name).or_default().push(source);
        }
        let mut catalogue = Self::default();
        let host_names = distinct(hosts.keys().map(|host| (*host, plain(host))));
        let mut top = Vec::new();
        for (users, host_name) in hosts.values().zip(host_names) {
            let user_names = distinct(users.keys().map(|user| (*user, plain(user))));
            let mut inside = Vec::new();
            for (paths, user_name) in users.values().zip(user_names) {
                let path_names = distinct(
                    paths
                        .iter()
                        .map(|source| (source.path.as_str(), path_name(&source.path))),
                );
                let mut of_user = Vec::new();
                for (source, name) in paths.iter().zip(path_names) {
                    let at = format!("{host_name}/{user_name}/{name}");
                    let mut of_source = sources[source].clone();
                    of_source.sort_by(|a, b| a.list_order(b));
                    of_user.push(catalogue.source(&at, name, &of_source));
                }
                inside.push(catalogue.folder(
                    &format!("{host_name}/{user_name}"),
                    user_name,
                    of_user,
                ));
            }
            top.push(catalogue.folder(&host_name, host_name.clone(), inside));
        }
        catalogue.folder("", String::new(), top);
        for _ in 0..known {
            catalogue.descend();
        }
        catalogue
    }

    /// Makes the first folder in the root the root.
    fn descend(&mut self) {
        let root = self.listing("").unwrap_or_default();
        let below = match root.get(0) {
            Some((_, info)) => match &info.content {
                Content::Catalogue(path) => self.listing(path),
                _ => None,
            },
            None => None,
        };
        if let Some(below) = below {
            self.folders.insert("".into(), below);
        }
    }

    /// Whether there is no snapshot.
    pub(crate) fn is_empty(&self) -> bool {
        self.listing("").is_none_or(|root| root.len() == 0)
    }

    /// The entries of a folder, by its path.
    pub(crate) fn listing(&self, path: &str) -> Option<Arc<Listing>> {
        self.folders.get(path).cloned()
    }

    /// Adds a folder and returns it as an entry of the one above.
    fn folder(&mut self, path: &str, name: String, entries: Vec<(String, Info)>) -> (String, Info) {
        let modified = entries.iter().map(|(_, info)| info.modified).max();
        let key: Arc<str> = path.into();
        let listing = Arc::new(Listing::made(entries));
        self.folders.insert(Arc::clone(&key), listing);
        (
            name,
            Info::folder(Content::Catalogue(key), modified.unwrap_or(0)),
        )
    }

    /// Adds the folder of a source, whose snapshots are sorted by their times.
    fn source(
        &mut self,
        path: &str,
        name: String,
        snapshots: &[&SnapshotManifest],
    ) -> (String, Info) {
        let names = distinct(
            snapshots
                .iter()
                .map(|snapshot| (snapshot.id.as_str(), time_name(snapshot.start_time))),
        );
        let mut entries: Vec<(String, Info)> = snapshots
            .iter()
            .zip(&names)
            .filter_map(|(snapshot, name)| Some((name.clone(), root(snapshot)?)))
            .collect();
        if let (Some(newest), Some(name)) = (snapshots.last(), names.last()) {
            self.totals.add(&Totals::of(newest));
            entries.push((LATEST.to_owned(), link(name, newest.start_time)));
        }
        let (name, mut info) = self.folder(path, name, entries);
        info.modified = snapshots.last().map_or(0, |newest| newest.start_time.0);
        (name, info)
    }
}

/// The root of a snapshot as a folder; a snapshot of a single file is a folder with that in it.
pub(crate) fn root(snapshot: &SnapshotManifest) -> Option<Info> {
    let entry = snapshot.root_entry.as_ref()?;
    let info = Info::of(entry)?;
    Some(match (info.kind, &info.content) {
        (Kind::Folder, Content::Object(object)) => Info {
            content: Content::Root(*object),
            ..info
        },
        (Kind::Folder, _) => info,
        (Kind::File | Kind::Link, _) => {
            let name = plain(&entry.name_text());
            single(name, info)
        }
    })
}

/// A folder with one entry.
pub(crate) fn single(name: String, info: Info) -> Info {
    let modified = info.modified;
    let listing = Arc::new(Listing::made([(name, info)]));
    Info {
        has_folders: false,
        ..Info::folder(Content::Fixed(listing), modified)
    }
}

fn link(target: &str, time: UnixNanos) -> Info {
    Info {
        kind: Kind::Link,
        mode: 0o777,
        size: target.len() as u64,
        has_folders: false,
        ..Info::folder(Content::Target(target.as_bytes().into()), time.0)
    }
}

/// A name that a file system can have.
fn plain(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|c| if matches!(c, '/' | '\0') { '_' } else { c })
        .collect();
    match name.as_str() {
        "" | "." | ".." => "_".to_owned(),
        _ => name,
    }
}

/// A path as one name: `/home/ann` is `home_ann`, `/` is `_`.
fn path_name(path: &str) -> String {
    let inside = path.trim_matches(['/', '\\']);
    plain(&inside.replace(['/', '\\'], "_"))
}

/// A time as a name that sorts and needs no quotes: `2026-11-30T13-44-35Z`.
fn time_name(time: UnixNanos) -> String {
    time.to_timestamp()
        .strftime("%Y-%m-%dT%H-%M-%SZ")
        .to_string()
}

/// Names that are all different: those that are alike get a part of the hash of what they stand for.
fn distinct<'a>(names: impl IntoIterator<Item = (&'a str, String)>) -> Vec<String> {
    let names: Vec<(&str, String)> = names.into_iter().collect();
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for (_, name) in &names {
        *uses.entry(name).or_default() += 1;
    }
    names
        .iter()
        .map(|(of, name)| match uses[name.as_str()] {
            1 if name != LATEST => name.clone(),
            _ => format!("{name}~{}", &blake3::hash(of.as_bytes()).to_hex()[..8]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use holdfast_repository::directory::{DirectoryEntry, EntryKind};

    use super::*;

    fn snapshot(id: &str, source: &str, second: i64) -> SnapshotManifest {
        let source = SourceIdentity::parse_full(source).ok().flatten();
        let mut root = DirectoryEntry::new(b"root".to_vec(), EntryKind::Directory);
        root.object = "k0123456789abcdef0123456789abcdef".parse().ok();
        SnapshotManifest {
            id: id.into(),
            source: source.expect("a source"),
            start_time: UnixNanos::from_parts(second, 0),
            end_time: UnixNanos::from_parts(second + 1, 0),
            root_entry: Some(root),
            ..SnapshotManifest::default()
        }
    }

    fn names(catalogue: &Catalogue, path: &str) -> Vec<String> {
        let listing = catalogue.listing(path).unwrap_or_else(|| panic!("{path}"));
        let name = |position| {
            let (name, _) = listing.get(position).expect("an entry");
            String::from_utf8_lossy(name).into_owned()
        };
        (0..listing.len()).map(name).collect()
    }

    #[test]
    fn snapshots_lie_below_host_user_and_path() {
        let mut incomplete = snapshot("6", "ann@web:/srv", 90);
        incomplete.incomplete_reason = "checkpoint".to_owned();
        let catalogue = Catalogue::of(
            &[
                snapshot("2", "ann@web:/home/ann", 60),
                snapshot("1", "ann@web:/home/ann", 0),
                snapshot("3", "ann@web:/", 0),
                snapshot("4", "bob@web:/srv", 0),
                snapshot("5", r"bob@desk:C:\Users\bob", 0),
                incomplete,
            ],
            0,
        );
        assert_eq!(names(&catalogue, ""), ["desk", "web"]);
        assert_eq!(names(&catalogue, "web"), ["ann", "bob"]);
        assert_eq!(names(&catalogue, "web/ann"), ["_", "home_ann"]);
        assert_eq!(names(&catalogue, "desk/bob"), ["C:_Users_bob"]);
        let times = ["1970-01-01T00-00-00Z", "1970-01-01T00-01-00Z", "latest"];
        assert_eq!(names(&catalogue, "web/ann/home_ann"), times);
        let listing = catalogue.listing("web/ann/home_ann").expect("a folder");
        let (_, latest) = listing.get(2).expect("an entry");
        assert!(
            matches!(&latest.content, Content::Target(target) if **target == *times[1].as_bytes())
        );
        assert!(catalogue.listing("web/ann/srv").is_none());
    }

    #[test]
    fn what_would_have_one_name_gets_different_ones() {
        let catalogue = Catalogue::of(
            &[
                snapshot("1", "ann@web:/home/ann", 0),
                snapshot("2", "ann@web:/home_ann", 5),
                snapshot("3", "ann@web:/home_ann", 5),
                snapshot("4", "ann@web:/latest", 5),
            ],
            0,
        );
        let paths = names(&catalogue, "web/ann");
        assert_eq!(paths.len(), 3);
        assert!(paths[0].starts_with("home_ann~") && paths[1].starts_with("home_ann~"));
        assert_ne!(paths[0], paths[1]);
        let times = names(&catalogue, &format!("web/ann/{}", paths[1]));
        assert_eq!(times.len(), 3);
        assert_ne!(times[0], times[1]);
    }

    #[test]
    fn what_is_known_is_left_out() {
        let snapshots = [
            snapshot("1", "ann@web:/srv", 0),
            snapshot("2", "ann@web:/srv", 60),
        ];
        let root = |known| names(&Catalogue::of(&snapshots, known), "");
        assert_eq!(root(1), ["ann"]);
        assert_eq!(root(2), ["srv"]);
        assert_eq!(root(3).len(), 3);
    }

    #[test]
    fn without_snapshots_there_is_an_empty_folder() {
        assert!(names(&Catalogue::of(&[], 0), "").is_empty());
    }
}
