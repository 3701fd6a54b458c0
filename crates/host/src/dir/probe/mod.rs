//! What a directory would let this process do, asked without changing anything.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

/// What names of entries are to a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameSupport {
    /// Bytes, which are kept as they are.
    Bytes,
    /// Text of which letter case tells nothing apart.
    FoldsCase,
    /// The same, without the characters that FAT does not allow.
    Fat,
}

/// Who may replace the entries of a directory, by what the directory itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacing {
    /// The user whose own entries are the only ones that this process may replace.
    #[cfg_attr(windows, allow(dead_code))] // never asked for there
    only: Option<u32>,
}

#[cfg(test)]
mod tests {
    use crate::dir::Dir;

    #[test]
    fn an_ordinary_directory_takes_entries_and_gives_them_up() {
        let place = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(place.path().join("file"), b"old").expect("write");
        let dir = Dir::open(place.path()).expect("open");
        dir.may_create().expect("entries may be made");
        let there = dir.metadata(b"file").expect("metadata");
        let replacing = dir.replacing().expect("ask");
        dir.may_replace(b"file", there.uid, replacing)
            .expect("the file may be replaced");
        if cfg!(target_os = "linux") {
            // No machine of ours has its temporary files on a memory card.
            assert_ne!(dir.names().expect("names"), super::NameSupport::Fat);
        }
        let longest = dir.longest_name().expect("the file system says it");
        let name = vec![b'n'; longest];
        drop(dir.create_file(&name, 0o600).expect("the longest name"));
        let longer = vec![b'n'; longest + 1];
        assert!(dir.create_file(&longer, 0o600).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn closed_and_foreign_directories_say_so() {
        use std::os::unix::fs::PermissionsExt;

        use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

        let place = tempfile::tempdir().expect("a temporary directory");
        let dir = Dir::open(place.path()).expect("open");
        let mode = |mode| {
            std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(mode))
                .expect("set permissions");
        };
        mode(0o500);
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                // Whoever may do everything is told so.
                let mut sets = capabilities(None).expect("what this thread may do");
                sets.effective = CapabilitySet::empty();
                set_capabilities(None, sets).expect("give it up");
                let refused = dir.may_create().expect_err("it is closed");
                assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
            });
            asked.join().expect("the thread");
        });
        mode(0o700);
        dir.may_create().expect("it is open again");
    }
}
