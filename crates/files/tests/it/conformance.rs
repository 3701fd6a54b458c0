//! What every source of files promises.

use holdfast_files::{Kind, RootNode, SourceDirectory, SourceTree};
use std::sync::Arc;

/// A source with the tree of [`plant`].
pub(crate) trait Plant {
    fn directory(&mut self, path: &str);
    fn file(&mut self, path: &str, content: &[u8]);
    fn symlink(&mut self, path: &str, target: &str);
}

/// The tree the suite expects.
pub(crate) fn plant(source: &mut dyn Plant, with_links: bool) {
    source.directory("empty");
    source.directory("dir/sub");
    source.file("dir/sub/deep", b"deep");
    source.file("dir/b", b"second");
    source.file("dir/a", b"first");
    source.file("none", b"");
    source.file("Zeta", &[7; 100_000]);
    source.file("été", b"unicode");
    source.file("-", b"dash");
    if with_links {
        source.symlink("link", "dir/a");
        source.symlink("dangling", "nowhere");
    }
}

fn root(tree: &dyn SourceTree) -> Arc<dyn SourceDirectory> {
    match tree.root().expect("open the root").node {
        RootNode::Directory(directory) => directory,
        RootNode::File(_) => panic!("the root is a directory"),
    }
}

/// Runs the suite on a source that holds the tree of [`plant`].
pub(crate) fn suite(tree: &dyn SourceTree, with_links: bool) {
    sorted_listing(tree, with_links);
    metadata(tree);
    reading(tree);
    errors(tree);
    if with_links {
        links(tree);
    }
}

fn sorted_listing(tree: &dyn SourceTree, with_links: bool) {
    let listing = root(tree).list().expect("list");
    let names: Vec<_> = listing
        .iter()
        .map(|entry| String::from_utf8_lossy(entry.name).into_owned())
        .collect();
    let mut expected = vec!["dir", "empty", "-", "Zeta", "none", "été"];
    if with_links {
        expected = vec![
            "dir", "empty", "-", "Zeta", "dangling", "link", "none", "été",
        ];
    }
    assert_eq!(names, expected, "directories first, then by bytes");
    assert!(listing.unreadable.is_empty());
    for name in expected {
        assert_eq!(
            listing.find(name.as_bytes()).map(|found| found.name),
            Some(name.as_bytes())
        );
    }
    assert!(listing.find(b"absent").is_none());
    assert!(
        root(tree)
            .open_directory(b"empty")
            .expect("open")
            .list()
            .expect("list")
            .is_empty()
    );
}

fn metadata(tree: &dyn SourceTree) {
    let listing = root(tree).list().expect("list");
    let of = |name: &str| *listing.find(name.as_bytes()).expect(name).metadata;
    assert_eq!((of("Zeta").kind, of("Zeta").size), (Kind::File, 100_000));
    assert_eq!((of("none").kind, of("none").size), (Kind::File, 0));
    assert_eq!((of("dir").kind, of("dir").size), (Kind::Directory, 0));
    assert_eq!(tree.root().expect("root").metadata.kind, Kind::Directory);
}

fn reading(tree: &dyn SourceTree) {
    let root = root(tree);
    let mut buffer = vec![0; 100_001];
    assert_eq!(
        root.read_small(b"Zeta", 100_000, &mut buffer)
            .expect("read"),
        100_000
    );
    assert!(buffer[..100_000].iter().all(|&byte| byte == 7));
    assert_eq!(
        root.read_small(b"none", 0, &mut buffer[..1]).expect("read"),
        0
    );
    // A wrong expectation neither loses nor repeats bytes.
    assert_eq!(
        root.read_small(b"Zeta", 5, &mut buffer).expect("read"),
        100_000
    );
    assert_eq!(
        root.read_small(b"Zeta", 5, &mut buffer[..6]).expect("read"),
        6
    );
    let file = root.open_file(b"Zeta").expect("open");
    assert_eq!(file.read_at(&mut buffer[..10], 99_995).expect("read"), 5);
    assert_eq!(
        file.read_at(&mut buffer[..10], 100_000)
            .expect("read at the end"),
        0
    );
    assert_eq!(
        file.read_at(&mut buffer[..10], 1 << 40)
            .expect("read behind the end"),
        0
    );
    let sub = root
        .open_directory(b"dir")
        .expect("open")
        .open_directory(b"sub")
        .expect("open");
    assert_eq!(
        sub.read_small(b"deep", 4, &mut buffer[..5]).expect("read"),
        4
    );
    assert_eq!(&buffer[..4], b"deep");
    assert_eq!(
        root.read_following(b"-", 3).expect("read"),
        Some(b"das".to_vec())
    );
    assert_eq!(
        root.read_following(b"-", 9).expect("read"),
        Some(b"dash".to_vec())
    );
}

fn errors(tree: &dyn SourceTree) {
    let root = root(tree);
    assert_eq!(
        root.open_directory(b"absent").err().map(|e| e.kind()),
        Some(std::io::ErrorKind::NotFound)
    );
    assert_eq!(
        root.open_file(b"absent").err().map(|e| e.kind()),
        Some(std::io::ErrorKind::NotFound)
    );
    assert!(
        root.open_directory(b"none").is_err(),
        "a file is no directory"
    );
    assert!(root.read_small(b"absent", 0, &mut [0]).is_err());
    assert!(root.read_link(b"none").is_err(), "a file is no link");
}

fn links(tree: &dyn SourceTree) {
    let root = root(tree);
    let listing = root.list().expect("list");
    let link = listing.find(b"link").expect("link").metadata;
    assert_eq!((link.kind, link.size), (Kind::Symlink, 5));
    assert_eq!(root.read_link(b"link").expect("read"), b"dir/a");
    assert_eq!(root.read_link(b"dangling").expect("read"), b"nowhere");
    assert!(root.open_file(b"link").is_err(), "links are not followed");
    assert!(root.read_following(b"dangling", 10).is_err());
}
