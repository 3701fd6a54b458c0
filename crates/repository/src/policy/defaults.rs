//! The defaults that end every merge and make the first global policy (format 2 §7.5).

use super::*;

/// What applies where no policy says anything.
pub fn default_policy() -> Policy {
    let directories = LogDetails {
        snapshotted: Some(5),
        ignored: Some(5),
        ..LogDetails::default()
    };
    let entries = LogDetails {
        snapshotted: Some(0),
        ignored: Some(5),
        cache_hit: Some(0),
        cache_miss: Some(0),
    };
    Policy {
        retention: Retention {
            keep_latest: Some(10),
            keep_hourly: Some(48),
            keep_daily: Some(7),
            keep_weekly: Some(4),
            keep_monthly: Some(24),
            keep_annual: Some(3),
            ignore_identical_snapshots: Some(false),
        },
        files: Files {
            ignore_dot_files: vec![".kopiaignore".to_owned()],
            ..Files::default()
        },
        error_handling: ErrorHandling {
            ignore_file_errors: Some(false),
            ignore_directory_errors: Some(false),
            ignore_unknown_types: Some(true),
        },
        scheduling: Scheduling {
            run_missed: Some(true),
            ..Scheduling::default()
        },
        compression: Compression {
            compressor_name: "none".to_owned(),
            ..Compression::default()
        },
        metadata_compression: MetadataCompression {
            compressor_name: "zstd-fastest".to_owned(),
        },
        os_snapshots: OsSnapshots {
            volume_shadow_copy: VolumeShadowCopy { enable: Some(0) },
        },
        logging: Logging {
            directories,
            entries,
        },
        upload: Upload {
            max_parallel_snapshots: Some(1),
            max_parallel_file_reads: None,
            parallel_upload_above_size: Some(2_147_483_648),
        },
        ..Policy::default()
    }
}
