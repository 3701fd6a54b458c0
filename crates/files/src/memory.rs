//! A tree in memory, which can change and fail in every way a real one does.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_host::dir::extended::{Extended, Extents, Found};

use crate::listing::{Listing, Unreadable};
use crate::metadata::{Kind, Metadata};
use crate::tree::{Root, RootNode, SourceDirectory, SourceFile, SourceTree};

/// What goes wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its metadata may not be read.
    NoMetadata,
    /// It may not be opened.
    Unreadable,
    /// It is gone when it is opened.
    Vanishes,
    /// The listing shows another size than reading does.
    ListedSize(u64),
    /// Reading fails from this position on.
    FailsAt(u64),
}

/// A tree of files in memory. Paths are names joined by `/`, without one at the beginning; the root is empty.
#[derive(Clone)]
pub struct MemoryTree {
    name: Vec<u8>,
    root: Arc<Node>,
    shared: Arc<Shared>,
}

type ReadHook = Box<dyn Fn(&[u8], u64) + Send + Sync>;

#[derive(Default)]
struct Shared {
    opened: AtomicU64,
    extended: AtomicU64,
    on_read: Option<ReadHook>,
}

#[derive(Clone, Debug)]
struct Node {
    metadata: Metadata,
    extended: Extended,
    fault: Option<Fault>,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Directory(BTreeMap<Vec<u8>, Arc<Node>>),
    /// Bytes of a file or target of a symbolic link.
    Bytes(Arc<[u8]>),
    Nothing,
}

impl fmt::Debug for MemoryTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTree")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl MemoryTree {
    /// A tree with an empty root directory of this name.
    pub fn new(name: &str) -> Self {
        let root = Node::new(Kind::Directory, Content::Directory(BTreeMap::new()));
        Self {
            name: name.as_bytes().to_vec(),
            root: Arc::new(root),
            shared: Arc::default(),
        }
    }

    /// Calls `hook` before each read of a file, with its name and the position.
    pub fn on_read(mut self, hook: impl Fn(&[u8], u64) + Send + Sync + 'static) -> Self {
        self.shared = Arc::new(Shared {
            on_read: Some(Box::new(hook)),
            ..Shared::default()
        });
        self
    }

    /// How many times a file was opened.
    pub fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::Relaxed)
    }

    /// How many entries were asked for their extended metadata without being read.
    pub fn extended_asked(&self) -> u64 {
        self.shared.extended.load(Ordering::Relaxed)
    }

    /// Adds or replaces a directory; the ones above it are made where they are missing.
    pub fn directory(&mut self, path: impl AsRef<[u8]>) -> &mut Self {
        self.node(path.as_ref(), || {
            Node::new(Kind::Directory, Content::Directory(BTreeMap::new()))
        });
        self
    }

    /// Adds or replaces a file.
    pub fn file(&mut self, path: impl AsRef<[u8]>, content: impl Into<Vec<u8>>) -> &mut Self {
        self.replace(
            path.as_ref(),
            Node::new(Kind::File, Content::Bytes(content.into().into())),
        )
    }

    /// Adds or replaces a symbolic link.
    pub fn symlink(&mut self, path: impl AsRef<[u8]>, target: impl Into<Vec<u8>>) -> &mut Self {
        self.replace(
            path.as_ref(),
            Node::new(Kind::Symlink, Content::Bytes(target.into().into())),
        )
    }

    /// Adds or replaces an entry that a snapshot cannot hold.
    pub fn other(&mut self, path: impl AsRef<[u8]>) -> &mut Self {
        self.replace(path.as_ref(), Node::new(Kind::Other, Content::Nothing))
    }

    /// Changes the metadata of an entry; a missing one becomes a directory.
    pub fn metadata(
        &mut self,
        path: impl AsRef<[u8]>,
        change: impl FnOnce(&mut Metadata),
    ) -> &mut Self {
        let node = self.node(path.as_ref(), || {
            Node::new(Kind::Directory, Content::Directory(BTreeMap::new()))
        });
        change(&mut node.metadata);
        self
    }

    /// Gives an entry extended metadata in place of what it had; a missing one becomes a directory. That alone changes no
    /// times: see [`metadata`](Self::metadata).
    pub fn extended(&mut self, path: impl AsRef<[u8]>, extended: Extended) -> &mut Self {
        let node = self.node(path.as_ref(), || {
            Node::new(Kind::Directory, Content::Directory(BTreeMap::new()))
        });
        node.metadata.may_have_holes = extended.data.is_some();
        node.extended = extended;
        self
    }

    /// Makes an entry fail from now on.
    pub fn fault(&mut self, path: impl AsRef<[u8]>, fault: Fault) -> &mut Self {
        let node = self.node(path.as_ref(), || {
            Node::new(Kind::Directory, Content::Directory(BTreeMap::new()))
        });
        node.fault = Some(fault);
        self
    }

    /// Removes an entry.
    pub fn remove(&mut self, path: impl AsRef<[u8]>) -> &mut Self {
        let path = path.as_ref();
        let (parent, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (&path[..0], path),
        };
        let parent = self.node(parent, || {
            Node::new(Kind::Directory, Content::Directory(BTreeMap::new()))
        });
        if let Content::Directory(children) = &mut parent.content {
            children.remove(name);
        }
        self
    }

    fn replace(&mut self, path: &[u8], node: Node) -> &mut Self {
        *self.node(path, || node.clone()) = node.clone();
        self
    }

    fn node(&mut self, path: &[u8], make: impl FnOnce() -> Node) -> &mut Node {
        let mut make = Some(make);
        let mut node = Arc::make_mut(&mut self.root);
        let names: Vec<&[u8]> = path
            .split(|&byte| byte == b'/')
            .filter(|name| !name.is_empty())
            .collect();
        for (index, name) in names.iter().enumerate() {
            if !matches!(node.content, Content::Directory(_)) {
                *node = Node::new(Kind::Directory, Content::Directory(BTreeMap::new()));
            }
            let Content::Directory(children) = &mut node.content else {
                unreachable!("just made a directory")
            };
            let child = children.entry(name.to_vec()).or_insert_with(|| {
                let last = index + 1 == names.len();
                match make.take().filter(|_| last) {
                    Some(make) => Arc::new(make()),
                    None => Arc::new(Node::new(
                        Kind::Directory,
                        Content::Directory(BTreeMap::new()),
                    )),
                }
            });
            node = Arc::make_mut(child);
        }
        node
    }
}

impl Node {
    fn new(kind: Kind, content: Content) -> Self {
        let mode = if kind == Kind::File { 0o644 } else { 0o755 };
        let size = match &content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Directory(_) | Content::Nothing => 0,
        };
        let modified = 1_700_000_000_000_000_000;
        let metadata = Metadata {
            kind,
            mode,
            size,
            modified,
            changed: modified,
            uid: 1000,
            gid: 1000,
            device: 1,
            inode: 0,
            links: 1,
            may_have_holes: false,
            is_stream: false,
        };
        Self {
            metadata,
            extended: Extended::default(),
            fault: None,
            content,
        }
    }

    fn listed(&self) -> Metadata {
        match self.fault {
            Some(Fault::ListedSize(size)) => Metadata {
                size,
                ..self.metadata
            },
            _ => self.metadata,
        }
    }

    /// What it has; holes only where they are asked for.
    fn found(&self, holes: bool) -> Found {
        let mut extended = self.extended.clone();
        extended.data = extended.data.filter(|_| holes);
        Found {
            extended,
            refused: Vec::new(),
        }
    }

    fn open(&self) -> io::Result<&Self> {
        match self.fault {
            Some(Fault::Unreadable) => Err(io::ErrorKind::PermissionDenied.into()),
            Some(Fault::Vanishes) => Err(io::ErrorKind::NotFound.into()),
            _ => Ok(self),
        }
    }
}

impl SourceTree for MemoryTree {
    fn root(&self) -> io::Result<Root> {
        let node = Arc::clone(&self.root);
        node.open()?;
        let metadata = node.metadata;
        let shared = Arc::clone(&self.shared);
        let node = match &node.content {
            Content::Directory(_) => {
                RootNode::Directory(Arc::new(MemoryDirectory { node, shared }))
            }
            _ => RootNode::File(Box::new(MemoryFile {
                name: self.name.clone(),
                node,
                shared,
            })),
        };
        Ok(Root {
            name: self.name.clone(),
            metadata,
            node,
        })
    }
}

struct MemoryDirectory {
    node: Arc<Node>,
    shared: Arc<Shared>,
}

impl MemoryDirectory {
    fn children(&self) -> io::Result<&BTreeMap<Vec<u8>, Arc<Node>>> {
        match &self.node.open()?.content {
            Content::Directory(children) => Ok(children),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn child(&self, name: &[u8]) -> io::Result<&Arc<Node>> {
        let child = self.children()?.get(name).ok_or(io::ErrorKind::NotFound)?;
        child.open()?;
        Ok(child)
    }
}

impl SourceDirectory for MemoryDirectory {
    fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for (name, node) in self.children()? {
            if node.fault == Some(Fault::NoMetadata) {
                listing.unreadable.push(Unreadable {
                    name: name.clone(),
                    is_directory: node.metadata.kind == Kind::Directory,
                    error: io::ErrorKind::PermissionDenied.into(),
                });
                continue;
            }
            listing.push(name, node.listed());
        }
        listing.sort();
        Ok(listing)
    }

    fn open_directory(&self, name: &[u8]) -> io::Result<Arc<dyn SourceDirectory>> {
        let node = Arc::clone(self.child(name)?);
        match &node.content {
            Content::Directory(_) => Ok(Arc::new(Self {
                node,
                shared: Arc::clone(&self.shared),
            })),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn open_file(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>> {
        let node = Arc::clone(self.child(name)?);
        if node.metadata.kind != Kind::File {
            return Err(io::Error::other("not a regular file"));
        }
        self.shared.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(MemoryFile {
            name: name.to_vec(),
            node,
            shared: Arc::clone(&self.shared),
        }))
    }

    fn read_small(&self, name: &[u8], _expected: usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.open_file(name)?.read_at(buffer, 0)
    }

    fn read_small_extended(
        &self,
        name: &[u8],
        expected: usize,
        buffer: &mut [u8],
        may_have_holes: bool,
    ) -> io::Result<(usize, Found)> {
        let length = self.read_small(name, expected, buffer)?;
        Ok((length, self.child(name)?.found(may_have_holes)))
    }

    fn extended(&self) -> Found {
        self.node.found(false)
    }

    fn entry_extended(&self, name: &[u8], may_have_holes: bool) -> Found {
        self.shared.extended.fetch_add(1, Ordering::Relaxed);
        self.child(name)
            .map(|child| child.found(may_have_holes))
            .unwrap_or_default()
    }

    fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        let child = self.child(name)?;
        match &child.content {
            Content::Bytes(target) if child.metadata.kind == Kind::Symlink => Ok(target.to_vec()),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn read_following(&self, name: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
        let mut node = self.child(name)?;
        for _ in 0..30 {
            match (&node.content, node.metadata.kind) {
                (Content::Bytes(target), Kind::Symlink) => node = self.child(target)?,
                (Content::Bytes(content), _) => {
                    return Ok(Some(content[..content.len().min(limit)].to_vec()));
                }
                _ => return Ok(None),
            }
        }
        Err(io::Error::other("too many symbolic links"))
    }
}

struct MemoryFile {
    name: Vec<u8>,
    node: Arc<Node>,
    shared: Arc<Shared>,
}

impl SourceFile for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if let Some(hook) = &self.shared.on_read {
            hook(&self.name, offset);
        }
        let Content::Bytes(content) = &self.node.content else {
            return Err(io::Error::other("not a regular file"));
        };
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(content.len());
        let length = buffer.len().min(content.len() - start);
        if let Some(Fault::FailsAt(position)) = self.node.fault
            && offset + length as u64 > position
        {
            return Err(io::Error::other("input/output error"));
        }
        buffer[..length].copy_from_slice(&content[start..start + length]);
        Ok(length)
    }

    fn extended(&self) -> Found {
        self.node.found(false)
    }

    fn data_extents(&self) -> io::Result<Option<Extents>> {
        Ok(self.node.extended.data.clone())
    }
}
