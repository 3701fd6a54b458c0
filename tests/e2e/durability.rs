//! What `snapshot create` makes durable, and in which order, as the kernel sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use holdfast_testkit::tree::{RandomTree, write_random_file};
use holdfast_tests::cli::Cli;
use holdfast_tests::trace::{Call, trace};

const CALLS: &str =
    "openat,fsync,fdatasync,rename,renameat,renameat2,linkat,mkdir,mkdirat,unlink,unlinkat";

/// All files of the repository that are blobs, by path.
fn blobs(repository: &Path) -> BTreeSet<PathBuf> {
    let (mut found, mut open) = (BTreeSet::new(), vec![repository.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("read the repository") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "f") {
                found.insert(path);
            }
        }
    }
    found
}

/// The name of the blob in a file.
fn blob_name(repository: &Path, path: &Path) -> String {
    let below = path
        .strip_prefix(repository)
        .expect("inside the repository");
    let name: String = below
        .iter()
        .map(|part| part.to_str().expect("ASCII"))
        .collect();
    name.strip_suffix(".f").expect("a blob").to_owned()
}

struct Traced {
    renames: Vec<(Call, PathBuf, PathBuf)>,
    syncs: Vec<(Call, PathBuf)>,
    directories: Vec<(Call, PathBuf)>,
    unlinked: Vec<PathBuf>,
}

fn sort_out(calls: Vec<Call>, repository: &Path) -> Traced {
    let mut traced = Traced {
        renames: Vec::new(),
        syncs: Vec::new(),
        directories: Vec::new(),
        unlinked: Vec::new(),
    };
    for call in calls {
        match call.name.as_str() {
            "rename" | "renameat" | "renameat2" => {
                let paths: Vec<PathBuf> = call.quoted().iter().map(PathBuf::from).collect();
                if paths[1].starts_with(repository) {
                    traced
                        .renames
                        .push((call, paths[0].clone(), paths[1].clone()));
                }
            }
            "fsync" | "fdatasync" => {
                let path = PathBuf::from(call.handle().expect("-y shows paths"));
                traced.syncs.push((call, path));
            }
            "mkdir" | "mkdirat" => {
                let path = PathBuf::from(call.quoted()[0]);
                if path.starts_with(repository) {
                    traced.directories.push((call, path));
                }
            }
            "unlink" | "unlinkat" => traced.unlinked.push(PathBuf::from(call.quoted()[0])),
            "linkat" => panic!("blobs are renamed, not linked: {call:?}"),
            _ => {}
        }
    }
    traced
}

fn source_and_repository() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().expect("temporary directory");
    // The kernel names real paths.
    let real = folder.path().canonicalize().expect("it exists");
    let (source, repository) = (real.join("source"), real.join("repository"));
    fs::create_dir(&source).expect("create the source");
    RandomTree::new(3).create(&source).expect("fill the source");
    (folder, source, repository)
}

#[test]
fn every_blob_is_synced_renamed_and_synced_again() {
    let (folder, source, repository) = source_and_repository();
    // Enough for several packs, and for the index to be published more than once.
    write_random_file(&source.join("large"), 9, 90 << 20).expect("fill the source");
    let cli = Cli::directory(&repository);
    cli.succeed(["repo", "create"]);
    let before = blobs(&repository);

    let arguments = ["snapshot".as_ref(), "create".as_ref(), source.as_os_str()];
    let (finished, calls) = trace(&cli, folder.path(), CALLS, arguments);
    assert_eq!(finished.code, 0, "{finished:#?}");
    let after = blobs(&repository);
    let traced = sort_out(calls, &repository);

    // As many renames as blobs written: what is new, and what was removed again (the session's marker).
    let renamed: BTreeMap<PathBuf, usize> =
        traced
            .renames
            .iter()
            .fold(BTreeMap::new(), |mut counts, (_, _, to)| {
                *counts.entry(to.clone()).or_default() += 1;
                counts
            });
    for path in after.difference(&before) {
        assert_eq!(
            renamed.get(path),
            Some(&1),
            "{path:?} appeared without its rename"
        );
    }
    for (path, count) in &renamed {
        assert_eq!(*count, 1, "{path:?} was written {count} times");
        assert!(
            after.contains(path) || traced.unlinked.contains(path),
            "{path:?} was renamed and is gone"
        );
    }
    let packs = after
        .difference(&before)
        .filter(|path| blob_name(&repository, path).starts_with('p'));
    assert!(packs.count() >= 3, "the test needs several packs");

    let synced_between = |path: &Path, from: usize, to: usize| {
        traced
            .syncs
            .iter()
            .any(|(call, synced)| synced == path && call.began > from && call.ended < to)
    };
    for (call, from, to) in &traced.renames {
        assert!(
            synced_between(from, 0, call.began),
            "{from:?} was renamed before it was synced"
        );
        let directory = to.parent().expect("blobs lie in directories");
        assert!(
            synced_between(directory, call.ended, usize::MAX),
            "{directory:?} was not synced after {to:?} had been renamed into it"
        );
    }
    assert!(
        !traced.directories.is_empty(),
        "a new repository needs directories"
    );
    for (call, path) in &traced.directories {
        let parent = path.parent().expect("below the repository");
        assert!(
            synced_between(parent, call.ended, usize::MAX),
            "{parent:?} was not synced after {path:?} had been created in it"
        );
        // And before anything in the new directory counts as stored.
        let first = traced
            .renames
            .iter()
            .find(|(_, _, to)| to.parent() == Some(path));
        if let Some((rename, _, to)) = first {
            assert!(
                synced_between(parent, call.ended, rename.began),
                "{to:?} was stored in a directory that could still be lost"
            );
        }
    }
    before_the_last_index_blob_no_manifest_is_visible(&cli, &repository, &traced);
}

/// The state of the repository just before the last index blob came: the snapshot must not be in it.
fn before_the_last_index_blob_no_manifest_is_visible(
    cli: &Cli,
    repository: &Path,
    traced: &Traced,
) {
    let index: Vec<&PathBuf> = traced
        .renames
        .iter()
        .map(|(_, _, to)| to)
        .filter(|path| blob_name(repository, path).starts_with("xn"))
        .collect();
    assert!(
        index.len() >= 2,
        "the index was published {} times",
        index.len()
    );
    assert_eq!(cli.snapshots().len(), 1);
    let last = index[index.len() - 1];
    let aside = last.with_extension("aside");
    fs::rename(last, &aside).expect("put the index blob aside");
    let visible = cli.snapshots();
    fs::rename(&aside, last).expect("put the index blob back");
    assert_eq!(visible, Vec::<serde_json::Value>::new());
    assert_eq!(cli.snapshots().len(), 1);
    // Packs come before the index that names them.
    let place = |prefix: &str| {
        let renames = traced.renames.iter();
        renames
            .filter(|(_, _, to)| blob_name(repository, to).starts_with(prefix))
            .map(|(call, ..)| call.began)
            .collect::<Vec<_>>()
    };
    let last_index = *place("xn").last().expect("there is one");
    for pack in place("p").into_iter().chain(place("q")) {
        assert!(
            pack < last_index,
            "a pack was stored after the last index blob"
        );
    }
    let marker = place("s");
    assert!(
        marker.first() < place("p").first(),
        "the session's marker comes before the first pack"
    );
}

#[test]
fn an_unchanged_tree_is_not_opened() {
    let (folder, source, repository) = source_and_repository();
    let cli = Cli::directory(&repository);
    cli.succeed(["repo", "create"]);
    let opened = || {
        let arguments = [
            "--json".as_ref(),
            "snapshot".as_ref(),
            "create".as_ref(),
            source.as_os_str(),
        ];
        let (finished, calls) = trace(&cli, folder.path(), "open,openat,openat2,creat", arguments);
        assert_eq!(finished.code, 0, "{finished:#?}");
        let report: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
        let files: BTreeSet<String> = calls
            .iter()
            // Directories are listed in every run.
            .filter(|call| !call.arguments.contains("O_DIRECTORY"))
            .filter_map(Call::opened)
            .filter(|path| Path::new(path).starts_with(&source))
            .map(str::to_owned)
            .collect();
        (report, files)
    };
    let (first, files) = opened();
    let count = first["files"].as_u64().expect("a number of files");
    let (links, regular) = count_files(&source);
    assert_eq!(
        files.len() as u64,
        regular,
        "of {count} files, {links} of them links"
    );

    let (second, files) = opened();
    assert_eq!(files, BTreeSet::new());
    assert_eq!(second["bytes_new"], 0, "{second}");
    assert_eq!(second["root_object"], first["root_object"]);
    assert_eq!(
        second["cached_files"].as_u64(),
        Some(regular + links),
        "{second}"
    );
}

/// How many links and how many regular files with content a tree has.
fn count_files(root: &Path) -> (u64, u64) {
    let (mut links, mut regular, mut open) = (0, 0, vec![root.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("read the source") {
            let entry = entry.expect("entry");
            let kind = entry.file_type().expect("kind");
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_symlink() {
                links += 1;
            } else {
                regular += 1;
            }
        }
    }
    (links, regular)
}
