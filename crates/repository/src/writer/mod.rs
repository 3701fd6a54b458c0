//! Writing contents: a session with one writer per worker, packs, and publishing.

mod content_writer;
mod in_flight;
mod known;
mod open_pack;
mod publish;
mod session;
mod tombstones;
mod upload;

pub use content_writer::{ContentWriter, Written};
pub use publish::FlushReport;
pub use session::Session;
