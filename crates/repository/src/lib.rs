//! The repository engine: stores contents in the Kopia repository format, byte-compatible in both directions.
//!
//! The upper half: [`json`] is the dialect that hashed documents are written in, [`object`] cuts streams into
//! contents, [`directory`] and [`snapshot`] describe trees, [`manifest`] finds documents by label, [`policy`] says
//! how a source is backed up.
//! References such as "format 1 §6.3" are explained in `docs/format-notes.md`.

mod content_id;
pub mod directory;
pub mod json;
pub mod manifest;
pub mod object;
pub mod policy;
pub mod snapshot;
pub mod source;

pub use content_id::{ContentId, InvalidContentId};
pub use object::ObjectId;
pub use source::SourceIdentity;
