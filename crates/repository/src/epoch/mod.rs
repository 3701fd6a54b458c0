//! The epoch scheme of index blobs (format 1 §8.3 to §8.6): pure planning over a listing.

mod names;
mod plan;

pub use names::{EpochNumber, epoch_of, index_blob_name, range_of, watermark_of};
pub use plan::{EpochRange, EpochState};
