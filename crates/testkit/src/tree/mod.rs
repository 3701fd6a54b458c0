//! File trees: one with a specimen of everything, random ones, one like source code; and the
//! comparison of two trees by means that share nothing with the product.

mod compare;
mod content;
mod golden;
#[cfg(target_os = "linux")]
mod metadata;
mod random;

pub use compare::{Compare, Comparison, assert_same, compare_trees};
pub use content::{random_bytes, write_random_file, write_text_file};
pub use golden::golden;
#[cfg(target_os = "linux")]
pub use metadata::{Beyond, ONE_FILE, PIPE, SPARSE_FILES, beyond, metadata};
pub use random::{RandomTree, source_like};

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Sets the modification time of a file, directory or symbolic link (the link itself), in seconds
/// and nanoseconds since 1970; the access time becomes the same. Other systems than Unix leave links alone.
pub fn set_modified(path: &Path, seconds: i64, nanoseconds: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        let time = rustix::fs::Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds.into(),
        };
        rustix::fs::utimensat(
            rustix::fs::CWD,
            path,
            &rustix::fs::Timestamps {
                last_access: time,
                last_modification: time,
            },
            rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
        )?;
        Ok(())
    }
    #[cfg(not(unix))]
    {
        if path.is_symlink() {
            return Ok(());
        }
        let time = if seconds >= 0 {
            UNIX_EPOCH + Duration::new(seconds as u64, nanoseconds)
        } else {
            UNIX_EPOCH - Duration::from_secs(seconds.unsigned_abs()) + Duration::new(0, nanoseconds)
        };
        open_for_times(path)?.set_times(
            std::fs::FileTimes::new()
                .set_modified(time)
                .set_accessed(time),
        )
    }
}

#[cfg(windows)]
fn open_for_times(path: &Path) -> io::Result<std::fs::File> {
    use std::os::windows::fs::OpenOptionsExt;
    // FILE_WRITE_ATTRIBUTES, and FILE_FLAG_BACKUP_SEMANTICS so that directories open too.
    std::fs::OpenOptions::new()
        .access_mode(0x0100)
        .custom_flags(0x0200_0000)
        .open(path)
}

/// Seconds and nanoseconds since 1970; negative seconds before it, nanoseconds always forward.
fn since_epoch(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
        Err(before) => {
            let before: Duration = before.duration();
            match before.subsec_nanos() {
                0 => (-(before.as_secs() as i64), 0),
                nanoseconds => (-(before.as_secs() as i64) - 1, 1_000_000_000 - nanoseconds),
            }
        }
    }
}
