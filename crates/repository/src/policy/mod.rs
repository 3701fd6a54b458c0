//! Policies: how a source is backed up and how long its snapshots are kept (format 2 §7).

mod compression;
mod defaults;
mod document;
mod merge;
mod origin;
mod store;
mod stored;
mod target;
mod tree;
mod validate;

pub use compression::compressor_for;
pub use defaults::default_policy;
pub use document::{
    Action, Actions, Compression, ErrorHandling, Files, LogDetails, Logging, MetadataCompression,
    OsSnapshots, Policy, Retention, Scheduling, Splitter, TimeOfDay, Upload, VolumeShadowCopy,
};
pub use merge::effective;
pub use origin::{Level, Origin, origins};
pub use store::{
    StoredPolicy, defined, defined_document, effective_policy, levels, list, policy_tree, remove,
    set, set_document,
};
pub use stored::PolicyDocument;
pub use target::{PolicyTarget, hierarchy, policy_labels, policy_target};
pub use tree::PolicyTree;
pub use validate::{
    InvalidPolicy, validate, validate_change, validate_document, writable_compressors,
};
