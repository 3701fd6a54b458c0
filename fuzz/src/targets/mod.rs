//! Every target, each family in a file of its own.

mod blobs;
mod compression;
mod directory;
mod ecc;
mod format;
mod ids;
mod index;
mod json;
mod legacy;
mod maintenance;
mod manifest;
mod pack;
mod planning;
mod policy;

use crate::Target;

/// All targets, by name.
pub const TARGETS: &[Target] = &[
    blobs::BLOB_NAMES,
    blobs::EPOCHS,
    blobs::SEALED_BLOB,
    blobs::SESSION_MARKER,
    blobs::STORE_LOCATION,
    compression::CONTENT,
    compression::OBJECT,
    directory::DIRECTORY,
    directory::ENTRY,
    ecc::ECC,
    format::ALGORITHMS,
    format::FORMAT_BLOB,
    format::FORMAT_PARAMETERS,
    ids::IDS,
    ids::OBJECT_INDEX,
    index::INDEX,
    json::JSON,
    json::TIME,
    legacy::LEGACY,
    maintenance::PARAMETERS,
    maintenance::SCHEDULE,
    manifest::CONTAINER,
    manifest::CONTAINER_TEXT,
    manifest::SNAPSHOT,
    manifest::SOURCE,
    pack::PACK,
    planning::IGNORE_FILE,
    planning::SCHEDULES,
    policy::POLICY,
];
