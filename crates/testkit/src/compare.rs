//! Compares two file trees byte by byte, independently of the code that restores them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What has to be equal beside names, kinds, contents and symbolic link targets.
#[derive(Clone, Copy, Debug)]
pub struct CompareOptions {
    /// Permission bits (on Unix).
    pub modes: bool,
    /// Modification times of files and directories, to the nanosecond.
    pub times: bool,
}

impl CompareOptions {
    /// Everything that can be compared on this system.
    pub const ALL: Self = Self {
        modes: true,
        times: true,
    };
    /// Names, kinds and contents only.
    pub const CONTENTS: Self = Self {
        modes: false,
        times: false,
    };
}

/// What was compared, and every difference in words.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Files whose contents were compared.
    pub files: u64,
    /// Directories, the roots included.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of the first tree that were compared.
    pub bytes: u64,
    /// One sentence for each difference; empty when the trees are equal.
    pub differences: Vec<String>,
}

impl Comparison {
    /// Panics with the first differences unless the trees are equal and hold at least one file.
    pub fn assert_equal(&self) {
        assert!(
            self.differences.is_empty(),
            "{} differences: {:#?}",
            self.differences.len(),
            &self.differences[..self.differences.len().min(20)]
        );
        assert!(self.files > 0, "nothing was compared");
    }
}

/// Compares the tree (or single file) at `second` with that at `first`.
///
/// # Errors
/// Fails when one of them cannot be read; differences are no errors.
pub fn compare_trees(
    first: &Path,
    second: &Path,
    options: CompareOptions,
) -> io::Result<Comparison> {
    let mut comparison = Comparison::default();
    let mut open = vec![PathBuf::new()];
    while let Some(relative) = open.pop() {
        compare_entry(first, second, relative, options, &mut comparison, &mut open)?;
    }
    Ok(comparison)
}

fn compare_entry(
    first: &Path,
    second: &Path,
    relative: PathBuf,
    options: CompareOptions,
    comparison: &mut Comparison,
    open: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let (left, right) = (join(first, &relative), join(second, &relative));
    let left_data = about(&left, fs::symlink_metadata(&left))?;
    let right_data = match fs::symlink_metadata(&right) {
        Ok(data) => data,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            comparison
                .differences
                .push(format!("{}: missing", relative.display()));
            return Ok(());
        }
        Err(error) => return about(&right, Err(error)),
    };
    if kind(&left_data) != kind(&right_data) {
        comparison.differences.push(format!(
            "{}: {} became {}",
            relative.display(),
            kind(&left_data),
            kind(&right_data)
        ));
        return Ok(());
    }
    compare_metadata(&relative, &left_data, &right_data, options, comparison);
    if left_data.is_dir() {
        comparison.directories += 1;
        let (names, others) = (names(&left)?, names(&right)?);
        for name in others.iter().filter(|name| !names.contains(*name)) {
            comparison.differences.push(format!(
                "{}: not in the first tree",
                relative.join(name).display()
            ));
        }
        open.extend(names.into_iter().map(|name| relative.join(name)));
    } else if left_data.is_symlink() {
        comparison.links += 1;
        let targets = (
            about(&left, fs::read_link(&left))?,
            about(&right, fs::read_link(&right))?,
        );
        if targets.0 != targets.1 {
            comparison
                .differences
                .push(format!("{}: links to {:?}", relative.display(), targets));
        }
    } else if left_data.is_file() {
        comparison.files += 1;
        comparison.bytes += left_data.len();
        if let Some(difference) = compare_contents(&left, &right)? {
            comparison
                .differences
                .push(format!("{}: {difference}", relative.display()));
        }
    }
    Ok(())
}

/// The root itself is an empty relative path, and a single file must not get a slash after its name.
fn join(root: &Path, relative: &Path) -> PathBuf {
    if relative.as_os_str().is_empty() {
        root.to_path_buf()
    } else {
        root.join(relative)
    }
}

fn kind(data: &Metadata) -> &'static str {
    if data.is_dir() {
        "a directory"
    } else if data.is_symlink() {
        "a symbolic link"
    } else if data.is_file() {
        "a file"
    } else {
        "a special file"
    }
}

fn compare_metadata(
    relative: &Path,
    left: &Metadata,
    right: &Metadata,
    options: CompareOptions,
    comparison: &mut Comparison,
) {
    #[cfg(unix)]
    if options.modes && !left.is_symlink() {
        use std::os::unix::fs::PermissionsExt;
        let modes = (
            left.permissions().mode() & 0o7777,
            right.permissions().mode() & 0o7777,
        );
        if modes.0 != modes.1 {
            comparison.differences.push(format!(
                "{}: mode {:o} became {:o}",
                relative.display(),
                modes.0,
                modes.1
            ));
        }
    }
    if options.times && !left.is_symlink() {
        let times = (left.modified().ok(), right.modified().ok());
        if times.0 != times.1 {
            let seconds = |time: Option<SystemTime>| {
                time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
                    .unwrap_or_default()
            };
            comparison.differences.push(format!(
                "{}: modification time {:?} became {:?}",
                relative.display(),
                seconds(times.0),
                seconds(times.1)
            ));
        }
    }
}

fn names(directory: &Path) -> io::Result<BTreeSet<OsString>> {
    about(directory, fs::read_dir(directory))?
        .map(|entry| about(directory, entry).map(|entry| entry.file_name()))
        .collect()
}

/// Says at which byte two files differ first, or how their lengths do.
fn compare_contents(left: &Path, right: &Path) -> io::Result<Option<String>> {
    let (mut first, mut second) = (
        about(left, File::open(left))?,
        about(right, File::open(right))?,
    );
    let (mut one, mut other) = (vec![0; 1 << 18], vec![0; 1 << 18]);
    let mut offset = 0_u64;
    loop {
        let length = about(left, fill(&mut first, &mut one))?;
        let other_length = about(right, fill(&mut second, &mut other))?;
        let common = length.min(other_length);
        if one[..common] != other[..common] {
            let at = one[..common]
                .iter()
                .zip(&other[..common])
                .take_while(|(a, b)| a == b)
                .count() as u64;
            return Ok(Some(format!("differs at byte {}", offset + at)));
        }
        if length != other_length {
            return Ok(Some(format!(
                "ends at byte {} in one of them",
                offset + common as u64
            )));
        }
        if length < one.len() {
            return Ok(None);
        }
        offset += length as u64;
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            length => filled += length,
        }
    }
    Ok(filled)
}

fn about<T>(path: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> io::Result<tempfile::TempDir> {
        let place = tempfile::tempdir()?;
        for side in ["first", "second"] {
            let root = place.path().join(side);
            fs::create_dir_all(root.join("empty"))?;
            fs::write(root.join("note"), b"hello")?;
            File::options()
                .write(true)
                .open(root.join("note"))?
                .set_modified(
                    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000),
                )?;
        }
        Ok(place)
    }

    fn contents(place: &tempfile::TempDir, options: CompareOptions) -> io::Result<Comparison> {
        compare_trees(
            &place.path().join("first"),
            &place.path().join("second"),
            options,
        )
    }

    #[test]
    fn equal_trees_have_no_difference() -> io::Result<()> {
        let comparison = contents(&pair()?, CompareOptions::CONTENTS)?;
        comparison.assert_equal();
        assert_eq!(
            (comparison.files, comparison.directories, comparison.bytes),
            (1, 2, 5)
        );
        Ok(())
    }

    #[test]
    fn each_kind_of_difference_is_found() -> io::Result<()> {
        type Change = fn(&Path) -> io::Result<()>;
        let changes: [(&str, Change); 6] = [
            ("note: differs at byte 1", |root| {
                fs::write(root.join("note"), b"hallo")
            }),
            ("note: ends at byte 4", |root| {
                fs::write(root.join("note"), b"hell")
            }),
            ("note: missing", |root| fs::remove_file(root.join("note"))),
            ("empty: a directory became a file", |root| {
                fs::remove_dir(root.join("empty"))?;
                fs::write(root.join("empty"), b"")
            }),
            ("more: not in the first tree", |root| {
                fs::write(root.join("more"), b"")
            }),
            ("note: modification time", |root| {
                File::options()
                    .write(true)
                    .open(root.join("note"))?
                    .set_modified(SystemTime::UNIX_EPOCH)
            }),
        ];
        for (expected, change) in changes {
            let place = pair()?;
            change(&place.path().join("second"))?;
            let comparison = contents(&place, CompareOptions::ALL)?;
            let found = comparison
                .differences
                .iter()
                .any(|difference| difference.starts_with(expected));
            assert!(found, "{expected}: {:?}", comparison.differences);
        }
        Ok(())
    }
}
