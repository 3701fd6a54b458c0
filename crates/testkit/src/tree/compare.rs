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

impl Default for Compare {
    fn default() -> Self {
        Self {
            modes: cfg!(unix),
            owners: cfg!(unix),
            times: true,
            link_times: cfg!(unix),
            root: true,
            time_step: if cfg!(windows) { 100 } else { 1 },
        }
    }
}

/// Panics with the first 30 differences of the two trees, if there are any.
pub fn assert_same(expected: &Path, actual: &Path, compare: &Compare) {
    let found = differences(expected, actual, compare)
        .unwrap_or_else(|error| panic!("compare {expected:?} with {actual:?}: {error}"));
    if !found.is_empty() {
        let shown: Vec<_> = found.iter().take(30).map(String::as_str).collect();
        panic!(
            "{} differences between {expected:?} and {actual:?}:\n{}",
            found.len(),
            shown.join("\n")
        );
    }
}

/// Every difference of the two trees, a line each, that begins with the path below the roots.
pub fn differences(expected: &Path, actual: &Path, compare: &Compare) -> io::Result<Vec<String>> {
    let mut walk = Walk {
        compare,
        found: Vec::new(),
    };
    let (a, b) = (fs::metadata(expected)?, fs::metadata(actual)?);
    if a.is_dir() != b.is_dir() {
        walk.report(Path::new(""), "is a directory in one tree only");
    } else if a.is_dir() {
        if compare.root {
            walk.attributes(Path::new("."), &a, &b);
        }
        walk.directory(Path::new(""), expected, actual)?;
    } else {
        walk.entry(Path::new(""), (expected, &a), (actual, &b))?;
    }
    Ok(walk.found)
}

struct Walk<'a> {
    compare: &'a Compare,
    found: Vec<String>,
}

impl Walk<'_> {
    fn report(&mut self, path: &Path, what: impl std::fmt::Display) {
        // Debug shows names that are not text, and what of them is invisible.
        self.found.push(format!("{path:?}: {what}"));
    }

    fn directory(&mut self, below: &Path, expected: &Path, actual: &Path) -> io::Result<()> {
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
            let targets: (PathBuf, PathBuf) = (fs::read_link(in_a)?, fs::read_link(in_b)?);
            if targets.0 != targets.1 {
                self.report(
                    path,
                    format!("points to {:?} instead of {:?}", targets.1, targets.0),
                );
            }
            return Ok(());
        }
        if a.is_file() {
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
    fs::read_dir(directory)?
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), fs::symlink_metadata(entry.path())?))
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
    let (mut a, mut b) = (File::open(a)?, File::open(b)?);
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
