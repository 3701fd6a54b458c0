//! The file system: nodes by their numbers, and what can be asked of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use holdfast_repository::directory::{DirectorySummary, Extras};
use holdfast_repository::snapshot::SnapshotManifest;
use holdfast_repository::{ObjectId, Repository, SourceIdentity};
use holdfast_snapshot::{Located, locate};

use crate::budget::Budget;
use crate::cache::{Cache, Weigh};
use crate::catalogue::{root, single};
use crate::extended;
use crate::failure::Failure;
use crate::file::{DataRanges, OpenFile, Seek, object, seek};
use crate::info::{Attributes, Content, DATA_RANGES, Info, Kind};
use crate::listing::Listing;
use crate::nodes::{Identity, Nodes, Place};
use crate::read_ahead::ReadAhead;
use crate::reports::{Report, Reports};
use crate::shelf::Shelf;

/// Number of the root.
pub const ROOT: u64 = crate::nodes::ROOT;

type Result<T, E = Failure> = std::result::Result<T, E>;

/// How a tree uses memory and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of memory for what was read and may be wanted again, in all.
    pub cache: u64,
    /// How long the list of snapshots is believed.
    pub list_lasts: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache: 128 << 20,
            list_lasts: Duration::from_secs(60),
        }
    }
}

/// What a file system has in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Bytes of files.
    pub bytes: u64,
    /// Files, links and folders.
    pub entries: u64,
}

impl Totals {
    fn of_summary(summary: &DirectorySummary) -> Self {
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        let entries = [summary.files, summary.symlinks, summary.dirs].map(count);
        Self {
            bytes: count(summary.total_size),
            entries: entries.into_iter().fold(0, u64::saturating_add),
        }
    }

    pub(crate) fn of(snapshot: &SnapshotManifest) -> Self {
        let root = snapshot.root_entry.as_ref();
        root.and_then(|root| root.summary.as_deref())
            .map_or_else(Self::default, Self::of_summary)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.entries = self.entries.saturating_add(other.entries);
    }
}

/// A folder that is open. What it holds stays as it was when it was opened.
#[derive(Debug)]
pub struct Folder {
    number: u64,
    above: u64,
    entries: Entries,
}

/// The entries of a folder.
#[derive(Debug)]
struct Entries {
    listing: Arc<Listing>,
    /// The object that they stand in, if they belong to a snapshot.
    directory: Option<ObjectId>,
    /// Whether there will always be the same.
    lasting: bool,
}

/// An entry as [`Tree::list`] tells it.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its attributes.
    pub attributes: Attributes,
    /// The offset at which the next entry begins.
    pub next: u64,
}

impl Folder {
    /// The numbers of the folder itself and of the one that it lies in.
    #[must_use]
    pub fn numbers(&self) -> (u64, u64) {
        (self.number, self.above)
    }

    /// Whether it will always have the same entries.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.entries.lasting
    }

    /// The attributes of an entry.
    fn attributes(&self, number: u64, info: &Info) -> Attributes {
        let mut attributes = info.attributes(number);
        attributes.lasting &= self.entries.lasting;
        attributes
    }
}

/// A snapshot, or all of them, as a file system. All calls may be made by any number of threads at once.
#[derive(Debug)]
pub struct Tree {
    repo: Arc<Repository>,
    nodes: Nodes,
    shelf: Option<Shelf>,
    totals: Totals,
    directories: Cache<ObjectId, Arc<Listing>>,
    contents: Arc<Contents>,
    ahead: ReadAhead,
    /// How far a file is read ahead, bytes.
    horizon: u64,
    reports: Reports,
}

/// Contents that were read from the store.
#[derive(Debug)]
struct Contents {
    repo: Arc<Repository>,
    cache: Cache<ObjectId, Bytes>,
    on_their_way: Budget,
}

impl Weigh for Bytes {
    fn weight(&self) -> u64 {
        self.len() as u64
    }
}

impl Contents {
    fn get(&self, id: &ObjectId) -> Result<Bytes> {
        self.cache.get(id, || {
            let info = self.repo.content_info(&id.content())?;
            let bytes = info.map_or(0, |info| {
                u64::from(info.packed_length) + u64::from(info.original_length)
            });
            let _share = self.on_their_way.take(bytes);
            Ok(self.repo.read_object(id)?)
        })
    }
}

impl Tree {
    /// What a path of a snapshot, or of an object, holds. A file becomes a folder with that file in it.
    ///
    /// # Errors
    /// Those of [`locate`].
    pub fn snapshot(
        repo: &Arc<Repository>,
        id: &str,
        path: &str,
        options: Options,
        report: Report,
    ) -> holdfast_snapshot::Result<Self> {
        let Located {
            entry, snapshot, ..
        } = locate(repo, id, path)?;
        let wrong_kind = || holdfast_snapshot::Error::WrongKind {
            path: path.to_owned(),
            found: "an entry of an unknown type",
            wanted: "a folder",
        };
        let below = entry.summary.as_deref().map(Totals::of_summary);
        let top = match &snapshot {
            Some(snapshot) if path.is_empty() => root(snapshot),
            _ => Info::of(&entry).map(|info| match info.kind {
                Kind::Folder => info,
                Kind::File | Kind::Link => {
                    let name = String::from_utf8_lossy(entry.file_name()).into_owned();
                    single(name, info)
                }
            }),
        };
        let top = top.ok_or_else(wrong_kind)?;
        Ok(Self::new(
            repo,
            top,
            None,
            below.unwrap_or_default(),
            options,
            report,
        ))
    }

    /// All snapshots of a source, of a user or host where other parts are empty, or of everybody, by host, user, path and
    /// time. The parts that `source` says are left out of the paths.
    ///
    /// # Errors
    /// [`holdfast_snapshot::Error::SnapshotNotFound`] when the source has none, and a repository whose snapshots cannot be
    /// listed.
    pub fn snapshots(
        repo: &Arc<Repository>,
        source: Option<SourceIdentity>,
        options: Options,
        report: Report,
    ) -> holdfast_snapshot::Result<Self> {
        let text = source.as_ref().map(ToString::to_string);
        let shelf = Shelf::new(repo, source, options.list_lasts)?;
        if let Some(text) = text
            && shelf.is_empty()
        {
            return Err(holdfast_snapshot::Error::SnapshotNotFound(text));
        }
        let top = Info::folder(Content::Catalogue("".into()), 0);
        let totals = Totals::default();
        Ok(Self::new(repo, top, Some(shelf), totals, options, report))
    }

    fn new(
        repo: &Arc<Repository>,
        top: Info,
        shelf: Option<Shelf>,
        totals: Totals,
        options: Options,
        report: Report,
    ) -> Self {
        let kept = options.cache / 2;
        let contents = Arc::new(Contents {
            repo: Arc::clone(repo),
            cache: Cache::new(kept),
            on_their_way: Budget::new(options.cache / 4),
        });
        let reader = Arc::clone(&contents);
        Self {
            repo: Arc::clone(repo),
            nodes: Nodes::new(top),
            shelf,
            totals,
            directories: Cache::new(options.cache / 4),
            contents,
            // A failure is told to whoever reads the content itself.
            ahead: ReadAhead::start(move |content| drop(reader.get(&content))),
            horizon: kept / 8,
            reports: Reports::new(report),
        }
    }

    /// How many entries were reported as unreadable.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.reports.count()
    }

    /// How many nodes the system has been told of and not forgotten, the root included.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.nodes.count()
    }

    /// What the file system has in all: for several snapshots what the newest of each source have.
    #[must_use]
    pub fn totals(&self) -> Totals {
        match &self.shelf {
            Some(shelf) => self.catalogue(shelf).totals,
            None => self.totals,
        }
    }

    fn catalogue(&self, shelf: &Shelf) -> Arc<crate::catalogue::Catalogue> {
        shelf.catalogue(&self.repo, |error| {
            self.reports.tell(ROOT, &error.to_string(), String::new);
        })
    }

    /// Finds a name in a folder, and remembers the node until [`Self::forget`].
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::NotAFolder`], [`Failure::Unreadable`].
    pub fn lookup(&self, folder: u64, name: &[u8]) -> Result<Attributes> {
        let folder = self.open_folder(folder)?;
        let listing = &folder.entries.listing;
        let position = listing.find(name).ok_or(Failure::NotFound)?;
        let (name, info) = listing.get(position).ok_or(Failure::NotFound)?;
        Ok(self.tell(&folder, position, name, info))
    }

    /// Remembers that the system is told of an entry.
    fn tell(&self, folder: &Folder, position: usize, name: &[u8], info: &Info) -> Attributes {
        let identity = Identity::of(folder.number, name, info);
        let place = match folder.entries.directory {
            Some(directory) => Place::Listed {
                directory,
                position: position as u32,
            },
            None => Place::Own(Arc::new(info.clone())),
        };
        let number = self.nodes.tell(identity, folder.number, place);
        folder.attributes(number, info)
    }

    /// The system has forgotten so many times that it was told of a node.
    pub fn forget(&self, number: u64, times: u64) {
        self.nodes.forget(number, times);
    }

    /// The attributes of a node.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::Unreadable`].
    pub fn attributes(&self, number: u64) -> Result<Attributes> {
        self.with_info(number, |info| Ok(info.attributes(number)))
    }

    /// Calls `ask` with what is known of a node, and reports what cannot be read.
    fn with_info<T>(&self, number: u64, ask: impl FnOnce(&Info) -> Result<T>) -> Result<T> {
        let (_, place) = self.nodes.get(number).ok_or(Failure::NotFound)?;
        let result = match place {
            Place::Own(info) => ask(&info),
            Place::Listed {
                directory,
                position,
            } => self.directory(&directory).and_then(|listing| {
                let (_, info) = listing.get(position as usize).ok_or(Failure::NotFound)?;
                ask(info)
            }),
        };
        self.reported(number, result)
    }

    fn reported<T>(&self, number: u64, result: Result<T>) -> Result<T> {
        if let Err(Failure::Unreadable(reason)) = &result {
            self.reports.tell(number, reason, || self.path(number));
        }
        result
    }

    fn directory(&self, object: &ObjectId) -> Result<Arc<Listing>> {
        self.directories.get(object, || {
            let directory = self.repo.read_directory(object)?;
            Ok(Arc::new(Listing::of(directory)))
        })
    }

    /// The path of a node, as far as it can be told.
    fn path(&self, number: u64) -> String {
        let mut names: Vec<String> = Vec::new();
        let mut at = number;
        while at != ROOT {
            let Some((folder, place)) = self.nodes.get(at) else {
                names.push("…".to_owned());
                break;
            };
            names.push(
                self.name(folder, at, &place)
                    .unwrap_or_else(|| "…".to_owned()),
            );
            at = folder;
        }
        names.reverse();
        names.join("/")
    }

    fn name(&self, folder: u64, number: u64, place: &Place) -> Option<String> {
        let listing = match place {
            Place::Listed {
                directory,
                position,
            } => {
                let listing = self.directory(directory).ok()?;
                let (name, _) = listing.get(*position as usize)?;
                return Some(String::from_utf8_lossy(name).into_owned());
            }
            Place::Own(_) => {
                let (_, place) = self.nodes.get(folder)?;
                let Place::Own(info) = place else { return None };
                self.entries(&info).ok()?.listing
            }
        };
        let name = (0..listing.len())
            .filter_map(|position| listing.get(position))
            .find(|(name, info)| Identity::of(folder, name, info).number() == number);
        name.map(|(name, _)| String::from_utf8_lossy(name).into_owned())
    }

    fn entries(&self, info: &Info) -> Result<Entries> {
        if info.kind != Kind::Folder {
            return Err(Failure::NotAFolder);
        }
        let (listing, directory, lasting) = match &info.content {
            Content::Object(object) | Content::Root(object) => {
                (self.directory(object)?, Some(*object), true)
            }
            Content::Fixed(listing) => (Arc::clone(listing), None, true),
            Content::Catalogue(path) => {
                let shelf = self.shelf.as_ref().ok_or(Failure::NotFound)?;
                let listing = self.catalogue(shelf).listing(path);
                (listing.ok_or(Failure::NotFound)?, None, false)
            }
            Content::Missing | Content::Target(_) => return Err(no_data()),
        };
        Ok(Entries {
            listing,
            directory,
            lasting,
        })
    }

    /// Opens a folder.
    ///
    /// # Errors
    /// As [`Self::lookup`].
    pub fn open_folder(&self, number: u64) -> Result<Folder> {
        let (above, _) = self.nodes.get(number).ok_or(Failure::NotFound)?;
        let entries = self.with_info(number, |info| self.entries(info))?;
        Ok(Folder {
            number,
            above,
            entries,
        })
    }

    /// Hands the entries of a folder from `offset` on (0 is the first) to `each` until it returns false, which says that
    /// the last one was not taken. With `tell` the system is told of each entry that is taken, as by [`Self::lookup`].
    pub fn list(
        &self,
        folder: &Folder,
        offset: u64,
        tell: bool,
        each: &mut dyn FnMut(Item<'_>) -> bool,
    ) {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let listing = &folder.entries.listing;
        for position in start..listing.len() {
            let Some((name, info)) = listing.get(position) else {
                return;
            };
            let attributes = match tell {
                true => self.tell(folder, position, name, info),
                false => {
                    let number = Identity::of(folder.number, name, info).number();
                    folder.attributes(number, info)
                }
            };
            let taken = each(Item {
                name,
                attributes,
                next: position as u64 + 1,
            });
            if !taken {
                if tell {
                    self.nodes.forget(attributes.number, 1);
                }
                return;
            }
        }
    }

    /// Opens a file. Lists of parts are read here, data later.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::IsAFolder`], [`Failure::OtherKind`], [`Failure::Unreadable`].
    pub fn open(&self, number: u64) -> Result<OpenFile> {
        self.with_info(number, |info| {
            match info.kind {
                Kind::File => {}
                Kind::Folder => return Err(Failure::IsAFolder),
                Kind::Link => return Err(Failure::OtherKind),
            }
            let object = info.object().ok_or_else(no_data)?;
            let parts = self.repo.object_parts(&object)?;
            Ok(OpenFile::new(number, info.clone(), parts))
        })
    }

    /// The bytes of a file from `offset` on: `length` of them, or fewer at its end. They are authenticated.
    ///
    /// # Errors
    /// [`Failure::Unreadable`].
    pub fn read(&self, file: &OpenFile, offset: u64, length: u64) -> Result<Bytes> {
        let end = offset.saturating_add(length).min(file.length());
        if offset >= end {
            return Ok(Bytes::new());
        }
        let mut position = file.part_at(offset);
        let mut bytes = self.part_of(file, position, offset, end)?;
        if offset + bytes.len() as u64 == end {
            return Ok(bytes);
        }
        let mut whole = BytesMut::with_capacity((end - offset) as usize);
        loop {
            whole.extend_from_slice(&bytes);
            let at = offset + whole.len() as u64;
            if at >= end {
                return Ok(whole.freeze());
            }
            position += 1;
            bytes = self.part_of(file, position, at, end)?;
        }
    }

    /// The bytes from `offset` to `end` of a part, or to the end of the part.
    fn part_of(&self, file: &OpenFile, position: usize, offset: u64, end: u64) -> Result<Bytes> {
        let part = &file.parts[position];
        let ahead = file.contents_ahead(position, self.horizon);
        if !ahead.is_empty() {
            self.ahead.want(ahead);
        }
        let bytes = self.contents.get(&object(part)).and_then(|bytes| {
            // Else bytes of other parts would come at wrong offsets.
            match bytes.len() as u64 == part.length {
                true => Ok(bytes),
                false => Err(Failure::unreadable(&format!(
                    "content {} has {} bytes, the list of parts of the file says {}",
                    part.content,
                    bytes.len(),
                    part.length
                ))),
            }
        });
        let bytes = self.reported(file.number, bytes)?;
        let from = (offset - part.start) as usize;
        let to = (end - part.start).min(part.length) as usize;
        Ok(bytes.slice(from..to))
    }

    /// Where data or a hole begins in a file, from `offset` on.
    ///
    /// # Errors
    /// [`Failure::PastEnd`] when there is none, [`Failure::Unreadable`].
    pub fn seek(&self, file: &OpenFile, offset: u64, what: Seek) -> Result<u64> {
        let ranges = self.reported(file.number, self.data_ranges(file))?;
        seek(ranges.as_deref(), file.length(), offset, what)
    }

    fn data_ranges(&self, file: &OpenFile) -> Result<Option<DataRanges>> {
        let Some(extras) = file.info.extras.as_deref() else {
            return Ok(None);
        };
        let mut known = file.ranges.lock();
        if known.is_none() {
            let mut extras = extras.clone();
            extended::whole(&self.repo, &mut extras, &[DATA_RANGES])?;
            *known = extras.data_ranges.map(Into::into);
        }
        Ok(known.clone())
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::OtherKind`], [`Failure::Unreadable`].
    pub fn target(&self, number: u64) -> Result<Bytes> {
        self.with_info(number, |info| match (info.kind, &info.content) {
            (Kind::Link, Content::Target(target)) => Ok(Bytes::copy_from_slice(target)),
            (Kind::Link, Content::Object(object)) => Ok(self.repo.read_object(object)?),
            (Kind::Link, _) => Err(no_data()),
            (Kind::File | Kind::Folder, _) => Err(Failure::OtherKind),
        })
    }

    /// The names of the extended attributes of a node, each with a zero byte behind it.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::Unreadable`].
    pub fn attribute_names(&self, number: u64) -> Result<Vec<u8>> {
        let mut names = Vec::new();
        if let Some(extras) = self.extras(number)? {
            for (name, _) in extended::attributes(&extras) {
                names.extend_from_slice(name.as_bytes());
                names.push(0);
            }
        }
        Ok(names)
    }

    /// The value of an extended attribute.
    ///
    /// # Errors
    /// [`Failure::NoAttribute`], [`Failure::NotFound`], [`Failure::Unreadable`].
    pub fn attribute(&self, number: u64, name: &[u8]) -> Result<Vec<u8>> {
        let extras = self.extras(number)?.ok_or(Failure::NoAttribute)?;
        extended::attributes(&extras)
            .find(|(found, _)| found.as_bytes() == name)
            .map(|(_, value)| value.to_vec())
            .ok_or(Failure::NoAttribute)
    }

    /// What a node has beyond common metadata, values in objects of their own included.
    fn extras(&self, number: u64) -> Result<Option<Extras>> {
        self.with_info(number, |info| {
            let own = match &info.content {
                // Its extras stand in its own directory.
                Content::Root(object) => self.directory(object)?.extras.clone(),
                _ => info.extras.clone(),
            };
            own.map(|extras| {
                let mut extras = *extras;
                extended::whole(&self.repo, &mut extras, &["x", "a"])?;
                Ok(extras)
            })
            .transpose()
        })
    }
}

fn no_data() -> Failure {
    Failure::unreadable(&"its entry names no object")
}
