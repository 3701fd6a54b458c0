//! The payload of a policy manifest (format 2 §7.2).
//!
//! Section objects are always written; inside them `None`, 0, `false`, "" and empty lists are left out. A field
//! that is an `Option` tells "not set" from 0 and `false`.

use serde::{Deserialize, Serialize};

/// Defines a section: all fields are left out when they are empty.
macro_rules! sections {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub struct $name {
            $($(#[$doc])* #[serde(skip_serializing_if = "Empty::is_empty")] pub $field: $type,)*
        }
    )*};
}

/// Values that are left out of a document.
trait Empty {
    fn is_empty(&self) -> bool;
}

impl<T> Empty for Option<T> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl<T> Empty for Vec<T> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl Empty for String {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl Empty for bool {
    fn is_empty(&self) -> bool {
        !self
    }
}

impl Retention {
    /// The counts in the form of the retention rules.
    pub fn keep(&self) -> holdfast_planning::retention::Keep {
        holdfast_planning::retention::Keep {
            latest: self.keep_latest,
            hourly: self.keep_hourly,
            daily: self.keep_daily,
            weekly: self.keep_weekly,
            monthly: self.keep_monthly,
            annual: self.keep_annual,
        }
    }
}

impl Scheduling {
    /// The schedule in the form of the planning rules.
    pub fn schedule(&self) -> holdfast_planning::schedule::Schedule {
        let times = self.time_of_day.iter();
        holdfast_planning::schedule::Schedule {
            manual: self.manual,
            interval_seconds: self.interval_seconds,
            times: times
                .map(|time| holdfast_planning::schedule::TimeOfDay {
                    hour: time.hour,
                    minute: time.minute,
                })
                .collect(),
            cron: self.cron.clone(),
            run_missed: self.run_missed.unwrap_or(false),
        }
    }
}

impl Empty for i64 {
    fn is_empty(&self) -> bool {
        *self == 0
    }
}

/// One policy, as stored or as the result of a merge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Policy {
    /// How long snapshots are kept.
    pub retention: Retention,
    /// Which files are left out.
    pub files: Files,
    /// After which errors a snapshot goes on.
    pub error_handling: ErrorHandling,
    /// When snapshots are taken.
    pub scheduling: Scheduling,
    /// Compression of file data.
    pub compression: Compression,
    /// Compression of directories and indexes.
    pub metadata_compression: MetadataCompression,
    /// How file data is cut.
    pub splitter: Splitter,
    /// Programs that run before and after.
    pub actions: Actions,
    /// Snapshots of the operating system to read from.
    pub os_snapshots: OsSnapshots,
    /// What is logged.
    pub logging: Logging,
    /// How the upload runs.
    pub upload: Upload,
    /// Whether less specific policies and the defaults do not count.
    #[serde(skip_serializing_if = "Empty::is_empty")]
    pub no_parent: bool,
}

sections! {
    /// How many snapshots of each period are kept.
    Retention {
        /// Newest snapshots.
        keep_latest: Option<i64>,
        /// Newest snapshot of each hour.
        keep_hourly: Option<i64>,
        /// Newest snapshot of each day.
        keep_daily: Option<i64>,
        /// Newest snapshot of each ISO week.
        keep_weekly: Option<i64>,
        /// Newest snapshot of each month.
        keep_monthly: Option<i64>,
        /// Newest snapshot of each year.
        keep_annual: Option<i64>,
        /// Whether a snapshot with an unchanged root is not saved.
        ignore_identical_snapshots: Option<bool>,
    }

    /// Which files are left out (format 2 §5.5).
    Files {
        /// Ignore patterns.
        ignore: Vec<String>,
        /// Kept for compatibility; has no effect on uploads.
        no_parent_ignore: bool,
        /// Names of files in the source that hold ignore patterns.
        ignore_dot_files: Vec<String>,
        /// Kept for compatibility; has no effect on uploads.
        no_parent_dot_files: bool,
        /// Whether directories marked as caches are stored empty; unset means yes.
        ignore_cache_dirs: Option<bool>,
        /// Files larger than this are left out, bytes; 0 means no limit.
        max_file_size: i64,
        /// Whether other file systems below the source are left out.
        one_file_system: Option<bool>,
    }

    /// Errors that do not make a snapshot fail.
    ErrorHandling {
        /// Files that cannot be read.
        ignore_file_errors: Option<bool>,
        /// Directories that cannot be read.
        ignore_directory_errors: Option<bool>,
        /// Devices, sockets and the like; unset means yes.
        ignore_unknown_types: Option<bool>,
    }

    /// When the reference implementation's server takes snapshots.
    Scheduling {
        /// Distance of snapshots, seconds.
        interval_seconds: i64,
        /// Times of day.
        time_of_day: Vec<TimeOfDay>,
        /// Whether times of less specific policies do not count.
        no_parent_time_of_day: bool,
        /// Whether snapshots are never taken by schedule.
        manual: bool,
        /// Cron expressions.
        cron: Vec<String>,
        /// Whether a missed time of day or cron time is made up for.
        run_missed: Option<bool>,
    }

    /// Compression of file data (format 2 §7.6).
    Compression {
        /// Name of the compressor.
        compressor_name: String,
        /// File name extensions that are compressed even if they are listed below.
        only_compress: Vec<String>,
        /// Whether the list above ends here.
        no_parent_only_compress: bool,
        /// File name extensions that are not compressed.
        never_compress: Vec<String>,
        /// Whether the list above ends here.
        no_parent_never_compress: bool,
        /// Smaller files are not compressed, bytes.
        min_size: i64,
        /// Larger files are not compressed, bytes; 0 means no limit.
        max_size: i64,
    }

    /// Compression of directories and indexes.
    MetadataCompression {
        /// Name of the compressor.
        compressor_name: String,
    }

    /// How file data is cut.
    Splitter {
        /// Name of the splitter; empty for the repository's.
        algorithm: String,
    }

    /// Programs that run before and after (format 2 §5.9).
    Actions {
        /// Before this directory is read.
        before_folder: Option<Action>,
        /// After this directory was read.
        after_folder: Option<Action>,
        /// Before the upload.
        before_snapshot_root: Option<Action>,
        /// After the upload.
        after_snapshot_root: Option<Action>,
    }

    /// One program or script.
    Action {
        /// Path of the program.
        path: String,
        /// Arguments.
        args: Vec<String>,
        /// Text of a script.
        script: String,
        /// Limit, seconds; 0 means 180.
        timeout: i64,
        /// `essential`, `optional` or `async`.
        mode: String,
    }

    /// Volume shadow copies.
    VolumeShadowCopy {
        /// 0 never, 1 always, 2 when available.
        enable: Option<i64>,
    }

    /// Detail of the log for one kind of thing, 0 to 10.
    LogDetails {
        /// Stored.
        snapshotted: Option<i64>,
        /// Left out.
        ignored: Option<i64>,
        /// Taken from an earlier snapshot; for entries only.
        cache_hit: Option<i64>,
        /// Not found in an earlier snapshot; for entries only.
        cache_miss: Option<i64>,
    }

    /// How the upload runs.
    Upload {
        /// Snapshots at a time; not at path level.
        max_parallel_snapshots: Option<i64>,
        /// Files read at a time.
        max_parallel_file_reads: Option<i64>,
        /// Larger files are split into parts of this size, bytes.
        parallel_upload_above_size: Option<i64>,
    }
}

/// A time of day; both fields are always written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    #[serde(rename = "min")]
    pub minute: i64,
}

/// Snapshots of the operating system to read from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OsSnapshots {
    /// Volume shadow copies of Windows.
    pub volume_shadow_copy: VolumeShadowCopy,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Logging {
    /// About directories.
    pub directories: LogDetails,
    /// About files and symlinks.
    pub entries: LogDetails,
}
