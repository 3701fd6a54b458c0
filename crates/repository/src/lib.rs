//! The repository engine: stores contents in the Kopia repository format, byte-compatible in both directions.
//!
//! The lower half, in the order of dependence: content ids, hashes, key derivation, encryption, compression and
//! splitters are pure functions on bytes; [`format`] knows the format blob, [`index`], [`pack`] and [`epoch`] the
//! layout of blobs; [`Repository`] opens, reads and writes.
//!
//! The upper half: [`json`] is the dialect that hashed documents are written in, [`object`] cuts streams into
//! contents, [`directory`] and [`snapshot`] describe trees, [`manifest`] finds documents by label, [`policy`] says
//! how a source is backed up.
//! References such as "format 1 §6.3" are explained in `docs/format-notes.md`.

pub mod blob_crypto;
pub mod blob_names;
pub mod check;
mod committed;
pub mod compress;
mod content_id;
pub mod coverage;
pub mod crypto;
pub mod directory;
pub mod ecc;
pub mod epoch;
mod error;
pub mod format;
pub mod hash;
pub mod index;
pub mod json;
pub mod kdf;
pub mod legacy;
pub mod maintenance;
pub mod manifest;
pub mod object;
mod object_lock;
pub mod pack;
mod parallel;
pub mod policy;
pub mod repair;
mod repository;
pub mod session;
pub mod snapshot;
pub mod source;
pub mod splitter;
pub mod sync;
mod writer;

pub use compress::{Compression, CompressionAlgorithm};
pub use content_id::{ContentId, InvalidContentId};
pub use error::{Error, Result};
pub use hash::{HashAlgorithm, Hasher};
pub use index::ContentInfo;
pub use object::ObjectId;
pub use repository::{CacheSeal, ContentFilter, CreateOptions, IndexBlob, OpenOptions, Repository};
pub use source::SourceIdentity;
pub use splitter::Splitter;
pub use writer::{ContentWriter, FlushReport, Session, Written};
