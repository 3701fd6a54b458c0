//! Where a restore writes to.

use std::io;
use std::path::{Path, PathBuf};

use holdfast_host::dir::{self, Dir, NameSupport};
use holdfast_planning::restore::NamingRules;

use super::plan::Naming;
use crate::error::{Error, Result};
use crate::read::Located;

/// Where an entry goes.
pub(super) struct Place {
    /// The directory that is or receives the entry.
    pub(super) directory: PathBuf,
    /// For an entry that is no directory: its name in there.
    pub(super) file_name: Option<Vec<u8>>,
}

impl Place {
    /// A directory becomes the target. Anything else goes into the target if that is a directory or is written as one, and
    /// becomes the target otherwise.
    pub(super) fn of(located: &Located, target: &Path) -> Result<Self> {
        if located.entry.is_directory() {
            return Ok(Self {
                directory: target.to_path_buf(),
                file_name: None,
            });
        }
        let written_as_directory = target
            .as_os_str()
            .to_string_lossy()
            .ends_with(std::path::is_separator);
        if written_as_directory || target.is_dir() {
            let name = located.entry.file_name().to_vec();
            return Ok(Self {
                directory: target.to_path_buf(),
                file_name: Some(name),
            });
        }
        let Some(name) = target.file_name() else {
            let reason = "it names neither a directory nor a file".to_owned();
            return Err(Error::Target {
                path: target.display().to_string(),
                reason,
            });
        };
        let parent = target
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new(".")).to_path_buf();
        Ok(Self {
            directory,
            file_name: Some(dir::path_to_bytes(name)),
        })
    }

    pub(super) fn error(&self, error: &io::Error) -> Error {
        Error::Target {
            path: self.directory.display().to_string(),
            reason: error.to_string(),
        }
    }
}

/// The directory of a place, as it was before.
pub(super) struct Target {
    /// The directory, unless it has to be made.
    pub(super) before: Option<Dir>,
    /// The nearest directory above that exists, where it has to be made.
    above: Option<Dir>,
}

impl Target {
    /// Looks at the target without changing anything.
    pub(super) fn look(place: &Place) -> Result<Self> {
        if place.directory.exists() {
            let before = Dir::open(&place.directory).map_err(|error| place.error(&error))?;
            return Ok(Self {
                before: Some(before),
                above: None,
            });
        }
        let mut above = place.directory.as_path();
        while let Some(next) = above.parent() {
            above = match next.as_os_str().is_empty() {
                true => Path::new("."),
                false => next,
            };
            if above.exists() {
                break;
            }
        }
        let above = Dir::open(above).map_err(|error| place.error(&error))?;
        Ok(Self {
            before: None,
            above: Some(above),
        })
    }

    /// What names the target can hold.
    pub(super) fn naming(&self) -> Naming {
        let nearest = self.before.as_ref().or(self.above.as_ref());
        let support = nearest.and_then(|dir| dir.names().ok());
        let rules = match support {
            _ if cfg!(windows) => NamingRules::Windows,
            Some(NameSupport::FoldsCase) => NamingRules::UnixFoldingCase,
            Some(NameSupport::Fat) => NamingRules::Fat,
            Some(NameSupport::Bytes) | None => NamingRules::Unix,
        };
        // A file system that does not say what it keeps is asked by doing.
        let longest = nearest.and_then(|dir| dir.longest_name().ok());
        Naming {
            rules,
            longest: longest.unwrap_or(usize::MAX),
        }
    }

    /// The directory of the target, made if it has to be.
    pub(super) fn create(&self, place: &Place) -> Result<Dir> {
        match &self.before {
            Some(before) => before.reopen(),
            None => {
                std::fs::create_dir_all(&place.directory).and_then(|()| Dir::open(&place.directory))
            }
        }
        .map_err(|error| place.error(&error))
    }

    /// Fails as making a file `name` in the directory would, or replacing one, and makes nothing.
    pub(super) fn may_receive(&self, name: &[u8]) -> io::Result<()> {
        let Some(before) = &self.before else {
            return self.may_create();
        };
        before.may_create()?;
        match before.metadata(name) {
            Ok(there) => before.may_replace(name, there.uid, before.replacing()?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Fails as [`Self::create`] would, and makes nothing.
    pub(super) fn may_create(&self) -> io::Result<()> {
        self.above.as_ref().map_or(Ok(()), Dir::may_create)
    }
}
