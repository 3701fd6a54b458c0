use super::*;

fn listed(dir: &Dir) -> Vec<(Vec<u8>, Kind)> {
    let entries = dir.entries().expect("list");
    let mut names: Vec<_> = entries
        .iter()
        .map(|entry| (entry.name.to_vec(), entry.kind))
        .collect();
    names.sort();
    names
}

#[test]
fn every_directory_but_the_root_has_one_above() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let above = Dir::open(place.path()).expect("open");
    above.create_dir(b"inner", 0o700).expect("make a directory");
    drop(above.create_file(b"sign", 0o600).expect("make a file"));
    let inner = above.open_dir(b"inner").expect("open");
    let mut found = inner.parent().expect("ask").expect("there is one");
    assert_eq!(found.metadata(b"sign").expect("the same").kind, Kind::File);
    let mut steps = 1;
    while let Some(next) = found.parent().expect("ask") {
        (found, steps) = (next, steps + 1);
    }
    let depth = place
        .path()
        .canonicalize()
        .expect("resolve")
        .ancestors()
        .count();
    assert_eq!(steps, depth);
}

#[test]
fn files_and_directories_are_made_listed_and_removed() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let dir = Dir::open(place.path()).expect("open");
    assert!(dir.entries().expect("list").is_empty());
    dir.create_dir(b"inner", 0o700).expect("make a directory");
    let file = dir.create_file(b"file", 0o600).expect("make a file");
    write_all_at(&file, b"world", 6).expect("write behind");
    write_all_at(&file, b"hello ", 0).expect("write before");
    drop(file);
    assert!(
        dir.create_file(b"file", 0o600).is_err(),
        "an existing file is not opened"
    );
    assert_eq!(
        listed(&dir),
        [
            (b"file".to_vec(), Kind::File),
            (b"inner".to_vec(), Kind::Directory)
        ]
    );
    // Handles share one position in the listing.
    let other = dir.reopen().expect("another handle");
    assert_eq!(
        (listed(&other), listed(&dir)),
        (listed(&dir), listed(&other))
    );
    // A second listing sees what changed.
    dir.rename(b"file", b"renamed").expect("rename");
    assert_eq!(
        listed(&dir),
        [
            (b"inner".to_vec(), Kind::Directory),
            (b"renamed".to_vec(), Kind::File)
        ]
    );

    let file = dir.open_file(b"renamed").expect("open");
    let mut buffer = [0; 16];
    assert_eq!(read_at(&file, &mut buffer, 6).expect("read"), 5);
    assert_eq!(&buffer[..5], b"world");
    assert_eq!(dir.metadata(b"renamed").expect("metadata").size, 11);
    assert_eq!(
        dir.open_dir(b"inner")
            .expect("open")
            .own_metadata()
            .expect("metadata")
            .kind,
        Kind::Directory
    );
    drop(file);
    dir.remove_file(b"renamed").expect("remove");
    dir.remove_dir(b"inner").expect("remove");
    assert!(listed(&dir).is_empty());
}

#[test]
fn times_are_kept() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let dir = Dir::open(place.path()).expect("open");
    let time = FileTime::from_nanoseconds(1_234_567_890_123_456_700);
    let file = dir.create_file(b"file", 0o600).expect("make a file");
    set_times(&file, time).expect("set by handle");
    assert_eq!(dir.metadata(b"file").expect("metadata").modified, time);
    let before_1970 = FileTime::from_nanoseconds(-1_500_000_000);
    assert_eq!(
        before_1970,
        FileTime {
            seconds: -2,
            nanoseconds: 500_000_000
        }
    );
    dir.set_entry_times(b"file", before_1970)
        .expect("set by name");
    assert_eq!(
        dir.metadata(b"file").expect("metadata").modified,
        before_1970
    );
    dir.create_dir(b"inner", 0o700).expect("make a directory");
    let inner = dir.open_dir(b"inner").expect("open");
    inner.set_times(time).expect("set");
    assert_eq!(inner.own_metadata().expect("metadata").modified, time);
}

#[test]
fn times_wrap_at_64_bits() {
    assert_eq!(
        FileTime {
            seconds: 10_413_792_000,
            nanoseconds: 0
        }
        .wrapped_nanoseconds(),
        -8_032_952_073_709_551_616
    );
    for nanoseconds in [i64::MIN, -1, 0, 1, i64::MAX] {
        assert_eq!(
            FileTime::from_nanoseconds(nanoseconds).wrapped_nanoseconds(),
            nanoseconds
        );
    }
}

#[cfg(unix)]
mod unix {
    use super::*;

    #[test]
    fn links_are_never_followed() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let dir = Dir::open(place.path()).expect("open");
        dir.create_dir(b"real", 0o700).expect("make a directory");
        drop(dir.create_file(b"file", 0o600).expect("make a file"));
        dir.symlink(b"real", b"to-dir").expect("link");
        dir.symlink(b"file", b"to-file").expect("link");
        assert!(dir.open_dir(b"to-dir").is_err());
        assert!(dir.open_file(b"to-file").is_err());
        assert!(dir.create_file(b"to-file", 0o600).is_err());
        assert!(dir.open_file_following(b"to-file").is_ok());
        assert_eq!(dir.read_link(b"to-dir").expect("read"), b"real");
        let metadata = dir.metadata(b"to-file").expect("metadata");
        assert_eq!((metadata.kind, metadata.size), (Kind::Symlink, 4));
        dir.set_entry_times(b"to-file", FileTime::from_nanoseconds(5))
            .expect("set");
        assert_ne!(
            dir.metadata(b"file").expect("metadata").modified,
            FileTime::from_nanoseconds(5)
        );
    }

    #[test]
    fn modes_and_raw_names_are_kept() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let dir = Dir::open(place.path()).expect("open");
        let name = b"not \xff utf-8";
        let file = dir.create_file(name, 0o600).expect("make a file");
        set_permissions(&file, 0o4751).expect("set");
        assert_eq!(dir.metadata(name).expect("metadata").mode, 0o4751);
        dir.set_entry_permissions(name, 0o640).expect("set");
        assert_eq!(dir.metadata(name).expect("metadata").mode, 0o640);
        assert_eq!(listed(&dir), [(name.to_vec(), Kind::File)]);
        assert_eq!(path_to_bytes(bytes_to_path(name).as_os_str()), name);
    }

    #[test]
    fn a_new_name_is_never_taken_from_somebody() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let dir = Dir::open(place.path()).expect("open");
        for name in ["one", "other"] {
            std::fs::write(place.path().join(name), name).expect("write");
        }
        let error = dir.rename_new(b"one", b"other").expect_err("it is taken");
        assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
        dir.rename_new(b"one", b"free").expect("rename");
        let read = |name| std::fs::read(place.path().join(name)).expect(name);
        assert_eq!(
            (read("free"), read("other")),
            (b"one".to_vec(), b"other".to_vec())
        );
    }

    #[test]
    fn a_pipe_does_not_block() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let pipe = place.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .expect("make a pipe");
        let dir = Dir::open(place.path()).expect("open");
        assert_eq!(dir.metadata(b"pipe").expect("metadata").kind, Kind::Other);
        let file = dir.open_file(b"pipe").expect("open without a writer");
        assert_eq!(read_at(&file, &mut [0; 4], 0).unwrap_or(0), 0);
    }

    #[test]
    fn a_file_has_as_many_names_as_it_is_given() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let dir = Dir::open(place.path()).expect("open");
        dir.create_dir(b"inner", 0o700).expect("make a directory");
        let inner = dir.open_dir(b"inner").expect("open");
        drop(dir.create_file(b"file", 0o600).expect("make a file"));
        assert_eq!(dir.metadata(b"file").expect("metadata").links, 1);
        dir.link(b"file", &inner, b"again").expect("link");
        let (first, again) = (dir.metadata(b"file"), inner.metadata(b"again"));
        let (first, again) = (first.expect("metadata"), again.expect("metadata"));
        assert_eq!((first.links, first.inode), (2, again.inode));
        assert!(dir.link(b"file", &inner, b"again").is_err(), "it is taken");
        dir.symlink(b"file", b"symlink").expect("link");
        dir.link(b"symlink", &inner, b"of-link").expect("link");
        assert_eq!(
            inner.metadata(b"of-link").expect("metadata").kind,
            Kind::Symlink
        );
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::extended::{Extended, Subject, SystemExtended, WriteExtended, read_extended};
    use super::*;

    fn with(attributes: &[(&str, &[u8])]) -> Extended {
        Extended {
            attributes: attributes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
                .collect(),
            ..Extended::default()
        }
    }

    fn read(subject: Subject<'_>) -> Extended {
        let mut found = read_extended(subject, false);
        assert!(found.refused.is_empty(), "{:?}", found.refused);
        found.extended.attributes.sort();
        found.extended
    }

    #[test]
    fn attributes_of_files_directories_and_entries() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let dir = Dir::open(place.path()).expect("open");
        let file = dir.create_file(b"file", 0o600).expect("make a file");
        dir.symlink(b"file", b"link").expect("link");
        let large = [7; 3000];
        let wanted = with(&[
            ("user.a", b"1"),
            ("user.empty", b""),
            ("user.large", &large),
        ]);
        for subject in [
            Subject::File(&file),
            Subject::Directory(&dir),
            Subject::Entry(&dir, b"file"),
        ] {
            assert_eq!(read(subject).attributes.len() % 3, 0);
            let refused = SystemExtended.write(subject, &wanted);
            if !refused.is_empty() {
                println!("skipped: needs user extended attributes");
                return;
            }
            assert_eq!(read(subject), wanted);
        }
        assert!(
            read(Subject::Entry(&dir, b"link")).is_empty(),
            "not of its target"
        );
        let refused =
            SystemExtended.write(Subject::Entry(&dir, b"link"), &with(&[("user.a", b"1")]));
        assert_eq!(refused.len(), 1, "links have none of users");
        assert_eq!(refused[0].what, "user.a");
        // Many names take more than the first attempt has room for.
        let names: Vec<String> = (0..60)
            .map(|at| format!("user.attribute-{at:02}"))
            .collect();
        let many: Vec<(&str, &[u8])> = names
            .iter()
            .map(|name| (name.as_str(), &b"x"[..]))
            .collect();
        dir.create_dir(b"inner", 0o700).expect("make a directory");
        let inner = dir.open_dir(b"inner").expect("open");
        assert!(
            SystemExtended
                .write(Subject::Directory(&inner), &with(&many))
                .is_empty()
        );
        assert_eq!(read(Subject::Entry(&dir, b"inner")), with(&many));
    }

    #[test]
    fn what_differs_is_lacking_and_what_nobody_may_set_is_not() {
        use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

        let place = tempfile::tempdir().expect("a temporary directory");
        let dir = Dir::open(place.path()).expect("open");
        drop(dir.create_file(b"file", 0o600).expect("make a file"));
        let subject = Subject::Entry(&dir, b"file");
        let lacks = |wanted: &[(&str, &[u8])]| SystemExtended.lacks(subject, &with(wanted));
        if !SystemExtended
            .write(subject, &with(&[("user.a", b"1"), ("user.b", b"2")]))
            .is_empty()
        {
            println!("skipped: needs user extended attributes");
            return;
        }
        assert!(!lacks(&[]));
        assert!(!lacks(&[("user.b", b"2")]), "more is no matter");
        assert!(lacks(&[("user.a", b"1"), ("user.b", b"3")]));
        assert!(lacks(&[("user.c", b"")]));
        let large = [1; 1000];
        assert!(lacks(&[("user.a", &large)]));
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                let mut sets = capabilities(None).expect("what this thread may do");
                sets.effective = CapabilitySet::empty();
                set_capabilities(None, sets).expect("give it up");
                let refused = with(&[("trusted.a", b"1"), ("security.capability", b"2")]);
                assert!(!SystemExtended.lacks(subject, &refused));
                assert_eq!(SystemExtended.write(subject, &refused).len(), 2);
            });
            asked.join().expect("the thread");
        });
    }

    #[test]
    fn holes_are_found() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let dir = Dir::open(place.path()).expect("open");
        let file = dir.create_file(b"file", 0o600).expect("make a file");
        file.set_len(1 << 20).expect("set the length");
        write_all_at(&file, &[1; 65_536], 131_072).expect("write");
        let metadata = dir.metadata(b"file").expect("metadata");
        assert!(metadata.may_have_holes);
        let file = dir.open_file(b"file").expect("open");
        let data = read_extended(Subject::File(&file), true).extended.data;
        assert_eq!(data, Some(vec![(131_072, 65_536)]));
        drop(dir.create_file(b"whole", 0o600).expect("make a file"));
        let whole = dir.open_file_for_writing(b"whole").expect("open");
        write_all_at(&whole, &[1; 70_000], 0).expect("write");
        assert!(!dir.metadata(b"whole").expect("metadata").may_have_holes);
        assert_eq!(extended::data_extents(&whole).expect("no error"), None);
    }
}
