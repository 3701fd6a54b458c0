//! Objects: byte streams of any length made of contents (format 2 §1).

mod id;
mod indirect;

pub use id::{InvalidObjectId, ObjectId};
pub use indirect::{
    IndirectEntry, IndirectError, concatenate, decode_indirect, encode_indirect, is_contiguous,
};
