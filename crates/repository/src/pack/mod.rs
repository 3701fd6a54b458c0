//! Packs: many contents in one blob, with an index of their own at the end (format 1 §6.3, §6.4).

pub(crate) mod format_copy;
mod payloads;
mod postamble;
mod recover;

pub use format_copy::read_format_copy;
pub(crate) use payloads::read_payloads;
pub use postamble::Postamble;
pub(crate) use recover::is_sealed_for;
pub use recover::{LocalIndex, read_local_index};

/// Random bytes in front of the first payload.
pub(crate) const PREAMBLE_LENGTH: usize = 32;
/// The local index starts on a multiple of this.
pub(crate) const ALIGNMENT: usize = 4096;
