//! Repositories in memory, and trees over their snapshots.

use std::path::Path;
use std::sync::Arc;

use holdfast_drive::{Attributes, Options, Report, Tree, Unreadable};
use holdfast_files::{MemoryTree, SourceTree};
use holdfast_repository::{CreateOptions, OpenOptions, Repository, SourceIdentity};
use holdfast_snapshot::{SnapshotRequest, Source, create};
use holdfast_storage::{BlobStore, MemoryStore, PutOptions};
use secrecy::SecretString;

/// A repository that cuts files into small parts.
pub(crate) struct Place {
    pub(crate) store: Arc<dyn BlobStore>,
    pub(crate) repo: Arc<Repository>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
        let password = SecretString::from("correct horse battery staple");
        let create = CreateOptions {
            splitter: "DYNAMIC-128K-BUZHASH".to_owned(),
            ..CreateOptions::default()
        };
        let open = OpenOptions {
            user: "user".to_owned(),
            host: "host".to_owned(),
            ..OpenOptions::default()
        };
        Repository::initialize(Arc::clone(&store), &password, &create, &open)
            .expect("create a repository");
        let repo = Repository::open(Arc::clone(&store), &password, &open).expect("open it");
        Self { store, repo }
    }

    /// Takes a snapshot of a tree in memory and returns its id.
    pub(crate) fn snapshot(&self, tree: &MemoryTree, path: &str) -> String {
        let tree: Arc<dyn SourceTree> = Arc::new(tree.clone());
        let identity = SourceIdentity::new("user", "host", path);
        self.create(Source { tree, identity })
    }

    /// Takes a snapshot of a folder on disk and returns its id.
    pub(crate) fn snapshot_dir(&self, path: &Path) -> String {
        let identity = SourceIdentity::new("user", "host", "/data");
        self.create(Source::local(path, identity))
    }

    fn create(&self, source: Source) -> String {
        let request = SnapshotRequest::new(vec![source]);
        let mut report = create(&self.repo, &request).expect("take a snapshot");
        let saved = report.sources.remove(0).result.expect("a snapshot");
        saved.id.expect("it is saved").to_string()
    }

    /// The tree of a snapshot, in which nothing may be unreadable.
    pub(crate) fn tree(&self, id: &str) -> Tree {
        self.tree_with(id, Options::default(), no_report())
    }

    pub(crate) fn tree_with(&self, id: &str, options: Options, report: Report) -> Tree {
        Tree::snapshot(&self.repo, id, "", options, report).expect("find the snapshot")
    }

    /// Flips a bit of the first content of a file.
    pub(crate) fn damage(&self, id: &str, path: &str) {
        let located = holdfast_snapshot::locate(&self.repo, id, path).expect("find the file");
        let object = located.entry.object.expect("an object");
        let parts = self.repo.object_parts(&object).expect("its parts");
        let info = self.repo.content_info(&parts[0].content);
        let info = info.expect("look up").expect("it exists");
        let mut bytes = self.store.get(&info.pack).expect("read").to_vec();
        bytes[info.offset as usize + 20] ^= 0x10;
        self.store
            .put(&info.pack, bytes.into(), &PutOptions::default())
            .expect("write the pack");
    }
}

/// For trees in which nothing is unreadable.
pub(crate) fn no_report() -> Report {
    Box::new(|unreadable: &Unreadable| panic!("{unreadable:?}"))
}

/// A name of a folder with its attributes.
pub(crate) type Named = (Vec<u8>, Attributes);

/// The entries of a folder, asked for so many at a time.
pub(crate) fn list(tree: &Tree, number: u64, at_a_time: usize, tell: bool) -> Vec<Named> {
    let folder = tree.open_folder(number).expect("open the folder");
    let mut all: Vec<Named> = Vec::new();
    let mut offset = 0;
    loop {
        let before = all.len();
        tree.list(&folder, offset, tell, &mut |item| {
            if all.len() == before + at_a_time {
                return false;
            }
            all.push((item.name.to_vec(), item.attributes));
            offset = item.next;
            true
        });
        if all.len() < before + at_a_time {
            return all;
        }
    }
}

/// The node at a path below the root. The tree remembers all on the way.
pub(crate) fn find(tree: &Tree, path: &str) -> Attributes {
    let mut at = tree.attributes(holdfast_drive::ROOT).expect("the root");
    for name in path.split('/').filter(|name| !name.is_empty()) {
        at = tree
            .lookup(at.number, name.as_bytes())
            .unwrap_or_else(|failure| panic!("{path}: {failure}"));
    }
    at
}

/// All bytes of a file.
pub(crate) fn content(tree: &Tree, path: &str) -> Vec<u8> {
    let file = tree.open(find(tree, path).number).expect("open the file");
    tree.read(&file, 0, u64::MAX).expect("read it").to_vec()
}
