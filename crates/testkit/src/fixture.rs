//! Repositories that the reference implementation wrote, with what they must contain.

use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;
use tempfile::TempDir;

use crate::data_dir;

/// A fixture repository unpacked into a temporary directory of its own, removed when dropped.
#[derive(Debug)]
pub struct Fixture {
    directory: TempDir,
    description: Value,
}

impl Fixture {
    /// Unpacks the fixture `name`.
    pub fn open(name: &str) -> Self {
        let folder = Self::folder();
        let description = std::fs::read(folder.join(format!("{name}.json")))
            .unwrap_or_else(|error| panic!("fixture {name}: {error}"));
        let archive = File::open(folder.join(format!("{name}.tar.gz")))
            .unwrap_or_else(|error| panic!("fixture {name}: {error}"));
        let directory = tempfile::tempdir().expect("temporary directory");
        tar::Archive::new(GzDecoder::new(archive))
            .unpack(directory.path())
            .unwrap_or_else(|error| panic!("unpack fixture {name}: {error}"));
        Self {
            directory,
            description: serde_json::from_slice(&description)
                .unwrap_or_else(|error| panic!("fixture {name}: {error}")),
        }
    }

    /// The names of all fixtures, sorted.
    pub fn names() -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(Self::folder())
            .expect("folder of fixtures")
            .filter_map(|entry| {
                let name = entry.expect("entry").file_name().into_string().ok()?;
                Some(name.strip_suffix(".tar.gz")?.to_owned())
            })
            .collect();
        names.sort();
        names
    }

    /// The repository's directory. It is a copy and may be changed.
    pub fn repository(&self) -> PathBuf {
        self.directory.path().join("repo")
    }

    /// The directory around the repository, for other files of the test.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What the fixture must contain: password, snapshots with their trees, manifests.
    pub fn description(&self) -> &Value {
        &self.description
    }

    /// The repository's password.
    pub fn password(&self) -> &str {
        self.description["password"]
            .as_str()
            .expect("a fixture has a password")
    }

    fn folder() -> PathBuf {
        data_dir().join("kopia/fixtures")
    }
}
