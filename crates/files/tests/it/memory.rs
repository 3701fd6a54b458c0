//! The tree in memory and its faults.

use holdfast_files::{Fault, MemoryTree, RootNode, SourceDirectory, SourceTree};
use std::io::ErrorKind;
use std::sync::Arc;

use crate::conformance::{Plant, plant, suite};

struct Memory(MemoryTree);

impl Plant for Memory {
    fn directory(&mut self, path: &str) {
        self.0.directory(path);
    }

    fn file(&mut self, path: &str, content: &[u8]) {
        self.0.file(path, content);
    }

    fn symlink(&mut self, path: &str, target: &str) {
        self.0.symlink(path, target);
    }
}

fn directory(tree: &MemoryTree) -> Arc<dyn SourceDirectory> {
    match tree.root().expect("open").node {
        RootNode::Directory(directory) => directory,
        RootNode::File(_) => panic!("a directory"),
    }
}

#[test]
fn conforms() {
    let mut memory = Memory(MemoryTree::new("root"));
    plant(&mut memory, true);
    suite(&memory.0, true);
}

#[test]
fn faults_happen_where_they_are_asked_for() {
    let mut tree = MemoryTree::new("root");
    for name in ["hidden", "locked", "gone", "grown", "broken"] {
        tree.file(name, b"0123456789");
    }
    tree.fault("hidden", Fault::NoMetadata)
        .fault("locked", Fault::Unreadable)
        .fault("gone", Fault::Vanishes)
        .fault("grown", Fault::ListedSize(4))
        .fault("broken", Fault::FailsAt(5));
    let root = directory(&tree);
    let listing = root.list().expect("list");
    assert_eq!(listing.unreadable[0].name, b"hidden");
    assert_eq!(listing.find(b"grown").expect("listed").metadata.size, 4);
    let mut buffer = [0; 20];
    assert_eq!(root.read_small(b"grown", 4, &mut buffer).expect("read"), 10);
    assert_eq!(
        root.open_file(b"locked").err().map(|e| e.kind()),
        Some(ErrorKind::PermissionDenied)
    );
    assert_eq!(
        root.open_file(b"gone").err().map(|e| e.kind()),
        Some(ErrorKind::NotFound)
    );
    let broken = root.open_file(b"broken").expect("open");
    assert_eq!(broken.read_at(&mut buffer[..5], 0).expect("read"), 5);
    assert!(broken.read_at(&mut buffer[..5], 5).is_err());
    assert_eq!(tree.opened(), 2);
}

#[test]
fn a_copy_keeps_what_it_had() {
    let mut tree = MemoryTree::new("root");
    tree.file("a/b", b"1");
    let before = tree.clone();
    tree.file("a/b", b"22")
        .remove("a/c")
        .file("a/d", b"3")
        .remove("a/d");
    let size = |tree: &MemoryTree| {
        let listing = directory(tree)
            .open_directory(b"a")
            .expect("open")
            .list()
            .expect("list");
        (listing.len(), listing.get(0).metadata.size)
    };
    assert_eq!((size(&before), size(&tree)), ((1, 1), (1, 2)));
}
