//! Every kind of metadata that Linux has, from a disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use holdfast_files::Kind;
use holdfast_repository::directory::Extras;
use holdfast_snapshot::{ProblemCode, Severity, SnapshotRequest, Source, create};
use holdfast_testkit::tree::{ONE_FILE, PIPE, SPARSE_FILES, beyond, metadata};

use crate::support::{Place, identity, saved};

/// The extended attributes that an entry keeps, access control lists among them.
fn attributes(extras: Option<&Extras>) -> BTreeMap<String, Vec<u8>> {
    let Some(extras) = extras else {
        return BTreeMap::new();
    };
    let kept = extras.xattrs.iter();
    let mut kept: BTreeMap<String, Vec<u8>> = kept
        .map(|(name, value)| (name.clone(), value.0.clone()))
        .collect();
    let lists = extras.acl.clone().unwrap_or_default();
    for (name, list) in [("access", lists.access), ("default", lists.default)] {
        kept.extend(list.map(|list| (format!("system.posix_acl_{name}"), list.0)));
    }
    kept
}

#[test]
fn every_kind_of_metadata_is_kept() {
    let disk = tempfile::tempdir().expect("a temporary directory");
    let source = disk.path().join("source");
    if let Some(reason) = metadata(&source) {
        println!("skipped: needs {reason}");
    }
    let place = Place::new();
    let snapshot = || {
        let request = SnapshotRequest::new(vec![Source::local(&source, identity("/data"))]);
        let mut report = create(&place.repo, &request).expect("snapshot");
        report.sources.remove(0)
    };
    let first = snapshot();
    let [pipe] = first.problems.as_slice() else {
        panic!("{:?}", first.problems)
    };
    assert_eq!(
        (pipe.path.as_str(), pipe.code, pipe.severity),
        (PIPE, ProblemCode::UnsupportedType, Severity::Ignored),
        "the policy leaves special files out, and says so"
    );
    // Nothing changed: everything is taken over, what stands beside the tree included.
    let again = snapshot();
    assert_eq!(again.bytes_read, 0);
    assert_eq!(
        saved(&again).manifest.root_object(),
        saved(&first).manifest.root_object()
    );

    let expected = beyond(&source);
    let mut kept: BTreeMap<PathBuf, Extras> = BTreeMap::new();
    let root = saved(&again).manifest.root_object().expect("a root");
    let mut pending = vec![(PathBuf::new(), root)];
    while let Some((below, object)) = pending.pop() {
        let directory = place.repo.read_directory(&object).expect("read");
        if let Some(extras) = directory.extras {
            kept.insert(below.clone(), *extras);
        }
        for entry in directory.entries {
            let name = holdfast_host::dir::bytes_to_path(entry.file_name());
            let path = below.join(name);
            if entry.is_directory() {
                pending.push((path.clone(), entry.object.expect("an object")));
            }
            if let Some(extras) = entry.extras {
                kept.insert(path, *extras);
            }
        }
    }
    for (path, expected) in &expected {
        assert_eq!(attributes(kept.get(path)), expected.attributes, "{path:?}");
    }
    let of = |name: &str| kept.get(Path::new(name)).expect("extras");
    let [one, other] = ONE_FILE.map(|name| of(name).hard_link.clone());
    assert!(one == other && !one.is_empty(), "{one} {other}");
    for name in SPARSE_FILES {
        let extras = of(name);
        let large = extras.overflow.contains_key("s");
        assert!(extras.data_ranges.is_some() || large, "{name}");
        assert_eq!(large, name.ends_with("very sparse"));
    }
    assert_eq!(expected.len(), 1 + entries(&source), "nothing was left out");
}

/// Entries below a folder.
fn entries(folder: &Path) -> usize {
    let tree = holdfast_files::LocalTree::new(folder);
    let root = holdfast_files::SourceTree::root(&tree).expect("open");
    let holdfast_files::RootNode::Directory(directory) = root.node else {
        panic!("a directory")
    };
    let listing = directory.list().expect("list");
    let folders = listing
        .iter()
        .filter(|entry| entry.metadata.kind == Kind::Directory);
    let below: usize = folders
        .map(|entry| entries(&folder.join(holdfast_host::dir::bytes_to_path(entry.name))))
        .sum();
    listing.len() + below
}
