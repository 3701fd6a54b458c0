//! Comparing two trees with the system's own calls.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::since_epoch;

/// What counts as a difference beside names, kinds, contents and link targets, which always do.
#[derive(Debug, Clone)]
pub struct Compare {
    /// Permission bits with set-user-id, set-group-id and sticky. Unix only.
    pub modes: bool,
    /// Owner and group. Unix only.
    pub owners: bool,
    /// Modification times of files and directories.
    pub times: bool,
    /// Modification times of symbolic links.
    pub link_times: bool,
    /// Mode, owner and time of the two roots themselves.
    pub root: bool,
    /// Differences of times below this many nanoseconds are none: what a file system or archive cannot keep.
    pub time_step: u32,
}

impl Compare {
    /// Everything that can be compared on this system.
    pub const ALL: Self = Self {
        modes: cfg!(unix),
        owners: cfg!(unix),
        times: true,
        link_times: cfg!(unix),
        root: true,
        time_step: if cfg!(windows) { 100 } else { 1 },
    };

    /// As [`Self::ALL`] but for owners, which only root can restore.
    pub const WITHOUT_OWNERS: Self = Self {
        owners: false,
        ..Self::ALL
    };

    /// Names, kinds, contents and link targets only.
    pub const CONTENTS: Self = Self {
        modes: false,
        owners: false,
        times: false,
        link_times: false,
        root: false,
        time_step: 1,
    };
}

impl Default for Compare {
    fn default() -> Self {
        Self::ALL
    }
}

/// What was compared, and every difference in words.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// Files whose contents were compared.
    pub files: u64,
    /// Directories, the roots included.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of the first tree that were compared.
    pub bytes: u64,
    /// One line for each difference, that begins with the path below the roots; empty when the trees are equal.
    pub differences: Vec<String>,
}

impl Comparison {
    /// Panics with the first 30 differences, and when not even one file was compared.
    pub fn assert_equal(&self) {
        let shown: Vec<_> = self
            .differences
            .iter()
            .take(30)
            .map(String::as_str)
            .collect();
        assert!(
            shown.is_empty(),
            "{} differences:\n{}",
            self.differences.len(),
            shown.join("\n")
        );
        assert!(self.files > 0, "nothing was compared");
    }
}

/// Panics with the first differences of the two trees, if there are any.
pub fn assert_same(expected: &Path, actual: &Path, compare: &Compare) {
    compare_trees(expected, actual, compare.clone())
        .unwrap_or_else(|error| panic!("compare {expected:?} with {actual:?}: {error}"))
        .assert_equal();
}

/// Compares the tree, or single file, at `actual` with that at `expected`.
///
/// # Errors
/// Fails when one of them cannot be read; differences are no errors.
pub fn compare_trees(expected: &Path, actual: &Path, compare: Compare) -> io::Result<Comparison> {
    let mut walk = Walk {
        compare,
        result: Comparison::default(),
    };
    let metadata = |path: &Path| about(path, fs::metadata(path));
    let (a, b) = (metadata(expected)?, metadata(actual)?);
    if a.is_dir() != b.is_dir() {
        walk.report(Path::new(""), "is a directory in one tree only");
    } else if a.is_dir() {
        if walk.compare.root {
            walk.attributes(Path::new("."), &a, &b);
        }
        walk.directory(Path::new(""), expected, actual)?;
    } else {
        walk.entry(Path::new(""), (expected, &a), (actual, &b))?;
    }
    Ok(walk.result)
}

struct Walk {
    compare: Compare,
    result: Comparison,
}

impl Walk {
    fn report(&mut self, path: &Path, what: impl std::fmt::Display) {
        // Debug shows names that are not text, and what of them is invisible.
        self.result.differences.push(format!("{path:?}: {what}"));
    }

    fn directory(&mut self, below: &Path, expected: &Path, actual: &Path) -> io::Result<()> {
        self.result.directories += 1;
        let a = entries(expected)?;
        let mut b = entries(actual)?;
        for (name, a) in &a {
            let path = below.join(name);
            match b.remove(name) {
                None => self.report(&path, "is missing"),
                Some(b) => {
                    let (in_a, in_b) = (expected.join(name), actual.join(name));
                    self.entry(&path, (&in_a, a), (&in_b, &b))?;
                }
            }
        }
        for name in b.keys() {
            self.report(&below.join(name), "is there though it should not be");
        }
        Ok(())
    }

    fn entry(
        &mut self,
        path: &Path,
        (in_a, a): (&Path, &Metadata),
        (in_b, b): (&Path, &Metadata),
    ) -> io::Result<()> {
        let kinds = (kind(a), kind(b));
        if kinds.0 != kinds.1 {
            self.report(path, format!("is a {} instead of a {}", kinds.1, kinds.0));
            return Ok(());
        }
        self.attributes(path, a, b);
        if a.is_dir() {
            return self.directory(path, in_a, in_b);
        }
        if a.is_symlink() {
            self.result.links += 1;
            let target = |path: &Path| about(path, fs::read_link(path));
            let targets: (PathBuf, PathBuf) = (target(in_a)?, target(in_b)?);
            if targets.0 != targets.1 {
                self.report(
                    path,
                    format!("points to {:?} instead of {:?}", targets.1, targets.0),
                );
            }
            return Ok(());
        }
        if a.is_file() {
            self.result.files += 1;
            self.result.bytes += a.len();
            if a.len() != b.len() {
                self.report(
                    path,
                    format!("has {} bytes instead of {}", b.len(), a.len()),
                );
            } else if let Some(offset) = first_difference(in_a, in_b)? {
                self.report(path, format!("differs from byte {offset} on"));
            }
        }
        Ok(())
    }

    fn attributes(&mut self, path: &Path, a: &Metadata, b: &Metadata) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            // Links have no modes of their own.
            let modes = (a.mode() & 0o7777, b.mode() & 0o7777);
            if self.compare.modes && !a.is_symlink() && modes.0 != modes.1 {
                self.report(
                    path,
                    format!("has mode {:04o} instead of {:04o}", modes.1, modes.0),
                );
            }
            let owners = ((a.uid(), a.gid()), (b.uid(), b.gid()));
            if self.compare.owners && owners.0 != owners.1 {
                self.report(
                    path,
                    format!("belongs to {:?} instead of {:?}", owners.1, owners.0),
                );
            }
        }
        let wanted = match a.is_symlink() {
            true => self.compare.link_times,
            false => self.compare.times,
        };
        if let (true, Ok(a), Ok(b)) = (wanted, a.modified(), b.modified()) {
            let gap = match a.duration_since(b) {
                Ok(gap) => gap,
                Err(error) => error.duration(),
            };
            if gap.as_nanos() >= u128::from(self.compare.time_step.max(1)) {
                let (a, b) = (since_epoch(a), since_epoch(b));
                self.report(
                    path,
                    format!(
                        "was modified at {}.{:09} instead of {}.{:09}",
                        b.0, b.1, a.0, a.1
                    ),
                );
            }
        }
    }
}

fn entries(directory: &Path) -> io::Result<BTreeMap<OsString, Metadata>> {
    about(directory, fs::read_dir(directory))?
        .map(|entry| {
            let entry = about(directory, entry)?;
            let path = entry.path();
            Ok((
                entry.file_name(),
                about(&path, fs::symlink_metadata(&path))?,
            ))
        })
        .collect()
}

fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_dir() {
        "directory"
    } else if kind.is_symlink() {
        "symbolic link"
    } else if kind.is_file() {
        "file"
    } else {
        "special file"
    }
}

fn first_difference(a: &Path, b: &Path) -> io::Result<Option<u64>> {
    let open = |path: &Path| about(path, File::open(path));
    let (mut a, mut b) = (open(a)?, open(b)?);
    let (mut block_a, mut block_b) = (vec![0; 256 << 10], vec![0; 256 << 10]);
    let mut offset = 0;
    loop {
        let count = read_block(&mut a, &mut block_a)?;
        let other = read_block(&mut b, &mut block_b)?;
        if block_a[..count] != block_b[..other] {
            let same = block_a[..count]
                .iter()
                .zip(&block_b[..other])
                .take_while(|(a, b)| a == b)
                .count();
            return Ok(Some(offset + same as u64));
        }
        if count == 0 {
            return Ok(None);
        }
        offset += count as u64;
    }
}

fn read_block(file: &mut File, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match file.read(&mut block[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

fn about<T>(path: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
