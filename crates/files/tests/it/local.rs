//! Directories of this machine.

use std::fs;
use std::path::{Path, PathBuf};

use holdfast_files::{Kind, LocalTree, RootNode, SourceTree};

use crate::conformance::{Plant, plant, suite};

struct Disk(PathBuf);

impl Plant for Disk {
    fn directory(&mut self, path: &str) {
        fs::create_dir_all(self.0.join(path)).expect("make a directory");
    }

    fn file(&mut self, path: &str, content: &[u8]) {
        fs::write(self.0.join(path), content).expect("write a file");
    }

    fn symlink(&mut self, path: &str, target: &str) {
        #[cfg(unix)]
        std::os::unix::fs::symlink(target, self.0.join(path)).expect("make a link");
        #[cfg(windows)]
        std::os::windows::fs::symlink_file(target, self.0.join(path)).expect("make a link");
    }
}

#[test]
fn conforms() {
    let place = tempfile::tempdir().expect("a temporary directory");
    plant(&mut Disk(place.path().to_path_buf()), cfg!(unix));
    suite(&LocalTree::new(place.path()), cfg!(unix));
}

#[test]
fn a_single_file_is_a_root() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let path = place.path().join("one.txt");
    fs::write(&path, b"content").expect("write");
    let root = LocalTree::new(&path).root().expect("open");
    assert_eq!(
        (root.name.as_slice(), root.metadata.kind, root.metadata.size),
        (&b"one.txt"[..], Kind::File, 7)
    );
    let RootNode::File(file) = root.node else {
        panic!("a file")
    };
    let mut buffer = [0; 10];
    assert_eq!(file.read_at(&mut buffer, 3).expect("read"), 4);
    assert_eq!(&buffer[..4], b"tent");
}

#[test]
fn a_missing_root_is_an_error() {
    assert!(LocalTree::new(Path::new("/no/such/place")).root().is_err());
}

#[cfg(unix)]
mod unix {
    use super::*;

    #[test]
    fn a_linked_root_stands_for_its_target() {
        let place = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(place.path().join("real")).expect("make a directory");
        std::os::unix::fs::symlink("real", place.path().join("alias")).expect("link");
        let root = LocalTree::new(place.path().join("alias"))
            .root()
            .expect("open");
        assert_eq!(
            (root.name.as_slice(), root.metadata.kind),
            (&b"real"[..], Kind::Directory)
        );
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_not_read() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let made = std::process::Command::new("mkfifo")
            .arg(place.path().join("file"))
            .status()
            .expect("run mkfifo");
        assert!(made.success());
        let root = LocalTree::new(place.path()).root().expect("open");
        let RootNode::Directory(directory) = root.node else {
            panic!("a directory")
        };
        assert!(directory.read_small(b"file", 5, &mut [0; 6]).is_err());
        assert!(directory.open_file(b"file").is_err());
    }

    #[test]
    fn the_root_of_the_file_system_is_called_slash() {
        assert_eq!(LocalTree::new("/").root().expect("open").name, b"/");
    }

    #[test]
    fn raw_names_and_special_bits_are_kept() {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::PermissionsExt;

        let place = tempfile::tempdir().expect("a temporary directory");
        let name = std::ffi::OsStr::from_bytes(b"bad \xff name");
        fs::write(place.path().join(name), b"x").expect("write");
        fs::set_permissions(place.path().join(name), fs::Permissions::from_mode(0o4711))
            .expect("set");
        let RootNode::Directory(root) = LocalTree::new(place.path()).root().expect("open").node
        else {
            panic!("a directory")
        };
        let listing = root.list().expect("list");
        assert_eq!(listing.get(0).name, b"bad \xff name");
        assert_eq!(listing.get(0).metadata.mode, 0o4711);
    }
}
