use std::io::{self, Write};
use std::path::Path;

use holdfast_host::fs::{
    CacheFile, FileLock, LockError, atomic_write, create_dir_all_synced, create_dirs_below,
    read_exact_at, sync_dir,
};

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn atomic_write_replaces_and_leaves_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    atomic_write(&path, b"old", 0o600).unwrap();
    atomic_write(&path, b"new content", 0o600).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new content");
    assert_eq!(names(dir.path()), ["config"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_failed_atomic_write_names_the_path_and_removes_its_temporary_file() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("occupied");
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("inside"), b"x").unwrap();
    let error = atomic_write(&target, b"data", 0o600).unwrap_err();
    assert!(error.to_string().contains("occupied"), "{error}");
    assert_eq!(names(dir.path()), ["occupied"]);

    let missing = dir.path().join("none/file");
    let error = atomic_write(&missing, b"data", 0o600).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn directories_are_created_with_their_parents() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b/c");
    create_dir_all_synced(&deep, 0o700).unwrap();
    create_dir_all_synced(&deep, 0o700).unwrap();
    assert!(deep.is_dir());
    std::fs::write(dir.path().join("file"), b"").unwrap();
    assert!(create_dir_all_synced(&dir.path().join("file/x"), 0o700).is_err());
    assert!(sync_dir(&dir.path().join("missing")).is_err());
}

#[test]
fn create_dirs_below_neither_creates_the_root_nor_leaves_it() {
    let dir = tempfile::tempdir().unwrap();
    create_dirs_below(dir.path(), Path::new("p/abc"), 0o700).unwrap();
    assert!(dir.path().join("p/abc").is_dir());
    let missing = dir.path().join("gone");
    let error = create_dirs_below(&missing, Path::new("p"), 0o700).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    let error = create_dirs_below(dir.path(), Path::new("../x"), 0o700).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn a_lock_is_held_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let held = FileLock::try_acquire(&path).unwrap();
    assert!(matches!(
        FileLock::try_acquire(&path),
        Err(LockError::Held(_))
    ));
    drop(held);
    FileLock::acquire(&path).unwrap();
}

#[test]
fn positioned_reads_are_whole_or_fail() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, b"0123456789").unwrap();
    let file = std::fs::File::open(&path).unwrap();
    let mut buffer = [0; 4];
    read_exact_at(&file, &mut buffer, 3).unwrap();
    assert_eq!(&buffer, b"3456");
    let error = read_exact_at(&file, &mut buffer, 7).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_cache_file_takes_its_place_when_it_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, b"old").unwrap();
    let mut given_up = CacheFile::create(&path, 0o600).unwrap();
    given_up.write_all(b"half").unwrap();
    drop(given_up);
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    let mut file = CacheFile::create(&path, 0o600).unwrap();
    file.write_all(b"new ").unwrap();
    file.write_all(b"content").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    let (file, placed) = file.finish().unwrap();
    placed.unwrap();
    let mut part = [0; 7];
    read_exact_at(&file, &mut part, 4).unwrap();
    assert_eq!(&part, b"content");
    assert_eq!(std::fs::read(&path).unwrap(), b"new content");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_cache_file_without_a_place_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("taken");
    std::fs::create_dir_all(path.join("full")).unwrap();
    let mut file = CacheFile::create(&path, 0o600).unwrap();
    file.write_all(b"content").unwrap();
    let (file, placed) = file.finish().unwrap();
    assert!(placed.is_err());
    let mut part = [0; 7];
    read_exact_at(&file, &mut part, 0).unwrap();
    assert_eq!(&part, b"content");
    drop(file);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}
