//! Golden vectors and whole repositories.

mod check;
mod compression;
mod data;
mod directory_vectors;
mod ecc;
mod encryption;
mod epoch;
mod fixture_trees;
mod fixtures;
mod format;
mod hashes;
mod index;
mod inventory;
mod kdf;
mod manifest_vectors;
mod object_vectors;
mod object_writer;
mod policies;
mod policy_vectors;
mod properties;
mod repositories;
mod sessions;
mod source_vectors;
mod splitters;
mod vectors;
mod written;
