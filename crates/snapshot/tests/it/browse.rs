//! Looking into snapshots.

use holdfast_files::MemoryTree;
use holdfast_host::Cancel;
use holdfast_snapshot::{Error, list_content, read_file};

use crate::support::{Place, id, random};

#[test]
fn directories_are_listed_page_by_page() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    for number in 0..25 {
        tree.file(format!("dir/file-{number:02}"), b"1");
    }
    tree.directory("dir/z-folder").file("other", b"1");
    let id = id(&place.snapshot(&tree));
    let mut names = Vec::new();
    let mut cursor: Option<String> = None;
    let mut pages = 0;
    loop {
        let page = list_content(&place.repo, &id, "dir", cursor.as_deref(), 10).expect("list");
        assert_eq!(page.count, 26);
        names.extend(
            page.entries
                .iter()
                .map(|entry| entry.name_text().into_owned()),
        );
        pages += 1;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((pages, names.len()), (3, 26));
    assert_eq!(
        (names[0].as_str(), names[1].as_str(), names[25].as_str()),
        ("z-folder", "file-00", "file-24")
    );
    assert!(
        list_content(&place.repo, &id, "dir", Some("99"), 10)
            .expect("behind the end")
            .entries
            .is_empty()
    );
    assert!(matches!(
        list_content(&place.repo, &id, "dir", Some("x"), 10),
        Err(Error::InvalidCursor(_))
    ));
    assert!(matches!(
        list_content(&place.repo, &id, "other", None, 10),
        Err(Error::WrongKind { .. })
    ));
    assert!(matches!(
        list_content(&place.repo, &id, "none", None, 10),
        Err(Error::PathNotFound { .. })
    ));
}

#[test]
fn files_are_read_whole() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    let large = random(5, 12 << 20);
    tree.file("large", large.clone())
        .file("empty", b"")
        .directory("dir")
        .symlink("link", "large");
    let id = id(&place.snapshot(&tree));
    let mut read = Vec::new();
    assert_eq!(
        read_file(&place.repo, &id, "large", &mut read, &Cancel::new()).expect("read"),
        12 << 20
    );
    assert!(read == large);
    assert_eq!(
        read_file(&place.repo, &id, "empty", &mut Vec::new(), &Cancel::new()).expect("read"),
        0
    );
    for path in ["dir", "link", ""] {
        let error =
            read_file(&place.repo, &id, path, &mut Vec::new(), &Cancel::new()).expect_err(path);
        assert!(matches!(error, Error::WrongKind { .. }), "{error}");
    }
}
