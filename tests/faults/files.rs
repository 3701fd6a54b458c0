//! What a source holds, as a model that owes nothing to the product.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use holdfast_files::MemoryTree;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{Rng, RngExt};

/// When the first version of every file was written, nanoseconds since 1970.
const FIRST_VERSION: i64 = 1_700_000_000_000_000_000;

/// The files of a source, by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Files(BTreeMap<String, File>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    bytes: Vec<u8>,
    /// Rises with each change, as the modification time of a file does.
    version: i64,
}

impl Files {
    /// A few files in a few folders; some are equal, one may need several contents.
    pub(crate) fn random(random: &mut StdRng) -> Self {
        let mut files = Self::default();
        for _ in 0..random.random_range(3..8) {
            files.add(random);
        }
        files
    }

    fn add(&mut self, random: &mut StdRng) {
        const FOLDERS: [&str; 4] = ["", "a/", "a/b/", "c/"];
        let folder = FOLDERS[random.random_range(0..FOLDERS.len())];
        let path = format!("{folder}file-{}", random.random_range(0..1000));
        let bytes = match self.0.values().choose(random) {
            Some(file) if random.random_range(0..4) == 0 => file.bytes.clone(),
            _ => content(random),
        };
        self.0.insert(path, File { bytes, version: 0 });
    }

    /// What a user does between two backups.
    pub(crate) fn change(&mut self, random: &mut StdRng) {
        for _ in 0..random.random_range(1..4) {
            match random.random_range(0..4) {
                0 => self.add(random),
                1 if self.0.len() > 2 => {
                    let path = self.0.keys().choose(random).expect("not empty").clone();
                    self.0.remove(&path);
                }
                _ => {
                    let file = self.0.values_mut().choose(random).expect("not empty");
                    file.bytes = content(random);
                    file.version += 1;
                }
            }
        }
    }

    /// The source as the product sees it.
    pub(crate) fn tree(&self) -> MemoryTree {
        let mut tree = MemoryTree::new("data");
        for (path, file) in &self.0 {
            let modified = FIRST_VERSION + file.version * 1_000_000_000;
            tree.file(path, file.bytes.clone())
                .metadata(path, |metadata| {
                    metadata.modified = modified;
                    metadata.changed = modified;
                });
        }
        tree
    }

    /// Writes them into an empty directory.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        for (path, file) in &self.0 {
            let path = directory.join(path);
            std::fs::create_dir_all(path.parent().expect("below the directory"))?;
            std::fs::write(path, &file.bytes)?;
        }
        Ok(())
    }

    /// Paths of all files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Every difference between these files and those in a directory, in words.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(crate) fn differences(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut found = BTreeMap::new();
        read_all(directory, "", &mut found)?;
        let mut differences = Vec::new();
        for (path, file) in &self.0 {
            match found.remove(path) {
                None => differences.push(format!("{path} is missing")),
                Some(bytes) if bytes != file.bytes => {
                    differences.push(format!("{path} has other bytes"));
                }
                Some(_) => {}
            }
        }
        differences.extend(found.keys().map(|path| format!("{path} is there")));
        Ok(differences)
    }
}

/// A directory for what is restored; in memory where the system has such a place, because there are thousands.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn scratch() -> io::Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
}

fn read_all(directory: &Path, above: &str, into: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_all(&entry.path(), &format!("{name}/"), into)?;
        } else {
            into.insert(name, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Bytes that compress or not, rarely more than fit into one content.
fn content(random: &mut StdRng) -> Vec<u8> {
    let length = match random.random_range(0..12) {
        0 => 0,
        1 => random.random_range(140_000..300_000),
        _ => random.random_range(1..2500),
    };
    let mut bytes = vec![0; length];
    random.fill_bytes(&mut bytes);
    if random.random_range(0..2) == 0 {
        bytes.iter_mut().for_each(|byte| *byte = b'a' + *byte % 2);
    }
    bytes
}
