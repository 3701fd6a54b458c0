//! Policies: how a source is backed up and how long its snapshots are kept (format 2 §7).

mod compression;
mod defaults;
mod document;
mod merge;
mod store;
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
pub use store::{defined, effective_policy, policy_tree, remove, set};
pub use target::{PolicyTarget, hierarchy, policy_labels};
pub use tree::PolicyTree;
pub use validate::{InvalidPolicy, validate};
