//! The format blob and what it says (format 1 §2).

mod blob;
mod blobcfg;
mod changes;
mod envelope;
mod json;
mod lock;
mod parameters;
mod secrets;

pub(crate) use blob::MAX_LENGTH as MAX_FORMAT_BLOB_LENGTH;
pub use blob::{FormatBlob, FormatInfo};
pub use blobcfg::{BlobConfiguration, RetentionSetting};
pub(crate) use changes::PACK_SIZES;
pub use changes::{EpochChanges, ParameterChanges, RetentionChange};
pub use json::SecretBytes;
pub use lock::UpgradeLock;
pub(crate) use parameters::DEFAULT_MAX_PACK_SIZE;
pub use parameters::{
    EpochParameters, FeatureFallback, RepositoryFormat, RequiredFeature, VERSIONS,
};
pub use secrets::FormatKey;
