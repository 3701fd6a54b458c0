//! Objects: byte streams of any length made of contents (format 2 §1).

mod id;
mod indirect;
mod parts;
mod reader;
mod seen;
mod writer;

pub use id::{InvalidObjectId, ObjectId};
pub use indirect::{
    IndirectEntry, IndirectError, concatenate, decode_indirect, encode_indirect, is_contiguous,
};
pub use parts::ObjectPart;
pub use reader::ObjectReader;
pub(crate) use seen::SeenObjects;
pub(crate) use writer::INDEX_PREFIX;
pub use writer::{
    ContentSink, ObjectOptions, ObjectWriter, concatenate_objects, finish_object, write_object,
};
