//! The epoch scheme of index blobs (format 1 §8.3 to §8.7): pure planning over a listing.

mod names;
mod plan;
mod upkeep;

pub use names::{
    EpochNumber, epoch_of, index_blob_name, merged_blob_prefix, range_of, watermark_of,
};
pub use plan::{EpochRange, EpochState};
pub use upkeep::{Merge, ObsoleteMarkers, Superseded};
