//! The data sets: many small files of source-like text, still more tiny ones, one large file that does not compress, and a
//! repository with many file versions.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use holdfast_testkit::tree::{random_bytes, source_like, write_random_file, write_text_file};
use serde::Serialize;

/// A data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DataSet {
    /// 80,000 files, 1.3 GB of source-like text.
    Small,
    /// 300,000 files, 300 MB of such text.
    Tiny,
    /// One file of 4 GiB of random bytes.
    Large,
    /// 1,000,000 versions of 400,000 files in 31 snapshots, to be searched.
    Versions,
}

/// How much of each.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Size {
    small_files: u64,
    tiny_files: u64,
    large_bytes: u64,
    pub(crate) versions: u64,
}

impl Size {
    pub(crate) fn divided(by: u64) -> Self {
        let by = by.max(1);
        Self {
            small_files: 80_000 / by,
            tiny_files: 300_000 / by,
            large_bytes: (4 << 30) / by,
            versions: 1_000_000 / by,
        }
    }
}

/// Mean size of a small file.
const SMALL_MEAN: u64 = 16 << 10;
/// Mean size of a tiny file.
const TINY_MEAN: u64 = 1 << 10;
/// What the data are made from; the same each time.
const SEED: u64 = 0x5eed;

impl DataSet {
    /// Those of files, in the order of the table.
    pub(crate) const OF_FILES: [Self; 3] = [Self::Small, Self::Tiny, Self::Large];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "small files",
            Self::Tiny => "tiny files",
            Self::Large => "large file",
            Self::Versions => "versions",
        }
    }

    /// How many bytes the set has.
    pub(crate) fn bytes(self, size: Size) -> u64 {
        match self {
            Self::Small => size.small_files * SMALL_MEAN,
            Self::Tiny => size.tiny_files * TINY_MEAN,
            Self::Large => size.large_bytes,
            Self::Versions => 0,
        }
    }

    /// How many files the set has.
    pub(crate) fn files(self, size: Size) -> u64 {
        match self {
            Self::Small => size.small_files,
            Self::Tiny => size.tiny_files,
            Self::Large => 1,
            Self::Versions => size.versions,
        }
    }

    /// Writes the set; the same bytes each time.
    pub(crate) fn generate(self, root: &Path, size: Size) -> Result<()> {
        fs::create_dir_all(root).with_context(|| format!("make {}", root.display()))?;
        match self {
            Self::Small | Self::Tiny => {
                source_like(root, SEED, self.files(size) as usize, self.bytes(size))
            }
            Self::Large => write_random_file(&root.join("large.bin"), SEED, size.large_bytes),
            // Its snapshots are written without files.
            Self::Versions => Ok(()),
        }
        .context("make the data")
    }

    /// Writes every hundredth file anew, or every hundredth MiB of the large file; other bytes for each `number`.
    pub(crate) fn change_one_percent(self, root: &Path, number: u32) -> Result<()> {
        let seed = SEED + u64::from(number) * 1_000_003;
        match self {
            Self::Versions => {}
            Self::Small | Self::Tiny => {
                let mean = if self == Self::Small {
                    SMALL_MEAN
                } else {
                    TINY_MEAN
                };
                for (number, path) in files_below(root)?.iter().enumerate().step_by(100) {
                    write_text_file(path, seed + number as u64, mean).context("change a file")?;
                }
            }
            Self::Large => {
                let path = root.join("large.bin");
                let mut file = File::options()
                    .write(true)
                    .open(&path)
                    .context("open the large file")?;
                let megabytes = file.metadata().context("look at the large file")?.len() >> 20;
                for megabyte in (0..megabytes).step_by(100) {
                    file.seek(SeekFrom::Start(megabyte << 20))
                        .context("seek in the large file")?;
                    file.write_all(&random_bytes(seed + megabyte, 1 << 20))
                        .context("change the large file")?;
                }
            }
        }
        Ok(())
    }
}

/// The files below a folder, in order.
pub(crate) fn files_below(root: &Path) -> Result<Vec<PathBuf>> {
    let mut open = vec![root.to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))? {
            let path = entry
                .with_context(|| format!("list {}", folder.display()))?
                .path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
