//! Where bytes live: the [`BlobStore`] of a repository, in a local directory, an S3 bucket or memory.

mod blob;
mod counters;
mod error;
mod local;
mod memory;
mod store;

pub use blob::{BlobId, BlobInfo, InvalidBlobId};
pub use counters::TransferCounters;
pub use error::{Error, ErrorKind, Result, Retry};
pub use local::{LocalStore, Sharding};
pub use memory::MemoryStore;
pub use store::{BlobStore, BlobWriter, Capabilities, PutOptions, Retention, RetentionMode};
