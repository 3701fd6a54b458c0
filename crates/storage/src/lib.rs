//! Where bytes live: the [`BlobStore`] of a repository, in a local directory, an S3 bucket or memory.

mod blob;
mod counters;
mod decorators;
mod error;
mod local;
mod location;
mod memory;
mod open;
mod rate;
mod retention;
mod s3;
mod stop;
mod store;
mod writer;

pub use blob::{BlobId, BlobInfo, InvalidBlobId};
pub use counters::TransferCounters;
pub use decorators::{Governed, ReadOnly};
pub use error::{Error, ErrorKind, Result, Retry};
pub use local::{LocalStore, Sharding};
pub use location::{Endpoint, S3Location, StoreLocation};
pub use memory::MemoryStore;
pub use open::OpenStore;
pub use retention::{Retention, RetentionMode};
pub use s3::{S3Credentials, S3Options, S3Store};
pub use store::{BlobStore, BlobWriter, Capabilities, PutOptions};
