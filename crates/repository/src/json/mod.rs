//! JSON as the reference implementation writes and reads it ("GoJSON", format 2 §0).
//!
//! Object ids are hashes of such text, so the writing side is exact to the byte; the reading side follows the
//! tolerance of the reference implementation (case-insensitive keys, the last of repeated keys wins, `null` leaves
//! a field empty), because a document it accepts must be accepted here too.

mod node;
mod read;
mod time;
mod write;

pub use node::{JsonError, Kind, Node, parse_prefix};
pub use read::{UnknownMember, from_node, from_node_with_unknown, from_slice};
pub use time::{InvalidTime, UnixNanos};
pub use write::{push_i64, push_string, push_u64, to_vec};

pub(crate) use node::{Cursor, fold_equal, for_each_member};
pub(crate) use read::RawText;
