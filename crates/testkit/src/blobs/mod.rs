//! For stores of blobs: the suite that every one must pass, and one that fails on order.

pub mod conformance;
mod faulty;

pub use faulty::{BlobCall, BlobOperation, FaultyStore, Trigger};
