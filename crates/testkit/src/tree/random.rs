//! Trees by chance and trees by size.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::{random_bytes, set_modified, write_text_file};

/// A random tree; the same values give the same tree.
#[derive(Debug, Clone)]
pub struct RandomTree {
    /// Where chance begins. Print it when a test fails.
    pub seed: u64,
    /// How many files.
    pub files: usize,
    /// How many directories, the root not counted.
    pub directories: usize,
    /// No file is larger, in bytes. Most are far smaller.
    pub max_file_size: usize,
}

impl RandomTree {
    /// A tree of moderate size: 120 files in 25 directories, up to 3 MiB each.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            files: 120,
            directories: 25,
            max_file_size: 3 << 20,
        }
    }

    /// Fills `root`, which must exist.
    pub fn create(&self, root: &Path) -> io::Result<()> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut directories = vec![root.to_owned()];
        for number in 0..self.directories {
            let above = directories.choose(&mut random).expect("the root is there");
            let path = above.join(name(&mut random, number));
            fs::create_dir(&path)?;
            directories.push(path);
        }
        for number in 0..self.files {
            let above = directories.choose(&mut random).expect("the root is there");
            let path = above.join(name(&mut random, number + self.directories));
            self.one(&mut random, &path)?;
        }
        // A directory's time changes while it is filled; deeper ones come later in the list.
        for path in directories.iter().rev() {
            any_time(&mut random, path)?;
        }
        Ok(())
    }

    fn one(&self, random: &mut StdRng, path: &Path) -> io::Result<()> {
        #[cfg(unix)]
        if random.random_range(0..12) == 0 {
            std::os::unix::fs::symlink(format!("../{}", random.random_range(0..99)), path)?;
            return any_time(random, path);
        }
        // Small files are many, large ones few.
        let bits = random.random_range(0..=self.max_file_size.max(1).ilog2());
        let size = random
            .random_range(0..=1_usize << bits)
            .min(self.max_file_size);
        match random.random_range(0..3) {
            0 => write_text_file(path, random.random(), size as u64)?,
            // From few seeds, so that there are equal contents to find.
            1 => fs::write(path, random_bytes(random.random_range(0..8), size))?,
            _ => fs::write(path, random_bytes(random.random(), size))?,
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = *[0o600, 0o644, 0o755, 0o440, 0o666]
                .choose(random)
                .expect("not empty");
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        any_time(random, path)
    }
}

fn any_time(random: &mut StdRng, path: &Path) -> io::Result<()> {
    // Windows keeps steps of 100 ns.
    let nanoseconds = random.random_range(0..10_000_000) * 100;
    set_modified(path, random.random_range(0..2_000_000_000), nanoseconds)
}

/// A name that occurs once: `number` is part of it.
fn name(random: &mut StdRng, number: usize) -> PathBuf {
    const STEMS: [&str; 8] = [
        "report",
        "Bild",
        "données",
        "файл",
        "数据",
        "a b",
        "x",
        "long-name-with-many-parts",
    ];
    let stem = STEMS.choose(random).expect("not empty");
    let extension = [".txt", ".bin", "", ".tar.gz"]
        .choose(random)
        .expect("not empty");
    #[cfg(unix)]
    if random.random_range(0..15) == 0 {
        use std::os::unix::ffi::OsStringExt;
        let mut bytes = format!("{stem}-{number}").into_bytes();
        bytes.extend([0xff, random.random_range(0x80..=0xfe)]);
        return std::ffi::OsString::from_vec(bytes).into();
    }
    format!("{stem}-{number}{extension}").into()
}

/// Fills `root`, which must exist, with `files` files of text like source code that have
/// `total_bytes` together, 20 to a directory, three levels deep. The same values give the same tree.
pub fn source_like(root: &Path, seed: u64, files: usize, total_bytes: u64) -> io::Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut left = total_bytes;
    for number in 0..files {
        let directory = root.join(format!(
            "module-{:02}/part-{:02}/group-{:03}",
            number / 8000,
            number / 400 % 20,
            number / 20 % 20
        ));
        if number % 20 == 0 {
            fs::create_dir_all(&directory)?;
        }
        let mean = left / (files - number) as u64;
        let size = if number + 1 == files {
            left
        } else {
            // From 0.1 to 1.9 times the mean.
            (mean * random.random_range(1..20) / 10).min(left)
        };
        write_text_file(
            &directory.join(format!("file_{number}.rs")),
            random.random(),
            size,
        )?;
        left -= size;
    }
    Ok(())
}
