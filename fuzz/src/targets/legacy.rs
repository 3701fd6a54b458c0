//! Compaction logs and clean-up entries of repositories without epochs.

use holdfast_repository::legacy::{CleanupEntry, CompactionLog, active_set};

use crate::{Flood, Target};

pub(super) const LEGACY: Target = Target {
    name: "legacy",
    run: |input| {
        super::json::round_trip::<CompactionLog>(input);
        super::json::round_trip::<CleanupEntry>(input);
        if let Ok(log) = serde_json::from_slice::<CompactionLog>(input) {
            assert!(active_set(&[], &[log]).is_empty());
        }
    },
    floods: &[
        Flood::new("{\"inputMetadata\":[", "{\"id\":\"\"},", "{\"id\":\"\"}]}"),
        Flood::new(
            "{\"cleanupScheduleTime\":\"2026-11-22T10:58:59Z\",\"blobIDs\":[",
            "\"\",",
            "\"\"]}",
        ),
    ],
};
